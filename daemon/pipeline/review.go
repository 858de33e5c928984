package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/durable"
	"intray/daemon/fault"
	"intray/daemon/review"
	"intray/engines"
	"intray/ledger"
)

// forClerk keeps what an approval will need and makes what only a clerk needs.
func (a *attempt) forClerk(ctx context.Context, doc document.Document, havePDF bool) ([]deliver.Part, error) {
	if !havePDF {
		if err := os.Remove(a.pdf()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove a PDF that is not published: %w", err)
		}
	}
	data, err := document.Encode(doc)
	if err == nil {
		err = errors.Join(a.keepAbout(doc.Warnings), durable.WriteFile(filepath.Join(a.dir, documentFile), data, 0o600))
	}
	if err != nil || a.Impatient { // nobody will decide on a command's results
		return nil, err
	}
	pictures, err := a.pictures(ctx, doc, havePDF)
	sheet := a.sheet(doc)
	return []deliver.Part{
		{Name: review.FieldsFile, Data: []byte(review.FieldsText(sheet))},
		{Name: review.PageFile, Write: func(w io.Writer) error { return review.Page(w, sheet, pictures) }},
	}, err
}

// sheet is what there is to tell a clerk.
func (a *attempt) sheet(doc document.Document) review.Sheet {
	s := review.Sheet{Document: doc, Specs: a.specs(doc.Class.Name)}
	fields := map[document.Check]string{} // several fields may fail the same rule
	for _, f := range a.report {
		fields[f.Check] = f.Field
		s.MayConfirm = s.MayConfirm || !f.Passed && f.Severe && confirmable(f)
	}
	for _, c := range doc.Validation.Checks {
		if !c.Passed {
			s.Doubts = append(s.Doubts, review.Doubt{Field: fields[c], Sentence: c.Message})
		}
	}
	return s
}

// specs are the fields of a class; none for a document without one.
func (p *Pipeline) specs(class string) (out []review.Spec) {
	for _, c := range p.Config.Classes {
		if c.Name != class {
			continue
		}
		for _, f := range c.Fields {
			out = append(out, review.Spec{Name: f.Name, Type: f.Type, Format: f.Format, Required: f.Required})
		}
	}
	return out
}

// Decide carries out a person's decision on a document in review: durable
// first, then what it asks for, then the bundle is cleared away. It may be
// called in parallel, and beside no daemon, too.
func (p *Pipeline) Decide(ctx context.Context, o review.Order) (review.Outcome, error) {
	p.deciding.Lock()
	defer p.deciding.Unlock()
	doc, err := p.Ledger.Get(o.DocumentID)
	if err != nil {
		return review.Outcome{}, err
	}
	if doc.State != ledger.NeedsHumanReview || o.AttemptID != "" && o.AttemptID != doc.AttemptID {
		return review.Outcome{}, fmt.Errorf("%s is %s (%s): %w", doc.ID, doc.State, doc.State.Meaning(), review.ErrDecided)
	}
	if doc.Delivery != nil {
		return review.Outcome{}, fmt.Errorf("%s: %q is being carried out: %w", doc.ID, doc.Decision.Verb, review.ErrDecided)
	}
	folder, err := p.folder(doc.Folder)
	if err != nil {
		return review.Outcome{}, err
	}
	a := &attempt{Pipeline: p, doc: doc, id: doc.AttemptID, folder: folder, dir: p.waitingDir(doc.ID)}
	decision := p.decision(doc, o)
	outcome := review.Outcome{}
	switch o.Verb {
	case review.Approve:
		outcome, err = a.approve(ctx, o, decision)
	case review.Reject:
		outcome.Document, err = a.refuse(ctx, o.Reason, decision)
	case review.Again:
		if err = p.MayRead(doc, o.Engine); err == nil {
			outcome.Document, err = p.again(doc, decision)
		}
	default:
		err = fmt.Errorf("%q is no decision", o.Verb)
	}
	if err == nil && len(outcome.Objections) == 0 {
		outcome.Document = p.clear(outcome.Document)
	}
	return outcome, err
}

func (p *Pipeline) decision(doc ledger.Document, o review.Order) *ledger.Decision {
	d := &ledger.Decision{Verb: o.Verb, By: o.By, Why: o.Reason, Engine: o.Engine, AttemptID: doc.AttemptID, Bundles: o.Bundles, Texts: o.Texts}
	m, err := p.Manifest(doc.ID)
	if err != nil {
		p.Log.Warn("What was delivered to the review folder is not known any more: its files stay there.", "document", doc.ID, "error", err)
	}
	d.Sums = m.Sums
	return d
}

// approve delivers to the output folder what was read, with the person's
// corrections.
func (a *attempt) approve(ctx context.Context, o review.Order, decision *ledger.Decision) (review.Outcome, error) {
	before, err := a.readAs(a.doc.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return review.Outcome{Objections: []review.Objection{{Sentence: "What was read of this document is not here any more. Move the folder into \"again\" to have it read once more."}}}, nil
	}
	if err != nil {
		return review.Outcome{}, err
	}
	doc, changes, objections := review.Amend(before, a.specs(before.Class.Name), o.Edits)
	if len(objections) > 0 {
		return review.Outcome{Objections: objections}, nil
	}
	doc.Warnings = standing(before, doc)
	report, err := a.judge(doc, 0)
	if err != nil {
		return review.Outcome{}, err
	}
	known, err := a.told(before, o.Texts)
	if err != nil {
		return review.Outcome{}, err
	}
	judged := report
	report, objections, mayConfirm := approved(judged, o.Confirm, known)
	if len(objections) > 0 {
		return review.Outcome{Objections: objections, MayConfirm: mayConfirm}, a.remember(judged, known, o.Texts)
	}
	tallies := approvalTallies(before, doc)
	doc.Validation = report.Validation(doc.Warnings)
	state := passed(doc.Validation)
	doc.Version++
	doc.State, doc.FinishedAt = string(state), time.Now()
	doc.History = append(doc.History, document.Change{Version: doc.Version, At: doc.FinishedAt, By: o.By, Changes: append(changes, "approved")})
	next, err := a.stage(ctx, a.doc, a.output(doc), record{Outcome: state, Decision: decision, Tallies: tallies})
	return review.Outcome{Document: next}, err
}

// refuse delivers the original and the person's reason to the failed folder.
func (a *attempt) refuse(ctx context.Context, reason string, decision *ledger.Decision) (ledger.Document, error) {
	if reason == "" {
		reason = "Rejected by a clerk."
	}
	f := ledger.Failure{Kind: string(engines.Review), Code: "rejected", Stage: "review", Sentence: reason}
	return a.reject(ctx, a.doc, a.folder, record{Outcome: ledger.Rejected, Failure: &f, Decision: decision, Tallies: a.decisionTallies(a.doc.ID, review.Reject)})
}

// again has the document read anew, from nothing.
func (p *Pipeline) again(doc ledger.Document, decision *ledger.Decision) (ledger.Document, error) {
	tallies := p.decisionTallies(doc.ID, review.Again)
	if err := p.Ledger.PlanDecision(doc.ID, doc.AttemptID, *decision, nil); err != nil {
		return doc, err
	}
	fault.Point("review.again")
	// Before the move: from then on the next attempt may bring its own.
	if err := os.RemoveAll(p.waitingDir(doc.ID)); err != nil {
		return doc, fmt.Errorf("remove what was read: %w", err)
	}
	next, err := p.Ledger.Apply(doc.ID, ledger.Again(decision.By, wished("asked to read it again", decision.Engine)).Towards(decision.Engine).Counting(tallies...))
	if err == nil {
		p.Log.Info("Is read again.", "file", doc.Path, "folder", doc.Folder, "by", decision.By, "document", doc.ID)
	}
	return next, err
}

// plan makes a staged delivery durable, with the decision that led to it.
func (p *Pipeline) plan(doc ledger.Document, rec record, raw json.RawMessage) error {
	if rec.Decision != nil {
		return p.Ledger.PlanDecision(doc.ID, doc.AttemptID, *rec.Decision, raw)
	}
	return p.Ledger.PlanDelivery(doc.ID, doc.AttemptID, raw)
}

// decided is the move that ends a decision.
func decided(rec record, outputs []string) ledger.Move {
	if rec.Outcome == ledger.Rejected {
		return ledger.Reject(rec.Decision.By, rec.Failure.Sentence).Into(outputs)
	}
	return ledger.Approve(rec.Decision.By, rec.Outcome == ledger.CompletedWithWarnings, outputs)
}

// Resume goes on with decisions that a crash or a folder that was away
// interrupted.
func (p *Pipeline) Resume(ctx context.Context) {
	p.deciding.Lock()
	defer p.deciding.Unlock()
	docs, err := p.Ledger.Deciding()
	if err != nil {
		p.Log.Error("Decisions in hand could not be listed.", "error", err)
		return
	}
	for _, doc := range docs {
		if ctx.Err() != nil {
			return
		}
		next := doc
		switch {
		case doc.State != ledger.NeedsHumanReview || doc.AttemptID != doc.Decision.AttemptID:
		case doc.Delivery != nil:
			next, err = p.finish(doc)
		case doc.Decision.Verb == review.Again:
			next, err = p.again(doc, doc.Decision)
		}
		if err != nil {
			p.Log.Debug("A decision in hand waits.", "document", doc.ID, "error", err)
			continue
		}
		p.clear(next)
	}
}

// clear takes away the bundles of a decision that was carried out, and then the
// decision. What cannot be reached now is tried again by Resume.
func (p *Pipeline) clear(doc ledger.Document) ledger.Document {
	d := doc.Decision
	if d == nil {
		return doc
	}
	var errs []error
	for _, path := range d.Bundles {
		errs = append(errs, review.Clear(path, doc.ID, d.AttemptID, d.Sums, d.Texts))
	}
	err := errors.Join(errs...)
	if err == nil {
		err = p.Ledger.DecisionCleared(doc.ID, d.AttemptID)
	}
	if err != nil {
		p.Log.Debug("The bundle of a decision that was carried out is still there.", "document", doc.ID, "error", err)
		return doc
	}
	doc.Decision = nil
	return doc
}

// originalEnding is the ending of an original that is delivered as it is.
func originalEnding(doc ledger.Document) string {
	switch ending := deliver.SafeName(strings.ToLower(filepath.Ext(fileName(doc)))); ending {
	case "", ".json", ".txt":
		return ".original"
	default:
		return ending
	}
}

// Rooms are the review folders with their rooms, each once.
func (p *Pipeline) Rooms() []*review.Room {
	var out []*review.Room
	known := map[string]bool{}
	for _, f := range p.Config.Folders {
		if !known[f.Review] {
			known[f.Review] = true
			out = append(out, p.roomOf(f))
		}
	}
	return out
}

func (p *Pipeline) roomOf(f config.Folder) *review.Room {
	return &review.Room{Dir: f.Review, Settle: f.Settle.Std(), Ledger: p.Ledger, Decider: p, Log: p.Log}
}
