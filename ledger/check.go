package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Check reads the whole ledger and says everything that does not agree:
// bbolt's own pages, every index in both directions, the counts, and every
// document's history, which must be a legal walk that ends in its state.
func (l *Ledger) Check() error {
	var errs []error
	err := l.view(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			errs = append(errs, err)
		}
		want := map[string]map[string]bool{}
		counts, perFolder := map[State]uint64{}, map[string]uint64{}
		err := tx.Bucket(bucketDocuments).ForEach(func(k, v []byte) error {
			doc, err := decode[Document]("document "+string(k), v)
			if err != nil {
				errs = append(errs, err)
				return nil
			}
			counts[doc.State]++
			perFolder[doc.Folder+"\x00"+string(doc.State)]++
			for _, e := range indexes(doc) {
				if want[string(e.bucket)] == nil {
					want[string(e.bucket)] = map[string]bool{}
				}
				want[string(e.bucket)][string(e.key)] = true
			}
			errs = append(errs, checkHistory(tx, doc), checkAttempts(tx, doc))
			return nil
		})
		errs = append(errs, err, checkCounts(tx, counts), checkFolderCounts(tx, perFolder))
		for _, bucket := range indexBuckets() {
			errs = append(errs, checkIndex(tx, bucket, want[string(bucket)]))
		}
		errs = append(errs, checkOrphans(tx, bucketEvents), checkOrphans(tx, bucketAttempts), checkOrphans(tx, bucketChanged))
		return nil
	})
	return errors.Join(append(errs, err)...)
}

func checkIndex(tx *bolt.Tx, bucket []byte, want map[string]bool) error {
	var errs []error
	found := 0
	err := tx.Bucket(bucket).ForEach(func(k, _ []byte) error {
		if !want[string(k)] {
			errs = append(errs, fmt.Errorf("index %s: %q names no such document", bucket, k))
		}
		found++
		return nil
	})
	if found < len(want) {
		errs = append(errs, fmt.Errorf("index %s: %d entries are missing", bucket, len(want)-found))
	}
	return errors.Join(append(errs, err)...)
}

// checkOrphans finds what belongs to documents that do not exist.
func checkOrphans(tx *bolt.Tx, bucket []byte) error {
	var errs []error
	documents, last := tx.Bucket(bucketDocuments), ""
	err := tx.Bucket(bucket).ForEach(func(k, _ []byte) error {
		id := string(k[:min(idLength, len(k))])
		if id != last && documents.Get([]byte(id)) == nil {
			errs = append(errs, fmt.Errorf("%s: %q belongs to no document", bucket, id))
		}
		last = id
		return nil
	})
	return errors.Join(append(errs, err)...)
}

func checkCounts(tx *bolt.Tx, want map[State]uint64) error {
	var errs []error
	for _, s := range States() {
		var n uint64
		if v := tx.Bucket(bucketCounts).Get([]byte(s)); len(v) == 8 {
			n = binary.BigEndian.Uint64(v)
		}
		if n != want[s] {
			errs = append(errs, fmt.Errorf("count of %s is %d, there are %d", s, n, want[s]))
		}
	}
	return errors.Join(errs...)
}

func checkFolderCounts(tx *bolt.Tx, want map[string]uint64) error {
	var errs []error
	found := 0
	err := tx.Bucket(bucketFolderCounts).ForEach(func(k, v []byte) error {
		if n := uint64(numberOf(v)); n != want[string(k)] {
			errs = append(errs, fmt.Errorf("count of %q is %d, there are %d", k, n, want[string(k)]))
		} else if n > 0 {
			found++
		}
		return nil
	})
	if found < len(want) && err == nil && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("%d counts by folder are missing", len(want)-found))
	}
	return errors.Join(append(errs, err)...)
}

func checkHistory(tx *bolt.Tx, doc Document) error {
	at, n := State(""), uint64(0)
	prefix := []byte(doc.ID)
	c := tx.Bucket(bucketEvents).Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		e, err := decode[Event]("event of "+doc.ID, v)
		if err != nil {
			return err
		}
		stays := e.From == e.To && stays(e.Move)
		if e.From != at || e.Seq != n || at != "" && !stays && !Legal(e.From, e.To) || at == "" && e.To != Received {
			return fmt.Errorf("document %s: event %d goes from %q to %q after %q", doc.ID, e.Seq, e.From, e.To, at)
		}
		at = e.To
		n++
	}
	if at != doc.State || n != doc.Events {
		return fmt.Errorf("document %s is %s with %d events, its history has %d and ends in %q", doc.ID, doc.State, doc.Events, n, at)
	}
	return nil
}

func checkAttempts(tx *bolt.Tx, doc Document) error {
	prefix := []byte(doc.ID)
	open, n := 0, uint64(0)
	c := tx.Bucket(bucketAttempts).Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		a, err := decode[Attempt]("attempt of "+doc.ID, v)
		if err != nil {
			return err
		}
		if a.Ended.IsZero() {
			open++
		}
		n++
	}
	working := doc.State == Processing || doc.State == Submitting || doc.State == SubmittedToProvider
	if n != doc.Tries || working != (open == 1) || open > 1 {
		return fmt.Errorf("document %s is %s with %d attempts, %d of them open; it should have %d", doc.ID, doc.State, n, open, doc.Tries)
	}
	return nil
}
