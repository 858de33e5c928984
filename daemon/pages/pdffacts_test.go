package pages

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/pdf/pdftest"
)

// catalogPDF has the catalog's further entries and objects from number 4 on.
func catalogPDF(t testing.TB, entries string, objects ...string) string {
	t.Helper()
	all := append([]string{"<< /Type /Catalog /Pages 2 0 R " + entries + " >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>"}, objects...)
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	table := "0000000000 65535 f \n"
	for i, o := range all {
		table += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	fmt.Fprintf(&b, "xref\n0 %d\n%strailer\n<< /Size %[1]d /Root 1 0 R >>\nstartxref\n%[3]d\n%%%%EOF\n", len(all)+1, table, b.Len())
	return write(t, "catalog.pdf", []byte(b.String()))
}

// TestSignedIsWhatHasASignature: a field for one is not enough, and one below
// other fields is.
func TestSignedIsWhatHasASignature(t *testing.T) {
	const value = "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 1 2 3] /Contents <00> >>"
	for name, c := range map[string]struct {
		entries string
		objects []string
		signed  bool
	}{
		"nothing":           {},
		"empty field":       {"/AcroForm << /Fields [4 0 R] >>", []string{"<< /FT /Sig /T (a) >>"}, false},
		"signed field":      {"/AcroForm << /Fields [4 0 R] >>", []string{"<< /FT /Sig /T (a) /V 5 0 R >>", value}, true},
		"direct field":      {"/AcroForm << /Fields [<< /FT /Sig /T (a) /V " + value + " >>] >>", nil, true},
		"below a parent":    {"/AcroForm 4 0 R", []string{"<< /Fields 5 0 R >>", "[6 0 R]", "<< /T (p) /FT /Sig /Kids [7 0 R] >>", "<< /T (a) /V 8 0 R >>", value}, true},
		"value above":       {"/AcroForm << /Fields [4 0 R] >>", []string{"<< /T (p) /V 6 0 R /Kids [5 0 R] >>", "<< /T (a) /FT /Sig >>", value}, true},
		"text field":        {"/AcroForm << /Fields [4 0 R] >>", []string{"<< /FT /Tx /T (a) /V (Sig) >>"}, false},
		"fields in circles": {"/AcroForm << /Fields [4 0 R] >>", []string{"<< /T (a) /Kids [4 0 R 4 0 R 5 0 R] >>", "<< /T (b) /Kids [4 0 R] >>"}, false},
		"certified":         {"/Perms << /DocMDP 4 0 R >>", []string{value}, true},
		"usage rights":      {"/Perms << /UR3 4 0 R >>", []string{value}, true},
		"no rights":         {"/Perms << >>", nil, false},
	} {
		path := catalogPDF(t, c.entries, c.objects...)
		if got, ok := readCatalog(path); !ok || got.signed != c.signed {
			t.Errorf("%s: signed %v (read %v)", name, got.signed, ok)
		}
		locked := filepath.Join(t.TempDir(), "locked.pdf")
		if out, err := pdftest.Run(t, "qpdf", "--object-streams=generate", "--encrypt", "", "owner", "256", "--", path, locked); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got, ok := readCatalog(locked); !ok || got.signed != c.signed {
			t.Errorf("%s, encrypted: signed %v (read %v)", name, got.signed, ok)
		}
	}
}

// TestWhatAReaderMustKnow: content that cannot be seen is mentioned.
func TestWhatAReaderMustKnow(t *testing.T) {
	o := &Opener{CacheDir: sharedCache(t)}
	defer o.Close()
	for entries, want := range map[string]string{
		"":                     "",
		"/NeedsRendering true": "xfa_form",
		"/AcroForm << /XFA [(template) 4 0 R] /Fields [] >>":          "xfa_form",
		"/AcroForm << /XFA [(template) 4 0 R] /Fields [<</T(a)>>] >>": "",
		"/Collection << /View /T >>":                                  "portfolio",
	} {
		d, err := o.Open(t.Context(), catalogPDF(t, entries, "<< /Length 0 >>\nstream\n\nendstream"), MIMEPDF)
		if err != nil {
			t.Fatal(err)
		}
		codes := ""
		for _, w := range d.Info().Warnings {
			codes += w.Code
		}
		if codes != want {
			t.Errorf("%s: %q, want %q", entries, codes, want)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
