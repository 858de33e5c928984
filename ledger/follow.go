package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// Change is a document that changed since somebody who follows all documents,
// such as the search index, last had it. Version tells one change from the next.
type Change struct {
	Document Document
	Version  uint64
}

// noteChanged remembers, in the change's own transaction, that the document has
// to be followed up: a follower misses nothing, whatever is killed when.
func (l *Ledger) noteChanged(tx *bolt.Tx, doc Document) error {
	bucket := tx.Bucket(bucketChanged)
	version, err := bucket.NextSequence()
	if err != nil {
		return fmt.Errorf("note a change: %w", err)
	}
	tx.OnCommit(l.signalChanged)
	return bucket.Put([]byte(doc.ID), number(version))
}

func (l *Ledger) signalChanged() {
	select {
	case l.changed <- struct{}{}:
	default: // a signal is waiting already
	}
}

// ChangeSignal is signalled after a change that Changed will tell of.
func (l *Ledger) ChangeSignal() <-chan struct{} { return l.changed }

// Changed lists at most limit documents that are to be followed up, the newest first.
func (l *Ledger) Changed(limit int) ([]Change, error) {
	var out []Change
	err := l.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketChanged).Cursor()
		for k, v := c.Last(); k != nil && len(out) < limit; k, v = c.Prev() {
			doc, err := get(tx, string(k))
			if err != nil {
				return err
			}
			out = append(out, Change{Document: doc, Version: uint64(numberOf(v))})
		}
		return nil
	})
	return out, err
}

// Followed says that changes were followed up. A document that has changed again
// since stays in the list.
func (l *Ledger) Followed(changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	return l.update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(bucketChanged)
		for _, c := range changes {
			key := []byte(c.Document.ID)
			if v := bucket.Get(key); len(v) == 8 && uint64(numberOf(v)) == c.Version {
				if err := bucket.Delete(key); err != nil {
					return fmt.Errorf("note what was followed up: %w", err)
				}
			}
		}
		return nil
	})
}

// FollowAll has every document followed up anew, for a follower that lost what it had.
func (l *Ledger) FollowAll() error {
	for from, done := []byte(nil), false; !done; {
		err := l.update(func(tx *bolt.Tx) error {
			var err error
			from, done, err = followSome(tx, from)
			tx.OnCommit(l.signalChanged)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// followAtOnce bounds how many documents one transaction marks, so that others get theirs in between.
const followAtOnce = 10_000

func followSome(tx *bolt.Tx, from []byte) (next []byte, done bool, err error) {
	bucket := tx.Bucket(bucketChanged)
	c := tx.Bucket(bucketDocuments).Cursor()
	k, _ := c.First()
	if from != nil {
		k, _ = c.Seek(from)
	}
	for n := 0; k != nil; k, _ = c.Next() {
		if n++; n > followAtOnce {
			return bytes.Clone(k), false, nil
		}
		version, err := bucket.NextSequence()
		if err != nil {
			return nil, false, fmt.Errorf("note a change: %w", err)
		}
		if err := bucket.Put(k, number(version)); err != nil {
			return nil, false, fmt.Errorf("note a change: %w", err)
		}
	}
	return nil, true, nil
}

// FolderCounts is how many documents are in each state, by folder.
func (l *Ledger) FolderCounts() (map[string]map[State]int, error) {
	out := map[string]map[State]int{}
	err := l.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketFolderCounts).ForEach(func(k, v []byte) error {
			folder, state, _ := strings.Cut(string(k), "\x00")
			if n := numberOf(v); n > 0 {
				if out[folder] == nil {
					out[folder] = map[State]int{}
				}
				out[folder][State(state)] = n
			}
			return nil
		})
	})
	return out, err
}

// followDocuments is the step to schema 6.
func followDocuments(tx *bolt.Tx) error {
	if err := makeBuckets(tx, followBuckets()); err != nil {
		return err
	}
	counts := map[string]uint64{}
	err := tx.Bucket(bucketDocuments).ForEach(func(k, v []byte) error {
		doc, err := decode[Document]("document "+string(k), v)
		counts[doc.Folder+"\x00"+string(doc.State)]++
		return err
	})
	if err != nil {
		return err
	}
	for key, n := range counts {
		if err := tx.Bucket(bucketFolderCounts).Put([]byte(key), number(n)); err != nil {
			return fmt.Errorf("count by folder: %w", err)
		}
	}
	for from, done := []byte(nil), false; !done; {
		if from, done, err = followSome(tx, slices.Clone(from)); err != nil {
			return err
		}
	}
	return nil
}
