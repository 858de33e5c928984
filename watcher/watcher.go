// Package watcher tells when a file in a hot folder has settled: nobody has
// written to it for a while.
//
// Events are hints; the scan is the truth. Notifications make it fast, a sweep
// of the whole folder at the start and on a timer makes it certain, so that it
// works on network shares that never notify. It opens no file, moves none and
// remembers nothing across restarts.
package watcher

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Mode says how a folder is watched.
type Mode string

// Modes. Auto uses notifications and sweeps. Events sweeps only when it has
// reason to: at the start, when notifications were lost, when a folder cannot
// be watched or comes back. Poll does without notifications.
const (
	Auto   Mode = "auto"
	Events Mode = "events"
	Poll   Mode = "poll"
)

// Options of a Watcher. Zero durations take their defaults.
type Options struct {
	// Folder is the absolute path of the hot folder. Its subfolders belong to it.
	Folder string
	// Settle is how long a file must stay the same; default 2 s. An empty file
	// must stay empty for five times as long: network clients make the file
	// first and fill it later.
	Settle time.Duration
	// SettleMax is how long a file may keep changing before that is logged; it
	// is not taken even then, since half a scan is worse than a late one.
	// Default 10 min.
	SettleMax time.Duration
	// Sweep is the time between scans of the whole folder; default 30 s.
	Sweep time.Duration
	// Ignore says which files are none of ours by their path inside the folder,
	// with forward slashes; nil is DefaultIgnore.
	Ignore func(rel string) bool
	// Skip are absolute folders that are not looked into. Where a link or a mount comes
	// into Folder's place by which one that lies elsewhere would be looked into all the
	// same, Folder is as good as away.
	Skip []string
	// apart are those of Skip that do not lie in Folder.
	apart []string
	// Mode is Auto if left empty.
	Mode Mode
	// Takers is how many files are reported at once; default 1.
	Takers int
	// Known, if set, is asked about each file when it appears or changes; one it
	// knows is not reported. It must be quick.
	Known func(File) bool
	// Aside, if set, is told of each ignored file that a look finds, and says
	// whether it wants to be told again by the next sweep even in mode Events. It
	// must be quick.
	Aside func(rel string) (again bool)
	// Reached, if set, is told by each sweep whether the folder could be listed: nil,
	// or why not. It must be quick.
	Reached func(error)
	// Log is told of what a person may have to act on; nil is silence.
	Log *slog.Logger
}

// File is a settled file. Rel is its path inside the folder, with forward
// slashes; Inode and Changed, the time of the last change of any kind, are zero
// where the file system has none.
type File struct {
	Path    string
	Rel     string
	Size    int64
	ModTime time.Time
	Inode   uint64
	Changed time.Time
}

// Watcher watches one hot folder.
type Watcher struct {
	o      Options
	notify func() (*fsnotify.Watcher, error)

	mu       sync.Mutex
	requests []request
	poke     chan struct{}
}

// request is what the taker tells of a reported file: report it again, or, if
// taken, that it was dealt with.
type request struct {
	rel   string
	after time.Duration
	taken bool
}

// New checks the options. Nothing is watched before Run.
func New(o Options) (*Watcher, error) {
	if !filepath.IsAbs(o.Folder) {
		return nil, fmt.Errorf("hot folder %q is not an absolute path", o.Folder)
	}
	o.Folder = filepath.Clean(o.Folder)
	o.apart = nil
	skip := make([]string, 0, len(o.Skip))
	for _, dir := range o.Skip {
		rel, err := filepath.Rel(o.Folder, dir)
		switch {
		case err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)):
			o.apart = append(o.apart, filepath.Clean(dir)) // the hot folder may well lie in the folder of results
			continue
		case rel == ".":
			return nil, fmt.Errorf("hot folder %q is to be watched and to be skipped", o.Folder)
		}
		skip = append(skip, filepath.Clean(dir))
	}
	o.Skip = skip
	o.Settle = orDefault(o.Settle, 2*time.Second)
	o.SettleMax = orDefault(o.SettleMax, 10*time.Minute)
	o.Sweep = orDefault(o.Sweep, 30*time.Second)
	if o.Mode == "" {
		o.Mode = Auto
	}
	o.Takers = max(o.Takers, 1)
	if o.Ignore == nil {
		o.Ignore = DefaultIgnore
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{o: o, notify: fsnotify.NewWatcher, poke: make(chan struct{}, 1)}, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// Again says that a reported file could not be taken: it settles once more and
// is reported again, not before the pause is over. It may be called from the
// callback or from anywhere else.
func (w *Watcher) Again(rel string, after time.Duration) {
	w.ask(request{rel: rel, after: after})
}

func (w *Watcher) ask(r request) {
	w.mu.Lock()
	w.requests = append(w.requests, r)
	w.mu.Unlock()
	select {
	case w.poke <- struct{}{}:
	default: // a poke is waiting already
	}
}

func (w *Watcher) asked() []request {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.requests
	w.requests = nil
	return out
}

// Run watches until ctx is done and calls settled for each file, from as many
// goroutines as there are takers, never for one name at the same time; slow
// callbacks delay reports, not observations. A file is reported once until it
// changes, vanishes or Again is called for it. Run waits for the callbacks it
// is in; no goroutine is left when it returns. The error is ctx's: a folder
// that cannot be reached is waited for.
func (w *Watcher) Run(ctx context.Context, settled func(File)) error {
	s := newScanner(w.o, w.notify)
	s.listen()
	defer s.deaf()

	reports := make(chan File)
	var takers sync.WaitGroup
	for range w.o.Takers {
		takers.Go(func() {
			for f := range reports {
				settled(f)
				w.ask(request{rel: f.Rel, taken: true})
			}
		})
	}
	defer takers.Wait()
	defer close(reports)

	waiting := newQueue()
	sweep := time.NewTicker(w.o.Sweep)
	defer sweep.Stop()
	s.sweep(ctx)
	for {
		for _, f := range s.due() {
			waiting.push(f)
		}
		var out chan<- File
		head, ok := waiting.head(s.tracker.isReported)
		if ok {
			out = reports
		}
		timer := s.timer()
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case out <- head:
			waiting.take(head.Rel)
		case e := <-s.events:
			s.event(ctx, e)
		case err := <-s.failures:
			s.fail(ctx, err)
		case <-sweep.C:
			s.tick(ctx)
		case <-w.poke:
			for _, r := range w.asked() {
				if r.taken {
					waiting.taken(r.rel)
				}
				s.answer(r)
			}
		case <-timer.C:
		}
		timer.Stop()
	}
}

// DefaultIgnore is true for files that programs leave while they write or work:
// temporary and partial names, hidden files and everything in hidden folders,
// lock files of office programs, and the litter of file managers.
func DefaultIgnore(rel string) bool {
	for part := range strings.SplitSeq(rel, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "~$") {
			return true
		}
	}
	name := strings.ToLower(rel[strings.LastIndex(rel, "/")+1:])
	switch name {
	case "", "thumbs.db", "desktop.ini":
		return true
	}
	for _, suffix := range []string{".tmp", ".part", ".partial", ".crdownload", ".filepart"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
