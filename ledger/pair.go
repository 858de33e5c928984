package ledger

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

const moveJoined = "joined"

// await ends an attempt of a document that may be one half of another: its
// fronts or its backs. It costs none of its tries.
func await(attempt string, pages int, until time.Time) Move {
	return Move{name: "postponed", attempt: attempt, closes: true, why: "waits for the other sides of its pages",
		change: func(d *Document, _ time.Time) { d.NotBefore, d.Pages, d.HalfUntil = until, pages, until }}
}

// absorb ends the attempt of the half that came second, with so many pages.
func absorb(attempt, into string, pages int) Move {
	why := "Its pages are one document with those of " + into + "."
	return Move{name: "divide", attempt: attempt, closes: true, counts: true, why: why, outputs: []string{},
		change: func(d *Document, _ time.Time) {
			d.Reason, d.Pages = why, pages
			d.Split = &Split{Pages: pages, Parts: []Part{{DocumentID: into, Name: d.Name, Pages: count1(pages)}}}
		}}
}

// Pair joins the fronts and the backs of a pile that was scanned twice. When a
// document of the same folder, subfolder and number of pages waits, both become
// one in one transaction: the one that waited goes on, made of both, fronts being
// the older file and backs being in reverse; the one in hand is at its end.
// Otherwise the one in hand waits until the given time.
func (l *Ledger) Pair(id, attempt string, pages int, until time.Time) (Document, error) {
	var doc Document
	err := l.update(func(tx *bolt.Tx) error {
		mine, err := get(tx, id)
		if err != nil {
			return err
		}
		other, found, err := l.waitingHalf(tx, mine, pages)
		if err != nil {
			return err
		}
		if !found {
			doc, err = l.apply(tx, id, await(attempt, pages, until))
			return err
		}
		if doc, err = l.apply(tx, id, absorb(attempt, other.ID, pages)); err != nil {
			return err
		}
		whole := other
		whole.Pieces = interleaved(mine, other, pages)
		whole.Pages, whole.MIME, whole.HalfUntil, whole.NotBefore = 2*pages, MIMEPart, time.Time{}, l.clock()
		whole.Name = strings.TrimSuffix(whole.Name, path.Ext(whole.Name)) + ".pdf"
		event := Event{DocumentID: whole.ID, At: l.clock(), From: whole.State, To: whole.State, Move: moveJoined, Actor: "collate",
			Why: "joined with " + mine.ID + ", the other sides of its pages"}
		if err := l.addEvent(tx, &whole, event); err != nil {
			return err
		}
		return l.put(tx, &other, whole)
	})
	return doc, err
}

func count1(n int) (out []int) {
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

// awaitsHalf is true as long as the document waits for its other half and for
// nothing else, such as its next try.
func (d Document) awaitsHalf(now time.Time) bool {
	return d.State == FailedRetryable && d.HalfUntil.After(now) && d.NotBefore.Equal(d.HalfUntil)
}

// waitingHalf finds the oldest document that waits where mine came from.
func (l *Ledger) waitingHalf(tx *bolt.Tx, mine Document, pages int) (Document, bool, error) {
	prefix := []byte(mine.Folder + "\x00" + string(FailedRetryable) + "\x00")
	c := tx.Bucket(bucketByFolderState).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		doc, err := get(tx, lastID(k))
		if err != nil {
			return doc, false, fmt.Errorf("look for the other half: %w", err)
		}
		if doc.awaitsHalf(l.clock()) && doc.Pages == pages && path.Dir(doc.Path) == path.Dir(mine.Path) {
			return doc, true, nil
		}
	}
	return Document{}, false, nil
}

// interleaved is front 1, the last of the backs, front 2, the last but one. The
// fronts are the older file; ids sort by arrival.
func interleaved(a, b Document, pages int) (out []Piece) {
	older := cmp.Or(a.Source.ModTime.Compare(b.Source.ModTime), cmp.Compare(a.ID, b.ID))
	if older > 0 {
		a, b = b, a
	}
	for i := range pages {
		out = append(out, Piece{DocumentID: a.ID, Path: a.Path, SHA256: a.SHA256, MIME: a.MIME, Pages: []int{i + 1}},
			Piece{DocumentID: b.ID, Path: b.Path, SHA256: b.SHA256, MIME: b.MIME, Pages: []int{pages - i}})
	}
	return out
}
