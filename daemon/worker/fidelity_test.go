package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
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
func marked(t *testing.T, r *Reader, path string) (out string, d pages.Document, read []int, err error) {
	t.Helper()
	source := Source{Path: path, MIME: pages.MIMEPDF, Limits: pages.Limits{MaxMegapixels: 100}}
	if d, err = r.open(context.Background(), source); err != nil {
		return "", nil, nil, err
	}
	q := AssembleRequest{Source: source, Pages: t.TempDir()}
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
		layer := pdf.Layer{Page: document.Page{Number: number, Width: g.Width, Height: g.Height, Decision: document.DecisionOCR,
			Blocks: []document.Block{{Kind: "text", Lines: []document.Line{{Baseline: document.Box{x, y, x + 40, y},
				Words: []document.Word{{Text: fmt.Sprintf("Xyzzy%d", number), Box: document.Box{x, y - 8, x + 40, y}}}}}}}},
			UserToPage: g.UserToPage}
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
		out, d, read, err := marked(t, r, path)
		if err != nil {
			if e, ok := errors.AsType[*engines.Error](err); ok && e.Sentence != "" {
				t.Logf("%-60s %s: %s (%v)", name, e.Code, e.Sentence, e.Cause)
			} else {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		before, after := qpdfCheck(path), qpdfCheck(out)
		if after != "" && before == "" {
			t.Errorf("%s: qpdf: %s", name, after)
		}
		if _, err := output("pdftotext", path, "-"); err != nil {
			t.Logf("%-60s cannot be read by Poppler: %v", name, err)
			continue
		}
		text, _ := output("pdftotext", "-raw", out, "-")
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

// toolTimeout is for tools that do not come to an end with hostile files.
const toolTimeout = 20 * time.Second

func output(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolTimeout)
	defer cancel()
	return exec.CommandContext(ctx, name, args...).Output()
}

func first(s string) string { s, _, _ = strings.Cut(s, "\n"); return s }

// qpdfCheck is what qpdf says against a file; "" is nothing.
func qpdfCheck(path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), toolTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "qpdf", "--check", path).CombinedOutput()
	if err == nil {
		return ""
	}
	text := strings.ReplaceAll(string(out), path, "")
	for line := range strings.Lines(text) {
		if strings.Contains(line, "WARNING") || strings.Contains(line, "ERROR") || strings.Contains(line, "qpdf:") {
			return strings.TrimSpace(line)
		}
	}
	return text
}

// TestRequiredPDFA: a PDF whose objects are written in a way PDF/A forbids is
// written anew where the folder asks for PDF/A, and extended where it does not;
// one with a font that is not there goes to review.
func TestRequiredPDFA(t *testing.T) {
	r := &Reader{CacheDir: cacheDir(t)}
	write := func(resources, content string) string {
		bodies := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
			"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 4 0 R /Resources << " + resources + " >> >>",
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content)}
		text, table := "%PDF-1.4\n", ""
		for i, body := range bodies {
			table += fmt.Sprintf("%010d 00000 n \n", len(text))
			text += fmt.Sprintf("%d 0 obj %s\nendobj\n", i+1, body)
		}
		text += fmt.Sprintf("xref\n0 5\n0000000000 65535 f \n%strailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", table, len(text))
		path := filepath.Join(t.TempDir(), "in.pdf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := write("", "0 0 1 rg 20 20 9 9 re f"), write("/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>", "BT /F 12 Tf 20 20 Td (a) Tj ET")
	for _, c := range []struct{ path, mode, conformance, code string }{
		{good, pdf.PDFAAuto, "", ""}, {good, pdf.PDFARequire, "PDF/A-2b", ""}, {bad, pdf.PDFARequire, "", "pdfa_not_possible"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(PageFile(dir, 1), []byte(`{"layer":{"turn":90}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		answer, err := r.assemble(t.Context(), AssembleRequest{Source: Source{Path: c.path, MIME: pages.MIMEPDF, Limits: pages.Limits{MaxMegapixels: 100}},
			Pages: dir, Out: filepath.Join(dir, "out.pdf"), Options: pdf.Options{PDFA: c.mode}})
		e, _ := engines.AsError(err)
		if (e == nil) != (c.code == "") || e != nil && e.Code != c.code || answer.Outcome.Conformance != c.conformance {
			t.Errorf("%s: %+v, %v", c.mode, answer.Outcome, err)
		}
		if rewritten := len(answer.Warnings) > 0; rewritten != (c.conformance != "") {
			t.Errorf("%s: %+v", c.mode, answer.Warnings)
		}
	}
}
