package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Message is something to be told about a document when it reached a state: to
// a receiver, a command or a table. It is written with the move that led there
// and removed when it is delivered, so that it is neither lost nor told twice
// without its ID saying so.
type Message struct {
	ID         string `json:"id"`
	DocumentID string `json:"document_id"`
	// To says who is told, Event what happened; both are the caller's words.
	To    string `json:"to"`
	Event string `json:"event"`
	// Body is what is told.
	Body json.RawMessage `json:"body"`

	At        time.Time `json:"at"`
	NotBefore time.Time `json:"not_before"`
	// Attempts is how often it was tried in vain, and Failure the last reason.
	Attempts int    `json:"attempts"`
	Failure  string `json:"failure,omitempty"`
	// Dead is true when it is not tried again unless somebody asks.
	Dead bool `json:"dead,omitempty"`
}

const (
	moveHandedOver = "handed over"
	moveNotHanded  = "not handed over"
)

// Detail adds what the caller knows of the document to the messages of a move.
func (m Move) Detail(detail json.RawMessage) Move {
	m.detail = detail
	return m
}

// announce writes the messages of a move.
func (l *Ledger) announce(tx *bolt.Tx, doc Document, detail json.RawMessage) error {
	if l.messages == nil {
		return nil
	}
	for _, m := range l.messages(doc, detail) {
		m.ID, m.DocumentID, m.At, m.NotBefore = l.documentID(l.clock()), doc.ID, doc.UpdatedAt, doc.UpdatedAt
		if err := putMessage(tx, m); err != nil {
			return err
		}
		tx.OnCommit(l.signalOutbox)
	}
	return nil
}

func putMessage(tx *bolt.Tx, m Message) error {
	if err := tx.Bucket(bucketOutbox).Put([]byte(m.ID), encode(m)); err != nil {
		return err
	}
	if m.Dead {
		return nil
	}
	return tx.Bucket(bucketOutboxDue).Put(timed(m.NotBefore, m.ID), nil)
}

// Outgoing is signalled when messages were written.
func (l *Ledger) Outgoing() <-chan struct{} { return l.outgoing }

func (l *Ledger) signalOutbox() {
	select {
	case l.outgoing <- struct{}{}:
	default: // a signal is waiting already
	}
}

// DueMessages lists up to limit messages that are due and taken, oldest first,
// and says when the next one is due; zero if none waits or the limit is reached.
// take is asked once for each, in that order; nil takes all.
func (l *Ledger) DueMessages(now time.Time, limit int, take func(Message) bool) (due []Message, next time.Time, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketOutboxDue).Cursor()
		for k, _ := c.First(); k != nil && len(due) < limit; k, _ = c.Next() {
			m, err := decode[Message]("message", tx.Bucket(bucketOutbox).Get([]byte(lastID(k))))
			if err != nil {
				return err
			}
			if m.NotBefore.After(now) {
				next = m.NotBefore
				return nil
			}
			if take == nil || take(m) {
				due = append(due, m)
			}
		}
		return nil
	})
	return due, next, err
}

// Messages lists those of a document that are not delivered; of all documents
// if id is "".
func (l *Ledger) Messages(id string) ([]Message, error) {
	out := []Message{}
	err := l.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketOutbox).ForEach(func(_, v []byte) error {
			m, err := decode[Message]("message", v)
			if err == nil && (id == "" || m.DocumentID == id) {
				out = append(out, m)
			}
			return err
		})
	})
	return out, err
}

// CountMessages counts the messages of all documents that are still to be delivered,
// and those that were given up. It reads none of them.
func (l *Ledger) CountMessages() (waiting, dead int, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		waiting = tx.Bucket(bucketOutboxDue).Stats().KeyN // those given up are never due
		dead = tx.Bucket(bucketOutbox).Stats().KeyN - waiting
		return nil
	})
	return waiting, dead, err
}

// Delivered removes a message and notes it in its document's history.
func (l *Ledger) Delivered(m Message) error {
	return l.changeMessage(m.ID, moveHandedOver, func(m Message) (Message, bool, string) {
		return m, false, fmt.Sprintf("%s to %s", m.Event, m.To)
	})
}

// Undelivered notes that a message could not be delivered: it is tried again at
// the given time, or, if that is zero, only when somebody asks.
func (l *Ledger) Undelivered(m Message, again time.Time, failure string) error {
	move := ""
	if again.IsZero() {
		move = moveNotHanded
	}
	return l.changeMessage(m.ID, move, func(m Message) (Message, bool, string) {
		m.Attempts++
		m.Failure, m.NotBefore, m.Dead = failure, again, again.IsZero()
		return m, true, fmt.Sprintf("%s to %s: given up after %d attempts. %s", m.Event, m.To, m.Attempts, failure)
	})
}

// RetryMessages makes the messages of a document that are waiting, or given up,
// due now, and says how many.
func (l *Ledger) RetryMessages(id string) (n int, err error) {
	waiting, err := l.Messages(id)
	for _, m := range waiting {
		if err != nil {
			break
		}
		err = l.changeMessage(m.ID, "", func(m Message) (Message, bool, string) {
			m.Attempts, m.NotBefore, m.Dead = 0, l.clock(), false
			return m, true, ""
		})
		n++
	}
	l.signalOutbox()
	return n, err
}

// ForgetDead removes the messages that were given up and tell of what happened
// before a moment, and says how many. Their documents' history keeps the reason.
func (l *Ledger) ForgetDead(before time.Time) (n int, err error) {
	err = l.update(func(tx *bolt.Tx) error {
		n, err = dropMessages(tx, func(m Message) bool { return m.Dead && m.At.Before(before) })
		return err
	})
	return n, err
}

func dropMessages(tx *bolt.Tx, which func(Message) bool) (int, error) {
	var gone []Message
	bucket := tx.Bucket(bucketOutbox)
	err := bucket.ForEach(func(_, v []byte) error {
		m, err := decode[Message]("message", v)
		if err == nil && which(m) {
			gone = append(gone, m)
		}
		return err
	})
	for _, m := range gone { // bbolt's ForEach must not be changed under
		err = errors.Join(err, tx.Bucket(bucketOutboxDue).Delete(timed(m.NotBefore, m.ID)), bucket.Delete([]byte(m.ID)))
	}
	return len(gone), err
}

// changeMessage replaces a message, or removes it unless kept; move, if any, is
// noted in its document's history. A message that is gone stays gone.
func (l *Ledger) changeMessage(id, move string, change func(Message) (m Message, kept bool, why string)) error {
	return l.update(func(tx *bolt.Tx) error {
		value := tx.Bucket(bucketOutbox).Get([]byte(id))
		if value == nil {
			return nil
		}
		old, err := decode[Message]("message", value)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketOutboxDue).Delete(timed(old.NotBefore, id)); err != nil {
			return err
		}
		m, kept, why := change(old)
		if kept {
			err = putMessage(tx, m)
		} else {
			err = tx.Bucket(bucketOutbox).Delete([]byte(id))
		}
		if err != nil || move == "" {
			return err
		}
		return l.note(tx, m.DocumentID, move, why)
	})
}

// note adds an event to a document's history that leaves its state.
func (l *Ledger) note(tx *bolt.Tx, id, move, why string) error {
	old, err := get(tx, id)
	if err != nil {
		return err
	}
	doc := old
	if err := l.addEvent(tx, &doc, Event{DocumentID: id, At: l.clock(), From: old.State, To: old.State, Move: move, Why: why}); err != nil {
		return err
	}
	return l.put(tx, &old, doc)
}

// stays is true for events that leave a document's state.
func stays(move string) bool {
	return slices.Contains([]string{moveForget, moveHandedOver, moveNotHanded, moveJoined, moveCalled}, move)
}
