package ledger

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	bolt "go.etcd.io/bbolt"
)

// PlanDelivery stores the plan of a delivery that is staged and about to be
// published. The attempt must be the one in hand, and the document on its way
// to an outcome: received, failed_retryable, under an attempt, or decided on.
func (l *Ledger) PlanDelivery(id, attempt string, plan json.RawMessage) error {
	return l.amend(id, attempt, func(d *Document) bool {
		d.Delivery = plan
		switch d.State {
		case Received, FailedRetryable, Processing, Submitting, SubmittedToProvider:
			return true
		case NeedsHumanReview:
			return d.Decision != nil
		}
		return false
	})
}

// ExtendLease keeps an attempt alive until the given time.
func (l *Ledger) ExtendLease(id, attempt string, until time.Time) error {
	return l.amend(id, attempt, func(d *Document) bool {
		d.LeaseUntil = until
		return d.State == Processing || d.State == Submitting
	})
}

// amend changes a record without moving its state; ok says whether it may.
func (l *Ledger) amend(id, attempt string, change func(*Document) (ok bool)) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil {
			return err
		}
		doc := old
		if !change(&doc) || old.AttemptID != attempt {
			return fmt.Errorf("%w: it is %s under attempt %q", ErrConflict, old.State, old.AttemptID)
		}
		return l.put(tx, &old, doc)
	})
}

// Wake makes those documents of a folder due at once that were postponed with this
// code of failure and wait: one of them got through, so what was wrong around them
// is mended. It moves nothing and leaves no event; n is how many it woke.
func (l *Ledger) Wake(folder, code string) (n int, err error) {
	now := l.clock()
	waits := func(d Document) bool {
		return d.State == FailedRetryable && d.Postponed > 0 && d.NotBefore.After(now) && d.Folder == folder && d.Failure != nil && d.Failure.Code == code
	}
	var ids []string
	err = l.view(func(tx *bolt.Tx) error { // mostly there is none, and nothing to write
		c := tx.Bucket(bucketDue).Cursor()
		for k, _ := c.Seek(instant(now.Add(1))); k != nil; k, _ = c.Next() {
			d, err := get(tx, lastID(k))
			if err != nil {
				return fmt.Errorf("index %s: %w", bucketDue, err)
			}
			if waits(d) {
				ids = append(ids, d.ID)
			}
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	err = l.update(func(tx *bolt.Tx) error {
		n = 0
		for _, id := range ids {
			old, err := get(tx, id)
			if err != nil {
				return err
			}
			if !waits(old) {
				continue // it went on meanwhile
			}
			doc := old
			doc.NotBefore = now
			if err := l.put(tx, &old, doc); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// Rescue sets free, at start, every document that a dead daemon had in hand:
// the file has one owner, so whoever holds a lease now is gone. Deliveries in
// hand are kept, so that they are finished first. owner is noted as the actor.
func (l *Ledger) Rescue(owner string) ([]Document, error) {
	return l.free(math.MaxInt64, func(d Document) Move {
		m := Rescued(d.AttemptID)
		m.actor = owner
		return m
	})
}

// ExpireLeases takes back every document whose lease ran out. The attempt
// counts, and its late answer will be refused.
func (l *Ledger) ExpireLeases(now time.Time) ([]Document, error) {
	return l.free(now.UnixNano(), func(d Document) Move { return leaseExpired(d.AttemptID) })
}

func (l *Ledger) free(before int64, move func(Document) Move) ([]Document, error) {
	var out []Document
	err := l.update(func(tx *bolt.Tx) error {
		out = nil
		var ids []string
		c := tx.Bucket(bucketLeased).Cursor()
		for k, _ := c.First(); k != nil && int64(binary.BigEndian.Uint64(k)) <= before; k, _ = c.Next() {
			ids = append(ids, lastID(k))
		}
		for _, id := range ids {
			doc, err := get(tx, id)
			if err != nil {
				return err
			}
			if doc, err = l.apply(tx, id, move(doc)); err != nil {
				return err
			}
			out = append(out, doc)
		}
		return nil
	})
	return out, err
}

// Policy spaces tries. Jitter is the share of a pause, 0..1, that is random.
type Policy struct {
	Base, Cap   time.Duration
	MaxAttempts int
	Jitter      float64
}

// Pause is how long to wait when something around a document failed for the
// n-th time in a row (from 1): like NextTry's, but never the document's end.
func (p Policy) Pause(n int, random float64) time.Duration {
	return p.NextTry(time.Time{}, n, random).Sub(time.Time{})
}

// NextTry is when a document may be tried after its attempt-th counted attempt
// (from 1): pauses grow fourfold from Base up to Cap. random is 0..1.
func (p Policy) NextTry(now time.Time, attempt int, random float64) time.Time {
	pause := p.Base
	for i := 1; i < attempt && pause < p.Cap; i++ {
		if pause > p.Cap/4 {
			pause = p.Cap
			break
		}
		pause *= 4
	}
	pause = min(pause, p.Cap)
	spread := min(max(p.Jitter, 0), 1) * min(max(random, 0), 1)
	return now.Add(pause - time.Duration(float64(pause)*spread))
}

// Exhausted is true when no further try is due.
func (p Policy) Exhausted(attempts int) bool { return attempts >= max(p.MaxAttempts, 1) }
