package originals

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a store that checks at the end of the test that no temporary file
// is left and that every original is what its name says.
func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "originals"))
	must(t, err)
	t.Cleanup(func() {
		if left := list(t, s.tmp()); len(left) > 0 {
			t.Errorf("left in tmp: %q", left)
		}
		for _, name := range list(t, s.dir) {
			if err := s.Verify(context.Background(), filepath.Base(name)); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// list names the files below a folder.
func list(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	}))
	return out
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func put(t *testing.T, s *Store, data []byte) Blob {
	t.Helper()
	blob, err := s.Put(t.Context(), bytes.NewReader(data))
	must(t, err)
	return blob
}

func TestPutKeepsContent(t *testing.T) {
	s := open(t)
	for _, size := range []int{0, 1, headLength - 1, headLength, headLength + 1, 32 << 10, 1<<20 + 7} {
		data := bytes.Repeat([]byte("a page. "), size/8+1)[:size]
		// One byte at a time at first: the beginning comes in pieces, too.
		blob, err := s.Put(t.Context(), io.MultiReader(iotest.OneByteReader(bytes.NewReader(data[:size/3])), bytes.NewReader(data[size/3:])))
		must(t, err)
		if blob.SHA256 != sumOf(data) || blob.Size != int64(size) || !bytes.Equal(blob.Head, data[:min(size, headLength)]) {
			t.Errorf("size %d: hash %s, size %d, %d bytes of head", size, blob.SHA256, blob.Size, len(blob.Head))
		}
		f, err := s.Open(blob.SHA256)
		must(t, err)
		got, err := io.ReadAll(f)
		must(t, errors.Join(err, f.Close()))
		if !bytes.Equal(got, data) {
			t.Errorf("size %d: other content came back", size)
		}
		if want := filepath.Join(s.Dir(), blob.SHA256[:2], blob.SHA256); s.Path(blob.SHA256) != want || !s.Has(blob.SHA256) {
			t.Errorf("path %s, has %v", s.Path(blob.SHA256), s.Has(blob.SHA256))
		}
		if info, err := os.Stat(s.Path(blob.SHA256)); err != nil || info.Mode().Perm()&0o222 != 0 {
			t.Errorf("an original may be written to: %v, %v", info.Mode(), err)
		}
	}
}

// TestPutStopsHalfway: whatever ends it, nothing is stored and nothing is left.
func TestPutStopsHalfway(t *testing.T) {
	broken := errors.New("the share is gone")
	for name, c := range map[string]struct {
		source func(cancel func()) io.Reader
		want   error
	}{
		"reader fails at once": {func(func()) io.Reader { return iotest.ErrReader(broken) }, broken},
		"reader fails midway":  {func(func()) io.Reader { return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)) }, broken},
		"canceled before":      {func(cancel func()) io.Reader { cancel(); return strings.NewReader("whole") }, context.Canceled},
		"canceled midway":      {func(cancel func()) io.Reader { return &canceling{cancel: cancel} }, context.Canceled},
		"reader says it is cut": {func(func()) io.Reader {
			return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF))
		}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			blob, err := s.Put(ctx, c.source(cancel))
			if !errors.Is(err, c.want) || blob.SHA256 != "" {
				t.Errorf("got %+v, %v; want %v", blob, err, c.want)
			}
			if left := list(t, s.dir); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// canceling never ends by itself and cancels its reader's context after a while.
type canceling struct {
	cancel func()
	reads  int
}

func (c *canceling) Read(p []byte) (int, error) {
	if c.reads++; c.reads == 3 {
		c.cancel()
	}
	return len(p), nil
}

func TestSameContentIsStoredOnce(t *testing.T) {
	s := open(t)
	first := put(t, s, []byte("x"))
	before, err := os.Stat(s.Path(first.SHA256))
	must(t, err)
	if again := put(t, s, []byte("x")); again.SHA256 != first.SHA256 || again.Size != 1 || string(again.Head) != "x" {
		t.Errorf("%+v", again)
	}
	after, err := os.Stat(s.Path(first.SHA256))
	must(t, err)
	if !os.SameFile(before, after) || len(list(t, s.dir)) != 1 {
		t.Errorf("stored anew: %q", list(t, s.dir))
	}
}

func TestPutsInParallel(t *testing.T) {
	s := open(t)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			data := bytes.Repeat([]byte{byte(i % 4)}, 100_000)
			if blob, err := s.Put(t.Context(), bytes.NewReader(data)); err != nil || blob.SHA256 != sumOf(data) {
				t.Errorf("%s, %v", blob.SHA256, err)
			}
		})
	}
	all.Wait()
	if n := len(list(t, s.dir)); n != 4 {
		t.Errorf("%d originals, want 4", n)
	}
}

// TestDamagedOriginalIsReplaced by the whole one when that comes again.
func TestDamagedOriginalIsReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows replaces no read-only file")
	}
	s := open(t)
	blob := put(t, s, []byte("whole"))
	path := s.Path(blob.SHA256)
	must(t, os.Chmod(path, 0o600))
	must(t, os.Truncate(path, 2))
	if err := s.Verify(t.Context(), blob.SHA256); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("half an original passes: %v", err)
	}
	put(t, s, []byte("whole"))
	must(t, s.Verify(t.Context(), blob.SHA256))
	// Of the same size it is no less damaged.
	must(t, os.Chmod(path, 0o600))
	must(t, os.WriteFile(path, []byte("WHOLE"), 0o600))
	put(t, s, []byte("whole"))
	must(t, s.Verify(t.Context(), blob.SHA256))
}

// TestFoldersAreSynced after the rename, whoever made them: the one with the
// file first, then the store, which names the other.
func TestFoldersAreSynced(t *testing.T) {
	s := open(t)
	data := []byte("x")
	target := s.Path(sumOf(data))
	var synced []string
	s.syncDir = func(path string) error {
		if !s.Has(sumOf(data)) {
			t.Errorf("%s was synced before the original was in it", path)
		}
		synced = append(synced, path)
		return nil
	}
	want := []string{filepath.Dir(target), s.dir}
	for when, want := range map[string][]string{"first": want, "later": want[:1]} {
		if when == "later" {
			put(t, s, data)
		}
		synced = nil
		put(t, s, data)
		if !slices.Equal(synced, want) {
			t.Errorf("%s: synced %q, want %q", when, synced, want)
		}
		clear(s.fans) // as for a store that was opened anew
	}
	s.syncDir = func(path string) error { synced = append(synced, path); return nil }
	synced = nil
	must(t, s.remove(sumOf(data)))
	if !slices.Equal(synced, want[:1]) {
		t.Errorf("after a removal: synced %q", synced)
	}
}

// TestSyncFails: the original does not count as stored; the next Put makes it so.
func TestSyncFails(t *testing.T) {
	s := open(t)
	broken := errors.New("input/output error")
	for failing := range 2 {
		calls := 0
		s.syncDir = func(string) error {
			if calls++; calls > failing {
				return broken
			}
			return nil
		}
		if blob, err := s.Put(t.Context(), strings.NewReader("x")); !errors.Is(err, broken) || blob.SHA256 != "" {
			t.Errorf("got %+v, %v", blob, err)
		}
	}
	s.syncDir = func(string) error { return nil }
	put(t, s, []byte("x"))
}

// TestOpenClearsWhatACrashLeft, and only that.
func TestOpenClearsWhatACrashLeft(t *testing.T) {
	s := open(t)
	blob := put(t, s, []byte("x"))
	must(t, os.WriteFile(filepath.Join(s.tmp(), "put-123"), []byte("half"), 0o400))
	again, err := Open(s.dir)
	must(t, err)
	if left := list(t, again.tmp()); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	must(t, again.Verify(t.Context(), blob.SHA256))
}

func TestOpenInAnImpossiblePlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := Open(file); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestRemove(t *testing.T) {
	s := open(t)
	blob := put(t, s, []byte("x"))
	for range 2 { // the second time there is nothing
		must(t, s.remove(blob.SHA256))
		if s.Has(blob.SHA256) {
			t.Error("it is still there")
		}
	}
	must(t, s.remove(sumOf([]byte("never stored"))))
	if _, err := s.Open(blob.SHA256); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := s.Verify(t.Context(), blob.SHA256); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestVerifyFindsAFlippedBit(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "originals"))
	must(t, err)
	blob := put(t, s, []byte("whole"))
	must(t, os.Chmod(s.Path(blob.SHA256), 0o600))
	must(t, os.WriteFile(s.Path(blob.SHA256), []byte("whomp"), 0o600))
	if err := s.Verify(t.Context(), blob.SHA256); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Verify(ctx, blob.SHA256); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// FuzzPath: whatever is taken for a hash, it leads to a place of its own inside
// the store or nowhere.
func FuzzPath(f *testing.F) {
	for _, sum := range []string{"", "a", "..", "tmp", strings.Repeat("0", 64), strings.Repeat("A", 64), strings.Repeat("../", 21) + "a", strings.Repeat("0", 63) + "\n"} {
		f.Add(sum)
	}
	dir := f.TempDir()
	s, err := Open(filepath.Join(dir, "originals"))
	must(f, err)
	must(f, os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o600))
	f.Fuzz(func(t *testing.T, sum string) {
		path := s.Path(sum)
		if _, err := hex.DecodeString(sum); (err == nil && len(sum) == 64 && sum == strings.ToLower(sum)) != (path != "") {
			t.Errorf("%q leads to %q", sum, path)
		}
		if path != "" && path != filepath.Join(s.Dir(), sum[:2], sum) {
			t.Errorf("%q leads to %q", sum, path)
		}
		if s.Has(sum) {
			t.Errorf("%q is stored", sum)
		}
		if err := s.remove(sum); err != nil {
			t.Error(err)
		}
	})
}
