package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/daemon/pdf/pdftest"
	"intray/engines"
)

// cacheDir keeps PDFium's compiled code between test runs.
func cacheDir(t testing.TB) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		return t.TempDir()
	}
	return filepath.Join(base, "intray-test-pdfium")
}

// marked assembles the PDF at path with one line of text in the middle of every
// page that can be read.
func marked(t *testing.T, r *Reader, path, treat string, o pdf.Options) (out string, d pages.Document, read []int, err error) {
	t.Helper()
	return assembled(t, r, path, treat, document.DecisionOCR, o)
}

// assembled is marked for pages with any decision.
func assembled(t *testing.T, r *Reader, path, treat, decision string, o pdf.Options) (out string, d pages.Document, read []int, err error) {
	t.Helper()
	source := Source{Path: path, MIME: pages.MIMEPDF, Limits: pages.Limits{MaxMegapixels: 400}}
	if d, err = r.open(context.Background(), source); err != nil {
		return "", nil, nil, err
	}
	q := AssembleRequest{Source: source, Pages: t.TempDir(), Options: o}
	q.Out = filepath.Join(q.Pages, "out.pdf")
	for number := 1; number <= d.Info().Pages; number++ {
		p, err := d.Picture(context.Background(), number)
		if err != nil {
			q.Unread = append(q.Unread, number)
			continue
		}
		read = append(read, number)
		g := p.Geometry
		x, y := g.Width/2, g.Height/2
		layer := pdf.Layer{Page: document.Page{Number: number, Width: g.Width, Height: g.Height, Decision: decision,
			Blocks: []document.Block{{Kind: "text", Lines: []document.Line{{Baseline: document.Box{x, y, x + 40, y},
				Words: []document.Word{{Text: fmt.Sprintf("Xyzzy%d", number), Box: document.Box{x, y - 8, x + 40, y}}}}}}}},
			UserToPage: g.UserToPage, Treat: treat}
		data, err := json.Marshal(map[string]any{"layer": layer})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(PageFile(q.Pages, number), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err = r.assemble(context.Background(), q)
	return q.Out, d, read, err
}

// TestCorpusPDFs gives every page of every PDF a line of text: the result is a
// PDF that qpdf takes, with the line on every page, or a refusal in words.
func TestCorpusPDFs(t *testing.T) {
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
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Skip("skipped: qpdf is not installed")
	}
	r := &Reader{CacheDir: cacheDir(t)}
	defer r.Close()
	for _, path := range files {
		name := filepath.Base(path)
		if name == "qpdf-fuzz-69977d.pdf" {
			t.Logf("%-60s skipped: qpdf takes minutes to check it", name)
			continue
		}
		out, d, read, err := marked(t, r, path, pdf.TreatKeep, pdf.Options{PDFA: pdf.PDFAOff})
		if err != nil {
			if e, ok := errors.AsType[*engines.Error](err); ok && e.Sentence != "" {
				t.Logf("%-60s %s: %s (%v)", name, e.Code, e.Sentence, e.Cause)
			} else {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		before, after := qpdfCheck(t, path), qpdfCheck(t, out)
		if after != "" && before == "" {
			t.Errorf("%s: qpdf: %s", name, after)
		}
		if before == "" && len(read) > 0 && !strange(name) {
			checkKept(t, name, path, out)
		}
		if _, err := pdftest.Run(t, "pdftotext", path, "-"); err != nil {
			t.Logf("%-60s cannot be read by Poppler: %v", name, err)
			continue
		}
		text, _ := pdftest.Run(t, "pdftotext", "-raw", out, "-")
		missing := 0
		for _, number := range read {
			if !regexp.MustCompile(fmt.Sprintf(`Xyzzy%d\b|\b%[1]dyzzyX`, number)).Match(text) {
				t.Logf("%s: page %d", name, number)
				missing++
			}
		}
		if missing > 0 && !d.Info().Signed {
			t.Errorf("%s: %d of %d pages without text (qpdf before: %q)", name, missing, len(read), before)
		}
		t.Logf("%-60s %d of %d pages, qpdf before %q after %q", name, len(read), d.Info().Pages, first(before), first(after))
	}
}

// strange files are those of which qpdf's JSON is none, or takes for ever.
func strange(name string) bool {
	return name == "ocrmypdf-negzero.pdf" || name == "qpdf-shared-unnamed-field.pdf"
}

func first(s string) string { s, _, _ = strings.Cut(s, "\n"); return s }

// qpdfCheck is what qpdf says against a file; "" is nothing.
func qpdfCheck(t *testing.T, path string) string {
	t.Helper()
	_, err := pdftest.Run(t, "qpdf", "--check", path)
	if err == nil {
		return ""
	}
	text := strings.ReplaceAll(err.Error(), path, "")
	for line := range strings.Lines(text) {
		if strings.Contains(line, "WARNING") || strings.Contains(line, "ERROR") {
			return strings.TrimSpace(line)
		}
	}
	return text
}

// checkKept compares everything but the pages' content, and the pictures.
func checkKept(t *testing.T, name, before, after string, skip ...string) {
	t.Helper()
	different, err := pdftest.Differences(t, before, after, skip...)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, d := range different {
		t.Errorf("%s: %s", name, d)
	}
	a, err1 := pdftest.Images(t, before)
	b, err2 := pdftest.Images(t, after)
	if err1 != nil || err2 != nil || !slices.Equal(slices.Compact(a), slices.Compact(b)) {
		t.Errorf("%s: pictures %v became %v (%v, %v)", name, a, b, err1, err2)
	}
}

// TestRewrittenIsWhole: a file that must be written anew loses nothing.
func TestRewrittenIsWhole(t *testing.T) {
	// PDFium compresses what is not compressed yet.
	rich := filepath.Join(t.TempDir(), "rich.pdf")
	if out, err := pdftest.Run(t, "qpdf", "--object-streams=disable", "--compress-streams=y", pdftest.Rich(t), rich); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(rich)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data string) string {
		path := filepath.Join(t.TempDir(), "odd.pdf")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := map[string]string{
		"rubbish in front": write("Content-Type: application/pdf\r\n\r\n" + string(data)),
		"wrong startxref":  write(regexp.MustCompile(`startxref\n\d+`).ReplaceAllString(string(data), "startxref\n77")),
		"misplaced object": write(strings.Replace(string(data), "\nxref\n0 ", "\n% a line more\nxref\n0 ", 1)),
		"wrong offsets":    write(strings.Replace(string(data), "7 0 obj", "% what is this\n7 0 obj", 1)),
	}
	for _, bits := range []string{"40", "128", "256"} {
		path := filepath.Join(t.TempDir(), "locked.pdf")
		args := []string{"--allow-weak-crypto", "--object-streams=generate", "--encrypt", "", "owner", bits, "--", rich, path}
		if out, err := pdftest.Run(t, "qpdf", args...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		files["owner password, "+bits+" bits"] = path
	}
	r := &Reader{CacheDir: cacheDir(t)}
	defer r.Close()
	for name, path := range files {
		for _, above := range []int64{0, 1} {
			decision := document.DecisionOCR
			if above == 0 {
				decision = document.DecisionKept // there is nothing to add: the damage is still to be mended
			}
			out, d, read, err := assembled(t, r, path, pdf.TreatKeep, decision, pdf.Options{PDFA: pdf.PDFAOff, LinearizeAbove: above})
			if err != nil || len(read) != 3 {
				t.Errorf("%s: %v (%v)", name, err, read)
				continue
			}
			if strings.HasPrefix(name, "owner") != d.Info().Protected {
				t.Errorf("%s: protected %v", name, d.Info().Protected)
			}
			if problem := qpdfCheck(t, out); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
			checkKept(t, name, rich, out, "Root.Metadata.dict.Filter", "Root.Metadata.stream")
		}
	}
}

// TestForcedPagesLookTheSame: a picture has taken the place of each page, whose
// text is gone and whose links are not.
func TestForcedPagesLookTheSame(t *testing.T) {
	r := &Reader{CacheDir: cacheDir(t)}
	defer r.Close()
	rich := pdftest.Rich(t)
	out, _, read, err := marked(t, r, rich, pdf.TreatForce, pdf.Options{PDFA: pdf.PDFAOff})
	if err != nil || len(read) != 3 {
		t.Fatalf("%v (%v)", err, read)
	}
	if problem := qpdfCheck(t, out); problem != "" {
		t.Error(problem)
	}
	text, err := pdftest.Run(t, "pdftotext", out, "-")
	if err != nil || bytes.Contains(text, []byte("Page")) || bytes.Count(text, []byte("Xyzzy")) != 3 {
		t.Errorf("text %q, %v", text, err)
	}
	different, err := pdftest.Differences(t, rich, out)
	for _, d := range different {
		if !strings.Contains(d, "Resources") { // which went with the content
			t.Error(d)
		}
	}
	if err != nil {
		t.Error(err)
	}
	for page := range 3 {
		args := []string{"-gray", "-r", "36", "-singlefile", "-f", fmt.Sprint(page + 1)}
		a, err1 := pdftest.Run(t, "pdftoppm", append(args, rich)...)
		b, err2 := pdftest.Run(t, "pdftoppm", append(args, out)...)
		if err1 != nil || err2 != nil || len(a) != len(b) {
			t.Fatalf("page %d: %v, %v", page+1, err1, err2)
		}
		sum := 0
		for i := range a {
			sum += max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
		}
		if mean := float64(sum) / float64(len(a)); mean > 3 {
			t.Errorf("page %d looks different: %.1f of 255", page+1, mean)
		}
	}
}
