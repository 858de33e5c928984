package review

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"intray/daemon/document"
	"intray/ledger"
)

const someID = "0197a2b4-0000-7000-8000-000000000001"

// delivered is a bundle as it lies in a folder, and what was delivered in it.
func delivered(t *testing.T, path string) Manifest {
	t.Helper()
	head, err := json.Marshal(map[string]string{"schema": document.Schema, "document_id": someID, "attempt_id": "1"})
	if err := errors.Join(err, os.MkdirAll(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"a.json": string(head), "a.pdf": "%PDF", FieldsFile: "# document " + someID + "\n"} {
		write(t, filepath.Join(path, name), content)
	}
	m, err := ManifestOf(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestClear takes away what is as it was delivered, and nothing that a person
// changed.
func TestClear(t *testing.T) {
	for name, c := range map[string]struct {
		change func(dir string)
		want   string
	}{
		"untouched":     {func(string) {}, ""},
		"other name":    {func(dir string) { _ = os.Rename(filepath.Join(dir, "a.json"), filepath.Join(dir, "b.JSON")) }, ""},
		"changed PDF":   {func(dir string) { write(t, filepath.Join(dir, "a.pdf"), "%PDG") }, NoteFile + " a.pdf"},
		"changed text":  {func(dir string) { write(t, filepath.Join(dir, FieldsFile), "total = 1\n") }, NoteFile + " " + FieldsFile},
		"text acted on": {func(dir string) { write(t, filepath.Join(dir, FieldsFile), "total = 2\n") }, ""},
		"own file":      {func(dir string) { write(t, filepath.Join(dir, "own.txt"), "x") }, NoteFile + " own.txt"},
	} {
		top := t.TempDir()
		dir := filepath.Join(top, "bundle")
		m := delivered(t, dir)
		c.change(dir)
		if err := Clear(dir, someID, "1", m.Sums, []string{sumOf([]byte("total = 2\n"))}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := list(t, top)
		if got != "" {
			got = list(t, dir)
		}
		if got != c.want {
			t.Errorf("%s: left %q", name, got)
		}
	}
}

// TestWhatIsNoFile is not opened, and no more is read of a JSON than its
// beginning.
func TestWhatIsNoFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	top := t.TempDir()
	dir := filepath.Join(top, "bundle")
	delivered(t, dir)
	real, err := os.ReadFile(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink(filepath.Join(top, "elsewhere"), path) },
		"folder": func(path string) error { return os.Mkdir(path, 0o755) },
		"late": func(path string) error {
			return os.WriteFile(path, append([]byte("{\"x\": \""+strings.Repeat("x", headSize)+"\","), real[1:]...), 0o644)
		},
	} {
		write(t, filepath.Join(top, "elsewhere"), string(real))
		for _, file := range []string{"a.json", FieldsFile} {
			if err := os.RemoveAll(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
		}
		if err := put(filepath.Join(dir, "a.json")); err != nil {
			t.Fatal(err)
		}
		if b, err := readBundle(dir, Approve); err != nil || b.id != "" {
			t.Errorf("%s: %q, %v", name, b.id, err)
		}
	}
}

// clerk is a ledger of one document in review, and counts decisions.
type clerk struct {
	doc      ledger.Document
	manifest Manifest
	decided  int
}

func (c *clerk) Get(string) (ledger.Document, error) { return c.doc, nil }
func (c *clerk) Resume(context.Context)              {}
func (c *clerk) Manifest(string) (Manifest, error)   { return c.manifest, nil }
func (c *clerk) Decide(context.Context, Order) (Outcome, error) {
	c.decided++
	return Outcome{}, nil
}

// TestApprovedWithoutText: corrections that were taken out of the bundle are
// waited for, however long.
func TestApprovedWithoutText(t *testing.T) {
	dir := t.TempDir()
	bundle := filepath.Join(dir, Approve, "bundle")
	c := &clerk{manifest: delivered(t, bundle), doc: ledger.Document{ID: someID, AttemptID: "1", State: ledger.NeedsHumanReview, Outputs: []string{filepath.Join(dir, "bundle")}}}
	r := Room{Dir: dir, Settle: time.Second, Ledger: c, Decider: c, Log: slog.New(slog.DiscardHandler), seen: map[string]sighting{}}
	if err := errors.Join(r.Prepare(), os.Rename(filepath.Join(bundle, FieldsFile), filepath.Join(dir, "mine.txt"))); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	r.sweep(t.Context(), now)
	r.sweep(t.Context(), now.Add(time.Hour))
	if c.decided != 0 || !strings.Contains(list(t, bundle), NoteFile) {
		t.Errorf("decided %d times: %s", c.decided, list(t, bundle))
	}
	if err := os.Rename(filepath.Join(dir, "mine.txt"), filepath.Join(bundle, FieldsFile)); err != nil {
		t.Fatal(err)
	}
	r.sweep(t.Context(), now.Add(2*time.Hour))
	r.sweep(t.Context(), now.Add(3*time.Hour))
	if c.decided != 1 {
		t.Errorf("decided %d times with the text back", c.decided)
	}
}
