// Package pipeline takes documents through their journey: from the ledger's
// due work over reading, normalizing and validating to a delivered bundle.
//
// It is the one place that knows the order of the rooms. It decodes nothing
// itself (workers do), and it never tries again on its own: what fails goes
// back to the ledger, which says when it is due.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/originals"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// Caller runs one request in a worker process; *worker.Pool is one.
type Caller interface {
	Call(ctx context.Context, owner, name string, timeout time.Duration, request, answer any) error
}

// Progress is told about a document's pages while it is read.
type Progress func(doc ledger.Document, pagesDone, pages int)

// Pipeline drives documents. Fill the fields, then call Run once.
type Pipeline struct {
	Config    *config.Config
	Ledger    *ledger.Ledger
	Originals *originals.Store
	Workers   Caller
	// Engines are the engines' sections by name.
	Engines map[string]worker.EngineSpec
	// WorkDir holds page results of documents in hand.
	WorkDir string
	// Owner names this process in leases.
	Owner    string
	Producer string
	Policy   ledger.Policy
	// Parallel is how many documents are in hand at once.
	Parallel int
	Progress Progress
	Log      *slog.Logger

	desk   deliver.Desk
	mu     sync.Mutex
	inHand map[string]bool
}

// Run works until soft is done, then waits for the documents in hand until
// hard is done, which interrupts them: an interrupted document costs no
// attempt and goes on at the next start. With drain, Run also returns when no
// work is left, now or later.
func (p *Pipeline) Run(soft, hard context.Context, drain bool) error {
	p.inHand = map[string]bool{}
	done := make(chan string)
	running := 0
	var failure error
	for failure == nil {
		started, err := p.start(hard, soft, done, p.Parallel-running)
		running += started
		if err != nil {
			failure = err
			break
		}
		wake, stop := p.timer()
		if drain && running == 0 && wake == nil {
			return nil
		}
		select {
		case id := <-done:
			p.forget(id)
			running--
		case <-p.Ledger.Work():
		case <-wake:
		case <-soft.Done():
			stop()
			for ; running > 0; running-- {
				p.forget(<-done)
			}
			return nil
		}
		stop()
	}
	for ; running > 0; running-- {
		p.forget(<-done)
	}
	return failure
}

// start puts due documents into hand, up to room of them.
func (p *Pipeline) start(ctx, soft context.Context, done chan<- string, room int) (int, error) {
	if room <= 0 || soft.Err() != nil {
		return 0, nil
	}
	due, err := p.Ledger.Due(time.Now(), room+len(p.inHand))
	if err != nil {
		return 0, fmt.Errorf("look for due work: %w", err)
	}
	started := 0
	for _, doc := range due {
		if started == room || !p.take(doc.ID) {
			continue
		}
		started++
		go func() {
			defer func() { done <- doc.ID }()
			p.advance(ctx, doc)
		}()
	}
	return started, nil
}

func (p *Pipeline) take(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inHand[id] {
		return false
	}
	p.inHand[id] = true
	return true
}

func (p *Pipeline) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inHand, id)
}

// timer fires when the next waiting document is due; nil when none waits.
func (p *Pipeline) timer() (<-chan time.Time, func()) {
	next, ok, err := p.Ledger.NextDue(time.Now())
	if err != nil || !ok {
		return nil, func() {}
	}
	t := time.NewTimer(time.Until(next))
	return t.C, func() { t.Stop() }
}

// advance moves a document on until it rests: delivered, failed, waiting for
// its next try, or interrupted.
func (p *Pipeline) advance(ctx context.Context, doc ledger.Document) {
	for ctx.Err() == nil {
		next, err := p.step(ctx, doc)
		if err != nil {
			if !errors.Is(err, ledger.ErrConflict) && ctx.Err() == nil {
				p.Log.Error("A document could not be moved on; it will be looked at again.", "document", doc.ID, "file", doc.Path, "error", err)
			}
			p.pause(ctx, err)
			return
		}
		if next.State == doc.State || !due(next) {
			return
		}
		doc = next
	}
}

// pause keeps a ledger or a disk that fails from being asked in a tight loop.
func (p *Pipeline) pause(ctx context.Context, err error) {
	if errors.Is(err, ledger.ErrConflict) {
		return
	}
	t := time.NewTimer(5 * time.Second)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func due(doc ledger.Document) bool {
	switch doc.State {
	case ledger.Received, ledger.Validated:
		return true
	case ledger.FailedRetryable:
		return !doc.NotBefore.After(time.Now())
	}
	return false
}

// step does what a document's state asks for and returns it in its next state.
func (p *Pipeline) step(ctx context.Context, doc ledger.Document) (ledger.Document, error) {
	switch doc.State {
	case ledger.Received:
		if refusal := p.contract(doc); refusal != nil {
			return p.refuse(ctx, doc, refusal)
		}
		return p.Ledger.Apply(doc.ID, ledger.Validate(doc.MIME, doc.Pages))
	case ledger.FailedRetryable:
		if p.Policy.Exhausted(doc.Attempts) {
			return p.giveUp(ctx, doc)
		}
		return p.Ledger.Apply(doc.ID, ledger.Resume())
	case ledger.Validated:
		return p.process(ctx, doc)
	}
	return doc, nil
}

// contract checks what can be known without opening the file.
func (p *Pipeline) contract(doc ledger.Document) *engines.Error {
	switch limit := int64(p.Config.Limits.MaxFileMB) << 20; {
	case doc.Size == 0:
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeEmpty,
			Sentence: "The file is empty. Scan or copy it again."}
	case doc.MIME == "":
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
			Sentence: "The file's content is none of PDF, TIFF, JPEG or PNG, whatever its name says."}
	case limit > 0 && doc.Size > limit:
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: fmt.Sprintf("The file has %d MB; the limit is %d MB (limits.max_file_mb).", doc.Size>>20, p.Config.Limits.MaxFileMB)}
	}
	return nil
}

// nextTry is when the ledger should offer the document again.
func (p *Pipeline) nextTry(doc ledger.Document) time.Time {
	return p.Policy.NextTry(time.Now(), doc.Attempts+1, rand.Float64())
}

func failure(stage string, e *engines.Error) ledger.Failure {
	return ledger.Failure{Kind: string(e.Kind), Code: e.Code, Stage: stage, Sentence: e.Sentence, Detail: e.Error()}
}
