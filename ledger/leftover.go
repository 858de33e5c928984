package ledger

import (
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Leftover is a job that is over and that its provider was not heard to have
// deleted: until then it has a customer's page.
type Leftover struct {
	Engine string    `json:"engine"`
	Job    string    `json:"job"`
	URL    string    `json:"url,omitempty"`
	Since  time.Time `json:"since"`
}

func (o Leftover) same(p Leftover) bool { return o.Engine == p.Engine && o.Job == p.Job }

// leave adds a leftover to a copy of the list; nil is none.
func leave(d *Document, o *Leftover) {
	if o == nil || slices.ContainsFunc(d.Leftovers, o.same) {
		return
	}
	d.Leftovers = append(slices.Clone(d.Leftovers), *o)
}

// leftoverMark begins the keys of documents with leftovers among those of jobs.
// No engine's name is empty, so that no job has such a key.
const leftoverMark = "\x00left\x00"

func leftoverKey(id string) []byte { return []byte(leftoverMark + id) }

// Leave notes that a provider still has a job of the document.
func (l *Ledger) Leave(id string, o Leftover) error {
	return l.revise(id, func(d *Document) { leave(d, &o) })
}

// Deleted notes that the provider has deleted the job, or that it is no longer
// hoped for. A job that was not left is no error.
func (l *Ledger) Deleted(id string, o Leftover) error {
	return l.revise(id, func(d *Document) { d.Leftovers = slices.DeleteFunc(slices.Clone(d.Leftovers), o.same) })
}

// revise changes what belongs to no attempt and moves nothing.
func (l *Ledger) revise(id string, change func(*Document)) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil {
			return err
		}
		doc := old
		change(&doc)
		return l.put(tx, &old, doc)
	})
}

// WithLeftovers lists at most limit documents with leftovers that come after an
// id, "" for the first ones.
func (l *Ledger) WithLeftovers(after string, limit int) ([]Document, error) {
	return l.marked(leftoverMark, after, limit)
}
