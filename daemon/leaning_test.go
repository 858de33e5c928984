package daemon

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"

	"intray/daemon/normalize"
	"intray/engines/enginetest"
)

// TestLeaningPages: pages put into the feeder askew are read as straight ones
// are, though Tesseract alone finds hardly a line on them, and come out straight.
func TestLeaningPages(t *testing.T) {
	t.Parallel()
	scan, err := enginetest.DrawScan("letter", 150, 3)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	angles := map[string]float64{"left": -12, "right": 7}
	files := []string{"ocr", "-o", filepath.Join(dir, "out")}
	for name, degrees := range angles {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		out := image.NewGray(image.Rect(0, 0, scan.Image.Rect.Dx()*3/2, scan.Image.Rect.Dy()*5/4))
		draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
		x, y := float64(scan.Image.Rect.Dx())/2, float64(scan.Image.Rect.Dy())/2
		cx, cy := float64(out.Rect.Dx())/2, float64(out.Rect.Dy())/2
		draw.BiLinear.Transform(out, f64.Aff3{cos, -sin, cx - cos*x + sin*y, sin, cos, cy - sin*x - cos*y}, scan.Image, scan.Image.Rect, draw.Src, nil)
		path := filepath.Join(dir, name+".png")
		var data bytes.Buffer
		if err := errors.Join(png.Encode(&data, out), os.WriteFile(path, data.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	if _, stderr, code := runIntray(t, files...); code != exitDone {
		t.Fatalf("code %d: %s", code, stderr)
	}
	for name, degrees := range angles {
		page := readDocument(t, filepath.Join(dir, "out", name+".json")).Pages[0]
		if share := recall(scan.Text, normalize.Text(page)); share < 0.95 || math.Abs(page.Skew-degrees) > 0.3 {
			t.Errorf("%s: %.2f of the words were read, and a skew of %v, not %v", name, share, page.Skew, degrees)
		}
		text := outputOf(t, "pdftotext", filepath.Join(dir, "out", name+".pdf"), "-")
		if share := recall(scan.Text, text); share < 0.95 {
			t.Errorf("%s: %.2f of the words are in the PDF, in their order", name, share)
		}
	}
}
