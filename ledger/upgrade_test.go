package ledger

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestUpgrades opens a ledger of each schema there was. Each was written by the Intray
// of its time, which took in two scans, one of them twice, and a broken file.
func TestUpgrades(t *testing.T) {
	newest := uint64(len(migrations()))
	for schema := uint64(1); schema <= newest; schema++ {
		t.Run(fmt.Sprint(schema), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			unpack(t, fmt.Sprintf("testdata/schema-%d.db.gz", schema), path)
			if r, err := Open(path, Options{ReadOnly: true}); err == nil {
				if err := r.Close(); err != nil || schema < newest {
					t.Errorf("an old ledger was opened for reading only: its lists are not complete (%v)", err)
				}
			}
			l, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkUpgraded(t, l)
			u := l.Upgraded()
			switch {
			case schema == newest && u != nil:
				t.Errorf("up to date, and yet %+v", u)
			case schema < newest && (u == nil || u.From != schema || u.To != newest):
				t.Fatalf("upgraded %+v", u)
			case schema < newest:
				checkCopy(t, u.Copy, schema)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			again, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if again.Upgraded() != nil {
				t.Error("upgraded twice")
			}
		})
	}
}

func unpack(t *testing.T, from, to string) []byte {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatalf("each schema has its fixture: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func checkUpgraded(t *testing.T, l *Ledger) {
	t.Helper()
	if err := l.Check(); err != nil {
		t.Errorf("does not hold together: %v", err)
	}
	if _, err := l.Messages(""); err != nil {
		t.Errorf("outbox: %v", err)
	}
	if _, err := l.Tallies(); err != nil {
		t.Errorf("tallies: %v", err)
	}
	if _, err := l.Owed(); err != nil {
		t.Errorf("jobs: %v", err)
	}
	counts, err := l.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if got := counts[Completed] + counts[CompletedWithWarnings]; got != 2 || counts[Duplicate] != 1 || counts[FailedTerminal] != 1 {
		t.Errorf("counts %v", counts)
	}
	folders, err := l.FolderCounts()
	if err != nil || folders["front-desk"][Duplicate] != 1 {
		t.Errorf("counts by folder %v, %v", folders, err)
	}
	found, err := l.List(Query{Folder: "front-desk", State: FailedTerminal})
	if err != nil || len(found.Documents) != 1 || found.Documents[0].Name != "broken.pdf" {
		t.Errorf("listed %+v, %v", found.Documents, err)
	}
	if _, err := l.Apply(found.Documents[0].ID, Retry("somebody", "after an upgrade")); err != nil {
		t.Errorf("the old document cannot be tried again: %v", err)
	}
}

func checkCopy(t *testing.T, path string, schema uint64) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bolt.Tx) error {
		n, err := schemaOf(tx)
		if err == nil && n != schema {
			err = fmt.Errorf("schema %d", n)
		}
		if k := tx.Bucket(bucketDocuments).Stats().KeyN; err == nil && k != 4 {
			err = fmt.Errorf("%d documents", k)
		}
		return err
	}); err != nil {
		t.Errorf("the copy: %v", err)
	}
}

// TestNoUpgradeWithoutACopy: where none can be kept, nothing is changed.
func TestNoUpgradeWithoutACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	before := unpack(t, "testdata/schema-1.db.gz", path)
	if err := os.Mkdir(path+".schema-1.part", 0o700); err != nil { // in its place, so that it cannot be written
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "no copy of it can be kept") {
		t.Fatalf("opened: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the ledger was changed (%v)", err)
	}
}
