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
	"strings"
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
