package pdf

import (
	"bytes"
	"compress/zlib"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"intray/daemon/fax"
)

const patternWidth, patternHeight = 29, 13

// inked is a pattern that is neither symmetric nor like its negative.
func inked(x, y int) bool { return x < 5 && y < 4 || (x/3+y)%5 == 0 }

func inkGrey(x, y int) color.Color {
	if inked(x, y) {
		return color.Gray{}
	}
	return color.Gray{Y: 255}
}

// times is how large a pixel is drawn, so that its middle is its own colour.
const times = 5

// drawn writes a page and has Poppler, and MuPDF if it is there, draw it.
func drawn(t *testing.T, p Picture) map[string]image.Image {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "p.pdf")
	p.Width, p.Height, p.PageWidth, p.PageHeight = patternWidth, patternHeight, patternWidth*times, patternHeight*times
	if _, err := FromPictures(path, 1, nil, Options{}, func(int) (Picture, error) { return p, nil }); err != nil {
		t.Fatal(err)
	}
	tool(t, "qpdf", "--check", path)
	tool(t, "pdftoppm", "-r", "72", "-png", "-singlefile", path, filepath.Join(dir, "poppler"))
	readers := []string{"poppler"}
	if _, err := exec.LookPath("mutool"); err == nil { // a second opinion where it is at hand
		tool(t, "mutool", "draw", "-q", "-r", "72", "-o", filepath.Join(dir, "mupdf.png"), path)
		readers = append(readers, "mupdf")
	}
	out := map[string]image.Image{}
	for _, name := range readers {
		data, err := os.ReadFile(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if out[name], err = png.Decode(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// packed packs a pattern's samples.
func packed(bits int, sample func(x, y int) byte) (rows [][]byte) {
	for y := range patternHeight {
		row := make([]byte, (patternWidth*bits+7)/8)
		for x := range patternWidth {
			row[x*bits/8] |= sample(x, y) << (8 - bits - x*bits%8)
		}
		rows = append(rows, row)
	}
	return rows
}

func group4Of(rows [][]byte) []byte {
	e := fax.NewEncoder(patternWidth)
	for _, row := range rows {
		e.Row(row)
	}
	return e.Close()
}

func zlibOf(rows [][]byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	for _, row := range rows {
		_, _ = z.Write(row)
	}
	_ = z.Close()
	return b.Bytes()
}

// TestStreamsMeanWhatTheySay: every way to say black and white, in two readers,
// none inverted.
func TestStreamsMeanWhatTheySay(t *testing.T) {
	bit := func(one bool) func(x, y int) byte {
		return func(x, y int) byte {
			if inked(x, y) == one {
				return 1
			}
			return 0
		}
	}
	wide := func(v func(x, y int) byte, by byte) func(x, y int) byte {
		return func(x, y int) byte { return v(x, y) * by }
	}
	differences := packed(8, wide(bit(false), 255))
	for _, row := range differences {
		for x := len(row) - 1; x > 0; x-- {
			row[x] -= row[x-1]
		}
	}
	filtered := packed(8, wide(bit(false), 255))
	for i, row := range filtered {
		filtered[i] = append([]byte{0}, row...)
	}
	dark, light := "\x00\x00\x00", "\xFF\xFF\xFF"
	for name, s := range map[string]Stream{
		"fax":                    {Filter: "CCITTFaxDecode", K: -1, Data: group4Of(packed(1, bit(true))), Colours: 1, Bits: 1},
		"fax, black is light":    {Filter: "CCITTFaxDecode", K: -1, BlackIs1: true, Data: group4Of(packed(1, bit(false))), Colours: 1, Bits: 1},
		"fax, palette":           {Filter: "CCITTFaxDecode", K: -1, Data: group4Of(packed(1, bit(true))), Colours: 1, Bits: 1, Palette: []byte(dark + light)},
		"fax, palette turned":    {Filter: "CCITTFaxDecode", K: -1, BlackIs1: true, Data: group4Of(packed(1, bit(true))), Colours: 1, Bits: 1, Palette: []byte(light + dark)},
		"one bit":                {Filter: "FlateDecode", Data: zlibOf(packed(1, bit(false))), Colours: 1, Bits: 1},
		"one bit, white is zero": {Filter: "FlateDecode", Data: zlibOf(packed(1, bit(true))), Colours: 1, Bits: 1, Inverted: true},
		"grey, white is zero":    {Filter: "FlateDecode", Data: zlibOf(packed(8, wide(bit(true), 255))), Colours: 1, Bits: 8, Inverted: true},
		"four bits":              {Filter: "FlateDecode", Data: zlibOf(packed(4, wide(bit(false), 15))), Colours: 1, Bits: 4},
		"palette of two bits":    {Filter: "FlateDecode", Data: zlibOf(packed(2, wide(bit(true), 2))), Colours: 1, Bits: 2, Palette: []byte(light + "abc" + dark)},
		"differences":            {Filter: "FlateDecode", Predictor: 2, Data: zlibOf(differences), Colours: 1, Bits: 8},
		"png rows":               {Filter: "FlateDecode", Predictor: 15, Data: zlibOf(filtered), Colours: 1, Bits: 8},
	} {
		for reader, img := range drawn(t, Picture{Stream: &s}) {
			sameAs(t, name+" in "+reader, img, inkGrey)
		}
	}
}

func sameAs(t *testing.T, name string, img image.Image, want func(x, y int) color.Color) {
	t.Helper()
	if img.Bounds().Size() != image.Pt(patternWidth*times, patternHeight*times) {
		t.Errorf("%s: %v", name, img.Bounds())
		return
	}
	for y := range patternHeight {
		for x := range patternWidth {
			if got := eightBit(img.At(x*times+times/2, y*times+times/2)); got != eightBit(want(x, y)) {
				t.Errorf("%s: pixel %d,%d is %v, want %v", name, x, y, got, eightBit(want(x, y)))
				return
			}
		}
	}
}

// TestPixelsAreShown: pictures of every kind, opacity over white paper.
func TestPixelsAreShown(t *testing.T) {
	rect := image.Rect(3, 5, 3+patternWidth, 5+patternHeight) // an origin of its own
	paint := func(set func(x, y int, c color.Color), c func(x, y int) color.Color) {
		for y := range patternHeight {
			for x := range patternWidth {
				set(rect.Min.X+x, rect.Min.Y+y, c(x, y))
			}
		}
	}
	blue := func(x, y int) color.Color { return color.NRGBA{uint8(x * 8), uint8(y * 19), 200, 255} }
	clear := func(x, y int) color.Color {
		if inked(x, y) {
			return color.NRGBA{uint8(x * 8), 0, 90, 255}
		}
		return color.NRGBA{}
	}
	overWhite := func(x, y int) color.Color {
		if inked(x, y) {
			return clear(x, y)
		}
		return color.White
	}
	rgba, nrgba, deepClear, grey := image.NewRGBA(rect), image.NewNRGBA(rect), image.NewNRGBA64(rect), image.NewGray(rect)
	turned := image.NewPaletted(rect, color.Palette{color.White, color.Black})
	clearPalette := image.NewPaletted(rect, color.Palette{color.NRGBA{}, color.Black})
	paint(rgba.Set, blue)
	paint(nrgba.Set, clear)
	paint(deepClear.Set, clear)
	paint(grey.Set, inkGrey)
	paint(turned.Set, inkGrey)
	paint(clearPalette.Set, func(x, y int) color.Color {
		if inked(x, y) {
			return color.Black
		}
		return color.NRGBA{}
	})
	for name, c := range map[string]struct {
		img  image.Image
		want func(x, y int) color.Color
	}{
		"colours": {rgba, blue}, "opacity": {nrgba, overWhite}, "deep opacity": {deepClear, overWhite}, "black and white": {grey, inkGrey},
		"white first": {turned, inkGrey}, "clear palette": {clearPalette, inkGrey},
	} {
		for reader, img := range drawn(t, Picture{Pixels: c.img}) {
			sameAs(t, name+" in "+reader, img, c.want)
		}
	}
}

// TestPixelsAreStoredSmall: what is black and white or grey is stored so,
// whatever holds it.
func TestPixelsAreStoredSmall(t *testing.T) {
	rect := image.Rect(0, 0, patternWidth, patternHeight)
	black, grey, colour := image.NewRGBA(rect), image.NewNRGBA(rect), image.NewRGBA(rect)
	for y := range patternHeight {
		for x := range patternWidth {
			black.Set(x, y, inkGrey(x, y))
			grey.Set(x, y, color.Gray{uint8(x * 3)})
			colour.Set(x, y, color.RGBA{uint8(x), 0, 0, 255})
		}
	}
	four := image.NewPaletted(rect, color.Palette{color.White, color.RGBA{9, 9, 9, 255}, color.RGBA{90, 9, 9, 255}})
	for name, c := range map[string]struct {
		img           image.Image
		filter        string
		colours, bits int
	}{
		"black and white": {black, "CCITTFaxDecode", 1, 1}, "grey": {grey, "FlateDecode", 1, 8},
		"colour": {colour, "FlateDecode", 3, 8}, "palette": {four, "FlateDecode", 1, 2},
	} {
		pixels, alpha := rastersOf(c.img, false)
		if s := pixels.stream(); alpha != nil || s.Filter != c.filter || s.Colours != c.colours || s.Bits != c.bits {
			t.Errorf("%s: %s, %d colours of %d bits, opacity %v", name, s.Filter, s.Colours, s.Bits, alpha != nil)
		}
	}
	if pixels, _ := rastersOf(grey, true); pixels.colours != 3 {
		t.Error("colours were dropped that a profile needs")
	}
}
