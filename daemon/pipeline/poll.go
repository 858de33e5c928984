package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"intray/daemon/config"
	"intray/daemon/fault"
	"intray/daemon/originals"
	"intray/engines"
	"intray/ledger"
)

// pollJitter is the share of a pause that is random, so that jobs sent together
// are not asked about together; longestPoll bounds pauses that nobody asked for.
const (
	pollJitter  = 0.2
	longestPoll = time.Minute
	// longestWish bounds what a service may ask us to wait between two questions.
	longestWish = time.Hour
	// orphanPoll is how soon an engine that was put back into the configuration is noticed.
	orphanPoll = time.Minute
)

// pace is how long to wait before a job is asked about again: as long as the
// service wishes, else its own pace, which slows down with the polls.
func (s *Service) pace(polls int, wish time.Duration) time.Duration {
	least := s.Settings.PollEvery.Std()
	own := min(least+least*time.Duration(polls)/10, max(least, longestPoll))
	pause := max(own, min(wish, longestWish))
	return pause + time.Duration(float64(pause)*pollJitter*rand.Float64())
}

// inHandOf is the attempt that a submitted document is under.
func (p *Pipeline) inHandOf(doc ledger.Document, s *Service) (*attempt, error) {
	folder, err := p.folder(doc.Folder)
	return &attempt{Pipeline: p, doc: doc, id: doc.AttemptID, folder: folder, engine: p.Engines[doc.Engine], service: s, start: time.Now(),
		dir: filepath.Join(p.WorkDir, doc.ID)}, err
}

// firstAsk is how long to wait before a job that was just taken is asked about. An
// answer in memory is nowhere else: a stop, or others that come, would lose what is paid.
func (s *Service) firstAsk(job engines.Job) time.Duration {
	if engines.InMemory(job) {
		return 0
	}
	return s.pace(0, job.Wait)
}

// poll asks once about a job. The webhook only made this happen sooner.
func (p *Pipeline) poll(ctx context.Context, doc ledger.Document) (ledger.Document, error) {
	if doc.Delivery != nil {
		return p.finish(doc)
	}
	s := p.Services[doc.Engine]
	if s == nil || doc.Submission == nil {
		return p.orphaned(doc)
	}
	a, err := p.inHandOf(doc, s)
	if err != nil {
		return doc, err
	}
	job := engines.Job{ID: doc.Submission.Job, URL: doc.Submission.URL}
	if err := s.enterFor(job, time.Now()); err != nil {
		var pause *paused
		var b busy
		at := time.Now()
		switch {
		case errors.As(err, &pause):
			at = pause.until
		case errors.As(err, &b) && !p.Impatient:
			return doc, waitsFor(s.turn(b, at))
		case errors.As(err, &b):
			at = at.Add(time.Duration(b))
		}
		return doc, p.Ledger.AskLater(doc.ID, doc.AttemptID, a.start, at)
	}
	var status engines.JobStatus
	err = s.call(ctx, func(ctx context.Context) (err error) {
		status, err = s.Provider.Status(ctx, job)
		return err
	})
	if ctx.Err() != nil {
		return doc, nil
	}
	if err != nil {
		return a.notTold(ctx, job, asError(err))
	}
	return a.heard(ctx, job, status)
}

// orphaned is for a document whose engine the configuration has no more. It may be
// put back, and the answer is paid for; the job's deadline bounds the wait, and the
// engines that the folder has by then read the document.
func (p *Pipeline) orphaned(doc ledger.Document) (ledger.Document, error) {
	again := time.Now().Add(orphanPoll)
	if doc.Submission == nil || time.Now().After(doc.Submission.Deadline) {
		e := &engines.Error{Kind: engines.Retryable, Code: engines.CodeTimeout, Sentence: doc.Engine +
			" has the document and is not in the configuration any more, so that its answer could not be fetched in time. The document is read anew."}
		p.Log.Error("A job at an engine that is not in the configuration any more is given up.", "engine", doc.Engine, "document", doc.ID, "file", doc.Path,
			"again", p.nextTry(doc).Format(time.TimeOnly))
		if err := p.leaveJob(doc); err != nil {
			return doc, err
		}
		return p.Ledger.Apply(doc.ID, ledger.RetryLater(doc.AttemptID, p.nextTry(doc), failure(stageProvider, e)).WithoutJob())
	}
	if doc.Submission.Deadline.Before(again) {
		again = doc.Submission.Deadline.Add(time.Millisecond)
	}
	if _, told := p.orphans.LoadOrStore(doc.ID, true); !told {
		p.Log.Error("A document waits for an engine that is not in the configuration any more; put its section back, or the document is read anew after the job's deadline.",
			"engine", doc.Engine, "document", doc.ID, "file", doc.Path, "deadline", doc.Submission.Deadline.Format(time.DateTime))
	}
	return doc, p.Ledger.AskLater(doc.ID, doc.AttemptID, time.Now(), again)
}

// heard acts on what the service says of the job.
func (a *attempt) heard(ctx context.Context, job engines.Job, status engines.JobStatus) (ledger.Document, error) {
	switch status.State {
	case engines.JobSucceeded:
		until := time.Now().Add(a.Config.Lease.Std())
		next, err := a.Ledger.Apply(a.doc.ID, ledger.Answered(a.id, a.Owner, until))
		if err != nil {
			return a.doc, err
		}
		a.doc = next
		return a.guarded(ctx, a.run)
	case engines.JobFailed:
		e := status.Err
		if e == nil {
			e = &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: a.service.Name + " could not read the document and does not say why."}
		}
		return a.over(ctx, job, func() (ledger.Document, error) { return a.jobFailed(ctx, e) })
	}
	if a.overdue() {
		return a.over(ctx, job, func() (ledger.Document, error) { return a.giveUpJob(ctx, tooLate(a.service)) })
	}
	at := time.Now().Add(a.service.pace(a.doc.Submission.Polls, status.RetryAfter))
	return a.doc, a.Ledger.AskLater(a.doc.ID, a.id, a.start, at)
}

// jobFailed acts on a job that the service could not do.
func (a *attempt) jobFailed(ctx context.Context, e *engines.Error) (ledger.Document, error) {
	switch e.Kind {
	case engines.Terminal:
		return a.failed(ctx, "provider", e)
	case engines.Review:
		return a.toPerson(ctx, e)
	}
	return a.giveUpJob(ctx, e)
}

// toPerson brings a document before a person of which its job brought nothing.
func (a *attempt) toPerson(ctx context.Context, e *engines.Error) (ledger.Document, error) {
	if a.doc.State != ledger.SubmittedToProvider {
		return a.unread(ctx, e)
	}
	next, err := a.Ledger.Apply(a.doc.ID, ledger.Answered(a.id, a.Owner, time.Now().Add(a.Config.Lease.Std())))
	if err != nil {
		return a.doc, err
	}
	a.doc = next
	return a.guarded(ctx, func(ctx context.Context) (ledger.Document, error) { return a.unread(ctx, e) })
}

// lostAgain is true for a job that is gone, or never ended, as the one before it:
// both may have been paid, and what is wrong may be wrong with the next ones, too.
func (a *attempt) lostAgain(e *engines.Error) bool {
	lost := func(code string) bool { return code == engines.CodeExpired || code == engines.CodeTimeout }
	before := a.doc.Failure
	return a.service.Settings.OnUnknown != config.UnknownResubmit && a.doc.Submission.Sent > 1 &&
		lost(e.Code) && before != nil && before.Stage == stageProvider && lost(before.Code)
}

// stageProvider is the stage of failures of jobs.
const stageProvider = "provider"

// over ends the document's business with a job that brings nothing. The provider
// deletes it only when the end is in the ledger: a job that is gone before would be
// taken for one that was lost, and the document be sent again.
func (a *attempt) over(ctx context.Context, job engines.Job, end func() (ledger.Document, error)) (ledger.Document, error) {
	if left := a.owed(job); left != nil {
		if err := a.Ledger.Leave(a.doc.ID, *left); err != nil {
			return a.doc, err
		}
	}
	fault.Point("provider.over")
	next, err := end()
	if err == nil && !needs(next, job.ID) {
		a.forgetJob(ctx, job)
	}
	return next, err
}

// overdue is true when nobody waits for the job any more. It is asked about all the
// same: the program may have been off for days, and the answer be there.
func (a *attempt) overdue() bool { return time.Now().After(a.doc.Submission.Deadline) }

func tooLate(s *Service) *engines.Error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeTimeout, Sentence: fmt.Sprintf(
		"%s did not finish within %s (job_deadline). The document is sent again.", s.Name, s.Settings.JobDeadline)}
}

// notTold acts on a question without an answer. The job is still there, whatever
// is wrong with asking; our deadline bounds that, unless nobody could be asked.
func (a *attempt) notTold(ctx context.Context, job engines.Job, e *engines.Error) (ledger.Document, error) {
	switch {
	case e.Code == engines.CodeExpired: // what it was made of may be there
		return a.over(ctx, job, func() (ledger.Document, error) { return a.giveUpJob(ctx, e) })
	case a.overdue() && !enginesFault(e):
		return a.over(ctx, job, func() (ledger.Document, error) { return a.giveUpJob(ctx, tooLate(a.service)) })
	case e.Kind == engines.Terminal && !enginesFault(e):
		return a.over(ctx, job, func() (ledger.Document, error) { return a.failed(ctx, "provider", e) })
	}
	pause := max(a.service.pace(a.doc.Submission.Polls, e.RetryAfter), time.Until(a.service.Status(time.Now()).Until))
	a.Log.Warn("A job could not be asked about.", "file", a.doc.Path, "engine", a.service.Name, "document", a.doc.ID, "why", e.Sentence)
	return a.doc, a.Ledger.AskLater(a.doc.ID, a.id, a.start, time.Now().Add(pause))
}

// giveUpJob ends an attempt whose job is over without an answer; the next one
// sends the document anew.
func (a *attempt) giveUpJob(ctx context.Context, e *engines.Error) (ledger.Document, error) {
	if ctx.Err() != nil && a.doc.State != ledger.SubmittedToProvider {
		return a.later(ctx, "provider", e)
	}
	if a.lostAgain(e) {
		return a.toPerson(ctx, &engines.Error{Kind: engines.Review, Code: e.Code, Cause: e, Sentence: fmt.Sprintf(
			"%s has taken the document twice, and both times its answer was gone or never came. Have it read again to send it once more (and perhaps pay again), or reject it.", a.service.Name)})
	}
	at := max2(a.nextTry(a.doc), time.Now().Add(e.RetryAfter))
	a.Log.Warn("A job at a cloud engine brought nothing and is given up.", "file", a.doc.Path, "folder", a.doc.Folder, "engine", a.service.Name,
		"document", a.doc.ID, "why", e.Sentence, "again", at.Format(time.TimeOnly))
	return a.Ledger.Apply(a.doc.ID, ledger.RetryLater(a.id, at, failure(stageProvider, e)).WithoutJob())
}

// guarded runs an attempt that is processing under a lease that is kept alive.
func (a *attempt) guarded(ctx context.Context, run func(context.Context) (ledger.Document, error)) (ledger.Document, error) {
	a.alive()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := a.heartbeat(ctx, cancel, a.Config.Lease.Std())
	defer stop()
	next, err := run(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, ledger.ErrConflict) {
		return a.doc, cause // the lease is lost: whatever was found is no longer ours to say
	}
	return next, err
}

// fetch has the raw answer kept, durably, before anything else is done with it.
func (a *attempt) fetch(ctx context.Context) error {
	if a.doc.AnsweredBy(a.service.Name) || a.doc.JobAnswered() {
		return nil
	}
	job := engines.Job{ID: a.doc.Submission.Job, URL: a.doc.Submission.URL}
	a.calls.Add(1) // it has a time limit of its own, and before that may wait long for its turn
	defer func() {
		a.alive()
		a.calls.Add(-1)
	}()
	if err := a.service.waitFor(ctx, job); err != nil {
		var pause *paused
		if errors.As(err, &pause) {
			return &engines.Error{Kind: engines.Retryable, Code: engines.CodeNetwork, Sentence: pause.why, RetryAfter: time.Until(pause.until)}
		}
		return err
	}
	var raw []byte
	err := a.service.call(ctx, func(ctx context.Context) (err error) {
		raw, err = a.service.Provider.Fetch(ctx, job)
		return err
	})
	if err != nil {
		return err
	}
	fault.Point("provider.fetched")
	kept := ledger.Answer{Engine: a.service.Name, Job: job.ID, File: originals.Name(a.service.Name, job.ID), At: time.Now(), Range: a.doc.Submission.Range}
	if err := a.Results.Put(a.doc.ID, kept.File, raw); err != nil {
		return err
	}
	if err := a.Ledger.KeepAnswer(a.doc.ID, a.id, kept, a.owed(job)); err != nil {
		return err
	}
	fault.Point("provider.stored")
	if a.doc, err = a.Ledger.Get(a.doc.ID); err != nil {
		return err
	}
	a.forgetJob(ctx, job)
	return nil
}

// notFetched ends an attempt that could not get the answer of a finished job.
func (a *attempt) notFetched(ctx context.Context, err error) (ledger.Document, error) {
	e := asError(err)
	end := a.failed
	switch {
	case ctx.Err() != nil:
		return a.later(ctx, "fetch", e)
	case e.Code == engines.CodeExpired:
		end = func(ctx context.Context, _ string, e *engines.Error) (ledger.Document, error) {
			return a.giveUpJob(ctx, e)
		}
	case e.Kind == engines.Review:
		end = func(ctx context.Context, _ string, e *engines.Error) (ledger.Document, error) {
			return a.unread(ctx, e)
		}
	case enginesFault(e):
		return a.postponed(ctx, "fetch", e, max(e.RetryAfter, time.Until(a.nextLook(a.doc))))
	case e.Kind != engines.Terminal: // the job is there, and is asked again
		return a.failed(ctx, "fetch", e)
	}
	job := engines.Job{ID: a.doc.Submission.Job, URL: a.doc.Submission.URL}
	return a.over(ctx, job, func() (ledger.Document, error) { return end(ctx, "fetch", e) })
}
