//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRenameNoReplace holds every way of renaming to the same promise.
func TestRenameNoReplace(t *testing.T) {
	for name, rename := range map[string]func(string, string) error{"first choice": RenameNoReplace, "fallback": linkRename} {
		from, taken := file(t, "mine"), file(t, "theirs")
		if err := rename(from, taken); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: over a file: %v", name, err)
		}
		if data, err := os.ReadFile(taken); string(data) != "theirs" || err != nil {
			t.Errorf("%s: replaced by %q", name, data)
		}
		free := filepath.Join(t.TempDir(), "free")
		if err := rename(from, free); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if data, err := os.ReadFile(free); string(data) != "mine" || err != nil {
			t.Errorf("%s: %q, %v", name, data, err)
		}
		if err := rename(from, free); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: what is not there: %v", name, err)
		}
		dir, full := t.TempDir(), filepath.Dir(free)
		if err := rename(dir, full); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: folder over folder: %v", name, err)
		}
		if err := rename(dir, filepath.Join(full, "moved")); err != nil {
			t.Errorf("%s: folder: %v", name, err)
		}
	}
}

func TestWriteFile(t *testing.T) {
	path := file(t, "old")
	if err := WriteFile(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	data, readErr := os.ReadFile(path)
	if err != nil || readErr != nil || string(data) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %v, %v", data, err, readErr)
	}
	if err := WriteFile(filepath.Join(path, "below a file"), nil, 0o600); err == nil {
		t.Error("written below a file")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
	if free, err := Free(filepath.Dir(path)); err != nil || free == 0 {
		t.Errorf("free %d, %v", free, err)
	}
}
