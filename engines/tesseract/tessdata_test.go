package tesseract

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// put writes one file below dir and returns its path.
func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func ownModels() fs.FS {
	return fstest.MapFS{"eng.traineddata": {Data: []byte("own English")}, "osd.traineddata": {Data: []byte("own orientation")}}
}

// TestUnpack: the program's models win over the system's, the other languages
// of the system stand beside them, and they come and go with the system's.
func TestUnpack(t *testing.T) {
	cache, first, second := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, first, "eng.traineddata", "system's English")
	french := put(t, first, "fra.traineddata", "first French")
	put(t, second, "fra.traineddata", "second French")
	put(t, second, "script/Latin.traineddata", "Latin")
	system := []string{filepath.Join(cache, "nowhere"), first, second}
	check := func(want map[string]string) {
		t.Helper()
		dir, err := unpack(cache, ownModels(), system)
		if err != nil {
			t.Fatal(err)
		}
		if names := listModels(dir); len(names) != len(want) {
			t.Errorf("there are %q", names)
		}
		for name, text := range want {
			if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)+modelSuffix)); err != nil || string(got) != text {
				t.Errorf("%s is %q, %v", name, got, err)
			}
		}
	}
	check(map[string]string{"eng": "own English", "osd": "own orientation", "fra": "first French", "script/Latin": "Latin"})
	if err := os.Remove(french); err != nil {
		t.Fatal(err)
	}
	check(map[string]string{"eng": "own English", "osd": "own orientation", "fra": "second French", "script/Latin": "Latin"})
	if err := os.RemoveAll(second); err != nil {
		t.Fatal(err)
	}
	check(map[string]string{"eng": "own English", "osd": "own orientation"})
}

// TestUnpackAtOnce: many do it at the same time, over what a crash left.
func TestUnpackAtOnce(t *testing.T) {
	cache, system := t.TempDir(), t.TempDir()
	put(t, system, "deu.traineddata", "German")
	dir, err := unpack(cache, ownModels(), nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "eng.traineddata", "own Eng") // torn
	old, young := put(t, dir, ".1.part", "left"), put(t, dir, ".2.part", "being written")
	if past := time.Now().Add(-2 * abandoned); os.Chtimes(old, past, past) != nil {
		t.Fatal("cannot set times")
	}
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() {
			got, err := unpack(cache, ownModels(), []string{system})
			if err != nil || got != dir {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
	calls.Wait()
	for name, want := range map[string]string{"eng": "own English", "osd": "own orientation", "deu": "German"} {
		if got, err := os.ReadFile(filepath.Join(dir, name+modelSuffix)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if parts, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || !slices.Equal(parts, []string{young}) {
		t.Errorf("left over: %q, %v", parts, err)
	}
	other, err := unpack(cache, fstest.MapFS{"eng.traineddata": {Data: []byte("new English")}}, nil)
	if err != nil || other == dir {
		t.Errorf("another version's models went to %s, %v", other, err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	file := put(t, t.TempDir(), "file", "")
	for name, c := range map[string]struct {
		cache  string
		models fs.FS
	}{"no folder": {"", ownModels()}, "no models": {t.TempDir(), fstest.MapFS{}}, "no folder can be made": {file, ownModels()}} {
		if dir, err := unpack(c.cache, c.models, nil); err == nil {
			t.Errorf("%s: %s", name, dir)
		}
	}
}
