package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"intray/daemon/document"
)

const sum = "1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f7788"

func request(dir, id string) Request {
	return Request{DocumentID: id, AttemptID: "a", SHA256: sum, Root: filepath.Dir(dir), Dir: dir, Stem: "scan",
		Parts:    []Part{{Name: ".pdf", Data: []byte("pdf of " + id)}, {Name: ".txt", Data: []byte("text")}},
		Document: &document.Document{Schema: document.Schema, DocumentID: id}}
}

func keep(Plan) error { return nil }

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func deliverOne(t *testing.T, d *Desk, r Request) Plan {
	t.Helper()
	plan, err := d.Stage(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	plan, err = d.Publish(plan, keep)
	if err := errors.Join(err, d.Finish(plan)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(plan.Staging); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder for staging is left: %v", err)
	}
	return plan
}

// TestA10NothingIsOverwritten: the same name again gets the hash, then a number;
// what stands there is left as it is.
func TestA10NothingIsOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out", "a")
	d := &Desk{}
	first := deliverOne(t, d, request(dir, "one"))
	deliverOne(t, d, request(dir, "two"))
	deliverOne(t, d, request(dir, "three"))
	want := []string{"scan-1a2b3c4d-2.json", "scan-1a2b3c4d-2.pdf", "scan-1a2b3c4d-2.txt", "scan-1a2b3c4d.json", "scan-1a2b3c4d.pdf", "scan-1a2b3c4d.txt",
		"scan.json", "scan.pdf", "scan.txt"}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for stem, id := range map[string]string{"scan": "one", "scan-1a2b3c4d": "two", "scan-1a2b3c4d-2": "three"} {
		data, err := os.ReadFile(filepath.Join(dir, stem+".pdf"))
		if err != nil || string(data) != "pdf of "+id {
			t.Errorf("%s: %q, %v", stem, data, err)
		}
		doc := readJSON(t, filepath.Join(dir, stem+".json"))
		if doc.DocumentID != id || doc.Files.PDF != stem+".pdf" || doc.Files.Text != stem+".txt" {
			t.Errorf("%s: %+v", stem, doc.Files)
		}
	}
	if got := first.Outputs(); len(got) != 3 || got[0] != filepath.Join(dir, "scan.pdf") || got[2] != filepath.Join(dir, "scan.json") {
		t.Errorf("outputs %q: PDF first, JSON last", got)
	}
}

func readJSON(t *testing.T, path string) document.Document {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestKillBetweenAnyTwoRenames: publishing the recorded plan again finishes it
// and doubles nothing, even when somebody took the first file away meanwhile.
func TestKillBetweenAnyTwoRenames(t *testing.T) {
	for done := range 4 {
		for _, collected := range []bool{false, true} {
			dir := t.TempDir()
			plan, err := (&Desk{}).Stage(t.Context(), request(dir, "one"))
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range plan.Items[:done] {
				if err := os.Rename(plan.temp(item), filepath.Join(dir, item.Final)); err != nil {
					t.Fatal(err)
				}
				if collected {
					if err := os.Remove(filepath.Join(dir, item.Final)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 2 {
				if _, err := (&Desk{}).Publish(plan, keep); err != nil {
					t.Fatal(err)
				}
			}
			want := 3
			if collected {
				want -= done
			}
			if got := names(t, dir); len(got) != want {
				t.Errorf("killed after %d renames, collected %v: %q", done, collected, got)
			}
		}
	}
}

// TestNameTakenAfterStaging: somebody else takes the name between planning and
// publishing; the plan is recorded anew and the JSON tells the new names.
func TestNameTakenAfterStaging(t *testing.T) {
	dir := t.TempDir()
	d := &Desk{}
	plan, err := d.Stage(t.Context(), request(dir, "one"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scan.pdf"), []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	var recorded []Plan
	published, err := d.Publish(plan, func(p Plan) error { recorded = append(recorded, p); return nil })
	if err != nil || len(recorded) != 1 || recorded[0].Stem != "scan-1a2b3c4d" || published.Stem != recorded[0].Stem {
		t.Fatalf("%+v, recorded %+v, %v", published, recorded, err)
	}
	if doc := readJSON(t, filepath.Join(dir, "scan-1a2b3c4d.json")); doc.Files.PDF != "scan-1a2b3c4d.pdf" {
		t.Errorf("%+v", doc.Files)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "scan.pdf")); string(data) != "theirs" {
		t.Errorf("their file is now %q", data)
	}
	refused, err := d.Stage(t.Context(), request(dir, "two"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, refused.Items[0].Final), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("ledger is full")
	if _, err := d.Publish(refused, func(Plan) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("published without a record: %v", err)
	}
}

func TestParallelDeliveriesNeverMeet(t *testing.T) {
	dir := t.TempDir()
	d := &Desk{}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			plan, err := d.Stage(t.Context(), request(dir, strings.Repeat("x", i+1)))
			if err == nil {
				plan, err = d.Publish(plan, func(Plan) error { return errors.New("names met") })
			}
			if err == nil {
				err = d.Finish(plan)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := names(t, dir); len(got) != 60 {
		t.Errorf("%d files: %q", len(got), got)
	}
	if len(d.reserved) != 0 {
		t.Errorf("still reserved: %v", d.reserved)
	}
}

func TestBundleFolder(t *testing.T) {
	dir := t.TempDir()
	d := &Desk{}
	r := request(dir, "one")
	r.Folder = true
	r.Parts = []Part{{Name: "scan.pdf", Data: []byte("x")}}
	plan := deliverOne(t, d, r)
	bundle := filepath.Join(dir, "scan-1a2b3c4d")
	if got := plan.Outputs(); len(got) != 1 || got[0] != bundle {
		t.Errorf("outputs %q", got)
	}
	if got := names(t, bundle); !slices.Equal(got, []string{"scan.json", "scan.pdf"}) {
		t.Errorf("bundle %q", got)
	}
	if doc := readJSON(t, filepath.Join(bundle, "scan.json")); doc.Files.PDF != "scan.pdf" {
		t.Errorf("%+v", doc.Files)
	}
	deliverOne(t, d, r)
	if got := names(t, dir); !slices.Equal(got, []string{"scan-1a2b3c4d", "scan-1a2b3c4d-2"}) {
		t.Errorf("bundles %q", got)
	}
	r.Stem = strings.Repeat("n", LongestName)
	r.Parts = []Part{{Name: "Scan.PDF", Data: []byte("the original")}, {Name: "scan.pdf", Data: []byte("ours")}}
	long := deliverOne(t, d, r)
	if got := names(t, long.Outputs()[0]); len(got) != 3 || !slices.Contains(got, "scan.pdf") || !slices.Contains(got, "original-Scan.PDF") {
		t.Errorf("bundle with a long name %q", got)
	}
}

// TestLongestNames: with the longest ending a name still is one.
func TestLongestNames(t *testing.T) {
	dir := t.TempDir()
	d := &Desk{}
	r := request(dir, "one")
	r.Stem = strings.Repeat("n", LongestName-5)
	r.Parts = []Part{{Name: ".pdf", Data: []byte("x")}, {Name: ".alto.xml", Data: []byte("y")}}
	for range 2 {
		deliverOne(t, d, r)
	}
	if got := names(t, dir); len(got) != 6 {
		t.Errorf("%q", got)
	}
}

// TestFailedStageLeavesNothing: a part that cannot be read, a cancelled copy.
func TestFailedStageLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	d := &Desk{}
	r := request(dir, "one")
	r.Parts = append(r.Parts, Part{Name: ".raw", Path: filepath.Join(dir, "none")})
	if _, err := d.Stage(t.Context(), r); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Stage(ctx, request(dir, "two")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := names(t, dir); len(got) != 0 || len(d.reserved) != 0 {
		t.Errorf("left %q, reserved %v", got, d.reserved)
	}
}

// TestSweep: what a crash left without a plan goes, what has one stays.
func TestSweep(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a")
	d := &Desk{Owner: "me"}
	planned, lost := strings.Repeat("1", idLength), strings.Repeat("2", idLength)
	var plans []Plan
	for _, id := range []string{planned, lost} {
		plan, err := d.Stage(t.Context(), request(dir, id))
		if err != nil {
			t.Fatal(err)
		}
		plans = append(plans, plan)
	}
	d = &Desk{Owner: "me"}
	if err := d.Sweep(root, func(id string) bool { return id == planned }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Publish(plans[0], keep); err != nil {
		t.Error(err)
	}
	if _, err := d.Publish(plans[1], keep); !errors.Is(err, ErrPlaceGone) {
		t.Errorf("published what was swept: %v", err)
	}
	if err := d.Sweep(root, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if got := names(t, root); !slices.Equal(got, []string{"a"}) || len(names(t, dir)) != 3 {
		t.Errorf("left %q and %q", got, names(t, dir))
	}
}

// TestNothingGoesIntoAHotFolder: a link that came into the place of a folder of results
// does not have them taken for scans.
func TestNothingGoesIntoAHotFolder(t *testing.T) {
	root := t.TempDir()
	hot, out := filepath.Join(root, "in"), filepath.Join(root, "out")
	d := &Desk{Hot: []string{hot}}
	for _, target := range []string{hot, filepath.Join(hot, "deep")} {
		if err := errors.Join(os.MkdirAll(target, 0o755), os.Symlink(target, out)); err != nil {
			t.Fatal(err)
		}
		r := request(out, "one")
		r.Root = out
		if _, err := d.Stage(t.Context(), r); !errors.Is(err, ErrHot) {
			t.Errorf("staged in %s: %v", target, err)
		}
		if err := os.Remove(out); err != nil {
			t.Fatal(err)
		}
	}
	if left := names(t, hot); len(left) != 1 {
		t.Errorf("in the hot folder: %q", left)
	}
	if err := errors.Join(os.Mkdir(hot+"-not", 0o755), os.Symlink(hot+"-not", out)); err != nil {
		t.Fatal(err)
	}
	r := request(out, "one")
	r.Root = out
	if _, err := d.Stage(t.Context(), r); err != nil {
		t.Error(err)
	}
}

// TestPlaceGone: a share that went away leaves an empty folder behind. That
// nothing is staged there does not mean that it was delivered.
func TestPlaceGone(t *testing.T) {
	root := t.TempDir()
	out := filepath.Join(root, "out")
	d := &Desk{}
	r := request(out, "one")
	r.Root = out
	plan, err := d.Stage(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(out, out+"-away"), os.Mkdir(out, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Publish(plan, keep); !errors.Is(err, ErrPlaceGone) {
		t.Errorf("published into an empty place: %v", err)
	}
	if err := errors.Join(os.Remove(out), os.Rename(out+"-away", out)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Publish(plan, keep); err != nil || len(names(t, out)) != 4 {
		t.Errorf("after its return: %q, %v", names(t, out), err)
	}
	if err := d.Finish(plan); err != nil || len(names(t, out)) != 3 {
		t.Errorf("at the end: %q, %v", names(t, out), err)
	}
}

func TestWithdrawFailed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(bundle string) error
		left   string
	}{
		"as delivered": {func(string) error { return nil }, ""},
		"with a note":  {func(b string) error { return os.WriteFile(filepath.Join(b, "note.txt"), nil, 0o644) }, "note.txt"},
		"mended there": {func(b string) error { return os.WriteFile(filepath.Join(b, "scan.pdf"), []byte("mended"), 0o644) }, "reason.json scan.pdf"},
		"taken away":   {os.RemoveAll, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bundle := filepath.Join(t.TempDir(), "scan-1a2b3c4d")
			sum := sha256.Sum256([]byte("broken"))
			reason, err := Reason{DocumentID: "one", SHA256: hex.EncodeToString(sum[:]), Files: []string{"scan.pdf"}}.Encode()
			if err := errors.Join(err, os.Mkdir(bundle, 0o755), os.WriteFile(filepath.Join(bundle, "scan.pdf"), []byte("broken"), 0o644),
				os.WriteFile(filepath.Join(bundle, ReasonFile), reason, 0o644), c.change(bundle)); err != nil {
				t.Fatal(err)
			}
			if err := WithdrawFailed(bundle, "one"); err != nil {
				t.Error(err)
			}
			left := ""
			if _, err := os.Stat(bundle); err == nil {
				left = strings.Join(names(t, bundle), " ")
			}
			if left != c.left {
				t.Errorf("left %q, want %q", left, c.left)
			}
		})
	}
}

func TestReasonIsReadable(t *testing.T) {
	data, err := Reason{Code: "corrupt", Sentence: "Größer < kleiner"}.Encode()
	if err != nil || !strings.Contains(string(data), `"sentence": "Größer < kleiner"`) || !strings.Contains(string(data), ReasonSchema) {
		t.Errorf("%s, %v", data, err)
	}
}

// TestKillBetweenLinkAndRemoval: where a rename is made of the two, both names
// are there after a crash; that is one delivery, not a name taken by others.
func TestKillBetweenLinkAndRemoval(t *testing.T) {
	dir := t.TempDir()
	plan, err := (&Desk{}).Stage(t.Context(), request(dir, "one"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(plan.temp(plan.Items[0]), filepath.Join(dir, plan.Items[0].Final)); err != nil {
		t.Skip("skipped: no hard links here: ", err)
	}
	d := &Desk{}
	published, err := d.Publish(plan, func(Plan) error { return errors.New("renamed") })
	if err := errors.Join(err, d.Finish(published)); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"scan.json", "scan.pdf", "scan.txt"}) {
		t.Errorf("delivered %q", got)
	}
}

// TestFolderRemovedAfterStaging is made again.
func TestFolderRemovedAfterStaging(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a")
	d := &Desk{}
	plan, err := d.Stage(t.Context(), request(dir, "one"))
	if err := errors.Join(err, os.Remove(dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Publish(plan, keep); err != nil || len(names(t, dir)) != 3 {
		t.Errorf("%v", err)
	}
}
