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
