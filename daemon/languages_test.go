package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/engines/tesseract"
)

// configured adds lines to the office's only folder.
func (o *office) configured(lines string) {
	o.t.Helper()
	text := string(mustRead(o.t, o.config)) + lines
	if err := os.WriteFile(o.config, []byte(text), 0o644); err != nil {
		o.t.Fatal(err)
	}
}

// listed is what `languages list --json` says of the only engine.
func (o *office) listed() engineModels {
	o.t.Helper()
	var all []engineModels
	if err := json.Unmarshal([]byte(o.ok("languages", "list", "--json")), &all); err != nil || len(all) != 1 {
		o.t.Fatalf("%d engines, %v", len(all), err)
	}
	return all[0]
}

// newLanguage is a model of a language that no machine has: English by another name.
func (o *office) newLanguage(name string) string {
	o.t.Helper()
	for _, m := range o.listed().Models {
		if m.Name == "eng" && m.Path != "" {
			file := filepath.Join(o.t.TempDir(), filepath.FromSlash(name)+".traineddata")
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, mustRead(o.t, m.Path), 0o644)); err != nil {
				o.t.Fatal(err)
			}
			return file
		}
	}
	o.t.Skip("skipped: the system has no English model")
	return ""
}

// fails runs a command that must end with the code and say the words.
func (o *office) fails(code int, want string, args ...string) {
	o.t.Helper()
	stdout, stderr, got := runIntray(o.t, append(args, "--config", o.config)...)
	if got != code || !strings.Contains(stdout+stderr, want) {
		o.t.Errorf("%v: code %d, want %d and %q\n%s%s", args, got, code, want, stdout, stderr)
	}
}

// TestMissingLanguageIsWaitedFor: a start says what is missing and what to do, the
// scan waits at no cost, and goes on by itself once the model is there.
func TestMissingLanguageIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	model := o.newLanguage("xyz")
	o.configured("languages = [\"eng\", \"xyz\"]\n")
	const tries = 2
	text := strings.Replace(string(mustRead(t, o.config)), "[retry]\n", fmt.Sprintf("[retry]\nmax_attempts = %d\n", tries), 1)
	if err := os.WriteFile(o.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	o.start()
	line := o.waitLog("A language is not installed")
	for _, want := range []string{"ERROR", "folder desk", "missing=xyz", "intray languages add xyz.traineddata"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %s", want, line)
		}
	}
	o.fails(exitUnexpected, "folder desk (engine local) asks for xyz, which is not installed", "doctor")
	o.drop("scan.png", scanPNG(t, "The lighthouse keeper", "counts every ship"))
	// More often than a document may be tried.
	o.await("many looks", func() bool {
		return o.log.count("A document waits until something around it is mended.", "xyz") > tries
	})
	if said := o.ok("languages", "add", model); !strings.Contains(said, "asked for it already") {
		t.Errorf("said %s", said)
	}
	o.waitLog("Delivered.", "scan.png")
	doc := o.delivered("out", "scan.json")
	if !strings.Contains(doc.Text, "lighthouse keeper\n") {
		t.Errorf("text %q", doc.Text)
	}
	var shown struct{ Attempts int }
	if err := json.Unmarshal([]byte(o.ok("show", doc.DocumentID, "--json")), &shown); err != nil || shown.Attempts != 1 {
		t.Errorf("%d attempts, %v", shown.Attempts, err)
	}
	if doctor := o.ok("doctor"); !strings.Contains(doctor, "eng, xyz") {
		t.Errorf("doctor: %s", doctor)
	}
	o.stop()
}

// TestLanguagesAddedByRoot: what the service's user may have put in the way does not
// have root write elsewhere.
func TestLanguagesAddedByRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipped: it is about root")
	}
	t.Parallel()
	o := newOffice(t, "")
	model, elsewhere := o.newLanguage("script/Runes"), t.TempDir()
	if err := errors.Join(os.MkdirAll(o.path("data", "tessdata"), 0o755), os.Symlink(elsewhere, o.path("data", "tessdata", "script"))); err != nil {
		t.Fatal(err)
	}
	o.fails(exitRefused, "is a link", "languages", "add", model)
	if left := filesIn(t, elsewhere); len(left) != 0 {
		t.Errorf("written where the link leads to: %q", left)
	}
}

// TestLanguagesAdd: whole or not at all, and no other model goes unasked.
func TestLanguagesAdd(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	model, other := o.newLanguage("xyz"), o.newLanguage("script/Runes")
	torn := filepath.Join(t.TempDir(), "abc.traineddata")
	if err := os.WriteFile(torn, mustRead(t, model)[:100_000], 0o644); err != nil {
		t.Fatal(err)
	}
	added := o.path("data", "tessdata")
	o.fails(exitUsage, "not a whole one", "languages", "add", model, torn)
	o.fails(exitUsage, "not named as a language model", "languages", "add", o.config)
	o.fails(exitUsage, "two of the files", "languages", "add", model, model)
	o.fails(exitUsage, "no such file", "languages", "add", filepath.Join(t.TempDir(), "abc.traineddata"))
	if _, err := os.Stat(added); !os.IsNotExist(err) {
		t.Errorf("something was added: %v", err)
	}
	if said := o.ok("languages", "add", model, other); !strings.Contains(said, `languages = ["eng", "xyz", "script/Runes"]`) || !strings.Contains(said, o.config) {
		t.Errorf("said %s", said)
	}
	if said := o.ok("languages", "add", model); !strings.Contains(said, "the same model is there already") || strings.Contains(said, "service restart") {
		t.Errorf("said %s", said)
	}
	for _, m := range o.listed().Models {
		if want := filepath.Join(added, filepath.FromSlash(m.Name)+".traineddata"); (m.Path == want) != (m.From == "added") {
			t.Errorf("%+v", m)
		}
	}

	// Another model of that name: the one for orientation, which reads nothing.
	osd := slices.IndexFunc(o.listed().Models, func(m tesseract.Model) bool { return m.Name == "osd" && m.Path != "" })
	if osd < 0 {
		t.Skip("skipped: the system has no model for orientation")
	}
	want := mustRead(t, o.listed().Models[osd].Path)
	if err := os.WriteFile(model, want, 0o644); err != nil {
		t.Fatal(err)
	}
	before := mustRead(t, filepath.Join(added, "xyz.traineddata"))
	o.fails(exitUsage, "--replace", "languages", "add", model)
	if after := mustRead(t, filepath.Join(added, "xyz.traineddata")); string(after) != string(before) {
		t.Error("it was replaced unasked")
	}
	if said := o.ok("languages", "add", "--replace", model); !strings.Contains(said, "xyz: replaced ") || !strings.Contains(said, "intray service restart") {
		t.Errorf("said %s", said)
	}
	if after := mustRead(t, filepath.Join(added, "xyz.traineddata")); string(after) != string(want) {
		t.Error("it was not replaced")
	}
}

// TestLanguagesOfAnOwnFolder: where tessdata names a folder, models go there and
// count from there only.
func TestLanguagesOfAnOwnFolder(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	eng, xyz := o.newLanguage("eng"), o.newLanguage("xyz")
	o.configured("languages = [\"xyz\"]\n[engine.local]\nkind = \"tesseract\"\ntessdata = \"models\"\n")
	if got := o.listed(); len(got.Models) != 0 || got.Problem == "" || len(got.Missing) != 1 {
		t.Errorf("before: %+v", got)
	}
	o.ok("languages", "add", eng, xyz)
	got := o.listed()
	if len(got.Models) != 2 || got.Models[1] != (tesseract.Model{Name: "xyz", From: "folder", Path: o.path("models", "xyz.traineddata")}) || len(got.Missing) != 0 {
		t.Errorf("after: %+v", got)
	}
	out := t.TempDir()
	scan := filepath.Join(t.TempDir(), "scan.png")
	if err := os.WriteFile(scan, scanPNG(t, "The lighthouse keeper"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.ok("ocr", "-o", out, scan)
	if doc := readDocument(t, filepath.Join(out, "scan.json")); !strings.Contains(doc.Text, "lighthouse keeper") {
		t.Errorf("text %q", doc.Text)
	}
}

// TestAsked: an engine's own languages count unless each of its folders has others.
func TestAsked(t *testing.T) {
	engines := map[string]config.Engine{"local": {Kind: "tesseract", Languages: []string{"eng"}}, "bare": {Kind: "tesseract"}}
	desk := config.Folder{Name: "desk", Engine: []string{"local"}, Languages: []string{"deu", "fra"}}
	plain := config.Folder{Name: "plain", Engine: []string{"bare", "local"}}
	compared := config.Folder{Name: "compared", Engine: []string{"bare"}, Compare: config.Compare{Engine: "local"}, Languages: []string{"deu"}}
	for name, c := range map[string]struct {
		folders []config.Folder
		engine  string
		want    []demand // what is missing where there is English only
	}{
		"no folder":            {nil, "local", nil},
		"only with its own":    {[]config.Folder{desk}, "local", []demand{{"local", "desk", []string{"deu", "fra"}}}},
		"of another engine":    {[]config.Folder{desk}, "bare", nil},
		"as it is and its own": {[]config.Folder{plain, desk}, "local", []demand{{"local", "desk", []string{"deu", "fra"}}}},
		"to compare":           {[]config.Folder{compared}, "local", []demand{{"local", "compared", []string{"deu"}}}},
	} {
		cfg := &config.Config{Engines: engines, Folders: c.folders}
		got := lacking(cfg, c.engine, []string{"eng"})
		if !slices.EqualFunc(got, c.want, func(a, b demand) bool { return a.who() == b.who() && slices.Equal(a.Languages, b.Languages) }) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	cfg := &config.Config{Engines: engines, Folders: []config.Folder{desk, plain}}
	for engine, want := range map[string][]string{"local": {"engine local", "folder desk (engine local)"}, "bare": {"engine bare"}} {
		var who []string
		for _, d := range lacking(cfg, engine, nil) {
			who = append(who, d.who())
		}
		if !slices.Equal(who, want) {
			t.Errorf("without models %s lacks what %q ask for", engine, who)
		}
	}
}
