package daemon

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"intray/ledger"
)

// TestSoakKills kills the daemon at random moments under a continuous stream of
// drops (pages, junk, and contents that came before) and counts at the end.
// `make soak` runs it with 1,000 kills; INTRAY_SOAK says how many.
func TestSoakKills(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("INTRAY_SOAK"))
	if err != nil {
		t.Skip("skipped: a long test; make soak runs it")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	o := newOffice(t, "")
	o.set("level = \"info\"", "level = \"warn\"")
	contents := map[string]string{} // hash -> name of its first drop
	var pages [][]byte
	dropped := 0
	drop := func(data []byte) {
		name := fmt.Sprintf("%02d/scan-%05d.png", dropped%7, dropped)
		if sum := hashOf(data); contents[sum] == "" {
			contents[sum] = name
		}
		o.drop(name, data)
		dropped++
	}
	for i := range kills {
		o.launch()
		switch i % 4 {
		case 0, 2:
			pages = append(pages, scanPNG(t, fmt.Sprintf("document number %d", 1000+i)))
			drop(pages[len(pages)-1])
		case 1:
			drop(fmt.Appendf(nil, "this is no scan but text, number %d", i))
		case 3:
			drop(pages[random.IntN(len(pages))]) // what failed would be tried again, not be a duplicate
		}
		// The moment is random; whether a line comes by then does not matter.
		_, _ = o.log.wait(time.Duration(random.IntN(1200))*time.Millisecond, "a line that never comes")
		o.kill()
	}
	o.launch()
	deadline := time.Now().Add(30 * time.Minute)
	for o.finished() < dropped {
		if time.Now().After(deadline) {
			t.Error("the daemon did not come to an end")
			break
		}
		_, _ = o.log.wait(time.Second, "a line that never comes")
	}
	o.stop()
	o.count(t, contents, dropped, kills)
}

// finished counts the documents at their end.
func (o *office) finished() int {
	o.t.Helper()
	out, errs, code := runIntray(o.t, "stats", "--json", "--config", o.config)
	var s stats
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != 0 {
		o.t.Fatalf("stats: code %d, %v\n%s%s", code, err, out, errs)
	}
	n := 0
	for _, state := range []ledger.State{ledger.Completed, ledger.CompletedWithWarnings, ledger.FailedTerminal, ledger.Duplicate} {
		n += s.Documents[state]
	}
	return n
}

// count compares what came out with what was dropped.
func (o *office) count(t *testing.T, contents map[string]string, dropped, kills int) {
	delivered := map[string]int{}
	for _, path := range glob(o, "out/*/*.json") {
		delivered[readDocument(t, path).Source.SHA256]++
	}
	for _, path := range glob(o, "failed/*/reason.json") {
		var r struct{ SHA256 string }
		data, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(data, &r) != nil {
			t.Errorf("%s: %v", path, err)
		}
		delivered[r.SHA256]++
	}
	lost, doubled, lostOriginals := 0, 0, 0
	for sum, name := range contents {
		switch n := delivered[sum]; {
		case n == 0:
			lost++
			t.Errorf("lost: %s", name)
		case n > 1:
			doubled++
			t.Errorf("doubled: %s", name)
		}
		if _, err := os.Stat(o.original(sum)); err != nil {
			lostOriginals++
		}
	}
	t.Logf("dropped %d files of %d contents, killed %d times: %d records, delivered %d, lost %d, doubled %d, originals lost %d",
		dropped, len(contents), kills, o.finished(), len(delivered), lost, doubled, lostOriginals)
	if lost+doubled+lostOriginals > 0 || o.finished() != dropped || len(delivered) != len(contents) {
		t.Error("documents were lost or doubled")
	}
	o.noDebris()
	if out, stderr, code := runIntray(t, "doctor", "--deep", "--config", o.config); code != exitDone {
		t.Errorf("doctor --deep: %s%s", out, stderr)
	}
}
