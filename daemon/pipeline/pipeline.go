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
	"os"
	"path/filepath"
	"sync"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/extract"
	"intray/daemon/originals"
	"intray/daemon/validate"
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
	// Extractor finds class and fields; nil for none.
	Extractor *extract.Extractor
	// Engines are the engines' sections by name.
	Engines map[string]worker.EngineSpec
	// Services are the cloud engines by name; Results is where answers are kept.
	Services map[string]*Service
	Results  *originals.Results
	// Classes are the configured classes' checks by name.
	Classes map[string]*validate.Class
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

	// Impatient is for runs that end: what is wrong around a document counts as
	// its own failure, so that nobody waits for it to pass.
	Impatient bool

	desk deliver.Desk
	// deciding lets one decision of a person be carried out at a time.
	deciding sync.Mutex
	// showing lets one long document at a time be read for somebody who looks.
	showing sync.Mutex
	// orphans are the ids of documents of which was said that their engine is gone.
	orphans sync.Map
	// By Run's goroutine only: the documents in hand with the turn they were
	// taken, those that rest after an error and until when, and those of folders
	// that left the configuration.
	inHand  map[string]int
	resting map[string]time.Time
	waiting map[string]bool
	turn    int
}

// ended is a document given back by its goroutine. rest is how long it is left
// alone.
type ended struct {
	id   string
	turn int
	rest time.Duration
}

// longestExpire bounds how rarely leases are looked at that nobody extends.
const longestExpire = time.Minute

// Prepare clears what a crash left in the folders of results and of work. It
// is called once, before Run.
func (p *Pipeline) Prepare() error {
	p.PrepareDesk()
	planned := func(id string) bool {
		doc, err := p.Ledger.Get(id)
		return err != nil && !errors.Is(err, ledger.ErrNotFound) || doc.Delivery != nil
	}
	for _, f := range p.Config.Folders {
		for _, root := range []string{f.Output, f.Review, f.Failed} {
			if err := p.desk.Sweep(root, planned); err != nil {
				p.Log.Warn("Unfinished results of an earlier run could not be removed.", "folder", root, "error", err)
			}
		}
	}
	return errors.Join(p.sweepWork(), p.sweepWaiting())
}

// PrepareDesk is enough for decisions on documents in review without Run.
func (p *Pipeline) PrepareDesk() {
	p.desk.Owner, p.desk.Hot = p.Owner, nil
	for _, f := range p.Config.Folders {
		p.desk.Hot = append(p.desk.Hot, f.Path)
		if real, err := filepath.EvalSymlinks(f.Path); err == nil {
			p.desk.Hot = append(p.desk.Hot, real)
		}
	}
}

// sweepWork removes page results of documents that are finished.
func (p *Pipeline) sweepWork() error {
	if err := os.MkdirAll(p.WorkDir, 0o700); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	left, err := os.ReadDir(p.WorkDir)
	if err != nil {
		return fmt.Errorf("list work folder: %w", err)
	}
	for _, e := range left {
		doc, err := p.Ledger.Get(e.Name())
		if err == nil && (doc.State == ledger.Validated || doc.State == ledger.FailedRetryable) {
			continue // its finished pages are still good
		}
		if err == nil && doc.State == ledger.NeedsHumanReview {
			if err := p.putAway(doc); err != nil {
				return err
			}
			continue
		}
		if err := os.RemoveAll(filepath.Join(p.WorkDir, e.Name())); err != nil {
			return fmt.Errorf("clear work folder: %w", err)
		}
	}
	return nil
}

// Run works until soft is done, then waits for the documents in hand until
// hard is done, which interrupts them: an interrupted document costs no
// attempt and goes on at the next start. With drain, Run also returns when no
// work is left, now or later. It does not wait for work that lost its lease.
func (p *Pipeline) Run(soft, hard context.Context, drain bool) error {
	p.inHand, p.resting, p.waiting = map[string]int{}, map[string]time.Time{}, map[string]bool{}
	done, over := make(chan ended), make(chan struct{})
	defer close(over)
	expire := time.NewTicker(min(p.Config.Lease.Std()/2, longestExpire))
	defer expire.Stop()
	defer func() {
		for len(p.inHand) > 0 {
			select {
			case e := <-done:
				p.back(e)
			case <-expire.C:
				p.expire()
			}
		}
	}()
	for soft.Err() == nil {
		// One moment for both questions: what falls due between them would be
		// missed by both.
		now := time.Now()
		if err := p.start(hard, done, over, now); err != nil {
			return err
		}
		wake, stop := p.timer(now)
		if drain && len(p.inHand) == 0 && wake == nil {
			return nil
		}
		select {
		case e := <-done:
			p.back(e)
		case <-expire.C:
			p.expire()
		case <-p.Ledger.Work():
		case <-wake:
		case <-soft.Done():
		}
		stop()
	}
	return nil
}

// back takes a document out of hand, unless it was taken away before.
func (p *Pipeline) back(e ended) {
	if p.inHand[e.id] != e.turn {
		return
	}
	delete(p.inHand, e.id)
	switch {
	case e.rest > 0 && p.Impatient:
		p.waiting[e.id] = true // for another run
	case e.rest > 0:
		p.resting[e.id] = time.Now().Add(e.rest)
	}
}

// expire takes documents away from whoever has not been heard of for the
// length of a lease. What that one answers later is refused by the ledger.
func (p *Pipeline) expire() {
	docs, err := p.Ledger.ExpireLeases(time.Now())
	if err != nil {
		p.Log.Error("Leases that ran out could not be taken back.", "error", err)
	}
	for _, doc := range docs {
		delete(p.inHand, doc.ID)
		p.Log.Warn("The work on a document stopped without a word; it is begun anew.", "document", doc.ID, "file", doc.Path, "folder", doc.Folder)
	}
}

// start puts due documents into hand, as many as there is room for.
func (p *Pipeline) start(ctx context.Context, done chan<- ended, over <-chan struct{}, now time.Time) error {
	passOver := func(id string) bool { return p.inHand[id] > 0 || p.waiting[id] || p.rests(id, now) }
	for {
		room, passed := p.Parallel-len(p.inHand), len(p.waiting)
		if room <= 0 {
			return nil
		}
		fresh, again, err := p.Ledger.Ready(now, room, passOver)
		if err != nil {
			return fmt.Errorf("look for due work: %w", err)
		}
		p.take(ctx, done, over, inTurn(fresh, again, p.turn))
		// Documents that wait for their folder must not hide those behind them.
		if len(p.waiting) == passed {
			return nil
		}
	}
}

// take puts those of the due documents into hand that can be worked on.
func (p *Pipeline) take(ctx context.Context, done chan<- ended, over <-chan struct{}, due []ledger.Document) {
	for _, doc := range due {
		if len(p.inHand) == p.Parallel {
			break
		}
		if p.waits(doc) {
			continue
		}
		p.turn++
		mine := ended{id: doc.ID, turn: p.turn}
		p.inHand[doc.ID] = p.turn
		go func() {
			mine.rest = p.advance(ctx, doc)
			select {
			case done <- mine:
			case <-over:
			}
		}()
	}
}

// rests is true for a document that is left alone after an error.
func (p *Pipeline) rests(id string, now time.Time) bool {
	until, rests := p.resting[id]
	if rests && !until.After(now) {
		delete(p.resting, id)
		return false
	}
	return rests
}

// waits is true for documents of a folder that left the configuration, and for
// those an impatient run could do nothing with.
func (p *Pipeline) waits(doc ledger.Document) bool {
	if p.Impatient && p.waiting[doc.ID] {
		return true
	}
	if _, err := p.folder(doc.Folder); err == nil {
		return false
	} else if !p.waiting[doc.ID] {
		p.waiting[doc.ID] = true
		p.Log.Warn("A document waits because its folder is not in the configuration.", "document", doc.ID, "file", doc.Path, "folder", doc.Folder)
	}
	return true
}

// timer fires when the next document that waits or rests now is due; nil when
// none does.
func (p *Pipeline) timer(now time.Time) (<-chan time.Time, func()) {
	next, ok, err := p.Ledger.NextDue(now)
	ok = ok && err == nil
	for id, until := range p.resting {
		if !until.After(now) {
			delete(p.resting, id) // it is not due any more, or it would be in hand
			continue
		}
		if !ok || until.Before(next) {
			next, ok = until, true
		}
	}
	if !ok {
		return nil, func() {}
	}
	t := time.NewTimer(time.Until(next))
	return t.C, func() { t.Stop() }
}

// restAfterError keeps a ledger or a disk that fails from being asked in a
// tight loop.
const restAfterError = 10 * time.Second

// advance moves a document on until it stands still: delivered, failed, waiting
// for its next try, or interrupted. rest is how long it should be left alone.
func (p *Pipeline) advance(ctx context.Context, doc ledger.Document) (rest time.Duration) {
	for ctx.Err() == nil {
		next, err := p.step(ctx, doc)
		var later waitsFor
		if errors.As(err, &later) {
			return max(time.Duration(later), time.Millisecond)
		}
		if err != nil {
			if errors.Is(err, ledger.ErrConflict) || ctx.Err() != nil {
				return 0
			}
			p.Log.Error("A document could not be moved on; it will be looked at again.", "document", doc.ID, "file", doc.Path, "error", err)
			return p.setFree(ctx, doc.ID)
		}
		if next.State == doc.State || !due(next) {
			return 0
		}
		doc = next
	}
	return 0
}

// setFree gives a document back whose attempt ended without a word in the
// ledger, because the ledger could not be written. It goes on trying for as
// long as that lasts, for nobody else may touch the document meanwhile.
func (p *Pipeline) setFree(ctx context.Context, id string) (rest time.Duration) {
	for {
		doc, err := p.Ledger.Get(id)
		if err == nil && (doc.State == ledger.Processing || doc.State == ledger.Submitting) && doc.LeaseOwner == p.Owner {
			_, err = p.Ledger.Apply(id, ledger.Interrupted(doc.AttemptID, "the ledger could not be written"))
		}
		if err == nil || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrNotFound) {
			return restAfterError
		}
		t := time.NewTimer(restAfterError)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return 0
		}
	}
}

func due(doc ledger.Document) bool {
	switch doc.State {
	case ledger.Received, ledger.Validated:
		return true
	case ledger.FailedRetryable, ledger.SubmittedToProvider:
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
		if folder, err := p.folder(doc.Folder); err == nil {
			name, known := p.choose(doc, folder)
			if s := p.Services[name]; known && s != nil && s.submits(doc) {
				return p.submit(ctx, doc, s)
			}
		}
		return p.process(ctx, doc)
	case ledger.SubmittedToProvider:
		return p.poll(ctx, doc)
	}
	return doc, nil
}

func failure(stage string, e *engines.Error) ledger.Failure {
	return ledger.Failure{Kind: string(e.Kind), Code: e.Code, Stage: stage, Sentence: e.Sentence, Detail: e.Error()}
}
