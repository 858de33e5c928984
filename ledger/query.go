package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// sumLength is that of a SHA-256 in hexadecimal.
const sumLength = 64

// shortestID is the fewest characters of an id that Get takes for the whole.
const shortestID = 4

// Get finds a document by its id, or by the beginning of it if no other has it.
func (l *Ledger) Get(id string) (Document, error) {
	var doc Document
	err := l.view(func(tx *bolt.Tx) (err error) {
		if len(id) == idLength {
			doc, err = get(tx, id)
			return err
		}
		if len(id) < shortestID {
			return ErrNotFound
		}
		c := tx.Bucket(bucketDocuments).Cursor()
		k, v := c.Seek([]byte(id))
		if !bytes.HasPrefix(k, []byte(id)) {
			return ErrNotFound
		}
		if next, _ := c.Next(); bytes.HasPrefix(next, []byte(id)) {
			return fmt.Errorf("%w: several ids begin with %s", ErrNotFound, id)
		}
		doc, err = decode[Document]("document "+string(k), v)
		return err
	})
	return doc, err
}

// Attempts lists a document's attempts, oldest first.
func (l *Ledger) Attempts(id string) ([]Attempt, error) {
	return children[Attempt](l, bucketAttempts, "attempt", id)
}

// Events lists a document's events, oldest first.
func (l *Ledger) Events(id string) ([]Event, error) {
	return children[Event](l, bucketEvents, "event", id)
}

func children[T any](l *Ledger, bucket []byte, what, id string) ([]T, error) {
	var out []T
	err := l.view(func(tx *bolt.Tx) error {
		if _, err := get(tx, id); err != nil {
			return err
		}
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.Seek([]byte(id)); bytes.HasPrefix(k, []byte(id)); k, v = c.Next() {
			one, err := decode[T](what, v)
			if err != nil {
				return err
			}
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

// Due lists documents with work to do now, the longest due first.
func (l *Ledger) Due(now time.Time, limit int) ([]Document, error) {
	return l.scan(bucketDue, nil, limit, func(k []byte) bool {
		return int64(binary.BigEndian.Uint64(k)) <= now.UnixNano()
	})
}

// Ready lists documents with work to do now, at most limit of each kind: fresh are
// those that nothing has put off yet, in the order of their arrival, and again those
// whose time has come, the longest due first. Those that skip names are not even
// read: a thousand of them cost next to nothing.
func (l *Ledger) Ready(now time.Time, limit int, skip func(id string) bool) (fresh, again []Document, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		kind, never, c := &fresh, instant(time.Time{}), tx.Bucket(bucketDue).Cursor()
		k, _ := c.First()
		for k != nil && int64(binary.BigEndian.Uint64(k)) <= now.UnixNano() {
			if kind == &fresh && (len(fresh) == limit || !bytes.HasPrefix(k, never)) {
				kind = &again
				k, _ = c.Seek(number(1))
				continue
			}
			if len(again) == limit {
				break
			}
			if id := lastID(k); !skip(id) {
				doc, err := get(tx, id)
				if err != nil {
					return fmt.Errorf("index %s: %w", bucketDue, err)
				}
				*kind = append(*kind, doc)
			}
			k, _ = c.Next()
		}
		return nil
	})
	return fresh, again, err
}

// Held lists documents that something around them has put off times in a row or more.
// It looks at no more than limit of those that wait; more is true where there are others.
func (l *Ledger) Held(times, limit int) (out []Document, more bool, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketDue).Cursor()
		k, _ := c.Seek(number(1)) // what was never put off comes before
		for n := 0; k != nil && n < limit; n++ {
			doc, err := get(tx, lastID(k))
			if err != nil {
				return fmt.Errorf("index %s: %w", bucketDue, err)
			}
			if doc.State == FailedRetryable && doc.Postponed >= times {
				out = append(out, doc)
			}
			k, _ = c.Next()
		}
		more = k != nil
		return nil
	})
	return out, more, err
}

// NextDue is when the next document that only waits becomes due; ok is false
// when none waits.
func (l *Ledger) NextDue(now time.Time) (at time.Time, ok bool, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		after := instant(now.Add(1))
		if k, _ := tx.Bucket(bucketDue).Cursor().Seek(after); k != nil {
			at, ok = time.Unix(0, int64(binary.BigEndian.Uint64(k))), true
		}
		return nil
	})
	return at, ok, err
}

// scan reads the documents an index names, from a prefix on, while the key
// passes; limit 0 is no limit.
func (l *Ledger) scan(bucket, prefix []byte, limit int, passes func(key []byte) bool) ([]Document, error) {
	var out []Document
	err := l.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			if limit > 0 && len(out) == limit || passes != nil && !passes(k) {
				return nil
			}
			doc, err := get(tx, lastID(k))
			if err != nil {
				return fmt.Errorf("index %s: %w", bucket, err)
			}
			out = append(out, doc)
		}
		return nil
	})
	return out, err
}

// FirstBySHA256 is the oldest document with this content, whatever became of it.
func (l *Ledger) FirstBySHA256(sum string) (Document, error) {
	docs, err := l.WithSHA256(sum, 1)
	if err != nil {
		return Document{}, err
	}
	if len(docs) == 0 {
		return Document{}, ErrNotFound
	}
	return docs[0], nil
}

// WithSHA256 lists the documents with this content, oldest first, at most limit
// of them; 0 is no limit.
func (l *Ledger) WithSHA256(sum string, limit int) ([]Document, error) {
	if len(sum) != sumLength {
		return nil, nil
	}
	return l.scan(bucketBySHA256, []byte(sum), limit, nil)
}

// Counts is how many documents are in each state.
func (l *Ledger) Counts() (map[State]int, error) {
	out := map[State]int{}
	err := l.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketCounts).ForEach(func(k, v []byte) error {
			if n := binary.BigEndian.Uint64(v); n > 0 {
				out[State(k)] = int(n)
			}
			return nil
		})
	})
	return out, err
}
