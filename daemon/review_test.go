package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/web"
)

// everything goes to review as a sample: the quickest way there.
const sampleAll = "sample = 1.0\n"

// inReview drops pages and waits for their bundles.
func (o *office) inReview(names ...string) {
	o.t.Helper()
	for _, name := range names {
		o.drop(name+".png", scanPNG(o.t, "the page called "+name))
	}
	for _, name := range names {
		o.waitLog("Needs review.", name+".png")
	}
}

// bundle is the one folder of a name.
func (o *office) bundle(pattern string) string {
	o.t.Helper()
	found := glob(o, pattern)
	if len(found) != 1 {
		o.t.Fatalf("%s: %q\n%s", pattern, found, o.log)
	}
	return found[0]
}

// moveTo moves a bundle into the folder of a decision.
func (o *office) moveTo(verb, bundle string) {
	o.t.Helper()
	if err := os.Rename(bundle, o.path("review", verb, filepath.Base(bundle))); err != nil {
		o.t.Fatal(err)
	}
}

// state is that of the document of a name.
func (o *office) state(name string) string {
	o.t.Helper()
	docs := o.documents()
	at := slices.IndexFunc(docs, func(d web.Summary) bool { return strings.HasPrefix(d.Name, name+".") })
	if at < 0 {
		return ""
	}
	return docs[at].State
}

func (o *office) untilState(name, state string) {
	o.t.Helper()
	o.until(nil, func() bool { return o.state(name) == state })
}

// undecided are all files in the folders for decisions.
func (o *office) undecided() (out []string) {
	o.t.Helper()
	for _, verb := range []string{"approve", "reject", "again"} {
		out = append(out, filesIn(o.t, o.path("review", verb))...)
	}
	return out
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// TestReviewInAFolder: moving a bundle is the decision, with a file manager and
// nothing else.
func TestReviewInAFolder(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add(sampleAll)
	o.start()
	o.inReview("yes", "no", "once more")

	yes := o.bundle("review/yes-*")
	before := o.delivered("review", filepath.Base(yes), "yes.json")
	text, err := os.ReadFile(filepath.Join(yes, "fields.txt"))
	if err != nil || !strings.Contains(string(text), before.DocumentID) {
		t.Fatalf("%s, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(yes, "Thumbs.db"), []byte("pictures"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.moveTo("approve", yes)
	o.untilState("yes", "completed")
	after := o.delivered("out", "yes.json")
	if after.DocumentID != before.DocumentID || after.Version != 2 || len(after.History) != 2 || after.History[1].By == "" || after.State != "completed" ||
		after.Validation.Verdict != document.VerdictRelease || after.Text != before.Text || len(after.Pages[0].Blocks) == 0 {
		t.Errorf("%+v", after)
	}
	if data, err := os.ReadFile(o.path("out", "yes.pdf")); err != nil || !bytes.HasPrefix(data, []byte("%PDF")) {
		t.Errorf("no PDF: %v", err)
	}

	no := o.bundle("review/no-*")
	reason := filepath.Join(no, "fields.txt")
	if text, err = os.ReadFile(reason); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(reason, bytes.Replace(text, []byte("reason = "), []byte("reason = not ours"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	o.moveTo("reject", no)
	o.untilState("no", "rejected")
	var why struct{ State, Code, Sentence string }
	data, err := os.ReadFile(filepath.Join(o.bundle("failed/no-*"), "reason.json"))
	if err := errors.Join(err, json.Unmarshal(data, &why)); err != nil || why.State != "rejected" || why.Sentence != "not ours" {
		t.Errorf("%+v, %v", why, err)
	}
	if _, err := os.Stat(filepath.Join(o.bundle("failed/no-*"), "no.png")); err != nil {
		t.Error(err)
	}

	first := o.bundle("review/once more-*")
	firstAttempt := o.delivered("review", filepath.Base(first), "once more.json").AttemptID
	o.moveTo("again", first)
	o.until(nil, func() bool { return o.log.count("Needs review.", "once more.png") == 2 })
	second := o.bundle("review/once more-*")
	if got := o.delivered("review", filepath.Base(second), "once more.json"); got.AttemptID == firstAttempt || got.Version != 1 {
		t.Errorf("%+v", got)
	}
	// What is left are the files of the one that waits: folders go after their files.
	o.until(nil, func() bool { return len(o.undecided()) == 0 && len(glob(o, "review/*/*")) == 5 })
	o.stop()
	o.noDebris()
	if left := filesIn(t, o.path("data", "in-review")); len(left) == 0 || strings.Contains(strings.Join(left, " "), before.DocumentID) {
		t.Errorf("kept for documents in review: %q", left)
	}
	o.ok("doctor", "--deep")
}

// TestReviewByCommand: decisions made while it is down count, and
// commands take the same way, with and without it.
func TestReviewByCommand(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add(sampleAll)
	o.start()
	o.inReview("a", "b", "c", "d", "e")
	id := func(name string) string {
		docs := o.documents()
		return docs[slices.IndexFunc(docs, func(d web.Summary) bool { return d.Name == name+".png" })].DocumentID
	}
	if out := o.ok("approve", id("a")); !strings.Contains(out, "completed") {
		t.Errorf("approve said %q", out)
	}
	o.ok("reject", id("b"), "--reason", "seen before")
	o.until(nil, func() bool { return len(glob(o, "review/[ab]-*")) == 0 })
	if show := o.ok("show", id("b")); !strings.Contains(show, "seen before") {
		t.Error(show)
	}
	if _, stderr, code := runIntray(t, "approve", id("a"), "--config", o.config); code != exitRefused || !strings.Contains(stderr, "completed") {
		t.Errorf("approved twice: code %d, %s", code, stderr)
	}
	o.stop()
	if out := o.ok("approve", id("c")); !strings.Contains(out, "completed") {
		t.Errorf("approve without a daemon said %q", out)
	}
	o.delivered("out", "c.json")
	o.moveTo("approve", o.bundle("review/d-*"))
	if err := os.RemoveAll(o.bundle("review/e-*")); err != nil { // what is decided on is kept elsewhere
		t.Fatal(err)
	}
	o.start()
	o.untilState("d", "completed")
	o.ok("approve", id("e"))
	o.delivered("out", "e.json")
	o.until(nil, func() bool { return len(o.undecided()) == 0 && len(glob(o, "review/*-*")) == 0 })
	o.stop()
	o.noDebris()
}

// TestReviewOverAShare: bundles that come file by file, copies, files of the
// operating system, other names, and things that are no bundles.
func TestReviewOverAShare(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add(sampleAll)
	o.start()
	o.inReview("half", "whole", "renamed", "lone", "twice", "late")

	// All but the end of the last file is there; the bundle in review, too.
	half := o.bundle("review/half-*")
	to := o.path("review", "approve", filepath.Base(half))
	for _, name := range []string{"fields.txt", "half.json", "half.png", "review.html"} {
		copyFile(t, filepath.Join(half, name), filepath.Join(to, name))
	}
	pdf, err := os.ReadFile(filepath.Join(half, "half.pdf"))
	if err := errors.Join(err, os.WriteFile(filepath.Join(to, "half.pdf"), pdf[:len(pdf)/2], 0o644)); err != nil {
		t.Fatal(err)
	}

	// A copy that is never deleted counts, and both go.
	whole := o.bundle("review/whole-*")
	for _, path := range glob(o, "review/whole-*/*") {
		copyFile(t, path, o.path("review", "approve", "Kopie von "+filepath.Base(whole), filepath.Base(path)))
	}
	if err := os.WriteFile(o.path("review", "approve", ".DS_Store"), []byte("mac"), 0o644); err != nil {
		t.Fatal(err)
	}

	// Another name for the folder and for all files but fields.txt.
	renamed := o.bundle("review/renamed-*")
	if err := errors.Join(os.Rename(filepath.Join(renamed, "renamed.json"), filepath.Join(renamed, "Daten.JSON")),
		os.Rename(renamed, o.path("review", "reject", "weg damit"))); err != nil {
		t.Fatal(err)
	}

	// fields.txt alone.
	lone := o.bundle("review/lone-*")
	if err := os.Rename(filepath.Join(lone, "fields.txt"), o.path("review", "approve", "fields.txt")); err != nil {
		t.Fatal(err)
	}

	// The same document in two places, contradicting.
	for _, verb := range []string{"approve", "reject"} {
		for _, path := range glob(o, "review/twice-*/*") {
			copyFile(t, path, o.path("copied", verb, filepath.Base(path)))
		}
	}
	for _, verb := range []string{"approve", "reject"} { // in one moment: one alone would count
		if err := os.Rename(o.path("copied", verb), o.path("review", verb, "twice")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(o.path("review", "again", "holiday", "pictures"), 0o755); err != nil {
		t.Fatal(err)
	}

	o.untilState("whole", "completed")
	o.untilState("lone", "completed")
	o.waitLog("left alone", "holiday")
	o.waitLog("left alone", "twice", "more than once")
	if o.state("half") != "needs_human_review" || o.state("twice") != "needs_human_review" {
		t.Errorf("half: %s, twice: %s", o.state("half"), o.state("twice"))
	}
	o.untilState("renamed", "rejected") // it waits longer: a file seems to be missing
	o.until(nil, func() bool { return len(glob(o, "review/reject/weg damit")) == 0 })
	o.waitLog("left alone", "half", "files are missing")
	if o.state("half") != "needs_human_review" {
		t.Error("half a bundle was decided on")
	}
	if err := os.WriteFile(filepath.Join(to, "half.pdf"), pdf, 0o644); err != nil {
		t.Fatal(err)
	}
	o.untilState("half", "completed")
	if err := os.RemoveAll(o.path("review", "reject", "twice")); err != nil {
		t.Fatal(err)
	}
	o.untilState("twice", "completed")

	// A copy of what is decided already.
	late := o.bundle("review/late-*")
	for _, path := range glob(o, "review/late-*/*") {
		copyFile(t, path, o.path("kept", filepath.Base(path)))
	}
	o.moveTo("approve", late)
	o.untilState("late", "completed")
	if err := os.Rename(o.path("kept"), o.path("review", "reject", "late")); err != nil {
		t.Fatal(err)
	}
	o.waitLog("left alone", "late", "does not wait for a decision")
	if o.state("late") != "completed" || len(glob(o, "review/reject/late/*")) < 4 {
		t.Error("a copy of a decided bundle was acted on")
	}
	o.stop()
	if n := len(glob(o, "out/*.json")); n != 5 {
		t.Errorf("%d delivered", n)
	}
}

// TestBrokenEdits come back with a word beside the line, with all that the clerk
// wrote, and count once they are mended; the same by command and API.
func TestBrokenEdits(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add(sampleAll)
	o.start()
	o.inReview("edit", "order")
	edit := o.bundle("review/edit-*")
	text := filepath.Join(edit, "fields.txt")
	if err := os.WriteFile(text, []byte("\xFF\xFE#\x00 \x00m\x00y\x00\r\x00\n\x00t\x00o\x00t\x00l\x00=\x001\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(edit, "call them.txt"), []byte("tomorrow"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.moveTo("approve", edit)
	o.waitLog("needs a correction", "edit.png", "totl")
	data, err := os.ReadFile(text)
	if err != nil || string(data) != "\uFEFF# my\r\n# !! There is no field \"totl\": this kind of document has no fields. Remove the line.\r\ntotl=1\r\n" {
		t.Fatalf("%q, %v", data, err)
	}
	if err := os.WriteFile(text, []byte("# my\r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.moveTo("approve", edit)
	o.untilState("edit", "completed")
	o.until(nil, func() bool { return len(glob(o, "review/approve/*/*.json")) == 0 })
	if left := glob(o, "review/approve/*/call them.txt"); len(left) != 1 { // nobody's but the clerk's
		t.Errorf("the clerk's own file is gone: %q", left)
	}

	order := o.bundle("review/order-*")
	text = filepath.Join(order, "fields.txt")
	if err := os.WriteFile(text, []byte("nonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	docs := o.documents()
	id := docs[slices.IndexFunc(docs, func(d web.Summary) bool { return d.Name == "order.png" })].DocumentID
	if _, stderr, code := runIntray(t, "approve", id, "--config", o.config); code != exitRefused || !strings.Contains(stderr, "not understood") {
		t.Errorf("code %d: %s", code, stderr)
	}
	if data, err := os.ReadFile(text); err != nil || !strings.HasPrefix(string(data), "# !! ") || !strings.HasSuffix(string(data), "\nnonsense\n") {
		t.Errorf("%q, %v", data, err)
	}
	o.ok("reject", id, "--reason", "nonsense")
	o.until(nil, func() bool { return len(glob(o, "review/order-*")) == 0 })

	var s stats
	if err := json.Unmarshal([]byte(o.ok("stats", "--json")), &s); err != nil {
		t.Fatal(err)
	}
	if q := s.Quality; q.Read != 2 || q.Sample.Sent != 2 || q.Sample.Right != 1 || q.Sample.Wrong != 1 || q.Sample.FalseAccepts == nil || *q.Sample.FalseAccepts != 0.5 ||
		q.Reviews.Sent != 0 || q.Reviews.Unnecessary != nil || len(q.Confidence) != 10 || len(q.ByLanguage) != 1 || q.ByLanguage[0].Name != "eng" {
		t.Errorf("%+v", q)
	}
	if out := o.ok("stats"); !strings.Contains(out, "Of 2 documents looked at as a sample, 50 % were wrong.") {
		t.Error(out)
	}
	o.stop()
}

// TestRuleThatMeansNothing is told at the start, with its line.
func TestRuleThatMeansNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add("[[class]]\nname = \"bill\"\n[[class.field]]\nname = \"total\"\ntype = \"amount\"\n[[class.rule]]\ncheck = \"totl > 0\"\n")
	for _, command := range []string{"run", "doctor"} {
		out, stderr, code := runIntray(t, command, "--config", o.config)
		if code == exitDone || !strings.Contains(out+stderr, "totl") || !strings.Contains(out+stderr, "config.toml:") {
			t.Errorf("%s: code %d\n%s%s", command, code, out, stderr)
		}
	}
}
