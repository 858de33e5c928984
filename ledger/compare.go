package ledger

import (
	"bytes"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Comparison is a second engine's reading of a document that is done with: its
// answer is counted and never delivered. It lies beside the document's journey, and
// nothing in it moves the document. What may have been sent is never sent again.
type Comparison struct {
	Engine string `json:"engine"`
	// Sent is true from the intent on; Job and URL are the provider's, once known.
	Sent bool   `json:"sent,omitempty"`
	Job  string `json:"job,omitempty"`
	URL  string `json:"url,omitempty"`
	// Since is when it was wanted or sent, NotBefore when it is looked at again.
	Since     time.Time `json:"since"`
	NotBefore time.Time `json:"not_before,omitzero"`
}

// compareMark begins the keys of documents with a comparison, as leftoverMark does.
const compareMark = "\x00compare\x00"

func compareKey(id string) []byte { return []byte(compareMark + id) }

const moveCompare = "compare"

// Comparing adds to a move that the document is to be read by another engine, too;
// "" for none. One that is open goes on instead.
func (m Move) Comparing(engine string) Move {
	if engine == "" {
		return m
	}
	first := m.change
	m.change = func(d *Document, now time.Time) {
		if first != nil {
			first(d, now)
		}
		if d.Comparison == nil {
			d.Comparison = &Comparison{Engine: engine, Since: now}
		}
	}
	return m
}

// Compare notes, before the first byte leaves, that a document goes to an engine
// for comparison, in its history as well, and books its pages. The error is
// ErrConflict for one that was sent already, and *OverBudget.
func (l *Ledger) Compare(id string, pages int, under ...Allowance) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil {
			return err
		}
		if old.Comparison == nil || old.Comparison.Sent || old.State == Purged {
			return fmt.Errorf("%w: there is no comparison to begin", ErrConflict)
		}
		doc, c := old, *old.Comparison
		c.Sent, c.Since = true, l.clock()
		doc.Comparison = &c
		if _, err := book(tx, pages, pages, under); err != nil {
			return err
		}
		event := Event{DocumentID: id, At: c.Since, From: old.State, To: old.State, Move: moveCompare, Actor: "intray",
			Why: fmt.Sprintf("%d pages go to %s, for comparison only", pages, c.Engine)}
		if err := l.addEvent(tx, &doc, event); err != nil {
			return err
		}
		return l.put(tx, &old, doc)
	})
}

// CompareLater keeps what is known of a comparison.
func (l *Ledger) CompareLater(id string, c Comparison) error {
	return l.revise(id, func(d *Document) {
		if d.Comparison != nil {
			d.Comparison = &c
		}
	})
}

// Compared ends a comparison and counts what it brought, in one transaction. left,
// if not nil, is the job that the provider still has. The error is ErrConflict where
// it has ended.
func (l *Ledger) Compared(id string, left *Leftover, counts map[Tally]int) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil {
			return err
		}
		if old.Comparison == nil {
			return fmt.Errorf("%w: there is no comparison", ErrConflict)
		}
		doc := old
		doc.Comparison = nil
		leave(&doc, left)
		for t, n := range counts {
			if err := tallyBy(tx, t, n); err != nil {
				return err
			}
		}
		return l.put(tx, &old, doc)
	})
}

// Comparisons lists at most limit documents with an open comparison that come after
// an id, "" for the first ones.
func (l *Ledger) Comparisons(after string, limit int) ([]Document, error) {
	return l.marked(compareMark, after, limit)
}

// marked lists documents by a mark among the keys of jobs.
func (l *Ledger) marked(mark, after string, limit int) (out []Document, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		c, first := tx.Bucket(bucketJobs).Cursor(), []byte(mark+after)
		for k, _ := c.Seek(first); bytes.HasPrefix(k, []byte(mark)) && len(out) < limit; k, _ = c.Next() {
			if after != "" && bytes.Equal(k, first) {
				continue
			}
			doc, err := get(tx, lastID(k))
			if err != nil {
				return err
			}
			out = append(out, doc)
		}
		return nil
	})
	return out, err
}
