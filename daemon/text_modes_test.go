package daemon

import (
	"os"
	"strings"
	"testing"

	"intray/daemon/document"
)

// TestTextModes drops what an earlier run delivered: its invisible text is kept,
// replaced or read anew as the folder's text says, and never stands there twice.
func TestTextModes(t *testing.T) {
	t.Parallel()
	first := newOffice(t, "")
	first.start()
	first.drop("scan.pdf", scanPDF(t, "delivered once already", "and a second page"))
	first.waitLog("Delivered.", "scan.pdf")
	first.stop()
	layered, err := os.ReadFile(first.path("out", "scan.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[string]struct{ decision, reason string }{
		"keep":  {document.DecisionKept, "text of its own"},
		"redo":  {document.DecisionOCR, `"redo"`},
		"force": {document.DecisionOCR, `"force"`},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, "")
			o.configure("text = \"" + mode + "\"\n")
			o.start()
			o.drop("again.pdf", layered)
			o.waitLog("Delivered.", "again.pdf")
			o.stop()
			doc := o.delivered("out", "again.json")
			for _, p := range doc.Pages {
				if p.Decision != want.decision || !strings.Contains(p.Reason, want.reason) {
					t.Errorf("page %d: %s, %s", p.Number, p.Decision, p.Reason)
				}
			}
			said := strings.Join(strings.Fields(outputOf(t, "pdftotext", o.path("out", "again.pdf"), "-")), " ")
			if said != "delivered once already and a second page" {
				t.Errorf("the PDF says %q", said)
			}
			if told := strings.Join(strings.Fields(doc.Text), " "); told != said {
				t.Errorf("the JSON says %q", told)
			}
		})
	}
}
