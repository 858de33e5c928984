package deliver

import (
	"context"
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
	return Request{DocumentID: id, SHA256: sum, Dir: dir, Stem: "scan",
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
	if err != nil {
		t.Fatal(err)
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
				if err := os.Rename(filepath.Join(dir, item.Temp), filepath.Join(dir, item.Final)); err != nil {
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
				_, err = d.Publish(plan, func(Plan) error { return errors.New("names met") })
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
	if _, err := d.Stage(t.Context(), request(dir, "three")); err != nil {
		t.Fatal(err)
	}
	if err := d.Clean(dir, "three"); err != nil || len(names(t, dir)) != 0 {
		t.Errorf("clean left %q, %v", names(t, dir), err)
	}
}

func TestReasonIsReadable(t *testing.T) {
	data, err := Reason{Code: "corrupt", Sentence: "Größer < kleiner"}.Encode()
	if err != nil || !strings.Contains(string(data), `"sentence": "Größer < kleiner"`) || !strings.Contains(string(data), ReasonSchema) {
		t.Errorf("%s, %v", data, err)
	}
}
