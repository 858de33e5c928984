package pipeline

import (
	"context"
	"time"

	"intray/engines"
	"intray/ledger"
)

// What a provider has of a customer is deleted there as soon as it is stored here.
// That it is owed is in the ledger with the answer, so that neither a kill nor a
// service that is down makes it forgotten.

// hopeless is how long a provider is asked to delete a job: by then every one has
// by its own rule.
const hopeless = 30 * 24 * time.Hour

func (s *Service) deleter() (engines.Deleter, bool) {
	d, able := s.Provider.(engines.Deleter)
	return d, able && s.Provider.Capabilities().Delete
}

// owed is the job as what is still to be deleted; nil where nothing can be.
func (a *attempt) owed(job engines.Job) *ledger.Leftover {
	if _, able := a.service.deleter(); !able || job.ID == "" && job.URL == "" {
		return nil
	}
	return &ledger.Leftover{Engine: a.service.Name, Job: job.ID, URL: job.URL, Since: time.Now()}
}

// leaveJob notes that the provider still has the document's job, before the document
// comes to its end, or goes to another provider, without its answer.
func (p *Pipeline) leaveJob(doc ledger.Document) error {
	sub := doc.Submission
	if sub == nil || sub.Job == "" || doc.JobAnswered() {
		return nil // with an answer it is noted already
	}
	if s := p.Services[sub.Engine]; s != nil { // else the engine may come back
		if _, able := s.deleter(); !able {
			return nil
		}
	}
	return p.Ledger.Leave(doc.ID, ledger.Leftover{Engine: sub.Engine, Job: sub.Job, URL: sub.URL, Since: time.Now()})
}

// needs is true while the document still needs a job of its own: neither its answer
// is kept nor its end is.
func needs(doc ledger.Document, job string) bool {
	switch doc.State {
	case ledger.Validated, ledger.Submitting, ledger.SubmittedToProvider, ledger.Processing, ledger.FailedRetryable:
		return doc.Submission != nil && doc.Submission.Job == job && !doc.JobAnswered()
	}
	return false
}

// forgetJob has the provider delete a job that is over. That it must be is in the
// ledger.
func (a *attempt) forgetJob(ctx context.Context, job engines.Job) {
	left := a.owed(job)
	if left == nil {
		return
	}
	err := a.service.waitFor(ctx, job)
	if err == nil {
		err = a.service.delete(ctx, job)
	}
	if err == nil {
		err = a.Ledger.Deleted(a.doc.ID, *left)
	}
	if err != nil && ctx.Err() == nil {
		a.Log.Warn("A finished job could not be deleted at the cloud engine; it is tried again later.",
			"engine", a.service.Name, "job", job.ID, "document", a.doc.ID, "error", err)
	}
}

func (s *Service) delete(ctx context.Context, job engines.Job) error {
	d, _ := s.deleter()
	return s.call(ctx, func(ctx context.Context) error { return d.Delete(ctx, job) })
}

// leftoversAtOnce bounds the memory for documents with leftovers.
const leftoversAtOnce = 200

// DeleteLeft asks once more for every job that a provider was not heard to have
// deleted. It returns at the end of the list, or with ctx; a service that fails is
// passed over until the next time. Safe beside Run.
func (p *Pipeline) DeleteLeft(ctx context.Context) error {
	down := map[string]bool{}
	for after := ""; ; {
		docs, err := p.Ledger.WithLeftovers(after, leftoversAtOnce)
		if err != nil || len(docs) == 0 {
			return err
		}
		for _, doc := range docs {
			for _, left := range doc.Leftovers {
				if ctx.Err() != nil {
					return nil
				}
				if !down[left.Engine] && !needs(doc, left.Job) {
					down[left.Engine] = !p.deleteOne(ctx, doc.ID, left)
				}
			}
		}
		after = docs[len(docs)-1].ID
	}
}

// deleteOne is true when the service may be asked for more.
func (p *Pipeline) deleteOne(ctx context.Context, id string, left ledger.Leftover) bool {
	s, err := p.Services[left.Engine], error(nil)
	able := false
	if s != nil {
		_, able = s.deleter()
	}
	if able {
		job := engines.Job{ID: left.Job, URL: left.URL}
		if err = s.waitFor(ctx, job); err == nil {
			err = s.delete(ctx, job)
		}
		if err == nil {
			err = p.Ledger.Deleted(id, left)
		}
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
	}
	if time.Since(left.Since) > hopeless {
		p.Log.Warn("A job that could not be deleted at the cloud engine is given up; it has ended there by the provider's own rule.",
			"engine", left.Engine, "job", left.Job, "document", id, "error", err)
		if err := p.Ledger.Deleted(id, left); err != nil {
			p.Log.Error("That a job is given up could not be noted.", "document", id, "error", err)
		}
		return true
	}
	if able {
		p.Log.Warn("A finished job still could not be deleted at the cloud engine.", "engine", left.Engine, "job", left.Job, "document", id, "error", err)
	}
	return !able
}
