package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"intray/daemon/config"
	"intray/daemon/fault"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// Documents that a cloud engine reads. The intent and its token are in the ledger
// before the first byte leaves; what the provider may have, it is not sent again
// unless it knows the token, or the configuration says so.

// waitsFor is the error of a step that cannot be taken yet: the document is left
// alone for so long, without a word in the ledger.
type waitsFor time.Duration

func (w waitsFor) Error() string { return fmt.Sprintf("waits %s", time.Duration(w)) }

// sent is true when the attempt goes on with what a provider has, or may have, or
// has answered.
func sent(doc ledger.Document, engine string) bool {
	if _, answered := doc.AnswerOf(engine); answered {
		return true
	}
	s := doc.Submission
	return s != nil && s.Engine == engine && (s.Job != "" || s.Unknown)
}

// mayResubmit is true where a lost submission is simply sent again.
func (s *Service) mayResubmit() bool {
	return s.Provider.Capabilities().IdempotentSubmit || s.Settings.OnUnknown == config.UnknownResubmit
}

// submits is true when the document's next step is to be sent to the service.
func (s *Service) submits(doc ledger.Document) bool {
	if doc.Route != s.Name || doc.Delivery != nil || doc.Pages == 0 {
		return false
	}
	if !sent(doc, s.Name) {
		return true
	}
	sub := doc.Submission
	return sub != nil && sub.Engine == s.Name && sub.Unknown && s.mayResubmit()
}

// submit sends the document.
func (p *Pipeline) submit(ctx context.Context, doc ledger.Document, s *Service) (ledger.Document, error) {
	folder, err := p.folder(doc.Folder)
	if err != nil {
		return doc, err
	}
	a := &attempt{Pipeline: p, doc: doc, id: ledger.NewID(), folder: folder, engine: p.Engines[s.Name], service: s, start: time.Now(),
		dir: filepath.Join(p.WorkDir, doc.ID)}
	send, err := a.toSend(ctx)
	if err != nil {
		return a.instead(ctx, asError(err))
	}
	if err := a.place(ctx, s); err != nil {
		var pause *paused
		if errors.As(err, &pause) {
			return a.instead(ctx, &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable, Sentence: pause.why, RetryAfter: time.Until(pause.until)})
		}
		return doc, err
	}
	token, why := a.id, ""
	if sub := doc.Submission; sub != nil && sub.Engine == s.Name && sub.Unknown {
		token, why = sub.Token, "the answer to the last submission was lost; it is sent again"
	}
	until := time.Now().Add(max(p.Config.Lease.Std(), s.Settings.CallTimeout.Std()+time.Minute))
	intent := ledger.Submit(a.id, s.Name, p.Owner, token, until).Spending(doc.Pages, a.allowances(s)...).Because("", why)
	if a.doc, err = p.Ledger.Apply(doc.ID, intent); err != nil {
		s.leave(context.Canceled, time.Now()) // no call was made
		var over *ledger.OverBudget
		if errors.As(err, &over) {
			return a.instead(ctx, overBudget(over))
		}
		return doc, err
	}
	fault.Point("provider.submitting")
	var job engines.Job
	err = s.call(ctx, func(ctx context.Context) (err error) {
		job, err = s.Provider.Submit(ctx, send, token)
		return err
	})
	if err != nil {
		return a.notSubmitted(ctx, err)
	}
	fault.Point("provider.taken")
	now := time.Now()
	next, err := p.Ledger.Apply(doc.ID, ledger.Submitted(a.id, job.ID).Asking(job.URL, now.Add(s.pace(0, 0)), now.Add(s.Settings.JobDeadline.Std())))
	if err == nil {
		fault.Point("provider.submitted")
		p.Log.Info("Sent.", "file", doc.Path, "folder", doc.Folder, "engine", s.Name, "job", job.ID, "document", doc.ID)
	}
	return next, err
}

// place takes a place for a call; a document that would wait longer than a moment
// is left alone instead.
func (a *attempt) place(ctx context.Context, s *Service) error {
	if a.Impatient {
		return s.wait(ctx)
	}
	err := s.enter(time.Now())
	var b busy
	if errors.As(err, &b) {
		return waitsFor(b)
	}
	return err
}

// toSend is what the provider gets: the original, or a PDF of it where it takes
// no such files.
func (a *attempt) toSend(ctx context.Context) (engines.Document, error) {
	caps := a.service.Provider.Capabilities()
	out := engines.Document{ID: a.doc.ID, MIME: a.doc.MIME, Pages: a.doc.Pages, Languages: a.languages(), CallbackURL: a.service.CallbackURL}
	if caps.MaxPages > 0 && out.Pages > caps.MaxPages {
		return out, tooMuch("The document has %d pages; %s takes %d.", out.Pages, a.service.Name, caps.MaxPages)
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return out, fmt.Errorf("make work folder: %w", err)
	}
	if err := a.cut(ctx); err != nil {
		return out, err
	}
	path := a.original(a.doc)
	if len(a.doc.Pieces) > 0 {
		out.MIME = pages.MIMEPDF
	}
	if !slices.Contains(caps.Types, out.MIME) {
		var err error
		if path, err = a.asPDF(ctx); err != nil {
			return out, err
		}
		out.MIME = pages.MIMEPDF
	}
	info, err := os.Stat(path)
	if err != nil {
		return out, fmt.Errorf("read original: %w", err)
	}
	if caps.MaxBytes > 0 && info.Size() > caps.MaxBytes {
		return out, tooMuch("The file has %d kB; %s takes %d kB.", info.Size()>>10, a.service.Name, caps.MaxBytes>>10)
	}
	if out.Content, err = os.ReadFile(path); err != nil {
		return out, fmt.Errorf("read original: %w", err)
	}
	return out, nil
}

func tooMuch(format string, args ...any) *engines.Error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge, Sentence: fmt.Sprintf(format, args...)}
}

// asPDF has a worker put all pages into a PDF.
func (a *attempt) asPDF(ctx context.Context) (string, error) {
	q := worker.CutRequest{Out: filepath.Join(a.dir, "send.pdf"), Options: pdf.Options{Producer: a.Producer, PDFA: pdf.PDFAAuto}}
	piece := worker.Piece{Source: a.source()}
	for i := range a.doc.Pages {
		piece.Pages = append(piece.Pages, i+1)
	}
	q.Pieces = []worker.Piece{piece}
	var answer worker.CutAnswer
	err := a.call(ctx, worker.Cut, a.Config.PageTimeout.Std()*time.Duration(1+a.doc.Pages/10), q, &answer)
	return q.Out, err
}

// allowances bound what the engine and the folder may spend today and this month.
func (a *attempt) allowances(s *Service) []ledger.Allowance {
	now := time.Now()
	today, month := now.Format(time.DateOnly), now.Format("2006-01")
	return []ledger.Allowance{
		{Scope: "engine " + s.Name, Period: today, Most: s.Settings.MaxPagesPerDay},
		{Scope: "engine " + s.Name, Period: month, Most: s.Settings.MaxPagesPerMonth},
		{Scope: "folder " + a.folder.Name, Period: today, Most: a.folder.MaxPagesPerDay},
		{Scope: "folder " + a.folder.Name, Period: month, Most: a.folder.MaxPagesPerMonth},
	}
}

// codeBudget is for documents that wait for the next day or month.
const codeBudget = "over_budget"

func overBudget(o *ledger.OverBudget) *engines.Error {
	now := time.Now()
	next, key := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location()), "max_pages_per_day"
	if o.Period == now.Format("2006-01") {
		next, key = time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, now.Location()), "max_pages_per_month"
	}
	e := &engines.Error{Kind: engines.Retryable, Code: codeBudget, RetryAfter: time.Until(next), Sentence: fmt.Sprintf(
		"%d of the %d pages that the %s may send in %s are used up, and the document has %d (%s). It waits until %s.",
		o.Used, o.Most, o.Scope, o.Period, o.Asked, key, next.Format(time.DateOnly))}
	if o.Asked > o.Most {
		e = tooMuch("The document has %d pages; the %s may send no more than %d in %s (%s).", o.Asked, o.Scope, o.Most, o.Period, key)
	}
	return e
}

// instead is for a document that cannot be sent now: the folder's next engine
// reads it, or it waits, or, if it never can be sent, it has failed.
func (a *attempt) instead(ctx context.Context, e *engines.Error) (ledger.Document, error) {
	var err error
	until := time.Now().Add(a.Config.Lease.Std())
	if a.doc, err = a.Ledger.Apply(a.doc.ID, ledger.Start(a.id, a.service.Name, a.Owner, until)); err != nil {
		return a.doc, err
	}
	if next, ok := a.nextEngine(); ok && ctx.Err() == nil && !sent(a.doc, a.service.Name) && !engines.Environment(e) {
		return a.Ledger.Apply(a.doc.ID, ledger.HandOn(a.id, next, e.Sentence))
	}
	if e.Code == codeBudget || e.Code == engines.CodeUnavailable {
		return a.postponed(ctx, "submit", e, max(e.RetryAfter, time.Second))
	}
	return a.failed(ctx, "submit", e)
}

// postponed gives the document back for a pause that is not its own fault.
func (a *attempt) postponed(ctx context.Context, stage string, e *engines.Error, pause time.Duration, more ...func(ledger.Move) ledger.Move) (ledger.Document, error) {
	if a.Impatient {
		return a.later(ctx, stage, e)
	}
	at := time.Now().Add(pause)
	a.Log.Warn("A document waits for its engine.", "file", a.doc.Path, "folder", a.doc.Folder, "document", a.doc.ID, "why", e.Sentence,
		"again", at.Format(time.DateTime))
	m := ledger.Postponed(a.id, at, failure(stage, e))
	for _, change := range more {
		m = change(m)
	}
	return a.Ledger.Apply(a.doc.ID, m)
}

// notSubmitted ends an attempt whose submission brought no job. Unless the
// service is known not to have the document, the next attempt must find that out.
func (a *attempt) notSubmitted(ctx context.Context, err error) (ledger.Document, error) {
	e, failed := engines.AsError(err)
	if !failed || ctx.Err() != nil && e.Code != engines.CodeNetwork {
		return a.Ledger.Apply(a.doc.ID, ledger.Interrupted(a.id, "stopped with the daemon; whether it was sent is not known"))
	}
	a.Log.Warn("A document could not be sent.", "file", a.doc.Path, "engine", a.service.Name, "document", a.doc.ID, "why", e.Sentence, "error", e.Cause)
	f := failure("submit", e)
	switch {
	case e.Code == engines.CodeSubmitUnknown, e.Code == engines.CodeTimeout, e.Code == engines.CodeCrashed, e.Code == engines.CodeInternal:
		at := time.Now() // a person decides, if not the service
		if a.service.mayResubmit() {
			at = a.nextTry(a.doc)
		}
		return a.Ledger.Apply(a.doc.ID, ledger.RetryLater(a.id, at, f))
	case enginesFault(e):
		pause := max(e.RetryAfter, time.Until(a.service.Status(time.Now()).Until), time.Until(a.nextLook(a.doc)))
		return a.postponed(ctx, "submit", e, pause, ledger.Move.NotTaken)
	case e.Kind == engines.Terminal:
		return a.failed(ctx, "submit", e)
	}
	at := a.nextTry(a.doc)
	return a.Ledger.Apply(a.doc.ID, ledger.RetryLater(a.id, max2(at, time.Now().Add(e.RetryAfter)), f).NotTaken())
}

// max2 is the later of two times.
func max2(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lost is the error of a submission that nobody knows the outcome of.
func lost(s *Service) *engines.Error {
	return &engines.Error{Kind: engines.Review, Code: engines.CodeSubmitUnknown, Sentence: fmt.Sprintf(
		"The answer of %s was lost when the document was sent, so it may be there already. Have it read again to send it once more (and perhaps pay twice), or reject it.", s.Name)}
}
