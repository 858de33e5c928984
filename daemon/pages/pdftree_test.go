package pages

import (
	"fmt"
	"testing"

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
