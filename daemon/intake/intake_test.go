package intake

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"intray/daemon/originals"
	"intray/ledger"
	"intray/ledger/ledgertest"
	"intray/watcher"
)

type fixture struct {
	*Intake
	hot    string
	folder Folder
}

func setup(t *testing.T) fixture {
	t.Helper()
	store, err := originals.Open(filepath.Join(t.TempDir(), "originals"))
	if err != nil {
		t.Fatal(err)
	}
	hot := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	return fixture{&Intake{Ledger: ledgertest.Open(t, nil), Originals: store, Sniff: func([]byte) string { return "application/pdf" },
		Room: &Room{Dir: store.Dir(), Log: log}, Owner: "ourselve", Log: log}, hot,
		Folder{Name: "desk", Path: hot, After: Remove, Archive: filepath.Join(t.TempDir(), "archive"), ClaimExpiry: time.Minute}}
}

// take is Take for a file that is expected to be taken.
func (f fixture) take(t *testing.T, file watcher.File) ledger.Document {
	t.Helper()
	taken, err := f.Take(t.Context(), f.folder, file)
	if err != nil {
		t.Fatal(err)
	}
	return taken.Document
}

// drop writes a file and returns it as the watcher would report it.
func (f fixture) drop(t *testing.T, rel, content string) watcher.File {
	t.Helper()
	path := filepath.Join(f.hot, filepath.FromSlash(rel))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return watcher.File{Path: path, Rel: rel, Size: info.Size(), ModTime: info.ModTime(), Inode: watcher.Inode(info), Changed: watcher.Changed(info)}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestTake(t *testing.T) {
	f := setup(t)
	file := f.drop(t, "a/scan.pdf", "content")
	doc := f.take(t, file)
	if doc.State != ledger.Received || doc.Path != "a/scan.pdf" || doc.Name != "scan.pdf" || doc.Size != 7 {
		t.Fatalf("%+v", doc)
	}
	if exists(file.Path) || f.Originals.Verify(t.Context(), doc.SHA256) != nil {
		t.Error("the hot folder is not clear, or the original is not stored")
	}
	again := f.drop(t, "copy.pdf", "content")
	if repeat := f.take(t, again); repeat.State != ledger.Duplicate || repeat.DuplicateOf != doc.ID || exists(again.Path) {
		t.Errorf("%+v", repeat)
	}
	f.folder.Again = true
	if fresh := f.take(t, f.drop(t, "copy.pdf", "content")); fresh.State != ledger.Received {
		t.Errorf("on_duplicate = again: %+v", fresh)
	}
	f.empty(t)
}

// empty fails when anything is left in the hot folder or under the store's
// temporary names, or claims in hand.
func (f fixture) empty(t *testing.T) {
	t.Helper()
	for _, dir := range []string{f.hot, filepath.Join(f.Originals.Dir(), "tmp")} {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("left: %s", path)
			}
			return nil
		})
	}
	if len(f.claims) > 0 {
		t.Errorf("still in hand: %v", f.claims)
	}
}

// TestA3KillBeforeTheFolderIsClear: recorded, but still in the hot folder,
// under its name or a claim's. The restart clears it and makes no second
// document.
func TestA3KillBeforeTheFolderIsClear(t *testing.T) {
	for _, how := range []string{"recover", "take again", "claimed", "claimed, found by a sweep"} {
		f := setup(t)
		file := f.drop(t, "scan.pdf", "content")
		blob, err := f.store(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		a := ledger.Arrival{Folder: "desk", Path: file.Rel, Name: "scan.pdf", SHA256: blob.SHA256, Size: blob.Size, Source: mark(file)}
		if strings.HasPrefix(how, "claimed") {
			c, err := f.claim(f.folder, file)
			if err != nil || exists(file.Path) {
				t.Fatal(err)
			}
			f.unhand(c)
			a.Claim = c.rel
		}
		doc, err := f.Ledger.Receive(a)
		if err != nil {
			t.Fatal(err)
		}
		switch how {
		case "take again":
			if same := f.take(t, file); same.ID != doc.ID {
				t.Errorf("a second document %s", same.ID)
			}
		case "claimed, found by a sweep":
			f.aside(f.folder, a.Claim, sightings{}, time.Now())
		default:
			if err := f.Recover(f.folder); err != nil {
				t.Error(err)
			}
		}
		f.empty(t)
		if left, err := f.Ledger.Uncleared("desk"); err != nil || len(left) != 0 {
			t.Errorf("%s: uncleared %v, %v", how, left, err)
		}
	}
}

// TestChangedFileIsNeverRemoved: whatever the moment, a file that is not what
// was stored gets its name back and is taken as itself.
func TestChangedFileIsNeverRemoved(t *testing.T) {
	f := setup(t)
	old := f.drop(t, "scan.pdf", "first")
	f.drop(t, "scan.pdf", "second, longer")
	var again *Again
	if _, err := f.Take(t.Context(), f.folder, old); !errors.As(err, &again) {
		t.Errorf("taken though it changed: %v", err)
	}
	if !exists(old.Path) || len(stored(t, f)) != 0 {
		t.Errorf("file there %v, originals %v", exists(old.Path), stored(t, f))
	}

	// A writer that still has it open goes on after it was recorded.
	file := f.drop(t, "open.pdf", "half")
	blob, err := f.store(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.claim(f.folder, file)
	if err != nil {
		t.Fatal(err)
	}
	doc := ledger.Document{ID: ledger.NewID(), Source: mark(file), SHA256: blob.SHA256, Size: file.Size}
	if err := os.WriteFile(c.path, []byte("half and the rest"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.clear(f.folder, c, doc); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file.Path); err != nil || string(data) != "half and the rest" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestA7TouchedFileIsTheSame: a new date on what was stored makes no new file.
func TestA7TouchedFileIsTheSame(t *testing.T) {
	f := setup(t)
	file := f.drop(t, "scan.pdf", "content")
	blob, err := f.store(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.claim(f.folder, file)
	if err != nil {
		t.Fatal(err)
	}
	doc := ledger.Document{ID: ledger.NewID(), Source: mark(file), SHA256: blob.SHA256, Size: blob.Size}
	if err := os.Chtimes(c.path, time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := f.clear(f.folder, c, doc); err != nil {
		t.Fatal(err)
	}
	f.empty(t)
}

func stored(t *testing.T, f fixture) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(f.Originals.Dir(), "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWaits(t *testing.T) {
	f := setup(t)
	file := f.drop(t, "scan.pdf", "content")
	f.Room.MinFree = math.MaxInt64
	var again *Again
	if _, err := f.Take(t.Context(), f.folder, file); !errors.As(err, &again) || again.After != waitForRoom || f.Room.Paused() == "" {
		t.Errorf("no room: %v", err)
	}
	f.Room.MinFree = 0
	if f.Room.Paused() != "" {
		t.Error("still paused")
	}
	missing := file
	missing.Path += ".gone"
	if _, err := f.Take(t.Context(), f.folder, missing); !errors.Is(err, ErrGone) {
		t.Errorf("missing: %v", err)
	}
	dir := file
	dir.Path = f.hot
	if _, err := f.Take(t.Context(), f.folder, dir); !errors.As(err, &again) {
		t.Errorf("a folder: %v", err)
	}
	if !exists(file.Path) || len(stored(t, f)) > 0 {
		t.Error("the file is gone, or a copy is left")
	}
}

// TestKeep: the file stays, is known as long as it looks the same, and the
// folder may be one in which nothing can be changed.
func TestKeep(t *testing.T) {
	f := setup(t)
	f.folder.After = Keep
	file := f.drop(t, "sub/scan.pdf", "content")
	doc := f.take(t, file)
	front, err := NewFront(f.Intake, f.folder, watcher.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !exists(file.Path) || !front.known(file) || !doc.SourceCleared {
		t.Errorf("there %v, known %v", exists(file.Path), front.known(file))
	}
	if changed := f.drop(t, "sub/scan.pdf", "other content"); front.known(changed) {
		t.Error("a changed file counts as known")
	}
}

// TestArchive: moved under its path; a taken name gets the hash, then a number.
func TestArchive(t *testing.T) {
	f := setup(t)
	f.folder.After, f.folder.Again = Archive, true
	var want []string
	for n, content := range []string{"one", "two", "two", "two"} {
		doc := f.take(t, f.drop(t, "a/scan.pdf", content))
		name := []string{"scan.pdf", "scan-" + doc.SHA256[:8] + ".pdf", "scan-" + doc.SHA256[:8] + "-2.pdf", "scan-" + doc.SHA256[:8] + "-3.pdf"}[n]
		want = append(want, name)
		if data, err := os.ReadFile(filepath.Join(f.folder.Archive, "a", name)); err != nil || string(data) != content {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	f.empty(t)
	if entries, err := os.ReadDir(filepath.Join(f.folder.Archive, "a")); err != nil || len(entries) != len(want) {
		t.Errorf("%v, %v", entries, err)
	}
	// To another file system it goes as a copy of what was stored.
	file := f.drop(t, "b.pdf", "carried")
	blob, err := f.store(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(f.folder.Archive, "b.pdf")
	if err := f.carry(file.Path, target, ledger.Document{SHA256: blob.SHA256}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "carried" || exists(file.Path) {
		t.Errorf("%q, %v", data, err)
	}
	if err := f.carry(file.Path, target, ledger.Document{SHA256: blob.SHA256}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(f.folder.Archive, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
}

// TestWaitingOnADeadShare: whoever asks how many files wait is answered although the
// share is not; files that are gone are forgotten once it does.
func TestWaitingOnADeadShare(t *testing.T) {
	alive := make(chan struct{})
	f := &Front{told: map[string]string{"a.pdf": "it is locked"}, away: errors.New("host is down"),
		lstat: func(string) (fs.FileInfo, error) { <-alive; return nil, fs.ErrNotExist }}
	for range 3 {
		if n, away := f.Waiting(), f.Away(); n != 1 || away != "host is down" {
			t.Errorf("%d files wait, away: %q", n, away)
		}
	}
	done := f.prune()
	close(alive)
	<-done
	if n := f.Waiting(); n != 0 {
		t.Errorf("%d files wait", n)
	}
}
