package search

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"intray/ledger"
)

// Follower keeps an index up to date with the ledger. Fill the fields, then call
// Run once.
type Follower struct {
	Ledger *ledger.Ledger
	Index  *Index
	// Read is what was read of a document; nil where nothing was, or it cannot be
	// read any more.
	Read func(ledger.Document) *Content
	// Fresh says that the index is empty; see Open.
	Fresh bool
	Log   *slog.Logger

	// rest is until when the index is not cleaned again; zero when it is clean.
	rest time.Time
}

const (
	// together is how many documents one transaction of the index takes.
	together = 200
	// heavy is how much text, in bytes, ends a transaction before that.
	heavy = 8 << 20
	// breath is how long changes are let come together: a document makes several
	// moves within a second, and is written once.
	breath = 500 * time.Millisecond
	// patience is how long after a failure the index is written again.
	patience = time.Minute
	// lastMoment is how long a follower that is told to end goes on, for what was
	// purged just before.
	lastMoment = 2 * time.Second
)

// Run follows until ctx is done. What cannot be written is told and tried again:
// the search is behind then, nothing else is.
func (f *Follower) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := time.Duration(0)
		err := f.CatchUp(ctx)
		if err != nil && f.Index.Condemn(err) {
			f.Log.Error("The search index is damaged. It is made anew when Intray starts again; until then search may miss documents.", "error", err)
			return
		}
		if err != nil && ctx.Err() == nil {
			f.Log.Error("The search index could not be brought up to date; it is tried again in a minute.", "error", err)
			wait = patience
		}
		if wait == 0 {
			select {
			case <-f.Ledger.ChangeSignal():
				wait = breath
			case <-f.rested():
			case <-ctx.Done():
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastMoment)
	defer cancel()
	if err := f.CatchUp(last); err != nil && last.Err() == nil {
		f.Log.Warn("The search index is behind; the next start brings it up to date.", "error", err)
	}
}

// rested tells when the index may be cleaned again.
func (f *Follower) rested() <-chan time.Time {
	if f.rest.IsZero() {
		return nil
	}
	return time.After(time.Until(f.rest))
}

// CatchUp follows up all that has changed, and has nothing left in the file of
// what was purged, unless that was done a moment ago.
func (f *Follower) CatchUp(ctx context.Context) error {
	if err := f.follow(ctx); err != nil {
		return err
	}
	return f.clean(ctx)
}

// follow follows up all that has changed.
func (f *Follower) follow(ctx context.Context) error {
	if f.Fresh {
		if err := f.Ledger.FollowAll(); err != nil {
			return err
		}
		if err := f.Index.Filled(); err != nil {
			return err
		}
		f.Fresh = false
	}
	for ctx.Err() == nil {
		changes, entries, err := f.next()
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := f.Index.Put(ctx, entries); err != nil {
			return err
		}
		if err := f.Ledger.Followed(changes); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// next is what one transaction takes: no more text than memory is meant for.
func (f *Follower) next() ([]ledger.Change, []Entry, error) {
	changes, err := f.Ledger.Changed(together)
	if err != nil {
		return nil, nil, err
	}
	var entries []Entry
	weight := 0
	for _, c := range changes {
		content := f.Read(c.Document)
		if content != nil {
			if len(content.Text) > longestText { // the rest would not be kept; let go of it now
				content.Text = strings.Clone(content.Text[:longestText])
			}
			weight += len(content.Text)
		}
		entries = append(entries, Entry{Document: c.Document, Content: content})
		if weight >= heavy {
			break
		}
	}
	return changes[:len(entries)], entries, nil
}
