package daemon

import (
	"slices"
	"strings"
	"testing"

	"intray/daemon/document"
)

// TestEscalationByWriting: handwriting and a script that no language has are read by
// the next engine, print is not; the JSON says why, and both answers are kept. The
// threshold of confidence is off, so that nothing else can be the reason.
func TestEscalationByWriting(t *testing.T) {
	t.Parallel()
	s := newLabServer(t)
	o := labOffice(t, s, "engine = [\"local\", \"lab\"]\nclass = \"none\"\naccept = [\"jpeg\"]\nescalate_below = 0.0\n", "")
	hand, cyrillic, hellenic, print := newSheet(), newSheet(), newSheet(), newSheet()
	hand.print(t, 200, english...) // most of it printed
	for i := range 6 {
		hand.scrawl(600 + float64(i)*90)
	}
	cyrillic.print(t, 200, russian...)
	hellenic.print(t, 200, greek...)
	print.print(t, 200, english...)
	o.start()
	for _, c := range []struct {
		name, why, script, code string
		page                    sheet
	}{
		{"hand", "page 1 looks handwritten to local", "", "read_again", hand},
		{"russian", "page 1 seems to be in a script (Cyrl)", "Cyrl", "read_again", cyrillic},
		{"greek", "page 1 seems to be in a script (Grek)", "Grek", "read_again", hellenic},
		{"print", "", "", "", print},
	} {
		_, before := s.submissions()
		o.drop(c.name+".jpg", c.page.jpeg(t))
		o.waitLog(c.name+".jpg", "Delivered.")
		doc := o.delivered("out", c.name+".json")
		_, after := s.submissions()
		if c.why == "" {
			if after != before || doc.Engine.Name != "local" || doc.Pages[0].Handwriting != "" || doc.Pages[0].Script != "" {
				t.Errorf("%s: sent %d times, read by %s, %+v", c.name, after-before, doc.Engine.Name, doc.Warnings)
			}
			continue
		}
		i := slices.IndexFunc(doc.Warnings, func(w document.Warning) bool { return w.Code == c.code })
		if after != before+1 || doc.Engine.Name != "lab" || i < 0 || !strings.Contains(doc.Warnings[i].Message, c.why) {
			t.Errorf("%s: sent %d times, read by %s, %+v", c.name, after-before, doc.Engine.Name, doc.Warnings)
		}
		if out, _, _ := runIntray(t, "show", doc.DocumentID, "--config", o.config); !strings.Contains(out, c.why) {
			t.Errorf("%s: its history does not say why:\n%s", c.name, out)
		}
		if kept := glob(o, "data/results/"+doc.DocumentID+"/*"); len(kept) != 2 {
			t.Errorf("%s: kept %q", c.name, kept)
		}
	}
	o.stop()
}

// TestEscalationAsAsked: what escalate_on does not name hands nothing on, but is told.
func TestEscalationAsAsked(t *testing.T) {
	t.Parallel()
	s := newLabServer(t)
	o := labOffice(t, s, "engine = [\"local\", \"lab\"]\nclass = \"none\"\naccept = [\"jpeg\"]\nescalate_on = [\"fields\", \"handwriting\"]\n", "")
	page := newSheet()
	page.print(t, 200, russian...)
	o.drop("russian.jpg", page.jpeg(t))
	o.start()
	o.waitLog("russian.jpg", "Delivered.")
	o.stop()
	doc := o.delivered("out", "russian.json")
	told := slices.ContainsFunc(doc.Warnings, func(w document.Warning) bool { return w.Code == "unsupported_script" })
	if _, n := s.submissions(); n != 0 || doc.Engine.Name != "local" || doc.Pages[0].Script != "Cyrl" || !told {
		t.Errorf("sent %d times, read by %s, %+v", n, doc.Engine.Name, doc.Warnings)
	}
}
