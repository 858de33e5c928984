package pdf

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/pdf/pdftest"
)

// checkLinear has qpdf look at a linearized file.
func checkLinear(t *testing.T, path string) {
	t.Helper()
	tool(t, "qpdf", "--check", path)
	if out := string(tool(t, "qpdf", "--show-linearization", path)); strings.Contains(out, "WARNING") || !strings.Contains(out, "no errors") && !strings.Contains(out, "file_size") {
		t.Errorf("%s", out)
	}
	if info := string(tool(t, "pdfinfo", path)); !strings.Contains(info, "Optimized:       yes") {
		t.Errorf("%s", info)
	}
}

func TestLinearizedPictures(t *testing.T) {
	for _, n := range []int{1, 2, 40} {
		var layers []Layer
		for i := 1; i <= n; i++ {
			layers = append(layers, Layer{Page: onePage(i, 300, 400, helloLine(float64(50+i))), UserToPage: flip(400)})
		}
		path, _ := scanOf(t, n, layers...)
		before, err := pdftest.Images(t, path)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := linearize(path); !done || err != nil {
			t.Fatalf("%d pages: %v, %v", n, done, err)
		}
		checkLinear(t, path)
		if after, err := pdftest.Images(t, path); err != nil || len(before) != n || !slices.Equal(before, after) {
			t.Errorf("%d pages: pictures changed (%v)", n, err)
		}
		if text := string(tool(t, "pdftotext", path, "-")); strings.Count(text, "Größe of 😀-fish") != n {
			t.Errorf("%d pages: text %q", n, text)
		}
	}
}

// TestLinearizedKeepsItsClaim: a file that is PDF/A stays so.
func TestLinearizedKeepsItsClaim(t *testing.T) {
	path, stored := filepath.Join(t.TempDir(), "scan.pdf"), greyJPEG(t, 600, 800)
	o := Options{Producer: "Intray (test)", PDFA: PDFARequire, LinearizeAbove: 1}
	outcome, err := FromPictures(path, 3, listed(Layer{Page: onePage(2, 300, 400, helloLine(50)), UserToPage: flip(400)}), o, func(int) (Picture, error) {
		return Picture{Stream: &Stream{Filter: "DCTDecode", Data: stored, Colours: 1, Bits: 8}, Width: 600, Height: 800, PageWidth: 300, PageHeight: 400}, nil
	})
	if err != nil || outcome.Conformance != "PDF/A-2b" {
		t.Fatalf("%+v, %v", outcome, err)
	}
	checkLinear(t, path)
	if again, err := Judge(path, o); err != nil || again.Conformance != "PDF/A-2b" {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestCorpusLinearized linearizes every PDF of the corpus that can be read
// without repair.
func TestCorpusLinearized(t *testing.T) {
	var files []string
	for _, dir := range []string{"formats", "hostile"} {
		found, err := filepath.Glob("../../../shared/corpus/" + dir + "/*.pdf")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("skipped: the corpus is not there")
	}
	n := 0
	for _, path := range files {
		name := filepath.Base(path)
		out := filepath.Join(t.TempDir(), "out.pdf")
		if err := Copy(path, out); err != nil {
			t.Fatal(err)
		}
		done, err := linearize(out)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, invalid := pdftest.Run(t, "qpdf", "--check", path)
		if !done && invalid == nil {
			t.Logf("%s stays as it is", name)
		}
		if !done || err != nil {
			continue
		}
		n++
		if invalid != nil {
			continue
		}
		for _, args := range [][]string{{"--check", out}, {"--show-linearization", out}} {
			if b, err := pdftest.Run(t, "qpdf", args...); err != nil || strings.Contains(string(b), "WARNING") {
				t.Errorf("%s: %v: %.600s", name, err, b)
			}
		}
	}
	t.Logf("%d of %d files linearized", n, len(files))
}
