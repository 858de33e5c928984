package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"intray/daemon/config"
	"intray/daemon/fault"
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
	if doc.AnsweredBy(engine) {
		return true
	}
	s := doc.Submission
	return s != nil && s.Engine == engine && (s.Job != "" || s.Unknown)
}

// isThere is true when the engine is known to have the document, or has answered:
// what is left to do sends it nowhere.
func isThere(doc ledger.Document, engine string) bool {
	s := doc.Submission
	return doc.AnsweredBy(engine) || s != nil && s.Engine == engine && s.Job != ""
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
	a.class, _ = p.seenAs(doc)
	if !a.Impatient { // nothing is read and cut for a call that cannot be made now
		if err := s.ready(time.Now()); err != nil {
			return a.notNow(ctx, err)
		}
	}
	send, part, err := a.toSend(ctx)
	if err != nil {
		return a.instead(ctx, asError(err))
	}
	if err := a.place(ctx, s); err != nil {
		return a.notNow(ctx, err)
	}
	intent, token := a.intent(send.Pages, part)
	send.Again = a.again
	if err := a.intend(intent); err != nil {
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
	next, err := p.Ledger.Apply(doc.ID, ledger.Submitted(a.id, job.ID).Asking(job.URL, now.Add(s.firstAsk(job)), now.Add(s.Settings.JobDeadline.Std())))
	if err == nil {
		fault.Point("provider.submitted")
		p.Log.Info("Sent.", "file", doc.Path, "folder", doc.Folder, "engine", s.Name, "job", job.ID, "document", doc.ID)
	}
	return next, err
}

// intend makes the intent durable. What another engine has, which the configuration
// named before, is to be deleted there.
func (a *attempt) intend(intent ledger.Move) error {
	if sub := a.doc.Submission; sub != nil && sub.Engine != a.service.Name {
		if err := a.leaveJob(a.doc); err != nil {
			return err
		}
	}
	next, err := a.Ledger.Apply(a.doc.ID, intent)
	if err == nil {
		a.doc = next
	}
	return err
}

// intent is the move before the first byte, and the token of the submission.
func (a *attempt) intent(pages int, part ledger.Range) (m ledger.Move, token string) {
	s, doc, why := a.service, a.doc, ""
	token = a.id
	if sub := doc.Submission; sub != nil && sub.Engine == s.Name && sub.Unknown {
		a.again = true
		token, why = sub.Token, "the answer to the last submission was lost; it is sent again"
	} else if part != (ledger.Range{}) {
		why = fmt.Sprintf("pages %d to %d of %d: %s takes no more at once", part.First, part.Last, doc.Pages, s.Name)
	}
	until := time.Now().Add(max(a.Config.Lease.Std(), s.Settings.CallTimeout.Std()+time.Minute))
	m = ledger.Submit(a.id, s.Name, a.Owner, token, until).Of(part).Because("", why)
	if a.booked() {
		return m, token
	}
	return m.Spending(pages, a.allowances(s)...).Needing(doc.Pages - doc.NextPage(s.Name) + 1), token
}

// booked is true for what is sent again under a token that the provider knows: it
// is the same job, and its pages were booked when it was sent first.
func (a *attempt) booked() bool {
	return a.again && a.service.Provider.Capabilities().IdempotentSubmit && a.doc.Submission.Spent.Pages > 0
}

// notNow is for a document that cannot be sent because no call can be made.
func (a *attempt) notNow(ctx context.Context, err error) (ledger.Document, error) {
	var pause *paused
	var b busy
	switch {
	case errors.As(err, &pause):
		return a.instead(ctx, &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable, Sentence: pause.why, RetryAfter: time.Until(pause.until)})
	case errors.As(err, &b):
		return a.doc, waitsFor(a.service.turn(b, time.Now()))
	}
	return a.doc, err
}

// place takes a place for a call; a document that would wait longer than a moment
// is left alone instead.
func (a *attempt) place(ctx context.Context, s *Service) error {
	if a.Impatient {
		return s.wait(ctx)
	}
	return s.enter(time.Now())
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
	// By the period that was asked for: it may have ended a moment ago.
	begun, err := time.ParseInLocation(time.DateOnly, o.Period, time.Local)
	next, key := begun.AddDate(0, 0, 1), "max_pages_per_day"
	if err != nil {
		begun, _ = time.ParseInLocation("2006-01", o.Period, time.Local) // allowances made it
		next, key = begun.AddDate(0, 1, 0), "max_pages_per_month"
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
	// What was paid for in part is not given up for a wait.
	begun := len(a.doc.AnswersOf(a.service.Name)) > 0 && e.Kind != engines.Terminal
	if next, ok := a.nextEngine(); ok && ctx.Err() == nil && !begun && !sent(a.doc, a.service.Name) && !engines.Environment(e) {
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
	if a.doc.Postponed >= looksPerPause { // each wait is written down, and a wrong key may stay for weeks
		pause = max(pause, patience(a.doc))
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
	notTaken := ledger.Move.NotTaken
	switch { // a refusal now says nothing of the request before
	case a.booked():
		notTaken = func(m ledger.Move) ledger.Move { return m }
	case a.again:
		notTaken = ledger.Move.Refunded
	}
	// Whoever knows the token is asked with it again after a fault of its own, too:
	// that may have come after the document was taken.
	knowsToken := a.service.Provider.Capabilities().IdempotentSubmit
	switch {
	case e.Code == engines.CodeSubmitUnknown, e.Code == engines.CodeTimeout, e.Code == engines.CodeCrashed, e.Code == engines.CodeInternal,
		e.Code == engines.CodeService && knowsToken:
		at := time.Now() // a person decides, if not the service
		if a.service.mayResubmit() {
			at = max2(a.nextTry(a.doc), at.Add(e.RetryAfter))
		}
		return a.Ledger.Apply(a.doc.ID, ledger.RetryLater(a.id, at, f))
	case enginesFault(e):
		pause := max(e.RetryAfter, time.Until(a.service.Status(time.Now()).Until), time.Until(a.nextLook(a.doc)))
		return a.postponed(ctx, "submit", e, pause, notTaken)
	case e.Kind == engines.Terminal:
		return a.failed(ctx, "submit", e)
	}
	at := a.nextTry(a.doc)
	return a.Ledger.Apply(a.doc.ID, notTaken(ledger.RetryLater(a.id, max2(at, time.Now().Add(e.RetryAfter)), f)))
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
