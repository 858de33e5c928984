package intake

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"intray/daemon/originals"
	"intray/ledger"
	"intray/ledger/ledgertest"
	"intray/watcher"
)

type fixture struct {
	*Intake
	hot string
}

func setup(t *testing.T) fixture {
	t.Helper()
	store, err := originals.Open(filepath.Join(t.TempDir(), "originals"))
	if err != nil {
		t.Fatal(err)
	}
	hot := t.TempDir()
	return fixture{&Intake{Ledger: ledgertest.Open(t, nil), Originals: store, Sniff: func([]byte) string { return "application/pdf" },
		Log: slog.New(slog.DiscardHandler)}, hot}
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
	return watcher.File{Path: path, Rel: rel, Size: info.Size(), ModTime: info.ModTime(), Inode: watcher.Inode(info)}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestTake(t *testing.T) {
	f := setup(t)
	file := f.drop(t, "a/scan.pdf", "content")
	doc, err := f.Take(t.Context(), "desk", file)
	if err != nil || doc.State != ledger.Received || doc.Path != "a/scan.pdf" || doc.Name != "scan.pdf" || doc.Size != 7 {
		t.Fatalf("%+v, %v", doc, err)
	}
	if exists(file.Path) || f.Originals.Verify(t.Context(), doc.SHA256) != nil {
		t.Error("the hot folder is not clear, or the original is not stored")
	}
	again := f.drop(t, "copy.pdf", "content")
	repeat, err := f.Take(t.Context(), "desk", again)
	if err != nil || repeat.State != ledger.Duplicate || repeat.DuplicateOf != doc.ID || exists(again.Path) {
		t.Errorf("%+v, %v", repeat, err)
	}
}

// TestA3KillBeforeTheFolderIsClear: recorded, but still in the hot folder. The
// restart clears it and makes no second document.
func TestA3KillBeforeTheFolderIsClear(t *testing.T) {
	for _, how := range []string{"recover", "take again"} {
		f := setup(t)
		file := f.drop(t, "scan.pdf", "content")
		blob, err := f.store(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := f.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: file.Rel, Name: "scan.pdf", SHA256: blob.SHA256, Size: blob.Size, Source: mark(file)})
		if err != nil {
			t.Fatal(err)
		}
		if how == "recover" {
			err = f.Recover("desk", f.hot)
		} else {
			var same ledger.Document
			if same, err = f.Take(t.Context(), "desk", file); same.ID != doc.ID {
				t.Errorf("a second document %s", same.ID)
			}
		}
		if err != nil || exists(file.Path) {
			t.Errorf("%s: %v, still there: %v", how, err, exists(file.Path))
		}
		if left, err := f.Ledger.Uncleared("desk"); err != nil || len(left) != 0 {
			t.Errorf("%s: uncleared %v, %v", how, left, err)
		}
	}
}

// TestChangedFileIsNeverRemoved: another file under the name is left alone and
// taken as itself.
func TestChangedFileIsNeverRemoved(t *testing.T) {
	f := setup(t)
	old := f.drop(t, "scan.pdf", "first")
	f.drop(t, "scan.pdf", "second, longer")
	var again *Again
	if _, err := f.Take(t.Context(), "desk", old); !errors.As(err, &again) {
		t.Errorf("taken though it changed: %v", err)
	}
	if !exists(old.Path) || len(stored(t, f)) != 0 {
		t.Errorf("file there %v, originals %v", exists(old.Path), stored(t, f))
	}
	doc := ledger.Document{ID: ledger.NewID(), Source: mark(old)}
	f.Clear(old.Path, doc)
	if !exists(old.Path) {
		t.Error("a newer file was removed")
	}
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
	f.MinFree = math.MaxInt64
	var again *Again
	if _, err := f.Take(t.Context(), "desk", file); !errors.As(err, &again) || again.After != later {
		t.Errorf("no room: %v", err)
	}
	f.MinFree = 0
	missing := file
	missing.Path += ".gone"
	if _, err := f.Take(t.Context(), "desk", missing); !errors.As(err, &again) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	dir := file
	dir.Path = f.hot
	if _, err := f.Take(t.Context(), "desk", dir); !errors.As(err, &again) {
		t.Errorf("a folder: %v", err)
	}
	if !exists(file.Path) {
		t.Error("the file is gone")
	}
}
