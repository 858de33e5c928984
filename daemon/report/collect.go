package report

import (
	"strings"
	"time"

	"intray/ledger"
)

type collector struct {
	report  *Report
	source  Source
	engines map[string]*engineCollector

	failures, retries  map[string]*Cause
	toResult, inReview durations
	checked            int
}

type engineCollector struct {
	figures EngineFigures
	took    durations
}

// days makes the period's days. A day is a date in the period's zone: one of them
// may have 23 hours, or 25.
func (c *collector) days() {
	for d := c.report.Since; d.Before(c.report.Until); d = time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, d.Location()) {
		c.report.Days = append(c.report.Days, Day{Date: d})
	}
}

func (c *collector) day(t time.Time) *Day {
	date := t.In(c.report.Since.Location()).Format(time.DateOnly)
	for i := range c.report.Days {
		if c.report.Days[i].Date.Format(time.DateOnly) == date {
			return &c.report.Days[i]
		}
	}
	return &c.report.Days[len(c.report.Days)-1] // received in the last millisecond
}

// documents reads those of the period, page by page.
func (c *collector) documents(q Request) error {
	query := ledger.Query{Since: q.Since, Until: q.Until, Limit: 1000}
	var day *Day
	for {
		page, err := c.source.Ledger.List(query)
		if err != nil {
			return err
		}
		for _, doc := range page.Documents {
			if day == nil || day.Date.Format(time.DateOnly) != doc.ReceivedAt.In(q.Since.Location()).Format(time.DateOnly) {
				day = c.day(doc.ReceivedAt)
			}
			if err := c.document(day, doc); err != nil {
				return err
			}
		}
		if query.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

func (c *collector) document(day *Day, doc ledger.Document) error {
	state := doc.State
	if state == ledger.Purged {
		state = doc.PurgedFrom
	}
	day.Pages += doc.Pages
	switch state {
	case ledger.Completed, ledger.CompletedWithWarnings:
		day.Delivered++
		c.result(doc)
	case ledger.NeedsHumanReview:
		day.Review++
	case ledger.FailedTerminal, ledger.DeadLetter:
		day.Failed++
		because(c.failures, doc.Failure)
	case ledger.Rejected:
		day.Rejected++
	case ledger.Duplicate:
		day.Duplicates++
	default:
		day.Waiting++
	}
	events, err := c.source.Ledger.Events(doc.ID)
	if err != nil {
		return err
	}
	if c.history(doc, events) {
		day.Asked++
	}
	attempts, err := c.source.Ledger.Attempts(doc.ID)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		c.attempt(doc, a)
	}
	return nil
}

// history takes the document's waits, and says whether a person was asked.
func (c *collector) history(doc ledger.Document, events []ledger.Event) (asked bool) {
	done := false
	var since time.Time
	for _, e := range events {
		switch e.To {
		case ledger.Completed, ledger.CompletedWithWarnings, ledger.NeedsHumanReview, ledger.FailedTerminal, ledger.DeadLetter:
			if !done {
				c.toResult.add(e.At.Sub(doc.ReceivedAt))
			}
			done = true
		}
		if e.From == ledger.NeedsHumanReview && e.To != e.From && !since.IsZero() {
			c.inReview.add(e.At.Sub(since))
			since = time.Time{}
		}
		if e.To == ledger.NeedsHumanReview && e.From != e.To {
			asked, since = true, e.At
		}
	}
	return asked
}

func (c *collector) attempt(doc ledger.Document, a ledger.Attempt) {
	e := c.engine(a.Engine)
	f := &e.figures
	f.Attempts++
	if a.Ended.IsZero() {
		return
	}
	e.took.add(a.Ended.Sub(a.Started))
	switch a.Outcome {
	case ledger.Completed, ledger.CompletedWithWarnings:
		f.Delivered++
		f.Pages += doc.Pages
	case ledger.NeedsHumanReview:
		f.Review++
		f.Pages += doc.Pages
	case ledger.FailedRetryable:
		f.Again++
		if a.Counted {
			because(c.retries, a.Failure)
		}
	default:
		f.Failed++
	}
}

func (c *collector) engine(name string) *engineCollector {
	if c.engines[name] == nil {
		c.engines[name] = &engineCollector{figures: EngineFigures{Name: name}}
	}
	return c.engines[name]
}

func because(m map[string]*Cause, f *ledger.Failure) {
	if f == nil {
		f = &ledger.Failure{Code: "unknown"}
	}
	if m[f.Code] == nil {
		m[f.Code] = &Cause{Code: f.Code, Sentence: f.Sentence}
	}
	m[f.Code].Count++
}

// result looks at what was delivered, of the newest documents.
func (c *collector) result(doc ledger.Document) {
	if c.source.Sound == nil || c.checked >= mostChecked || doc.State == ledger.Purged {
		return
	}
	c.checked++
	switch there, valid := c.source.Sound(doc); {
	case !there:
		c.report.Delivered.Gone++
	case valid:
		c.report.Delivered.Valid++
	default:
		c.report.Delivered.Broken++
	}
}

// finish adds up, and reads what cloud engines were given.
func (c *collector) finish() error {
	r := c.report
	for _, d := range r.Days {
		r.Total.Delivered += d.Delivered
		r.Total.Review += d.Review
		r.Total.Failed += d.Failed
		r.Total.Rejected += d.Rejected
		r.Total.Duplicates += d.Duplicates
		r.Total.Waiting += d.Waiting
		r.Total.Asked += d.Asked
		r.Total.Pages += d.Pages
	}
	r.ToResult, r.InReview = c.toResult.times(), c.inReview.times()
	r.Failures, r.Retries = causes(c.failures), causes(c.retries)
	for _, e := range c.source.House.Engines {
		if e.Cloud {
			c.engine(e.Name).figures.Cloud, c.engine(e.Name).figures.Limit = true, e.DayLimit
		}
	}
	scopes, err := c.source.Ledger.Spenders()
	if err != nil {
		return err
	}
	for _, scope := range scopes { // also one that is configured no more and read documents of before
		if name, ok := strings.CutPrefix(scope, "engine "); ok {
			c.engine(name)
		}
	}
	for _, name := range sorted(c.engines) {
		e := c.engines[name]
		e.figures.Took = e.took.times()
		for _, d := range r.Days {
			n, err := c.source.Ledger.Used("engine "+name, d.Date.Format(time.DateOnly))
			if err != nil {
				return err
			}
			e.figures.Spent = append(e.figures.Spent, n)
			e.figures.Total += n
		}
		e.figures.Cloud = e.figures.Cloud || e.figures.Total > 0
		if !e.figures.Cloud && e.figures.Attempts == 0 { // nothing in this period
			continue
		}
		r.Engines = append(r.Engines, e.figures)
	}
	_, r.Untold, err = c.source.Ledger.CountMessages()
	return err
}
