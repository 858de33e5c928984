package daemon

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"intray/daemon/web"
)

// TestSearchMetricsReport reads two documents and finds one by its words, sees both
// in the figures for monitoring, and on the report, with and without the daemon.
func TestSearchMetricsReport(t *testing.T) {
	o := newOffice(t, "")
	o.add("class = \"none\"")
	o.start()
	o.drop("a.pdf", scanPDF(t, "A gargoyle on the roof"))
	o.drop("b.pdf", scanPDF(t, "Nothing of the kind"))
	o.waitLog("Delivered.", "a.pdf")
	o.waitLog("Delivered.", "b.pdf")

	var found []web.Summary
	for began := time.Now(); len(found) == 0 && time.Since(began) < patience; { // the index follows
		out, errs, code := runIntray(t, "list", "--text", "gargoyl", "--json", "--config", o.config)
		if code != 0 {
			t.Fatal(code, errs)
		}
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			t.Fatal(err)
		}
	}
	if len(found) != 1 || found[0].Name != "a.pdf" {
		t.Errorf("found %+v", found)
	}
	if _, errs, code := runIntray(t, "list", "--text", "...", "--config", o.config); code != exitUsage || !strings.Contains(errs, "type a word") {
		t.Errorf("a search for nothing: %d %s", code, errs)
	}
	for _, name := range []string{".a.pdf", "a.pdf.tmp"} { // a hot folder leaves them alone
		if answer, said, err := o.api(http.MethodPost, "/api/v1/documents?name="+name, []byte("%PDF-1.7")); err != nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %v %s", name, err, said)
		}
	}
	answer, figures, err := o.api(http.MethodGet, "/metrics", nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(err, string(figures))
	}
	if _, shown, err := o.api(http.MethodGet, "/documents?q=gargoyl", nil); err != nil || !strings.Contains(string(shown), `class="excerpt"`) {
		t.Errorf("%v, no words around what was found in\n%s", err, shown)
	}
	for _, line := range []string{`intray_documents{folder="desk",state="completed`, `intray_hot_folder_waiting{folder="desk"} 0`, `intray_intake_paused 0`,
		`intray_counted_total{group="class"`, `intray_document_seconds_count{folder="desk",outcome="delivered"} 2`, `intray_attempt_seconds_count{engine="local",outcome="delivered"} 2`, `intray_pages_total{engine="local"} 2`} {
		if !strings.Contains(string(figures), line) {
			t.Errorf("no line %s in\n%s", line, string(figures))
		}
	}
	report := func() {
		t.Helper()
		page := o.path("report.html")
		if _, errs, code := runIntray(t, "report", "-o", page, "--config", o.config); code != 0 {
			t.Fatal(code, errs)
		}
		data, err := os.ReadFile(page)
		if err != nil || !strings.Contains(string(data), "<b>2</b>delivered") || !strings.Contains(string(data), "2 of 2 delivered JSON files") {
			t.Errorf("%v\n%s", err, data)
		}
		out, errs, code := runIntray(t, "report", "--config", o.config)
		if code != 0 || !strings.Contains(out, "2 documents, 2 pages: 2 delivered") {
			t.Errorf("%d %s\n%s", code, errs, out)
		}
	}
	report()
	o.stop()
	report()
	if _, errs, code := runIntray(t, "report", "--since", "tomorrow", "--config", o.config); code != exitUsage || !strings.Contains(errs, "2026-11-24") {
		t.Errorf("%d %s", code, errs)
	}
	if _, errs, code := runIntray(t, "list", "--text", "gargoyle", "--config", o.config); code != exitUnreachable {
		t.Errorf("without a daemon: %d %s", code, errs)
	}
}

// TestPurgedWords: of a purged document no word is left in the index's files, with a
// daemon, after it, and without one. Nor is one of a document that stays lost.
func TestPurgedWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add("class = \"none\"")
	left := func(word string) (n int) {
		for _, file := range glob(o, "data/search.db*") {
			data, err := os.ReadFile(file)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			n += bytes.Count(data, []byte(word))
		}
		return n
	}
	until := func(what string, ready func() bool) {
		t.Helper()
		for began := time.Now(); !ready(); {
			if time.Since(began) > patience {
				t.Fatal("never: ", what)
			}
		}
	}
	o.start()
	o.drop("a.pdf", scanPDF(t, "A gargoyle on the roof"))
	o.drop("b.pdf", scanPDF(t, "Wombats of the kind"))
	o.drop("c.pdf", scanPDF(t, "Lighthouse and sea"))
	ids := map[string]string{}
	for _, name := range []string{"a.pdf", "b.pdf", "c.pdf"} {
		o.waitLog("Delivered.", name)
	}
	for _, doc := range o.documents() {
		ids[doc.Name] = doc.DocumentID
	}
	until("all are in the index", func() bool { return left("gargoyle") > 0 && left("wombats") > 0 && left("lighthouse") > 0 })
	o.ok("purge", ids["a.pdf"])
	until("the gargoyle is gone", func() bool { return left("gargoyle") == 0 })
	o.stop()
	if left("gargoyle") > 0 || left("wombats") == 0 {
		t.Error("after the end it is otherwise")
	}
	o.ok("purge", ids["b.pdf"]) // no daemon runs
	if left("wombats") > 0 || left("lighthouse") == 0 {
		t.Error("the wombats are there still, or the lighthouse is not")
	}
	o.start()
	o.ok("purge", ids["c.pdf"])
	o.stop() // at once
	if left("lighthouse") > 0 {
		t.Error("the lighthouse is there still")
	}
}
