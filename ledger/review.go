package ledger

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Decision is a person's word on a document in review while it is carried out:
// from the moment it is durable until its bundle is cleared away.
type Decision struct {
	// Verb is "approve", "reject" or "again", By whoever decided.
	Verb string `json:"verb"`
	By   string `json:"by"`
	Why  string `json:"why,omitempty"`
	// Engine is the one that shall read the document again; "" is the usual one.
	Engine string `json:"engine,omitempty"`
	// AttemptID is the attempt whose result was decided on.
	AttemptID string `json:"attempt_id"`
	// Bundles are the folders to be cleared away, Sums the SHA-256 of what was
	// delivered in them by name, Texts those of the texts in it that may go.
	Bundles []string          `json:"bundles"`
	Sums    map[string]string `json:"sums"`
	Texts   []string          `json:"texts"`
}

// PlanDecision stores a decision on a document in review, and the plan of the
// delivery that is staged for it, if it needs one. It replaces a decision that
// was carried out, but none that is in hand: then the error is ErrConflict.
func (l *Ledger) PlanDecision(id, attempt string, d Decision, delivery json.RawMessage) error {
	return l.amend(id, attempt, func(doc *Document) bool {
		inHand := doc.Delivery != nil
		doc.Decision, doc.Delivery = &d, delivery
		return doc.State == NeedsHumanReview && !inHand
	})
}

// Deciding lists the documents whose decisions are still being carried out.
func (l *Ledger) Deciding() ([]Document, error) { return l.scan(bucketDeciding, nil, 0, nil) }

// DecisionCleared ends a decision whose bundles are cleared away. One that was
// made meanwhile, on another attempt, is left.
func (l *Ledger) DecisionCleared(id, attempt string) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil || old.Decision == nil || old.Decision.AttemptID != attempt {
			return err
		}
		if old.State == NeedsHumanReview && old.Delivery != nil {
			return fmt.Errorf("%w: the decision is not carried out yet", ErrConflict)
		}
		doc := old
		doc.Decision = nil
		return l.put(tx, &old, doc)
	})
}

// ClaimKey says that a document carries a business key, such as a seller and
// the number of an invoice, given as a digest. The first to claim it has it,
// purged or not; of a document that failed or was rejected it is free again. The
// holder is returned: the document itself, or the earlier one. "" gives up the
// key the document had.
func (l *Ledger) ClaimKey(id, key string) (holder Document, err error) {
	err = l.update(func(tx *bolt.Tx) error {
		doc, err := get(tx, id)
		if err != nil {
			return err
		}
		holder = doc
		if doc.BusinessKey != key {
			old := doc
			doc.BusinessKey = key
			if err := l.put(tx, &old, doc); err != nil {
				return err
			}
			holder = doc
		}
		if key == "" {
			return nil
		}
		keys := tx.Bucket(bucketBusiness)
		if earlier, err := get(tx, string(keys.Get([]byte(key)))); err == nil && earlier.ID != id && earlier.holds(key) {
			holder = earlier
			return nil
		}
		return keys.Put([]byte(key), []byte(id))
	})
	return holder, err
}

// holds is true while a document keeps others from having its business key.
func (d Document) holds(key string) bool {
	state := d.State
	if state == Purged {
		state = d.PurgedFrom
	}
	switch state {
	case FailedTerminal, DeadLetter, Rejected:
		return false
	}
	return d.BusinessKey == key
}
