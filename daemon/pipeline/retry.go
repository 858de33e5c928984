package pipeline

import (
	"errors"
	"fmt"
	"log/slog"

	"intray/daemon/deliver"
	"intray/daemon/originals"
	"intray/ledger"
)

// ErrNothingToRetry is for a document that did not fail.
var ErrNothingToRetry = errors.New("there is nothing to try again")

// Retry has a document tried again on a person's request: a failed one gets
// all its tries back and its bundle in the failed folder is withdrawn, one
// that waits is tried at once, a duplicate is processed after all. The ledger
// alone is needed, so that it works beside no daemon, too.
func Retry(l *ledger.Ledger, store *originals.Store, log *slog.Logger, id, actor string) (ledger.Document, error) {
	doc, err := l.Get(id)
	if err != nil {
		return doc, err
	}
	if !store.Has(doc.SHA256) && doc.State != ledger.Completed && doc.State != ledger.CompletedWithWarnings {
		return doc, fmt.Errorf("the original of %s is gone; drop the file again: %w", doc.ID, ErrNothingToRetry)
	}
	const why = "asked to try again"
	switch doc.State {
	case ledger.FailedTerminal, ledger.DeadLetter, ledger.Rejected:
		next, err := l.Apply(doc.ID, ledger.Retry(actor, why))
		if err == nil && len(doc.Outputs) > 0 {
			if err := deliver.WithdrawFailed(doc.Outputs[0], doc.ID); err != nil {
				log.Warn("The bundle of a document that is tried again could not be removed.", "bundle", doc.Outputs[0], "error", err)
			}
		}
		return next, err
	case ledger.FailedRetryable:
		return l.Apply(doc.ID, ledger.ResumeBy(actor, why))
	case ledger.Duplicate:
		return l.Apply(doc.ID, ledger.Release(actor, why))
	}
	if n, err := l.RetryMessages(doc.ID); n > 0 || err != nil { // it is delivered, and somebody is to be told of it
		return doc, err
	}
	return doc, fmt.Errorf("%s is %s (%s): %w", doc.ID, doc.State, doc.State.Meaning(), ErrNothingToRetry)
}
