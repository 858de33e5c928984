package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/engines"
)

// TestRequiredPDFA: a PDF whose objects are written in a way PDF/A forbids is
// written anew where the folder asks for PDF/A, and extended where it does not;
// one with a font that is not there goes to review.
func TestRequiredPDFA(t *testing.T) {
	r := &Reader{CacheDir: cacheDir(t)}
	defer r.Close() // before the folders go: Windows removes no open file
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
