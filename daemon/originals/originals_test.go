package originals

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "originals"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func leftovers(t *testing.T, s *Store) int {
	t.Helper()
	left, err := os.ReadDir(s.tmp())
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}

func TestPut(t *testing.T) {
	s := open(t)
	content := bytes.Repeat([]byte("0123456789"), 1000)
	blob, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil || blob.Size != 10000 || !bytes.Equal(blob.Head, content[:4096]) || !s.Has(blob.SHA256) {
		t.Fatalf("%v, %+v", err, blob.Size)
	}
	if err := s.Verify(t.Context(), blob.SHA256); err != nil {
		t.Error(err)
	}
	again, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil || again.SHA256 != blob.SHA256 || leftovers(t, s) != 0 {
		t.Errorf("again: %v, %d left over", err, leftovers(t, s))
	}
	empty, err := s.Put(t.Context(), strings.NewReader(""))
	if err != nil || empty.SHA256 != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" || empty.Size != 0 {
		t.Errorf("empty: %+v, %v", empty, err)
	}
	if err := errors.Join(s.Remove(blob.SHA256), s.Remove(blob.SHA256)); err != nil || s.Has(blob.SHA256) {
		t.Errorf("remove twice: %v", err)
	}
}

// TestFaultsLeaveNothing: a reader that fails, one that is cancelled.
func TestFaultsLeaveNothing(t *testing.T) {
	s := open(t)
	broken := errors.New("the share went away")
	if _, err := s.Put(t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := leftovers(t, s); n != 0 {
		t.Errorf("%d left over", n)
	}
}

func TestOpenClearsWhatACrashLeft(t *testing.T) {
	s := open(t)
	if err := os.WriteFile(filepath.Join(s.tmp(), "put-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := Open(s.Dir()); err != nil || leftovers(t, again) != 0 {
		t.Errorf("%v", err)
	}
}

func TestSameContentAtOnce(t *testing.T) {
	s := open(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			blob, err := s.Put(t.Context(), strings.NewReader("the same"))
			if err != nil || s.Verify(t.Context(), blob.SHA256) != nil {
				t.Errorf("%+v, %v", blob, err)
			}
		})
	}
	group.Wait()
	if n := leftovers(t, s); n != 0 {
		t.Errorf("%d left over", n)
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	s := open(t)
	blob, err := s.Put(t.Context(), strings.NewReader("precious"))
	if err != nil {
		t.Fatal(err)
	}
	path := s.Path(blob.SHA256)
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("preciouS"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), blob.SHA256); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}
