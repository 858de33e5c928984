package worker

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/engines"
)

// gate is an original of one page and what the publish gate makes of a file
// that claims to be its searchable PDF.
type gate struct {
	t   *testing.T
	dir string
	r   *Reader
}

func newGate(t *testing.T) gate {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	g := gate{t: t, dir: t.TempDir(), r: &Reader{CacheDir: filepath.Join(cache, "intray-test-pdfium")}}
	t.Cleanup(func() { _ = g.r.Close() })
	return g
}

// page writes a PDF whose page of 300 by 400 points is a picture with bars in
// the rows from top to bottom, and the layer's text.
func (g gate) page(name string, top, bottom int, l pdf.Layer) string {
	g.t.Helper()
	img := image.NewGray(image.Rect(0, 0, 600, 800))
	for i := range img.Pix {
		img.Pix[i] = 0xFF
		if x, y := i%600, i/600; y >= top && y < bottom && x > 60 && x < 540 && x%16 < 8 && y%40 < 20 {
			img.Pix[i] = 0
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		g.t.Fatal(err)
	}
	path := filepath.Join(g.dir, name)
	_, err := pdf.FromPictures(path, 1, func(int) (pdf.Layer, error) { return l, nil }, pdf.Options{}, func(int) (pdf.Picture, error) {
		return pdf.Picture{Stream: &pdf.Stream{Filter: "DCTDecode", Data: b.Bytes(), Colours: 1, Bits: 8}, Width: 600, Height: 800, PageWidth: 300, PageHeight: 400}, nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return path
}

func layerOf(text string) pdf.Layer {
	line := document.Line{Box: document.Box{30, 88, 200, 100}, Baseline: document.Box{30, 100, 200, 100},
		Words: []document.Word{{Text: text, Box: document.Box{30, 88, 200, 100}, Confidence: 1}}}
	return pdf.Layer{UserToPage: document.Matrix{1, 0, 0, -1, 0, 400}, Page: document.Page{Number: 1, Width: 300, Height: 400,
		Decision: document.DecisionOCR, Blocks: []document.Block{{Kind: "text", Lines: []document.Line{line}}}}}
}

func (g gate) verify(original, out string, kept pageFile) error {
	g.t.Helper()
	data, err := json.Marshal(kept)
	if err == nil {
		err = os.WriteFile(PageFile(g.dir, 1), data, 0o600)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	_, err = g.r.verify(g.t.Context(), VerifyRequest{Source: Source{Path: original, MIME: pages.MIMEPDF}, Out: out, Pages: g.dir, From: 1, To: 1})
	return err
}

// TestPublishGate: a page that lost ink, gained some, moved, or whose text does
// not come out again is stopped with its own code; the right one passes, also
// against the picture that was read.
func TestPublishGate(t *testing.T) {
	g := newGate(t)
	layer := layerOf("Lighthouse")
	original := g.page("original.pdf", 100, 700, pdf.Layer{})
	good := g.page("good.pdf", 100, 700, layer)
	d, err := g.r.readyOpener().Open(t.Context(), original, pages.MIMEPDF)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := d.Picture(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close() // only read from
	thumb := picture.Thumb()
	for name, c := range map[string]struct {
		out   string
		layer pdf.Layer
		want  string
	}{
		"as it should be":  {good, layer, ""},
		"half is missing":  {g.page("half.pdf", 100, 400, layer), layer, CodeLostInk},
		"a line is gone":   {g.page("line.pdf", 140, 700, layer), layer, CodeLostInk},
		"blank":            {g.page("blank.pdf", 0, 0, layer), layer, CodeLostInk},
		"a line too many":  {g.page("more.pdf", 60, 700, layer), layer, CodePageChanged},
		"other text":       {good, layerOf("Something else entirely"), CodeLostText},
		"no text in there": {original, layer, CodeLostText},
	} {
		for kind, kept := range map[string]pageFile{"drawn": {Layer: c.layer}, "as read": {Layer: c.layer, Thumb: &thumb}} {
			err := g.verify(original, c.out, kept)
			e, _ := engines.AsError(err)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s, %s: %v", name, kind, err)
			case c.want != "" && (e == nil || e.Code != c.want || e.Kind != engines.Review):
				t.Errorf("%s, %s: %v, want %s", name, kind, err, c.want)
			}
		}
	}
}
