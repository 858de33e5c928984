package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"intray/daemon/deliver"
	"intray/daemon/document"
)

// everythingPatience bounds how long one daemon may take for the whole corpus
// of formats and of hostile files.
const everythingPatience = 20 * time.Minute

// TestEverythingThroughOneDaemon drops every file of the corpus's formats and
// every hostile one on one daemon. Each gets an outcome and a sentence, the
// daemon lives, its memory stays bounded, nothing is left behind. The table it
// prints is the answer to "what becomes of a file like mine?".
func TestEverythingThroughOneDaemon(t *testing.T) {
	if os.Getenv("INTRAY_EVERYTHING") == "" {
		t.Skip("skipped: it takes many minutes; `make everything` runs it")
	}
	dir := corpus(t)
	o := newOffice(t, "worker_memory_mb = 1500\npage_timeout = \"60s\"\n")
	o.start()
	var files []string
	seen := map[string]bool{}
	for _, kind := range []string{"formats", "hostile"} {
		for _, rel := range filesIn(t, filepath.Join(dir, kind)) {
			name := kind + "/" + rel
			data := readFile(t, filepath.Join(dir, filepath.FromSlash(name)))
			if strings.HasSuffix(rel, ".gt.txt") || seen[hashOf(data)] {
				continue
			}
			seen[hashOf(data)] = true
			o.drop(filepath.FromSlash(name), data)
			files = append(files, name)
		}
	}
	if len(files) < 50 {
		t.Fatalf("only %d files", len(files))
	}
	ctx, cancel := context.WithTimeout(t.Context(), everythingPatience)
	defer cancel()
	for o.log.count("Delivered.")+o.log.count("Needs review.")+o.log.count("Failed.") < len(files) {
		select {
		case <-o.log.arrived:
		case <-ctx.Done():
			t.Fatalf("after %s:\n%s", everythingPatience, o.log)
		}
	}
	daemon, worker := peakMemory(t, o.daemon.Process.Pid)
	o.drop("last.png", scanPNG(t, "after all that"))
	o.waitLog("last.png", "Delivered.")
	o.stop()
	for _, name := range files {
		t.Logf("%-78s %s", name, o.outcome(name))
	}
	t.Logf("daemon %d MB at most, the largest worker at the end %d MB", daemon>>10, worker>>10)
	if daemon > 200<<10 {
		t.Errorf("the daemon had %d kB", daemon)
	}
	o.noDebris()
}

// outcome says in a line what became of a dropped file, and fails the test
// where that is nothing, or nothing a person could understand.
func (o *office) outcome(name string) string {
	o.t.Helper()
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	delivered, _ := filepath.Glob(o.path("out", filepath.FromSlash(stem)+"*.json"))
	for _, path := range delivered {
		if doc := readDocument(o.t, path); doc.Source.Path == name {
			return "delivered: " + o.summary(doc)
		}
	}
	base := deliver.SafeFile(filepath.Base(stem))
	reviews, _ := filepath.Glob(o.path("review", base+"-*", "*.json"))
	for _, path := range reviews {
		if doc := readDocument(o.t, path); doc.Source.Path == name {
			why := ""
			for _, c := range doc.Validation.Checks {
				if !c.Passed {
					why += c.Message + " "
				}
			}
			o.sentence(name, strings.TrimSpace(why))
			return "review: " + why
		}
	}
	failures, _ := filepath.Glob(o.path("failed", base+"-*", "reason.json"))
	for _, path := range failures {
		var reason deliver.Reason
		if err := json.Unmarshal(readFile(o.t, path), &reason); err != nil {
			o.t.Errorf("%s: %v", path, err)
		}
		if reason.Path != name {
			continue
		}
		o.sentence(name, reason.Sentence)
		if reason.Code == "" || reason.Kind == "" || strings.Contains(reason.Code, "internal") {
			o.t.Errorf("%s: failed with code %q, kind %q: %s", name, reason.Code, reason.Kind, reason.Detail)
		}
		for _, f := range reason.Files {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), f)); err != nil {
				o.t.Errorf("%s: %v", name, err)
			}
		}
		return fmt.Sprintf("refused (%s): %s", reason.Code, reason.Sentence)
	}
	o.t.Errorf("%s: nothing became of it", name)
	return "lost"
}

func (o *office) sentence(name, s string) {
	o.t.Helper()
	if len(s) < 10 || !strings.HasSuffix(s, ".") {
		o.t.Errorf("%s: %q is no sentence", name, s)
	}
}

// summary is a delivered document in a few words.
func (o *office) summary(doc document.Document) string {
	o.t.Helper()
	words, decisions := 0, map[string]int{}
	for _, p := range doc.Pages {
		decisions[p.Decision]++
		for _, b := range p.Blocks {
			for _, l := range b.Lines {
				words += len(l.Words)
			}
		}
		if p.Reason == "" {
			o.t.Errorf("%s: page %d has no reason for %s", doc.Source.Path, p.Number, p.Decision)
		}
	}
	var parts []string
	for _, d := range []string{"ocr", "kept_text", "blank", "failed"} {
		if decisions[d] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", decisions[d], d))
		}
	}
	out := fmt.Sprintf("%s, %d words", strings.Join(parts, ", "), words)
	if doc.Files.Conformance != "" {
		out += ", " + doc.Files.Conformance
	}
	for _, w := range doc.Warnings {
		if w.Code != "kept_text" && w.Code != "blank_page" {
			out += "; " + w.Code
		}
	}
	return out
}
