package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
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
}

// Spent are pages booked under allowances.
type Spent struct {
	Pages int      `json:"pages"`
	Keys  []string `json:"keys"`
}

// Answer is a raw answer that is kept: which engine gave it, for which of its
// jobs, and the file's name in the folder of results.
type Answer struct {
	Engine string    `json:"engine"`
	Job    string    `json:"job,omitempty"`
	File   string    `json:"file"`
	At     time.Time `json:"at"`
}

// AnswerOf is the kept answer of an engine.
func (d Document) AnswerOf(engine string) (Answer, bool) {
	i := slices.IndexFunc(d.Answers, func(a Answer) bool { return a.Engine == engine })
	if i < 0 {
		return Answer{}, false
	}
	return d.Answers[i], true
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
			s.Engine, s.Token, s.Unknown, s.Job, s.URL, s.Polls = engine, token, true, "", "", 0
			s.Sent++
		})
	}}
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

// AskLater says when the provider is asked again about the job in hand. It moves
// nothing and leaves no event.
func (l *Ledger) AskLater(id, attempt string, at time.Time) error {
	return l.amend(id, attempt, func(d *Document) bool {
		d.NotBefore = at
		submission(d, func(s *Submission) { s.Polls++ })
		return d.State == SubmittedToProvider
	})
}

// KeepAnswer records a raw answer that is stored, in place of an earlier one of
// the same engine.
func (l *Ledger) KeepAnswer(id, attempt string, a Answer) error {
	return l.amend(id, attempt, func(d *Document) bool {
		kept := slices.DeleteFunc(slices.Clone(d.Answers), func(o Answer) bool { return o.Engine == a.Engine })
		d.Answers = append(kept, a)
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
	m.spends, m.under = pages, under
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
	booked := Spent{Pages: m.spends}
	for _, a := range m.under {
		used := numberOf(bucket.Get([]byte(a.key())))
		if a.Most > 0 && used+m.spends > a.Most {
			return &OverBudget{Allowance: a, Used: used, Asked: m.spends}
		}
		if err := bucket.Put([]byte(a.key()), number(uint64(used+m.spends))); err != nil {
			return err
		}
		booked.Keys = append(booked.Keys, a.key())
	}
	submission(doc, func(s *Submission) { s.Spent = booked })
	return nil
}

// Used is how many pages were booked for a scope in a period.
func (l *Ledger) Used(scope, period string) (n int, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		n = numberOf(tx.Bucket(bucketSpent).Get([]byte(Allowance{Scope: scope, Period: period}.key())))
		return nil
	})
	return n, err
}

// Owed lists documents whose answer a provider still owes.
func (l *Ledger) Owed() ([]Document, error) {
	return l.scan(bucketByState, []byte(string(SubmittedToProvider)+"\x00"), 0, nil)
}

// Callback is a provider's call about a job, as it is kept.
type Callback struct {
	Engine  string    `json:"engine"`
	Job     string    `json:"job"`
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"`
}

// What became of a callback, and the group under which it is counted.
const (
	GroupCallback     = "webhook"
	CallbackUseful    = "useful"    // its job is looked at now
	CallbackDuplicate = "duplicate" // it came before
	CallbackLate      = "late"      // its job was over
	CallbackParked    = "parked"    // no such job yet: it waits for one
	CallbackForged    = "forged"    // its signature does not hold
)

const moveCalled = "called back"

// keepParked is how many callbacks about unknown jobs wait, at most; more are
// counted and forgotten.
const keepParked = 10_000

// CalledBack stores a verified callback, known by the digest of its body, and
// makes the job it is about due now, in one transaction. It changes nothing
// else: the job is asked about, whatever the callback says.
func (l *Ledger) CalledBack(engine, job, digest string) (outcome string, err error) {
	err = l.update(func(tx *bolt.Tx) error {
		key := []byte(engine + "\x00" + digest)
		if tx.Bucket(bucketCallbacks).Get(key) != nil {
			outcome = CallbackDuplicate
			return tally(tx, []Tally{{GroupCallback, engine, outcome}})
		}
		if outcome, err = l.wake(tx, engine, job); err != nil {
			return err
		}
		c := Callback{Engine: engine, Job: job, At: l.clock(), Outcome: outcome}
		if err := tally(tx, []Tally{{GroupCallback, engine, outcome}}); err != nil {
			return err
		}
		return tx.Bucket(bucketCallbacks).Put(key, encode(c))
	})
	return outcome, err
}

func (l *Ledger) wake(tx *bolt.Tx, engine, job string) (string, error) {
	id := documentOf(tx, engine, job)
	if id == "" {
		parked := tx.Bucket(bucketParked)
		if parked.Stats().KeyN >= keepParked {
			return CallbackParked, nil
		}
		return CallbackParked, parked.Put([]byte(engine+"\x00"+job), encode(l.clock()))
	}
	old, err := get(tx, id)
	if err != nil || old.State != SubmittedToProvider {
		return CallbackLate, err
	}
	doc, now := old, l.clock()
	doc.NotBefore = now
	event := Event{DocumentID: id, At: now, From: old.State, To: old.State, Move: moveCalled, AttemptID: old.AttemptID, Actor: "webhook"}
	if err := addEvent(tx, &doc, event); err != nil {
		return "", err
	}
	return CallbackUseful, l.put(tx, &old, doc)
}

// unpark makes a job due at once whose callback came before its name was known.
func unpark(tx *bolt.Tx, doc *Document, now time.Time) error {
	key := []byte(doc.Submission.Engine + "\x00" + doc.Submission.Job)
	if tx.Bucket(bucketParked).Get(key) == nil {
		return nil
	}
	doc.NotBefore = now
	return tx.Bucket(bucketParked).Delete(key)
}

// documentOf finds the document a provider's job is about; "" if there is none.
func documentOf(tx *bolt.Tx, engine, job string) string {
	prefix := jobKey(engine, job, "")
	k, _ := tx.Bucket(bucketJobs).Cursor().Seek(prefix)
	if len(k) == len(prefix)+idLength && string(k[:len(prefix)]) == string(prefix) {
		return lastID(k)
	}
	return ""
}

// Count counts what belongs to no move.
func (l *Ledger) Count(tallies ...Tally) error {
	return l.update(func(tx *bolt.Tx) error { return tally(tx, tallies) })
}

// ForgetCallbacks removes callbacks that came before a moment.
func (l *Ledger) ForgetCallbacks(before time.Time) error {
	return l.update(func(tx *bolt.Tx) error {
		for _, bucket := range [][]byte{bucketCallbacks, bucketParked} {
			var old [][]byte
			err := tx.Bucket(bucket).ForEach(func(k, v []byte) error {
				var c Callback
				at := &c.At
				var err error
				if string(bucket) == string(bucketParked) {
					err = json.Unmarshal(v, at)
				} else {
					err = json.Unmarshal(v, &c)
				}
				if err != nil || at.Before(before) {
					old = append(old, slices.Clone(k))
				}
				return nil
			})
			for _, k := range old {
				if err == nil {
					err = tx.Bucket(bucket).Delete(k)
				}
			}
			if err != nil {
				return fmt.Errorf("forget callbacks: %w", err)
			}
		}
		return nil
	})
}
