package daemon

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"intray/daemon/config"
)

// TestLogSaysNoContents reads an invoice, and a page that fails, at the level that
// says most: the log has documents and attempts to follow, and not one word of a page.
func TestLogSaysNoContents(t *testing.T) {
	o := newOffice(t, "")
	o.add("class = \"none\"")
	text, err := os.ReadFile(o.config)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `log_level = "info"`, "log_level = \"debug\"\nlog_format = \"json\"\nlog_file = \"logs/intray.log\"", 1)
	if err := os.WriteFile(o.config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	o.start()
	o.drop("bill.pdf", scanPDF(t, "Invoice number ZEBRA4711", "Confidential gargoyle"))
	o.drop("broken.pdf", []byte("%PDF-1.7\nxylophone"))
	o.waitLog("Delivered.", "bill.pdf")
	o.waitLog("Failed.", "broken.pdf")
	o.stop()
	doc := o.delivered("out", "bill.json")
	if !strings.Contains(doc.Text, "gargoyle") {
		t.Fatalf("the page was not read: %q", doc.Text)
	}
	file := o.path("logs", "intray.log")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	both := o.log.String() + string(data)
	for _, word := range []string{"ZEBRA4711", "gargoyle", "Confidential", "xylophone"} {
		if strings.Contains(both, word) {
			t.Errorf("the log says %q", word)
		}
	}
	followed := false
	for line := range strings.Lines(string(data)) {
		var record struct {
			Time, Level, Msg  string
			Document, Attempt string
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Msg == "" || record.Level == "" {
			t.Fatalf("%q: %v", line, err)
		}
		followed = followed || record.Msg == "Delivered." && record.Document == doc.DocumentID && record.Attempt == doc.AttemptID
	}
	if !followed {
		t.Errorf("no line names the document %s and its attempt %s", doc.DocumentID, doc.AttemptID)
	}
}

// TestJournal writes lines as the journal wants them, and turns a file that is full.
func TestJournal(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "8:1")
	cfg := config.Default()
	cfg.LogFile, cfg.LogFileMB = filepath.Join(t.TempDir(), "logs", "a.log"), 1
	var stream strings.Builder
	k := &keeper{logged: &cfg, out: &console{w: &stream}, level: new(slog.LevelVar)}
	finish, err := k.openLog(nil)
	log := k.log
	if err != nil {
		t.Fatal(err)
	}
	log.With("document", "1").WithGroup("g").Warn("Needs care.", slog.Int("n", 2))
	log.Debug("too quiet")
	if got, want := stream.String(), "<4>Needs care.  document=1  g.n=2\n"; got != want {
		t.Errorf("the journal gets %q, want %q", got, want)
	}
	for range 20 {
		log.Info(strings.Repeat("long ", 20_000))
	}
	finish()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(cfg.LogFile), "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("files %q, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil || !regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARN  Needs care\.`).Match(data) {
		t.Errorf("%.200q, %v", data, err)
	}
}

// TestLogSaysNoValues: a document is doubted for what was read, its correction is
// refused, it is approved and delivered under a name made of its values, and
// another is rejected for one. The bundle, the page and the ledger say all that;
// the log says none of it.
func TestLogSaysNoValues(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add("class = \"slip\"\ndeliver_as = \"{merchant_name}/{receipt_number}\"\n" + slipClass)
	o.set(`log_level = "info"`, `log_level = "debug"`)
	o.start()
	for _, name := range []string{"right", "wrong"} {
		o.drop(name+".png", scanPNG(t, "DELIVERY SLIP", name, "Shop: Zanzibar Bookshop", "Slip no: R-70451", "Date: 03/04/2026", "Total: 119.00"))
		o.waitLog("Needs review.", name+".png")
	}
	text := filepath.Join(o.bundle("review/right-*"), "fields.txt")
	correct := func(pattern, by string) {
		t.Helper()
		data, err := os.ReadFile(text)
		if err == nil {
			data = regexp.MustCompile(pattern).ReplaceAll(data, []byte(by))
			err = os.WriteFile(text, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	correct(`(?m)^total = .*$`, "total = quagmire")
	o.moveTo("approve", filepath.Dir(text))
	o.waitLog("needs a correction first", "fields=total")
	correct(`(?m)^total = .*$`, "total = 119.00")
	o.moveTo("approve", filepath.Dir(text))
	o.untilState("right", "completed_with_warnings")
	text = filepath.Join(o.bundle("review/wrong-*"), "fields.txt")
	correct(`(?m)^reason = .*$`, "reason = R-70451 is paid")
	o.moveTo("reject", filepath.Dir(text))
	o.untilState("wrong", "rejected")
	if found := glob(o, "out/*/*.pdf"); len(found) != 1 || !strings.Contains(found[0], "Zanzibar") || !strings.Contains(found[0], "70451") {
		t.Errorf("delivered %q", found)
	}
	o.stop()
	for _, word := range []string{"Zanzibar", "70451", "03/04", "2026-04-03", "2026-03-04", "119", "quagmire", "paid"} {
		if strings.Contains(o.log.String(), word) {
			t.Errorf("the log says %q:\n%s", word, o.log.String())
		}
	}
}
