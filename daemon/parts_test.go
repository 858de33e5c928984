package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest/servers"
)

// sevenPages is a document that a lab of three pages a job gets in three parts.
func sevenPages(t *testing.T) []byte {
	return scanPDF(t, "one", "two", "three", "four", "five", "six", "seven")
}

// TestSentInParts: a document that is too long goes in parts, and comes back whole.
func TestSentInParts(t *testing.T) {
	s := newLabServer(t)
	s.polls = 1
	fetched := 0
	s.result = func(pages int) engines.Result {
		fetched++
		r := labResult(pages)
		r.Fields[8].Value = fmt.Sprint("mood of part ", fetched)
		if fetched == 3 {
			r.Fields = append(r.Fields, engines.Field{Name: "last_words", Value: "bye", Type: "text", Page: 1, Box: engines.Box{X0: 1, Y0: 1, X1: 9, Y1: 9}})
		}
		r.Pages[0].Marks = []engines.Mark{{Box: engines.Box{X0: 100, Y0: 100, X1: 120, Y1: 120}, Selected: true, Confidence: 0.9}}
		return r
	}
	o := labOffice(t, s, `engine = "lab"`, "max_pages_each = 3\nsplits = true\nmax_pages_per_day = 7\n")
	o.drop("long.pdf", sevenPages(t))
	o.start()
	o.waitOutcome("Delivered.")
	doc := o.delivered("out", "long.json")
	if out, _, _ := runIntray(t, "stats", "--config", o.config); !strings.Contains(out, "pages sent today 7") {
		t.Error(out)
	}
	o.stop()
	o.noDebris()
	sizes := []int{}
	for n := range len(s.jobs) {
		id := fmt.Sprintf("job-%d", n+1)
		if sizes = append(sizes, s.jobs[id]); servers.PagesOf(s.bodies[id]) != s.jobs[id] || !s.deleted[id] {
			t.Errorf("%s: %d pages said, %d sent, deleted %v", id, s.jobs[id], servers.PagesOf(s.bodies[id]), s.deleted[id])
		}
	}
	if _, sent := s.submissions(); fmt.Sprint(sizes) != "[3 3 1]" || sent != 3 {
		t.Errorf("sent %v, %d times", sizes, sent)
	}
	if len(s.tokens) != 3 {
		t.Errorf("tokens %v: each part has its own", s.tokens)
	}
	parts := ""
	for i, p := range doc.Engine.Parts {
		parts += fmt.Sprintf("%v %s ", p.Pages, p.ProviderJobID)
		if _, err := os.Stat(o.path("data", p.Raw)); err != nil || i > 0 && p.Raw == doc.Files.Raw {
			t.Errorf("%q: %v", p.Raw, err)
		}
	}
	if want := "[1 3] job-1 [4 6] job-2 [7 7] job-3 "; parts != want || doc.Engine.ProviderJobID != "job-1" {
		t.Errorf("parts %q, want %q", parts, want)
	}
	tables := []int{}
	for _, table := range doc.Tables {
		tables = append(tables, table.Page)
	}
	if fmt.Sprint(tables) != "[1 4 7]" || len(doc.Pages) != 7 || strings.Count(doc.Text, "Cloudy invoice") != 7 {
		t.Errorf("tables on pages %v, %d pages, %q", tables, len(doc.Pages), doc.Text)
	}
	for _, page := range []int{1, 4, 7} {
		if m := doc.Pages[page-1].Marks; len(m) != 1 || m[0].State != "selected" || m[0].Box[0] <= 0 || m[0].Confidence != 0.9 {
			t.Errorf("marks of page %d: %+v", page, m)
		}
	}
	if len(doc.Pages[1].Marks) != 0 || doc.Value("lab_mood") != "mood of part 1" {
		t.Errorf("%+v %q", doc.Pages[1].Marks, doc.Value("lab_mood"))
	}
	for _, f := range doc.Fields {
		if f.Name == "last_words" && (f.Page != 7 || f.Value != "bye") {
			t.Errorf("%+v", f)
		}
	}
	warned := fmt.Sprint(doc.Warnings)
	if !strings.Contains(warned, "in 3 parts") || !strings.Contains(warned, "another lab_mood: mood of part 2") {
		t.Error(warned)
	}
}

// TestPartsByBytes: parts are as small as they must be, and one page that is too
// large fails with a sentence.
func TestPartsByBytes(t *testing.T) {
	content := sevenPages(t)
	for name, c := range map[string]struct {
		bytes int
		want  string
	}{"fits in parts": {len(content) / 2, "Delivered."}, "one page is too large": {200, "Failed."}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			o := labOffice(t, s, `engine = "lab"`, fmt.Sprintf("max_bytes_each = %d\nsplits = true\n", c.bytes))
			o.drop("long.pdf", content)
			o.start()
			line := o.waitOutcome(c.want)
			o.stop()
			pages := 0
			for id, n := range s.jobs {
				if pages += n; len(s.bodies[id]) > c.bytes {
					t.Errorf("%s has %d bytes", id, len(s.bodies[id]))
				}
			}
			if c.want == "Failed." && (pages != 0 || !strings.Contains(line, "Page 1 alone has")) || c.want == "Delivered." && (pages != 7 || len(s.jobs) < 2) {
				t.Errorf("%d pages in %d jobs: %s", pages, len(s.jobs), line)
			}
		})
	}
}

// TestPartsOverBudget: a document is not begun whose rest may not follow.
func TestPartsOverBudget(t *testing.T) {
	s := newLabServer(t)
	o := labOffice(t, s, "engine = [\"lab\", \"local\"]", "max_pages_each = 3\nsplits = true\nmax_pages_per_day = 6\n")
	o.drop("long.pdf", sevenPages(t))
	o.start()
	o.waitOutcome("Delivered.")
	o.stop()
	if _, n := s.submissions(); n != 0 || o.delivered("out", "long.json").Engine.Name != "local" {
		t.Errorf("sent %d times", n)
	}
}

// TestPartsSurviveKills: a kill at any point of any part sends no part again that was
// answered, and one whose fate is unknown once more.
func TestPartsSurviveKills(t *testing.T) {
	program := faulty(t)
	for _, c := range []struct {
		point string
		sent  int
	}{{"provider.submitting:2", 3}, {"provider.taken:2", 4}, {"provider.submitted:2", 3}, {"provider.fetched:1", 3}, {"provider.stored:1", 3}, {"provider.stored:3", 3}} {
		t.Run(c.point, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			o := labOffice(t, s, `engine = "lab"`, "max_pages_each = 3\nsplits = true\non_unknown = \"resubmit\"\n")
			o.program = program
			o.drop("long.pdf", sevenPages(t))
			o.dieAt(c.point)
			o.start()
			o.waitOutcome("Delivered.")
			doc := o.delivered("out", "long.json")
			fetched := func() bool { // what was fetched is deleted there, now or at the start
				s.mu.Lock()
				defer s.mu.Unlock()
				return len(s.deleted) == 3
			}
			o.until(nil, fetched)
			o.stop()
			o.noDebris()
			if _, n := s.submissions(); n != c.sent || len(doc.Engine.Parts) != 3 || len(doc.Pages) != 7 {
				t.Errorf("sent %d times, want %d: %+v", n, c.sent, doc.Engine)
			}
			for _, p := range doc.Engine.Parts {
				if n, err := strconv.Atoi(strings.TrimPrefix(p.ProviderJobID, "job-")); err != nil || n > c.sent {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}
