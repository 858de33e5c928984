package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A row of words that is deleted is only struck out: its words stay in the file
// until the parts of the index that hold them are merged, which may be never.
// Cleaning merges all of them into one without what was struck out
// (sqlite.org/fts5.html, section 6.7, "merge"), and empties the log beside the
// file. How far it is stands in the table about, so that it goes on after a
// restart; a document that goes meanwhile has it begin again.
const (
	keyClean = "clean"
	// settling ends merges that had begun before: what they have copied already
	// may be struck out since.
	settling = "settling"
	merging  = "merging"
	cleaned  = "yes"
)

// stride is how many pages of the index, of 4 kB, one step of cleaning writes.
const stride = 500

// soiled notes in a transaction that words were struck out that must go.
func soiled(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM about WHERE key = ?", keyClean)
	return err
}

// Clean takes one short step towards a file in which nothing is
// left of documents that were purged, and says whether that is so. Call it until
// it is; other changes may be made between.
func (x *Index) Clean(ctx context.Context) (done bool, err error) {
	at, err := x.about(keyClean)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, x.say(keyClean, settling)
	case err != nil:
		return false, fmt.Errorf("read search index: %w", err)
	case at == cleaned:
		return true, nil
	}
	if quiet, err := x.merge(ctx, stride); err != nil || !quiet {
		return false, err
	}
	if at == settling {
		// A negative number takes up all that there is, not only what is worth merging.
		if _, err := x.merge(ctx, -stride); err != nil {
			return false, err
		}
		return false, x.step(ctx, settling, merging)
	}
	var busy, frames, written int
	if err := x.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &written); err != nil {
		return false, fmt.Errorf("empty the log of the search index: %w", err)
	}
	if busy != 0 { // somebody searches
		return false, nil
	}
	return true, x.step(ctx, merging, cleaned)
}

// step goes on from one step of cleaning to the next.
func (x *Index) step(ctx context.Context, from, to string) error {
	if _, err := x.writer.ExecContext(ctx, "UPDATE about SET value = ? WHERE key = ? AND value = ?", to, keyClean, from); err != nil {
		return fmt.Errorf("write search index: %w", err)
	}
	return nil
}

// merge merges parts of the index for about so many pages; quiet is true when
// there was nothing to do.
func (x *Index) merge(ctx context.Context, pages int) (quiet bool, err error) {
	err = x.change(ctx, func(tx *sql.Tx) error {
		var before, after int
		if err := tx.QueryRowContext(ctx, "SELECT total_changes()").Scan(&before); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO words (words, rank) VALUES ('merge', ?)", pages); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, "SELECT total_changes()").Scan(&after)
		quiet = after-before < 2 // so the manual
		return err
	})
	return quiet, err
}

// rarely is how many times as long as a cleaning took the follower rests before
// the next: a large index is not written anew all day because documents go all
// day.
const rarely = 20

// clean cleans the index, and follows up what changes meanwhile.
func (f *Follower) clean(ctx context.Context) error {
	if time.Now().Before(f.rest) {
		return nil
	}
	f.rest = time.Time{}
	began := time.Now()
	for first := true; ctx.Err() == nil; first = false {
		done, err := f.Index.Clean(ctx)
		if err != nil {
			return err
		}
		if done && !first {
			f.rest = time.Now().Add(rarely * time.Since(began))
		}
		if done {
			return nil
		}
		if err := f.follow(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}
