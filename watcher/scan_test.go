package watcher

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

func noNotify() (*fsnotify.Watcher, error) {
	return nil, errors.New("switched off for this test")
}

// byHand is a scanner with real notifications whose loop is the test.
func byHand(t *testing.T, dir string) (*scanner, <-chan fsnotify.Event) {
	t.Helper()
	w, err := New(Options{Folder: dir, Sweep: time.Hour})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.listen()
	t.Cleanup(s.deaf)
	s.sweep(t.Context())
	return s, s.events
}

// drain handles events until one names the path.
func drain(t *testing.T, s *scanner, events <-chan fsnotify.Event, path string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case e := <-events:
			s.event(t.Context(), e)
			if e.Name == path {
				return
			}
		case <-late:
			t.Fatalf("no notification named %s", path)
		}
	}
}

func (s *scanner) knows(rel string) bool { _, known := s.tracker.files[rel]; return known }

// TestReturnedFolderIsWatchedAgain: not merely swept.
func TestReturnedFolderIsWatchedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hot")
	must(t, os.Mkdir(dir, 0o755))
	s, events := byHand(t, dir)
	must(t, os.Rename(dir, dir+"-away"))
	if runtime.GOOS == "windows" {
		s.sweep(t.Context()) // it reports what is in a folder, not what becomes of it
	} else {
		drain(t, s, events, dir)
	}
	if !s.missing {
		t.Error("its going was not noticed at once")
	}
	must(t, os.Mkdir(dir, 0o755))
	s.sweep(t.Context())
	must(t, os.WriteFile(filepath.Join(dir, "a.pdf"), []byte("x"), 0o644))
	drain(t, s, events, filepath.Join(dir, "a.pdf"))
	if s.missing || !s.knows("a.pdf") {
		t.Errorf("missing %v, knows %v", s.missing, s.tracker.files)
	}
}

// TestMovedFolderReportsUnderItsNewName: the system's watches follow a folder
// when it moves and would go on naming it as before.
func TestMovedFolderReportsUnderItsNewName(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "old", "deep"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "old", "deep", "a.pdf"), []byte("x"), 0o644))
	s, events := byHand(t, dir)
	must(t, os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, "new")))
	drain(t, s, events, filepath.Join(dir, "new"))
	if s.knows("old/deep/a.pdf") || !s.knows("new/deep/a.pdf") {
		t.Errorf("after the move it knows %v", s.tracker.files)
	}
	must(t, os.WriteFile(filepath.Join(dir, "new", "deep", "b.pdf"), []byte("x"), 0o644))
	drain(t, s, events, filepath.Join(dir, "new", "deep", "b.pdf"))
	if !s.knows("new/deep/b.pdf") {
		t.Errorf("it knows %v", s.tracker.files)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "new")))
	s.sweep(t.Context())
	if len(s.folders)+len(s.tracker.files) > 0 {
		t.Errorf("what is gone is remembered: %v %v", s.folders, s.tracker.files)
	}
}

// TestHotFolderMayBeALink, and what it does not want is found behind one too.
func TestHotFolderMayBeALink(t *testing.T) {
	real, link := t.TempDir(), filepath.Join(t.TempDir(), "hot")
	if err := os.Symlink(real, link); err != nil {
		t.Skip("links cannot be made here: ", err)
	}
	must(t, os.Mkdir(filepath.Join(real, "out"), 0o755))
	elsewhere := filepath.Join(t.TempDir(), "out")
	must(t, os.Symlink(filepath.Join(real, "out"), elsewhere))
	must(t, os.WriteFile(filepath.Join(real, "out", "result.pdf"), []byte("x"), 0o644))
	must(t, os.WriteFile(filepath.Join(real, "swept.pdf"), []byte("x"), 0o644))

	reports := watch(t, Options{Folder: link, Settle: 20 * time.Millisecond, Sweep: time.Hour, Skip: []string{filepath.Join(link, "OUT", "..", "out")}})
	if f := next(t, reports); f.Rel != "swept.pdf" || f.Path != filepath.Join(link, "swept.pdf") {
		t.Errorf("%+v", f)
	}
	must(t, os.WriteFile(filepath.Join(real, "notified.pdf"), []byte("x"), 0o644))
	if f := next(t, reports); f.Rel != "notified.pdf" {
		t.Errorf("%+v", f)
	}
	w, err := New(Options{Folder: link, Skip: []string{filepath.Join(link, "none")}})
	must(t, err)
	w.o.Skip = []string{elsewhere}
	s := newScanner(w.o, w.notify)
	s.sweep(t.Context())
	if s.knows("out/result.pdf") || !s.knows("notified.pdf") {
		t.Errorf("it knows %v", s.tracker.files)
	}
}

// TestSkipGoesByNameToo: a folder to skip may be made after the walk has looked
// which of them there are.
func TestSkipGoesByNameToo(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "out"), 0o755))
	w, err := New(Options{Folder: dir, Skip: []string{filepath.Join(dir, "out")}})
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	if err := newScanner(w.o, w.notify).enter(filepath.Join(dir, "out"), "out", entries[0], nil); !errors.Is(err, fs.SkipDir) {
		t.Errorf("entered: %v", err)
	}
}

// TestLinkToResults: a link to the folder of results, or to one around it, in the hot
// folder's place has nothing there taken for a scan.
func TestLinkToResults(t *testing.T) {
	dir := t.TempDir()
	hot, results := filepath.Join(dir, "in"), filepath.Join(dir, "around", "out")
	must(t, os.MkdirAll(hot, 0o755))
	must(t, os.MkdirAll(results, 0o755))
	must(t, os.WriteFile(filepath.Join(results, "a.pdf"), []byte("x"), 0o644))
	var away error
	w, err := New(Options{Folder: hot, Mode: Poll, Skip: []string{results}, Reached: func(err error) { away = err }})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.sweep(t.Context())
	must(t, os.Rename(hot, hot+".aside"))
	for _, target := range []string{results, filepath.Dir(results)} {
		if err := os.Symlink(target, hot); err != nil {
			t.Skipf("skipped: links cannot be made here: %v", err)
		}
		s.sweep(t.Context())
		s.sweep(t.Context())
		if away == nil || len(s.tracker.files) > 0 {
			t.Errorf("a link to %s: away: %v, files: %v", target, away, s.tracker.files)
		}
		must(t, os.Remove(hot))
	}
	must(t, os.Rename(hot+".aside", hot))
	must(t, os.WriteFile(filepath.Join(hot, "b.pdf"), []byte("x"), 0o644))
	if s.sweep(t.Context()); away != nil || !s.knows("b.pdf") {
		t.Errorf("put back: away: %v", away)
	}
}

// TestResultsLinkBack: a link to the hot folder in the place of the results, found at the
// start, is mended at its other end; the hot folder itself stays as it was.
func TestResultsLinkBack(t *testing.T) {
	dir := t.TempDir()
	hot, results := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	must(t, os.Mkdir(hot, 0o755))
	must(t, os.WriteFile(filepath.Join(hot, "a.pdf"), []byte("x"), 0o644))
	if err := os.Symlink(hot, results); err != nil {
		t.Skipf("skipped: links cannot be made here: %v", err)
	}
	var away error
	w, err := New(Options{Folder: hot, Mode: Poll, Skip: []string{results}, Reached: func(err error) { away = err }})
	must(t, err)
	s := newScanner(w.o, w.notify)
	if s.sweep(t.Context()); away == nil || len(s.tracker.files) > 0 {
		t.Errorf("away: %v, files: %v", away, s.tracker.files)
	}
	must(t, os.Remove(results))
	must(t, os.Mkdir(results, 0o755))
	if s.sweep(t.Context()); away != nil || !s.knows("a.pdf") {
		t.Errorf("mended: away: %v", away)
	}
}

func TestSkipMustLeaveSomethingToWatch(t *testing.T) {
	dir := t.TempDir()
	hot := filepath.Join(dir, "hot")
	must(t, os.Mkdir(hot, 0o755))
	if _, err := New(Options{Folder: hot, Skip: []string{hot + string(filepath.Separator)}}); err == nil {
		t.Error("a folder both watched and skipped was taken")
	}
	must(t, os.WriteFile(filepath.Join(hot, "a.pdf"), []byte("x"), 0o644))
	reports := watch(t, Options{Folder: hot, Settle: time.Millisecond, Skip: []string{dir}})
	if f := next(t, reports); f.Rel != "a.pdf" {
		t.Errorf("%+v", f)
	}
}

// TestSameFileAgain: a name that the taker cleared and that is used again by
// the very same file, as a hard link is, counts as new even when no
// notification tells of it.
func TestSameFileAgain(t *testing.T) {
	hot, kept := t.TempDir(), filepath.Join(t.TempDir(), "kept.pdf")
	must(t, os.WriteFile(kept, []byte("x"), 0o644))
	name := filepath.Join(hot, "scan.pdf")
	synctest.Test(t, func(t *testing.T) {
		must(t, os.Link(kept, name))
		w, err := New(Options{Folder: hot, Settle: 2 * time.Second, Sweep: time.Minute})
		must(t, err)
		w.notify = noNotify
		var taken atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx, func(File) { taken.Add(1); must(t, os.Remove(name)) }) }()
		time.Sleep(30 * time.Second) // between sweeps: none finds the name free
		for want := int32(1); want <= 3; want++ {
			synctest.Wait()
			if n := taken.Load(); n != want {
				t.Errorf("taken %d times, want %d", n, want)
			}
			must(t, os.Link(kept, name))
			time.Sleep(time.Minute)
		}
		cancel()
		<-ended
	})
}

// TestSlowTaker: while the taker is busy, files are still looked at; one that
// changes meanwhile is handed over once, as it is then.
func TestSlowTaker(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pdf", "b.pdf", "c.pdf", "d.pdf"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
	}
	synctest.Test(t, func(t *testing.T) {
		w, err := New(Options{Folder: dir, Settle: 2 * time.Second, Sweep: time.Second})
		must(t, err)
		w.notify = noNotify
		busy, reports := make(chan bool), make(chan File, 10)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx, func(f File) { reports <- f; <-busy }) }()
		time.Sleep(5 * time.Second)
		must(t, os.WriteFile(filepath.Join(dir, "b.pdf"), []byte("longer"), 0o644))
		must(t, os.Remove(filepath.Join(dir, "c.pdf")))
		time.Sleep(5 * time.Second)
		must(t, os.WriteFile(filepath.Join(dir, "d.pdf"), []byte("not at rest yet"), 0o644))
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		close(busy)
		synctest.Wait()
		if a, b := <-reports, <-reports; a.Rel != "a.pdf" || b.Rel != "b.pdf" || b.Size != 6 || len(reports) > 0 {
			t.Errorf("got %+v, %+v and %d more", a, b, len(reports))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if d := <-reports; d.Rel != "d.pdf" || len(reports) > 0 {
			t.Errorf("got %+v and %d more", d, len(reports))
		}
		cancel()
		<-ended
	})
}

// TestRunWaitsForTheTaker: a callback is never left running.
func TestRunWaitsForTheTaker(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a.pdf"), []byte("x"), 0o644))
	synctest.Test(t, func(t *testing.T) {
		w, err := New(Options{Folder: dir})
		must(t, err)
		w.notify = noNotify
		ctx, cancel := context.WithCancel(t.Context())
		inside, release, ended := make(chan bool), make(chan bool), make(chan error, 1)
		go func() { ended <- w.Run(ctx, func(File) { close(inside); <-release }) }()
		<-inside
		cancel()
		synctest.Wait()
		if len(ended) > 0 {
			t.Error("Run ended while the callback was at work")
		}
		close(release)
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
}

// TestRunLeavesNothingBehind: it ends when told to, and its goroutines and
// those of the notifications end with it.
func TestRunLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a.pdf"), []byte("x"), 0o644))
	w, err := New(Options{Folder: dir, Settle: time.Millisecond, Sweep: time.Hour})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	inside, ended := make(chan bool), make(chan error, 1)
	go func() { ended <- w.Run(ctx, func(File) { close(inside) }) }()
	<-inside
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Run did not end")
	}
	left := ""
	for end := time.Now().Add(patience); time.Now().Before(end); runtime.Gosched() {
		var stacks bytes.Buffer
		must(t, pprof.Lookup("goroutine").WriteTo(&stacks, 1))
		left = stacks.String()
		if !strings.Contains(left, "fsnotify") && !strings.Contains(left, "(*Watcher).Run") {
			return
		}
	}
	t.Errorf("goroutines are left:\n%s", left)
}

// TestCanceledSweepForgetsNothing: half a look is no proof of absence.
func TestCanceledSweepForgetsNothing(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a.pdf"), []byte("x"), 0o644))
	w, err := New(Options{Folder: dir})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.sweep(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.sweep(ctx)
	if !s.knows("a.pdf") || s.missing {
		t.Errorf("knows %v, missing %v", s.tracker.files, s.missing)
	}
}

// TestMissingAtTheStart: it is waited for.
func TestMissingAtTheStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	reports := watch(t, Options{Folder: dir, Settle: time.Millisecond, Sweep: 5 * time.Millisecond})
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "a.pdf"), []byte("x"), 0o644))
	if f := next(t, reports); f.Rel != "a.pdf" {
		t.Errorf("%+v", f)
	}
}
