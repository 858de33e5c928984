package worker

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
)

// TestShow draws a page with a black square in its corner from the original,
// turned, and from a PDF: the square is where the page's points say, in the picture and in
// its cut-out.
func TestShow(t *testing.T) {
	dir := t.TempDir()
	const w, h, square = 600, 800, 100 // pixels
	img := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(0, 0, square, square), image.Black, image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	original, searchable := filepath.Join(dir, "page.png"), filepath.Join(dir, "out.pdf")
	if err := os.WriteFile(original, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pdf.FromPictures(searchable, 1, nil, pdf.Options{Producer: "test"}, func(int) (pdf.Picture, error) {
		return pdf.Picture{Pixels: img, Width: w, Height: h, PageWidth: w / 2, PageHeight: h / 2}, nil
	}); err != nil {
		t.Fatal(err)
	}
	r := &Reader{CacheDir: cacheDir(t)}
	defer r.Close()
	source := Source{Path: original, MIME: "image/png", Text: pages.TextKeep}
	d, err := r.open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := d.Picture(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	width, height := picture.Geometry.Width, picture.Geometry.Height
	side := width * square / w
	for name, c := range map[string]struct {
		q   ShowRequest
		box document.Box
	}{
		"original": {ShowRequest{Source: source, Width: width, Height: height}, document.Box{0, 0, side, side}},
		"turned":   {ShowRequest{Source: source, Turn: 90, Width: height, Height: width}, document.Box{height - side, 0, height, side}},
		"upside":   {ShowRequest{Source: source, Turn: 180, Width: width, Height: height}, document.Box{width - side, height - side, width, height}},
		"pdf":      {ShowRequest{Source: source, PDF: searchable, Width: w / 2, Height: h / 2}, document.Box{0, 0, square / 2, square / 2}},
	} {
		q := c.q
		q.Number, q.Out = 1, filepath.Join(dir, name+".jpg")
		inner := document.Box{c.box[0] + 8, c.box[1] + 8, c.box[2] - 8, c.box[3] - 8}
		q.CutOuts = []CutOut{{Box: inner, Out: filepath.Join(dir, name+"-cut.jpg")}}
		if _, err := r.show(t.Context(), q); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		page, cut := decodeJPEG(t, q.Out), decodeJPEG(t, q.CutOuts[0].Out)
		scale := float64(page.Bounds().Dx()) / q.Width
		if max(page.Bounds().Dx(), page.Bounds().Dy()) > shownSide {
			t.Errorf("%s: %v", name, page.Bounds())
		}
		if got := mean(page, document.Box{inner[0] * scale, inner[1] * scale, inner[2] * scale, inner[3] * scale}); got > 30 {
			t.Errorf("%s: the square has grey %.0f", name, got)
		}
		if got := mean(page, document.Box{0, 0, float64(page.Bounds().Dx()), float64(page.Bounds().Dy())}); got < 220 {
			t.Errorf("%s: the page has grey %.0f", name, got)
		}
		if got := mean(cut, document.Box{0, 0, float64(cut.Bounds().Dx()), float64(cut.Bounds().Dy())}); got > 40 {
			t.Errorf("%s: the cut-out has grey %.0f", name, got)
		}
	}
}

func decodeJPEG(t *testing.T, path string) image.Image {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func mean(img image.Image, box document.Box) float64 {
	sum, n := 0, 0
	for y := int(box[1]); y < int(box[3]); y++ {
		for x := int(box[0]); x < int(box[2]); x++ {
			sum += int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			n++
		}
	}
	return float64(sum) / float64(max(n, 1))
}
