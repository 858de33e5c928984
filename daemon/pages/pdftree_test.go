package pages

import (
	"fmt"
	"os"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pdf/objects"
	"intray/daemon/pdf/pdftest"
)

// TestPagesHaveTheSameNumbers: what PDFium takes for page n of an odd tree is
// what text is added to as page n.
func TestPagesHaveTheSameNumbers(t *testing.T) {
	page := func(width int) string {
		return fmt.Sprintf("<< /Type /Page /MediaBox [0 0 %d 100] >>", width)
	}
	const catalog = "<< /Type /Catalog /Pages 2 0 R >>"
	o := &Opener{CacheDir: sharedCache(t)}
	defer o.Close()
	for name, list := range map[string][]string{
		"nested":          {"<< /Type /Pages /Count 3 /Kids [3 0 R 4 0 R] >>", "<< /Type /Pages /Count 2 /Kids [5 0 R 6 0 R] >>", page(103), page(101), page(102)},
		"null among kids": {"<< /Type /Pages /Count 3 /Kids [3 0 R null 4 0 R] >>", page(101), page(102)},
		"missing kid":     {"<< /Type /Pages /Count 3 /Kids [3 0 R 99 0 R 4 0 R] >>", page(101), page(102)},
		"count too small": {"<< /Type /Pages /Count 1 /Kids [3 0 R 4 0 R] >>", page(101), page(102)},
		"count too large": {"<< /Type /Pages /Count 7 /Kids [3 0 R 4 0 R] >>", page(101), page(102)},
		"no count":        {"<< /Type /Pages /Kids [3 0 R 4 0 R] >>", page(101), "<< /Kids [5 0 R] >>", page(102)},
		"types are wrong": {"<< /Type /Page /Count 2 /Kids [3 0 R 4 0 R] >>", "<< /Type /Pages /MediaBox [0 0 101 100] >>", "<< /Type /Page /Count 1 /Kids [5 0 R] >>", page(102)},
		"empty node":      {"<< /Type /Pages /Count 1 /Kids [3 0 R 4 0 R] >>", "<< /Type /Pages /Count 0 /Kids [] >>", page(102)},
		"direct kid":      {"<< /Type /Pages /Count 2 /Kids [<< /Type /Page /MediaBox [0 0 101 100] >> 3 0 R] >>", page(102)},
		"page twice":      {"<< /Type /Pages /Count 3 /Kids [3 0 R 4 0 R 3 0 R] >>", page(101), page(102)},
		"one page alone":  {page(101)},
	} {
		path := pdftest.Build(t, "", append([]string{catalog}, list...)...)
		d, err := o.Open(t.Context(), path, MIMEPDF)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		src, err := objects.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := src.Pages(d.Info().Pages)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := 1; n <= d.Info().Pages; n++ {
			g, err := d.(*pdfFile).geometry(n)
			if err != nil {
				continue // there is no such page
			}
			width := 0.0
			if n <= len(ours) {
				if dict, err := ours[n-1].Dict(); err == nil {
					if box, _ := dict.Get("MediaBox").Array(); len(box) == 4 {
						width, _ = box[2].Float()
					}
				}
			}
			if width != g.Width {
				t.Errorf("%s: page %d is %v points wide for PDFium, %v for us", name, n, g.Width, width)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		src.Close()
	}
}

// TestUserUnitIsInPoints: a page in units of four points is four times as large.
func TestUserUnitIsInPoints(t *testing.T) {
	path := pdftest.Build(t, "", "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 2 /Kids [3 0 R 4 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 150] >>", "<< /Type /Page /Parent 2 0 R /MediaBox [10 0 110 150] /Rotate 90 /UserUnit 4 >>")
	o := &Opener{CacheDir: sharedCache(t)}
	defer o.Close()
	d, err := o.Open(t.Context(), path, MIMEPDF)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for n, want := range [][2]float64{{100, 150}, {600, 400}} {
		pic, err := d.(Drawn).Whole(t.Context(), n+1)
		if err != nil {
			t.Fatal(err)
		}
		g := pic.Geometry
		if g.Width != want[0] || g.Height != want[1] {
			t.Errorf("page %d has %v by %v points", n+1, g.Width, g.Height)
		}
		if x, y := g.ImageToPage.Apply(float64(pic.Width), float64(pic.Height)); x != g.Width || y != g.Height {
			t.Errorf("page %d: the picture ends at %v, %v", n+1, x, y)
		}
		if dpi := float64(pic.Width) / g.Width * 72; dpi < 290 || dpi > 310 {
			t.Errorf("page %d is drawn at %.0f dpi", n+1, dpi)
		}
	}
	view, err := d.(Drawn).View(2)
	if err != nil {
		t.Fatal(err)
	}
	if width, height := view.size(); width != 600 || height != 400 || view.image.Bounds().Dx() < 600*viewDPI/72-2 {
		t.Errorf("a person sees %v by %v points in %v", width, height, view.image.Bounds())
	}
	if x, y := d.(*pdfFile).mustGeometry(t, 2).UserToPage.Apply(10, 0); x != 0 || y != 0 {
		t.Errorf("the crop box's corner is at %v, %v", x, y)
	}
}

func (p *pdfFile) mustGeometry(t *testing.T, number int) document.Geometry {
	t.Helper()
	g, err := p.geometry(number)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestFilledUpWithZeros: zeros after its end do not make a PDF a damaged one,
// but a cut-off one stays that with zeros.
func TestFilledUpWithZeros(t *testing.T) {
	path := pdftest.Build(t, "", "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 150] >>")
	o := &Opener{CacheDir: sharedCache(t)}
	defer o.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		good bool
	}{"filled up": {whole, true}, "cut off and filled up": {whole[:len(whole)/2], false}} {
		if err := os.WriteFile(path, append(c.data[:len(c.data):len(c.data)], make([]byte, 3*tailSize+7)...), 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := o.Open(t.Context(), path, MIMEPDF)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			d.Close()
		}
	}
}
