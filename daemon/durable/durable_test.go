package durable_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"intray/daemon/durable"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names lists a folder.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, text := range []string{"first", "", "a later, longer one"} {
		must(t, durable.WriteFile(path, []byte(text), 0o640))
		if got := content(t, path); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	if got := names(t, dir); got != "a.json" {
		t.Errorf("the folder holds %s", got)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestWriteFileTakesAnyName that the file system takes: long ones, and ones
// with a star, which means something to temporary names.
func TestWriteFileTakesAnyName(t *testing.T) {
	dir := t.TempDir()
	all := []string{strings.Repeat("n", 250) + ".json"}
	if runtime.GOOS != "windows" {
		all = append(all, "a*b*.json")
	}
	for _, name := range all {
		if err := durable.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// TestWriteFileLeavesNothing behind when it fails, and the old file as it was.
func TestWriteFileLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	must(t, os.MkdirAll(filepath.Join(taken, "full"), 0o755)) // no file can be renamed onto it
	if err := durable.WriteFile(taken, []byte("x"), 0o600); err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("got %v", err)
	}
	if got := names(t, dir); got != "taken" {
		t.Errorf("the folder holds %s", got)
	}
	if err := durable.WriteFile(filepath.Join(dir, "none", "a"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestWriteFileIsNeverHalf: whoever reads meanwhile sees a whole file.
func TestWriteFileIsNeverHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write := func(c string) {
		if err := durable.WriteFile(path, []byte(strings.Repeat(c, 1<<16)), 0o600); err != nil && runtime.GOOS != "windows" {
			t.Error(err) // Windows refuses to replace a file that is being read
		}
	}
	write("a")
	var writers sync.WaitGroup
	for _, c := range []string{"a", "b"} {
		writers.Go(func() {
			for range 30 {
				write(c)
			}
		})
	}
	for range 100 {
		data, err := os.ReadFile(path)
		if err != nil && runtime.GOOS == "windows" {
			continue
		}
		must(t, err)
		if len(data) != 1<<16 || bytes.Count(data, data[:1]) != len(data) {
			t.Fatalf("a file of %d bytes, %d of them %q", len(data), bytes.Count(data, data[:1]), data[:1])
		}
	}
	writers.Wait()
}

func TestSyncDir(t *testing.T) {
	must(t, durable.SyncDir(t.TempDir()))
	if err := durable.SyncDir(filepath.Join(t.TempDir(), "none")); runtime.GOOS != "windows" && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestFree(t *testing.T) {
	if free, err := durable.Free(t.TempDir()); err != nil || free == 0 {
		t.Errorf("%d, %v", free, err)
	}
	if _, err := durable.Free(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that does not exist has free space")
	}
}

func TestRenameNoReplace(t *testing.T) {
	renameSuite(t, durable.RenameNoReplace)
}

// renameSuite holds for each way to rename.
func renameSuite(t *testing.T, rename func(from, to string) error) {
	for name, make := range map[string]func(path string) error{
		"file": func(p string) error { return os.WriteFile(p, []byte("x"), 0o644) },
		"folder": func(p string) error {
			return errors.Join(os.Mkdir(p, 0o755), os.WriteFile(filepath.Join(p, "inside"), []byte("x"), 0o644))
		},
		"empty folder": func(p string) error { return os.Mkdir(p, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
			must(t, make(from))
			must(t, rename(from, to))
			if got := names(t, dir); got != "to" {
				t.Fatalf("the folder holds %s", got)
			}
			if name == "folder" && content(t, filepath.Join(to, "inside")) != "x" {
				t.Error("what was inside is lost")
			}
			if err := rename(from, to); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("renaming what is not there: %v", err)
			}
			must(t, os.RemoveAll(to))
			for taken, place := range map[string]func(path string) error{
				"a file":          func(p string) error { return os.WriteFile(p, []byte("old"), 0o644) },
				"an empty folder": func(p string) error { return os.Mkdir(p, 0o755) },
				"a dangling link": func(p string) error {
					err := os.Symlink("nowhere", p)
					_, made := os.Lstat(p) // Wine makes none and says that it did
					return errors.Join(err, made)
				},
			} {
				if err := place(to); err != nil && taken == "a dangling link" {
					continue // links cannot be made here
				}
				must(t, make(from))
				if err := rename(from, to); !errors.Is(err, fs.ErrExist) {
					t.Errorf("onto %s: %v", taken, err)
				}
				if got := names(t, dir); got != "from to" {
					t.Errorf("onto %s: the folder holds %s", taken, got)
				}
				if taken == "a file" && content(t, to) != "old" {
					t.Error("the old file was changed")
				}
				must(t, errors.Join(os.RemoveAll(from), os.RemoveAll(to)))
			}
		})
	}
}

// TestRenameRace: of many who want one name, one gets it and the others keep
// their files.
func TestRenameRace(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "to")
	const many = 16
	won := make(chan string, many)
	var all sync.WaitGroup
	for i := range many {
		from := filepath.Join(dir, string(rune('a'+i)))
		must(t, os.WriteFile(from, []byte(from), 0o644))
		all.Go(func() {
			switch err := durable.RenameNoReplace(from, to); {
			case err == nil:
				won <- from
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d got the name", len(won))
	}
	if winner := <-won; content(t, to) != winner {
		t.Errorf("%s won, but the file is that of %s", winner, content(t, to))
	}
	if n := len(strings.Fields(names(t, dir))); n != many {
		t.Errorf("%d files are left of %d", n, many)
	}
}
