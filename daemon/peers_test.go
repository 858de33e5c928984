package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/daemon/deliver"
	"intray/daemon/web"
	"intray/ledger"
)

// What users of comparable programs complain about, as tests; the names are
// the rows of that list. Rows A3, A4 and A14 have tests in journey_test.go too.

// set replaces a piece of the configuration; it takes effect at the next start.
func (o *office) set(old, new string) {
	o.t.Helper()
	text, err := os.ReadFile(o.config)
	if err != nil || !bytes.Contains(text, []byte(old)) {
		o.t.Fatalf("the configuration has no %q (%v):\n%s", old, err, text)
	}
	if err := os.WriteFile(o.config, bytes.Replace(text, []byte(old), []byte(new), 1), 0o644); err != nil {
		o.t.Fatal(err)
	}
	// A start with a wrong configuration would be waited for in vain.
	if _, stderr, code := runIntray(o.t, "list", "--config", o.config); code == exitUsage {
		o.t.Fatalf("after setting %q: %s", new, stderr)
	}
}

// add appends to the configuration: keys of the folder "desk", or sections.
func (o *office) add(text string) { o.set("\nsweep = \"1s\"\n", "\nsweep = \"1s\"\n"+text) }

// documents is what `intray list` says, newest first.
func (o *office) documents() []web.Summary {
	o.t.Helper()
	out, stderr, code := runIntray(o.t, "list", "--json", "--config", o.config)
	var docs []web.Summary
	if err := json.Unmarshal([]byte(out), &docs); err != nil || code != exitDone {
		o.t.Fatalf("list: code %d, %v\n%s%s", code, err, out, stderr)
	}
	return docs
}

// atRest waits until there are n documents or more and none has work left.
func (o *office) atRest(n int) []web.Summary {
	o.t.Helper()
	busy := func(d web.Summary) bool {
		switch ledger.State(d.State) {
		case ledger.Received, ledger.Validated, ledger.Processing, ledger.FailedRetryable:
			return true
		}
		return false
	}
	var docs []web.Summary
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if docs = o.documents(); len(docs) >= n && !slices.ContainsFunc(docs, busy) {
			return docs
		}
	}
	o.t.Fatalf("after %s: %+v\n%s", patience, docs, o.log)
	return nil
}

// appears waits until something matches the pattern inside the office.
func (o *office) appears(pattern string) string {
	o.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if found, err := filepath.Glob(o.path(filepath.FromSlash(pattern))); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	o.t.Fatalf("%s does not appear\n%s", pattern, o.log)
	return ""
}

// warmUp compiles what is compiled once, so that seconds count as in daily use.
func warmUp(t testing.TB) {
	t.Helper()
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.png")
	if err := os.WriteFile(scan, scanPNG(t, "warm up"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := runIntray(t, "ocr", scan, "-o", filepath.Join(dir, "out")); code != exitDone {
		t.Fatalf("warming up: %d, %s", code, stderr)
	}
}

func (o *office) original(sum string) string { return o.path("data", "originals", sum[:2], sum) }

// filesIn lists a folder's files, with forward slashes, sorted.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	out := []string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil // cleared by the daemon meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		out = append(out, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// TestA7TenTouches changes a file's time while it settles and while it is
// taken: one document each, and no attempt that failed.
func TestA7TenTouches(t *testing.T) {
	o := newOffice(t, "")
	o.start()
	// One after the other, so that each has the watcher's full attention.
	for i, pause := range []time.Duration{0, time.Millisecond, 3 * time.Millisecond, 20 * time.Millisecond, 150 * time.Millisecond, 210 * time.Millisecond} {
		rel := fmt.Sprintf("touched-%d.png", i)
		data := scanPNG(t, "touched and touched again", rel)
		o.drop(rel, data)
		if i%2 == 1 { // from the moment on when the copy is complete
			o.appears(path.Join("data/originals", hashOf(data)[:2], hashOf(data)))
		}
		began := time.Now().Add(-time.Hour)
		for n := range 10 {
			at := began.Add(time.Duration(n) * time.Second)
			if err := os.Chtimes(o.path("in", rel), at, at); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			time.Sleep(pause) // what a busy scanner does
		}
		o.waitLog("Delivered.", rel)
	}
	docs := o.atRest(6)
	o.stop()
	o.noDebris()
	if len(docs) != 6 {
		t.Errorf("%d records of 6 files", len(docs))
	}
	for _, d := range docs {
		if d.Attempts != 1 || d.Failure != nil || !strings.HasPrefix(d.State, "completed") {
			t.Errorf("%s: %s after %d attempts, same as %q, %+v", d.Path, d.State, d.Attempts, d.DuplicateOf, d.Failure)
		}
	}
	if got := filesIn(t, o.path("out")); len(got) != 12 || o.log.count("ERROR") > 0 {
		t.Errorf("delivered %q\n%s", got, o.log)
	}
}

// failing is one way to fail.
type failing struct {
	data              []byte
	code, state, kind string
	attempts          int
}

// TestA8EveryFailureExplained drops one file for each way to fail that
// TestA4BadFilesAreExplained does not have, up to the last try.
func TestA8EveryFailureExplained(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "[limits]\nmax_file_mb = 4\nmax_pages = 2\nmax_megapixels = 5\n")
	o.set("[retry]\n", "[retry]\nmax_attempts = 2\n")
	if err := os.WriteFile(o.path("out", "blocked"), []byte("a file where a folder is needed"), 0o644); err != nil {
		t.Fatal(err)
	}
	whole := scanPDF(t, "a page")
	cases := map[string]failing{
		"heavy.png":        {append(scanPNG(t, "heavy"), make([]byte, 3<<20)...), "too_large", "failed_terminal", "terminal", 0},
		"pages.pdf":        {scanPDF(t, "one", "two", "three"), "too_large", "failed_terminal", "terminal", 1},
		"sub/wide.tif":     {tiffOf(make([]byte, 100), 64000, 64000, 64000, 64000), "too_large", "failed_terminal", "terminal", 1},
		"sub/cut.pdf":      {whole[:len(whole)/2], "corrupt", "failed_terminal", "terminal", 1},
		"blocked/scan.png": {scanPNG(t, "nowhere to go"), "not_delivered", "dead_letter", "retryable", 2},
		"odd  näme #1":     {[]byte("no extension, no type"), "unsupported_type", "failed_terminal", "terminal", 0},
	}
	o.start()
	for rel, c := range cases {
		o.drop(rel, c.data)
	}
	docs := o.atRest(len(cases))
	reasons := reasonsIn(t, o.path("failed"))
	for _, d := range docs {
		if b, found := reasons[d.Path]; found && d.Failure != nil {
			cases[d.Path].check(t, d, b)
			o.waitLog("Failed.", d.DocumentID, "why=")
		} else {
			t.Errorf("%s is %s, but nothing in failed tells of it", d.Path, d.State)
		}
	}
	o.stop()
	o.noDebris()
	if len(docs) != len(cases) || len(reasons) != len(cases) {
		t.Errorf("%d documents and %d reasons of %d files", len(docs), len(reasons), len(cases))
	}
}

// check compares what happened with what the list and the failed folder say.
func (c failing) check(t *testing.T, d web.Summary, b failedBundle) {
	t.Helper()
	r := b.reason
	t.Logf("%-18s %-16s %s", d.Path, r.Code, r.Sentence)
	if r.State != c.state || d.State != c.state || r.Kind != c.kind || r.Code != c.code || r.Attempts != c.attempts {
		t.Errorf("%s: want %s, %s, %s after %d; got %+v, listed as %s", d.Path, c.code, c.state, c.kind, c.attempts, r, d.State)
	}
	told := r.Schema == deliver.ReasonSchema && r.Stage != "" && r.Code == d.Failure.Code && strings.HasSuffix(r.Sentence, ".")
	dated := !r.ReceivedAt.IsZero() && !r.FailedAt.Before(r.ReceivedAt)
	named := r.DocumentID == d.DocumentID && (c.attempts == 0) == (r.AttemptID == "") && r.Folder == "desk" &&
		r.SHA256 == hashOf(c.data) && r.Size == int64(len(c.data))
	kept, err := os.ReadFile(filepath.Join(b.dir, path.Base(d.Path)))
	if !told || !dated || !named || err != nil || !bytes.Equal(kept, c.data) {
		t.Errorf("%s: file kept: %v; reason %+v", d.Path, err, r)
	}
}

type failedBundle struct {
	dir    string
	reason deliver.Reason
}

// reasonsIn reads the failed folder, by the files' paths.
func reasonsIn(t testing.TB, failed string) map[string]failedBundle {
	t.Helper()
	out := map[string]failedBundle{}
	for _, rel := range filesIn(t, failed) {
		if path.Base(rel) == "reason.json" {
			file := filepath.Join(failed, filepath.FromSlash(rel))
			r := readReason(t, file)
			out[r.Path] = failedBundle{filepath.Dir(file), r}
		}
	}
	return out
}

// TestA9IdenticalDropsAtOnce: the same scan in two subfolders and two hot
// folders in one moment is one document, and no mishap.
func TestA9IdenticalDropsAtOnce(t *testing.T) {
	o := newOffice(t, "").raced()
	o.add("[[folder]]\nname = \"annex\"\npath = \"annex\"\nsettle = \"200ms\"\nsweep = \"1s\"\n")
	for _, dir := range []string{"in/a", "in/b", "annex/a"} {
		if err := os.MkdirAll(o.path(filepath.FromSlash(dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.start()
	const rounds = 4
	for i := range rounds {
		data := scanPNG(t, "one of a kind", fmt.Sprint("round ", i))
		var group sync.WaitGroup
		for _, place := range []string{"in/a", "in/b", "annex", "annex/a"} {
			group.Go(func() {
				file := o.path(filepath.FromSlash(place), fmt.Sprintf("scan-%d.png", i))
				if err := errors.Join(os.WriteFile(file+".part", data, 0o644), os.Rename(file+".part", file)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		docs := o.atRest(4 * (i + 1))
		checkOneOfFour(t, docs, hashOf(data))
	}
	o.stop()
	if got := filesIn(t, o.path("out")); len(got) != 2*rounds {
		t.Errorf("delivered %q", got)
	}
	if n := o.log.count("ERROR"); n > 0 {
		t.Errorf("%d errors in the log:\n%s", n, o.log)
	}
	if left := filesIn(t, o.path("annex")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	o.noDebris()
}

// checkOneOfFour: of four drops of this content one was delivered, and three
// are records that name it.
func checkOneOfFour(t *testing.T, docs []web.Summary, sum string) {
	t.Helper()
	var first string
	states := map[string]int{}
	for _, d := range docs {
		if d.SHA256 != sum {
			continue
		}
		if d.DuplicateOf == "" {
			first = d.DocumentID
		}
		states[strings.TrimSuffix(d.State, "_with_warnings")]++
	}
	if states["completed"] != 1 || states["duplicate"] != 3 {
		t.Errorf("four drops became %v", states)
	}
	for _, d := range docs {
		if d.SHA256 == sum && d.DocumentID != first && d.DuplicateOf != first || d.State == "duplicate" && len(d.Outputs) > 0 {
			t.Errorf("%s/%s is the same as %q, not %q; outputs %q", d.Folder, d.Path, d.DuplicateOf, first, d.Outputs)
		}
	}
}

// TestA10NameCollisions: the same name in two subfolders, a later file under
// an old name, other types of one stem, and names that are taken already.
func TestA10NameCollisions(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	if err := errors.Join(os.Mkdir(o.path("out", "c"), 0o755), os.WriteFile(o.path("out", "c", "scan.json"), []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	o.start()
	drops := []struct{ rel, word string }{{"a/scan.pdf", "alpha"}, {"b/scan.pdf", "bravo"}, {"c/scan.pdf", "charlie"}, {"d/scan.pdf", "delta"},
		{"d/scan.png", "echo"}, {"a/scan.pdf", "foxtrot"}}
	sums := map[string]string{} // a word's original
	for i, d := range drops {
		data := scanPDF(t, d.word)
		if strings.HasSuffix(d.rel, ".png") {
			data = scanPNG(t, d.word)
		}
		if i == len(drops)-1 {
			o.atRest(i) // it is the later one
		}
		sums[d.word] = hashOf(data)
		o.drop(d.rel, data)
	}
	o.atRest(len(drops))
	o.stop()
	checkNames(t, o, sums)
	if mine, err := os.ReadFile(o.path("out", "c", "scan.json")); string(mine) != "mine" {
		t.Errorf("a file that stood there is now %q, %v", mine, err)
	}
	o.noDebris()
}

// checkNames: each word's document stands under its name, or under one of its
// own, and nothing else is there. sums are the originals' hashes.
func checkNames(t *testing.T, o *office, sums map[string]string) {
	t.Helper()
	tag := func(word string) string { return "scan-" + sums[word][:8] }
	want := map[string]string{"a/scan": "alpha", "b/scan": "bravo", "a/" + tag("foxtrot"): "foxtrot", "c/" + tag("charlie"): "charlie"}
	// Of the two that came together either may have been first.
	if want["d/scan"], want["d/"+tag("echo")] = "delta", "echo"; !exists(o.path("out", "d", tag("echo")+".pdf")) {
		want["d/scan"], want["d/"+tag("delta")] = "echo", "delta"
		delete(want, "d/"+tag("echo"))
	}
	names := []string{"c/scan.json"}
	for stem, word := range want {
		names = append(names, stem+".json", stem+".pdf")
		doc := o.delivered("out", filepath.FromSlash(stem)+".json")
		if doc.Source.SHA256 != sums[word] || doc.Files.PDF != path.Base(stem)+".pdf" || path.Dir(doc.Source.Path) != path.Dir(stem) {
			t.Errorf("%s is not %s: %+v, %+v", stem, word, doc.Source, doc.Files)
		}
	}
	slices.Sort(names)
	if got := filesIn(t, o.path("out")); !slices.Equal(got, names) {
		t.Errorf("delivered %q; want %q", got, names)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
