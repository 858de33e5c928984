//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// LinkRename gives the suite the way without the system's own flag.
func LinkRename(from, to string) error { return linkRename(from, to, os.Link) }

// LookRename gives the suite the way without hard links either.
func LookRename(from, to string) error {
	return linkRename(from, to, func(string, string) error { return syscall.EPERM })
}

// TestUnfinishedRename: one that cannot be finished is undone, one that somebody
// else finished is not.
func TestUnfinishedRename(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(from string) error
		undone    bool
	}{
		"the first name goes": {os.Remove, false},
		"the first name must stay": {func(from string) error {
			return errors.Join(os.Remove(from), os.MkdirAll(filepath.Join(from, "full"), 0o755))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
			if err := os.WriteFile(from, []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
			err := linkRename(from, to, func(from, to string) error { return errors.Join(os.Link(from, to), c.meanwhile(from)) })
			if (err != nil) != c.undone {
				t.Errorf("got %v", err)
			}
			if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) != c.undone {
				t.Errorf("the second name: %v", err)
			}
		})
	}
}

// TestTakenNameIsBelieved: that a link could not be made for a taken name is
// the answer, even if the name is free a moment later.
func TestTakenNameIsBelieved(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	if err := os.WriteFile(from, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := linkRename(from, to, func(string, string) error { return syscall.EEXIST })
	if _, kept := os.Lstat(from); !errors.Is(err, fs.ErrExist) || kept != nil {
		t.Errorf("got %v; the file: %v", err, kept)
	}
}
