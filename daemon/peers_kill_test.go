package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestA3OriginalAlwaysRetrievable kills the daemon ever later after its start:
// at each death every original is whole, under its hash in the store or still
// in the hot folder.
func TestA3OriginalAlwaysRetrievable(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	warmUp(t)
	files := map[string][]byte{"a.png": scanPNG(t, "the first of three"), "sub/b.pdf": scanPDF(t, "page one", "page two"),
		"big.pdf": bytes.Repeat([]byte("no PDF at all. "), 2<<20)} // long enough to die while it is copied
	for rel, data := range files {
		o.drop(rel, data)
	}
	stored := map[string]bool{}
	for i := range 24 {
		o.launch()
		time.Sleep(time.Duration(i) * 40 * time.Millisecond) // the moment of death is what is tried out
		o.kill()
		hot := map[string]bool{} // under whatever name
		for _, rel := range filesIn(t, o.path("in")) {
			hot[hashOf(readFile(t, o.path("in", filepath.FromSlash(rel))))] = true
		}
		for rel, data := range files {
			kept, err := os.ReadFile(o.original(hashOf(data)))
			if err == nil && !bytes.Equal(kept, data) {
				t.Errorf("death %d: %s is damaged in the store", i, rel)
			}
			if err != nil && (stored[rel] || !hot[hashOf(data)]) {
				t.Errorf("death %d: %s is lost: %v", i, rel, err)
			}
			stored[rel] = stored[rel] || err == nil
		}
		t.Logf("death %2d: %d of %d originals stored, %d documents delivered", i, count(stored), len(files), len(filesIn(t, o.path("out")))/2)
	}
	o.start()
	docs := o.atRest(len(files))
	o.stop()
	if len(docs) != len(files) {
		t.Errorf("%d documents of %d files: %+v", len(docs), len(files), docs)
	}
	for _, d := range docs {
		kept, err := os.ReadFile(o.original(d.SHA256))
		if want := files[d.Path]; err != nil || !bytes.Equal(kept, want) || d.SHA256 != hashOf(want) {
			t.Errorf("%s: the original is not under its hash: %v", d.Path, err)
		}
	}
	if got := filesIn(t, o.path("out")); !slices.Equal(got, []string{"a.json", "a.pdf", "sub/b.json", "sub/b.pdf"}) {
		t.Errorf("delivered %q", got)
	}
	o.noDebris()
}

func count(set map[string]bool) int {
	n := 0
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}

// TestA16TempEmptyAfterKill kills the daemon while it copies in, while it reads
// and while it writes results: what a start finds, it clears or finishes.
func TestA16TempEmptyAfterKill(t *testing.T) {
	o := newOffice(t, "")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp) // of the daemon and its workers
	o.start()
	big := bytes.Repeat([]byte("no scan, only big. "), 5<<20)
	o.drop("big.pdf", big)
	o.appears("data/originals/tmp/put-*")
	o.kill()
	// With nothing to do, a start leaves nothing.
	hot := filesIn(t, o.path("in"))
	if len(hot) != 1 {
		t.Fatalf("in the hot folder: %q", hot)
	}
	if err := os.Rename(o.path("in", hot[0]), o.path("big.pdf")); err != nil {
		t.Fatal(err)
	}
	o.plant("data/originals/tmp/put-123", "data/work/01ARZ3NDEKTSV4RRFFQ69G5FAV/page-000001.json")
	o.start()
	o.noDebris()

	if err := os.Rename(o.path("big.pdf"), o.path("in", "big.pdf")); err != nil {
		t.Fatal(err)
	}
	o.appears("failed/.intray-*/*")
	o.kill()
	o.start()
	o.drop("pages.pdf", scanPDF(t, "one", "two", "three", "four"))
	o.appears("data/work/*/page-*.json")
	o.kill()
	o.start()
	docs := o.atRest(2)
	o.stop()
	if len(docs) != 2 {
		t.Errorf("%d documents of two files", len(docs))
	}
	kept, err := filepath.Glob(o.path("failed", "big-*", "big.pdf"))
	if err != nil || len(kept) != 1 || hashOf(readFile(t, kept[0])) != hashOf(big) {
		t.Errorf("the big file's bundles: %q, %v", kept, err)
	}
	if doc := o.delivered("out", "pages.json"); len(doc.Pages) != 4 {
		t.Errorf("%d pages", len(doc.Pages))
	}
	if left := filesIn(t, temp); len(left) > 0 {
		t.Errorf("left in the system's temporary folder: %q", left)
	}
	o.noDebris()
}

// plant makes files such as a crash leaves.
func (o *office) plant(rels ...string) {
	o.t.Helper()
	for _, rel := range rels {
		file := o.path(filepath.FromSlash(rel))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			o.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("left behind"), 0o600); err != nil {
			o.t.Fatal(err)
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestA16NoRoomNoWork: with too little space a file waits untouched, nothing is
// begun, and the log says why; with space again it is taken.
func TestA16NoRoomNoWork(t *testing.T) {
	o := newOffice(t, "min_free_mb = 900000000\n")
	data := scanPNG(t, "no room for me")
	o.start()
	o.drop("scan.png", data)
	why := o.waitLog("ERROR", "No more files are taken in")
	if !strings.Contains(why, "MB are free") || !strings.Contains(why, "min_free_mb") {
		t.Errorf("the reason is %q", why)
	}
	for _, dir := range []string{"data/work", "data/originals", "out", "failed"} {
		if begun := filesIn(t, o.path(dir)); len(begun) > 0 {
			t.Errorf("begun without room: %s has %q", dir, begun)
		}
	}
	if kept := readFile(t, o.path("in", "scan.png")); !bytes.Equal(kept, data) || len(o.documents()) != 0 {
		t.Error("the file was touched, or there is a record of it")
	}
	o.stop()
	o.set("900000000", "1")
	o.start()
	o.waitLog("Delivered.", "scan.png")
	o.stop()
	o.noDebris()
}
