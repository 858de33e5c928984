package daemon

import (
	"encoding/json"
	"strings"
	"testing"

	"intray/engines"
)

// compared is what stats says of comparisons, once there is something.
func compared(t *testing.T, o *office, ended func(comparison) int) (c comparison) {
	t.Helper()
	o.until(nil, func() bool {
		out, _, _ := runIntray(t, "stats", "--json", "--config", o.config)
		var s stats
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if len(s.Comparisons) == 0 {
			return false
		}
		c = s.Comparisons[0]
		return ended(c) > 0
	})
	return c
}

// TestCompare: a delivered document is read by a second engine as well, which is
// counted and changes nothing of it.
func TestCompare(t *testing.T) {
	s := newLabServer(t)
	s.result = func(pages int) engines.Result {
		r := labResult(pages)
		r.Pages[0].Blocks[0].Lines[0].Words[0].Text = "Policy:"
		r.Fields = []engines.Field{{Name: "policy", Value: "A-12", Type: "text", Page: 1}, {Name: "colour", Value: "red", Type: "text", Page: 1}}
		return r
	}
	o := labOffice(t, s, "engine = \"local\"\nclass = \"note\"\ncompare = { engine = \"lab\", share = 1.0 }", `
[[class]]
name = "note"
match = ["x"]
[[class.field]]
name = "policy"
labels = ["policy"]
[[class.field]]
name = "colour"
labels = ["colour"]
`)
	o.drop("note.pdf", scanPDF(t, "Policy: A-12"))
	o.start()
	o.waitOutcome("Delivered.")
	before := o.delivered("out", "note.json")
	c := compared(t, o, func(c comparison) int { return c.Documents + c.Failed + c.Dropped + c.Lost })
	out, _, _ := runIntray(t, "show", before.DocumentID, "--config", o.config)
	o.until(nil, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.deleted["job-1"]
	})
	o.stop()
	if kept := glob(o, "data/results/*/*"); len(kept) > 0 {
		t.Errorf("kept of a comparison: %q", kept)
	}
	o.noDebris()
	if c.First != "local" || c.Second != "lab" || c.Documents != 1 || value0(c.WordAgreement) <= 0 || value0(c.WordAgreement) >= 1 || value0(c.ConfidenceSecond) != 0.98 {
		t.Errorf("%+v", c)
	}
	fields := map[string]fieldComparison{}
	for _, f := range c.Fields {
		fields[f.Field] = f
	}
	if fields["policy"].Agreed != 1 || fields["colour"].OnlySecond != 1 {
		t.Errorf("%+v", fields)
	}
	if after := o.delivered("out", "note.json"); after.Engine.Name != "local" || after.State != before.State || after.Value("colour") != "" {
		t.Errorf("%+v", after)
	}
	if _, n := s.submissions(); n != 1 || !strings.Contains(out, "1 pages go to lab, for comparison only") {
		t.Errorf("sent %d times\n%s", n, out)
	}
}

// TestCompareIsHeldBack: what may not leave, or is over budget, is not sent, and a
// share of none is none.
func TestCompareIsHeldBack(t *testing.T) {
	t.Run("budget", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, "engine = \"local\"\ncompare = { engine = \"lab\", share = 1.0 }", "max_pages_per_day = 1\n")
		o.drop("two.pdf", scanPDF(t, "one", "two"))
		o.start()
		c := compared(t, o, func(c comparison) int { return c.Documents + c.Failed + c.Dropped + c.Lost })
		o.stop()
		if _, n := s.submissions(); n != 0 || c.Dropped != 1 {
			t.Errorf("sent %d times: %+v", n, c)
		}
	})
	t.Run("class", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, "engine = \"local\"\nclasses = [\"payslip\"]\ncompare = { engine = \"lab\", share = 1.0 }",
			"[[class]]\nname = \"payslip\"\nmatch = [\"SALARY\"]\nnever_cloud = true\n")
		o.drop("secret.pdf", scanPDF(t, "SALARY"))
		o.start()
		o.waitLog("Delivered.")
		o.stop()
		if docs := o.documents(); docs[0].State == "" {
			t.Fatal(docs)
		}
		if _, n := s.submissions(); n != 0 || len(glob(o, "data/results/*/*")) != 0 {
			t.Errorf("sent %d times, kept %q", n, glob(o, "data/results/*/*"))
		}
	})
	t.Run("contradiction", func(t *testing.T) {
		t.Parallel()
		o := labOffice(t, newLabServer(t), "engine = \"local\"\nnever_cloud = true\ncompare = { engine = \"lab\", share = 1.0 }", "")
		out, _ := o.command("run", "--config", o.config).CombinedOutput()
		if !strings.Contains(string(out), `folder "desk" compares with "lab"`) {
			t.Errorf("%s", out)
		}
	})
}

// TestCompareSurvivesKills: a kill while it is sent loses the comparison; after that
// it goes on. Nothing is ever sent twice.
func TestCompareSurvivesKills(t *testing.T) {
	program := faulty(t)
	for point, c := range map[string]struct{ lost, sent int }{
		"compare.begun": {1, 0}, "compare.taken": {1, 1}, "compare.sent": {0, 1}, "compare.fetched": {0, 1}, "compare.counted": {0, 1}} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			o := labOffice(t, s, "engine = \"local\"\ncompare = { engine = \"lab\", share = 1.0 }", "")
			o.program = program
			o.drop("note.pdf", scanPDF(t, "Policy: A-12"))
			o.dieAt(point + ":1")
			o.start()
			got := compared(t, o, func(c comparison) int { return c.Documents + c.Failed + c.Dropped + c.Lost })
			if c.lost == 0 {
				o.until(nil, func() bool {
					s.mu.Lock()
					defer s.mu.Unlock()
					return s.deleted["job-1"]
				})
			}
			o.stop()
			o.noDebris()
			if _, n := s.submissions(); n != c.sent || got.Lost != c.lost || got.Documents != 1-c.lost || len(glob(o, "out/*.json")) != 1 {
				t.Errorf("sent %d times: %+v", n, got)
			}
		})
	}
}
