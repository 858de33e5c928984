package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestKillInReview kills the real process at each point that a decision comes
// to, and starts it again: each decision is carried out once, what has to go
// back goes back, and nothing is left.
func TestKillInReview(t *testing.T) {
	warmUp(t)
	for _, point := range []string{"deliver.staged", "deliver.renamed", "pipeline.planned", "pipeline.published", "pipeline.concluded", "review.cleared"} {
		for time := range 2 {
			t.Run(point+":"+strconv.Itoa(time+1), func(t *testing.T) {
				t.Parallel()
				killInReview(t, point, time+1)
			})
		}
	}
}

// killInReview has one document approved, one rejected, one read again, and one
// whose fields.txt has to be corrected.
func killInReview(t *testing.T, point string, nth int) {
	o := newOffice(t, "")
	o.add(sampleAll)
	o.start()
	o.inReview("yes", "no", "once more", "wrong")
	o.stop()
	attempt := o.delivered("review", filepath.Base(o.bundle("review/once more-*")), "once more.json").AttemptID
	text := filepath.Join(o.bundle("review/wrong-*"), "fields.txt")
	data, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, append(data, "totl = 12\r\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, verb := range map[string]string{"yes": "approve", "no": "reject", "once more": "again", "wrong": "approve"} {
		o.moveTo(verb, o.bundle("review/"+name+"-*"))
	}
	done := func() bool {
		again := glob(o, "review/once more-*/once more.json")
		if len(glob(o, "review/wrong-*/fields.txt")) != 1 || len(o.undecided()) != 0 || len(again) != 1 || readDocument(t, again[0]).AttemptID == attempt {
			return false
		}
		states := map[string]string{}
		for _, d := range o.asked() {
			states[d.Name] = d.State
		}
		return states["yes.png"] == "completed" && states["no.png"] == "rejected" && states["once more.png"] == "needs_human_review"
	}
	o.env = []string{"INTRAY_FAULT=" + point + ":" + strconv.Itoa(nth)}
	o.launch()
	died := make(chan error, 1)
	go func() { died <- o.daemon.Wait() }()
	killed := o.until(died, done)
	if !killed && nth == 1 {
		t.Fatalf("the program never came to %s\n%s", point, o.log)
	}
	_ = o.daemon.Process.Kill()
	if !killed {
		<-died
	}
	o.daemon, o.env = nil, nil
	o.start()
	o.until(nil, done)
	o.stop()
	if n := len(glob(o, "out/*.json")); n != 1 {
		t.Errorf("%d were delivered", n)
	}
	if n := len(glob(o, "failed/*/reason.json")); n != 1 {
		t.Errorf("%d were rejected", n)
	}
	if n := len(glob(o, "review/*-*")); n != 2 {
		t.Errorf("%d bundles are in review", n)
	}
	data, err = os.ReadFile(o.bundle("review/wrong-*/fields.txt"))
	if err != nil || bytes.Count(data, []byte("# !! ")) != 1 || !strings.Contains(string(data), "no field \"totl\"") || !bytes.Contains(data, []byte("\ntotl = 12\n")) {
		t.Errorf("what came back, %v:\n%s", err, data)
	}
	o.noDebris()
	o.ok("doctor", "--deep")
}
