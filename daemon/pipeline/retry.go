package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"intray/daemon/deliver"
	"intray/daemon/originals"
	"intray/ledger"
)

// ErrNothingToRetry is for a document that did not fail, ErrMayNotRead for an
// engine that its folder does not let read it.
var (
	ErrNothingToRetry = errors.New("there is nothing to try again")
	ErrMayNotRead     = errors.New("this engine may not read it")
)

// MayRead says whether a person may have an engine read a document: only those its
// folder names, and none in the cloud where documents are looked at here before
// any may leave. The engine "" is the folder's choice. The error is ErrMayNotRead.
func (p *Pipeline) MayRead(doc ledger.Document, engine string) error {
	if engine == "" {
		return nil
	}
	folder, err := p.folder(doc.Folder)
	if err != nil {
		return err
	}
	if p.Engines == nil {
		return fmt.Errorf("an engine is chosen while the daemon runs: %w", ErrMayNotRead)
	}
	order := p.order(folder, "")
	if !slices.Contains(order, engine) {
		return fmt.Errorf("folder %q lets %s read its documents, not %q: %w", folder.Name, strings.Join(order, ", "), engine, ErrMayNotRead)
	}
	if p.Services[engine] != nil && p.looksFirst(folder) {
		return fmt.Errorf("documents of folder %q are read on this machine first, because some must not leave it: %w", folder.Name, ErrMayNotRead)
	}
	return nil
}

// EnginesFor are the engines that a person may choose for a document.
func (p *Pipeline) EnginesFor(doc ledger.Document) []string {
	folder, err := p.folder(doc.Folder)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(p.order(folder, ""), func(name string) bool { return p.MayRead(doc, name) != nil })
}

// wished is why a document is read afresh.
func wished(why, engine string) string {
	if engine != "" {
		why += " with " + engine
	}
	return why
}

// Retry has a document tried again on a person's request: a failed one gets
// all its tries back and its bundle in the failed folder is withdrawn, one
// that waits is tried at once, a duplicate is processed after all. The ledger
// alone is needed, so that it works beside no daemon, too. engine is the one to begin
// with, if MayRead allows it; "" is the usual one.
func Retry(l *ledger.Ledger, store *originals.Store, log *slog.Logger, id, actor, engine string) (ledger.Document, error) {
	doc, err := l.Get(id)
	if err != nil {
		return doc, err
	}
	if !store.Has(doc.SHA256) && doc.State != ledger.Completed && doc.State != ledger.CompletedWithWarnings {
		return doc, fmt.Errorf("the original of %s is gone; drop the file again: %w", doc.ID, ErrNothingToRetry)
	}
	why := wished("asked to try again", engine)
	switch doc.State {
	case ledger.FailedTerminal, ledger.DeadLetter, ledger.Rejected:
		next, err := l.Apply(doc.ID, ledger.Retry(actor, why).Towards(engine))
		if err == nil && len(doc.Outputs) > 0 {
			if err := deliver.WithdrawFailed(doc.Outputs[0], doc.ID); err != nil {
				log.Warn("The bundle of a document that is tried again could not be removed.", "bundle", doc.Outputs[0], "error", err)
			}
		}
		return next, err
	case ledger.FailedRetryable:
		if engine != "" {
			return doc, fmt.Errorf("%s waits for its next try; an engine is chosen once it has failed or is in review: %w", doc.ID, ErrMayNotRead)
		}
		return l.Apply(doc.ID, ledger.ResumeBy(actor, why))
	case ledger.Duplicate:
		return l.Apply(doc.ID, ledger.Release(actor, why).Towards(engine))
	}
	if n, err := l.RetryMessages(doc.ID); n > 0 || err != nil { // it is delivered, and somebody is to be told of it
		return doc, err
	}
	return doc, fmt.Errorf("%s is %s (%s): %w", doc.ID, doc.State, doc.State.Meaning(), ErrNothingToRetry)
}
