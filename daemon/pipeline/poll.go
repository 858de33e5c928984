package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

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

// poll asks once about a job. The webhook only made this happen sooner.
func (p *Pipeline) poll(ctx context.Context, doc ledger.Document) (ledger.Document, error) {
	if doc.Delivery != nil {
		return p.finish(doc)
	}
	s := p.Services[doc.Engine]
	if s == nil || doc.Submission == nil {
		p.Log.Error("A document waits for an engine that is not in the configuration any more.", "engine", doc.Engine, "document", doc.ID, "file", doc.Path)
		return doc, p.Ledger.AskLater(doc.ID, doc.AttemptID, time.Now().Add(longestWish))
	}
	a, err := p.inHandOf(doc, s)
	if err != nil {
		return doc, err
	}
	job := engines.Job{ID: doc.Submission.Job, URL: doc.Submission.URL}
	if time.Now().After(doc.Submission.Deadline) {
		a.forgetJob(ctx, job)
		return a.giveUpJob(ctx, &engines.Error{Kind: engines.Retryable, Code: engines.CodeTimeout, Sentence: fmt.Sprintf(
			"%s did not finish within %s (job_deadline). The document is sent again.", s.Name, s.Settings.JobDeadline)})
	}
	if err := s.enter(time.Now()); err != nil {
		var pause *paused
		var b busy
		at := time.Now()
		if errors.As(err, &pause) {
			at = pause.until
		} else if errors.As(err, &b) {
			at = at.Add(time.Duration(b))
		}
		return doc, p.Ledger.AskLater(doc.ID, doc.AttemptID, at)
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
		return a.notTold(ctx, asError(err))
	}
	return a.heard(ctx, job, status)
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
		a.forgetJob(ctx, job)
		switch e.Kind {
		case engines.Terminal:
			return a.failed(ctx, "provider", e)
		case engines.Review:
			next, err := a.Ledger.Apply(a.doc.ID, ledger.Answered(a.id, a.Owner, time.Now().Add(a.Config.Lease.Std())))
			if err != nil {
				return a.doc, err
			}
			a.doc = next
			return a.guarded(ctx, func(ctx context.Context) (ledger.Document, error) { return a.unread(ctx, e) })
		}
		return a.giveUpJob(ctx, e)
	}
	at := time.Now().Add(a.service.pace(a.doc.Submission.Polls, status.RetryAfter))
	return a.doc, a.Ledger.AskLater(a.doc.ID, a.id, at)
}

// notTold acts on a question without an answer. The job is still there, whatever
// is wrong with asking; our deadline bounds that.
func (a *attempt) notTold(ctx context.Context, e *engines.Error) (ledger.Document, error) {
	switch {
	case e.Code == engines.CodeExpired:
		return a.giveUpJob(ctx, e)
	case e.Kind == engines.Terminal && !enginesFault(e):
		return a.failed(ctx, "provider", e)
	}
	pause := max(a.service.pace(a.doc.Submission.Polls, e.RetryAfter), time.Until(a.service.Status(time.Now()).Until))
	a.Log.Warn("A job could not be asked about.", "file", a.doc.Path, "engine", a.service.Name, "document", a.doc.ID, "why", e.Sentence)
	return a.doc, a.Ledger.AskLater(a.doc.ID, a.id, time.Now().Add(pause))
}

// giveUpJob ends an attempt whose job is over without an answer; the next one
// sends the document anew.
func (a *attempt) giveUpJob(ctx context.Context, e *engines.Error) (ledger.Document, error) {
	if ctx.Err() != nil && a.doc.State != ledger.SubmittedToProvider {
		return a.later(ctx, "provider", e)
	}
	at := max2(a.nextTry(a.doc), time.Now().Add(e.RetryAfter))
	a.Log.Warn("A job at a cloud engine brought nothing and is given up.", "file", a.doc.Path, "folder", a.doc.Folder, "engine", a.service.Name,
		"document", a.doc.ID, "why", e.Sentence, "again", at.Format(time.TimeOnly))
	return a.Ledger.Apply(a.doc.ID, ledger.RetryLater(a.id, at, failure("provider", e)).WithoutJob())
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
	if _, kept := a.doc.AnswerOf(a.service.Name); kept {
		return nil
	}
	job := engines.Job{ID: a.doc.Submission.Job, URL: a.doc.Submission.URL}
	if err := a.service.wait(ctx); err != nil {
		var pause *paused
		if errors.As(err, &pause) {
			return &engines.Error{Kind: engines.Retryable, Code: engines.CodeNetwork, Sentence: pause.why, RetryAfter: time.Until(pause.until)}
		}
		return err
	}
	a.calls.Add(1) // it has a time limit of its own
	defer func() {
		a.alive()
		a.calls.Add(-1)
	}()
	var raw []byte
	err := a.service.call(ctx, func(ctx context.Context) (err error) {
		raw, err = a.service.Provider.Fetch(ctx, job)
		return err
	})
	if err != nil {
		return err
	}
	fault.Point("provider.fetched")
	kept := ledger.Answer{Engine: a.service.Name, Job: job.ID, File: originals.Name(a.service.Name, job.ID), At: time.Now()}
	if err := a.Results.Put(a.doc.ID, kept.File, raw); err != nil {
		return err
	}
	if err := a.Ledger.KeepAnswer(a.doc.ID, a.id, kept); err != nil {
		return err
	}
	fault.Point("provider.stored")
	if a.doc, err = a.Ledger.Get(a.doc.ID); err != nil {
		return err
	}
	a.forgetJob(ctx, job)
	return nil
}

// forgetJob has the provider delete what it has, where it can; that it could not
// is told and changes nothing.
func (a *attempt) forgetJob(ctx context.Context, job engines.Job) {
	d, able := a.service.Provider.(engines.Deleter)
	if !able || !a.service.Provider.Capabilities().Delete {
		return
	}
	err := a.service.wait(ctx)
	if err == nil {
		err = a.service.call(ctx, func(ctx context.Context) error { return d.Delete(ctx, job) })
	}
	if err != nil {
		a.Log.Warn("A finished job could not be deleted at the cloud engine; it ends there by the provider's own rule.",
			"engine", a.service.Name, "job", job.ID, "document", a.doc.ID, "error", err)
	}
}

// notFetched ends an attempt that could not get the answer of a finished job.
func (a *attempt) notFetched(ctx context.Context, err error) (ledger.Document, error) {
	e := asError(err)
	switch {
	case ctx.Err() != nil:
		return a.later(ctx, "fetch", e)
	case e.Code == engines.CodeExpired:
		return a.giveUpJob(ctx, e)
	case e.Kind == engines.Review:
		return a.unread(ctx, e)
	case enginesFault(e):
		return a.postponed(ctx, "fetch", e, max(e.RetryAfter, time.Until(a.nextLook(a.doc))))
	}
	return a.failed(ctx, "fetch", e)
}
