package daemon

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"intray/daemon/config"
	"intray/daemon/extract"
	"intray/daemon/handover"
	"intray/daemon/private"
	"intray/daemon/web"
)

// keeper runs the house under the configuration in force, and moves it to the new
// one when the file changes. As a service it does not end while it cannot work:
// a service that fails to start is seen by nobody, and has installers roll back.
type keeper struct {
	path    string // of the configuration
	service bool   // nobody watches: what is wrong at the start is said and waited for
	kinds   kinds
	out     *console
	log     *slog.Logger
	level   *slog.LevelVar
	started time.Time
	logged  *config.Config // what the log was opened by; that part holds until the end
	asked   chan os.Signal // somebody asks for the file to be read again
	read    []byte         // the file that was read last; nil when it could not be
	warned  []byte         // the file whose warnings were told

	signedIn web.Sessions

	mu      sync.Mutex
	trouble string
}

const (
	// lookAgain is how often what cannot work is tried without being asked.
	lookAgain = 30 * time.Second
	// fileRest is how often the file is looked at; it is read when it rested that long:
	// half a file may be a configuration without its last folders.
	fileRest = 2 * time.Second
)

// condition is how the daemon stands to its configuration, for stats and pages.
type condition struct {
	Started time.Time `json:"started"`
	File    string    `json:"file"`
	// Problem says why the file as it is now is not in force; "" while it is.
	Problem string `json:"problem"`
}

func (k *keeper) condition() condition {
	k.mu.Lock()
	defer k.mu.Unlock()
	return condition{k.started, k.path, k.trouble}
}

func (k *keeper) setTrouble(why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trouble = why
}

// load reads the file and what it names, as far as that can be done beside a house
// that works: what is found wrong here leaves the one before in force.
func (k *keeper) load() (*config.Config, []config.Warning, error) {
	cfg, warnings, data, err := config.LoadBytes(k.path)
	k.read = data
	if err == nil {
		err = k.trustworthy()
	}
	if err == nil {
		err = realLoops(cfg)
	}
	if err == nil {
		err = handover.CheckSecrets(cfg)
	}
	if err == nil {
		_, err = certificateOf(cfg.Web)
	}
	if err != nil {
		return nil, nil, usage(err)
	}
	return cfg, warnings, nil
}

// trustworthy is an error for a service that would obey whoever wrote the machine's
// configuration before an administrator saw to its folder. A file that the service was
// told of by name was chosen by whoever installed it.
func (k *keeper) trustworthy() error {
	if !k.service || !strings.EqualFold(k.path, config.SystemFile()) {
		return nil
	}
	foreign, err := private.Foreign(k.path)
	if foreign {
		err = fmt.Errorf("%s was not put there by an administrator, so the service does not obey it; "+
			"`intray init %q`, by an administrator, puts it aside and writes a new one", k.path, filepath.Dir(k.path))
	}
	return err
}

// reload is load for a daemon that has its log. What can only be had by a new start
// keeps its value. h, if not nil, is the house that works, and would have to close for a
// configuration that no other can open under.
func (k *keeper) reload(h *house) (*config.Config, error) {
	cfg, warnings, err := k.load()
	if err == nil && h != nil {
		err = rehearse(cfg, cacheFolder(h.cfg), k.kinds)
	}
	if err != nil {
		return nil, err
	}
	news := !bytes.Equal(k.read, k.warned) // else they were told, and would be every time what cannot work is tried
	k.warn(warnings)
	k.level.Set(level(cfg.LogLevel))
	var kept []string
	keep(&kept, "log_format", &cfg.LogFormat, k.logged.LogFormat)
	keep(&kept, "log_file", &cfg.LogFile, k.logged.LogFile)
	keep(&kept, "log_file_mb", &cfg.LogFileMB, k.logged.LogFileMB)
	keep(&kept, "log_files", &cfg.LogFiles, k.logged.LogFiles)
	if news && len(kept) > 0 {
		k.log.Warn("Some changes of the configuration take effect at the next start only.", "keys", strings.Join(kept, ", "))
	}
	return cfg, nil
}

// rehearse finds what openHouse would not accept of a configuration, as far as that can
// be seen beside a house that works.
func rehearse(cfg *config.Config, cache string, known kinds) error {
	silent := slog.New(slog.DiscardHandler) // opening says the rest
	if _, err := checkEngines(cfg, cache, known, silent); err != nil {
		return err
	}
	cloud, err := services(cfg, known, silent)
	for _, s := range cloud {
		_ = s.Provider.Close() // it was asked nothing
	}
	if err != nil {
		return err
	}
	if _, err := extract.New(cfg.Classes); err != nil {
		return err
	}
	_, err = compileClasses(cfg)
	return err
}

// warn tells the warnings of a file once.
func (k *keeper) warn(warnings []config.Warning) {
	if bytes.Equal(k.read, k.warned) {
		return
	}
	k.warned = k.read
	for _, w := range warnings {
		k.log.Warn("The configuration deserves a look.", "warning", w.String())
	}
}

func keep[T comparable](kept *[]string, key string, value *T, old T) {
	if *value != old {
		*kept = append(*kept, key)
		*value = old
	}
}

// open opens the house.
func (k *keeper) open(cfg *config.Config) (*house, error) {
	h, err := openHouse(cfg, cacheFolder(cfg), k.kinds, k.log)
	if err != nil {
		return nil, withStrangers(err, cfg.DataDir)
	}
	h.condition, h.signedIn = k.condition, &k.signedIn
	watchProgress(h, k.out)
	return h, nil
}

// cacheFolder holds what can be made anew: where systemd says (CacheDirectory= in
// systemd.exec(5)), else with the data.
func cacheFolder(cfg *config.Config) string {
	return cmp.Or(os.Getenv("CACHE_DIRECTORY"), filepath.Join(cfg.DataDir, "cache"))
}

// run works until ctx is done. h is the open house, or nil and why says what keeps
// it closed. What worked once is waited for also in a terminal: a changed file that
// is mended a minute later ends nothing.
func (k *keeper) run(ctx context.Context, h *house, why error) error {
	watched, stopWatch := context.WithCancel(ctx)
	changed := make(chan struct{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		k.watchFile(watched, changed)
	}()
	defer func() { stopWatch(); <-gone }()
	waits := k.service
	for {
		if h == nil {
			if h = k.wait(ctx, why, changed); h == nil {
				return nil
			}
		}
		next, err := k.work(ctx, h, changed)
		switch {
		case ctx.Err() != nil || next == nil && !waits:
			return err
		case next == nil:
			h, why = nil, err
		default:
			if err != nil {
				k.log.Error("The work did not end well before the new configuration.", "error", err)
			}
			if next.DataDir != h.cfg.DataDir {
				k.log.Warn("The data folder is another now. Documents stay in the one before, finished or not, and go on only under it.",
					"data_dir", next.DataDir, "before", h.cfg.DataDir)
			}
			waits = true
			h, why = k.open(next)
		}
	}
}

// work has the house work until ctx is done, it fails, or there is a new
// configuration, and closes it.
func (k *keeper) work(ctx context.Context, h *house, changed <-chan struct{}) (next *config.Config, err error) {
	k.setTrouble("")
	inForce := k.read
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- h.run(working) }()
	for next == nil {
		unchanged := false
		select {
		case err := <-ended:
			if err == nil && ctx.Err() == nil {
				err = errors.New("the work ended by itself")
			}
			return nil, withStrangers(errors.Join(err, h.close()), h.cfg.DataDir)
		case <-changed:
			data, err := config.Read(k.path)
			if err == nil && k.read != nil && bytes.Equal(data, k.read) {
				continue // touched, or changed and changed back
			}
			unchanged = err == nil && inForce != nil && bytes.Equal(data, inForce)
		case <-k.asked:
		}
		cfg, err := k.reload(h)
		if err != nil {
			k.setTrouble(err.Error())
			k.complain("The configuration was changed and has errors; the one before stays in force.", err)
			continue
		}
		if unchanged { // put right by putting it back: nobody's work is interrupted for that
			k.setTrouble("")
			k.log.Info("The configuration is again the one in force.", "file", k.path)
			continue
		}
		next = cfg
	}
	k.log.Info("The configuration was read anew; work goes on under it.", "file", k.path)
	stop()
	return next, errors.Join(<-ended, h.close())
}

// wait says why nothing can be done and waits for it to be mended. It returns an open
// house, or nil when ctx is done.
func (k *keeper) wait(ctx context.Context, why error, changed <-chan struct{}) *house {
	told := ""
	closePage := func() {}
	defer func() { closePage() }()
	for {
		k.setTrouble(why.Error())
		if why.Error() != told {
			told = why.Error()
			closePage() // the address may be another now
			closePage = k.showTrouble(ctx)
			k.complain("Intray cannot work. It goes on by itself when this is mended.", why)
		}
		again := time.NewTimer(lookAgain)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil
		case <-changed:
		case <-k.asked:
		case <-again.C:
		}
		again.Stop()
		cfg, err := k.reload(nil)
		if err == nil {
			var h *house
			if h, err = k.open(cfg); err == nil {
				return h
			}
		}
		why = err
	}
}

// complain logs an error; each problem of a configuration has a line of its own.
func (k *keeper) complain(sentence string, why error) {
	var problems *config.Problems
	if !errors.As(why, &problems) {
		k.log.Error(sentence, "error", why)
		return
	}
	for _, p := range problems.All {
		k.log.Error(sentence, "error", p.String())
	}
}

// showTrouble answers on the page's address for as long as nothing works; the
// function it returns ends that.
func (k *keeper) showTrouble(ctx context.Context) (end func()) {
	address := config.Salvage(k.path).Web.Local().Listen
	if address == "" {
		return func() {}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		k.log.Error("The local page is off: the address cannot be used.", "listen", address, "error", err)
		return func() {}
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan struct{})
	page := &web.Degraded{Server: &web.Server{Address: address, Log: k.log}, Why: func() string { return k.condition().Problem }}
	go func() {
		defer close(served)
		if err := page.Serve(serving, l); err != nil {
			k.log.Error("The local page ended.", "error", err)
		}
	}()
	return func() { stop(); <-served }
}

// watchFile tells of each change of the file once it rests. Looking is as good as
// being told here, and sees what links and network folders lead to.
func (k *keeper) watchFile(ctx context.Context, changed chan<- struct{}) {
	tick := time.NewTicker(fileRest)
	defer tick.Stop()
	seen, pending := stateOf(k.path), true // it may have changed since it was read
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := stateOf(k.path)
		if !now.same(seen) {
			seen, pending = now, true
			continue
		}
		if !pending {
			continue
		}
		select {
		case changed <- struct{}{}:
			pending = false
		case <-ctx.Done():
			return
		case <-tick.C: // nobody listens just now: later
		}
	}
}

// fileState is another when the file was written, or replaced by one of the same size
// and time, as links that are turned to the next release lead to.
type fileState struct{ info os.FileInfo } // nil when there is none

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{} // as if it were not there
	}
	return fileState{info}
}

func (s fileState) same(o fileState) bool {
	if s.info == nil || o.info == nil {
		return s.info == o.info
	}
	return os.SameFile(s.info, o.info) && s.info.ModTime().Equal(o.info.ModTime()) && s.info.Size() == o.info.Size() && s.info.Mode() == o.info.Mode()
}

// outdated says why the configuration file as it is now is not in force, "" while it is.
func (h *house) outdated() string { return h.condition().Problem }
