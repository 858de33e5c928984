package pdf

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pdf/pdftest"
)

// build writes a PDF of objects 1, 2, ...; the first is the catalog.
func build(t testing.TB, bodies ...string) string { return pdftest.Build(t, "", bodies...) }

func plainStream(content string) string { return pdftest.Stream("", content) }

// userToPage is how pages' geometry maps a box turned by /Rotate to the page.
func userToPage(box document.Box, rotate int) (m document.Matrix, w, h float64) {
	w, h = box[2]-box[0], box[3]-box[1]
	m = document.Matrix{1, 0, 0, -1, -box[0], box[3]}.Then(document.Turn(w, h, rotate))
	if rotate%180 != 0 {
		w, h = h, w
	}
	return m, w, h
}

// The upright page of these tests is 200 by 300 points; a black mark lies near
// its top left, where the text "Hill" is, and a smaller one below it.
var (
	mark  = document.Box{20, 20, 60, 40}
	small = document.Box{20, 60, 30, 70}
)

func markLine() document.Line {
	return document.Line{Baseline: document.Box{20, 40, 60, 40}, Words: []document.Word{word("Hill", 20, 20, 60, 40)}}
}

// marks is content that draws both marks where m, from the page to user space,
// puts them.
func marks(m document.Matrix) string {
	s := ""
	for _, b := range []document.Box{mark, small} {
		r := m.Box(b)
		s += fmt.Sprintf("%g %g %g %g re f\n", r[0], r[1], r[2]-r[0], r[3]-r[1])
	}
	return s
}

// checkUpright looks at the first page: its size in points times unit, the
// marks and the word.
func checkUpright(t *testing.T, name, path string, unit float64) {
	t.Helper()
	img := rendered(t, path)
	if got := img.Rect.Size(); got != image.Pt(int(200*unit), int(300*unit)) {
		t.Errorf("%s: the page is %v", name, got)
		return
	}
	dark := func(b document.Box) float64 {
		n, all := 0, 0
		for y := int(b[1] * unit); y < int(b[3]*unit); y++ {
			for x := int(b[0] * unit); x < int(b[2]*unit); x++ {
				if all++; img.GrayAt(x, y).Y < 128 {
					n++
				}
			}
		}
		return float64(n) / float64(all)
	}
	for _, b := range []document.Box{mark, small} {
		if share := dark(b); share < 0.9 {
			t.Errorf("%s: only %.0f %% of the mark at %v is there", name, 100*share, b)
		}
	}
	if share := dark(document.Box{0, 0, 200, 300}); share > 0.02 {
		t.Errorf("%s: %.1f %% of the page is black", name, 100*share)
	}
	var doc struct {
		Words []reported `xml:"body>doc>page>word"`
	}
	if err := xml.Unmarshal(tool(t, "pdftotext", "-cropbox", "-bbox", path, "-"), &doc); err != nil {
		t.Fatal(err)
	}
	for _, w := range doc.Words {
		if w.Text == "Hill" && math.Abs(w.X0-20) < 1 && math.Abs(w.X1-60) < 1 && w.Y0 > 10 && w.Y1 < 50 && w.Y1 > 35 {
			return
		}
	}
	t.Errorf("%s: words %+v", name, doc.Words)
}

// rendered is the first page at a point per pixel.
func rendered(t *testing.T, path string) *image.Gray {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "page")
	tool(t, "pdftoppm", "-cropbox", "-gray", "-r", "72", "-singlefile", path, prefix)
	data, err := os.ReadFile(prefix + ".pgm")
	if err != nil {
		t.Fatal(err)
	}
	var w, h, most int
	if _, err := fmt.Sscanf(string(data[:min(len(data), 64)]), "P5\n%d %d\n%d", &w, &h, &most); err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	copy(img.Pix, data[len(data)-w*h:])
	return img
}

// TestAllTurns: pages whose /Rotate and whose content each lie four ways come
// out upright, whatever the page's boxes.
func TestAllTurns(t *testing.T) {
	for _, rotate := range []int{0, 90, 180, 270} {
		for _, turn := range []int{0, 90, 180, 270} {
			for _, origin := range [][2]float64{{0, 0}, {-150, 37}} {
				w, h := 200.0, 300.0
				if (rotate+turn)%180 != 0 {
					w, h = h, w
				}
				box := document.Box{origin[0], origin[1], origin[0] + w, origin[1] + h}
				toPage, pw, ph := userToPage(box, rotate)
				toPage = toPage.Then(document.Turn(pw, ph, turn))
				back, _ := toPage.Inverse()
				content := marks(back)
				boxes := fmt.Sprintf("/MediaBox [%g %g %g %g] /CropBox [%g %g %g %g]", box[0]-10, box[1]-20, box[2]+30, box[3]+40, box[0], box[1], box[2], box[3])
				in := build(t, "<< /Type /Catalog /Pages 2 0 R >>",
					fmt.Sprintf("<< /Type /Pages /Count 1 /Kids [3 0 R] /Rotate %d %s >>", rotate-360, boxes), // inherited, as a negative angle
					"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << >> >>", plainStream(content))
				out := filepath.Join(t.TempDir(), "out.pdf")
				l := Layer{Page: onePage(1, 200, 300, markLine()), UserToPage: toPage, Turn: turn}
				if _, err := AddText(in, out, 1, listed(l), Options{}, nil); err != nil {
					t.Fatal(err)
				}
				tool(t, "qpdf", "--check", out)
				checkUpright(t, fmt.Sprintf("/Rotate %d, turn %d, origin %v", rotate, turn, origin), out, 1)
			}
		}
	}
}

// quarter turns a picture clockwise by 90 degrees.
func quarter(src *image.Gray) *image.Gray {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			out.SetGray(h-1-y, x, src.GrayAt(x, y))
		}
	}
	return out
}

func flipped(src *image.Gray) *image.Gray {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewGray(src.Rect)
	for y := range h {
		for x := range w {
			out.SetGray(w-1-x, y, src.GrayAt(x, y))
		}
	}
	return out
}

// TestPicturesTurned: pictures stored in every orientation and turned each way.
func TestPicturesTurned(t *testing.T) {
	upright := image.NewGray(image.Rect(0, 0, 200, 300))
	for i := range upright.Pix {
		x, y := float64(i%200)+0.5, float64(i/200)+0.5
		upright.Pix[i] = 0xFF
		for _, b := range []document.Box{mark, small} {
			if x > b[0] && x < b[2] && y > b[1] && y < b[3] {
				upright.Pix[i] = 0
			}
		}
	}
	// What is done to the stored picture to see it upright (TIFF 6.0, Orientation):
	// a mirror first, then clockwise quarters. To store it, they are undone.
	shown := map[int]struct {
		mirror   bool
		quarters int
	}{1: {}, 2: {true, 0}, 3: {false, 2}, 4: {true, 2}, 5: {true, 3}, 6: {false, 1}, 7: {true, 1}, 8: {false, 3}}
	for orientation := 1; orientation <= 8; orientation++ {
		for _, turn := range []int{0, 90, 180, 270} {
			stored := upright
			for range (8 - turn/90 - shown[orientation].quarters) % 4 {
				stored = quarter(stored)
			}
			if shown[orientation].mirror {
				stored = flipped(stored)
			}
			w, h := 200.0, 300.0
			if turn%180 != 0 {
				w, h = h, w
			}
			out := filepath.Join(t.TempDir(), "out.pdf")
			l := Layer{Page: onePage(1, 200, 300, markLine()), Turn: turn, UserToPage: document.Matrix{1, 0, 0, -1, 0, h}.Then(document.Turn(w, h, turn))}
			_, err := FromPictures(out, 1, listed(l), Options{}, func(int) (Picture, error) {
				return Picture{Pixels: stored, Width: stored.Rect.Dx(), Height: stored.Rect.Dy(), Orientation: orientation, PageWidth: w, PageHeight: h}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			checkUpright(t, fmt.Sprintf("orientation %d, turn %d", orientation, turn), out, 1)
		}
	}
}

// TestOddPages: content and page dictionaries that leave something behind or
// lack something.
func TestOddPages(t *testing.T) {
	const box = "/MediaBox [0 0 200 300]"
	draw := marks(flip(300))
	catalog := "<< /Type /Catalog /Pages 2 0 R >>"
	tree := "<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
	page := "<< /Type /Page /Parent 2 0 R " + box + " /Contents 4 0 R /Resources << /Font << /Intray 5 0 R >> >> >>"
	font := "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
	for name, objects := range map[string][]string{
		"too many Q":            {catalog, tree, page, plainStream(draw + "Q Q Q"), font},
		"too many q":            {catalog, tree, page, plainStream(draw + "q q 3 0 0 3 50 50 cm"), font},
		"text left open":        {catalog, tree, page, plainStream(draw + "BT /Intray 20 Tf 300 Tz 3 Tr 100 0 0 100 0 0 Tm"), font},
		"origin moved":          {catalog, tree, page, plainStream(draw + "0.5 0 0 0.5 70 70 cm"), font},
		"resources inherited":   {catalog, "<< /Type /Pages /Count 1 /Kids [3 0 R] /Resources << /ProcSet [/PDF] >> " + box + " >>", "<< /Type /Page /Parent 2 0 R /Contents [4 0 R] >>", plainStream(draw)},
		"contents in an array":  {catalog, tree, "<< /Type /Page /Parent 2 0 R " + box + " /Contents 5 0 R >>", plainStream(draw[:20]), "[4 0 R 6 0 R]", plainStream(draw[20:])},
		"page without /Type":    {catalog, tree, "<< /Parent 2 0 R " + box + " /Contents 4 0 R /Resources null >>", plainStream(draw)},
		"tree without /Count":   {catalog, "<< /Type /Pages /Kids [3 0 R] >>", page, plainStream(draw), font},
		"shared content stream": {catalog, "<< /Type /Pages /Count 2 /Kids [3 0 R 6 0 R] >>", page, plainStream(draw), font, page},
	} {
		in := build(t, objects...)
		out := filepath.Join(t.TempDir(), "out.pdf")
		l := Layer{Page: onePage(1, 200, 300, markLine()), UserToPage: flip(300)}
		if _, err := AddText(in, out, 1, listed(l), Options{}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name != "page without /Type" { // of which qpdf warns before as well
			tool(t, "qpdf", "--check", out)
		}
		checkUpright(t, name, out, 1)
	}
}

// TestUserUnit: a page in units of two points; text is placed in its units.
func TestUserUnit(t *testing.T) {
	in := build(t, "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 300] /UserUnit 2 /Contents 4 0 R >>", plainStream(marks(flip(300))))
	out := filepath.Join(t.TempDir(), "out.pdf")
	if _, err := AddText(in, out, 1, listed(Layer{Page: onePage(1, 200, 300, markLine()), UserToPage: flip(300)}), Options{}, nil); err != nil {
		t.Fatal(err)
	}
	checkUpright(t, "user unit", out, 1) // Poppler knows no units
}

// TestSharedPage: one page object that stands in the tree twice gets its text
// once.
func TestSharedPage(t *testing.T) {
	in := build(t, "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 2 /Kids [3 0 R 3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 300] /Contents 4 0 R >>", plainStream(marks(flip(300))))
	out := filepath.Join(t.TempDir(), "out.pdf")
	layers := []Layer{{Page: onePage(1, 200, 300, markLine()), UserToPage: flip(300)}, {Page: onePage(2, 200, 300, markLine()), UserToPage: flip(300)}}
	if _, err := AddText(in, out, 2, listed(layers...), Options{}, nil); err != nil {
		t.Fatal(err)
	}
	if text := string(tool(t, "pdftotext", out, "-")); text != "Hill\n\n\fHill\n\n\f" {
		t.Errorf("text %q", text)
	}
}

// TestForcedPage: a picture takes the content's place, a link stays.
func TestForcedPage(t *testing.T) {
	in := build(t, "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] /Rotate 90 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [10 20 310 220] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> /Annots [6 0 R] >>",
		plainStream("BT /F 40 Tf 20 40 Td (Garbage) Tj ET %"+strings.Repeat("x", 50_000)), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		"<< /Type /Annot /Subtype /Link /Rect [20 30 60 70] /Border [0 0 0] /A << /S /URI /URI (https://example.org/) >> >>")
	picture := image.NewGray(image.Rect(0, 0, 200, 300))
	for y := range 300 {
		for x := range 200 {
			picture.SetGray(x, y, color.Gray{0xFF})
			for _, b := range []document.Box{mark, small} {
				if x >= int(b[0]) && x < int(b[2]) && y >= int(b[1]) && y < int(b[3]) {
					picture.SetGray(x, y, color.Gray{})
				}
			}
		}
	}
	m, w, h := userToPage(document.Box{10, 20, 310, 220}, 90)
	out := filepath.Join(t.TempDir(), "out.pdf")
	l := Layer{Page: onePage(1, w, h, markLine()), UserToPage: m, Treat: TreatForce}
	_, err := AddText(in, out, 1, listed(l), Options{}, func(int) (Picture, error) {
		return Picture{Pixels: picture, Width: 200, Height: 300, PageWidth: 200, PageHeight: 300}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkUpright(t, "forced", out, 1)
	if text := string(tool(t, "pdftotext", out, "-")); strings.Contains(text, "Garbage") {
		t.Errorf("text %q", text)
	}
	if links := tool(t, "qpdf", "--json", out); !bytes.Contains(links, []byte("example.org")) {
		t.Error("the link is gone")
	}
	if all, err := os.ReadFile(out); err != nil || bytes.Contains(all, []byte("Garbage")) {
		t.Errorf("the old content is still in the file (%v)", err)
	}
}
