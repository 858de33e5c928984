package pages

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"testing"
)

// fourChannels is a JPEG of 8 x 8 pixels with four channels, each of one value,
// coded by hand with the encoder's own tables (ITU-T T.81, F.1.2 and K.3).
func fourChannels(t *testing.T, values [4]int, adobe bool) []byte {
	t.Helper()
	p, err := splitJPEG(encodeJPEG(t, image.NewGray(image.Rect(0, 0, 8, 8))))
	if err != nil {
		t.Fatal(err)
	}
	quantum := int(p.find(func(m byte) bool { return m == markDQT }).body[1])
	categories := []string{"00", "010", "011", "100", "101", "110", "1110", "11110", "111110", "1111110", "11111110", "111111110"}
	bits := ""
	for _, v := range values {
		diff := ((v-128)*8 + quantum/2*map[bool]int{true: 1, false: -1}[v >= 128]) / quantum
		size := 0
		for 1<<size <= max(diff, -diff) {
			size++
		}
		if diff < 0 {
			diff += 1<<size - 1
		}
		bits += categories[size]
		if size > 0 {
			bits += fmt.Sprintf("%0*b", size, diff)
		}
		bits += "1010" // nothing but the mean
	}
	for len(bits)%8 != 0 {
		bits += "1"
	}
	sof := []byte{8, 0, 8, 0, 8, 4}
	sos := []byte{4}
	for i := range byte(4) {
		sof, sos = append(sof, i+1, 0x11, 0), append(sos, i+1, 0)
	}
	out := jpegParts{segments: p.tables(), scan: append(bitString(bits), 0xFF, markEOI)}
	out.segments = append(out.segments, jpegSegment{markSOF0, sof}, jpegSegment{markSOS, append(sos, 0, 63, 0)})
	if adobe {
		out = out.withColours(0)
	}
	return out.join()
}

// TestInkIsNotInverted: Adobe's marker says that a JPEG's ink is turned round;
// without it, and in a TIFF, it is as it is.
func TestInkIsNotInverted(t *testing.T) {
	stored := [4]int{10, 200, 90, 40}
	turned := color.CMYK{C: 245, M: 55, Y: 165, K: 215}
	plain := color.CMYK{C: 10, M: 200, Y: 90, K: 40}
	for _, adobe := range []bool{true, false} {
		want := plain
		if adobe {
			want = turned
		}
		d := openedSingle(t, fourChannels(t, stored, adobe))
		img, err := d.decode(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Stored(1)
		if err != nil || s.Stream == nil || s.Stream.Colours != 4 || s.Stream.Inverted != adobe || !near(img.At(3, 3), want, 0x300) {
			t.Errorf("Adobe %v: %v, want %v; %+v, %v", adobe, img.At(3, 3), want, s.Stream, err)
		}
	}
	for name, c := range map[string]struct {
		photometric int
		want        color.Color
	}{
		"ink": {separated, plain}, "colour and opacity": {rgb, color.NRGBA{R: 10, G: 200, B: 90, A: 40}},
	} {
		p := tiffImage{width: 8, height: 8, bits: 8, samples: 4, photometric: c.photometric, compression: compressionJPEG,
			sample: func(int, int, int) uint16 { return 0 }, encode: func([]byte, int, int) []byte { return fourChannels(t, stored, false) }}
		if c.photometric == rgb {
			p.more = map[uint16][]uint32{tagExtraSamples: {2}}
		}
		page, err := firstPage(buildTIFF(true, false, p))
		if err != nil || !near(page.img.At(3, 3), c.want, 0x300) {
			t.Errorf("%s: %v, %v", name, page.img, err)
			continue
		}
		if s := page.stream; c.photometric == separated && (s == nil || s.Inverted) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestTIFFOrientations: the tag's eight values, and others, which mean nothing.
func TestTIFFOrientations(t *testing.T) {
	for tag := range 12 {
		p := tiffImage{width: 8, height: 6, bits: 8, samples: 1, photometric: blackIsZero, compression: compressionNone, dpi: 200,
			sample: func(x, y, _ int) uint16 { return uint16(min(x+y, 1) * 255) }} // black at the first pixel only
		p.more = map[uint16][]uint32{tagOrientation: {uint32(tag)}}
		d := openedTIFF(t, buildTIFF(true, false, p), Limits{})
		got, err := d.Picture(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		o := tag
		if tag < 1 || tag > 8 {
			o = 1
		}
		x, y := uprightPoint(0, 0, 8, 6, o)
		if g := grey8(t, got); g.GrayAt(x, y).Y != 0 || g.Rect.Dx() != map[bool]int{true: 6, false: 8}[o >= 5] {
			t.Errorf("%d: the first pixel is not at %d,%d", tag, x, y)
		}
		if s, err := d.Stored(1); err != nil || s.Orientation != o {
			t.Errorf("%d: stored %d, %v", tag, s.Orientation, err)
		}
	}
}

// TestProfiles: a colour profile is kept where it fits the channels.
func TestProfiles(t *testing.T) {
	profile := func(space, class string, version byte) []byte {
		icc := make([]byte, 200)
		binary.BigEndian.PutUint32(icc, 200)
		icc[8] = version
		copy(icc[12:], class)
		copy(icc[16:], space)
		copy(icc[36:], "acsp")
		return icc
	}
	for _, c := range []struct {
		icc     []byte
		colours int
		kept    bool
	}{
		{profile("RGB ", "mntr", 2), 3, true}, {profile("GRAY", "scnr", 4), 1, true}, {profile("CMYK", "prtr", 2), 4, true},
		{profile("RGB ", "mntr", 2), 1, false}, {profile("RGB ", "link", 2), 3, false}, {profile("RGB ", "mntr", 5), 3, false},
		{profile("RGB ", "mntr", 2)[:150], 3, false}, {nil, 3, false},
	} {
		if got := fittingProfile(c.icc, c.colours) != nil; got != c.kept {
			t.Errorf("%.40q for %d channels: kept %v", c.icc, c.colours, got)
		}
	}
}
