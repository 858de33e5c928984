package tesseract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/tiff"

	"intray/engines"
	"intray/engines/enginetest"
)

// raster is a drawn page before any encoding.
func raster(t testing.TB, lines ...string) *image.Gray {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(drawn(t, lines...).Image))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewGray(decoded.Bounds())
	draw.Draw(out, out.Rect, decoded, image.Point{}, draw.Src)
	return out
}

func encodeTIFF(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// twice makes a TIFF file of one page one of two, the same page again: its
// directory is repeated at the end, and the first one points there.
func twice(file []byte) []byte {
	le := binary.LittleEndian
	first := le.Uint32(file[4:])
	size := 2 + 12*uint32(le.Uint16(file[first:])) + 4
	out := append(bytes.Clone(file), file[first:first+size]...)
	le.PutUint32(out[first+size-4:], uint32(len(file)))
	return out
}

func TestTypes(t *testing.T) {
	page := raster(t, "every type alike")
	var jpg, pnm bytes.Buffer
	if err := jpeg.Encode(&jpg, page, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&pnm, "P5\n# drawn by a test\n%d %d\n255\n", page.Rect.Dx(), page.Rect.Dy())
	pnm.Write(page.Pix)
	one := encodeTIFF(t, page)
	for variant, with := range variants() {
		e := open(t, with)
		for name, data := range map[string][]byte{"jpeg": jpg.Bytes(), "pnm": pnm.Bytes(), "tiff": one, "tiff of two pages": twice(one)} {
			r, err := e.Recognize(t.Context(), engines.Page{Image: data, DPI: enginetest.PageDPI})
			if text := enginetest.Text(r); err != nil || text != "every type alike\n" {
				t.Errorf("%s, %s: %q, %v", variant, name, text, err)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTinyAndHugePictures(t *testing.T) {
	pnm := func(w, h int) []byte {
		return append(fmt.Appendf(nil, "P5 %d %d 255\n", w, h), bytes.Repeat([]byte{255}, w*h)...)
	}
	wide := image.NewGray(image.Rect(0, 0, maxSide+1, 1))
	var widePNG, wideJPEG bytes.Buffer
	if err := png.Encode(&widePNG, wide); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&wideJPEG, wide, nil); err != nil {
		t.Fatal(err)
	}
	for variant, with := range variants() {
		e := open(t, with)
		for _, side := range []int{1, 3, 20} {
			if r, err := e.Recognize(t.Context(), engines.Page{Image: pnm(side, side)}); err != nil || r.Width != side || len(r.Blocks) > 0 {
				t.Errorf("%s: side %d: %+v, %v", variant, side, r, err)
			}
		}
		if r, err := e.Recognize(t.Context(), engines.Page{Image: pnm(maxSide, 20)}); err != nil || r.Width != maxSide {
			t.Errorf("%s: just not too large: %+v, %v", variant, r, err)
		}
		for name, data := range map[string][]byte{
			"png": widePNG.Bytes(), "jpeg": wideJPEG.Bytes(), "tiff": encodeTIFF(t, wide), "pnm": pnm(1, maxSide+1),
		} {
			_, err := e.Recognize(t.Context(), engines.Page{Image: data})
			if f, ok := engines.AsError(err); !ok || f.Kind != engines.Terminal || f.Code != engines.CodeTooLarge {
				t.Errorf("%s: %s: %v", variant, name, err)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckPicture(t *testing.T) {
	for data, want := range map[string]bool{
		"P5 10 10 255\n":               true,
		"P4\n# a comment\n# 2\n8\t9":   false, // the head ends before its second number does
		"P4\n# a comment\n# 2\n8\t9\n": true,
		"P510 10 255\n":                false,
		"P5 0 10 255\n":                false,
		"P5/etc/passwd\n":              false,
		"P5 /etc/passwd\n":             false,
		"P5 1234567890 1 255\n":        false,
		"P7\nWIDTH 1\n":                false,
		"P":                            false,
		"\xff\xd8\xff":                 true, // left to the JPEG reader
		"GIF89a":                       false,
		"/etc/passwd\n":                false,
	} {
		if err := checkPicture([]byte(data)); (err == nil) != want {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// TestNotTaken: a page that the library has no room for is not called damaged,
// which would be the end of it.
func TestNotTaken(t *testing.T) {
	for data, want := range map[string]string{
		"P5\n2 2\n255\nabcd": engines.CodeOutOfMemory,
		"P5\n2 2\n255\na":    engines.CodeBadImage,
		"\xff\xd8\xff":       engines.CodeBadImage,
	} {
		picture, err := handOver([]byte(data), false)
		if err != nil {
			t.Fatal(err)
		}
		if failure, ok := engines.AsError(notTaken(picture)); !ok || failure.Code != want {
			t.Errorf("%q: %v, want %s", data, failure, want)
		}
	}
}

func FuzzCheckPicture(f *testing.F) {
	f.Add([]byte("P5 # c\n10 10 255\n"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00"))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x00\x00"))
	f.Add([]byte("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := checkPicture(data)
		if failure, ok := engines.AsError(err); err != nil && (!ok || failure.Kind != engines.Terminal) {
			t.Errorf("%v", err)
		}
	})
}
