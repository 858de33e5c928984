// Package retention removes what was kept long enough: originals, raw answers
// and text, each by its folder's rule. What is purged leaves a tombstone in
// the ledger (hash, ids, when, why), by which its content is still known.
//
// The ledger is told first that a purge begins, then the bytes go, then the
// tombstone is written: a crash in between leaves a document that takes no
// other move and whose purge is finished by the next run. It decides nothing about documents that are still on their way.
package retention

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/fault"
	"intray/daemon/originals"
	"intray/ledger"
)

// Removal is one thing that is removed, or would be.
type Removal struct {
	DocumentID string `json:"document_id"`
	// What is "document" (its original, and its bundle in the failed folder),
	// "text" (the JSON and .txt it was delivered with) or "raw".
	What   string `json:"what"`
	Folder string `json:"folder"`
	Name   string `json:"name"`
	State  string `json:"state"`
	SHA256 string `json:"sha256"`
	// Bytes is the size of the original; 0 if it stays, because another document
	// has the same content.
	Bytes int64  `json:"bytes"`
	Why   string `json:"why"`
}

// What is removed.
const (
	WhatDocument = "document"
	WhatText     = "text"
	WhatRaw      = "raw"
)

// Purger removes. Its methods may be called in parallel.
type Purger struct {
	Config    *config.Config
	Ledger    *ledger.Ledger
	Originals *originals.Store
	// Results is where raw answers are kept; nil where there are none.
	Results *originals.Results
	Log     *slog.Logger
}

// ErrNotEnded is for a document that is still on its way or waits for a person.
var ErrNotEnded = errors.New("the document is not at its end; only what is delivered, failed, rejected or a duplicate can be purged")

// endStates are those a document is purged from.
func endStates() []ledger.State {
	var out []ledger.State
	for _, t := range ledger.Transitions() {
		if t.To == ledger.Purged {
			out = append(out, t.From)
		}
	}
	return out
}

// keepDead is how long a message that was given up can still be asked for.
const keepDead = 90 * 24 * time.Hour

// Due removes all whose time is over at now, and lists it; with dry it only
// lists. What cannot be removed is logged and left for the next run.
func (p *Purger) Due(ctx context.Context, now time.Time, dry bool) ([]Removal, error) {
	removed := []Removal{}
	begun, err := p.Ledger.Purging()
	if err != nil {
		return removed, fmt.Errorf("list what is to be purged: %w", err)
	}
	for _, doc := range begun {
		if r, ok := p.remove(doc, WhatDocument, "retention", "its purge was interrupted", dry); ok {
			removed = append(removed, r)
		}
	}
	if !dry {
		if _, err := p.Ledger.ForgetDead(now.Add(-keepDead)); err != nil {
			return removed, fmt.Errorf("forget what could not be handed over: %w", err)
		}
	}
	for _, f := range p.Config.Folders {
		for _, rule := range []struct {
			what string
			keep config.Retention
		}{{WhatText, f.KeepText}, {WhatRaw, f.KeepRaw}, {WhatDocument, f.KeepOriginals}} {
			span, ends := rule.keep.Ends()
			if !ends {
				continue
			}
			why := fmt.Sprintf("kept for %s", rule.keep)
			err := p.each(ctx, f.Name, now.Add(-span), func(doc ledger.Document) {
				if r, ok := p.remove(doc, rule.what, "retention", why, dry); ok {
					removed = append(removed, r)
				}
			})
			if err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

// each calls fn for the folder's documents that ended before a moment.
func (p *Purger) each(ctx context.Context, folder string, before time.Time, fn func(ledger.Document)) error {
	for _, state := range endStates() {
		q := ledger.Query{Folder: folder, State: state, Until: before.Add(time.Millisecond), Limit: 500}
		for {
			page, err := p.Ledger.List(q)
			if err != nil {
				return fmt.Errorf("list what is to be purged: %w", err)
			}
			for _, doc := range page.Documents {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if !doc.UpdatedAt.After(before) {
					fn(doc)
				}
			}
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
	}
	return nil
}

// One purges one document now, whatever its folder's rule says.
func (p *Purger) One(id, actor string, dry bool) ([]Removal, error) {
	doc, err := p.Ledger.Get(id)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(endStates(), doc.State) {
		return nil, fmt.Errorf("%s is %s: %w", doc.ID, doc.State, ErrNotEnded)
	}
	var removed []Removal
	for _, what := range []string{WhatText, WhatRaw, WhatDocument} {
		r, ok := p.remove(doc, what, actor, "on request", dry)
		if ok {
			removed = append(removed, r)
		} else if what == WhatDocument {
			return removed, fmt.Errorf("%s could not be purged; the log says why", doc.ID)
		}
	}
	return removed, nil
}

// remove removes one thing; ok is false when there is nothing of it or it
// could not be removed now.
func (p *Purger) remove(doc ledger.Document, what, actor, why string, dry bool) (r Removal, ok bool) {
	r = Removal{DocumentID: doc.ID, What: what, Folder: doc.Folder, Name: doc.Name, State: string(doc.State), SHA256: doc.SHA256, Why: why}
	if what != WhatDocument && (slices.Contains(doc.Forgotten, what) || len(files(doc, what)) == 0 && (what != WhatRaw || len(doc.Answers) == 0)) {
		return r, false
	}
	if what == WhatDocument {
		if used, err := p.used(doc, doc.SHA256); err == nil && !used {
			r.Bytes = doc.Size
		}
	}
	if dry {
		return r, true
	}
	var err error
	if what == WhatDocument {
		err = p.purge(doc, actor, why)
	} else {
		err = p.forget(doc, what, actor, why)
	}
	if err != nil {
		p.Log.Error("A document could not be purged; the next run tries again.", "document", doc.ID, "what", what, "error", err)
	}
	return r, err == nil
}

// used is true when another document that is not purged needs one of the
// document's originals.
// Duplicates need it among each other: it may have come in again after the
// first was purged.
func (p *Purger) used(doc ledger.Document, sum string) (bool, error) {
	docs, err := p.Ledger.WithSHA256(sum, 0)
	return err != nil || slices.ContainsFunc(docs, func(other ledger.Document) bool {
		return other.ID != doc.ID && other.State != ledger.Purged && (other.State != ledger.Duplicate || doc.State == ledger.Duplicate)
	}), err
}

func (p *Purger) purge(doc ledger.Document, actor, why string) error {
	if err := p.Ledger.BeginPurge(doc.ID); err != nil {
		return err // somebody wants it tried again
	}
	if len(doc.Outputs) > 0 && doc.State != ledger.Completed && doc.State != ledger.CompletedWithWarnings {
		if err := deliver.WithdrawFailed(doc.Outputs[0], doc.ID); err != nil {
			return err
		}
	}
	sums := []string{doc.SHA256}
	for _, piece := range doc.Pieces { // backs have an original of their own
		if !slices.Contains(sums, piece.SHA256) {
			sums = append(sums, piece.SHA256)
		}
	}
	for _, sum := range sums {
		if _, err := p.Originals.RemoveUnused(sum, func() (bool, error) { return p.used(doc, sum) }); err != nil {
			return err
		}
	}
	if p.Results != nil {
		if err := p.Results.Remove(doc.ID); err != nil {
			return err
		}
	}
	fault.Point("retention.removed")
	_, err := p.Ledger.Apply(doc.ID, ledger.Purge(actor, why))
	return err
}

// forget removes delivered files that hold text. A file that is not this
// document's any more, or was taken away, is left alone.
func (p *Purger) forget(doc ledger.Document, what, actor, why string) error {
	paths := files(doc, what)
	// The JSON says whose the files are: it goes last.
	slices.SortStableFunc(paths, func(a, b string) int { return jsonLast(a) - jsonLast(b) })
	mine, err := owned(doc)
	if err != nil {
		return fmt.Errorf("see whose the delivered files are: %w", err)
	}
	for _, path := range paths {
		if !mine {
			break
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", what, err)
		}
	}
	if what == WhatRaw && p.Results != nil {
		if err := p.Results.Remove(doc.ID); err != nil {
			return err
		}
	}
	return p.Ledger.Forget(doc.ID, what, actor, why)
}

func jsonLast(path string) int {
	if filepath.Ext(path) == ".json" {
		return 1
	}
	return 0
}

// owned is true when the delivered JSON still is the document's. A folder that
// cannot be reached is an error: it may come back with all that was in it.
func owned(doc ledger.Document) (bool, error) {
	for _, path := range doc.Outputs {
		if filepath.Ext(path) != ".json" {
			continue
		}
		if _, err := os.ReadDir(filepath.Dir(path)); err != nil {
			return false, err
		}
		return deliver.IsOf(path, doc.ID), nil
	}
	return false, nil
}

// files are the delivered files of one sort.
func files(doc ledger.Document, what string) []string {
	sorts := map[string][]string{WhatText: {".json", ".txt", ".hocr", ".xml"}, WhatRaw: {".raw"}}
	var out []string
	for _, path := range doc.Outputs {
		if slices.Contains(sorts[what], strings.ToLower(filepath.Ext(path))) {
			out = append(out, path)
		}
	}
	return out
}
