package tesseract

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

// decode stands for the [engine.NAME] section of a configuration file.
func decode(change func(*options)) func(any) error {
	return func(into any) error {
		change(into.(*options))
		return nil
	}
}

// models is a tessdata folder with copies of installed models, by new names.
func models(t *testing.T, from map[string]string) string {
	t.Helper()
	out, err := exec.Command("tesseract", "--list-langs").Output()
	if err != nil {
		t.Skip("skipped: tesseract is not installed")
	}
	_, rest, _ := strings.Cut(string(out), `"`)
	installed, _, _ := strings.Cut(rest, `"`)
	dir := t.TempDir()
	for name, source := range from {
		data, err := os.ReadFile(filepath.Join(installed, source+".traineddata"))
		if err != nil {
			t.Skipf("skipped: the model %s is not where tesseract says: %v", source, err)
		}
		file := filepath.Join(dir, filepath.FromSlash(name)+".traineddata")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSettingsRefused(t *testing.T) {
	for _, mode := range []int{-1, 0, 2, 14} {
		_, err := build(engines.Settings{Decode: decode(func(o *options) { o.PageSegmentation = mode })}, newReader)
		if e, ok := engines.AsError(err); !ok || e.Code != engines.CodeBadSettings || e.Kind != engines.Terminal {
			t.Errorf("page segmentation %d: %v", mode, err)
		}
	}
	for name, with := range variants() { // documents wait for it to be mended, at no cost
		for what, dir := range map[string]string{"no folder": filepath.Join(t.TempDir(), "none"), "no models": t.TempDir()} {
			_, err := build(engines.Settings{Decode: decode(func(o *options) { o.Tessdata = dir })}, with)
			if e, ok := engines.AsError(err); !ok || !engines.Environment(e) || e.Kind != engines.Retryable {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	typo := errors.New("unknown key")
	if _, err := build(engines.Settings{Name: "local", Decode: func(any) error { return typo }}, newReader); !errors.Is(err, typo) || !strings.Contains(err.Error(), "local") {
		t.Errorf("a typing error: %v", err)
	}
}

// TestOwnModels: a folder of models of one's own, without the one for
// orientation, is used and said to be incomplete once.
func TestOwnModels(t *testing.T) {
	dir := models(t, map[string]string{"plain": "eng", "script/Latin": "eng", "equ": "eng"})
	for name, with := range variants() {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			e, err := build(engines.Settings{Name: "local", Languages: []string{"plain"}, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Decode: decode(func(o *options) { o.Tessdata = dir })}, with)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if got := e.Capabilities().Languages; !slices.Equal(got, []string{"plain", "script/Latin"}) {
				t.Errorf("languages %q", got)
			}
			for _, languages := range [][]string{nil, {"script/Latin"}, {"plain", "script/Latin"}} {
				page := drawn(t, "model of my own")
				page.Languages = languages
				if r, err := e.Recognize(t.Context(), page); err != nil || enginetest.Text(r) != "model of my own\n" {
					t.Errorf("with %q: %q, %v", languages, enginetest.Text(r), err)
				}
			}
			if n := strings.Count(log.String(), "orientation"); n != 1 || !strings.Contains(log.String(), "engine=local") {
				t.Errorf("said %d times: %s", n, log.String())
			}
		})
	}
}

// TestAddedModel: a model that was added is read with beside the installed ones.
func TestAddedModel(t *testing.T) {
	added := models(t, map[string]string{"xyz": "eng"})
	for name, with := range variants() {
		t.Run(name, func(t *testing.T) {
			settings := engines.Settings{Name: "local", CacheDir: t.TempDir(), ModelDir: added}
			e, err := build(settings, with)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			page := drawn(t, "added to the others")
			for _, languages := range [][]string{{"eng"}, {"xyz"}, {"eng", "xyz"}} {
				page.Languages = languages
				if r, err := e.Recognize(t.Context(), page); err != nil || enginetest.Text(r) != "added to the others\n" {
					t.Errorf("with %q: %q, %v", languages, enginetest.Text(r), err)
				}
			}
			installed, err := Installed(settings)
			var names []string
			for _, m := range installed {
				if ReadsText(m.Name) {
					names = append(names, m.Name)
				}
				if (m.Name == "xyz") != (m.From == Added) {
					t.Errorf("%+v", m)
				}
			}
			if err != nil || !slices.Equal(names, e.Capabilities().Languages) {
				t.Errorf("listed are %q, there are %q, %v", names, e.Capabilities().Languages, err)
			}
		})
	}
}

// TestInstalled tells the same models as the engine has, also where nothing was added
// and where a folder of one's own is named.
func TestInstalled(t *testing.T) {
	open(t, newReader).Close()
	all, err := Installed(engines.Settings{CacheDir: t.TempDir()})
	if err != nil || !slices.ContainsFunc(all, func(m Model) bool { return m.Name == "eng" && m.From != Added }) {
		t.Errorf("%+v, %v", all, err)
	}
	dir := models(t, map[string]string{"script/Latin": "eng"})
	own := engines.Settings{ModelDir: models(t, map[string]string{"xyz": "eng"}), Decode: decode(func(o *options) { o.Tessdata = dir })}
	if all, err := Installed(own); err != nil || !slices.Equal(all, []Model{{"script/Latin", OfFolder, filepath.Join(dir, "script", "Latin.traineddata")}}) {
		t.Errorf("%+v, %v", all, err)
	}
	own.Decode = decode(func(o *options) { o.Tessdata = filepath.Join(dir, "none") })
	if _, err := Installed(own); err == nil {
		t.Error("a folder that does not exist has models")
	}
}

// TestBrokenModel: a model that does not load is the installation's fault, not
// the document's.
func TestBrokenModel(t *testing.T) {
	dir := models(t, map[string]string{"osd": "osd"})
	if err := os.WriteFile(filepath.Join(dir, "eng.traineddata"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, with := range variants() {
		e, err := build(engines.Settings{Decode: decode(func(o *options) { o.Tessdata = dir })}, with)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Recognize(t.Context(), drawn(t, "page"))
		if f, ok := engines.AsError(err); !ok || f.Kind != engines.Retryable || f.Code != engines.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMissingLanguageSaysWhatToDo(t *testing.T) {
	e := open(t, newReader)
	defer e.Close()
	page := drawn(t, "page")
	for language, want := range map[string]string{"chi_sim_none": "tesseract-ocr-chi-sim-none", "script/None": "script/None", "osd": "osd"} {
		page.Languages = []string{language}
		_, err := e.Recognize(t.Context(), page)
		f, ok := engines.AsError(err)
		if !ok || f.Code != engines.CodeNoLanguage || !strings.Contains(f.Sentence, want) || !strings.Contains(f.Sentence, "there are: ") || !strings.Contains(f.Sentence, "eng") {
			t.Errorf("%s: %v", language, err)
		}
		if !strings.Contains(f.Sentence, "`intray languages add "+language+".traineddata`") {
			t.Errorf("what to do? %s", f.Sentence)
		}
		if strings.Contains(language, "/") && strings.Contains(f.Sentence, "package") {
			t.Errorf("a package that does not exist: %s", f.Sentence)
		}
	}
}

func TestDPI(t *testing.T) {
	for given, want := range map[float64]string{0: "0", 300: "300", 199.6: "200", -1: "0", 1e300: "0"} {
		if got := dpi(engines.Page{DPI: given}); got != want {
			t.Errorf("%v became %s", given, got)
		}
	}
}
