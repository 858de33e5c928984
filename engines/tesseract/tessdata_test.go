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

// TestGather: models that were added win over the program's, those over the
// system's, the other languages stand beside them, and all come and go with where
// they are from.
func TestGather(t *testing.T) {
	cache, added, first, second := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	put(t, first, "eng.traineddata", "system's English")
	french := put(t, first, "fra.traineddata", "first French")
	put(t, second, "fra.traineddata", "second French")
	put(t, second, "script/Latin.traineddata", "Latin")
	system := []string{filepath.Join(cache, "nowhere"), first, second}
	check := func(own fs.FS, want map[string]string) {
		t.Helper()
		dir, err := gather(cache, own, added, system)
		if err != nil {
			t.Fatal(err)
		}
		if names := listModels(dir); len(names) != len(want) {
			t.Errorf("there are %q", names)
		}
		for name, text := range want {
			if got, err := os.ReadFile(ModelFile(dir, name)); err != nil || string(got) != text {
				t.Errorf("%s is %q, %v", name, got, err)
			}
		}
	}
	remove := func(path string) {
		t.Helper()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	check(ownModels(), map[string]string{"eng": "own English", "osd": "own orientation", "fra": "first French", "script/Latin": "Latin"})
	check(nil, map[string]string{"eng": "system's English", "fra": "first French", "script/Latin": "Latin"})
	better := put(t, added, "eng.traineddata", "better English")
	put(t, added, "script/Latin.traineddata", "better Latin")
	remove(french)
	check(ownModels(), map[string]string{"eng": "better English", "osd": "own orientation", "fra": "second French", "script/Latin": "better Latin"})
	check(nil, map[string]string{"eng": "better English", "fra": "second French", "script/Latin": "better Latin"})
	remove(better)
	remove(second)
	check(ownModels(), map[string]string{"eng": "own English", "osd": "own orientation", "script/Latin": "better Latin"})
	// As `languages add` replaces one: by a rename.
	next := put(t, added, "next", "best Latin")
	if err := os.Rename(next, ModelFile(added, "script/Latin")); err != nil {
		t.Fatal(err)
	}
	check(ownModels(), map[string]string{"eng": "own English", "osd": "own orientation", "script/Latin": "best Latin"})
	remove(ModelFile(added, "script/Latin"))
	check(ownModels(), map[string]string{"eng": "own English", "osd": "own orientation"})
}

// TestListModelsThroughLink: distributions and offices name the folder by a link.
func TestListModelsThroughLink(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"eng.traineddata", "script/Latin.traineddata", ".deu.traineddata", "readme.txt"} {
		put(t, dir, "5/tessdata/"+name, "model")
	}
	link := filepath.Join(dir, "tessdata")
	if err := os.Symlink(filepath.Join(dir, "5", "tessdata"), link); err != nil {
		t.Skip("skipped: no symbolic links here: ", err)
	}
	if got := listModels(link); !slices.Equal(got, []string{"eng", "script/Latin"}) {
		t.Errorf("through a link to the folder: %q", got)
	}
}

// TestLinked: what Windows has instead of symbolic links is made anew when the model
// behind it was replaced, and only then.
func TestLinked(t *testing.T) {
	dir := t.TempDir()
	source, target := put(t, dir, "a.traineddata", "one"), filepath.Join(dir, "b.traineddata")
	for name, make := range map[string]func(source, target string){
		"hard link": func(source, target string) {
			if err := os.Link(source, target); err != nil {
				t.Fatal(err)
			}
		},
		"copy": copyModel,
	} {
		if linked(source, target) {
			t.Errorf("%s: nothing is there", name)
		}
		make(source, target)
		if !linked(source, target) {
			t.Errorf("%s: it is not known again", name)
		}
		if err := os.Rename(put(t, dir, "next", "other"), source); err != nil {
			t.Fatal(err)
		}
		if linked(source, target) {
			t.Errorf("%s: the one from before counts", name)
		}
		link(dir, source, target)
		if got, err := os.ReadFile(target); err != nil || string(got) != "other" || !linked(source, target) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := os.Remove(target); err != nil {
			t.Fatal(err)
		}
		put(t, dir, "a.traineddata", "one")
	}
}

// TestGatherAtOnce: many do it at the same time, over what a crash left.
func TestGatherAtOnce(t *testing.T) {
	cache, system := t.TempDir(), t.TempDir()
	dir, err := gather(cache, ownModels(), "", []string{system})
	if err != nil {
		t.Fatal(err)
	}
	put(t, system, "deu.traineddata", "German")
	put(t, dir, "eng.traineddata", "own Eng") // torn
	old, young := put(t, dir, ".1.part", "left"), put(t, dir, ".2.part", "being written")
	if past := time.Now().Add(-2 * abandoned); os.Chtimes(old, past, past) != nil {
		t.Fatal("cannot set times")
	}
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() {
			got, err := gather(cache, ownModels(), "", []string{system})
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
	other, err := gather(cache, fstest.MapFS{"eng.traineddata": {Data: []byte("new English")}}, "", []string{system})
	if err != nil || other == dir {
		t.Errorf("another version's models went to %s, %v", other, err)
	}
}

func TestGatherRefuses(t *testing.T) {
	file := put(t, t.TempDir(), "file", "")
	for name, c := range map[string]struct {
		cache  string
		models fs.FS
	}{"no folder": {"", ownModels()}, "no models": {t.TempDir(), fstest.MapFS{}}, "no folder can be made": {file, ownModels()}} {
		if dir, err := gather(c.cache, c.models, "", nil); err == nil {
			t.Errorf("%s: %s", name, dir)
		}
	}
}
