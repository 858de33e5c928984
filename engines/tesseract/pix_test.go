package tesseract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

func TestHandOver(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("skipped: the bytes below are those of a little-endian machine")
	}
	// Two rows of five pixels: words of four, the leftmost pixel last.
	want := append([]byte("spix\x05\x00\x00\x00\x02\x00\x00\x00\x08\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00"),
		4, 3, 2, 1, 0, 0, 0, 5, 9, 8, 7, 6, 0, 0, 0, 10)
	given := []byte("P5 # five by two\n5\t2 255\n\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a")
	got, err := handOver(given, false)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got % x, %v\nwant % x", got, err, want)
	}
	// What is no whole greymap of 8 bits is Leptonica's affair, in a copy.
	for _, other := range []string{"P5 5 2 255\n123456789", "P5 1 1 15\nx", "P5 1 1 65535\nxx", "P5 0 1 255\n", "P4 8 1\nx", "P5 5", "\x89PNG"} {
		data := []byte(other)
		got, err := handOver(data, false)
		if err != nil || string(got) != other {
			t.Errorf("%q became %q, %v", other, got, err)
		}
		if data[0] = '!'; got[0] == '!' {
			t.Errorf("%q is not a copy", other)
		}
	}
}

// TestDecoded: without decoders in the library every type becomes pixels here.
func TestDecoded(t *testing.T) {
	page := raster(t, "pixels")
	want, err := handOver(fmt.Appendf(nil, "P5\n%d %d\n255\n%s", page.Rect.Dx(), page.Rect.Dy(), page.Pix), true)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"png": drawn(t, "pixels").Image, "tiff": encodeTIFF(t, page)} {
		if got, err := handOver(data, true); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d, %v", name, len(got), len(want), err)
		}
	}
	if _, err := handOver(drawn(t, "torn").Image[:500], true); err == nil {
		t.Error("half a picture was taken")
	}
}

func FuzzHandOver(f *testing.F) {
	f.Add([]byte("P5 # five by two\n5\t2 255\n0123456789"))
	f.Add([]byte("P5 999999999 999999999 255\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(data, []byte("P5")) {
			return
		}
		out, err := handOver(data, false)
		if err != nil || bytes.HasPrefix(out, []byte("spix")) && len(out) > 4*len(data)+28 {
			t.Errorf("%q became %d bytes, %v", data, len(out), err)
		}
	})
}
