package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"intray/ledger"
)

// office is a ledger with a fortnight in it.
type office struct {
	t   *testing.T
	l   *ledger.Ledger
	now time.Time
	n   int
}

func newOffice(t *testing.T) *office {
	o := &office{t: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Clock: func() time.Time { return o.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	o.l = l
	return o
}

func (o *office) receive() string {
	o.t.Helper()
	o.n++
	doc, err := o.l.Receive(ledger.Arrival{Folder: "desk", Path: "a.pdf", Name: "a.pdf", SHA256: fmt.Sprintf("%064d", o.n)})
	if err != nil {
		o.t.Fatal(err)
	}
	o.apply(doc.ID, ledger.Validate("application/pdf", 2))
	return doc.ID
}

func (o *office) apply(id string, moves ...ledger.Move) {
	o.t.Helper()
	for _, m := range moves {
		if _, err := o.l.Apply(id, m); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (o *office) later(d time.Duration) { o.now = o.now.Add(d) }

// fortnight has documents of every outcome.
func (o *office) fortnight() {
	until := func() time.Time { return o.now.Add(time.Hour) }
	for day := range 14 {
		o.now = time.Date(2026, 3, 2+day, 9, 0, 0, 0, time.UTC)
		for range 3 {
			id := o.receive()
			attempt := ledger.NewID()
			o.apply(id, ledger.Start(attempt, "local", "me", until()))
			o.later(4 * time.Second)
			o.apply(id, ledger.Complete(attempt, []string{"a.json"}))
		}
		id, attempt := o.receive(), ledger.NewID()
		o.apply(id, ledger.Submit(attempt, "azure", "me", "token"+attempt, until()).Spending(2, ledger.Allowance{Scope: "engine azure", Period: o.now.Format(time.DateOnly)}))
		o.apply(id, ledger.Submitted(attempt, "job"+attempt))
		o.later(30 * time.Second)
		o.apply(id, ledger.Answered(attempt, "me", until()), ledger.Doubt(attempt, ledger.Failure{Kind: "review", Code: "low_confidence", Sentence: "Please look at it."}, []string{"b"}))
		if day%2 == 0 {
			o.later(2 * time.Hour)
			o.apply(id, ledger.Reject("clerk", "no"))
		}
	}
	id, attempt := o.receive(), ledger.NewID()
	o.apply(id, ledger.Start(attempt, "local", "me", until()), ledger.Fail(attempt, ledger.Failure{Kind: "terminal", Code: "corrupt", Sentence: "The file <b>is</b> damaged."}))
	o.receive()
}

func (o *office) make(q Request) *Report {
	o.t.Helper()
	checked := 0
	quality := Quality{Fields: []Accuracy{{"invoice · gross_total", 14, 0}}, Sellers: []Accuracy{{"Evil <script> Ltd", 14, 14}}}
	r, err := Make(Source{Ledger: o.l, Now: o.now, Quality: quality, House: House{Version: "1.2.3", Loopback: true,
		Folders: []Folder{{Name: "desk", Engines: []string{"local", "azure"}}, {Name: "private", NeverCloud: true}},
		Engines: []Engine{{Name: "local", Kind: "tesseract"}, {Name: "azure", Kind: "azure", Cloud: true, Endpoint: "http://example.com", DayLimit: 2}}},
		Sound: func(ledger.Document) (bool, bool) { checked++; return checked%3 != 0, checked != 1 }}, q)
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}

func TestReport(t *testing.T) {
	o := newOffice(t)
	o.fortnight()
	r := o.make(Request{Since: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)})
	if len(r.Days) != 14 || r.Total.Documents() != 58 || r.Total.Delivered != 42 || r.Total.Rejected != 7 || r.Total.Review != 7 || r.Total.Failed != 1 || r.Total.Waiting != 1 || r.Total.Asked != 14 {
		t.Errorf("%d days, %+v", len(r.Days), r.Total)
	}
	if r.ToResult.Count != 57 || r.ToResult.Median != 4 || r.ToResult.Longest != 30 || r.InReview.Count != 7 || r.InReview.Median != 7200 {
		t.Errorf("%+v %+v", r.ToResult, r.InReview)
	}
	azure := r.Engines[0]
	if azure.Name != "azure" || azure.Total != 28 || azure.Review != 14 || azure.Took.Median != 30 {
		t.Errorf("%+v", azure)
	}
	verdicts := ""
	for _, c := range r.Checkpoints {
		verdicts += c.Name + " " + string(c.Verdict) + ", "
	}
	if want := "Schema bad, Errors look, Accuracy good, Security bad, Provider fit look, "; verdicts != want {
		t.Errorf("%q, want %q", verdicts, want)
	}
	var page, text bytes.Buffer
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<b>is", "ZgotmplZ", "NaN", "src=", "href=", "@import", "url("} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{"Evil &lt;script&gt; Ltd", "58</b>documents", "28 pages were sent to the cloud engine azure", "<svg"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !strings.Contains(text.String(), "| azure | 14 | 0 | 14 | 0 | 0 | 30.0 s | 30.0 s | 28 |") || strings.Contains(text.String(), "<script") {
		t.Error(text.String())
	}
	if path := os.Getenv("INTRAY_KEEP_REPORT"); path != "" {
		if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// TestEmptyReport: a period without documents has a page, too.
// TestEngineTakenOut: what was sent in the period is told although the engine is
// configured no more, and its document came before.
func TestEngineTakenOut(t *testing.T) {
	o := newOffice(t)
	id, attempt := o.receive(), ledger.NewID()
	o.later(48 * time.Hour)
	o.apply(id, ledger.Submit(attempt, "gone", "me", "token", o.now.Add(time.Hour)).Spending(2, ledger.Allowance{Scope: "engine gone", Period: o.now.Format(time.DateOnly)}))
	text := func(since int) string {
		var out bytes.Buffer
		day := time.Date(2026, 3, since, 0, 0, 0, 0, time.UTC)
		if err := o.make(Request{Since: day, Until: day.AddDate(0, 0, 1)}).WriteMarkdown(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := text(4); strings.Contains(got, "No page left") || !strings.Contains(got, "2 pages were sent to the cloud engine gone") {
		t.Errorf("what was sent is not told:\n%s", got)
	}
	if got := text(3); !strings.Contains(got, "No page left") || strings.Contains(got, "gone") {
		t.Errorf("another day:\n%s", got)
	}
}

func TestEmptyReport(t *testing.T) {
	o := newOffice(t)
	r := o.make(Request{Since: o.now.AddDate(0, 0, -1), Until: o.now})
	var page bytes.Buffer
	if err := r.WriteHTML(&page); err != nil || !strings.Contains(page.String(), "No document came in this period") {
		t.Errorf("%v\n%s", err, page.String())
	}
	if _, err := Make(Source{Ledger: o.l}, Request{Since: o.now, Until: o.now}); err == nil {
		t.Error("a period without a day is taken")
	}
}

// TestDays has the days of a zone whose clocks change.
func TestDays(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	c := collector{report: &Report{Since: time.Date(2026, 3, 28, 0, 0, 0, 0, zone), Until: time.Date(2026, 3, 31, 0, 0, 0, 0, zone)}}
	c.days()
	if len(c.report.Days) != 3 || c.report.Days[2].Date.Format(time.DateOnly) != "2026-03-30" {
		t.Errorf("%+v", c.report.Days)
	}
	if d := c.day(time.Date(2026, 3, 29, 22, 30, 0, 0, time.UTC)); d.Date.Day() != 30 {
		t.Errorf("half past midnight belongs to the %d", d.Date.Day())
	}
}

func TestDurations(t *testing.T) {
	var d durations
	for i := range 3 * mostKept {
		d.add(time.Duration(i) * time.Millisecond)
	}
	got := d.times()
	if got.Count != 3*mostKept || got.Longest != float64(3*mostKept-1)/1000 || got.Median < 120 || got.Median > 180 || got.P95 < 270 {
		t.Errorf("%+v", got)
	}
}
