// Package report is what a period brought, on one page: how much came, how long it
// waited, what failed and why, how well it was read, what it cost, and what to do
// next. It reads the ledger and what it is told of the house; it changes nothing.
package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"intray/ledger"
)

// Request is what a report is about: documents received from Since on and before
// Until, both in the zone that days are counted in.
type Request struct{ Since, Until time.Time }

// longest bounds a report's period, so that each of its days can be drawn.
const longest = 400 * 24 * time.Hour

// Check says what is wrong with the request, in a sentence; nil if nothing is.
func (q Request) Check() error {
	switch {
	case !q.Since.Before(q.Until):
		return fmt.Errorf("the report's period would be from %s to before %s, which is no day; until is the day after its last", q.Since.Format(time.DateOnly), q.Until.Format(time.DateOnly))
	case q.Until.Sub(q.Since) > longest:
		return fmt.Errorf("the report's period is longer than 400 days; ask for a part of it")
	}
	return nil
}

// Report is all that a page shows. Shares are 0..1, times in seconds.
type Report struct {
	Since, Until, Made time.Time

	Days     []Day
	Total    Day
	ToResult Times // from arrival to delivery, review or failure
	InReview Times // from there to a person's decision
	Failures []Cause
	Retries  []Cause
	Engines  []EngineFigures
	Quality
	Delivered Results
	Untold    int

	House       House
	Checkpoints []Checkpoint
}

// Day counts documents by the day they came, and by what has become of them.
type Day struct {
	Date                                                     time.Time
	Delivered, Review, Failed, Rejected, Duplicates, Waiting int
	// Asked are those that a person was asked about, whatever came of it.
	Asked, Pages int
}

// Documents is how many there are in all.
func (d Day) Documents() int {
	return d.Delivered + d.Review + d.Failed + d.Rejected + d.Duplicates + d.Waiting
}

// Cause is a reason with how often it was one, and a sentence that was given for it.
type Cause struct {
	Code, Sentence string
	Count          int
}

// EngineFigures is about one engine's attempts in the period.
type EngineFigures struct {
	Name                                       string
	Attempts, Delivered, Review, Again, Failed int
	Pages                                      int
	Took                                       Times
	Cloud                                      bool
	// Spent are the pages booked by day, Total their sum, Limit what a day may have.
	Spent        []int
	Total, Limit int
}

// Accuracy is how many values or documents a person saw, and how many were wrong.
type Accuracy struct {
	Name        string
	Seen, Wrong int
}

// Quality is what people's decisions say of the reading, since the ledger was made:
// by field and by seller what was seen at all, by confidence all that was read, and
// of the documents that were looked at as a sample.
type Quality struct {
	Fields, Sellers []Accuracy
	Scale           []Tenth
	Samples         Accuracy
}

// Right is the share of what was right; NaN when nothing was seen.
func (a Accuracy) Right() float64 {
	if a.Seen == 0 {
		return math.NaN()
	}
	return 1 - float64(a.Wrong)/float64(a.Seen)
}

// Tenth is how many fields were read with a confidence in a tenth from From on.
type Tenth struct {
	From               string
	Found, Seen, Wrong int
}

// Results is what became of delivered JSON that was looked at.
type Results struct{ Valid, Gone, Broken int }

// House is what the report is told of the configuration.
type House struct {
	Version string
	// Listen is where pages and API are served; Loopback says that nobody outside
	// this machine reaches them.
	Listen   string
	Loopback bool
	Folders  []Folder
	Engines  []Engine
}

// Folder is one of the configuration.
type Folder struct {
	Name       string
	Engines    []string
	NeverCloud bool
}

// Engine is one of the configuration. DayLimit of 0 is none.
type Engine struct {
	Name, Kind, Endpoint string
	Cloud                bool
	DayLimit             int
}

// Source is where a report's figures come from.
type Source struct {
	Ledger *ledger.Ledger
	House  House
	// Sound says whether a document's delivered JSON is still there and keeps to its
	// schema.
	Sound func(ledger.Document) (there, valid bool)
	// Quality is what people's decisions say of the reading.
	Quality Quality
	Now     time.Time
}

// mostChecked bounds how many delivered JSONs are looked at.
const mostChecked = 200

// Make collects a report. It reads each document of the period once.
func Make(s Source, q Request) (*Report, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	r := &Report{Since: q.Since, Until: q.Until, Made: s.Now, Quality: s.Quality, House: s.House}
	c := collector{report: r, source: s, engines: map[string]*engineCollector{}, failures: map[string]*Cause{}, retries: map[string]*Cause{}}
	c.days()
	if err := c.documents(q); err != nil {
		return nil, err
	}
	if err := c.finish(); err != nil {
		return nil, err
	}
	r.Checkpoints = judge(r)
	return r, nil
}

// Times are the middle and the tail of durations, in seconds; Count is of how many.
type Times struct {
	Count                     int
	Median, P95, P99, Longest float64
}

// mostKept bounds how many durations are kept to tell the middle of: past it each
// new one takes the place of an old one, so that those that stay are a fair sample.
const mostKept = 100_000

// durations collects times.
type durations struct {
	kept    []float64
	seen    uint64
	longest float64
}

func (d *durations) add(t time.Duration) {
	s := max(t.Seconds(), 0)
	d.longest = max(d.longest, s)
	d.seen++
	if len(d.kept) < mostKept {
		d.kept = append(d.kept, s)
		return
	}
	// A multiplicative hash of the count stands for chance: the same ledger gives the
	// same report.
	if at := (d.seen * 0x9E3779B97F4A7C15) % d.seen; at < mostKept {
		d.kept[at] = s
	}
}

func (d *durations) times() Times {
	if len(d.kept) == 0 {
		return Times{}
	}
	slices.Sort(d.kept)
	at := func(share float64) float64 { return d.kept[min(int(share*float64(len(d.kept))), len(d.kept)-1)] }
	return Times{Count: int(d.seen), Median: at(.5), P95: at(.95), P99: at(.99), Longest: d.longest}
}

func causes(m map[string]*Cause) []Cause {
	out := []Cause{}
	for _, c := range m {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Cause) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Code, b.Code)) })
	return out
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// worstFirst sorts a copy by the share of what was right.
func worstFirst(all []Accuracy) []Accuracy {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b Accuracy) int { return cmp.Or(cmp.Compare(a.Right(), b.Right()), b.Seen-a.Seen) })
	return out
}
