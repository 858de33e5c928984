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
	inHand map[string]bool // by Run's goroutine only
	// waiting holds documents of folders that left the configuration.
	waiting map[string]bool
}

// expireEvery is how often leases are looked at that nobody extends any more.
const expireEvery = time.Minute

// Run works until soft is done, then waits for the documents in hand until
// hard is done, which interrupts them: an interrupted document costs no
// attempt and goes on at the next start. With drain, Run also returns when no
// work is left, now or later.
func (p *Pipeline) Run(soft, hard context.Context, drain bool) error {
	p.inHand, p.waiting = map[string]bool{}, map[string]bool{}
	done := make(chan string)
	expire := time.NewTicker(expireEvery)
	defer expire.Stop()
	defer func() {
		for len(p.inHand) > 0 {
			delete(p.inHand, <-done)
		}
	}()
	for soft.Err() == nil {
		// One moment for both questions: what falls due between them would be
		// missed by both.
		now := time.Now()
		if err := p.start(hard, done, now); err != nil {
			return err
		}
		wake, stop := p.timer(now)
		if drain && len(p.inHand) == 0 && wake == nil {
			return nil
		}
		select {
		case id := <-done:
			delete(p.inHand, id)
		case <-expire.C:
			if _, err := p.Ledger.ExpireLeases(time.Now()); err != nil {
				p.Log.Error("Leases that ran out could not be taken back.", "error", err)
			}
		case <-p.Ledger.Work():
		case <-wake:
		case <-soft.Done():
		}
		stop()
	}
	return nil
}

// start puts due documents into hand, as many as there is room for.
func (p *Pipeline) start(ctx context.Context, done chan<- string, now time.Time) error {
	room := p.Parallel - len(p.inHand)
	if room <= 0 {
		return nil
	}
	due, err := p.Ledger.Due(now, room+len(p.inHand)+len(p.waiting))
	if err != nil {
		return fmt.Errorf("look for due work: %w", err)
	}
	for _, doc := range due {
		if len(p.inHand) == p.Parallel {
			break
		}
		if p.inHand[doc.ID] || p.waits(doc) {
			continue
		}
		p.inHand[doc.ID] = true
		go func() {
			defer func() { done <- doc.ID }()
			p.advance(ctx, doc)
		}()
	}
	return nil
}

// waits is true for documents of a folder that left the configuration.
func (p *Pipeline) waits(doc ledger.Document) bool {
	if _, err := p.folder(doc.Folder); err == nil {
		return false
	} else if !p.waiting[doc.ID] {
		p.waiting[doc.ID] = true
		p.Log.Warn("A document waits because its folder is not in the configuration.", "document", doc.ID, "file", doc.Path, "folder", doc.Folder)
	}
	return true
}

// timer fires when the next document that waits now is due; nil when none does.
func (p *Pipeline) timer(now time.Time) (<-chan time.Time, func()) {
	next, ok, err := p.Ledger.NextDue(now)
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
	t := time.NewTimer(30 * time.Second)
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
		// A result that only waits to be put into its folder is not given up.
		if planned := outcome(doc); planned == ledger.DeadLetter || planned == "" && p.Policy.Exhausted(doc.Attempts) {
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
