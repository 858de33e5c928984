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
	// Skip are absolute folders that are not looked into.
	Skip []string
	Log  *slog.Logger
}

// File is a settled file. Rel is its path inside the folder, with forward
// slashes; Inode is 0 where the file system has none.
type File struct {
	Path    string
	Rel     string
	Size    int64
	ModTime time.Time
	Inode   uint64
}

// Watcher watches one hot folder.
type Watcher struct {
	o      Options
	notify func() (*fsnotify.Watcher, error)

	mu    sync.Mutex
	again []request
	poke  chan struct{}
}

type request struct {
	rel   string
	after time.Duration
}

// New checks the options. Nothing is watched before Run.
func New(o Options) (*Watcher, error) {
	if !filepath.IsAbs(o.Folder) {
		return nil, fmt.Errorf("hot folder %q is not an absolute path", o.Folder)
	}
	o.Settle = orDefault(o.Settle, 2*time.Second)
	o.SettleMax = orDefault(o.SettleMax, 10*time.Minute)
	o.Sweep = orDefault(o.Sweep, 30*time.Second)
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
	w.mu.Lock()
	w.again = append(w.again, request{rel, after})
	w.mu.Unlock()
	select {
	case w.poke <- struct{}{}:
	default: // a poke is waiting already
	}
}

// Run watches until ctx is done and calls settled for each file, one at a time
// from one goroutine; a slow callback delays reports, not observations. A file
// is reported once until it changes, vanishes or Again is called for it.
func (w *Watcher) Run(ctx context.Context, settled func(File)) error {
	s := &scanner{o: w.o, tracker: newTracker(w.o.Settle, w.o.SettleMax), told: map[string]bool{}}
	events, failures := s.listen(w.notify)
	defer s.deaf()

	reports := make(chan File)
	var reporter sync.WaitGroup
	reporter.Go(func() {
		for f := range reports {
			settled(f)
		}
	})
	defer reporter.Wait()
	defer close(reports)

	var queue []File
	sweep := time.NewTicker(w.o.Sweep)
	defer sweep.Stop()
	s.sweep()
	for {
		queue = append(queue, s.due()...)
		var out chan<- File
		var head File
		if len(queue) > 0 {
			out, head = reports, queue[0]
		}
		timer := s.timer()
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case out <- head:
			queue = queue[1:]
		case e := <-events:
			s.event(e)
		case err := <-failures:
			s.fail(err)
		case <-sweep.C:
			s.sweep()
		case <-w.poke:
			w.mu.Lock()
			for _, r := range w.again {
				s.tracker.again(r.rel, r.after, time.Now())
			}
			w.again = nil
			w.mu.Unlock()
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
