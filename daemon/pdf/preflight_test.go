package pdf

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// preflight asks Apache PDFBox Preflight, which knows PDF/A-1b alone, what is
// wrong with a file.
func preflight(t *testing.T, path string) []string {
	t.Helper()
	var jars []string
	for _, name := range []string{"preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api"} {
		jar := "/usr/share/java/" + name + ".jar"
		if _, err := os.Stat(jar); err != nil {
			t.Skipf("skipped: %s is not there (libpdfbox2-java, libjaxb-api-java, libactivation-java)", jar)
		}
		jars = append(jars, jar)
	}
	if _, err := exec.LookPath("java"); err != nil {
		t.Skip("skipped: there is no java")
	}
	// It leaves with an error where the file has one.
	out, _ := exec.Command("java", "-cp", strings.Join(jars, ":"), "org.apache.pdfbox.preflight.Validator_A1b", path).Output()
	if !strings.Contains(string(out), "valid PDF/A-1b file") {
		t.Fatalf("preflight says nothing: %q", out)
	}
	var errs []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && line[0] >= '0' && line[0] <= '9' {
			errs = append(errs, line)
		}
	}
	return errs
}

// TestAnotherValidator: a scan of ours breaks no rule that parts 1 and 2 share,
// and text over a PDF/A-1b leaves it one.
func TestAnotherValidator(t *testing.T) {
	scan, _ := scanOf(t, 1, Layer{Page: onePage(1, 300, 400, helloLine(100)), UserToPage: flip(400)})
	if errs := preflight(t, scan); len(errs) != 1 || !strings.HasPrefix(errs[0], "7.11.2") { // "part must be 1"
		t.Errorf("scan: %q", errs)
	}
	const lorem = "../../../shared/corpus/formats/opf-lorem-pdfa.pdf"
	if _, err := os.Stat(lorem); err != nil {
		t.Skip("skipped: ../shared/corpus is not there")
	}
	out := filepath.Join(t.TempDir(), "out.pdf")
	_, err := AddText(lorem, out, 1, listed(Layer{Page: onePage(1, 595, 842, helloLine(50)), UserToPage: flip(842)}), Options{PDFA: PDFAAuto, Language: "en"}, nil)
	if errs := preflight(t, out); err != nil || len(errs) > 0 {
		t.Errorf("PDF/A-1b with text: %v, %q", err, errs)
	}
}
