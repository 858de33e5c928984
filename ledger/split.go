package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Piece is some pages, from 1, of the original of another document.
type Piece struct {
	DocumentID string `json:"document_id"`
	Path       string `json:"path"`
	SHA256     string `json:"sha256"`
	MIME       string `json:"mime"`
	Pages      []int  `json:"pages"`
}

// Split is what became of a file that was taken apart: each of its pages is in
// one part or dropped.
type Split struct {
	Pages   int       `json:"pages"`
	Parts   []Part    `json:"parts"`
	Dropped []Dropped `json:"dropped"`
}

// Part is a document of its own; Pages are its pages in the file.
type Part struct {
	DocumentID string `json:"document_id"`
	Name       string `json:"name"`
	Pages      []int  `json:"pages"`
}

// Dropped is a page that is in no part, with the reason. Ink is the share of
// dark pixels that was measured, 0..1.
type Dropped struct {
	Page int     `json:"page"`
	Why  string  `json:"why"`
	Ink  float64 `json:"ink"`
}

// sentence says what became of the file.
func (s Split) sentence() string {
	var names []string
	for _, p := range s.Parts {
		names = append(names, p.Name)
	}
	out := fmt.Sprintf("The file was split into %d documents: %s.", len(s.Parts), strings.Join(names, ", "))
	if len(s.Parts) == 1 {
		out = fmt.Sprintf("The file became one document: %s.", names[0])
	}
	if n := len(s.Dropped); n > 0 {
		out += fmt.Sprintf(" Of its %d pages %d were left out; they are in the original.", s.Pages, n)
	}
	return out
}

// divide ends the attempt that took a document apart. Its bundle are its parts.
func divide(attempt string, s Split) Move {
	return Move{name: "divide", attempt: attempt, closes: true, counts: true, why: s.sentence(), outputs: []string{},
		change: func(d *Document, _ time.Time) { d.Split, d.Pages, d.Reason = &s, s.Pages, s.sentence() }}
}

// Split ends the attempt in hand by taking the document apart: its parts are
// received as documents of their own in the same transaction, in its folder and
// under its path. There is at least one part. A document that was taken apart before keeps its parts: they
// are on their own way. The error is ErrConflict when a page is in no part or in
// two, no part is left, or the attempt is no longer in hand.
func (l *Ledger) Split(id, attempt string, s Split) (Document, error) {
	if err := s.check(); err != nil {
		return Document{}, err
	}
	var doc Document
	err := l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil {
			return err
		}
		divided := Split{Pages: s.Pages, Dropped: s.Dropped}
		switch {
		case old.Split != nil:
			divided = *old.Split
		case len(s.Parts) == 0:
			return fmt.Errorf("%w: no part is left", ErrConflict)
		default:
			for _, part := range s.Parts {
				part.DocumentID = l.documentID(l.clock())
				divided.Parts = append(divided.Parts, part)
			}
		}
		if doc, err = l.apply(tx, id, divide(attempt, divided)); err != nil || old.Split != nil {
			return err
		}
		for _, part := range divided.Parts {
			if err := l.receivePart(tx, doc, part); err != nil {
				return err
			}
		}
		return nil
	})
	return doc, err
}

func (s Split) check() error {
	seen := make([]int, s.Pages+1)
	all := []int{}
	for _, p := range s.Parts {
		all = append(all, p.Pages...)
	}
	for _, d := range s.Dropped {
		all = append(all, d.Page)
	}
	for _, n := range all {
		if n < 1 || n > s.Pages {
			return fmt.Errorf("%w: there is no page %d", ErrConflict, n)
		}
		seen[n]++
	}
	if slices.ContainsFunc(seen[1:], func(n int) bool { return n != 1 }) {
		return fmt.Errorf("%w: a page is in no part or in two", ErrConflict)
	}
	return nil
}

// MIMEPart is the type of a part: pages are cut out as PDF.
const MIMEPart = "application/pdf"

func (l *Ledger) receivePart(tx *bolt.Tx, parent Document, part Part) error {
	now := l.clock()
	doc := Document{ID: part.DocumentID, State: Received, Folder: parent.Folder, Path: parent.Path, RawPath: parent.RawPath,
		Name: part.Name, SHA256: parent.SHA256, Size: parent.Size, MIME: MIMEPart, Pages: len(part.Pages),
		ReceivedAt: parent.ReceivedAt, UpdatedAt: now, Source: parent.Source, SourceCleared: true,
		Pieces: []Piece{{DocumentID: parent.ID, Path: parent.Path, SHA256: parent.SHA256, MIME: parent.MIME, Pages: part.Pages}}}
	err := l.addEvent(tx, &doc, Event{DocumentID: doc.ID, At: now, To: Received, Move: "receive", Actor: "split", Why: "part of " + parent.ID})
	if err != nil {
		return err
	}
	return l.put(tx, nil, doc)
}
