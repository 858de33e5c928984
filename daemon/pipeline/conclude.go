package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/fault"
	"intray/daemon/pages"
	"intray/engines"
	"intray/ledger"
)

// release delivers to the output folder.
func (a *attempt) release(ctx context.Context, doc document.Document) (ledger.Document, error) {
	state := passed(doc.Validation)
	a.conclude(&doc, state)
	return a.hand(ctx, a.output(doc), record{Outcome: state, Tallies: a.tallies(doc), Compare: a.toCompare(doc), Pages: doc.Source.Pages})
}

// passed is the state of a document that may be delivered.
func passed(v document.Validation) ledger.State {
	if v.Verdict == document.VerdictWarnings {
		return ledger.CompletedWithWarnings
	}
	return ledger.Completed
}

// output is the bundle for the output folder. Where there is no PDF of ours, as
// may be in review, the original stands in for it.
func (a *attempt) output(doc document.Document) deliver.Request {
	r := a.request(a.folder.Output, a.outputDir())
	r.Body = a.body(doc)
	r.Parts = []deliver.Part{{Name: ".pdf", Path: a.pdf()}}
	if _, err := os.Stat(a.pdf()); errors.Is(err, os.ErrNotExist) {
		r.Parts = []deliver.Part{{Name: originalEnding(a.doc), Path: a.original(a.doc)}}
	}
	if a.folder.SidecarText {
		r.Parts = append(r.Parts, deliver.Part{Name: ".txt", Write: func(w io.Writer) error { return writeText(w, r.Body.Text) }})
	}
	if a.folder.SidecarHOCR {
		r.Parts = append(r.Parts, deliver.Part{Name: ".hocr", Write: func(w io.Writer) error { return document.WriteHOCR(w, doc, r.Body.Pages) }})
	}
	if a.folder.SidecarALTO {
		r.Parts = append(r.Parts, deliver.Part{Name: ".alto.xml", Write: func(w io.Writer) error { return document.WriteALTO(w, doc, r.Body.Pages) }})
	}
	if as := a.folder.DeliverAs; as.Given() {
		var dir string
		dir, r.Stem = as.Fill(func(name string) string { return value(doc, r.Stem, name) }, deliver.SafeName)
		r.Dir = filepath.Join(a.folder.Output, dir)
	}
	r.Document = &doc
	return r
}

// value is what a name in the folder's deliver_as stands for.
func value(doc document.Document, stem, name string) string {
	switch name {
	case "class":
		return doc.Class.Name
	case "folder":
		return doc.Source.Folder
	case "name":
		return stem
	case "state":
		return doc.State
	case "id":
		return doc.DocumentID
	case "received":
		return doc.Source.ReceivedAt.Format(time.DateOnly)
	}
	return doc.Value(name)
}

// doubt delivers to the review folder; without a PDF of ours the original
// stands in for it.
func (a *attempt) doubt(ctx context.Context, doc document.Document, e *engines.Error, havePDF bool) (ledger.Document, error) {
	r := a.request(a.folder.Review, a.folder.Review)
	r.Folder = true
	// The original is there too, unless the PDF is the original with text.
	if !havePDF || a.doc.MIME != pages.MIMEPDF || a.folder.Text != pages.TextKeep || writtenAnew(doc.Warnings) {
		r.Parts = append(r.Parts, deliver.Part{Name: bundleName(a.doc), Path: a.original(a.doc)})
	}
	if havePDF {
		r.Parts = append(r.Parts, deliver.Part{Name: deliver.SafeFile(r.Stem + ".pdf"), Path: a.pdf()})
	}
	if !havePDF {
		doc.Warnings = append(doc.Warnings, document.Warning{Code: e.Code, Message: e.Sentence})
		doc.Validation.Verdict = document.VerdictReview
		doc.Validation.Checks = append(doc.Validation.Checks, document.Check{Rule: e.Code, Message: e.Sentence})
	}
	a.conclude(&doc, ledger.NeedsHumanReview)
	r.Document, r.Body = &doc, a.body(doc)
	parts, err := a.forClerk(ctx, doc, havePDF)
	if diskFull(err) {
		return a.settle(ctx, r.Dir, a.doc, err)
	}
	if err != nil {
		return a.later(ctx, "review", asError(err))
	}
	r.Parts = append(r.Parts, parts...)
	f := failure("validate", e)
	rec := record{Outcome: ledger.NeedsHumanReview, Failure: &f, Tallies: a.tallies(doc), Pages: doc.Source.Pages}
	if havePDF {
		rec.Compare = a.toCompare(doc)
	}
	return a.hand(ctx, r, rec)
}

// writtenAnew is true for a PDF that is not the original with something added.
func writtenAnew(warnings []document.Warning) bool {
	return slices.ContainsFunc(warnings, func(w document.Warning) bool { return w.Code == "rewritten" || w.Code == "decrypted" })
}

// body is the document's pages and text from the pages' files.
func (a *attempt) body(doc document.Document) document.Body {
	return document.Body{Pages: a.pages(doc.Pages), Text: a.text(doc.Pages)}
}

func writeText(w io.Writer, text iter.Seq2[string, error]) error {
	for part, err := range text {
		if err == nil {
			_, err = io.WriteString(w, part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt) conclude(doc *document.Document, state ledger.State) {
	doc.State, doc.FinishedAt = string(state), time.Now()
	doc.History = []document.Change{{Version: 1, At: doc.FinishedAt, By: "intray", Changes: []string{"read"}}}
}

func (a *attempt) request(root, dir string) deliver.Request {
	return request(a.doc, root, dir)
}

func request(doc ledger.Document, root, dir string) deliver.Request {
	name := fileName(doc)
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	if stem == "" {
		stem = name
	}
	return deliver.Request{DocumentID: doc.ID, AttemptID: doc.AttemptID, SHA256: doc.SHA256, Root: root, Dir: dir, Stem: deliver.SafeName(stem)}
}

// bundleName is what the original is called in a bundle.
func bundleName(doc ledger.Document) string {
	name := deliver.SafeFile(fileName(doc))
	if strings.EqualFold(name, deliver.ReasonFile) {
		name = "original-" + name // the reason has that name
	}
	return name
}

// surroundings is true for what is not the document's fault and passes when a
// person, or time, mends it.
func surroundings(e *engines.Error) bool {
	return e.Code == engines.CodeNoLanguage || engines.Environment(e) || errors.Is(e, deliver.ErrPlaceGone) || errors.Is(e, deliver.ErrNoRoot) || errors.Is(e, deliver.ErrHot)
}

const codeNotDelivered = "not_delivered"

// failed ends an attempt that could not do its work: interrupted, to be tried
// again, or over.
func (a *attempt) failed(ctx context.Context, stage string, e *engines.Error) (ledger.Document, error) {
	if ctx.Err() == nil && e.Kind == engines.Terminal {
		f := failure(stage, e)
		next, err := a.reject(ctx, a.doc, a.folder, record{Outcome: ledger.FailedTerminal, Failure: &f})
		if err == nil || errors.Is(err, ledger.ErrConflict) {
			return next, err
		}
		e = &engines.Error{Kind: engines.Retryable, Code: codeNotDelivered, Cause: err,
			Sentence: fmt.Sprintf("The file and the reason why it failed could not be written to %s.", a.folder.Failed)}
	}
	return a.later(ctx, stage, e)
}

// later gives the document back to the ledger. A stop of the daemon costs no attempt.
func (a *attempt) later(ctx context.Context, stage string, e *engines.Error) (ledger.Document, error) {
	if ctx.Err() != nil {
		return a.Ledger.Apply(a.doc.ID, ledger.Interrupted(a.id, "stopped with the daemon"))
	}
	f := failure(stage, e)
	if !a.Impatient && surroundings(e) {
		at := a.nextLook(a.doc)
		a.Log.Error("A document waits until something around it is mended.", "file", a.doc.Path, "folder", a.doc.Folder,
			"document", a.doc.ID, "why", e.Sentence, "error", a.sayable(e.Cause), "again", at.Format(time.TimeOnly))
		return a.Ledger.Apply(a.doc.ID, ledger.Postponed(a.id, at, f))
	}
	at := a.nextTry(a.doc)
	a.Log.Warn("A document could not be finished and will be tried again.", "file", a.doc.Path, "folder", a.doc.Folder,
		"document", a.doc.ID, "why", e.Sentence, "again", at.Format(time.TimeOnly))
	a.Log.Debug("Why it could not be finished.", "document", a.doc.ID, "error", a.sayable(e.Cause))
	return a.Ledger.Apply(a.doc.ID, ledger.RetryLater(a.id, at, f))
}

// refuse is for files that do not get as far as an attempt.
func (p *Pipeline) refuse(ctx context.Context, doc ledger.Document, e *engines.Error) (ledger.Document, error) {
	if doc.Delivery != nil {
		return p.finish(doc)
	}
	folder, err := p.folder(doc.Folder)
	if err != nil {
		return doc, err
	}
	f := failure("receive", e)
	return p.reject(ctx, doc, folder, record{Outcome: ledger.FailedTerminal, Failure: &f})
}

// giveUp is for documents whose tries are used up.
func (p *Pipeline) giveUp(ctx context.Context, doc ledger.Document) (ledger.Document, error) {
	if doc.Delivery != nil {
		return p.finish(doc)
	}
	folder, err := p.folder(doc.Folder)
	if err != nil {
		return doc, err
	}
	f := ledger.Failure{Kind: string(engines.Retryable), Code: "exhausted", Stage: "retry", Sentence: "It was tried too often."}
	if doc.Failure != nil {
		f = *doc.Failure
		f.Sentence = fmt.Sprintf("Given up after %d attempts. %s", doc.Attempts, f.Sentence)
	}
	return p.reject(ctx, doc, folder, record{Outcome: ledger.DeadLetter, Failure: &f})
}

// reject delivers the original and the reason to the failed folder.
func (p *Pipeline) reject(ctx context.Context, doc ledger.Document, folder config.Folder, rec record) (ledger.Document, error) {
	attempts := doc.Attempts
	if doc.State == ledger.Processing {
		attempts++
	}
	reason, err := deliver.Reason{
		DocumentID: doc.ID, AttemptID: doc.AttemptID, State: string(rec.Outcome), Kind: rec.Failure.Kind, Code: rec.Failure.Code,
		Stage: rec.Failure.Stage, Sentence: rec.Failure.Sentence, Detail: rec.Failure.Detail, Attempts: attempts,
		Folder: doc.Folder, Path: doc.Path, SHA256: doc.SHA256, Size: doc.Size, ReceivedAt: doc.ReceivedAt, FailedAt: time.Now(),
		Files: []string{bundleName(doc)},
	}.Encode()
	if err != nil {
		return doc, err
	}
	r := request(doc, folder.Failed, folder.Failed)
	r.Folder = true
	if p.Originals.Has(doc.SHA256) {
		r.Parts = []deliver.Part{{Name: bundleName(doc), Path: p.original(doc)}}
	} // else the reason alone: it must not wait for what may never come back
	r.Parts = append(r.Parts, deliver.Part{Name: deliver.ReasonFile, Data: reason})
	return p.stage(ctx, doc, r, rec)
}

// hand stages and publishes an attempt's bundle. A folder that cannot be
// written costs the attempt, not the document; what is planned stays planned.
func (a *attempt) hand(ctx context.Context, r deliver.Request, rec record) (ledger.Document, error) {
	next, err := a.stage(ctx, a.doc, r, rec)
	return a.settle(ctx, r.Dir, next, err)
}

// settle turns a delivery that could not be made into a later try.
func (a *attempt) settle(ctx context.Context, dir string, next ledger.Document, err error) (ledger.Document, error) {
	if err == nil || errors.Is(err, ledger.ErrConflict) {
		return next, err
	}
	return a.later(ctx, "deliver", &engines.Error{Kind: engines.Retryable, Code: codeNotDelivered, Sentence: unwritten(a.sayablePath(dir), a.WorkDir, err), Cause: err})
}

// diskFull is true for a write that found no room. Windows has two numbers of its
// own for that (ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL).
func diskFull(err error) bool {
	var number syscall.Errno
	return errors.Is(err, syscall.ENOSPC) || runtime.GOOS == "windows" && errors.As(err, &number) && (number == 39 || number == 112)
}

// stage writes the bundle, records the plan and goes on to finish.
func (p *Pipeline) stage(ctx context.Context, doc ledger.Document, r deliver.Request, rec record) (ledger.Document, error) {
	plan, err := p.desk.Stage(ctx, r)
	if err != nil {
		return doc, fmt.Errorf("stage delivery: %w", err)
	}
	rec.Plan = plan
	if r.Document != nil {
		frame := *r.Document
		frame.Pages, frame.Text = nil, ""
		if rec.Frame, err = document.Encode(frame); err != nil {
			return doc, errors.Join(err, p.desk.Discard(plan))
		}
	}
	if rec.Outcome == ledger.NeedsHumanReview {
		if err := p.list(doc, plan); err != nil {
			return doc, errors.Join(err, p.desk.Discard(plan))
		}
	}
	raw, err := rec.encode()
	if err == nil {
		err = p.plan(doc, rec, raw)
	}
	if err != nil {
		return doc, errors.Join(err, p.desk.Discard(plan))
	}
	fault.Point("pipeline.planned")
	doc.Delivery = raw
	return p.finish(doc)
}

// finish publishes the delivery in hand and records the outcome. After a crash
// it is the first thing that happens to the document.
func (p *Pipeline) finish(doc ledger.Document) (ledger.Document, error) {
	var rec record
	if err := json.Unmarshal(doc.Delivery, &rec); err != nil {
		return doc, fmt.Errorf("decode delivery plan of %s: %w", doc.ID, err)
	}
	plan, err := p.desk.Publish(rec.Plan, func(renamed deliver.Plan) error {
		changed := rec
		changed.Plan = renamed
		again, err := changed.encode()
		if err != nil {
			return err
		}
		return p.Ledger.PlanDelivery(doc.ID, doc.AttemptID, again)
	})
	if err != nil {
		return doc, err
	}
	fault.Point("pipeline.published")
	if err := p.leaveJob(doc); err != nil {
		return doc, err
	}
	concluded := move(doc, rec, plan.Outputs()).Counting(rec.Tallies...).Detail(rec.Frame).Comparing(rec.Compare)
	if rec.Pages > 0 {
		concluded = concluded.WithPages(rec.Pages)
	}
	next, err := p.Ledger.Apply(doc.ID, concluded)
	if err != nil {
		return doc, err
	}
	fault.Point("pipeline.concluded")
	if err := p.desk.Finish(plan); err != nil {
		p.Log.Warn("A delivery's mark could not be removed.", "document", doc.ID, "error", err)
	}
	if err := p.putAway(next); err != nil {
		p.Log.Warn("A work folder could not be put away.", "document", doc.ID, "error", err)
	}
	p.tell(next, rec, plan)
	p.wake(doc)
	return next, nil
}

func move(doc ledger.Document, rec record, outputs []string) ledger.Move {
	switch {
	case rec.Decision != nil:
		return decided(rec, outputs)
	case rec.Outcome == ledger.Completed:
		return ledger.Complete(doc.AttemptID, outputs)
	case rec.Outcome == ledger.CompletedWithWarnings:
		return ledger.CompleteWithWarnings(doc.AttemptID, outputs)
	case rec.Outcome == ledger.NeedsHumanReview:
		return ledger.Doubt(doc.AttemptID, *rec.Failure, outputs)
	case rec.Outcome == ledger.DeadLetter && doc.State == ledger.FailedRetryable:
		return ledger.Exhausted(*rec.Failure).Into(outputs)
	case doc.State == ledger.Received:
		return ledger.Refuse(*rec.Failure).Into(outputs)
	}
	failed := ledger.Fail(doc.AttemptID, *rec.Failure).Into(outputs)
	if doc.State == ledger.Submitting { // it said no
		failed = failed.NotTaken()
	}
	return failed
}
