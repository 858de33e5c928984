package intake

import (
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"intray/daemon/deliver"
	"intray/ledger"
	"intray/ledger/ledgertest"
	"intray/watcher"
)

// TestTwoIntraysOverOneFolder: each file is taken by one of them, the other
// finds it gone and keeps no copy.
func TestTwoIntraysOverOneFolder(t *testing.T) {
	a, b := setup(t), setup(t)
	b.Owner, b.folder.Path = "others00", a.hot
	var group sync.WaitGroup
	var taken atomic.Int32
	const files = 100
	for n := range files {
		file := a.drop(t, "scan.pdf", strings.Repeat("x", n+1))
		for _, in := range []fixture{a, b} {
			group.Go(func() {
				switch _, err := in.Take(t.Context(), in.folder, file); {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, ErrGone):
					var again *Again // the other had it open or was about to rename it
					if !errors.As(err, &again) {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	}
	if taken.Load() != files {
		t.Errorf("%d files were taken %d times", files, taken.Load())
	}
	if n := len(stored(t, a)) + len(stored(t, b)); n != files {
		t.Errorf("%d originals are stored, want %d", n, files)
	}
	a.empty(t)
}

// TestClaimOfTheDead: respected for as long as the folder says, then given
// back; one of ours at once. A taken name is not overwritten.
func TestClaimOfTheDead(t *testing.T) {
	f := setup(t)
	seen, now := sightings{}, time.Now()
	foreign := f.drop(t, "sub/"+claimName("others00", "scan.pdf"), "theirs")
	f.aside(f.folder, foreign.Rel, seen, now)
	f.aside(f.folder, foreign.Rel, seen, now.Add(f.folder.ClaimExpiry-time.Second))
	if !exists(foreign.Path) {
		t.Fatal("a living claim was taken over")
	}
	newer := f.drop(t, "sub/scan.pdf", "newer")
	f.aside(f.folder, foreign.Rel, seen, now.Add(f.folder.ClaimExpiry))
	if data, err := os.ReadFile(filepath.Join(f.hot, "sub", "scan (2).pdf")); err != nil || string(data) != "theirs" {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := os.ReadFile(newer.Path); err != nil || string(data) != "newer" {
		t.Errorf("%q, %v", data, err)
	}
	for _, forged := range []string{"..", ".", ".hidden.pdf"} {
		file := f.drop(t, claimPrefix+"others00-ABCDEFGH~"+forged, "forged")
		f.aside(f.folder, file.Rel, seen, now)
		f.aside(f.folder, file.Rel, seen, now.Add(time.Hour))
		if !exists(file.Path) {
			t.Errorf("a file named as a claim of %q was moved", forged)
		}
	}
	ours := f.drop(t, claimName(f.Owner, "ours.pdf"), "ours")
	held := f.hand(f.folder, ours.Rel, "ours.pdf")
	f.aside(f.folder, ours.Rel, seen, now)
	if !exists(ours.Path) {
		t.Error("a claim in hand was given back")
	}
	f.unhand(held)
	f.aside(f.folder, ours.Rel, seen, now)
	if !exists(filepath.Join(f.hot, "ours.pdf")) || exists(ours.Path) {
		t.Error("a claim that a crash left was not given back")
	}
}

// TestClaimantComesBack: another Intray took over what it had recorded already;
// the document is given up, not processed a second time.
func TestClaimantComesBack(t *testing.T) {
	dead, other := setup(t), setup(t)
	other.Owner, other.folder.Path = "others00", dead.hot
	file := dead.drop(t, "scan.pdf", "content")
	blob, err := dead.store(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dead.claim(dead.folder, file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := dead.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: "scan.pdf", Name: "scan.pdf", SHA256: blob.SHA256, Size: blob.Size,
		Source: mark(file), Claim: c.rel})
	if err != nil {
		t.Fatal(err)
	}
	if due, err := dead.Ledger.Due(time.Now(), 1); err != nil || len(due) != 0 {
		t.Errorf("due before the claim's end: %v, %v", due, err)
	}
	dead.unhand(c) // as a restart does
	seen, now := sightings{}, time.Now()
	other.aside(other.folder, c.rel, seen, now)
	other.aside(other.folder, c.rel, seen, now.Add(time.Hour))
	info, err := os.Lstat(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	file.Changed = watcher.Changed(info)
	if got := other.take(t, file); got.State != ledger.Received {
		t.Errorf("%+v", got)
	}
	if err := dead.Recover(dead.folder); err != nil {
		t.Fatal(err)
	}
	if doc, err = dead.Ledger.Get(doc.ID); err != nil || doc.State != ledger.Duplicate || !doc.SourceCleared {
		t.Errorf("%+v, %v", doc, err)
	}
	dead.empty(t)
}

// TestLeftMarks: ours goes when it has been dealt with, another's when it is old.
func TestLeftMarks(t *testing.T) {
	f := setup(t)
	now := time.Now()
	for owner, wants := range map[string]bool{f.Owner: false, "others00": true} {
		file := f.drop(t, takenPrefix+owner+"-ABCDEFGH", "")
		f.aside(f.folder, file.Rel, sightings{}, now)
		if exists(file.Path) != wants {
			t.Errorf("mark for %s is there: %v", owner, !wants)
		}
		f.aside(f.folder, file.Rel, sightings{}, now.Add(oldMark+time.Hour))
		if exists(file.Path) {
			t.Errorf("an old mark for %s is still there", owner)
		}
	}
}

// FuzzClaimName: any name fits, and is read back unless it had to be cut.
func FuzzClaimName(f *testing.F) {
	for _, seed := range []string{"scan.pdf", "~", "a~b", strings.Repeat("ü", 127) + "x", strings.Repeat("n", 251) + ".pdf", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if watcher.DefaultIgnore(name) || len(name) > longestName || strings.ContainsRune(name, '/') {
			return
		}
		claim := claimName("ourselve", name)
		owner, got, ok := parseClaim(claim)
		cut := len(name) > longestName-len(claimPrefix)-OwnerLength-10
		if !ok || owner != "ourselve" || !cut && got != name || len(claim) > longestName {
			t.Fatalf("%q became %q, which reads %q %q %v", name, claim, owner, got, ok)
		}
		if cut && (!strings.HasPrefix(name, strings.TrimSuffix(got, path.Ext(got))) || utf8.ValidString(name) && !utf8.ValidString(got)) {
			t.Fatalf("%q was cut to %q", name, got)
		}
	})
}

// failedBundle puts a failed document's bundle into the hot folder.
func (f fixture) failedBundle(t *testing.T, dir string) ledger.Document {
	t.Helper()
	doc := f.take(t, f.drop(t, "scan.pdf", "content"))
	if doc, err := f.Ledger.Apply(doc.ID, ledger.Refuse(ledger.Failure{Kind: "terminal", Code: "corrupt"})); err != nil || doc.State != ledger.FailedTerminal {
		t.Fatal(doc.State, err)
	}
	data, err := deliver.Reason{DocumentID: doc.ID, SHA256: doc.SHA256, Files: []string{"scan.pdf"}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	f.drop(t, dir+"/reason.json", string(data))
	return doc
}

// TestBundleComesBack: dropped into a hot folder it is the document once more,
// not a new one; whichever of its files settles first.
func TestBundleComesBack(t *testing.T) {
	const bundle = "scan-ed7002b4" // with the beginning of the content's hash
	for _, reasonFirst := range []bool{true, false} {
		f := setup(t)
		doc := f.failedBundle(t, bundle)
		file := f.drop(t, bundle+"/scan.pdf", "content")
		reason := file
		reason.Rel = bundle + "/reason.json"
		reason.Path = filepath.Join(f.hot, filepath.FromSlash(reason.Rel))
		var again *Again
		if reasonFirst {
			if _, err := f.Take(t.Context(), f.folder, reason); !errors.As(err, &again) {
				t.Errorf("the reason alone: %v", err)
			}
		}
		taken, err := f.Take(t.Context(), f.folder, file)
		if err != nil || !taken.Retried || taken.Document.ID != doc.ID || taken.Document.State != ledger.Validated {
			t.Fatalf("%+v, %v", taken, err)
		}
		if exists(filepath.Join(f.hot, bundle)) {
			t.Error("the bundle is still there")
		}
		if _, err := f.Take(t.Context(), f.folder, reason); err == nil {
			t.Error("a file that is gone was taken")
		}
		f.empty(t)
	}
}

// TestBundleOutOfItsFolder: its files dropped by themselves leave the office's
// folders alone, the hot folder above all.
func TestBundleOutOfItsFolder(t *testing.T) {
	for _, dir := range []string{".", "letters"} {
		f := setup(t)
		doc := f.failedBundle(t, dir)
		taken, err := f.Take(t.Context(), f.folder, f.drop(t, path.Join(dir, "scan.pdf"), "content"))
		if err != nil || !taken.Retried || taken.Document.ID != doc.ID {
			t.Fatalf("%+v, %v", taken, err)
		}
		if !exists(filepath.Join(f.hot, dir)) {
			t.Errorf("the folder %s was removed", dir)
		}
		f.empty(t)
	}
}

// TestStrangeReason: what only looks like a bundle is taken like any file.
func TestStrangeReason(t *testing.T) {
	f := setup(t)
	if doc := f.take(t, f.drop(t, "reason.json", `{"schema":"other"}`)); doc.Name != "reason.json" {
		t.Errorf("%+v", doc)
	}
	foreign, err := json.Marshal(deliver.Reason{Schema: deliver.ReasonSchema, DocumentID: ledger.NewID(), SHA256: strings.Repeat("a", 64)})
	if err != nil {
		t.Fatal(err)
	}
	theirs := f.drop(t, "x/reason.json", string(foreign))
	var again *Again
	if _, err := f.Take(t.Context(), f.folder, theirs); !errors.As(err, &again) || again.After <= 0 {
		t.Errorf("another Intray's bundle: %v", err)
	}
	f.folder.ClaimExpiry = 0
	if doc := f.take(t, theirs); doc.State != ledger.Received {
		t.Errorf("%+v", doc)
	}
	f.failedBundle(t, "y")
	if doc := f.take(t, f.drop(t, "y/other.pdf", "another content")); doc.State != ledger.Received || doc.Path != "y/other.pdf" {
		t.Errorf("%+v", doc)
	}
	lone := f.drop(t, "z", "")
	lone.Rel, lone.Path = "y/reason.json", filepath.Join(f.hot, "y", "reason.json")
	if _, err := f.Take(t.Context(), f.folder, lone); !errors.Is(err, ErrGone) || exists(lone.Path) {
		t.Errorf("a reason whose document is elsewhere: %v", err)
	}
}

// TestLedgerFails: the file gets its name back, no copy and no claim stay.
func TestLedgerFails(t *testing.T) {
	f := setup(t)
	file := f.drop(t, "scan.pdf", "content")
	broken := ledgertest.Open(t, nil)
	whole := f.Ledger
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	f.Ledger = broken
	var again *Again
	if _, err := f.Take(t.Context(), f.folder, file); !errors.As(err, &again) || !exists(file.Path) {
		t.Errorf("%v, still there %v", err, exists(file.Path))
	}
	f.Ledger = whole
	info, err := os.Lstat(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	file.Changed = watcher.Changed(info) // it was renamed twice
	f.take(t, file)
	f.empty(t)
}

// TestWhatCannotBeCleared is not taken a second time, restart or not.
func TestWhatCannotBeCleared(t *testing.T) {
	f := setup(t)
	f.folder.After, f.folder.Again = Archive, true
	if err := os.WriteFile(f.folder.Archive, []byte("a file in the archive's place"), 0o644); err != nil {
		t.Fatal(err)
	}
	file := f.drop(t, "scan.pdf", "content")
	var again *Again
	taken, err := f.Take(t.Context(), f.folder, file)
	if !errors.As(err, &again) || !exists(file.Path) {
		t.Fatalf("%+v, %v", taken, err)
	}
	doc := taken.Document
	if due, err := f.Ledger.Due(time.Now(), 9); err != nil || len(due) != 1 || due[0].ID != doc.ID {
		t.Errorf("it is not due: %v, %v", due, err)
	}
	if err := f.Recover(f.folder); err != nil || !exists(file.Path) {
		t.Errorf("%v, still there %v", err, exists(file.Path))
	}
	if err := os.Remove(f.folder.Archive); err != nil {
		t.Fatal(err)
	}
	if err := f.Recover(f.folder); err != nil {
		t.Error(err)
	}
	f.empty(t)
	if docs, err := f.Ledger.WithSHA256(doc.SHA256, 0); err != nil || len(docs) != 1 || !docs[0].SourceCleared {
		t.Errorf("%+v, %v", docs, err)
	}
}

// TestFolderAwayAtTheStart: nothing is concluded from that. When it is back,
// what was recorded is cleared, and only then due.
func TestFolderAwayAtTheStart(t *testing.T) {
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
	f.unhand(c)
	doc, err := f.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: "scan.pdf", Name: "scan.pdf", SHA256: blob.SHA256, Size: blob.Size,
		Source: mark(file), Claim: c.rel})
	if err := errors.Join(err, os.Rename(f.hot, f.hot+"-away")); err != nil {
		t.Fatal(err)
	}
	if err := f.Recover(f.folder); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if got, err := f.Ledger.Get(doc.ID); err != nil || got.SourceCleared {
		t.Errorf("%+v, %v", got, err)
	}
	if err := os.Rename(f.hot+"-away", f.hot); err != nil {
		t.Fatal(err)
	}
	if err := f.Recover(f.folder); err != nil {
		t.Error(err)
	}
	f.empty(t)
	if due, err := f.Ledger.Due(time.Now(), 1); err != nil || len(due) != 1 {
		t.Errorf("%v, %v", due, err)
	}
}
