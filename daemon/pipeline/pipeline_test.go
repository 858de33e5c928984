package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/document/documenttest"
	"intray/daemon/originals"
	"intray/daemon/pages"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
	"intray/ledger/ledgertest"
)

// workers is a Caller without processes: two pages, each with one word, and
// whatever a test lets go wrong.
type workers struct {
	inspect, assemble func() error
	read              func(number int) error
	mu                sync.Mutex
	reads             int
}

func (w *workers) Call(ctx context.Context, _, name string, _ time.Duration, request, answer any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	run := func(fault func() error) error {
		if fault == nil {
			return nil
		}
		return fault()
	}
	switch name {
	case worker.Inspect:
		*answer.(*pages.Info) = pages.Info{MIME: pages.MIMEPDF, Pages: 2}
		return run(w.inspect)
	case worker.Read:
		w.mu.Lock()
		w.reads++
		w.mu.Unlock()
		q := request.(worker.ReadRequest)
		word := engines.Word{Text: "word", Confidence: 0.9, Box: engines.Box{X0: 10, Y0: 10, X1: 50, Y1: 20}}
		*answer.(*worker.ReadAnswer) = worker.ReadAnswer{Ink: 0.1,
			Geometry: document.Geometry{Width: 100, Height: 100, ImageToPage: document.Identity(), UserToPage: document.Identity()},
			Result:   engines.PageResult{Width: 100, Height: 100, Blocks: []engines.Block{{Kind: "text", Lines: []engines.Line{{Box: word.Box, Words: []engines.Word{word}}}}}}}
		if w.read == nil {
			return nil
		}
		return w.read(q.Number)
	}
	if name == worker.Verify || name == worker.Show || name == worker.Answer {
		return nil
	}
	q := request.(worker.AssembleRequest)
	*answer.(*worker.AssembleAnswer) = worker.AssembleAnswer{Pages: 2, TextLayer: true}
	return errors.Join(os.WriteFile(q.Out, []byte("%PDF"), 0o600), run(w.assemble))
}

type tray struct {
	*Pipeline
	dir string
	id  string
}

// newTray has one document received.
func newTray(t *testing.T, w *workers) *tray {
	t.Helper()
	dir := t.TempDir()
	cfg := config.Default()
	folder := config.FolderDefaults("desk")
	folder.Output, folder.Review, folder.Failed = filepath.Join(dir, "out"), filepath.Join(dir, "review"), filepath.Join(dir, "failed")
	cfg.Folders = []config.Folder{folder}
	store, err := originals.Open(filepath.Join(dir, "originals"))
	if err != nil {
		t.Fatal(err)
	}
	l := ledgertest.Open(t, nil)
	p := &Pipeline{Config: &cfg, Ledger: l, Originals: store, Workers: w, Engines: map[string]worker.EngineSpec{"local": {Name: "local", Kind: "tesseract"}},
		WorkDir: filepath.Join(dir, "work"), Owner: "test", Policy: ledger.Policy{Base: time.Millisecond, Cap: 4 * time.Millisecond, MaxAttempts: 3},
		Parallel: 2, Log: slog.New(slog.DiscardHandler)}
	blob, err := store.Put(t.Context(), strings.NewReader("%PDF original"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := l.Receive(ledger.Arrival{Folder: "desk", Path: "a/scan.pdf", Name: "scan.pdf", SHA256: blob.SHA256, Size: blob.Size, MIME: pages.MIMEPDF})
	if err != nil {
		t.Fatal(err)
	}
	return &tray{p, dir, doc.ID}
}

// drain runs until nothing is left to do and returns the document.
func (tr *tray) drain(t *testing.T) ledger.Document {
	t.Helper()
	if err := tr.Run(t.Context(), t.Context(), true); err != nil {
		t.Fatal(err)
	}
	doc, err := tr.Ledger.Get(tr.id)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(tr.WorkDir); err == nil && len(left) > 0 && doc.State != ledger.FailedRetryable {
		t.Errorf("left in the work folder: %v", left)
	}
	return doc
}

func later(code string) error {
	return &engines.Error{Kind: engines.Retryable, Code: code, Sentence: "Not now."}
}

// times fails the first n calls.
func times(n int, err error) func() error {
	left := atomic.Int64{}
	left.Store(int64(n))
	return func() error {
		if left.Add(-1) >= 0 {
			return err
		}
		return nil
	}
}

// TestAcceptWordsAreTypes: each word that a folder's accept may have stands for a
// type, and no two for the same.
func TestAcceptWordsAreTypes(t *testing.T) {
	seen := map[string]string{}
	for _, word := range config.AcceptTypes() {
		mime := pages.Named(word)
		if !slices.Contains(pages.Types(), mime) || seen[mime] != "" {
			t.Errorf("%q is the type %q, and so is %q", word, mime, seen[mime])
		}
		seen[mime] = word
	}
	if len(seen) != len(pages.Types()) {
		t.Errorf("%d words for %d types", len(seen), len(pages.Types()))
	}
}

func TestDelivered(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.drain(t)
	if doc.State != ledger.Completed || doc.Attempts != 1 || doc.Delivery != nil {
		t.Errorf("%+v", doc)
	}
	data, err := os.ReadFile(filepath.Join(tr.dir, "out", "a", "scan.json"))
	if err := errors.Join(err, documenttest.Validate(data)); err != nil {
		t.Error(err)
	}
}

// TestA5PassingFaultsAreTriedAgain: each place may fail for a while.
// TestTooLongToBeShown: what somebody looks at is read only if it is not too long.
func TestTooLongToBeShown(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.drain(t)
	if read, err := tr.Reading(doc); err != nil || len(read.Pages) != 2 {
		t.Fatal(err, read.Pages)
	}
	path := outputOf(doc, ".json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]error{longShown + 1: nil, longestShown: nil, longestShown + 1: ErrTooLong} {
		long := append(slices.Clone(data), bytes.Repeat([]byte(" "), int(size)-len(data))...)
		if err := os.WriteFile(path, long, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Reading(doc); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestA5PassingFaultsAreTriedAgain(t *testing.T) {
	for name, w := range map[string]*workers{
		"opening": {inspect: times(1, later("timeout"))},
		"a page":  {read: func() func(int) error { f := times(1, later("engine_crashed")); return func(int) error { return f() } }()},
		"the PDF": {assemble: times(2, later("disk_full"))},
		"unknown": {inspect: times(2, errors.New("something unknown"))},
	} {
		if doc := newTray(t, w).drain(t); doc.State != ledger.Completed || doc.Attempts < 2 {
			t.Errorf("%s: %s after %d attempts", name, doc.State, doc.Attempts)
		}
	}
}

func TestPagesAreNotReadTwice(t *testing.T) {
	w := &workers{assemble: times(1, later("timeout"))}
	if doc := newTray(t, w).drain(t); doc.State != ledger.Completed || w.reads != 2 {
		t.Errorf("%s with %d reads of two pages", doc.State, w.reads)
	}
}

func TestExhaustedIsADeadLetter(t *testing.T) {
	tr := newTray(t, &workers{inspect: func() error { return later("timeout") }})
	doc := tr.drain(t)
	if doc.State != ledger.DeadLetter || doc.Attempts != 3 {
		t.Errorf("%s after %d attempts", doc.State, doc.Attempts)
	}
	reason := tr.reason(t)
	if reason["state"] != "dead_letter" || reason["code"] != "timeout" || reason["attempts"] != 3.0 {
		t.Errorf("%v", reason)
	}
}

func (tr *tray) reason(t *testing.T) map[string]any {
	t.Helper()
	bundles, err := filepath.Glob(filepath.Join(tr.dir, "failed", "scan-*"))
	if err != nil || len(bundles) != 1 {
		t.Fatalf("bundles %v, %v", bundles, err)
	}
	data, err := os.ReadFile(filepath.Join(bundles[0], "reason.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bundles[0], "scan.pdf")); err != nil {
		t.Error(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTerminalIsExplainedAtOnce(t *testing.T) {
	tr := newTray(t, &workers{inspect: func() error {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeNeedPassword, Sentence: "Locked."}
	}})
	if doc := tr.drain(t); doc.State != ledger.FailedTerminal || doc.Attempts != 1 {
		t.Errorf("%s after %d attempts", doc.State, doc.Attempts)
	}
	if r := tr.reason(t); r["code"] != engines.CodeNeedPassword || r["stage"] != "open" || r["sentence"] != "Locked." {
		t.Errorf("%v", r)
	}
}

// TestABadPageLeadsToReview: one page never succeeds, the others are delivered.
func TestABadPageLeadsToReview(t *testing.T) {
	tr := newTray(t, &workers{read: func(number int) error {
		if number == 2 {
			return later("engine_crashed")
		}
		return nil
	}})
	if doc := tr.drain(t); doc.State != ledger.NeedsHumanReview || doc.Failure == nil {
		t.Fatalf("%+v", doc)
	}
	tr.checkBundle(t, "scan.json", "scan.pdf")
}

// TestDoubtfulPDFIsNotDelivered: the original goes to review in its place.
func TestDoubtfulPDFIsNotDelivered(t *testing.T) {
	tr := newTray(t, &workers{assemble: func() error {
		return &engines.Error{Kind: engines.Review, Code: "pdf_page_count", Sentence: "A page is missing."}
	}})
	if doc := tr.drain(t); doc.State != ledger.NeedsHumanReview || doc.Failure.Code != "pdf_page_count" {
		t.Fatalf("%+v", doc)
	}
	tr.checkBundle(t, "scan.json", "scan.pdf")
	if data, _ := os.ReadFile(filepath.Join(tr.dir, "review", filepath.Base(tr.bundle(t)), "scan.pdf")); string(data) != "%PDF original" {
		t.Errorf("the bundle's PDF is %q", data)
	}
}

func (tr *tray) bundle(t *testing.T) string {
	t.Helper()
	bundles, err := filepath.Glob(filepath.Join(tr.dir, "review", "scan-*"))
	if err != nil || len(bundles) != 1 {
		t.Fatalf("bundles %v, %v", bundles, err)
	}
	return bundles[0]
}

func (tr *tray) checkBundle(t *testing.T, names ...string) {
	t.Helper()
	dir := tr.bundle(t)
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "scan.json"))
	if err := errors.Join(err, documenttest.Validate(data)); err != nil {
		t.Error(err)
	}
	if out, _ := filepath.Glob(filepath.Join(tr.dir, "out", "a", "*")); len(out) > 0 {
		t.Errorf("delivered as well: %v", out)
	}
}

// TestStopCostsNoAttempt: the hard stop interrupts; the next run finishes.
func TestStopCostsNoAttempt(t *testing.T) {
	hard, stop := context.WithCancel(t.Context())
	w := &workers{}
	tr := newTray(t, w)
	w.read = func(int) error {
		stop()
		return context.Canceled
	}
	if err := tr.Run(hard, hard, true); err != nil {
		t.Fatal(err)
	}
	if doc, err := tr.Ledger.Get(tr.id); err != nil || doc.State != ledger.FailedRetryable || doc.Attempts != 0 {
		t.Fatalf("%+v, %v", doc, err)
	}
	w.read = nil
	if doc := tr.drain(t); doc.State != ledger.Completed || doc.Attempts != 1 {
		t.Errorf("%s after %d attempts", doc.State, doc.Attempts)
	}
}

// TestA3StagedDeliveryIsFinishedAfterACrash: the plan is in the ledger, the
// daemon died before the renames.
func TestA3StagedDeliveryIsFinishedAfterACrash(t *testing.T) {
	w := &workers{}
	tr := newTray(t, w)
	blocked := filepath.Join(tr.dir, "out", "a")
	doc, err := tr.Ledger.Apply(tr.id, ledger.Validate(pages.MIMEPDF, 0))
	if err != nil {
		t.Fatal(err)
	}
	if doc, err = tr.process(t.Context(), doc); err != nil || doc.State != ledger.Completed {
		t.Fatalf("%+v, %v", doc, err)
	}
	if files, _ := os.ReadDir(blocked); len(files) != 2 {
		t.Fatalf("delivered %v", files)
	}
	// Once more, dying between the plan and the outcome.
	if _, err := tr.Ledger.Apply(tr.id, ledger.Reprocess("test", "again")); err != nil {
		t.Fatal(err)
	}
	attempt := ledger.NewID()
	again, err := tr.Ledger.Apply(tr.id, ledger.Start(attempt, "local", "dead", time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	r := request(again, blocked, blocked)
	r.Parts = []deliver.Part{{Name: ".pdf", Data: []byte("%PDF read before the crash")}}
	plan, err := tr.desk.Stage(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := record{Plan: plan, Outcome: ledger.CompletedWithWarnings}.encode()
	if err := errors.Join(err, tr.Ledger.PlanDelivery(tr.id, attempt, raw)); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Ledger.Rescue("new daemon"); err != nil {
		t.Fatal(err)
	}
	reads := w.reads
	if doc := tr.drain(t); doc.State != ledger.CompletedWithWarnings || w.reads != reads {
		t.Errorf("%s, read again: %v", doc.State, w.reads != reads)
	}
}

// TestEnvironmentIsWaitedFor as long as it takes, at no cost; where nobody
// waits it counts like any failure.
func TestEnvironmentIsWaitedFor(t *testing.T) {
	full := &engines.Error{Kind: engines.Retryable, Code: engines.CodeEnvironment, Sentence: "No space left."}
	tr := newTray(t, &workers{assemble: times(7, full)})
	if doc := tr.drain(t); doc.State != ledger.Completed || doc.Attempts != 1 || doc.Tries != 8 || doc.Postponed != 0 {
		t.Errorf("%s after %d attempts, %d tries, %d postponed, %+v", doc.State, doc.Attempts, doc.Tries, doc.Postponed, doc.Failure)
	}
	tr = newTray(t, &workers{assemble: times(7, full)})
	tr.Impatient = true
	if doc := tr.drain(t); doc.State != ledger.DeadLetter || doc.Failure.Code != engines.CodeEnvironment || doc.Attempts != 3 {
		t.Errorf("%s, %+v", doc.State, doc.Failure)
	}
}

// TestBlockedOutputEnds: what stands in a document's own way is not waited for.
func TestBlockedOutputEnds(t *testing.T) {
	tr := newTray(t, &workers{})
	if err := os.MkdirAll(filepath.Join(tr.dir, "out"), 0o755); err != nil { // which is everybody's; without it all wait
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tr.dir, "out", "a"), []byte("a file in the folder's place"), 0o644); err != nil {
		t.Fatal(err)
	}
	if doc := tr.drain(t); doc.State != ledger.DeadLetter || doc.Failure.Code != codeNotDelivered {
		t.Errorf("%s, %+v", doc.State, doc.Failure)
	}
}

// TestA6StuckAttemptLosesItsLease at the deadline, without a restart: the
// document is finished by another attempt, and the late answer changes nothing.
// In fake time, for an attempt that works must not lose its lease to a slow disk.
func TestA6StuckAttemptLosesItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTray(t, &workers{})
		tr.Config.Lease = config.Duration(200 * time.Millisecond)
		release := make(chan bool)
		var calls atomic.Int32
		tr.Progress = func(_ ledger.Document, done, pages int) {
			if done == pages && calls.Add(1) == 1 { // at the last page nobody waits for its turn to tell
				<-release
			}
		}
		doc := tr.drain(t)
		if doc.State != ledger.Completed || doc.Attempts != 2 || doc.Tries != 2 {
			t.Errorf("%s after %d attempts", doc.State, doc.Attempts)
		}
		close(release)
		synctest.Wait() // it has said all that it had to say
		attempts, err := tr.Ledger.Attempts(tr.id)
		if err != nil || len(attempts) != 2 || attempts[0].Failure == nil || attempts[0].Failure.Code != "lease_expired" {
			t.Errorf("%+v, %v", attempts, err)
		}
		if _, err := tr.Ledger.Apply(tr.id, ledger.Complete(attempts[0].ID, nil)); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("a late answer: %v", err)
		}
		if doc, err := tr.Ledger.Get(tr.id); err != nil || doc.State != ledger.Completed || doc.Attempts != 2 {
			t.Errorf("after the late answer: %+v, %v", doc, err)
		}
		if files, err := os.ReadDir(filepath.Join(tr.dir, "out", "a")); err != nil || len(files) != 2 {
			t.Errorf("delivered %v, %v", files, err)
		}
	})
}
