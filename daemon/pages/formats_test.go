package pages

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	plan9 "image/color/palette"
	"image/gif"
	"image/png"
	"os"
	"strings"
	"testing"
)

// single opens bytes of one picture.
func openedSingle(t testing.TB, data []byte) *single {
	t.Helper()
	mime := Sniff(data)
	f, known := (&Opener{}).format(mime)
	if !known {
		t.Fatalf("taken for %q", mime)
	}
	d, err := openSingle(write(t, "a", data), mime, f, Limits{MaxMegapixels: 100})
	if err != nil {
		t.Fatal(err)
	}
	return d.(*single)
}

func decodedSingle(t testing.TB, name string, data []byte) image.Image {
	t.Helper()
	img, err := openedSingle(t, data).decode(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return img
}

// TestNarrowHEIC: rows of few samples are longer than the picture is wide, the
// colours' above all.
func TestNarrowHEIC(t *testing.T) {
	data, err := os.ReadFile("../../../shared/corpus/hostile/libheif-colors-no-alpha-thumbnail.heic")
	if err != nil {
		t.Skip("skipped: no corpus beside the project: ", err)
	}
	img := decodedSingle(t, "narrow.heic", data)
	for at, want := range map[image.Point]color.RGBA{{X: 12, Y: 12}: {R: 255}, {X: 55, Y: 16}: {B: 255}, {X: 12, Y: 58}: {R: 255, G: 255}, {X: 55, Y: 52}: {G: 255}} {
		r, g, b, _ := img.At(at.X, at.Y).RGBA()
		for i, pair := range [][2]uint32{{r >> 8, uint32(want.R)}, {g >> 8, uint32(want.G)}, {b >> 8, uint32(want.B)}} {
			if pair[0] > 127 != (pair[1] > 127) {
				t.Errorf("at %v: channel %d is %d, want about %d", at, i, pair[0], pair[1])
			}
		}
	}
}

func shadeColour(x, y int) color.Color {
	return color.RGBA64{shade(x, y, 0), shade(x, y, 1), shade(x, y, 2), 0xFFFF}
}

// pngOf encodes the test picture in any of PNG's depths and kinds (PNG
// specification, 11.2), more chunks before the pixels.
func pngOf(kind byte, bits int, sample func(x, y, i int) uint16, more ...[]byte) []byte {
	channels := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
	var raw bytes.Buffer
	for y := range testHeight {
		raw.WriteByte(0)
		var acc uint64
		filled := 0
		for x := range testWidth {
			for i := range channels {
				acc, filled = acc<<bits|uint64(sample(x, y, i)), filled+bits
				for ; filled >= 8; filled -= 8 {
					raw.WriteByte(byte(acc >> (filled - 8)))
				}
			}
		}
		if filled > 0 {
			raw.WriteByte(byte(acc << (8 - filled)))
		}
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(raw.Bytes())
	_ = z.Close()
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, testWidth), testHeight)
	out := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(head, byte(bits), kind, 0, 0, 0))...)
	out = append(out, bytes.Join(more, nil)...)
	half := packed.Len() / 2
	out = append(out, pngChunk("IDAT", packed.Bytes()[:half])...)
	out = append(out, pngChunk("IDAT", packed.Bytes()[half:])...)
	return append(out, pngChunk("IEND", nil)...)
}

func pngChunk(kind string, body []byte) []byte {
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), kind...)
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// TestPNG: every depth and kind; the Flate stream is the file's own unless
// there is opacity.
func TestPNG(t *testing.T) {
	for _, bits := range []int{1, 2, 4, 8, 16} {
		value := func(x, y, i int) uint16 { return quantize(shade(x, y, i), bits) }
		wide := func(x, y, i int) uint16 { return fullScale(value(x, y, i), bits) }
		colours := pngChunk("PLTE", bytes.Repeat([]byte{9, 99, 200, 250, 3, 0}, 1<<max(bits-1, 0)&0xFF))
		clear := pngChunk("tRNS", []byte{0})
		for name, c := range map[string]struct {
			data  []byte
			want  func(x, y int) color.Color
			plain bool
		}{
			"grey":   {pngOf(0, bits, value), func(x, y int) color.Color { return color.Gray16{wide(x, y, 0)} }, true},
			"colour": {pngOf(2, bits, value), func(x, y int) color.Color { return color.RGBA64{wide(x, y, 0), wide(x, y, 1), wide(x, y, 2), 0xFFFF} }, true},
			"palette": {pngOf(3, bits, value, colours), func(x, y int) color.Color {
				return []color.Color{color.RGBA{9, 99, 200, 255}, color.RGBA{250, 3, 0, 255}}[value(x, y, 0)%2]
			}, true},
			"clear palette": {pngOf(3, bits, value, colours, clear), func(x, y int) color.Color {
				if v := value(x, y, 0); v == 0 {
					return color.NRGBA{}
				} else {
					return []color.Color{color.RGBA{9, 99, 200, 255}, color.RGBA{250, 3, 0, 255}}[v%2]
				}
			}, false},
			"grey and opacity": {pngOf(4, bits, func(x, y, i int) uint16 { return value(x, y, 3*i) }), func(x, y int) color.Color {
				return color.NRGBA64{wide(x, y, 0), wide(x, y, 0), wide(x, y, 0), wide(x, y, 3)}
			}, false},
			"opacity": {pngOf(6, bits, value), func(x, y int) color.Color {
				return color.NRGBA64{wide(x, y, 0), wide(x, y, 1), wide(x, y, 2), wide(x, y, 3)}
			}, false},
		} {
			if bits < 8 && (name == "colour" || strings.Contains(name, "opacity")) || bits == 16 && strings.Contains(name, "palette") {
				continue
			}
			name = fmt.Sprintf("%s of %d bits", name, bits)
			comparePage(t, name, decodedSingle(t, name, c.data), c.want, 0x101)
			s, err := openedSingle(t, c.data).Stored(1)
			if err != nil || (s.Stream != nil) != c.plain {
				t.Errorf("%s: stream %v, %v", name, s.Stream != nil, err)
			}
			if c.plain && (len(s.Stream.Palette) > 0) != strings.HasPrefix(name, "palette") {
				t.Errorf("%s: %+v", name, s.Stream)
			}
		}
	}
}

// exifBlock turns and measures, without the JPEG around it.
func exifBlock(orientation uint16, dpi uint32) []byte {
	return withExif([]byte{0xFF, 0xD8}, orientation, dpi)[12:]
}

// TestExifElsewhere: PNG and WebP carry Exif blocks, too.
func TestExifElsewhere(t *testing.T) {
	grey := func(x, y, _ int) uint16 { return shade(x, y, 0) >> 8 }
	png := openedSingle(t, pngOf(0, 8, grey, pngChunk("eXIf", exifBlock(6, 240)), pngChunk("pHYs", []byte{0, 0, 0x1E, 0xC3, 0, 0, 0x1E, 0xC3, 1})))
	if h := png.header; h.orientation != 6 || int(h.xdpi) != 200 {
		t.Errorf("PNG: %+v", h.look)
	}
	webp := openedSingle(t, webpOf(chunk{"VP8X", []byte{8, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, chunk{"VP8L", dotVP8L}, chunk{"EXIF", exifBlock(8, 240)}))
	if h := webp.header; h.orientation != 8 || h.xdpi != 240 || h.width != 1 {
		t.Errorf("WebP: %+v", h)
	}
}

// dotVP8L is one pixel.
var dotVP8L = []byte("\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00")

func webpOf(chunks ...chunk) []byte {
	body := []byte("WEBP")
	for _, c := range chunks {
		body = binary.LittleEndian.AppendUint32(append(body, c.kind...), uint32(len(c.body)))
		body = append(append(body, c.body...), make([]byte, len(c.body)%2)...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// TestAnimations: the first picture is taken, and said to be.
func TestAnimations(t *testing.T) {
	frame := append(make([]byte, 16), webpOf(chunk{"VP8L", dotVP8L})[12:]...)
	moving := map[string][]byte{
		"WebP": webpOf(chunk{"VP8X", []byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, chunk{"ANIM", make([]byte, 6)}, chunk{"ANMF", frame}, chunk{"ANMF", frame}),
		"PNG":  pngOf(0, 8, func(int, int, int) uint16 { return 9 }, pngChunk("acTL", make([]byte, 8))),
	}
	var b bytes.Buffer
	small := image.NewPaletted(image.Rect(2, 3, 8, 9), plan9.Plan9)
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{small, small}, Delay: []int{1, 1},
		Config: image.Config{Width: 20, Height: 10, ColorModel: color.Palette(plan9.Plan9)}}); err != nil {
		t.Fatal(err)
	}
	moving["GIF"] = b.Bytes()
	for name, data := range moving {
		p, err := openedSingle(t, data).Picture(t.Context(), 1)
		if err != nil || len(p.Warnings) == 0 || p.Warnings[len(p.Warnings)-1].Code != "first_picture_only" {
			t.Errorf("%s: %+v, %v", name, p.Warnings, err)
		}
	}
	// A frame that is smaller than the screen stands where it belongs.
	if g := grey(decodedSingle(t, "GIF", moving["GIF"])); g.GrayAt(2, 3).Y != 0 || g.GrayAt(1, 3).Y != 255 || g.Rect.Dx() != 20 {
		t.Error("the first frame is not where it belongs")
	}
}

// TestGreyKnowsAllPictures: the fast ways to grey say what the slow one says.
func TestGreyKnowsAllPictures(t *testing.T) {
	rect := image.Rect(0, 0, testWidth, testHeight)
	for _, img := range []interface {
		image.Image
		Set(x, y int, c color.Color)
	}{image.NewGray(rect), image.NewGray16(rect), image.NewRGBA(rect), image.NewNRGBA(rect), image.NewRGBA64(rect), image.NewNRGBA64(rect),
		image.NewCMYK(rect), image.NewPaletted(rect, plan9.Plan9)} {
		for y := range testHeight {
			for x := range testWidth {
				img.Set(x, y, color.NRGBA64{shade(x, y, 0), shade(x, y, 1), shade(x, y, 2), shade(x, y, 3)})
			}
		}
		fast := grey(img)
		for y := range testHeight {
			for x := range testWidth {
				if a, b := int(fast.GrayAt(x, y).Y), int(luminance(img.At(x, y))); max(a-b, b-a) > 2 {
					t.Fatalf("%T: pixel %d,%d is %d, want %d", img, x, y, a, b)
				}
			}
		}
	}
}

func TestTypes(t *testing.T) {
	for _, mime := range Types() {
		_, known := (&Opener{}).format(mime)
		if !known && mime != MIMEPDF && mime != MIMETIFF {
			t.Errorf("%s is offered and cannot be opened", mime)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil || Sniff(b.Bytes()) != MIMEPNG {
		t.Error("PNG is not known")
	}
}

// FuzzSingle: whatever the bytes are, an error or a picture as large as its
// header says.
func FuzzSingle(f *testing.F) {
	eight := func(x, y, i int) uint16 { return shade(x, y, i) >> 8 }
	f.Add(pngOf(2, 8, eight, pngChunk("eXIf", exifBlock(6, 240))))
	f.Add(withExif(encodeJPEG(f, arrow(8, 8)), 3, 300))
	f.Add(bmpOf(24, 0, false, nil, bmpRows(24, false, func(x, y int) uint32 { return uint32(x * y) })))
	f.Add([]byte("P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12 "))
	f.Add([]byte("P4\n9 2\n\x01\x02\x03\x04"))
	f.Add(webpOf(chunk{"VP8X", []byte{8, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, chunk{"VP8L", dotVP8L}, chunk{"EXIF", exifBlock(8, 240)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		mime := Sniff(data)
		format, known := (&Opener{}).format(mime)
		if !known || mime == MIMEHEIC || mime == MIMEAVIF || mime == MIMEJP2 {
			return
		}
		h, err := format.header(data)
		if err != nil || h.width <= 0 || h.height <= 0 || h.width > 1000 || h.height > 1000 {
			return
		}
		s := &single{mime: mime, format: format, data: data, header: h}
		if _, err := s.Picture(t.Context(), 1); err == nil {
			if _, err := s.Stored(1); err != nil {
				t.Fatal(err)
			}
		}
	})
}
