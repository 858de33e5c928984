package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestFollow has a follower see each change once, and again when it came between.
func TestFollow(t *testing.T) {
	var seen []string
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(path, Options{Observe: func(e Event, d Document) {
		seen = append(seen, fmt.Sprintf("%s %s %d", e.Move, d.State, d.Events))
	}})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := l.Receive(Arrival{Folder: "f", Path: "p", Name: "p", SHA256: strings.Repeat("a", 64)})
	if err != nil {
		t.Fatal(err)
	}
	<-l.ChangeSignal()
	first, err := l.Changed(10)
	if err != nil || len(first) != 1 || first[0].Document.ID != doc.ID {
		t.Fatalf("%+v, %v", first, err)
	}
	if doc, err = l.Apply(doc.ID, Validate("application/pdf", 1)); err != nil {
		t.Fatal(err)
	}
	if err := l.Followed(first); err != nil {
		t.Fatal(err)
	}
	second, err := l.Changed(10)
	if err != nil || len(second) != 1 || second[0].Document.State != Validated {
		t.Fatalf("the change in between is lost: %+v, %v", second, err)
	}
	if err := l.Followed(second); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Apply(doc.ID, Validate("application/pdf", 1)); !errors.Is(err, ErrConflict) {
		t.Errorf("want a conflict, got %v", err)
	}
	if left, err := l.Changed(10); err != nil || len(left) != 0 {
		t.Errorf("still to follow: %+v, %v", left, err)
	}
	if want := []string{"receive received 1", "validate validated 2"}; !slices.Equal(seen, want) {
		t.Errorf("observed %q, want %q", seen, want)
	}
	if err := errors.Join(l.FollowAll(), l.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if all, err := again.Changed(10); err != nil || len(all) != 1 {
		t.Errorf("to follow after a restart: %+v, %v", all, err)
	}
	if err := again.Check(); err != nil {
		t.Error(err)
	}
}

// TestSchemaSix brings a ledger from before the counts by folder up to date.
func TestSchemaSix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := l.Receive(Arrival{Folder: "f", Path: "p", Name: "p", SHA256: strings.Repeat(fmt.Sprint(i), 64)}); err != nil {
			t.Fatal(err)
		}
	}
	err = l.db.Update(func(tx *bolt.Tx) error {
		return errors.Join(tx.DeleteBucket(bucketFolderCounts), tx.DeleteBucket(bucketChanged), tx.Bucket(bucketMeta).Put(keySchema, number(5)))
	})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	counts, err := l.FolderCounts()
	if err != nil || counts["f"][Received] != 3 {
		t.Errorf("counts %v, %v", counts, err)
	}
	if all, err := l.Changed(10); err != nil || len(all) != 3 {
		t.Errorf("%d to follow, %v", len(all), err)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
}
