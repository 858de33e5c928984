package watcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// watch runs a watcher with real notifications and hands its reports on.
func watch(t *testing.T, o Options) <-chan File {
	t.Helper()
	w, err := New(o)
	must(t, err)
	return run(t, w)
}

// run lets it watch until the test's end.
func run(t *testing.T, w *Watcher) <-chan File {
	t.Helper()
	reports := make(chan File, 10000)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx, func(f File) { reports <- f }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
	return reports
}

const patience = time.Minute

func next(t *testing.T, reports <-chan File) File {
	t.Helper()
	select {
	case f := <-reports:
		return f
	case <-time.After(patience):
		t.Fatal("nothing settled")
		return File{}
	}
}

// TestNotificationsSuffice: with the sweep far away, events alone find a file,
// one in a new subfolder, and 2000 at once.
func TestNotificationsSuffice(t *testing.T) {
	dir := t.TempDir()
	// Longer than a busy disk holds up a file between its making and its content.
	reports := watch(t, Options{Folder: dir, Settle: time.Second, Sweep: time.Hour})
	must(t, os.WriteFile(filepath.Join(dir, "first.pdf"), []byte("x"), 0o644))
	if f := next(t, reports); f.Rel != "first.pdf" || f.Size != 1 || f.Path != filepath.Join(dir, "first.pdf") {
		t.Errorf("%+v", f)
	}
	must(t, os.MkdirAll(filepath.Join(dir, "new", "deep"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "new", "deep", "second.pdf"), []byte("x"), 0o644))
	if f := next(t, reports); f.Rel != "new/deep/second.pdf" {
		t.Errorf("%+v", f)
	}
	const many = 2000
	for i := range many {
		must(t, os.WriteFile(filepath.Join(dir, "new", fmt.Sprintf("%d.pdf", i)), []byte("x"), 0o644))
	}
	seen := map[string]bool{}
	for range many {
		f := next(t, reports)
		if seen[f.Rel] {
			t.Fatalf("%s was reported twice", f.Rel)
		}
		seen[f.Rel] = true
	}
}

// TestOverflowSweeps: when the system lost events, the whole folder is looked at.
func TestOverflowSweeps(t *testing.T) {
	dir := t.TempDir()
	w, err := New(Options{Folder: dir, Settle: 10 * time.Millisecond, Sweep: time.Hour})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.sweep(t.Context())
	must(t, os.WriteFile(filepath.Join(dir, "missed.pdf"), []byte("x"), 0o644))
	if len(s.tracker.files) != 0 {
		t.Fatal("seen without an event")
	}
	s.fail(t.Context(), fsnotify.ErrEventOverflow)
	if _, known := s.tracker.files["missed.pdf"]; !known {
		t.Error("an overflow did not sweep")
	}
}

func TestSkippedFolders(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	must(t, os.Mkdir(out, 0o755))
	reports := watch(t, Options{Folder: dir, Settle: 20 * time.Millisecond, Sweep: 50 * time.Millisecond, Skip: []string{out}})
	must(t, os.WriteFile(filepath.Join(out, "result.pdf"), []byte("x"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "scan.pdf"), []byte("x"), 0o644))
	if f := next(t, reports); f.Rel != "scan.pdf" {
		t.Errorf("%+v", f)
	}
	if len(reports) > 0 {
		t.Errorf("%+v", <-reports)
	}
}

func TestRelativeFolderIsRefused(t *testing.T) {
	if _, err := New(Options{Folder: "in"}); err == nil {
		t.Error("taken")
	}
}

func TestDefaultIgnore(t *testing.T) {
	for name, want := range map[string]bool{
		"scan.pdf": false, "a/b/scan.PDF": false, "scan": false, "part.pdf": false, "tmp/scan.pdf": false, "~scan.pdf": false,
		"scan.pdf.part": true, "scan.TMP": true, "a/~$x.docx": true, ".hidden": true, ".git/x.pdf": true, "a/.b/c.pdf": true,
		"": true, "a/": true, "sub.part/scan.pdf": false, "thumbs.db": true, "a/.DS_Store": true,
		"x.crdownload": true, "x.filepart": true, "Thumbs.db": true, "a/desktop.ini": true, "x.partial": true,
	} {
		if got := DefaultIgnore(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzDefaultIgnore holds the rules against any name: what follows the folder
// decides, no folder makes an ignored file welcome, letter case does not matter
// to suffixes, and the answer has a reason a person can see in the name.
func FuzzDefaultIgnore(f *testing.F) {
	for _, name := range []string{"a/b.pdf", "", "/", "a//b", "~$x", ".", "..", "a/Thumbs.db", "x.PART", "\xff.pdf"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, rel string) {
		if !DefaultIgnore(rel+".part") || !DefaultIgnore("."+rel) || !DefaultIgnore("a/~$"+rel) {
			t.Errorf("a variant of %q is not ignored", rel)
		}
		ignored := DefaultIgnore(rel)
		if DefaultIgnore("folder/"+rel) != ignored {
			t.Errorf("%q in a folder is not treated as outside of it", rel)
		}
		if ignored && !strings.ContainsAny(rel, ".~") && path.Base("/"+rel) != "/" && !strings.HasSuffix(rel, "/") {
			t.Errorf("%q is ignored for no reason", rel)
		}
		if !ignored && (strings.Contains(rel, "/.") || strings.HasSuffix(strings.ToLower(rel), ".tmp")) {
			t.Errorf("%q is taken", rel)
		}
	})
}

// TestModes: what sweeps see, and when they come.
func TestModes(t *testing.T) {
	for mode, want := range map[Mode]int{Auto: 1, Poll: 1, Events: 0} {
		t.Run(string(mode), func(t *testing.T) {
			dir := t.TempDir()
			w, err := New(Options{Folder: dir, Mode: mode})
			must(t, err)
			asked := 0
			deaf := w.notify
			s := newScanner(w.o, func() (*fsnotify.Watcher, error) { asked++; return deaf() })
			s.listen()
			t.Cleanup(s.deaf)
			if (mode == Poll) != (asked == 0) {
				t.Errorf("asked for notifications %d times", asked)
			}
			s.sweep(t.Context())
			must(t, os.WriteFile(filepath.Join(dir, "unnoticed.pdf"), []byte("x"), 0o644)) // nobody reads s.events here
			s.tick(t.Context())
			if len(s.tracker.files) != want {
				t.Errorf("after a tick %d files are known, want %d", len(s.tracker.files), want)
			}
			// Lost notifications, and another folder under the name, are reasons to look.
			s.fail(t.Context(), fsnotify.ErrEventOverflow)
			if len(s.tracker.files) != 1 {
				t.Errorf("after an overflow %d files are known", len(s.tracker.files))
			}
			must(t, os.Rename(dir, dir+"-away"))
			must(t, os.Mkdir(dir, 0o755))
			s.tick(t.Context())
			if len(s.tracker.files) != 0 {
				t.Error("the folder is another one, and its files are still known")
			}
		})
	}
}

// TestOverflow as the system tells of it: every file is found all the same.
func TestOverflow(t *testing.T) {
	dir := t.TempDir()
	w, err := New(Options{Folder: dir, Settle: time.Millisecond, Sweep: time.Hour, Mode: Events})
	must(t, err)
	system := make(chan *fsnotify.Watcher, 1)
	w.notify = func() (*fsnotify.Watcher, error) {
		n, err := fsnotify.NewWatcher()
		system <- n
		return n, err
	}
	reports := run(t, w)
	n := <-system
	for len(n.WatchList()) == 0 { // it is about to be asked
		runtime.Gosched()
	}
	must(t, n.Remove(dir)) // from now on nothing is heard
	must(t, os.WriteFile(filepath.Join(dir, "a.pdf"), []byte("x"), 0o644))
	n.Errors <- fsnotify.ErrEventOverflow
	if f := next(t, reports); f.Rel != "a.pdf" {
		t.Errorf("%+v", f)
	}
}

// TestTenThousandAtOnce: each is reported once, by several takers.
func TestTenThousandAtOnce(t *testing.T) {
	dir := t.TempDir()
	const files = 10_000
	for n := range files {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.pdf", n)), []byte("x"), 0o644))
	}
	w, err := New(Options{Folder: dir, Settle: time.Millisecond, Sweep: time.Hour, Takers: 4})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	seen := map[string]int{}
	err = w.Run(ctx, func(f File) {
		mu.Lock()
		defer mu.Unlock()
		if seen[f.Rel]++; len(seen) == files {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for rel, n := range seen {
		if n != 1 {
			t.Errorf("%s was reported %d times", rel, n)
		}
	}
}

// TestKnownFilesAreNotReported, until they change; asked about once.
func TestKnownFilesAreNotReported(t *testing.T) {
	dir := t.TempDir()
	const files = 1000
	for n := range files {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.pdf", n)), []byte("x"), 0o644))
	}
	asked := 0
	w, err := New(Options{Folder: dir, Settle: time.Millisecond, Known: func(f File) bool { asked++; return f.Size == 1 }})
	must(t, err)
	s := newScanner(w.o, noNotify)
	for range 3 {
		s.sweep(t.Context())
	}
	if asked != files || len(s.due()) != 0 {
		t.Errorf("asked %d times, %d due", asked, len(s.due()))
	}
	must(t, os.WriteFile(filepath.Join(dir, "00000.pdf"), []byte("longer"), 0o644))
	s.sweep(t.Context())
	if _, waits := s.tracker.next(); !waits || asked != files+1 {
		t.Errorf("a changed file: waits %v, asked %d times", waits, asked)
	}
}

// TestNameInUse: the next scan under a name is reported when the last one is
// taken, not before.
func TestNameInUse(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.pdf")
	must(t, os.WriteFile(scan, []byte("1"), 0o644))
	synctest.Test(t, func(t *testing.T) {
		w, err := New(Options{Folder: dir, Settle: time.Second, Sweep: time.Second, Mode: Poll, Takers: 4})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		inside, release, ended := make(chan File, 9), make(chan bool), make(chan error, 1)
		go func() { ended <- w.Run(ctx, func(f File) { inside <- f; <-release }) }()
		time.Sleep(3 * time.Second)
		must(t, os.WriteFile(scan, []byte("22"), 0o644))
		must(t, os.WriteFile(filepath.Join(dir, "other.pdf"), []byte("1"), 0o644))
		time.Sleep(time.Minute)
		synctest.Wait()
		if first, second := <-inside, <-inside; first.Rel != "scan.pdf" || second.Rel != "other.pdf" || len(inside) > 0 {
			t.Errorf("reported %+v, %+v and %d more", first, second, len(inside))
		}
		release <- true
		release <- true
		time.Sleep(time.Second)
		synctest.Wait()
		if next := <-inside; next.Rel != "scan.pdf" || next.Size != 2 {
			t.Errorf("then %+v", next)
		}
		release <- true
		cancel()
		<-ended
	})
}

// TestAside: what is ignored is still told, each time it is seen.
func TestAside(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, ".intray-x"), []byte("x"), 0o644))
	var told []string
	w, err := New(Options{Folder: dir, Aside: func(rel string) bool { told = append(told, rel); return true }})
	must(t, err)
	s := newScanner(w.o, noNotify)
	s.sweep(t.Context())
	s.sweep(t.Context())
	if !s.unseen {
		t.Error("the wish to be told again was not noted")
	}
	if len(told) != 2 || told[0] != ".intray-x" || len(s.tracker.files) != 0 {
		t.Errorf("told %q, known %v", told, s.tracker.files)
	}
}
