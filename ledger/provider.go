package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Submission is a document's business with a provider. It outlives attempts: as
// long as the provider may have the document, the next attempt goes on with it.
type Submission struct {
	Engine string `json:"engine"`
	// Token is the idempotency token: that of the first attempt that sent it.
	Token string `json:"token"`
	// Unknown is true from the intent on, until it is known whether the provider
	// took the document.
	Unknown bool `json:"unknown,omitempty"`
	// Job is the provider's name for it, URL where to ask; "" until it is known.
	Job string `json:"job,omitempty"`
	URL string `json:"url,omitempty"`
	// Deadline is when nobody waits for the job any more.
	Deadline time.Time `json:"deadline,omitzero"`
	// Polls is how often the provider was asked.
	Polls int `json:"polls,omitempty"`
	// Sent is how often the document may have been sent.
	Sent int `json:"sent"`
	// Spent is what was booked for the last time it was sent.
	Spent Spent `json:"spent,omitzero"`
	// Range is which pages were sent; zero for all.
	Range Range `json:"range,omitzero"`
}

// Range are pages of a document, both counted from 1 and both in it; the zero
// value is the whole document.
type Range struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// Pages is how many pages a range has; 0 for the whole document.
func (r Range) Pages() int {
	if r == (Range{}) {
		return 0
	}
	return r.Last - r.First + 1
}

// Spent are pages booked under allowances.
type Spent struct {
	Pages int      `json:"pages"`
	Keys  []string `json:"keys"`
}

// Answer is a raw answer that is kept: which engine gave it, for which of its
// jobs, the file's name in the folder of results, and which pages it is about.
// Class is what an engine on this machine took the document for.
type Answer struct {
	Engine string    `json:"engine"`
	Job    string    `json:"job,omitempty"`
	File   string    `json:"file"`
	At     time.Time `json:"at"`
	Range  Range     `json:"range,omitzero"`
	// Why another engine was to read the document after this one; "" if none was.
	Why   string `json:"why,omitempty"`
	Class string `json:"class,omitempty"`
}

// AnswersOf are the kept answers of an engine in the order of their pages: one
// about the whole document, or those about its parts as far as they came.
func (d Document) AnswersOf(engine string) (out []Answer) {
	for _, a := range d.Answers {
		if a.Engine == engine {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b Answer) int { return a.Range.First - b.Range.First })
	return out
}

// AnsweredBy is true when an engine has answered about every page.
func (d Document) AnsweredBy(engine string) bool {
	kept := d.AnswersOf(engine)
	return len(kept) > 0 && (kept[0].Range == Range{} || d.NextPage(engine) > d.Pages)
}

// NextPage is the first page that no kept answer of the engine is about, as its
// parts are sent in order.
func (d Document) NextPage(engine string) int {
	next := 1
	for _, a := range d.AnswersOf(engine) {
		if a.Range.First == next {
			next = a.Range.Last + 1
		}
	}
	return next
}

// answered is true when the job in hand has its answer kept.
func (d Document) answered(engine string, r Range) bool {
	return slices.ContainsFunc(d.Answers, func(a Answer) bool { return a.Engine == engine && a.Range == r })
}

// JobAnswered is true when the answer of the submission in hand is kept.
func (d Document) JobAnswered() bool {
	return d.Submission != nil && d.answered(d.Submission.Engine, d.Submission.Range)
}

// submission changes a copy: the record before the change must stay as it was.
func submission(d *Document, change func(*Submission)) {
	var s Submission
	if d.Submission != nil {
		s = *d.Submission
	}
	change(&s)
	d.Submission = &s
}

// Submit begins an attempt at a provider: the intent is durable before the
// first byte leaves.
func Submit(attempt, engine, owner, token string, until time.Time) Move {
	return Move{name: "submit", attempt: attempt, opens: true, change: func(d *Document, _ time.Time) {
		d.Engine, d.LeaseOwner, d.LeaseUntil, d.IdempotencyToken, d.ProviderJobID = engine, owner, until, token, ""
		if d.Submission != nil && d.Submission.Engine != engine {
			d.Submission = nil
		}
		submission(d, func(s *Submission) {
			s.Engine, s.Token, s.Unknown, s.Job, s.URL, s.Polls, s.Range = engine, token, true, "", "", 0, Range{}
			s.Sent++
		})
	}}
}

// Of completes Submit: which pages are sent, when it is not all of them.
func (m Move) Of(r Range) Move {
	return m.and(func(d *Document) { submission(d, func(s *Submission) { s.Range = r }) })
}

// Submitted records the provider's name for the job.
func Submitted(attempt, job string) Move {
	return Move{name: "submitted", attempt: attempt, change: func(d *Document, now time.Time) {
		d.ProviderJobID, d.NotBefore, d.LeaseUntil = job, now, time.Time{}
		submission(d, func(s *Submission) { s.Job, s.Unknown = job, false })
	}}
}

// Asking completes Submitted: where to ask, when first, and until when at all.
func (m Move) Asking(url string, first, deadline time.Time) Move {
	return m.and(func(d *Document) {
		d.NotBefore = first
		submission(d, func(s *Submission) { s.URL, s.Deadline = url, deadline })
	})
}

// Answered takes a provider's answer into hand.
func Answered(attempt, owner string, until time.Time) Move {
	return Move{name: "answered", attempt: attempt, change: func(d *Document, _ time.Time) {
		d.LeaseOwner, d.LeaseUntil, d.NotBefore = owner, until, time.Time{}
	}}
}

// HandOn ends an attempt in favour of another engine; it costs no try.
func HandOn(attempt, engine, why string) Move {
	return Move{name: "hand on", attempt: attempt, closes: true, why: why, change: func(d *Document, now time.Time) {
		d.Route, d.NotBefore = engine, now
	}}
}

// WithPages adds to a move how many pages the document has.
func (m Move) WithPages(n int) Move { return m.and(func(d *Document) { d.Pages = n }) }

// NotTaken adds to a move that the provider is known not to have the document:
// what was booked for it is given back.
func (m Move) NotTaken() Move {
	m.refunds = true
	return m.WithoutJob()
}

// Refunded adds to a move that the provider did not take the last request, but may
// have one before it: what was booked for the last is given back, its token is kept.
func (m Move) Refunded() Move {
	m.refunds = true
	return m
}

// WithoutJob adds to a move that the job at the provider is over: the next
// attempt submits the document anew, under a token of its own.
func (m Move) WithoutJob() Move {
	return m.and(func(d *Document) {
		d.ProviderJobID = ""
		if d.Submission != nil {
			submission(d, func(s *Submission) { s.Unknown, s.Job, s.URL, s.Token = false, "", "", "" })
		}
	})
}

// Because adds why to a move.
func (m Move) Because(actor, why string) Move {
	m.actor, m.why = actor, why
	return m
}

func (m Move) and(more func(*Document)) Move {
	first := m.change
	m.change = func(d *Document, now time.Time) {
		if first != nil {
			first(d, now)
		}
		more(d)
	}
	return m
}

// AskLater says when the provider is asked again about the job in hand, which it was
// asked about at a moment. Where it has called since, that is now: what it said then
// may be no longer so. It moves nothing and leaves no event.
func (l *Ledger) AskLater(id, attempt string, asked, at time.Time) error {
	return l.amend(id, attempt, func(d *Document) bool {
		if !d.NotBefore.After(asked) {
			d.NotBefore = at
		}
		submission(d, func(s *Submission) { s.Polls++ })
		return d.State == SubmittedToProvider
	})
}

// KeepAnswer records a raw answer that is stored, in place of earlier ones of the
// same engine about any of its pages. owed, if not nil, is the job that the
// provider still has and must delete.
func (l *Ledger) KeepAnswer(id, attempt string, a Answer, owed *Leftover) error {
	return l.amend(id, attempt, func(d *Document) bool {
		kept := slices.DeleteFunc(slices.Clone(d.Answers), func(o Answer) bool {
			apart := o.Range.Last < a.Range.First || a.Range.Last < o.Range.First
			return o.Engine == a.Engine && (o.Range == Range{} || a.Range == Range{} || !apart)
		})
		d.Answers = append(kept, a)
		leave(d, owed)
		return d.State == Processing
	})
}

// Allowance bounds what may be spent: Most pages of Scope, such as "engine azure",
// in Period, such as "2026-11-24"; 0 counts without a bound.
type Allowance struct {
	Scope, Period string
	Most          int
}

func (a Allowance) key() string { return a.Scope + "\x00" + a.Period }

// OverBudget is the error of a move that would spend more than is allowed.
type OverBudget struct {
	Allowance
	Used, Asked int
}

// Error names the allowance.
func (o *OverBudget) Error() string {
	return fmt.Sprintf("%d pages of %d are used by %s in %s; %d more are too many", o.Used, o.Most, o.Scope, o.Period, o.Asked)
}

// Spending books pages with the move, or refuses it with *OverBudget. Pages
// that were booked for a submission whose outcome is unknown count as well.
func (m Move) Spending(pages int, under ...Allowance) Move {
	m.spends, m.needs, m.under = pages, pages, under
	return m
}

// Needing has Spending refuse, too, when pages more than it books would not be
// left: the first part of a document is not sent if the rest may not follow.
func (m Move) Needing(pages int) Move {
	m.needs = max(m.needs, pages)
	return m
}

func spend(tx *bolt.Tx, doc *Document, m Move) error {
	bucket := tx.Bucket(bucketSpent)
	if m.refunds && doc.Submission != nil {
		for _, key := range doc.Submission.Spent.Keys {
			left := max(0, numberOf(bucket.Get([]byte(key)))-doc.Submission.Spent.Pages)
			if err := bucket.Put([]byte(key), number(uint64(left))); err != nil {
				return err
			}
		}
		submission(doc, func(s *Submission) { s.Spent = Spent{} })
	}
	if len(m.under) == 0 {
		return nil
	}
	booked, err := book(tx, m.spends, m.needs, m.under)
	if err == nil {
		submission(doc, func(s *Submission) { s.Spent = booked })
	}
	return err
}

// book books pages under allowances of which as many as needed must be left.
func book(tx *bolt.Tx, pages, needed int, under []Allowance) (Spent, error) {
	bucket, booked := tx.Bucket(bucketSpent), Spent{Pages: pages}
	for _, a := range under {
		used := numberOf(bucket.Get([]byte(a.key())))
		if a.Most > 0 && used+needed > a.Most {
			return booked, &OverBudget{Allowance: a, Used: used, Asked: needed}
		}
		if err := bucket.Put([]byte(a.key()), number(uint64(used+pages))); err != nil {
			return booked, fmt.Errorf("book pages: %w", err)
		}
		booked.Keys = append(booked.Keys, a.key())
	}
	return booked, nil
}

// Used is how many pages were booked for a scope in a period.
func (l *Ledger) Used(scope, period string) (n int, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		n = numberOf(tx.Bucket(bucketSpent).Get([]byte(Allowance{Scope: scope, Period: period}.key())))
		return nil
	})
	return n, err
}

// Spenders are the scopes for which pages were ever booked.
func (l *Ledger) Spenders() (scopes []string, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketSpent).Cursor()
		for k, _ := c.First(); k != nil; {
			scope, _, _ := strings.Cut(string(k), "\x00")
			scopes = append(scopes, scope)
			k, _ = c.Seek([]byte(scope + "\x01"))
		}
		return nil
	})
	return scopes, err
}

// Owed lists documents whose answer a provider still owes.
func (l *Ledger) Owed() ([]Document, error) {
	return l.scan(bucketByState, []byte(string(SubmittedToProvider)+"\x00"), 0, nil)
}
