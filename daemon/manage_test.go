package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/web"
	"intray/ledger"
)

// ok runs a command that must succeed.
func (o *office) ok(args ...string) string {
	o.t.Helper()
	out, stderr, code := runIntray(o.t, append(args, "--config", o.config)...)
	if code != exitDone {
		o.t.Fatalf("%v: code %d\n%s%s", args, code, out, stderr)
	}
	return out
}

// TestRetry by command, with and without a daemon, and by dropping the bundle
// back into the hot folder: the document is the same one each time.
func TestRetry(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	o.drop("junk.pdf", []byte("no scan"))
	o.waitLog("Failed.", "junk.pdf")
	doc := o.documents()[0]
	if out := o.ok("retry", doc.DocumentID); !strings.Contains(out, doc.DocumentID) {
		t.Errorf("retry said %q", out)
	}
	o.until(nil, func() bool { return o.log.count("Failed.") == 2 })
	bundle := glob(o, "failed/junk-*")
	if len(bundle) != 1 {
		t.Fatalf("bundles after a retry: %q", bundle)
	}
	if err := os.Rename(bundle[0], o.path("in", filepath.Base(bundle[0]))); err != nil {
		t.Fatal(err)
	}
	o.until(nil, func() bool { return o.log.count("Failed.") == 3 })
	o.waitLog("came back", doc.DocumentID)
	o.stop()
	o.ok("retry", doc.DocumentID) // the ledger itself
	if out, _, code := runIntray(t, "retry", doc.DocumentID, "--config", o.config); code != exitRefused {
		t.Errorf("retry of what waits already: code %d, %s", code, out)
	}
	o.start()
	o.waitLog("Failed.", "junk.pdf")
	o.stop()
	if docs := o.documents(); len(docs) != 1 || docs[0].State != "failed_terminal" || docs[0].Failure.Code != "unsupported_type" {
		t.Errorf("%+v", docs)
	}
	if _, stderr, code := runIntray(t, "retry", "nosuchid", "--config", o.config); code != exitUsage || stderr == "" {
		t.Errorf("unknown id: code %d, %s", code, stderr)
	}
	o.noDebris()
	if left := glob(o, "in/*"); len(left) != 0 {
		t.Errorf("left in the hot folder: %q", left)
	}
}

// TestPurge shows first, then removes; what is purged is still known.
func TestPurge(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	page := scanPNG(t, "to be forgotten")
	o.drop("secret name.png", page)
	o.drop("junk.txt", []byte("no scan"))
	o.waitLog("Delivered.", "secret name.png")
	o.waitLog("Failed.", "junk.txt")
	doc := o.documents()[slices.IndexFunc(o.documents(), func(d web.Summary) bool { return d.Name == "secret name.png" })]
	if out := o.ok("purge"); out != "Nothing is due.\n" {
		t.Errorf("without rules: %s", out)
	}
	if out := o.ok("purge", "--dry-run", doc.DocumentID); !strings.Contains(out, "Would remove 2") || !strings.Contains(out, doc.DocumentID) {
		t.Errorf("dry run: %s", out)
	}
	if _, err := os.Stat(o.original(doc.SHA256)); err != nil {
		t.Fatalf("the dry run removed it: %v", err)
	}
	o.ok("purge", doc.DocumentID)
	if _, err := os.Stat(o.original(doc.SHA256)); !os.IsNotExist(err) {
		t.Errorf("the original is still there: %v", err)
	}
	show := o.ok("show", doc.DocumentID)
	if !strings.Contains(show, "purged") || strings.Contains(show, "secret name") || !strings.Contains(show, doc.SHA256) {
		t.Errorf("the tombstone:\n%s", show)
	}
	o.drop("again.png", page)
	o.waitLog("Already known", "again.png", doc.DocumentID)
	o.stop()

	// By rule, at the start: text first, then all of it.
	o.add("keep_text = \"0d\"\n")
	o.start()
	o.stop()
	o.set("keep_text = \"0d\"", "keep_text = \"0d\"\nkeep_originals = \"0d\"")
	o.ok("purge") // no daemon runs
	for _, d := range o.documents() {
		if d.State != "purged" {
			t.Errorf("%s is %s", d.DocumentID, d.State)
		}
	}
	if left := slices.Concat(glob(o, "data/originals/??/*"), glob(o, "failed/*"), glob(o, "out/*.json")); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if len(glob(o, "out/*.pdf")) != 1 {
		t.Error("the office's PDF was removed")
	}
	o.ok("doctor", "--deep")
}

// TestBackupAndRestore of a ledger in use; doctor finds what came after it.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	o.drop("first.txt", []byte("first"))
	o.waitLog("Failed.", "first.txt")
	copied := o.path("backup.db")
	o.ok("backup", copied)
	if _, _, code := runIntray(t, "backup", copied, "--config", o.config); code != exitUsage {
		t.Errorf("over another backup: code %d", code)
	}
	o.drop("second.txt", []byte("second"))
	o.waitLog("Failed.", "second.txt")
	o.ok("doctor", "--deep")
	o.stop()
	if err := os.Rename(copied, o.path("data", "ledger.db")); err != nil {
		t.Fatal(err)
	}
	out, _, code := runIntray(t, "doctor", "--deep", "--config", o.config)
	if code != exitUnexpected || !strings.Contains(out, hashOf([]byte("second"))) || strings.Contains(out, hashOf([]byte("first"))) {
		t.Errorf("code %d\n%s", code, out)
	}
	orphan, err := os.ReadFile(o.original(hashOf([]byte("second"))))
	if err != nil {
		t.Fatal(err)
	}
	o.start()
	o.drop("second once more.txt", orphan)
	o.waitLog("Failed.", "second once more.txt")
	o.ok("doctor", "--deep")
	damaged := o.original(hashOf([]byte("first")))
	if err := os.Chmod(damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, []byte("FIRST"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _, code := runIntray(t, "doctor", "--deep", "--config", o.config); code != exitUnexpected || !strings.Contains(out, "is damaged") {
		t.Errorf("a damaged original: code %d\n%s", code, out)
	}
}

// TestTwoIntraysOverOneFolder: whatever one of them is doing, even dying, each
// file is processed once.
func TestTwoIntraysOverOneFolder(t *testing.T) {
	t.Parallel()
	a, b := newOffice(t, ""), newOffice(t, "")
	b.add(fmt.Sprintf("path = %q\nclaim_expiry = \"2s\"\n", a.path("in")))
	a.start()
	b.start()
	const files = 200
	for n := range files {
		a.drop(fmt.Sprintf("%d/scan.txt", n%5*1000+n), fmt.Appendf(nil, "no scan %d", n))
		if n%50 == 25 {
			a.kill()
			a.start()
		}
	}
	paths := func(o *office) (out []string) {
		var docs []web.Summary
		if err := json.Unmarshal([]byte(o.ok("list", "--json", "--limit", "1000")), &docs); err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if d.State != string(ledger.FailedTerminal) {
				return nil // not at its end
			}
			out = append(out, d.Path)
		}
		return out
	}
	a.until(nil, func() bool { return len(paths(a))+len(paths(b)) >= files && len(a.waitingFiles()) == 0 })
	all := append(paths(a), paths(b)...)
	slices.Sort(all)
	if len(all) != files || len(slices.Compact(all)) != files {
		t.Errorf("%d records of %d files", len(all), files)
	}
	if len(paths(a)) == 0 || len(paths(b)) == 0 {
		t.Logf("one of them took everything: %d and %d", len(paths(a)), len(paths(b)))
	}
}

// waitingFiles are all files in the hot folder, hidden ones too.
func (o *office) waitingFiles() []string { return filesIn(o.t, o.path("in")) }

// TestKeep leaves files where they are and knows them at the next start.
func TestKeep(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add("after = \"keep\"\n")
	o.start()
	for _, name := range []string{"a.txt", "sub/b.txt"} {
		o.drop(name, []byte("no scan "+name))
		o.waitLog("Failed.", name)
	}
	o.stop()
	o.drop("c.txt", []byte("no scan c"))
	o.start()
	o.waitLog("Failed.", "c.txt")
	if err := os.WriteFile(o.path("in", "a.txt"), []byte("now something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.waitLog("Failed.", "a.txt")
	o.stop()
	if docs := o.documents(); len(docs) != 4 {
		t.Errorf("%d documents: %+v", len(docs), docs)
	}
	if got := o.waitingFiles(); !slices.Equal(got, []string{"a.txt", "c.txt", "sub/b.txt"}) {
		t.Errorf("the folder holds %q", got)
	}
}

// TestListNarrows by folder, name and time, page by page.
func TestListNarrows(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	for _, name := range []string{"Rechnung 1.txt", "rechnung 2.txt", "brief.txt"} {
		o.drop(name, []byte(name))
		o.waitLog("Failed.", name)
	}
	for args, want := range map[string]int{
		"--name rech": 2, "--name x": 0, "--folder desk": 3, "--folder other": 0, "--state failed_terminal --folder desk": 3,
		"--state completed": 0, "--since 2020-01-01": 3, "--until 2020-01-01": 0, "--limit 2": 2,
	} {
		var docs []web.Summary
		if err := json.Unmarshal([]byte(o.ok(append([]string{"list", "--json"}, strings.Fields(args)...)...)), &docs); err != nil || len(docs) != want {
			t.Errorf("%s: %d documents, %v", args, len(docs), err)
		}
	}
	for _, running := range []bool{true, false} {
		_, stderr, _ := runIntray(t, "list", "--limit", "2", "--config", o.config)
		_, cursor, found := strings.Cut(strings.TrimSpace(stderr), "--cursor ")
		if !found {
			t.Fatalf("no cursor in %q", stderr)
		}
		if out := o.ok("list", "--cursor", cursor); strings.Count(out, "failed_terminal") != 1 || !strings.Contains(out, "Rechnung 1.txt") {
			t.Errorf("the second page, running %v:\n%s", running, out)
		}
		if running {
			o.stop()
		}
	}
	for _, args := range []string{"--state asleep", "--since tomorrow", "--limit 0", "--cursor !"} {
		if _, _, code := runIntray(t, append([]string{"list", "--config", o.config}, strings.Fields(args)...)...); code != exitUsage {
			t.Errorf("%s: code %d", args, code)
		}
	}
}

// TestLinkToTheHotFolder: results that would be taken in again are refused at
// the start, and doctor says so, whatever the paths look like.
func TestLinkToTheHotFolder(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	if err := os.Remove(o.path("failed")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("in", o.path("failed")); err != nil {
		t.Skip("skipped: links cannot be made here: ", err)
	}
	for _, command := range []string{"run", "doctor"} {
		out, stderr, code := runIntray(t, command, "--config", o.config)
		if code == exitDone || !strings.Contains(out+stderr, "results would be taken in as scans") {
			t.Errorf("%s: code %d\n%s%s", command, code, out, stderr)
		}
	}
}
