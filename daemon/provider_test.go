package daemon

import (
	"os"
	"strings"
	"testing"
)

// TestCloudFolder: a document goes to the provider and comes back as any other,
// with its words in the PDF, its fields, and the raw answer kept.
func TestCloudFolder(t *testing.T) {
	s := newLabServer(t)
	s.polls = 2
	o := labOffice(t, s, `engine = "lab"`, "")
	o.drop("bill.pdf", scanPDF(t, "first", "second"))
	o.start()
	o.waitLog("Delivered.")
	doc := o.delivered("out", "bill.json")
	if doc.Engine.Name != "lab" || doc.Engine.Kind != "lab" || doc.Engine.Model != "lab-1" || doc.Engine.ProviderJobID != "job-1" {
		t.Errorf("%+v", doc.Engine)
	}
	if doc.Class.Name != "invoice" || doc.Class.Confidence != 0.97 || doc.Value("gross_total") != "119.00" || doc.Value("lab_mood") != "sunny" || len(doc.Tables) != 1 {
		t.Errorf("%+v %+v %+v", doc.Class, doc.Fields, doc.Tables)
	}
	for _, f := range doc.Fields {
		if f.Name == "gross_total" && (f.From != "lab" || f.Page != 1 || f.Box[0] <= 0 || f.Box[2] > doc.Pages[0].Width) {
			t.Errorf("%+v", f)
		}
	}
	if len(doc.Pages) != 2 || !strings.Contains(doc.Text, "page 2 of the lab") {
		t.Errorf("%d pages, %q", len(doc.Pages), doc.Text)
	}
	if text := outputOf(t, tool(t, "pdftotext"), o.path("out", "bill.pdf"), "-"); !strings.Contains(text, "Cloudy invoice") {
		t.Errorf("the PDF says %q", text)
	}
	if _, err := os.Stat(o.path("data", doc.Files.Raw)); err != nil || doc.Files.Raw == "" {
		t.Errorf("the raw answer %q: %v", doc.Files.Raw, err)
	}
	o.stop()
	o.noDebris()
	if _, n := s.submissions(); n != 1 || !s.deleted["job-1"] {
		t.Errorf("sent %d times, deleted %v", n, s.deleted)
	}
}
