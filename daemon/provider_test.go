package daemon

import (
	"fmt"
	"os"
	"strconv"
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
	o.waitOutcome("Delivered.")
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

// TestLostSubmission: what becomes of a document whose submission may have been
// taken is the configuration's to say, or the token's.
func TestLostSubmission(t *testing.T) {
	for name, c := range map[string]struct {
		engine     string
		idempotent bool
		want       string
		jobs, sent int
	}{
		"review":     {"", false, "Needs review.", 1, 1},
		"resubmit":   {"on_unknown = \"resubmit\"\n", false, "Delivered.", 2, 2},
		"idempotent": {"idempotent = true\n", true, "Delivered.", 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			s.loses, s.idempotent = 1, c.idempotent
			o := labOffice(t, s, `engine = "lab"`, c.engine)
			o.drop("bill.pdf", scanPDF(t, "first"))
			o.start()
			line := o.waitOutcome(c.want)
			if c.want == "Needs review." && !strings.Contains(line, "so it may be there already") {
				t.Error(line)
			}
			o.stop()
			if _, n := s.submissions(); n != c.sent || len(s.jobs) != c.jobs {
				t.Errorf("sent %d times, %d jobs; want %d and %d", n, len(s.jobs), c.sent, c.jobs)
			}
		})
	}
}

// TestPagesMissing: fewer pages than were sent are not delivered unseen.
func TestPagesMissing(t *testing.T) {
	s := newLabServer(t)
	s.short = 1
	o := labOffice(t, s, `engine = "lab"`, "")
	o.drop("bill.pdf", scanPDF(t, "first", "second", "third"))
	o.start()
	if line := o.waitOutcome("Needs review."); !strings.Contains(line, "3 pages were sent to lab and 2 came back") {
		t.Error(line)
	}
	o.stop()
}

// TestCloudSurvivesKills kills the program at each point of a submission, the first
// and second time it comes there: every document is delivered once, and is sent
// once more only where it cannot be known whether it was sent.
func TestCloudSurvivesKills(t *testing.T) {
	program := faulty(t)
	for _, point := range []string{"provider.submitting", "provider.taken", "provider.submitted", "provider.fetched", "provider.stored"} {
		for nth := range 2 {
			t.Run(point+":"+strconv.Itoa(nth+1), func(t *testing.T) {
				t.Parallel()
				s := newLabServer(t)
				s.polls = 1
				o := labOffice(t, s, `engine = "lab"`, "on_unknown = \"resubmit\"\n")
				o.program = program
				contents := [][]byte{scanPDF(t, "one"), scanPDF(t, "two"), scanPDF(t, "three")}
				for i, data := range contents {
					o.drop(fmt.Sprintf("bill%d.pdf", i), data)
				}
				o.env = []string{"INTRAY_FAULT=" + point + ":" + strconv.Itoa(nth+1)}
				o.launch()
				if err := o.daemon.Wait(); err == nil {
					t.Fatalf("it was not killed\n%s", o.log)
				}
				_, before := s.submissions()
				o.daemon, o.env = nil, nil
				o.start()
				o.until(nil, func() bool { return len(o.finals()) == 3 })
				o.stop()
				o.noDebris()
				again := 0
				for _, doc := range o.documents() {
					out, _, _ := runIntray(t, "show", doc.DocumentID, "--config", o.config)
					again += strings.Count(out, "the answer to the last submission was lost")
				}
				by, all := s.submissions()
				unsent := 0 // intents that the kill kept from being carried out
				if point == "provider.submitting" {
					unsent = 3*1 + again - all
				}
				if len(by) != 3 || all != 3+again-unsent || len(glob(o, "out/*.json")) != 3 || unsent < 0 {
					t.Errorf("sent %v (%d before the kill), %d explained, %d unsent, delivered %v", by, before, again, unsent, glob(o, "out/*.json"))
				}
				for _, path := range glob(o, "out/*.json") {
					if doc := readDocument(t, path); by[doc.Source.SHA256] == 0 {
						t.Errorf("%s was never sent", path)
					}
				}
			})
		}
	}
}
