package pdf

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/pdf/objects"
)

// TestStaleReferences: a reference to another generation, or to nothing, is null
// and takes nothing from those that are good.
func TestStaleReferences(t *testing.T) {
	tree := "<< /Type /Pages /Count 1 /Kids [3 0 R] /Resources << /Font << /F 5 0 R >> >> >>"
	page := "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 300] /Contents 4 0 R >>"
	in := build(t, "<< /Type /Catalog /Odd [5 1 R 6 0 R 7 0 R 8 0 R 9 0 R] /Pages 2 0 R >>", tree, page,
		plainStream("BT /F 12 Tf 20 200 Td (Seen) Tj ET"), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	out := filepath.Join(t.TempDir(), "out.pdf")
	if err := Copy(in, out); err != nil {
		t.Fatal(err)
	}
	if done, err := linearize(out); err != nil || !done {
		t.Fatalf("linearized %v, %v", done, err)
	}
	checkLinear(t, out)
	if text := string(tool(t, "pdftotext", out, "-")); strings.TrimSpace(text) != "Seen" {
		t.Errorf("text %q", text)
	}
	if pdf := string(tool(t, "qpdf", "--qdf", "--object-streams=disable", out, "-")); !strings.Contains(strings.Join(strings.Fields(pdf), " "), "/Odd [ null null null null null ]") {
		t.Errorf("dangling references in %s", pdf)
	}
	src, err := objects.Open(build(t, "<< /Type /Catalog /Odd 7 65535 R /Pages 2 0 R >>", tree, page))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := newRewriting(src); !errors.Is(err, errAsIs) {
		t.Errorf("a reference to a name of ours: %v", err)
	}
}
