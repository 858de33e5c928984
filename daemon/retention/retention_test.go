package retention

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/daemon/originals"
	"intray/ledger"
	"intray/ledger/ledgertest"
)

type fixture struct {
	*Purger
	now time.Time
	dir string
}

// setup has one folder that keeps originals for 90 days and text for 30.
func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), dir: t.TempDir()}
	store, err := originals.Open(filepath.Join(f.dir, "originals"))
	if err != nil {
		t.Fatal(err)
	}
	folder := config.FolderDefaults("desk")
	if err := errors.Join(folder.KeepOriginals.UnmarshalText([]byte("90d")), folder.KeepText.UnmarshalText([]byte("30d"))); err != nil {
		t.Fatal(err)
	}
	f.Purger = &Purger{Config: &config.Config{Folders: []config.Folder{folder}}, Originals: store, Log: slog.New(slog.DiscardHandler),
		Ledger: ledgertest.Open(t, func() time.Time { return f.now })}
	return f
}

// deliver has one document completed, with a PDF and a JSON.
func (f *fixture) deliver(t *testing.T, content string) ledger.Document {
	t.Helper()
	blob, err := f.Originals.Put(t.Context(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	f.Originals.Release(blob.SHA256)
	doc, err := f.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: content, Name: content, SHA256: blob.SHA256, Size: blob.Size, Keep: true})
	if err != nil || doc.State == ledger.Duplicate {
		return doc
	}
	outputs := []string{filepath.Join(f.dir, content+".pdf"), filepath.Join(f.dir, content+".json")}
	attempt := ledger.NewID()
	_, err1 := f.Ledger.Apply(doc.ID, ledger.Validate("application/pdf", 1))
	_, err2 := f.Ledger.Apply(doc.ID, ledger.Start(attempt, "local", "test", f.now.Add(time.Hour)))
	doc, err3 := f.Ledger.Apply(doc.ID, ledger.Complete(attempt, outputs))
	err4 := os.WriteFile(outputs[0], []byte("%PDF"), 0o644)
	err5 := os.WriteFile(outputs[1], []byte(`{"document_id":"`+doc.ID+`"}`), 0o644)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return doc
}

func (f *fixture) due(t *testing.T, days int, dry bool) []Removal {
	t.Helper()
	removed, err := f.Due(t.Context(), f.now.Add(time.Duration(days)*24*time.Hour), dry)
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestDue(t *testing.T) {
	f := setup(t)
	doc := f.deliver(t, "scan")
	foreign := f.deliver(t, "replaced")
	if err := os.WriteFile(foreign.Outputs[1], []byte(`{"document_id":"another"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := f.due(t, 29, false); len(got) != 0 {
		t.Errorf("before its time: %+v", got)
	}
	if got := f.due(t, 31, true); len(got) != 2 || got[0].What != WhatText || !exists(doc.Outputs[1]) {
		t.Errorf("dry run: %+v", got)
	}
	f.due(t, 31, false)
	if got := f.due(t, 31, false); len(got) != 0 {
		t.Errorf("once more: %+v", got)
	}
	if exists(doc.Outputs[1]) || !exists(doc.Outputs[0]) || !exists(foreign.Outputs[1]) || !f.Originals.Has(doc.SHA256) {
		t.Error("text: the wrong files were removed")
	}
	if got := f.due(t, 91, false); len(got) != 2 || got[0].What != WhatDocument || got[0].Bytes == 0 {
		t.Errorf("after 91 days: %+v", got)
	}
	if f.Originals.Has(doc.SHA256) || !exists(doc.Outputs[0]) {
		t.Error("the original is still there, or the office's PDF is gone")
	}
	if tomb, err := f.Ledger.Get(doc.ID); err != nil || tomb.State != ledger.Purged || tomb.Reason != "kept for 90d" {
		t.Errorf("%+v, %v", tomb, err)
	}
}

// TestTextOnAShareThatIsAway is not said to be removed.
func TestTextOnAShareThatIsAway(t *testing.T) {
	f := setup(t)
	doc := f.deliver(t, "scan")
	away := f.dir + "-away"
	if err := os.Rename(f.dir, away); err != nil {
		t.Fatal(err)
	}
	if got := f.due(t, 31, false); len(got) != 0 {
		t.Errorf("removed %+v", got)
	}
	if err := os.Rename(away, f.dir); err != nil {
		t.Fatal(err)
	}
	if got := f.due(t, 31, false); len(got) != 1 || exists(doc.Outputs[1]) {
		t.Errorf("after its return: %+v", got)
	}
}

// TestSharedContent stays as long as another document needs it, and while it
// is being taken in again.
func TestSharedContent(t *testing.T) {
	f := setup(t)
	first := f.deliver(t, "scan")
	second, err := f.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: "b", Name: "b", SHA256: first.SHA256, Again: true, Keep: true})
	if err != nil || second.State != ledger.Received {
		t.Fatal(second.State, err)
	}
	if r, err := f.One(first.ID, "test", false); err != nil || len(r) != 2 || r[1].Bytes != 0 || !f.Originals.Has(first.SHA256) {
		t.Errorf("%+v, %v, still there: %v", r, err, f.Originals.Has(first.SHA256))
	}
	if _, err := f.One(second.ID, "test", false); !errors.Is(err, ErrNotEnded) {
		t.Errorf("a document on its way: %v", err)
	}
	third := f.deliver(t, "held")
	blob, err := f.Originals.Put(t.Context(), strings.NewReader("held"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.One(third.ID, "test", false); err != nil || !f.Originals.Has(blob.SHA256) {
		t.Errorf("%v, still there: %v", err, f.Originals.Has(blob.SHA256))
	}
	f.Originals.Release(blob.SHA256)
	// It came in again after that, twice.
	for _, name := range []string{"x", "y"} {
		dup, err := f.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: name, Name: name, SHA256: blob.SHA256, Keep: true})
		if err != nil || dup.State != ledger.Duplicate || dup.DuplicateOf != third.ID {
			t.Fatalf("%+v, %v", dup, err)
		}
		defer func() {
			if _, err := f.One(dup.ID, "test", false); err != nil {
				t.Error(err)
			}
			if has := f.Originals.Has(blob.SHA256); has != (name == "y") { // deferred: y goes first
				t.Errorf("after %s the content is there: %v", name, has)
			}
		}()
	}
}

// TestBothHalvesGo: a document made of two files leaves none of their originals.
func TestBothHalvesGo(t *testing.T) {
	f := setup(t)
	var halves []ledger.Document
	for _, name := range []string{"fronts", "backs"} {
		blob, err := f.Originals.Put(t.Context(), strings.NewReader(name))
		if err != nil {
			t.Fatal(err)
		}
		f.Originals.Release(blob.SHA256)
		doc, err1 := f.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: name, Name: name, SHA256: blob.SHA256, Size: blob.Size, Keep: true})
		attempt := ledger.NewID()
		_, err2 := f.Ledger.Apply(doc.ID, ledger.Validate("application/pdf", 1))
		_, err3 := f.Ledger.Apply(doc.ID, ledger.Start(attempt, "local", "test", f.now.Add(time.Hour)))
		_, err4 := f.Ledger.Pair(doc.ID, attempt, 1, f.now.Add(time.Minute))
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		halves = append(halves, doc)
	}
	whole, attempt := halves[0], ledger.NewID()
	_, err1 := f.Ledger.Apply(whole.ID, ledger.Resume())
	_, err2 := f.Ledger.Apply(whole.ID, ledger.Start(attempt, "local", "test", f.now.Add(time.Hour)))
	_, err3 := f.Ledger.Apply(whole.ID, ledger.Complete(attempt, nil))
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{halves[1].ID, whole.ID} {
		if !f.Originals.Has(halves[1].SHA256) {
			t.Error("the original went before all who need it")
		}
		if _, err := f.One(id, "test", false); err != nil {
			t.Fatal(err)
		}
	}
	for _, half := range halves {
		if f.Originals.Has(half.SHA256) {
			t.Errorf("the original of %s is still there", half.Name)
		}
	}
}
