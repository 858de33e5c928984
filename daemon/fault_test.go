package daemon

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"intray/daemon/web"
)

// faultPoints finds the points by name in the source.
func faultPoints(t testing.TB) []string {
	t.Helper()
	point := regexp.MustCompile(`fault\.Point\("([a-z.]+)"\)`)
	var out []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range point.FindAllStringSubmatch(string(source), -1) {
			out = append(out, m[1])
		}
		return err
	})
	slices.Sort(out) // a moment may be in two places
	out = slices.Compact(out)
	if err != nil || len(out) < 12 {
		t.Fatalf("found %q, %v", out, err)
	}
	return out
}

// TestA3KillAtEveryPoint kills the real process at each point between settle
// and purge, the first, second and third time it comes there, and starts it
// again: every content is delivered once, every original is there under its
// hash, nothing temporary is left, and ledger, originals and results agree.
func TestA3KillAtEveryPoint(t *testing.T) {
	warmUp(t)
	contents := map[string][]byte{"a/scan.png": scanPNG(t, "first page"), "scan.pdf": scanPDF(t, "page one", "page two"), "junk.txt": []byte("no scan")}
	for _, point := range faultPoints(t) {
		if killedElsewhere(point) {
			continue
		}
		for time := range 3 {
			t.Run(point+":"+strconv.Itoa(time+1), func(t *testing.T) {
				t.Parallel()
				if point == "retention.removed" {
					killInPurge(t, time+1)
					return
				}
				if strings.HasPrefix(point, "review.") {
					killInReview(t, point, time+1)
					return
				}
				killAt(t, contents, point, time+1)
			})
		}
	}
}

// killedElsewhere is true for points that only folders with special wishes come
// to: TestSplitSurvivesKills, TestFrontsAndBacks, TestTableAndCommand,
// TestUploadSurvivesKills, TestCloudSurvivesKills and TestCompareSurvivesKills kill
// there.
func killedElsewhere(point string) bool {
	return strings.HasPrefix(point, "provider.") || strings.HasPrefix(point, "compare.") || slices.Contains([]string{"pipeline.split", "pipeline.splitting", "pipeline.paired", "handover.told", "intake.uploaded"}, point)
}

// dieAt starts the daemon, which kills itself where the fault says, POINT:NTH, and
// waits until it has. A point that it never comes to fails the test.
func (o *office) dieAt(fault string) {
	o.t.Helper()
	o.env = []string{"INTRAY_FAULT=" + fault}
	o.launch()
	daemon := o.daemon
	o.daemon, o.env = nil, nil
	died := make(chan error, 1)
	go func() { died <- daemon.Wait() }()
	select {
	case err := <-died:
		if err == nil {
			o.t.Fatalf("%s: the daemon ended well\n%s", fault, o.log)
		}
	case <-time.After(patience):
		_ = daemon.Process.Kill()
		<-died
		o.t.Fatalf("the daemon never came to %s\n%s", fault, o.log)
	}
}

func killAt(t *testing.T, contents map[string][]byte, point string, nth int) {
	o := newOffice(t, "")
	for name, data := range contents {
		o.drop(name, data)
	}
	o.drop("copy of scan.png", contents["a/scan.png"])
	o.env = []string{"INTRAY_FAULT=" + point + ":" + strconv.Itoa(nth)}
	o.launch()
	died := make(chan error, 1)
	go func() { died <- o.daemon.Wait() }()
	killed := o.until(died, func() bool { return len(o.finals()) == 4 })
	if !killed && nth == 1 {
		_ = o.daemon.Process.Kill()
		<-died
		o.daemon = nil
		t.Fatalf("the program never came to %s\n%s", point, o.log)
	}
	o.daemon.Process.Kill()
	if !killed {
		<-died
	}
	o.daemon, o.env = nil, nil
	o.start()
	o.until(nil, func() bool { return len(o.finals()) == 4 })
	o.stop()
	o.settledOnce(contents)
}

// settledOnce checks what is left once all is done.
func (o *office) settledOnce(contents map[string][]byte) {
	o.t.Helper()
	delivered := map[string]int{}
	for _, path := range slices.Concat(glob(o, "out/*.json"), glob(o, "out/*/*.json")) {
		delivered[readDocument(o.t, path).Source.SHA256]++
	}
	for _, path := range glob(o, "failed/*/reason.json") {
		var r struct{ SHA256 string }
		data, err := os.ReadFile(path)
		if err := errors.Join(err, json.Unmarshal(data, &r)); err != nil {
			o.t.Error(err)
		}
		delivered[r.SHA256]++
	}
	for name, data := range contents {
		if n := delivered[hashOf(data)]; n != 1 {
			o.t.Errorf("%s was delivered %d times", name, n)
		}
		if kept, err := os.ReadFile(o.original(hashOf(data))); err != nil || string(kept) != string(data) {
			o.t.Errorf("the original of %s: %v", name, err)
		}
	}
	if len(delivered) != len(contents) || len(glob(o, "out/*.pdf"))+len(glob(o, "out/*/*.pdf")) != len(contents)-1 {
		o.t.Errorf("delivered %v", delivered)
	}
	o.noDebris()
	cmd := o.command("doctor", "--deep", "--config", o.config)
	if out, err := cmd.CombinedOutput(); err != nil {
		o.t.Errorf("doctor --deep: %v\n%s", err, out)
	}
}

func glob(o *office, pattern string) []string {
	o.t.Helper()
	found, err := filepath.Glob(o.path(filepath.FromSlash(pattern)))
	if err != nil {
		o.t.Fatal(err)
	}
	return found
}

// asked are all documents, none where nobody answers: the daemon may have died while
// it was asked, or be about to start.
func (o *office) asked() (docs []web.Summary) {
	list, err := o.command("list", "--json", "--config", o.config).Output()
	if err != nil || json.Unmarshal(list, &docs) != nil {
		return nil
	}
	return docs
}

// finals are the documents that are at their end, as long as a daemon tells.
func (o *office) finals() (out []web.Summary) {
	for _, d := range o.asked() {
		switch d.State {
		case "completed", "completed_with_warnings", "failed_terminal", "duplicate", "purged":
			out = append(out, d)
		}
	}
	return out
}

// until waits for a condition, or for the daemon's death, which it tells.
func (o *office) until(died <-chan error, met func() bool) (death bool) {
	o.t.Helper()
	tick := time.NewTicker(500 * time.Millisecond) // asking takes the processor from who is asked about
	defer tick.Stop()
	late := time.After(patience)
	for {
		select {
		case <-died:
			return true
		case <-late:
			o.t.Fatalf("it did not come to that\n%s", o.log)
		case <-tick.C:
			if met() {
				return false
			}
		}
	}
}

// killInPurge kills between the removal of an original and the ledger's word.
func killInPurge(t *testing.T, nth int) {
	o := newOffice(t, "")
	for _, name := range []string{"one", "two", "three"} {
		o.drop(name+".txt", []byte("no scan "+name))
	}
	o.start()
	o.until(nil, func() bool { return len(o.finals()) == 3 })
	o.stop()
	o.add("keep_originals = \"0d\"\n")
	o.env = []string{"INTRAY_FAULT=retention.removed:" + strconv.Itoa(nth)}
	o.launch()
	died := make(chan error, 1)
	go func() { died <- o.daemon.Wait() }()
	if !o.until(died, func() bool { return false }) {
		t.Fatal("the program did not die")
	}
	o.daemon, o.env = nil, nil
	o.start()
	o.until(nil, func() bool {
		return !slices.ContainsFunc(o.finals(), func(d web.Summary) bool { return d.State != "purged" || d.Name != "" })
	})
	o.stop()
	if left := slices.Concat(glob(o, "data/originals/??/*"), glob(o, "failed/*")); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if out, err := o.command("doctor", "--deep", "--config", o.config).CombinedOutput(); err != nil {
		t.Errorf("doctor --deep: %v\n%s", err, out)
	}
}
