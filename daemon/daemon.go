package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"intray/daemon/config"
	"intray/daemon/intake"
	"intray/daemon/originals"
	"intray/daemon/pages"
	"intray/daemon/pipeline"
	"intray/daemon/web"
	"intray/daemon/worker"
	"intray/ledger"
	"intray/watcher"
)

// softStop is how long a stop waits for documents in hand before it
// interrupts them; their finished pages are kept either way.
const softStop = 20 * time.Second

// house is every long-lived room, opened in order.
type house struct {
	cfg       *config.Config
	log       *slog.Logger
	ledger    *ledger.Ledger
	originals *originals.Store
	pool      *worker.Pool
	pipeline  *pipeline.Pipeline
	ready     atomic.Bool
}

// openHouse opens what stands on disk and sets free what a crash left in hand.
// cache is the folder of compiled code.
func openHouse(cfg *config.Config, cache string, log *slog.Logger) (_ *house, err error) {
	if err := checkEngines(cfg, log); err != nil {
		return nil, err
	}
	h := &house{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if h.ledger, err = ledger.Open(filepath.Join(cfg.DataDir, "ledger.db"), ledger.Options{}); err != nil {
		if errors.Is(err, ledger.ErrLocked) {
			return nil, fmt.Errorf("another Intray uses the data folder %s: %w", cfg.DataDir, err)
		}
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	owner := fmt.Sprintf("%d", os.Getpid())
	rescued, err := h.ledger.Rescue(owner)
	if err != nil {
		return nil, fmt.Errorf("rescue interrupted documents: %w", err)
	}
	for _, doc := range rescued {
		log.Info("Going on with a document that was interrupted.", "file", doc.Path, "folder", doc.Folder, "document", doc.ID)
	}
	if h.originals, err = originals.Open(filepath.Join(cfg.DataDir, "originals")); err != nil {
		return nil, fmt.Errorf("open store of originals: %w", err)
	}
	if h.pool, err = newPool(cfg, cache, log); err != nil {
		return nil, err
	}
	h.pipeline, err = newPipeline(h, owner)
	return h, err
}

func newPipeline(h *house, owner string) (*pipeline.Pipeline, error) {
	specs, err := engineSpecs(h.cfg)
	if err != nil {
		return nil, err
	}
	return &pipeline.Pipeline{
		Config: h.cfg, Ledger: h.ledger, Originals: h.originals, Workers: h.pool, Engines: specs,
		WorkDir: filepath.Join(h.cfg.DataDir, "work"), Owner: owner, Producer: "Intray " + version(),
		Policy: ledger.Policy{Base: h.cfg.Retry.Base.Std(), Cap: h.cfg.Retry.Cap.Std(),
			MaxAttempts: h.cfg.Retry.MaxAttempts, Jitter: h.cfg.Retry.Jitter},
		// More documents than workers: a single page gets its turn while long
		// files are being read.
		Parallel: 4 * workers(h.cfg), Log: h.log,
	}, nil
}

// close ends the workers and, last, the ledger.
func (h *house) close() error {
	var errs []error
	if h.pool != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		errs = append(errs, h.pool.Close(ctx))
		cancel()
	}
	if h.ledger != nil {
		errs = append(errs, h.ledger.Close())
	}
	return errors.Join(errs...)
}

// run works until ctx is done.
//
//	start: ledger, rescue, workers (openHouse), then intake, watcher, web
//	stop:  watcher and intake, documents in hand (soft, then hard), web, workers, ledger (close)
func (h *house) run(ctx context.Context) error {
	if err := h.sweepWork(); err != nil {
		return err
	}
	in := &intake.Intake{Ledger: h.ledger, Originals: h.originals, MinFree: uint64(h.cfg.MinFreeMB) << 20, Sniff: pages.Sniff, Log: h.log}
	watchers, err := h.watchers(in)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	failed := make(chan error, len(watchers)+2)
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	for _, w := range watchers {
		group.Go(func() { failed <- w.run(watching) })
	}
	// The web side outlives the work, so that a stop can be watched.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	served := make(chan error, 1)
	if err := h.serve(serving, served); err != nil {
		return err
	}
	soft, stopSoft := context.WithCancel(ctx)
	defer stopSoft()
	hard, stopHard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHard()
	group.Go(func() { failed <- h.pipeline.Run(soft, hard, false) })
	h.ready.Store(true)

	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	h.ready.Store(false)
	h.log.Info("Stopping: no new files are taken; work in hand is finished first.")
	stopWatching()
	stopSoft()
	timer := time.AfterFunc(softStop, stopHard)
	group.Wait()
	timer.Stop()
	stopServing()
	return errors.Join(err, <-served)
}

// sweepWork removes page results of documents that are finished.
func (h *house) sweepWork() error {
	dir := h.pipeline.WorkDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list work folder: %w", err)
	}
	for _, e := range left {
		doc, err := h.ledger.Get(e.Name())
		if err == nil && (doc.State == ledger.Validated || doc.State == ledger.FailedRetryable || doc.State == ledger.Received) {
			continue // its finished pages are still good
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("clear work folder: %w", err)
		}
	}
	return nil
}

func (h *house) serve(ctx context.Context, served chan<- error) error {
	if h.cfg.Web.Listen == "" {
		served <- nil
		return nil
	}
	token, err := web.Token(tokenPath(h.cfg))
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.cfg.Web.Listen)
	if err != nil {
		// Scans must go on even when the port is taken.
		h.log.Error("The local page and API are off: the address cannot be used.", "listen", h.cfg.Web.Listen, "error", err)
		served <- nil
		return nil
	}
	server := &web.Server{Ledger: h.ledger, Token: token, Ready: h.ready.Load, Log: h.log}
	go func() { served <- server.Serve(ctx, l) }()
	return nil
}

func tokenPath(cfg *config.Config) string { return filepath.Join(cfg.DataDir, "api-token") }

// watched is one hot folder.
type watched struct {
	*watcher.Watcher
	folder config.Folder
	in     *intake.Intake
	log    *slog.Logger
	told   map[string]string // why a file waits, so that it is logged once
}

func (h *house) watchers(in *intake.Intake) ([]*watched, error) {
	var out []*watched
	for _, f := range h.cfg.Folders {
		if err := in.Recover(f.Name, f.Path); err != nil {
			return nil, err
		}
		w, err := watcher.New(watcher.Options{Folder: f.Path, Settle: f.Settle.Std(), SettleMax: f.SettleMax.Std(),
			Sweep: f.Sweep.Std(), Skip: []string{f.Output, f.Review, f.Failed}, Log: h.log.With("folder", f.Name)})
		if err != nil {
			return nil, fmt.Errorf("watch folder %s: %w", f.Name, err)
		}
		out = append(out, &watched{Watcher: w, folder: f, in: in, log: h.log, told: map[string]string{}})
	}
	return out, nil
}

func (w *watched) run(ctx context.Context) error {
	w.log.Info("Watching.", "folder", w.folder.Name, "path", w.folder.Path, "output", w.folder.Output)
	if err := w.Run(ctx, func(f watcher.File) { w.take(ctx, f) }); err != nil && ctx.Err() == nil {
		return fmt.Errorf("watch folder %s: %w", w.folder.Name, err)
	}
	return nil
}

// take takes one settled file, or asks for it again.
func (w *watched) take(ctx context.Context, f watcher.File) {
	doc, err := w.in.Take(ctx, w.folder.Name, f)
	var again *intake.Again
	switch {
	case errors.As(err, &again):
		if w.told[f.Rel] != again.Reason {
			w.told[f.Rel] = again.Reason
			w.log.Warn("A file waits in the hot folder.", "file", f.Rel, "folder", w.folder.Name, "why", again.Error())
		}
		w.Again(f.Rel, again.After)
		return
	case err != nil:
		if ctx.Err() == nil {
			w.log.Error("A file could not be taken in.", "file", f.Rel, "folder", w.folder.Name, "error", err)
		}
		w.Again(f.Rel, time.Minute)
		return
	}
	delete(w.told, f.Rel)
	if doc.State == ledger.Duplicate {
		w.log.Info("Already known; nothing to do.", "file", f.Rel, "folder", w.folder.Name, "document", doc.ID, "first", doc.DuplicateOf)
		return
	}
	w.log.Info("Taken in.", "file", f.Rel, "folder", w.folder.Name, "document", doc.ID, "bytes", doc.Size)
}
