// Package review carries a clerk's decision back. It watches the folders
// approve, reject and again inside a review folder, waits until what was moved
// there is whole, reads fields.txt, and has the decision carried out; what it
// cannot do it says in a file beside the bundle. It also writes what a bundle
// tells the clerk: fields.txt and review.html.
//
// It decides nothing about documents and delivers nothing: that is the
// Decider's. It never decodes pictures or PDFs.
package review

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"intray/daemon/durable"
	"intray/ledger"
)

// The verbs, which are also the names of the folders.
const (
	Approve = "approve"
	Reject  = "reject"
	Again   = "again"
)

// Verbs lists them.
func Verbs() []string { return []string{Approve, Reject, Again} }

// Order is a person's decision on a document.
type Order struct {
	DocumentID string
	// AttemptID is that of the result the person saw; "" when it is not known.
	AttemptID string
	Verb      string
	By        string
	// Reason is for Reject, Edits and Confirm for Approve.
	Reason  string
	Edits   []Edit
	Confirm bool
	// Engine is for Again: the one to read it; "" is the usual one.
	Engine string
	// Bundles are where the bundle lies; Texts are the SHA-256 of its fields.txt.
	Bundles []string
	Texts   []string
}

// Outcome is what became of an Order. With objections nothing was done: the
// person has to correct something first, or to confirm if MayConfirm.
type Outcome struct {
	Document   ledger.Document
	Objections []Objection
	MayConfirm bool
}

// ErrDecided is for a document that does not wait for a decision (any more).
var ErrDecided = errors.New("the document does not wait for a decision")

// Decider carries decisions out.
type Decider interface {
	// Decide is ErrDecided for what cannot be decided (any more); other errors
	// may pass.
	Decide(ctx context.Context, o Order) (Outcome, error)
	// Resume goes on with decisions that were interrupted.
	Resume(ctx context.Context)
	// Manifest is what was delivered in the bundle of a document in review.
	Manifest(documentID string) (Manifest, error)
}

// Reader is what the room needs of the ledger.
type Reader interface {
	Get(id string) (ledger.Document, error)
}

// Room watches one review folder. Fill the fields, call Prepare, then Run.
type Room struct {
	Dir     string
	Settle  time.Duration
	Ledger  Reader
	Decider Decider
	Log     *slog.Logger

	seen map[string]sighting // by path, of what lies in the decision folders
}

// sighting is what something looked like, and since when.
type sighting struct {
	marks string
	since time.Time
}

// Prepare makes the folders in which decisions are made.
func (r *Room) Prepare() error {
	for _, verb := range Verbs() {
		if err := os.MkdirAll(filepath.Join(r.Dir, verb), 0o777); err != nil {
			return fmt.Errorf("make folder for decisions: %w", err)
		}
	}
	return nil
}

// Run looks until ctx is done. What it finds is only a hint: a share may have
// no notifications, and three small folders are quickly listed.
func (r *Room) Run(ctx context.Context) {
	r.seen = map[string]sighting{}
	tick := time.NewTicker(max(r.Settle/2, 100*time.Millisecond))
	defer tick.Stop()
	for {
		r.Decider.Resume(ctx)
		r.sweep(ctx, time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep looks once at everything that lies in the decision folders.
func (r *Room) sweep(ctx context.Context, now time.Time) {
	found := map[string][]*bundle{}
	here := map[string]bool{}
	for _, verb := range Verbs() {
		entries, err := os.ReadDir(filepath.Join(r.Dir, verb))
		if errors.Is(err, os.ErrNotExist) {
			err = r.Prepare() // somebody removed it
		}
		if err != nil {
			r.Log.Debug("A folder for decisions cannot be read now.", "folder", filepath.Join(r.Dir, verb), "error", err)
			return // what lies in the others may be a copy of what lies here
		}
		for _, e := range entries {
			path := filepath.Join(r.Dir, verb, e.Name())
			if ofSystem(e.Name()) || strings.HasSuffix(e.Name(), noteEnding) || e.Name() == NoteFile {
				continue
			}
			here[path] = true
			b, err := readBundle(path, verb)
			if err != nil {
				r.Log.Debug("A bundle cannot be read now.", "bundle", path, "error", err)
				continue
			}
			b.since = r.sight(b, now)
			found[b.id] = append(found[b.id], b)
		}
	}
	for path := range r.seen {
		if !here[path] {
			delete(r.seen, path)
		}
	}
	for id, bundles := range found {
		if ctx.Err() != nil {
			return
		}
		r.consider(ctx, id, bundles, now)
	}
}

// sight says since when the bundle has looked as it does.
func (r *Room) sight(b *bundle, now time.Time) time.Time {
	if s, known := r.seen[b.path]; known && s.marks == b.marks {
		return s.since
	}
	r.seen[b.path] = sighting{b.marks, now}
	return now
}

const (
	// unknownFor is how many settling times something that is no bundle lies
	// there before a note says so: it may be on its way.
	unknownFor = 5
	// incompleteFor is as many for a bundle that lacks files, does not change, and
	// is gone from where it was: somebody took them out.
	incompleteFor = 30
)

// consider decides what to do with all that lies there of one document; id is
// "" for what is none.
func (r *Room) consider(ctx context.Context, id string, bundles []*bundle, now time.Time) {
	for _, b := range bundles {
		if now.Sub(b.since) < r.Settle {
			return
		}
	}
	old := func(b *bundle, n time.Duration) bool { return now.Sub(b.since) >= n*r.Settle }
	if id == "" {
		for _, b := range bundles {
			if old(b, unknownFor) {
				r.note(b, "Intray does not know what this is and leaves it alone. Move whole folders from the review folder here, with all their files.")
			}
		}
		return
	}
	doc, err := r.Ledger.Get(id)
	if errors.Is(err, ledger.ErrNotFound) {
		for _, b := range bundles {
			if old(b, unknownFor) {
				r.note(b, "Intray does not know this document and leaves it alone.")
			}
		}
		return
	}
	if err != nil {
		return
	}
	if doc.Decision != nil {
		decided := *doc.Decision
		bundles = slices.DeleteFunc(bundles, func(b *bundle) bool { return slices.Contains(decided.Bundles, b.path) && b.of(decided.AttemptID) })
	}
	if len(bundles) > 0 {
		r.weigh(ctx, doc, bundles, old)
	}
}

// weigh is consider for a known document.
func (r *Room) weigh(ctx context.Context, doc ledger.Document, bundles []*bundle, old func(*bundle, time.Duration) bool) {
	live := bundles[:0:0]
	for _, b := range bundles {
		if doc.State == ledger.NeedsHumanReview && b.of(doc.AttemptID) {
			live = append(live, b)
		} else if old(b, unknownFor) {
			r.note(b, fmt.Sprintf("Nothing was done with this: the document is %q (%s) and does not wait for a decision on this copy. It can be deleted.",
				doc.State, doc.State.Meaning()))
		}
	}
	if len(live) == 0 {
		return
	}
	first := live[0]
	for _, b := range live[1:] {
		if b.verb != first.verb || !bytes.Equal(b.text, first.text) {
			for _, each := range live {
				r.note(each, "This document lies here more than once, with different decisions or different values. Nothing is done until only one is left.")
			}
			return
		}
	}
	manifest, err := r.Decider.Manifest(doc.ID)
	if err != nil {
		r.Log.Debug("What a bundle had is not known.", "document", doc.ID, "error", err)
	}
	if !first.loose && !first.complete(manifest) {
		if !old(first, incompleteFor) {
			return
		}
		if _, err := os.Stat(doc.Outputs[0]); !errors.Is(err, os.ErrNotExist) { // the rest may be on its way from there
			r.note(first, "Some of the bundle's files are missing here. Intray waits for them.")
			return
		}
	}
	if first.verb == Approve && first.text == nil && (err != nil || manifest.Sums[FieldsFile] != "") {
		if old(first, unknownFor) {
			r.note(first, "fields.txt is missing here, and with it whatever was corrected in it. Put it back to approve the document.")
		}
		return
	}
	r.carryOut(ctx, doc, live, manifest)
}

func (r *Room) carryOut(ctx context.Context, doc ledger.Document, bundles []*bundle, manifest Manifest) {
	first := bundles[0]
	o := Order{DocumentID: doc.ID, AttemptID: doc.AttemptID, Verb: first.verb, By: first.by(manifest)}
	for _, b := range bundles {
		o.Bundles = append(o.Bundles, b.path)
	}
	if len(doc.Outputs) > 0 {
		o.Bundles = append(o.Bundles, doc.Outputs[0]) // where it is a copy that was moved
	}
	text := first.says(&o)
	outcome, err := CarryOut(ctx, r.Decider, o, text)
	switch {
	case errors.Is(err, ErrDecided):
		r.Log.Debug("A decision came too late.", "document", doc.ID, "error", err)
	case err != nil:
		r.Log.Warn("A decision could not be carried out; it will be tried again.", "document", doc.ID, "decision", o.Verb, "error", err)
		r.seen[first.path] = sighting{first.marks, time.Now().Add(retryAfter)} // not in a tight loop
	case len(outcome.Objections) > 0:
		r.giveBack(doc, bundles, text, outcome, manifest)
	}
}

// retryAfter keeps a decision that failed from being tried all the time.
const retryAfter = 5 * time.Second

// giveBack returns a bundle to the review folder with comments in its text.
func (r *Room) giveBack(doc ledger.Document, bundles []*bundle, text Text, outcome Outcome, manifest Manifest) {
	first := bundles[0]
	home := filepath.Join(r.Dir, filepath.Base(first.path))
	if len(doc.Outputs) > 0 {
		home = doc.Outputs[0]
	}
	if err := first.goBack(home, text, outcome, manifest); err != nil {
		r.Log.Warn("A bundle could not be given back; it will be tried again.", "bundle", first.path, "error", err)
		return
	}
	for _, b := range bundles[1:] {
		if err := Clear(b.path, doc.ID, doc.AttemptID, manifest.Sums, []string{sumOf(b.text)}); err != nil {
			r.Log.Warn("A copy of a bundle could not be removed.", "bundle", b.path, "error", err)
		}
	}
	fields := []string{} // the sentences quote what was read or written
	for _, o := range outcome.Objections {
		fields = append(fields, o.Field)
	}
	r.Log.Warn("A decision needs a correction first; the bundle is back in the review folder.", "document", doc.ID, "file", doc.Path,
		"fields", strings.Join(fields, " "))
}

// NoteFile is where a note stands in a folder; beside a single file it has the
// file's name and noteEnding.
const (
	NoteFile   = "WHY-NOTHING-HAPPENS.txt"
	noteEnding = ".why-nothing-happens.txt"
)

// note says once beside something why it is left alone.
func (r *Room) note(b *bundle, sentence string) {
	path := filepath.Join(b.path, NoteFile)
	if b.loose || !b.folder {
		path = b.path + noteEnding
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		if said, err := os.ReadFile(path); err == nil && (string(said) == sentence+"\n" || string(said) == leftBehind+"\n") {
			return
		}
	}
	if err := writeNote(path, sentence); err != nil {
		r.Log.Debug("A note could not be written.", "bundle", b.path, "error", err)
		return
	}
	r.Log.Warn("Something in a folder for decisions is left alone.", "bundle", b.path, "why", sentence)
}

// writeNote puts a new file there: what has the name by now is replaced, and not
// followed if it is a link.
func writeNote(path, sentence string) error {
	return durable.WriteFile(path, []byte(sentence+"\n"), 0o666)
}
