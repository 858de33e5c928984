package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"intray/daemon/deliver"
	"intray/ledger"
)

// tell writes the one log line a person waits for. The log says no word of a page
// and no value of a field: why a document is doubted, and what the person wrote who
// rejected it, may quote them, so that is for the ledger, the page and the bundle.
func (p *Pipeline) tell(doc ledger.Document, rec record, plan deliver.Plan) {
	log := p.Log.With("file", doc.Path, "folder", doc.Folder, "to", p.sayablePath(doc.Folder, plan.Outputs()[0]), "document", doc.ID, "attempt", doc.AttemptID)
	switch rec.Outcome {
	case ledger.Completed, ledger.CompletedWithWarnings:
		log.Info("Delivered.", "took", time.Since(doc.ReceivedAt).Round(100*time.Millisecond))
	case ledger.NeedsHumanReview:
		why := rec.Failure.Sentence
		if rec.Failure.Code == codeDoubted {
			why = "It did not pass its checks; its review.html, the page and `intray show` say which."
		}
		log.Warn("Needs review.", "why", why)
	case ledger.Rejected:
		log.Info("Rejected.", "by", rec.Decision.By)
	default:
		log.Warn("Failed.", "why", rec.Failure.Sentence)
	}
}

// sayablePath is where something was or shall be delivered to, as the log may say it:
// names that deliver_as makes are made of field values, so it is their folder alone.
func (p *Pipeline) sayablePath(folder, path string) string {
	f, err := p.folder(folder)
	if err == nil && f.DeliverAs.Given() && within(f.Output, path) {
		return f.Output
	}
	return path
}

func (a *attempt) sayablePath(path string) string { return a.Pipeline.sayablePath(a.doc.Folder, path) }

// sayable is an error as the log may say it: without paths where they may be made
// of field values.
func (a *attempt) sayable(err error) error {
	if !a.folder.DeliverAs.Given() {
		return err
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// unwritten says that a result could not be written to dir; where the disk is full it
// says which: work, where results are made, may be on another.
func unwritten(dir, work string, err error) string {
	if errors.Is(err, deliver.ErrHot) {
		return fmt.Sprintf("The result could not be written to %s: a link there leads into a hot folder, where it would be taken for a scan.", dir)
	}
	if !diskFull(err) {
		return fmt.Sprintf("The result could not be written to %s.", dir)
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok && within(work, path.Path) {
		dir = work
	}
	return fmt.Sprintf("The result could not be written to %s: the disk is full. Make room there; it is tried again by itself.", dir)
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
