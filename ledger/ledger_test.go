package ledger

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestOpenTwiceIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{LockTimeout: time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Errorf("close twice: %v", err)
	}
	r, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Receive(Arrival{}); err == nil {
		t.Error("a read-only ledger took a document")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestMigrations plants a list: steps run once, in order, all or none, and a
// ledger of a newer version is refused.
func TestMigrations(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var ran []string
	step := func(name string, fails bool) migration {
		return migration{name, func(tx *bolt.Tx) error {
			ran = append(ran, name)
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
			if fails {
				return errors.New("step failed")
			}
			return nil
		}}
	}
	run := func(steps ...migration) error {
		return db.Update(func(tx *bolt.Tx) error { return migrate(tx, steps) })
	}
	if err := run(step("one", false)); err != nil {
		t.Fatal(err)
	}
	if err := run(step("one", false), step("two", false), step("three", true)); err == nil || !strings.Contains(err.Error(), "migration 3, three") {
		t.Errorf("a failing step: %v", err)
	}
	if err := run(step("one", false), step("two", false)); err != nil {
		t.Errorf("after a failure nothing is half done: %v", err)
	}
	if got := strings.Join(ran, " "); got != "one two three two" {
		t.Errorf("ran %s", got)
	}
	if err := run(step("one", false)); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer ledger: %v", err)
	}
}

func TestNextTry(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := Policy{Base: 30 * time.Second, Cap: time.Hour, MaxAttempts: 5, Jitter: 0.5}
	for attempt, want := range map[int]time.Duration{0: 30 * time.Second, 1: 30 * time.Second, 2: 2 * time.Minute, 3: 8 * time.Minute, 4: 32 * time.Minute, 5: time.Hour, 1 << 30: time.Hour} {
		if got := p.NextTry(now, attempt, 0).Sub(now); got != want {
			t.Errorf("attempt %d: %s, want %s", attempt, got, want)
		}
		if got := p.NextTry(now, attempt, 1).Sub(now); got != want/2 {
			t.Errorf("attempt %d with jitter: %s, want %s", attempt, got, want/2)
		}
	}
	if p.Exhausted(4) || !p.Exhausted(5) || !(Policy{}).Exhausted(1) {
		t.Error("exhausted at the wrong count")
	}
}

// TestCheckFindsDamage breaks a ledger in each way Check should see.
func TestCheckFindsDamage(t *testing.T) {
	for name, harm := range map[string]func(*bolt.Tx, Document) error{
		"index entry missing": func(tx *bolt.Tx, d Document) error { return tx.Bucket(bucketDue).Delete(timed(time.Time{}, d.ID)) },
		"index entry of nobody": func(tx *bolt.Tx, d Document) error {
			return tx.Bucket(bucketByState).Put(stateKey(Completed, NewID()), nil)
		},
		"wrong count":        func(tx *bolt.Tx, d Document) error { return count(tx, d.Folder, Purged, 1) },
		"history cut":        func(tx *bolt.Tx, d Document) error { return tx.Bucket(bucketEvents).Delete(numbered(d.ID, 0)) },
		"undecodable record": func(tx *bolt.Tx, d Document) error { return tx.Bucket(bucketDocuments).Put([]byte(d.ID), []byte("{")) },
		"attempt of nobody": func(tx *bolt.Tx, d Document) error {
			return tx.Bucket(bucketAttempts).Put(numbered(d.ID, 9), encode(Attempt{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Open(filepath.Join(t.TempDir(), "ledger.db"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			doc, err := l.Receive(Arrival{Folder: "f", Path: "p", Name: "p", SHA256: strings.Repeat("a", 64)})
			if err := errors.Join(err, l.Check()); err != nil {
				t.Fatal(err)
			}
			if err := l.db.Update(func(tx *bolt.Tx) error { return harm(tx, doc) }); err != nil {
				t.Fatal(err)
			}
			if l.Check() == nil {
				t.Error("not found")
			}
		})
	}
}

func FuzzDecodeDocument(f *testing.F) {
	f.Add(encode(Document{ID: NewID(), State: Received, Delivery: json.RawMessage(`{}`)}))
	f.Add([]byte(`{"received_at":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := decode[Document]("document", data)
		if err != nil {
			return
		}
		again, err := decode[Document]("document", encode(doc))
		if err != nil || again.ID != doc.ID || again.State != doc.State {
			t.Errorf("%+v became %+v, %v", doc, again, err)
		}
	})
}
