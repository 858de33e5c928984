package pdftest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDifferences: what is lost or changed is seen.
func TestDifferences(t *testing.T) {
	rich := Rich(t)
	if out, err := Run(t, "qpdf", "--check", rich); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if d, err := Differences(t, rich, rich); err != nil || len(d) > 0 {
		t.Fatalf("%v, %v", d, err)
	}
	data, err := os.ReadFile(rich)
	if err != nil {
		t.Fatal(err)
	}
	for was, is := range map[string]string{"(Two)": "(One)", "/FitH 200": "/FitH 201", "notes\nends": "motes\nends", "/NeedAppearances true": "/NeedAppearance_ true",
		"/S /r ": "/S /R ", "/MCID 0 >> >>": "/MCID 1 >> >>", "(kept)": "(lost)", "/Group": "/Grown", "/Im 7 0 R": "/In 7 0 R"} {
		path := filepath.Join(t.TempDir(), "changed.pdf")
		if err := os.WriteFile(path, []byte(strings.Replace(string(data), was, is, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if d, err := Differences(t, rich, path); err != nil || len(d) == 0 {
			t.Errorf("%s in place of %s is not seen: %v", is, was, err)
		}
	}
}
