package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	if stdout, stderr, code := runIntray(t, "init", filepath.Join(dir, "tray")); code != 0 || !strings.Contains(stdout, "intray run --config") {
		t.Fatalf("init: %d %s %s", code, stdout, stderr)
	}
	config := filepath.Join(dir, "tray", "config.toml")
	if _, stderr, code := runIntray(t, "init", filepath.Join(dir, "tray")); code != exitUsage || !strings.Contains(stderr, "exists already") {
		t.Errorf("init twice: %d %s", code, stderr)
	}
	data, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "[[folder]]", "[web]\nlisten = \""+freePort(t)+"\"\n[[folder]]", 1)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	licensesCode, licensesSay := exitUsage, "make dist"
	if runtime.GOOS == "windows" { // the program is made as a release is, with its licences inside
		licensesCode, licensesSay = exitDone, "Apache License"
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"doctor"}, 0, "ok"},
		{[]string{"list"}, exitUnreachable, "no daemon runs"},
		{[]string{"show", "abcd"}, exitUnreachable, "no daemon runs"},
		{[]string{"states"}, 0, "needs_human_review"},
		{[]string{"states", "--format", "mermaid"}, 0, "stateDiagram-v2"},
		{[]string{"states", "--format", "dot"}, 0, "digraph"},
		{[]string{"states", "--format", "svg"}, exitUsage, "mermaid, dot or text"},
		{[]string{"version"}, 0, "intray "},
		{[]string{"version", "--licenses"}, licensesCode, licensesSay},
		{[]string{"init", "--service", dir}, exitUsage, "--config"},
		{[]string{"completion", "bash"}, 0, "intray"},
		{[]string{"list", "--state", "asleep"}, exitUsage, "intray states"},
		{[]string{"dance"}, exitUsage, "dance"},
		{[]string{"show"}, exitUsage, "accepts 1 arg"},
		{[]string{"list", "--loud"}, exitUsage, "loud"},
	} {
		stdout, stderr, code := runIntray(t, append(c.args, "--config", config)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%v: code %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
	for file, want := range map[string]string{"missing.toml": "cannot be read", "typo.toml": `typo.toml:1: unknown key "verson"; did you mean "version"?`} {
		path := filepath.Join(dir, file)
		if file == "typo.toml" {
			if err := os.WriteFile(path, []byte("verson = 1\n[[folder]]\nname = \"x\"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, stderr, code := runIntray(t, "run", "--config", path); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", file, code, stderr)
		}
	}
}

// TestListJSONIsAList: with no documents it is empty, not null.
// TestManualPages: one for each command a person may type, with the time that
// reproducible builds give.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SOURCE_DATE_EPOCH", "1000000000") // in September 2001
	if _, stderr, code := runIntray(t, "man", dir); code != 0 {
		t.Fatalf("man: %d %s", code, stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "intray-run.1"))
	if err != nil || !strings.Contains(string(page), "Sep 2001") || !strings.Contains(string(page), "--service") {
		t.Errorf("%v: %s", err, page)
	}
	if _, err := os.Stat(filepath.Join(dir, "intray-worker.1")); err == nil {
		t.Error("a hidden command has a page")
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, stderr, code := runIntray(t, "man", dir); code != exitUsage || !strings.Contains(stderr, "SOURCE_DATE_EPOCH") {
		t.Errorf("a time that is none: %d %s", code, stderr)
	}
}

func TestListJSONIsAList(t *testing.T) {
	o := newOffice(t, "")
	o.start()
	o.stop()
	stdout, stderr, code := runIntray(t, "list", "--json", "--config", o.config)
	var docs []any
	if err := json.Unmarshal([]byte(stdout), &docs); err != nil || code != 0 || len(docs) != 0 || strings.TrimSpace(stdout) == "null" {
		t.Errorf("%d %q %q %v", code, stdout, stderr, err)
	}
}

func TestBrief(t *testing.T) {
	long := strings.Repeat("ä", 40) + "/" + strings.Repeat("b", 40) + ".pdf"
	if got := brief(long); len([]rune(got)) != longestShown || !strings.HasPrefix(got, "ää") || !strings.HasSuffix(got, "b.pdf") || brief("a.pdf") != "a.pdf" {
		t.Errorf("%q", got)
	}
}
