package pipeline

import (
	"math/rand/v2"
	"time"

	"intray/ledger"
)

// What is wrong around a document, such as a full disk, may be mended any minute. But
// each look is written down, and a share may be away for weeks: longestPause between
// two looks grows by its own length after each looksPerPause, up to rarestLook. The
// first document that gets through wakes the others.
const (
	longestPause  = time.Minute
	looksPerPause = 20
	rarestLook    = time.Hour
)

// patience is the longest pause before the next look at a document.
func patience(doc ledger.Document) time.Duration {
	return min(longestPause*time.Duration(1+doc.Postponed/looksPerPause), rarestLook)
}

// nextLook is when to look again after something around the document failed.
func (p *Pipeline) nextLook(doc ledger.Document) time.Time {
	policy := p.Policy
	policy.Cap = min(policy.Cap, patience(doc))
	policy.Base = min(policy.Base, 5*time.Second)
	return time.Now().Add(policy.Pause(doc.Postponed+1, rand.Float64()))
}

// wake has those go on that waited for the same as a document that got through.
func (p *Pipeline) wake(doc ledger.Document) {
	if doc.Postponed == 0 || doc.Failure == nil {
		return
	}
	n, err := p.Ledger.Wake(doc.Folder, doc.Failure.Code)
	switch {
	case err != nil:
		p.Log.Error("Documents that waited for the same could not be woken; they go on by themselves later.", "folder", doc.Folder, "error", err)
	case n > 0:
		p.Log.Info("What documents waited for is there again; they go on.", "folder", doc.Folder, "documents", n)
	}
}

// nextTry is when the ledger should offer the document again.
func (p *Pipeline) nextTry(doc ledger.Document) time.Time {
	return p.Policy.NextTry(time.Now(), doc.Attempts+1, rand.Float64())
}
