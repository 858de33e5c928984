package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Apply makes one move: it checks that the document is where the move starts,
// and that the move belongs to the attempt in hand, then changes record,
// indexes, attempt and history in one transaction. Otherwise it changes
// nothing and the error is ErrConflict.
func (l *Ledger) Apply(id string, m Move) (Document, error) {
	var doc Document
	err := l.update(func(tx *bolt.Tx) (err error) {
		doc, err = l.apply(tx, id, m)
		return err
	})
	return doc, err
}

func (l *Ledger) apply(tx *bolt.Tx, id string, m Move) (Document, error) {
	old, err := get(tx, id)
	if err != nil {
		return Document{}, err
	}
	r := rowOf(m.name)
	if purging := tx.Bucket(bucketPurging).Get([]byte(id)) != nil; purging && r.to != Purged {
		return old, fmt.Errorf("%w: it is being purged", ErrConflict)
	}
	if !slices.Contains(r.from, old.State) {
		return old, fmt.Errorf("%w: %q needs %v, it is %s", ErrConflict, m.name, r.from, old.State)
	}
	if (m.attempt != "" || m.closes) && !m.opens && m.attempt != old.AttemptID {
		return old, fmt.Errorf("%w: attempt %s is no longer in hand", ErrConflict, m.attempt)
	}
	now := l.clock()
	doc := old
	doc.State, doc.UpdatedAt = r.to, now
	if m.opens {
		doc.AttemptID = m.attempt
		doc.Tries++
	}
	if m.closes {
		doc.LeaseOwner, doc.LeaseUntil = "", time.Time{}
	}
	if m.counts {
		doc.Attempts++
		doc.Postponed = 0
	}
	if m.failure != nil {
		doc.Failure = m.failure
	}
	if m.outputs != nil {
		doc.Outputs = m.outputs
	}
	if m.change != nil {
		m.change(&doc, now)
	}
	switch r.to {
	case Purged:
		doc.PurgedFrom = old.State
		gone := func(m Message) bool { return m.DocumentID == id } // they quote what is purged
		if _, err := dropMessages(tx, gone); err != nil {
			return old, err
		}
		if err := tx.Bucket(bucketPurging).Delete([]byte(id)); err != nil {
			return old, err
		}
	case Completed, CompletedWithWarnings:
		doc.Failure, doc.Delivery = nil, nil
	case NeedsHumanReview, FailedTerminal, DeadLetter, Rejected:
		doc.Delivery = nil
	}
	if err := spend(tx, &doc, m); err != nil {
		return old, err
	}
	if m.name == "submitted" {
		if err := unpark(tx, &doc, now); err != nil {
			return old, err
		}
	}
	if err := errors.Join(recordAttempt(tx, doc, m), tally(tx, m.tallies)); err != nil {
		return old, err
	}
	event := Event{DocumentID: id, At: now, From: old.State, To: doc.State, Move: m.name, Why: m.why,
		AttemptID: m.attempt, Actor: m.actor}
	if err := l.addEvent(tx, &doc, event); err != nil {
		return old, err
	}
	if err := l.put(tx, &old, doc); err != nil {
		return old, err
	}
	return doc, l.announce(tx, doc, m.detail)
}

// BeginPurge says that a document's bytes are about to be removed. From then on
// it takes no other move than Purge, also after a crash.
func (l *Ledger) BeginPurge(id string) error {
	return l.update(func(tx *bolt.Tx) error {
		doc, err := get(tx, id)
		if err != nil {
			return err
		}
		if !slices.Contains(rowOf("purge").from, doc.State) {
			return fmt.Errorf("%w: it is %s", ErrConflict, doc.State)
		}
		return tx.Bucket(bucketPurging).Put([]byte(id), []byte{})
	})
}

// Purging lists the documents whose purge began and did not end.
func (l *Ledger) Purging() ([]Document, error) { return l.scan(bucketPurging, nil, 0, nil) }

const moveForget = "forget"

// Forget notes that part of a document was removed by retention: "text" or "raw".
func (l *Ledger) Forget(id, part, actor, why string) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil || slices.Contains(old.Forgotten, part) {
			return err
		}
		doc := old
		doc.Forgotten = append(slices.Clone(old.Forgotten), part)
		event := Event{DocumentID: id, At: l.clock(), From: old.State, To: old.State, Move: moveForget,
			Why: part + ": " + why, Actor: actor}
		if err := l.addEvent(tx, &doc, event); err != nil {
			return err
		}
		return l.put(tx, &old, doc)
	})
}

func recordAttempt(tx *bolt.Tx, doc Document, m Move) error {
	bucket := tx.Bucket(bucketAttempts)
	key := numbered(doc.ID, doc.Tries)
	switch {
	case m.opens:
		a := Attempt{ID: m.attempt, DocumentID: doc.ID, Number: int(doc.Tries), Engine: doc.Engine, Started: doc.UpdatedAt}
		return bucket.Put(key, encode(a))
	case m.closes:
		a, err := decode[Attempt]("attempt", bucket.Get(key))
		if err != nil {
			return err
		}
		a.Ended, a.Outcome, a.Failure, a.Counted = doc.UpdatedAt, doc.State, m.failure, m.counts
		return bucket.Put(key, encode(a))
	}
	return nil
}

func (l *Ledger) addEvent(tx *bolt.Tx, doc *Document, e Event) error {
	e.Seq = doc.Events
	doc.Events++
	if l.observe != nil {
		tx.OnCommit(func() { l.observe(e, *doc) })
	}
	return tx.Bucket(bucketEvents).Put(numbered(doc.ID, e.Seq), encode(e))
}

func get(tx *bolt.Tx, id string) (Document, error) {
	return decode[Document]("document "+id, tx.Bucket(bucketDocuments).Get([]byte(id)))
}

// put stores a record and moves its index entries. old is nil for a new one.
func (l *Ledger) put(tx *bolt.Tx, old *Document, doc Document) error {
	var had []indexEntry
	if old != nil {
		had = indexes(*old)
	}
	has := indexes(doc)
	for _, e := range had {
		if !slices.ContainsFunc(has, e.equal) {
			if err := tx.Bucket(e.bucket).Delete(e.key); err != nil {
				return fmt.Errorf("index %s: %w", e.bucket, err)
			}
		}
	}
	for _, e := range has {
		if !slices.ContainsFunc(had, e.equal) {
			if bytes.Equal(e.bucket, bucketDue) {
				tx.OnCommit(l.signal)
			}
			if err := tx.Bucket(e.bucket).Put(e.key, nil); err != nil {
				return fmt.Errorf("index %s: %w", e.bucket, err)
			}
		}
	}
	if old == nil || old.State != doc.State {
		errs := []error{count(tx, doc.Folder, doc.State, +1)}
		if old != nil {
			errs = append(errs, count(tx, old.Folder, old.State, -1))
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	if err := l.noteChanged(tx, doc); err != nil {
		return err
	}
	return tx.Bucket(bucketDocuments).Put([]byte(doc.ID), encode(doc))
}

type indexEntry struct{ bucket, key []byte }

func (e indexEntry) equal(o indexEntry) bool {
	return bytes.Equal(e.bucket, o.bucket) && bytes.Equal(e.key, o.key)
}

// indexes are all index entries a record must have; Check relies on it too.
func indexes(d Document) []indexEntry {
	out := []indexEntry{
		{bucketByState, stateKey(d.State, d.ID)},
		{bucketByFolder, folderKey(d.Folder, d.ID)},
		{bucketByFolderState, []byte(d.Folder + "\x00" + string(d.State) + "\x00" + d.ID)},
		{bucketBySHA256, sumKey(d.SHA256, d.ID)},
	}
	if d.Name != "" { // a tombstone has none
		out = append(out, indexEntry{bucketByName, nameKey(d.Name, d.ID)})
	}
	for _, p := range d.Pieces { // their originals are this document's, too
		if e := (indexEntry{bucketBySHA256, sumKey(p.SHA256, d.ID)}); !slices.ContainsFunc(out, e.equal) {
			out = append(out, e)
		}
	}
	switch d.State {
	case Received, Validated:
		if d.State == Received && len(d.Claim) > 0 && !d.SourceCleared {
			break // nobody knows yet whether the claim held
		}
		// Always due, in order of arrival (ids sort by time), whatever the clock says.
		out = append(out, indexEntry{bucketDue, timed(time.Time{}, d.ID)})
	case FailedRetryable, SubmittedToProvider:
		out = append(out, indexEntry{bucketDue, timed(d.NotBefore, d.ID)})
	case Submitting, Processing:
		out = append(out, indexEntry{bucketLeased, timed(d.LeaseUntil, d.ID)})
	}
	if s := d.Submission; s != nil && s.Job != "" {
		out = append(out, indexEntry{bucketJobs, jobKey(s.Engine, s.Job, d.ID)})
	}
	if len(d.Leftovers) > 0 {
		out = append(out, indexEntry{bucketJobs, leftoverKey(d.ID)})
	}
	if d.Comparison != nil {
		out = append(out, indexEntry{bucketJobs, compareKey(d.ID)})
	}
	if d.Decision != nil {
		out = append(out, indexEntry{bucketDeciding, []byte(d.ID)})
	}
	if !d.SourceCleared {
		out = append(out, indexEntry{bucketUncleared, pathKey(d.Folder, d.Path, d.ID)})
	}
	return out
}

func count(tx *bolt.Tx, folder string, s State, by int64) error {
	add := func(bucket *bolt.Bucket, key string) error {
		return bucket.Put([]byte(key), number(uint64(int64(numberOf(bucket.Get([]byte(key))))+by)))
	}
	return errors.Join(add(tx.Bucket(bucketCounts), string(s)), add(tx.Bucket(bucketFolderCounts), folder+"\x00"+string(s)))
}

// numberOf is a stored number; 0 where there is none.
func numberOf(v []byte) int {
	if len(v) != 8 {
		return 0
	}
	return int(binary.BigEndian.Uint64(v))
}
