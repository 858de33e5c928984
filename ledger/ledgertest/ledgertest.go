// Package ledgertest gives tests a throwaway ledger that is checked as a whole
// when the test ends, as bbolt does with its own tests.
//
// It is for tests only. The tests of the ledger's behaviour stand here too,
// since each of them wants that check.
package ledgertest

import (
	"path/filepath"
	"testing"
	"time"

	"intray/ledger"
)

// Open makes a ledger in a temporary folder. clock is its time; nil is the
// system's. At the end of the test the whole database is checked.
func Open(t testing.TB, clock func() time.Time) *ledger.Ledger {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "ledger.db"), clock)
}

// OpenAt is Open for a file that other steps of the test open again.
func OpenAt(t testing.TB, path string, clock func() time.Time) *ledger.Ledger {
	t.Helper()
	return open(t, path, ledger.Options{Clock: clock})
}

// OpenWith is Open with options.
func OpenWith(t testing.TB, o ledger.Options) *ledger.Ledger {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "ledger.db"), o)
}

func open(t testing.TB, path string, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(t, l) })
	return l
}

// Close checks and closes a ledger; a closed one is left alone.
func Close(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	if _, err := l.Counts(); err != nil {
		return // closed already
	}
	if err := l.Check(); err != nil {
		t.Errorf("the ledger does not hold together: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("close ledger: %v", err)
	}
}
