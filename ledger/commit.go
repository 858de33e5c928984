package ledger

import (
	"fmt"
	"runtime/debug"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// change is one caller's part of a commit. wake tells the caller that it is
// made, or else that it is the caller's turn to commit.
type change struct {
	fn   func(*bolt.Tx) error
	err  error
	made bool
	wake chan struct{}
}

// maxBatch bounds how many changes one commit makes.
const maxBatch = 512

// update makes a change durable. Changes that come while another is being
// synced to disk share the next sync: none waits for company, and many at once
// cost little more than one. fn may run more than once and must not keep what
// an earlier run found.
func (l *Ledger) update(fn func(*bolt.Tx) error) error {
	c := &change{fn: fn, wake: make(chan struct{}, 1)}
	l.mu.Lock()
	l.pending = append(l.pending, c)
	if l.committing {
		l.mu.Unlock()
		<-c.wake
		if c.made {
			return wrap(c.err)
		}
		l.mu.Lock()
	}
	l.committing = true
	n := min(len(l.pending), maxBatch)
	batch := l.pending[:n:n]
	l.pending = l.pending[n:]
	l.mu.Unlock()

	l.commit(slices.Clone(batch))

	l.mu.Lock()
	if len(l.pending) > 0 {
		l.pending[0].wake <- struct{}{}
	} else {
		l.committing = false
	}
	l.mu.Unlock()
	for _, other := range batch {
		if other != c {
			other.made = true
			other.wake <- struct{}{}
		}
	}
	return wrap(c.err)
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// commit makes the changes in one transaction. One that fails is left out and
// the others are made again without it.
func (l *Ledger) commit(batch []*change) {
	for len(batch) > 0 {
		bad := -1
		err := l.transact(func(tx *bolt.Tx) error {
			for i, c := range batch {
				if c.err = c.fn(tx); c.err != nil {
					bad = i
					return c.err
				}
			}
			return nil
		})
		if bad < 0 {
			for _, c := range batch {
				c.err = err
			}
			return
		}
		batch = slices.Delete(batch, bad, bad+1)
	}
}

// transact makes a panic, such as bbolt's over a damaged page, an error: those
// who wait for the commit must hear of it.
func (l *Ledger) transact(fn func(*bolt.Tx) error) (err error) {
	l.open.RLock()
	defer l.open.RUnlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return l.db.Update(fn)
}

// view reads the ledger as it stands at one moment.
func (l *Ledger) view(fn func(*bolt.Tx) error) error {
	l.open.RLock()
	defer l.open.RUnlock()
	return l.db.View(fn)
}
