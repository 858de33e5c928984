package pages

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

func boxOf(kind string, parts ...string) string {
	body := strings.Join(parts, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))) + kind + body
}

// heifOf describes a picture of 300 x 200 pixels as item 1 with the given
// properties behind its size, and an Exif block as item 2; there are no pixels.
func heifOf(brand string, exif []byte, properties ...string) []byte {
	head := boxOf("ftyp", brand, "\x00\x00\x00\x00", brand, "mif1")
	all := boxOf("ispe", "\x00\x00\x00\x00", "\x00\x00\x01\x2C", "\x00\x00\x00\xC8") + strings.Join(properties, "")
	links := "\x00\x00\x00\x00" + "\x00\x00\x00\x01" + "\x00\x01" + string([]byte{byte(len(properties) + 1)})
	for i := range len(properties) + 1 {
		links += string([]byte{0x80 | byte(i+1)})
	}
	meta := func(at int) string {
		place := string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(at)), uint32(len(exif)+4)))
		return boxOf("meta", "\x00\x00\x00\x00", boxOf("pitm", "\x00\x00\x00\x00\x00\x01"),
			boxOf("iinf", "\x00\x00\x00\x00\x00\x02", boxOf("infe", "\x02\x00\x00\x00\x00\x01\x00\x00hvc1\x00"), boxOf("infe", "\x02\x00\x00\x00\x00\x02\x00\x00Exif\x00")),
			boxOf("iloc", "\x00\x00\x00\x00\x44\x00\x00\x01\x00\x02\x00\x00\x00\x01", place),
			boxOf("iprp", boxOf("ipco", all), boxOf("ipma", links)))
	}
	at := len(head) + len(meta(0)) + 8
	return []byte(head + meta(at) + boxOf("mdat", "\x00\x00\x00\x00", string(exif)))
}

// TestHEIFHeader: the size, and which way is up: the container says it, else
// Exif; HEIC's decoder turns by itself, AVIF's does not.
func TestHEIFHeader(t *testing.T) {
	irot := func(turns byte) string { return boxOf("irot", string([]byte{turns})) }
	imir := func(axis byte) string { return boxOf("imir", string([]byte{axis})) }
	for _, c := range []struct {
		name         string
		properties   []string
		heic, avif   int // orientation
		width, heigh int // of the HEIC
	}{
		{"nothing said but Exif", nil, 6, 6, 300, 200},
		{"a quarter to the left", []string{irot(1)}, 1, 8, 200, 300},
		{"half", []string{irot(2)}, 1, 3, 300, 200},
		{"a quarter to the right", []string{irot(3)}, 1, 6, 200, 300},
		{"no turn", []string{irot(0)}, 1, 1, 300, 200},
		{"upside down", []string{imir(0)}, 1, 4, 300, 200},
		{"mirrored", []string{imir(1)}, 1, 2, 300, 200},
		{"turned and mirrored", []string{irot(1), imir(1)}, 1, 7, 200, 300},
		{"cropped and turned", []string{boxOf("clap", "\x00\x00\x00\x64\x00\x00\x00\x01\x00\x00\x00\x32\x00\x00\x00\x01"), irot(1)}, 1, 8, 50, 100},
	} {
		heic, err1 := heicHeader(heifOf("heic", exifBlock(6, 240), c.properties...))
		avif, err2 := avifHeader(heifOf("avif", exifBlock(6, 240), c.properties...))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if heic.orientation != c.heic || heic.width != c.width || heic.height != c.heigh || heic.xdpi != 240 {
			t.Errorf("%s: HEIC %+v", c.name, heic)
		}
		if avif.orientation != c.avif || avif.width != 300 || avif.height != 200 {
			t.Errorf("%s: AVIF %+v", c.name, avif)
		}
	}
	if got := Sniff(heifOf("avif", nil)); got != MIMEAVIF {
		t.Errorf("AVIF is %q", got)
	}
	if got := Sniff(heifOf("heic", nil)); got != MIMEHEIC {
		t.Errorf("HEIC is %q", got)
	}
	film := []byte(boxOf("ftyp", "isom\x00\x00\x00\x00isommp42") + boxOf("moov"))
	if got := Sniff(film); got != "" {
		t.Errorf("a film is %q", got)
	}
}

// jp2Of is a JPEG 2000 header around tile data that mean nothing.
func jp2Of(tile string) (file, codestream []byte) {
	siz := "\xFF\x51\x00\x29\x00\x00" + "\x00\x00\x01\x2C\x00\x00\x00\xC8" + strings.Repeat("\x00", 8) + "\x00\x00\x01\x2C\x00\x00\x00\xC8" +
		strings.Repeat("\x00", 8) + "\x00\x01\x07\x01\x01"
	length := string(binary.BigEndian.AppendUint32(nil, uint32(14+len(tile))))
	stream := "\xFF\x4F" + siz + "\xFF\x90\x00\x0A\x00\x00" + length + "\x00\x01" + "\xFF\x93" + tile + "\xFF\xD9"
	resolution := boxOf("res ", boxOf("resc", "\x1E\xC3\x00\x01\x1E\xC3\x00\x01\x00\x00"))
	return []byte(jp2Signature + boxOf("ftyp", "jp2 \x00\x00\x00\x00jp2 ") + boxOf("jp2h", resolution) + boxOf("jp2c", stream)), []byte(stream)
}

// TestJPXHeader: size and resolution; what is cut off is seen before decoding,
// since decoders make up the rest.
func TestJPXHeader(t *testing.T) {
	file, stream := jp2Of("0123456789")
	for name, data := range map[string][]byte{"file": file, "codestream": stream} {
		h, err := jpxHeader(data)
		if err != nil || h.width != 300 || h.height != 200 || h.colours != 1 || name == "file" && math.Abs(h.xdpi-200) > 0.1 {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
		if Sniff(data) != MIMEJP2 {
			t.Errorf("%s is not known", name)
		}
		for cut := 3; cut < 13; cut++ {
			if _, err := jpxHeader(data[:len(data)-cut]); err == nil {
				t.Errorf("%s: %d bytes less are not missed", name, cut)
			}
		}
	}
	// In a PDF the codestream stands in a file.
	s := jpxStream(stream, header{width: 300, height: 200, colours: 1})
	if h, err := jpxHeader(s.Data); err != nil || h.width != 300 || !strings.HasSuffix(string(s.Data), string(stream)) {
		t.Errorf("wrapped: %+v, %v", h, err)
	}
}

func FuzzBoxes(f *testing.F) {
	f.Add(heifOf("heic", exifBlock(6, 240), boxOf("irot", "\x01")))
	file, stream := jp2Of("0123456789")
	f.Add(file)
	f.Add(stream)
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := parseHEIF(data); err == nil && (h.width <= 0 || h.height <= 0) {
			t.Errorf("HEIF %+v", h)
		}
		if h, err := jpxHeader(data); err == nil && (h.width <= 0 || h.height <= 0 || jpxStream(data, h) == nil) {
			t.Errorf("JPEG 2000 %+v", h)
		}
	})
}

// TestResolution: what is believed, and what is assumed instead.
func TestResolution(t *testing.T) {
	at := func(dpi float64) look { return look{xdpi: dpi, ydpi: dpi} }
	for _, c := range []struct {
		name   string
		look   look
		w, h   int
		x      float64
		paper  string // "" where the file is believed
		isSure bool
	}{
		{"a scan", at(300), 2480, 3508, 300, "", false},
		{"a fax, fine one way only", look{xdpi: 204, ydpi: 98}, 1728, 1078, 204, "", false},
		{"a small picture at 72", at(72), 600, 855, 72, "", false},
		{"a camera's 72", at(72), 4032, 3024, 344.8, "as long as A4", false},
		{"a photo's 300", look{xdpi: 300, ydpi: 300, photo: true}, 4032, 3024, 344.8, "as long as A4", false},
		{"nothing, A4 at 300", look{}, 2480, 3508, 300, "A4", true},
		{"nothing, A4 at 150, lying", look{}, 1754, 1240, 150, "A4", true},
		{"nothing, Letter at 200", look{}, 1700, 2200, 200, "Letter", true},
		{"nothing, A5 at 300", look{}, 1748, 2480, 300, "A5", true},
		{"nothing, A3 at 300", look{}, 3508, 4961, 300, "A3", true},
		{"nothing, a card at 300", look{}, 1011, 638, 300, "an ID card", true},
		{"nothing, a photo at 300", look{}, 1800, 1200, 300, "a photo of 10 x 15 cm", true},
		{"nothing, the shape of Letter", look{}, 2476, 3204, 291.3, "Letter", false},
		{"nothing, a till roll", look{}, 900, 3000, 285.8, "a receipt 80 mm wide", false},
		{"without a unit, but a scanner's", look{xdpi: 300, ydpi: 300, unitless: true}, 2476, 3204, 300, "", false},
		{"without a unit, aspect only", look{xdpi: 1, ydpi: 1, unitless: true}, 2480, 3508, 300, "A4", true},
		{"nonsense", at(1e9), 100, 100, 70, "as long as A4", false},
		{"one side only", look{ydpi: 200}, 1700, 2200, 200, "", false},
	} {
		m := resolution(c.look, c.w, c.h)
		if math.Abs(m.x-c.x) > 0.1 || m.paper != c.paper || m.estimated != (c.paper != "") || m.sure != c.isSure {
			t.Errorf("%s: %+v", c.name, m)
		}
		if m.estimated && !strings.Contains(m.warning(c.look).Message, c.paper) {
			t.Errorf("%s: %q", c.name, m.warning(c.look).Message)
		}
	}
}

func FuzzResolution(f *testing.F) {
	f.Add(72.0, 72.0, 100, 200, false)
	f.Fuzz(func(t *testing.T, x, y float64, w, h int, unitless bool) {
		if w <= 0 || h <= 0 || w > 1<<20 || h > 1<<20 {
			t.Skip()
		}
		if m := resolution(look{xdpi: x, ydpi: y, unitless: unitless}, w, h); !(m.x >= 50 && m.x <= 4800 && m.y >= 50 && m.y <= 4800) {
			t.Errorf("%+v", m)
		}
	})
}

// FuzzExif: any block, any JPEG segment.
func FuzzExif(f *testing.F) {
	f.Add(exifBlock(6, 300))
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, _ := readExif(data); l.orientation < 1 || l.orientation > 8 {
			t.Errorf("%+v", l)
		}
	})
}
