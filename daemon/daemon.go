package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"intray/daemon/config"
	"intray/daemon/extract"
	"intray/daemon/handover"
	"intray/daemon/intake"
	"intray/daemon/originals"
	"intray/daemon/pages"
	"intray/daemon/pipeline"
	"intray/daemon/retention"
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
	services  map[string]*pipeline.Service
	owner     string
	room      *intake.Room
	fronts    []*intake.Front
	ready     atomic.Bool
}

// openHouse opens what stands on disk and sets free what a crash left in hand.
// cache is the folder for what can be made anew: compiled code, unpacked models.
func openHouse(cfg *config.Config, cache string, known kinds, log *slog.Logger) (_ *house, err error) {
	if err := checkEngines(cfg, cache, known, log); err != nil {
		return nil, err
	}
	h := &house{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.services, err = services(cfg, known, log); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if h.ledger, err = ledger.Open(filepath.Join(cfg.DataDir, "ledger.db"), ledger.Options{Messages: handover.Messages(cfg)}); err != nil {
		if errors.Is(err, ledger.ErrLocked) {
			return nil, fmt.Errorf("another Intray uses the data folder %s: %w", cfg.DataDir, err)
		}
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if h.owner, err = ownerName(h.ledger, cfg.DataDir); err != nil {
		return nil, err
	}
	rescued, err := h.ledger.Rescue("pid " + strconv.Itoa(os.Getpid()))
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
	h.pipeline, err = newPipeline(h)
	return h, err
}

func newPipeline(h *house) (*pipeline.Pipeline, error) {
	specs, err := engineSpecs(h.cfg)
	if err != nil {
		return nil, err
	}
	extractor, err := extract.New(h.cfg.Classes)
	if err != nil {
		return nil, err
	}
	classes, err := compileClasses(h.cfg)
	if err != nil {
		return nil, err
	}
	return &pipeline.Pipeline{
		Classes: classes, Extractor: extractor,
		Config: h.cfg, Ledger: h.ledger, Originals: h.originals, Workers: h.pool, Engines: specs, Services: h.services, Results: resultsOf(h.cfg),
		WorkDir: workDir(h.cfg), Owner: h.owner, Producer: "Intray " + version(),
		Policy: ledger.Policy{Base: h.cfg.Retry.Base.Std(), Cap: h.cfg.Retry.Cap.Std(),
			MaxAttempts: h.cfg.Retry.MaxAttempts, Jitter: h.cfg.Retry.Jitter},
		// More documents than workers: a single page gets its turn while long
		// files are being read.
		Parallel: max(16, 4*workers(h.cfg)), Log: h.log,
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
	for _, s := range h.services {
		errs = append(errs, s.Provider.Close())
	}
	if h.ledger != nil {
		errs = append(errs, h.ledger.Close())
	}
	return errors.Join(errs...)
}

// run works until ctx is done.
//
//	start: ledger, rescue, workers (openHouse), then intake, watcher, web, webhooks
//	stop:  watcher and intake, documents in hand (soft, then hard), web and webhooks, workers,
//	       cloud engines, ledger (close)
func (h *house) run(ctx context.Context) (err error) {
	if err := h.pipeline.Prepare(); err != nil {
		return err
	}
	if err := h.openFronts(); err != nil {
		return err
	}
	// The web side outlives the work, so that a stop can be watched.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	served, called := make(chan error, 1), make(chan error, 1)
	if err := h.serve(serving, served); err != nil {
		return err
	}
	if err := h.listenForCallbacks(serving, called); err != nil {
		stopServing()
		return errors.Join(err, <-served)
	}
	var group sync.WaitGroup
	failed := make(chan error, len(h.fronts)+3)
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	for _, room := range h.pipeline.Rooms() {
		if err := room.Prepare(); err != nil {
			h.log.Error("Decisions on documents in review cannot be made there yet.", "folder", room.Dir, "error", err)
		}
		group.Go(func() { room.Run(watching) })
	}
	for _, f := range h.fronts {
		group.Go(func() { failed <- f.Run(watching) })
	}
	soft, stopSoft := context.WithCancel(ctx)
	defer stopSoft()
	hard, stopHard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHard()
	group.Go(func() { failed <- h.pipeline.Run(soft, hard, false) })
	group.Go(func() { h.keepHouse(watching) })
	outbox := &handover.Desk{Config: h.cfg, Ledger: h.ledger, Log: h.log}
	group.Go(func() { failed <- outbox.Run(soft) })
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
	return errors.Join(err, <-served, <-called)
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
	server := &web.Server{Ledger: h.ledger, Token: token, Ready: h.ready.Load, Actions: h.actions(), Log: h.log}
	go func() { served <- server.Serve(ctx, l, h.cfg.Web.Listen) }()
	return nil
}

// actions is what the API can have done.
func (h *house) actions() web.Actions {
	return web.Actions{
		Retry: func(id, actor string) (ledger.Document, error) {
			return retryDocument(h.ledger, h.originals, h.log, id, actor)
		},
		Tell: func(ids []string) (int, error) { return tellAgain(h.ledger, ids) },
		Decide: func(ctx context.Context, id, verb string, q web.DecisionRequest) (ledger.Document, error) {
			return decide(ctx, h.pipeline, id, verb, "api", q)
		},
		Purge: func(ctx context.Context, ids []string, dry bool) (any, error) {
			return purge(ctx, h.purger(), ids, "api", dry)
		},
		Backup: h.ledger.Backup,
		Stats: func() (any, error) {
			s, err := statsOf(h.ledger, slices.Sorted(maps.Keys(h.services)), h.services)
			s.Running, s.Intake = true, &intakeStats{Paused: h.room.Paused(), Waiting: map[string]int{}}
			for _, f := range h.fronts {
				s.Intake.Waiting[f.Name()] = f.Waiting()
			}
			return s, err
		},
	}
}

func (h *house) purger() *retention.Purger {
	return &retention.Purger{Config: h.cfg, Ledger: h.ledger, Originals: h.originals, Results: resultsOf(h.cfg), Log: h.log}
}

const (
	// keepCallbacks is how long callbacks are remembered, to know them again.
	keepCallbacks = 30 * 24 * time.Hour
	// housekeeping is how often retention is looked at.
	housekeeping = time.Hour
	// A ledger is compacted when this much of it, in bytes, and half of it is free.
	worthCompacting = 64 << 20
)

// keepHouse purges what was kept long enough, at the start and then every
// hour, and gives the ledger's free space back.
func (h *house) keepHouse(ctx context.Context) {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	for {
		removed, err := h.purger().Due(ctx, time.Now(), false)
		if err != nil && ctx.Err() == nil {
			h.log.Error("What was kept long enough could not be purged.", "error", err)
		}
		if len(removed) > 0 {
			h.log.Info("Purged what was kept long enough.", "count", len(removed))
		}
		if err := h.ledger.ForgetCallbacks(time.Now().Add(-keepCallbacks)); err != nil {
			h.log.Error("Old callbacks could not be forgotten.", "error", err)
		}
		if size, free, err := h.ledger.Space(); err == nil && free > worthCompacting && free > size/2 {
			if err := h.ledger.Compact(); err != nil {
				h.log.Error("The ledger could not be compacted.", "error", err)
			} else {
				h.log.Info("The ledger was compacted.", "before_mb", size>>20, "free_mb", free>>20)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func tokenPath(cfg *config.Config) string { return filepath.Join(cfg.DataDir, "api-token") }

// takers is how many files of one folder are taken at once: enough for their
// syncs to disk to share the wait.
const takers = 8

// openFronts makes ready to watch the hot folders.
func (h *house) openFronts() error {
	h.room = &intake.Room{Dir: h.originals.Dir(), MinFree: uint64(h.cfg.MinFreeMB) << 20, Log: h.log}
	in := &intake.Intake{Ledger: h.ledger, Originals: h.originals, Room: h.room, Owner: h.owner, Sniff: pages.Sniff, Log: h.log}
	for _, f := range h.cfg.Folders {
		folder := intake.Folder{Name: f.Name, Path: f.Path, After: intake.After(f.After), Archive: f.Archive,
			Again: f.OnDuplicate == "again", ClaimExpiry: f.ClaimExpiry.Std()}
		skip := []string{f.Output, f.Review, f.Failed}
		if folder.After == intake.Archive {
			skip = append(skip, f.Archive)
		}
		front, err := intake.NewFront(in, folder, watcher.Options{Settle: f.Settle.Std(), SettleMax: f.SettleMax.Std(), Sweep: f.Sweep.Std(),
			Mode: watcher.Mode(f.Notify), Takers: takers, Skip: skip})
		if err != nil {
			return err
		}
		h.fronts = append(h.fronts, front)
	}
	return nil
}

// realLoops checks the folders once more as they are on disk: behind a link, a
// folder of results may be the hot folder itself.
func realLoops(cfg *config.Config) error {
	real := *cfg
	real.Folders = slices.Clone(cfg.Folders)
	for i := range real.Folders {
		f := &real.Folders[i]
		for _, path := range []*string{&f.Path, &f.Output, &f.Review, &f.Failed, &f.Archive} {
			if resolved, err := filepath.EvalSymlinks(*path); err == nil {
				*path = resolved
			}
		}
	}
	if problems := real.Validate(); len(problems) > 0 {
		for i := range problems {
			problems[i].File = "the folders as they are on disk"
		}
		return &config.Problems{All: problems}
	}
	return nil
}

// ownerName tells this Intray from others that watch the same folders. A copy
// of the data folder, as a cloned machine has, is another Intray.
func ownerName(l *ledger.Ledger, dataDir string) (string, error) {
	id, err := l.Identity()
	if err != nil {
		return "", fmt.Errorf("read the ledger's identity: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "" // the rest is telling enough
	}
	sum := sha256.Sum256([]byte(id + "\x00" + host + "\x00" + dataDir))
	return hex.EncodeToString(sum[:])[:intake.OwnerLength], nil
}
