//go:build cgo

package tesseract

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"intray/engines/enginetest"
)

// TestWalkSaysWhatHOCRSays: our own walk over a page's words gives what
// Tesseract's hOCR does, on drawn pages and, where they are there, real ones, of
// which some run from right to left.
func TestWalkSaysWhatHOCRSays(t *testing.T) {
	pictures := map[string][]byte{}
	for i, name := range []string{"statement", "sideways", "receipt"} {
		scan, err := enginetest.DrawScan(name, 150, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, scan.Image); err != nil {
			t.Fatal(err)
		}
		pictures[name] = b.Bytes()
	}
	for _, name := range []string{"eng-phototest-rotated-L.png", "eng-phototest.tif"} {
		if data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "corpus", "ocr", name)); err == nil {
			pictures[name] = data
		}
	}
	client, err := load(options{}, []string{"eng"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for name, picture := range pictures {
		ours, err := recognize(client.Client, picture, how{mode: 1}, "150")
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := client.HOCRText()
		if err != nil {
			t.Fatal(err)
		}
		want, err1 := parseHOCR(strings.NewReader(theirs))
		got, err2 := parseHOCR(strings.NewReader(ours.hocr))
		if err1 != nil || err2 != nil || len(want.Blocks) == 0 || !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %v %v\nhOCR says %s\nwe say %s", name, err1, err2, theirs, ours.hocr)
		}
	}
}

// BenchmarkAnswer is a page read with our walk over its words and with
// Tesseract's own hOCR: the difference is what the walk saves.
func BenchmarkAnswer(b *testing.B) {
	scan, err := enginetest.DrawScan("letter", 200, 1)
	if err != nil {
		b.Fatal(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, scan.Image); err != nil {
		b.Fatal(err)
	}
	client, err := load(options{}, []string{"eng"})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	if _, err := recognize(client.Client, picture.Bytes(), how{mode: 3}, "200"); err != nil {
		b.Fatal(err)
	}
	b.Run("walk", func(b *testing.B) {
		for b.Loop() {
			if _, err := recognize(client.Client, picture.Bytes(), how{mode: 3}, "200"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hocr", func(b *testing.B) {
		for b.Loop() {
			if _, err := client.HOCRText(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
