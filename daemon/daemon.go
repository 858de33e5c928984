package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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
	"intray/daemon/metrics"
	"intray/daemon/originals"
	"intray/daemon/pages"
	"intray/daemon/pipeline"
	"intray/daemon/private"
	"intray/daemon/retention"
	"intray/daemon/search"
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
	kinds     kinds
	metrics   *metrics.Metrics
	search    *search.Follower // nil when its index cannot be opened
	owner     string
	room      *intake.Room
	intake    *intake.Intake
	fronts    []*intake.Front
	events    *web.Events
	ready     atomic.Bool
	missing   []demand // what was asked for and not installed at the start
	// signedIn outlives the house, so that a new configuration signs nobody out; nil ends with it.
	signedIn *web.Sessions
	// condition is how the daemon stands to its configuration.
	condition func() condition
}

// openHouse opens what stands on disk and sets free what a crash left in hand.
// cache is the folder for what can be made anew: compiled code, unpacked models.
func openHouse(cfg *config.Config, cache string, known kinds, log *slog.Logger) (_ *house, err error) {
	missing, err := checkEngines(cfg, cache, known, log)
	if err != nil {
		return nil, err
	}
	h := &house{cfg: cfg, missing: missing, log: log, kinds: known, metrics: metrics.New(version()), events: web.NewEvents(rememberEvents),
		condition: func() condition { return condition{} }}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.services, err = services(cfg, known, log); err != nil {
		return nil, err
	}
	if err := makeDataDir(cfg.DataDir, log); err != nil {
		return nil, err
	}
	if h.ledger, err = ledger.Open(filepath.Join(cfg.DataDir, "ledger.db"), ledger.Options{Messages: handover.Messages(cfg), Observe: h.observe}); err != nil {
		if errors.Is(err, ledger.ErrLocked) {
			return nil, fmt.Errorf("another Intray uses the data folder %s: %w", cfg.DataDir, err)
		}
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if u := h.ledger.Upgraded(); u != nil {
		log.Info("The ledger of an older Intray was brought up to date; a copy of it as it was is kept.", "schema", u.To, "was", u.From, "copy", u.Copy)
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

// makeDataDir makes the folder for the service's account alone. Rights that cannot
// be set keep nobody from working: the folder may lie where there are none.
func makeDataDir(dir string, log *slog.Logger) error {
	err := private.Folder(dir)
	if info, missing := os.Stat(dir); missing != nil || !info.IsDir() {
		return fmt.Errorf("make data folder: %w", errors.Join(err, missing))
	}
	if err != nil {
		log.Warn("The data folder cannot be kept to the service's account: others may read it.", "folder", dir, "error", err)
	}
	if owner, me := private.Owner(dir), private.Me(); owner != me && os.Geteuid() == 0 {
		log.Warn("The data folder is another user's. A service that runs as that user will not be able to use what is written now; stop, and start Intray as that user.",
			"folder", dir, "user", owner, "runs_as", me)
	}
	return nil
}

// strangers is a sentence about files in the data folder that the service's user may not
// use, "" without one.
func strangers(dir string) string {
	path, owner := private.Stranger(dir)
	if path == "" {
		return ""
	}
	host := private.Owner(dir)
	return fmt.Sprintf("%s belongs to %s and the data folder to %s, as after a command that %s ran: `chown -R %s: %s` gives everything there back",
		path, owner, host, owner, host, dir)
}

// withStrangers adds it to an error that may come of it.
func withStrangers(err error, dir string) error {
	if errors.Is(err, fs.ErrPermission) {
		if why := strangers(dir); why != "" {
			return fmt.Errorf("%w. %s", err, why)
		}
	}
	return err
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

// observe is told each event of the ledger.
func (h *house) observe(e ledger.Event, d ledger.Document) {
	h.metrics.Observe(e, d)
	h.events.Observe(e, d)
}

// workersEnd is how long a stop waits for the worker processes. It is longer than the
// pool lets one take to end by itself: that one was slow is no fault of the stop.
const workersEnd = 15 * time.Second

// close ends the workers and, last, the ledger.
func (h *house) close() error {
	var errs []error
	if h.pool != nil {
		ctx, cancel := context.WithTimeout(context.Background(), workersEnd)
		errs = append(errs, h.pool.Close(ctx))
		cancel()
	}
	for _, s := range h.services {
		errs = append(errs, s.Provider.Close())
	}
	if h.search != nil {
		errs = append(errs, h.search.Index.Close())
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
	h.tellMissing()
	h.tellLeft()
	if err := h.pipeline.Prepare(); err != nil {
		return err
	}
	if err := h.openFronts(); err != nil {
		return err
	}
	if err := h.figures(); err != nil {
		return err
	}
	if h.search, err = openSearch(h.cfg, h.ledger, h.log); err != nil {
		h.log.Error("Search is off: its index cannot be opened.", "error", err)
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
	soft, stopSoft := context.WithCancel(ctx)
	defer stopSoft()
	hard, stopHard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHard()
	group.Go(func() { failed <- h.pipeline.Run(soft, hard, false) })
	group.Go(func() { h.keepHouse(watching) })
	if h.search != nil {
		group.Go(func() { h.search.Run(watching) })
	}
	group.Go(func() { h.deleteLeft(watching) })
	group.Go(func() { h.pipeline.Compare(soft) })
	outbox := &handover.Desk{Config: h.cfg, Ledger: h.ledger, Log: h.log}
	group.Go(func() { failed <- outbox.Run(soft) })
	giveBack()
	group.Go(func() { giveBackLater(watching) })
	for _, f := range h.fronts {
		group.Go(func() { failed <- f.Run(watching) })
	}
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

// tellLeft says at the start which documents nobody can decide on, because their folder
// was taken out of the configuration.
func (h *house) tellLeft() {
	counts, err := h.ledger.FolderCounts()
	if err != nil {
		h.log.Error("The documents of each folder cannot be counted.", "error", err)
		return
	}
	for folder, states := range counts {
		known := slices.ContainsFunc(h.cfg.Folders, func(f config.Folder) bool { return f.Name == folder })
		if n := states[ledger.NeedsHumanReview]; n > 0 && !known {
			h.log.Warn("Documents in review wait for their folder, which is not in the configuration any more; put its section back to decide on them.",
				"folder", folder, "documents", n)
		}
	}
}

// giveBackLater does it once more when the start is really over.
func giveBackLater(ctx context.Context) {
	select {
	case <-time.After(startOver):
		giveBack()
	case <-ctx.Done():
	}
}

// startOver is when what runs at the start only has run.
const startOver = 10 * time.Second

func (h *house) purger() *retention.Purger {
	return &retention.Purger{Config: h.cfg, Ledger: h.ledger, Originals: h.originals, Results: resultsOf(h.cfg), Log: h.log}
}

const (
	// keepCallbacks is how long callbacks are remembered, to know them again.
	keepCallbacks = 30 * 24 * time.Hour
	// keepKeys is how long an upload that is sent again is known by its key.
	keepKeys = 30 * 24 * time.Hour
	// rememberEvents is for how many events a follower may have been away.
	rememberEvents = 2000
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
		if err := h.ledger.ForgetKeys(time.Now().Add(-keepKeys)); err != nil {
			h.log.Error("Old keys of uploads could not be forgotten.", "error", err)
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

// deleteLeftEvery is how often providers are asked to delete what they did not.
const deleteLeftEvery = 10 * time.Minute

// deleteLeft has it deleted, at the start and then now and then.
func (h *house) deleteLeft(ctx context.Context) {
	tick := time.NewTicker(deleteLeftEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := h.pipeline.DeleteLeft(ctx); err != nil {
			h.log.Error("What cloud engines still have could not be looked up.", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// takers is how many files of one folder are taken at once: enough for their
// syncs to disk to share the wait.
const takers = 8

// openFronts makes ready to watch the hot folders.
func (h *house) openFronts() error {
	h.room = &intake.Room{Dir: h.originals.Dir(), MinFree: uint64(h.cfg.MinFreeMB) << 20, Log: h.log}
	h.intake = &intake.Intake{Ledger: h.ledger, Originals: h.originals, Room: h.room, Owner: h.owner, Sniff: pages.Sniff, Log: h.log}
	skip := []string{h.cfg.DataDir}
	for _, f := range h.cfg.Folders {
		for _, p := range f.Results() {
			skip = append(skip, p.Path)
		}
	}
	for _, f := range h.cfg.Folders {
		folder := hotFolderOf(f)
		front, err := intake.NewFront(h.intake, folder, watcher.Options{Settle: f.Settle.Std(), SettleMax: f.SettleMax.Std(), Sweep: f.Sweep.Std(),
			Mode: watcher.Mode(f.Notify), Takers: takers, Skip: skip})
		if err != nil {
			return err
		}
		h.fronts = append(h.fronts, front)
	}
	return nil
}

func hotFolderOf(f config.Folder) intake.Folder {
	return intake.Folder{Name: f.Name, Path: f.Path, After: intake.After(f.After), Archive: f.Archive,
		Again: f.OnDuplicate == "again", ClaimExpiry: f.ClaimExpiry.Std()}
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
