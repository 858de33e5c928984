package pipeline

import (
	"math/rand/v2"
	"time"

	"intray/ledger"
)

// longestPause bounds how long what is wrong around a document, such as a full
// disk, is waited for between two looks: it may be mended any minute.
const longestPause = time.Minute

// nextLook is when to look again after something around the document failed.
func (p *Pipeline) nextLook(doc ledger.Document) time.Time {
	policy := p.Policy
	policy.Cap = min(policy.Cap, longestPause)
	policy.Base = min(policy.Base, 5*time.Second)
	return time.Now().Add(policy.Pause(doc.Postponed+1, rand.Float64()))
}

// nextTry is when the ledger should offer the document again.
func (p *Pipeline) nextTry(doc ledger.Document) time.Time {
	return p.Policy.NextTry(time.Now(), doc.Attempts+1, rand.Float64())
}
