package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// arrival is what the tests look at in a record of `intray list`.
type arrival struct {
	State, Path, SHA256 string
}

// slowly gives the folder a settling time that slow writers do not exceed even
// on a machine with much to do.
func (o *office) slowly(settle string) *office {
	o.t.Helper()
	text, err := os.ReadFile(o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte(`settle = "200ms"`), []byte(`settle = "`+settle+`"`))
	if err := os.WriteFile(o.config, text, 0o644); err != nil {
		o.t.Fatal(err)
	}
	return o
}

// stored waits until an original is in the store; its record comes next.
func (o *office) stored(data []byte) {
	o.t.Helper()
	for end := time.Now().Add(patience / 3); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(o.original(hashOf(data))); err == nil {
			return
		}
	}
	o.t.Fatalf("original %s does not come\n%s", hashOf(data), o.log)
}

func (o *office) records() []arrival {
	o.t.Helper()
	out, errs, code := runIntray(o.t, "list", "--json", "--limit", "500", "--config", o.config)
	var list []arrival
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
		o.t.Fatalf("list: code %d, %v\n%s%s", code, err, out, errs)
	}
	return list
}

// files are the ordinary files in a folder, by their path inside it.
func (o *office) files(dir string) []string {
	var out []string
	_ = filepath.WalkDir(o.path(dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, strings.TrimPrefix(path, o.path(dir)+"/"))
		}
		return nil
	})
	return out
}

// rest waits until these contents are recorded, all documents are through, and
// nothing is left to take; or until nothing happens any more.
func (o *office) rest(finals [][]byte) []arrival {
	o.t.Helper()
	busy := func(a arrival) bool {
		return !strings.HasPrefix(a.State, "completed") && a.State != "failed_terminal" && a.State != "duplicate" && a.State != "needs_human_review"
	}
	var before []arrival
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		list := o.records()
		waiting := o.files("in")
		missing := slices.ContainsFunc(finals, func(data []byte) bool {
			return !slices.ContainsFunc(list, func(a arrival) bool { return a.SHA256 == hashOf(data) })
		})
		if !missing && len(waiting) == 0 && !slices.ContainsFunc(list, busy) {
			return list
		}
		if !slices.Equal(list, before) {
			before, end = list, time.Now().Add(patience)
		}
		if time.Now().After(end) {
			o.t.Errorf("want %d documents and no rest; there are %+q, waiting %q", len(finals), list, waiting)
			return list
		}
	}
}

// exactlyOnce stops the daemon when all is done and checks that each of the
// finished contents was recorded, stored and delivered once, and nothing else
// was: half a content would have another hash. Those that perhaps arrived were
// overwritten by their writer; they count if they are recorded.
func (o *office) exactlyOnce(finals [][]byte, perhaps ...[]byte) {
	o.t.Helper()
	recorded, delivered := map[string]int{}, map[string]int{}
	for _, a := range o.rest(finals) {
		recorded[a.SHA256]++
		if !strings.HasPrefix(a.State, "completed") {
			o.t.Errorf("%q is %s", a.Path, a.State)
		}
	}
	for _, data := range perhaps {
		if recorded[hashOf(data)] > 0 {
			finals = append(finals, data)
		}
	}
	o.stop()
	for _, name := range o.files("out") {
		if strings.HasSuffix(name, ".json") {
			delivered[o.delivered("out", name).Source.SHA256]++
		}
	}
	want := map[string]int{}
	for _, data := range finals {
		want[hashOf(data)] = 1
		if kept, err := os.ReadFile(o.original(hashOf(data))); recorded[hashOf(data)] > 0 && (err != nil || !bytes.Equal(kept, data)) {
			o.t.Errorf("original %s: %d bytes, %v", hashOf(data), len(kept), err)
		}
	}
	if !maps.Equal(recorded, want) || !maps.Equal(delivered, want) {
		o.t.Errorf("want once each %v\nrecorded %v\ndelivered %v\n%s", slices.Sorted(maps.Keys(want)), recorded, delivered, o.log)
	}
	o.noDebris()
}

// scans makes n documents that differ.
func scans(t testing.TB, title string, n int) [][]byte {
	t.Helper()
	var out [][]byte
	for i := range n {
		out = append(out, scanPNG(t, title, fmt.Sprintf("Page number %d", 1000+i)))
	}
	return out
}
