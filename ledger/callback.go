package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

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
	CallbackUnproven  = "unproven"  // it could not be checked: the caller shall call again
	CallbackNoJob     = "no_job"    // it is about no job, such as a subscription
)

const moveCalled = "called back"

// keepParked is how many callbacks about unknown jobs wait, at most; more are
// counted and forgotten.
const keepParked = 10_000

// callbackAgain is how long a callback with the same bytes is a repetition and
// nothing else. Some providers call twice with the same words and mean two events,
// such as progress and the end: one that comes later makes its job due again, as
// long as it is owed. So whoever replays what he overheard causes one question in
// that time, and nothing else.
const callbackAgain = 10 * time.Second

// CalledBack stores a verified callback, known by the digest of its body, and
// makes the job it is about due now, in one transaction. It changes nothing
// else: the job is asked about, whatever the callback says. The outcome is counted
// with it, but for CallbackDuplicate, which writes nothing: that is the caller's to
// count.
func (l *Ledger) CalledBack(engine, job, digest string) (outcome string, err error) {
	key := []byte(engine + "\x00" + digest)
	err = l.view(func(tx *bolt.Tx) error {
		again, err := l.repeats(tx, key, engine, job)
		if again {
			outcome = CallbackDuplicate
		}
		return err
	})
	if outcome != "" || err != nil {
		return outcome, err
	}
	err = l.update(func(tx *bolt.Tx) error {
		again, err := l.repeats(tx, key, engine, job) // one beside it was faster
		if again || err != nil {
			outcome = CallbackDuplicate
			return err
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

// repeats is true for a callback that came before and has nothing to do any more.
func (l *Ledger) repeats(tx *bolt.Tx, key []byte, engine, job string) (bool, error) {
	known := tx.Bucket(bucketCallbacks).Get(key)
	if known == nil {
		return false, nil
	}
	c, err := decode[Callback]("callback", known)
	if err != nil || l.clock().Sub(c.At) < callbackAgain {
		return true, err
	}
	id := documentOf(tx, engine, job)
	if id == "" {
		return true, nil
	}
	doc, err := get(tx, id)
	return doc.State != SubmittedToProvider, err
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
	if err := l.addEvent(tx, &doc, event); err != nil {
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

// Count counts what belongs to no move, each so many times.
func (l *Ledger) Count(counts map[Tally]int) error {
	return l.update(func(tx *bolt.Tx) error {
		for t, n := range counts {
			if err := tallyBy(tx, t, n); err != nil {
				return err
			}
		}
		return nil
	})
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
