package watcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// watch runs a watcher with real notifications and hands its reports on.
func watch(t *testing.T, o Options) <-chan File {
	t.Helper()
	w, err := New(o)
	must(t, err)
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
	reports := watch(t, Options{Folder: dir, Settle: 50 * time.Millisecond, Sweep: time.Hour})
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
	s := &scanner{o: w.o, tracker: newTracker(w.o.Settle, w.o.SettleMax), told: map[string]bool{}}
	s.sweep()
	must(t, os.WriteFile(filepath.Join(dir, "missed.pdf"), []byte("x"), 0o644))
	if len(s.tracker.files) != 0 {
		t.Fatal("seen without an event")
	}
	s.fail(fsnotify.ErrEventOverflow)
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

// TestSettleRules runs random histories of one file against the rule in plain
// words: reported exactly when it looked the same for long enough, once.
func TestSettleRules(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	const settle = 10 * time.Second
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 200 {
		tr := newTracker(settle, time.Hour)
		m := mark{size: 1, mod: now}
		since, reported := now, false
		tr.observe("f", m, now)
		for range 100 {
			now = now.Add(time.Duration(random.IntN(6)) * time.Second)
			switch random.IntN(6) {
			case 0:
				m.mod = now
				m.size = int64(1 + random.IntN(3))
				since, reported = now, false
			case 1:
				tr.again("f", 0, now)
				since, reported = now, false
			}
			tr.observe("f", m, now)
			due := tr.due(now)
			if want := !reported && now.Sub(since) >= settle; want != (len(due) == 1) {
				t.Fatalf("%s after its last change, reported %v: due %v", now.Sub(since), reported, due)
			}
			if len(due) == 1 {
				tr.report("f")
				reported = true
			}
			if at, ok := tr.next(); ok == reported || ok && at.Before(since.Add(settle)) {
				t.Fatalf("next %v %v", at, ok)
			}
		}
	}
}

func TestDefaultIgnore(t *testing.T) {
	for name, want := range map[string]bool{
		"scan.pdf": false, "a/b/scan.PDF": false, "scan": false, "part.pdf": false, "tmp/scan.pdf": false, "~scan.pdf": false,
		"scan.pdf.part": true, "scan.TMP": true, "a/~$x.docx": true, ".hidden": true, ".git/x.pdf": true, "a/.b/c.pdf": true,
		"x.crdownload": true, "x.filepart": true, "Thumbs.db": true, "a/desktop.ini": true, "x.partial": true,
	} {
		if got := DefaultIgnore(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzDefaultIgnore(f *testing.F) {
	f.Add("a/b.pdf")
	f.Fuzz(func(t *testing.T, rel string) {
		if !DefaultIgnore(rel+".part") || !DefaultIgnore("."+rel) {
			t.Errorf("%q", rel)
		}
	})
}
