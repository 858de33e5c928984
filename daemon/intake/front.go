package intake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"intray/ledger"
	"intray/watcher"
)

// Front is one hot folder: watched, and emptied file by file. Make it with
// NewFront, then call Run once.
type Front struct {
	in     *Intake
	folder Folder
	watch  *watcher.Watcher
	log    *slog.Logger

	lstat func(string) (fs.FileInfo, error)

	mu      sync.Mutex
	told    map[string]string // why each file waits, so that it is said once
	away    error             // why the folder could not be listed when it was looked at last
	pruning chan struct{}     // nil when nobody prunes

	seen sightings // by the watcher's goroutine only
}

// NewFront prepares watching; o's Folder, Known, Aside, Reached and Log are set here.
func NewFront(in *Intake, folder Folder, o watcher.Options) (*Front, error) {
	f := &Front{in: in, folder: folder, log: in.Log.With("folder", folder.Name), told: map[string]string{}, lstat: os.Lstat, seen: sightings{}}
	o.Folder, o.Log = folder.Path, f.log
	o.Aside = func(rel string) bool { return in.aside(folder, rel, f.seen, time.Now()) }
	o.Reached = f.reached
	if folder.After == Keep {
		o.Known = f.known
	}
	w, err := watcher.New(o)
	if err != nil {
		return nil, fmt.Errorf("watch folder %s: %w", folder.Name, err)
	}
	f.watch = w
	return f, nil
}

// known asks the ledger for files that were taken and stayed.
func (f *Front) known(file watcher.File) bool {
	known, err := f.in.Ledger.Seen(f.folder.Name, file.Rel, mark(file))
	if err != nil {
		f.log.Error("The ledger cannot say whether a file was taken before; it is looked at again.", "file", file.Rel, "error", err)
	}
	return known
}

// Run works until ctx is done; the error is then nil.
func (f *Front) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	switch err := f.in.Recover(f.folder); {
	case errors.Is(err, ErrUnreachable):
		f.log.Warn("Files that were taken in before wait to be cleared until the hot folder is back.", "path", f.folder.Path, "error", err)
		group.Go(func() { f.recoverLater(ctx) })
	case err != nil:
		return err
	}
	f.log.Info("Watching.", "path", f.folder.Path)
	if err := f.watch.Run(ctx, func(file watcher.File) { f.take(ctx, file) }); err != nil && ctx.Err() == nil {
		return fmt.Errorf("watch folder %s: %w", f.folder.Name, err)
	}
	return nil
}

// Name is the folder's.
func (f *Front) Name() string { return f.folder.Name }

func (f *Front) reached(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = err
}

// Away says why the folder could not be listed when it was looked at last; "" when it
// was, or nobody has looked yet.
func (f *Front) Away() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var at *fs.PathError
	switch {
	case f.away == nil:
		return ""
	case errors.As(f.away, &at):
		return f.folder.Path + ": " + at.Err.Error() // without the name of a system call
	}
	return f.away.Error()
}

// recoverLater recovers once the folder is back.
func (f *Front) recoverLater(ctx context.Context) {
	tick := time.NewTicker(waitForFolder)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := f.in.Recover(f.folder); err == nil {
			return
		} else if !errors.Is(err, ErrUnreachable) {
			f.log.Error("Files that were taken in before could not be cleared.", "error", err)
		}
	}
}

// waitForFolder is how often a folder that was away is looked for.
const waitForFolder = 10 * time.Second

// Waiting is how many files wait in the folder for a reason that was logged.
func (f *Front) Waiting() int {
	select {
	case <-f.prune():
	case <-time.After(pruneTime):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.told)
}

// pruneTime is how long somebody who asks is kept waiting for the folder: a share whose
// server is gone may answer never, and the page and the status must all the same.
const pruneTime = 200 * time.Millisecond

// prune begins to forget files that are gone, unless that is under way; the channel is
// closed when it is done.
func (f *Front) prune() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pruning != nil {
		return f.pruning
	}
	done, names := make(chan struct{}), slices.Collect(maps.Keys(f.told))
	f.pruning = done
	go func() {
		defer close(done)
		var gone []string
		for _, rel := range names {
			if _, err := f.lstat(filepath.Join(f.folder.Path, filepath.FromSlash(rel))); errors.Is(err, fs.ErrNotExist) {
				gone = append(gone, rel)
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, rel := range gone {
			delete(f.told, rel)
		}
		f.pruning = nil
	}()
	return done
}

// take takes one settled file, or asks for it again.
func (f *Front) take(ctx context.Context, file watcher.File) {
	taken, err := f.in.Take(ctx, f.folder, file)
	var again *Again
	switch {
	case err == nil:
		f.settled(file.Rel)
		f.tell(file, taken)
	case ctx.Err() != nil:
	case errors.Is(err, ErrGone):
		f.settled(file.Rel)
	case errors.As(err, &again):
		f.wait(file.Rel, again)
		f.watch.Again(file.Rel, again.After)
	default:
		f.log.Error("A file could not be taken in.", "file", file.Rel, "error", err)
		f.watch.Again(file.Rel, later)
	}
}

// wait says once why a file waits. A change seen in the last moment is the
// ordinary life of a hot folder and not worth a line.
func (f *Front) wait(rel string, again *Again) {
	news, many := f.remember(rel, again)
	if !news || f.in.Room.said() { // the latter is for all of them
		return
	}
	if many {
		f.prune()
	}
	f.log.Warn("A file waits in the hot folder.", "file", rel, "why", again.Error())
}

// remember notes that a file waits; many is true when it is time to forget some.
func (f *Front) remember(rel string, again *Again) (news, many bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if again.After == 0 || f.told[rel] == again.Reason {
		return false, false
	}
	f.told[rel] = again.Reason
	return true, len(f.told) > 1000
}

func (f *Front) settled(rel string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.told, rel)
}

func (f *Front) tell(file watcher.File, taken Taken) {
	doc := taken.Document
	switch {
	case taken.Retried:
		f.log.Info("A failed document came back and is tried again.", "file", file.Rel, "document", doc.ID)
	case taken.Bundle:
		f.log.Info("The bundle of a document came back that has not failed any more; nothing to do.", "file", file.Rel, "document", doc.ID, "state", doc.State)
	case doc.State == ledger.Duplicate:
		f.log.Info("Already known; nothing to do.", "file", file.Rel, "document", doc.ID, "first", doc.DuplicateOf)
	default:
		f.log.Info("Taken in.", "file", file.Rel, "document", doc.ID, "bytes", doc.Size)
	}
}
