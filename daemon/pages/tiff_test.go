package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"intray/engines"
)

const testWidth, testHeight = 37, 29

// shade is the test picture's red, green, blue and opacity, of 16 bits: a
// gradient with a dark corner at the top left, smooth enough for JPEG.
func shade(x, y, i int) uint16 {
	v := [4]int{9000 + x*1300, 50000 - y*1200, 9000 + (x+y)*700, 20000 + x*1200}[i]
	if x < 8 && y < 8 && i < 3 {
		v = 0
	}
	return uint16(v)
}

// ink is the picture in black and white.
func inkAt(x, y int) bool { return x < 8 && y < 8 || (x/3+y/5)%4 == 0 }

func quantize(v uint16, bits int) uint16 { return uint16(uint32(v) * (1<<bits - 1) / 0xFFFF) }

func fullScale(v uint16, bits int) uint16 { return uint16(uint32(v) * 0xFFFF / (1<<bits - 1)) }

func openedTIFF(t testing.TB, data []byte, limits Limits) *tiffFile {
	t.Helper()
	d, err := openTIFF(write(t, "a.tif", data), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d.(*tiffFile)
}

// firstPage decodes the first page of a file.
func firstPage(data []byte) (tiffPage, error) {
	r, err := newTIFFReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return tiffPage{}, err
	}
	dirs, err := r.directories(10)
	if err != nil {
		return tiffPage{}, err
	}
	return r.page(dirs[0])
}

// near compares colours of 16 bits a channel.
func near(a, b color.Color, by int) bool {
	r1, g1, b1, a1 := a.RGBA()
	r2, g2, b2, a2 := b.RGBA()
	for _, d := range []int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2), int(a1) - int(a2)} {
		if max(d, -d) > by {
			return false
		}
	}
	return true
}

// kind is a way to say what samples mean, and what a pixel must come out as.
type kind struct {
	name                       string
	photometric, bits, samples int
	sample                     func(x, y, i int) uint16
	want                       func(x, y int) color.Color
	more                       map[uint16][]uint32
}

func tiffKinds() []kind {
	var out []kind
	for _, bits := range []int{1, 2, 4, 8, 16} {
		value := func(x, y, i int) uint16 { return quantize(shade(x, y, i), bits) }
		most := uint16(1<<bits - 1)
		grey := func(x, y int) color.Color { return color.Gray16{Y: fullScale(value(x, y, 0), bits)} }
		out = append(out,
			kind{"black is zero", blackIsZero, bits, 1, value, grey, nil},
			kind{"white is zero", whiteIsZero, bits, 1, func(x, y, i int) uint16 { return most - value(x, y, i) }, grey, nil})
		if bits >= 8 {
			out = append(out,
				kind{"grey and opacity", blackIsZero, bits, 2, func(x, y, i int) uint16 { return value(x, y, 3*i) }, func(x, y int) color.Color {
					v := fullScale(value(x, y, 0), bits)
					return color.NRGBA64{v, v, v, fullScale(value(x, y, 3), bits)}
				}, map[uint16][]uint32{tagExtraSamples: {2}}},
				kind{"colour and opacity", rgb, bits, 4, value, func(x, y int) color.Color {
					return color.NRGBA64{fullScale(value(x, y, 0), bits), fullScale(value(x, y, 1), bits), fullScale(value(x, y, 2), bits), fullScale(value(x, y, 3), bits)}
				}, map[uint16][]uint32{tagExtraSamples: {2}}})
		}
		out = append(out, kind{"colour", rgb, bits, 3, value, func(x, y int) color.Color {
			return color.RGBA64{fullScale(value(x, y, 0), bits), fullScale(value(x, y, 1), bits), fullScale(value(x, y, 2), bits), 0xFFFF}
		}, nil})
		if bits <= 8 {
			table := make([]uint32, 3<<bits)
			for i := range 1 << bits { // the first entry is the brightest
				v := uint32(0xFF - i*0xFF>>bits)
				table[i], table[1<<bits+i], table[2<<bits+i] = v<<8|v, v/2<<8|v/2, 0x1111
			}
			out = append(out, kind{"palette", palette, bits, 1, value, func(x, y int) color.Color {
				i := value(x, y, 0)
				return color.RGBA{uint8(table[i] >> 8), uint8(table[1<<bits+int(i)] >> 8), 0x11, 255}
			}, map[uint16][]uint32{tagColorMap: table}})
		}
	}
	return append(out,
		kind{"ink", separated, 8, 4, func(x, y, i int) uint16 { return shade(x, y, i) >> 8 }, func(x, y int) color.Color {
			return color.CMYK{uint8(shade(x, y, 0) >> 8), uint8(shade(x, y, 1) >> 8), uint8(shade(x, y, 2) >> 8), uint8(shade(x, y, 3) >> 8)}
		}, nil},
		kind{"multiplied opacity", rgb, 8, 4, func(x, y, i int) uint16 {
			if a := shade(x, y, 3) >> 8; i < 3 {
				return (shade(x, y, i) >> 8) * a / 255
			} else {
				return a
			}
		}, func(x, y int) color.Color {
			a := shade(x, y, 3) >> 8
			return color.RGBA{uint8((shade(x, y, 0) >> 8) * a / 255), uint8((shade(x, y, 1) >> 8) * a / 255), uint8((shade(x, y, 2) >> 8) * a / 255), uint8(a)}
		}, map[uint16][]uint32{tagExtraSamples: {1}}},
		kind{"brightness and chroma", yCbCr, 8, 3, func(x, y, i int) uint16 { return shade(x, y, i) >> 8 }, func(x, y int) color.Color {
			r, g, b := color.YCbCrToRGB(uint8(shade(x, y, 0)>>8), uint8(shade(x, y, 1)>>8), uint8(shade(x, y, 2)>>8))
			return color.RGBA{r, g, b, 255}
		}, map[uint16][]uint32{tagSubsampling: {1, 1}}})
}

// TestTIFFSamples: the same picture in every depth and kind of colours, in
// strips, tiles and planes, packed in every way, either end first, comes out
// the same.
func TestTIFFSamples(t *testing.T) {
	n := 0
	for _, k := range tiffKinds() {
		for _, compression := range []int{compressionNone, compressionPackBits, compressionLZW, compressionDeflate, compressionOldDeflate} {
			for _, pieces := range [][2]int{{0, 0}, {0, 5}, {16, 16}} {
				for flags := range 8 {
					little, planar, second := flags&1 != 0, flags&2 != 0, flags&4 != 0
					if planar && k.samples == 1 {
						continue
					}
					p := tiffImage{width: testWidth, height: testHeight, bits: k.bits, samples: k.samples, photometric: k.photometric,
						compression: compression, planar: planar, pieceWidth: pieces[0], pieceHeight: pieces[1], sample: k.sample, more: k.more}
					if second { // the predictor where there is one, else the bits turned round
						p.predictor = 2
						if p.reversed = k.bits < 8 || compression < compressionLZW || compression == compressionPackBits; p.reversed {
							p.predictor = 1
						}
					}
					name := fmt.Sprintf("%s of %d bits, compression %d, pieces %v, flags %03b", k.name, k.bits, compression, pieces, flags)
					page, err := firstPage(buildTIFF(little, flags == 0, p))
					if err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					comparePage(t, name, page.img, k.want, 0x101)
					n++
				}
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d ways were tried", n)
	}
}

func comparePage(t *testing.T, name string, img image.Image, want func(x, y int) color.Color, by int) {
	t.Helper()
	if img.Bounds() != image.Rect(0, 0, testWidth, testHeight) {
		t.Errorf("%s: %v", name, img.Bounds())
		return
	}
	got := img.(image.RGBA64Image)
	for y := range testHeight {
		for x := range testWidth {
			if !near(got.RGBA64At(x, y), want(x, y), by) {
				t.Errorf("%s: pixel %d,%d is %v, want %v", name, x, y, img.At(x, y), want(x, y))
				return
			}
		}
	}
}

// TestTIFFChromaInBlocks: chroma once for two by two pixels, uncompressed.
func TestTIFFChromaInBlocks(t *testing.T) {
	plane := func(x, y, i int) byte {
		if i > 0 { // chroma of the block
			x, y = x&^1, y&^1
		}
		return byte(shade(min(x, testWidth-1), min(y, testHeight-1), i) >> 8)
	}
	p := tiffImage{width: testWidth, height: testHeight, bits: 8, samples: 3, photometric: yCbCr, compression: compressionNone, pieceHeight: 6,
		pack: func(x0, y0, w, h, _, _ int) (out []byte) {
			for y := y0; y < y0+h; y += 2 {
				for x := x0; x < x0+w; x += 2 {
					out = append(out, plane(x, y, 0), plane(x+1, y, 0), plane(x, y+1, 0), plane(x+1, y+1, 0), plane(x, y, 1), plane(x, y, 2))
				}
			}
			return out
		}}
	page, err := firstPage(buildTIFF(true, false, p))
	if err != nil {
		t.Fatal(err)
	}
	comparePage(t, "blocks", page.img, func(x, y int) color.Color {
		r, g, b := color.YCbCrToRGB(plane(x, y, 0), plane(x, y, 1), plane(x, y, 2))
		return color.RGBA{r, g, b, 255}
	}, 0)
}

// TestTIFFPages: pages of several sizes, a thumbnail that is none, and a page
// that merely calls itself reduced.
func TestTIFFPages(t *testing.T) {
	page := func(w, h int, subfile uint32) tiffImage {
		return tiffImage{width: w, height: h, bits: 8, samples: 1, photometric: blackIsZero, compression: compressionNone, dpi: 200,
			sample: func(x, y, _ int) uint16 { return uint16(x) }, more: map[uint16][]uint32{tagSubfile: {subfile}}}
	}
	for _, big := range []bool{false, true} {
		data := buildTIFF(true, big, page(50, 70, 2), page(90, 30, 0), page(20, 7, 1), page(20, 20, 1))
		d := openedTIFF(t, data, Limits{MaxPages: 3})
		if d.Info().Pages != 3 {
			t.Fatalf("%+v", d.Info())
		}
		for number, size := range map[int][2]int{1: {50, 70}, 2: {90, 30}, 3: {20, 20}} {
			p, err := d.Picture(t.Context(), number)
			if err != nil || p.Width != size[0] || p.Height != size[1] || p.DPI != 200 || len(p.Warnings) != 0 {
				t.Errorf("page %d: %d x %d, %v dpi, %+v, %v", number, p.Width, p.Height, p.DPI, p.Warnings, err)
			}
		}
		if _, err := d.Picture(t.Context(), 4); err == nil {
			t.Error("there is a fourth page")
		}
		if _, err := openTIFF(write(t, "a.tif", data), Limits{MaxPages: 2}); code(err) != engines.CodeTooLarge {
			t.Errorf("past the limit: %v", err)
		}
		// What is left of the list behind the last one followed is not known.
		thumbnails := slices.Repeat([]tiffImage{page(9, 3, 1)}, 30)
		if _, err := openTIFF(write(t, "b.tif", buildTIFF(true, big, append(thumbnails, page(90, 30, 0))...)), Limits{MaxPages: 2}); code(err) != engines.CodeTooLarge {
			t.Errorf("a long list: %v", err)
		}
	}
}

// TestTIFFMissingTags: what the specification lets writers leave out, and what
// they leave out all the same.
func TestTIFFMissingTags(t *testing.T) {
	p := bilevelTIFF(compressionNone, blackIsZero)
	p.without = []uint16{tagRowsPerStrip, tagCompression, tagStripCounts, tagBits, tagSamples, tagPlanar, tagOrientation, tagPredictor}
	page, err := firstPage(buildTIFF(true, false, p))
	if err != nil {
		t.Fatal(err)
	}
	comparePage(t, "missing tags", page.img, wantInk, 0)
}

// TestTIFFListCut: the pages before the damage are read, and the file is not said
// to be whole.
func TestTIFFListCut(t *testing.T) {
	p := bilevelTIFF(compressionNone, blackIsZero)
	whole := buildTIFF(true, false, p, p, p)
	dirs := openedTIFF(t, whole, Limits{}).dirs
	circle := bytes.Clone(whole)
	last := dirs[2].offset
	binary.LittleEndian.PutUint32(circle[last+2+12*int64(binary.LittleEndian.Uint16(circle[last:])):], uint32(dirs[0].offset))
	for name, c := range map[string]struct {
		data []byte
		good int
	}{"cut": {whole[:last], 2}, "round in circles": {circle, 3}} {
		d := openedTIFF(t, c.data, Limits{})
		if d.Info().Pages != c.good+1 {
			t.Fatalf("%s: %d pages", name, d.Info().Pages)
		}
		for number := 1; number <= c.good; number++ {
			if _, err := d.Picture(t.Context(), number); err != nil {
				t.Errorf("%s: page %d: %v", name, number, err)
			}
		}
		_, err := d.Picture(t.Context(), c.good+1)
		if _, err2 := d.Stored(c.good + 1); code(err) != engines.CodeBadImage || code(err2) != engines.CodeBadImage {
			t.Errorf("%s: what is missing is %v, %v", name, err, err2)
		}
	}
	if _, err := openTIFF(write(t, "none.tif", whole[:dirs[0].offset]), Limits{}); code(err) != engines.CodeBadImage {
		t.Errorf("nothing is there: %v", err)
	}
}

// TestTIFFCut: no rest of a page is made up.
func TestTIFFCut(t *testing.T) {
	for _, compression := range []int{compressionNone, compressionPackBits, compressionLZW, compressionDeflate, compressionG4, compressionJPEG} {
		p := bilevelTIFF(compression, whiteIsZero)
		if compression == compressionJPEG {
			p.photometric, p.bits = blackIsZero, 8
			p.sample = func(x, y, _ int) uint16 { return shade(x, y, 0) >> 8 }
			p.encode = func(raw []byte, w, h int) []byte {
				return encodeJPEG(t, &image.Gray{Pix: raw, Stride: w, Rect: image.Rect(0, 0, w, h)})
			}
		}
		whole := p.pieces(binary.BigEndian)[0]
		p.encode = func([]byte, int, int) []byte { return whole[:len(whole)*2/3] }
		if _, _, err := openedTIFF(t, buildTIFF(true, false, p), Limits{}).decode(1); code(err) != engines.CodeBadImage {
			t.Errorf("compression %d: %v", compression, err)
		}
	}
}

// TestTIFFUnusual: refused with a sentence that says why, not garbled.
func TestTIFFUnusual(t *testing.T) {
	base := func() tiffImage {
		return tiffImage{width: 8, height: 8, bits: 8, samples: 1, photometric: blackIsZero, compression: compressionNone,
			sample: func(int, int, int) uint16 { return 0 }}
	}
	float, lab, zstd, rgb565, indexed := base(), base(), base(), base(), base()
	float.bits, float.more = 16, map[uint16][]uint32{tagSampleFormat: {3}}
	lab.photometric, lab.samples = 8, 3
	zstd.compression = 50000
	rgb565.samples, rgb565.photometric, rgb565.more = 3, rgb, map[uint16][]uint32{tagBits: {5, 6, 5}}
	indexed.bits, indexed.photometric = 16, palette
	for name, p := range map[string]tiffImage{"floats": float, "lab": lab, "zstd": zstd, "565": rgb565, "large palette": indexed} {
		if _, _, err := openedTIFF(t, buildTIFF(true, false, p), Limits{}).decode(1); code(err) != engines.CodeUnsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTIFFOwnStreams: Flate data are embedded as they are where PDF reads them
// the same way.
func TestTIFFOwnStreams(t *testing.T) {
	for _, k := range tiffKinds() {
		p := tiffImage{width: testWidth, height: testHeight, bits: k.bits, samples: k.samples, photometric: k.photometric,
			compression: compressionDeflate, sample: k.sample, more: k.more}
		page, err := firstPage(buildTIFF(false, false, p))
		if err != nil {
			t.Fatal(err)
		}
		plain := !strings.Contains(k.name, "opacity") && !strings.Contains(k.name, "chroma")
		s := page.stream
		if (s != nil) != plain || plain && (!bytes.Equal(s.Data, p.pieces(binary.BigEndian)[0]) || s.Inverted != (k.photometric == whiteIsZero) ||
			(len(s.Palette) > 0) != (k.photometric == palette)) {
			t.Errorf("%s of %d bits: %+v", k.name, k.bits, s)
		}
	}
}

func FuzzTIFF(f *testing.F) {
	for _, compression := range []int{compressionNone, compressionPackBits, compressionLZW, compressionDeflate, compressionG4} {
		f.Add(buildTIFF(true, false, bilevelTIFF(compression, whiteIsZero)))
	}
	for _, k := range tiffKinds() {
		f.Add(buildTIFF(false, k.bits == 8, tiffImage{width: 9, height: 7, bits: k.bits, samples: k.samples, photometric: k.photometric,
			compression: compressionDeflate, sample: k.sample, more: k.more, planar: k.samples == 4, pieceWidth: 16, pieceHeight: 16}))
	}
	old := bilevelTIFF(compressionOldJPEG, yCbCr)
	old.bits, old.samples, old.more = 8, 3, map[uint16][]uint32{tagJPEGInterchange: {8}}
	old.sample = func(int, int, int) uint16 { return 0 }
	old.encode = func([]byte, int, int) []byte { return encodeJPEG(f, arrow(testWidth, testHeight)) }
	f.Add(buildTIFF(true, false, old))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := newTIFFReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		dirs, _ := r.directories(20)
		for _, d := range pagesOf(dirs) {
			if checkPixels(d.width, d.height, Limits{}) != nil || d.width > 2000 || d.height > 2000 {
				continue
			}
			page, err := r.page(d)
			if err == nil && page.img.Bounds().Size() != image.Pt(d.width, d.height) {
				t.Fatalf("%v for %d x %d", page.img.Bounds(), d.width, d.height)
			}
		}
	})
}

// TestTIFFHugePieces: what is decoded at once is bounded before it is.
func TestTIFFHugePieces(t *testing.T) {
	r := &tiffReader{}
	for _, planar := range []bool{false, true} {
		l := layout{width: 30_000, height: 30_000, bits: 16, samples: 3, planar: planar}
		if _, refused := errors.AsType[unusual](l.pieces(r, nil)); !refused {
			t.Errorf("planar %v: taken", planar)
		}
	}
	page := tiffImage{width: 10, height: 10, bits: 16, samples: 32, photometric: rgb, compression: compressionNone,
		sample: func(int, int, int) uint16 { return 0 }}
	if _, err := firstPage(buildTIFF(true, false, page)); err == nil || err.Error() != "32 samples a pixel" {
		t.Errorf("32 samples: %v", err)
	}
}
