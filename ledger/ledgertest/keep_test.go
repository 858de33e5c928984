package ledgertest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"intray/ledger"
)

// TestManyCallersShareCommits, and one whose change is refused spoils no
// other's.
func TestManyCallersShareCommits(t *testing.T) {
	l := Open(t, nil)
	doc := receive(t, l, 0)
	var group sync.WaitGroup
	var refused sync.Map
	for n := range 200 {
		group.Go(func() {
			if n%10 == 0 { // there is no such attempt
				_, err := l.Apply(doc.ID, ledger.Complete("none", nil))
				refused.Store(n, errors.Is(err, ledger.ErrConflict))
				return
			}
			if _, err := l.Receive(arrival(n)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	refused.Range(func(n, conflict any) bool {
		if conflict != true {
			t.Errorf("change %v was not refused", n)
		}
		return true
	})
	if counts, err := l.Counts(); err != nil || counts[ledger.Received] != 181 {
		t.Errorf("%v, %v", counts, err)
	}
}

// TestBackupAndRestore: a copy taken while others write is whole, and what it
// was copied over goes on from it.
func TestBackupAndRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := OpenAt(t, path, nil)
	first := receive(t, l, 1)
	stop, stopped := make(chan bool), make(chan error, 1)
	go func() {
		for n := 2; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				if _, err := l.Receive(arrival(n)); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	var copied bytes.Buffer
	size, err := l.Backup(&copied)
	close(stop)
	if err := errors.Join(err, <-stopped); err != nil || size != int64(copied.Len()) {
		t.Fatalf("%d bytes, %v", size, err)
	}
	late := receive(t, l, 100_000)
	Close(t, l)
	if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	l = OpenAt(t, path, nil) // and checked at the end
	if got, err := l.Get(first.ID); err != nil || got.SHA256 != first.SHA256 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := l.Get(late.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a document of after the backup: %v", err)
	}
	receive(t, l, 200_000)
}

// TestCompact gives space back while others read and write.
func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := OpenAt(t, path, nil)
	fill(t, l, 2000)
	page, err := l.List(ledger.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range page.Documents[:200] { // rewriting frees pages
		reachFrom(t, l, d)
	}
	before, free, err := l.Space()
	if err != nil || free == 0 {
		t.Fatalf("%d free, %v", free, err)
	}
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			if _, err := l.Receive(arrival(50_000 + n)); err != nil {
				t.Error(err)
			}
			if _, err := l.Counts(); err != nil {
				t.Error(err)
			}
		})
	}
	if err := os.WriteFile(path+".compact", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = l.Compact()
	for errors.Is(err, ledger.ErrBusy) { // on a busy machine they hold it for longer than it waits
		err = l.Compact()
	}
	if err != nil {
		t.Fatal(err)
	}
	group.Wait()
	after, _, err := l.Space()
	if err != nil || after >= before {
		t.Errorf("%d bytes before, %d after, %v", before, after, err)
	}
	if counts, err := l.Counts(); err != nil || counts[ledger.Received] != 1820 {
		t.Errorf("%v, %v", counts, err)
	}
	if _, err := ledger.Open(path, ledger.Options{LockTimeout: 1}); !errors.Is(err, ledger.ErrLocked) {
		t.Errorf("the compacted file is not locked: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}

// reachFrom moves a received document on.
func reachFrom(t *testing.T, l *ledger.Ledger, d ledger.Document) {
	t.Helper()
	if _, err := l.Apply(d.ID, ledger.Refuse(ledger.Failure{Kind: "terminal", Code: "empty_file"})); err != nil {
		t.Fatal(err)
	}
}

// TestSeen: a file that stays in its folder is known by what it looks like,
// whatever its name holds, also after a restart.
func TestSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := OpenAt(t, path, nil)
	a := arrival(1)
	a.Path, a.Name, a.Keep = "sub/scan-\xff.pdf", "scan-\xff.pdf", true
	doc, err := l.Receive(a)
	if err != nil || !doc.SourceCleared || doc.FilePath() != a.Path {
		t.Fatalf("%+v, %v", doc, err)
	}
	Close(t, l)
	l = OpenAt(t, path, nil)
	changed := a.Source
	changed.Size++
	for _, c := range []struct {
		folder, path string
		mark         ledger.SourceMark
		want         bool
	}{{a.Folder, a.Path, a.Source, true}, {a.Folder, a.Path, changed, false}, {"other", a.Path, a.Source, false}, {a.Folder, "x", a.Source, false}} {
		if got, err := l.Seen(c.folder, c.path, c.mark); err != nil || got != c.want {
			t.Errorf("%s %q: %v, %v", c.folder, c.path, got, err)
		}
	}
	if left, err := l.Uncleared(a.Folder); err != nil || len(left) != 0 {
		t.Errorf("waits to be cleared: %v, %v", left, err)
	}
}

// TestTombstone: what is left of a purged document is known by its content and
// tells no names.
func TestTombstone(t *testing.T) {
	l := Open(t, nil)
	doc := reach(t, l, 1, ledger.Completed)
	if err := errors.Join(l.Forget(doc.ID, "text", "retention", "kept for 1d"), l.Forget(doc.ID, "text", "retention", "twice")); err != nil {
		t.Fatal(err)
	}
	tomb, err := l.Apply(doc.ID, ledger.Purge("retention", "kept for 90d"))
	if err != nil {
		t.Fatal(err)
	}
	if tomb.Name+tomb.Path != "" || tomb.Outputs != nil || tomb.SHA256 != doc.SHA256 || tomb.Reason != "kept for 90d" || !slices.Equal(tomb.Forgotten, []string{"text"}) {
		t.Errorf("%+v", tomb)
	}
	if page, err := l.List(ledger.Query{Name: doc.Name}); err != nil || len(page.Documents) != 0 {
		t.Errorf("found by its name: %v, %v", page, err)
	}
	a := arrival(1)
	a.Source.Inode = 999
	again, err := l.Receive(a)
	if err != nil || again.State != ledger.Duplicate || again.DuplicateOf != doc.ID {
		t.Errorf("its content again: %+v, %v", again, err)
	}
	failed := reach(t, l, 2, ledger.FailedTerminal)
	if _, err := l.Apply(failed.ID, ledger.Purge("retention", "kept for 90d")); err != nil {
		t.Fatal(err)
	}
	b := arrival(2)
	b.Source.Inode = 999
	if fresh, err := l.Receive(b); err != nil || fresh.State != ledger.Received {
		t.Errorf("content that failed, was purged, and comes again: %+v, %v", fresh, err)
	}
	a.Source.Inode, a.Again = 1000, true
	if fresh, err := l.Receive(a); err != nil || fresh.State != ledger.Received {
		t.Errorf("on request: %+v, %v", fresh, err)
	}
	events, err := l.Events(doc.ID)
	if err != nil || events[len(events)-1].Move != "purge" || events[len(events)-1].Actor != "retention" || events[len(events)-2].Move != "forget" {
		t.Errorf("%+v, %v", events, err)
	}
}

// TestPurgeThatBegan leaves no way but its end, also after a restart.
func TestPurgeThatBegan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := OpenAt(t, path, nil)
	doc := reach(t, l, 1, ledger.DeadLetter)
	if err := l.BeginPurge(receive(t, l, 2).ID); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a document on its way: %v", err)
	}
	if err := errors.Join(l.BeginPurge(doc.ID), l.BeginPurge(doc.ID)); err != nil {
		t.Fatal(err)
	}
	Close(t, l)
	l = OpenAt(t, path, nil)
	if _, err := l.Apply(doc.ID, ledger.Retry("test", "too late")); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("retried while it is purged: %v", err)
	}
	if begun, err := l.Purging(); err != nil || len(begun) != 1 || begun[0].ID != doc.ID {
		t.Errorf("%v, %v", begun, err)
	}
	if _, err := l.Apply(doc.ID, ledger.Purge("test", "")); err != nil {
		t.Error(err)
	}
	if begun, err := l.Purging(); err != nil || len(begun) != 0 {
		t.Errorf("%v, %v", begun, err)
	}
}

// TestCompactedWhileSomebodyWaits: who waits for the ledger gets the one that
// is there when its turn comes, not the file that was replaced meanwhile.
func TestCompactedWhileSomebodyWaits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows replaces no file that somebody has open; the compaction fails and is tried again in an hour")
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := OpenAt(t, path, nil)
	receive(t, l, 1)
	type opened struct {
		l   *ledger.Ledger
		err error
	}
	waiting := make(chan opened)
	go func() {
		next, err := ledger.Open(path, ledger.Options{LockTimeout: time.Minute})
		waiting <- opened{next, err}
	}()
	for range 5 { // whichever of them the other meets
		if err := l.Compact(); err != nil {
			t.Fatal(err)
		}
	}
	last := receive(t, l, 2)
	Close(t, l)
	next := <-waiting
	if next.err != nil {
		t.Fatal(next.err)
	}
	defer Close(t, next.l)
	if _, err := next.l.Get(last.ID); err != nil {
		t.Errorf("the last document: %v", err)
	}
}

// TestBackupAndCompact: a slow reader of a backup keeps a compaction off, and
// nobody else waiting.
func TestBackupAndCompact(t *testing.T) {
	l := OpenAt(t, filepath.Join(t.TempDir(), "ledger.db"), nil)
	fill(t, l, 100)
	reading, goOn := make(chan bool), make(chan bool)
	ended := make(chan error)
	go func() {
		_, err := l.Backup(stalled{reading, goOn})
		ended <- err
	}()
	<-reading
	if err := l.Compact(); !errors.Is(err, ledger.ErrBusy) {
		t.Errorf("compacted beside a backup: %v", err)
	}
	receive(t, l, 200) // nobody is kept waiting
	close(goOn)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// stalled is a reader of a backup that takes its time.
type stalled struct{ reading, goOn chan bool }

func (s stalled) Write(p []byte) (int, error) {
	select {
	case s.reading <- true:
	case <-s.goOn:
	}
	<-s.goOn
	return len(p), nil
}
