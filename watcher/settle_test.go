package watcher

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// moment is one thing that happened to the one file of a history.
type moment struct {
	at    time.Time
	mark  mark
	reset bool          // again or forget: what was before does not count
	pause time.Duration // of again
}

// history replays random events on a tracker and holds each answer against the
// whole past, in plain words: a file is due exactly when it has looked the same
// for long enough, no pause is running, and it was not reported since.
type history struct {
	t        *testing.T
	tracker  *tracker
	now      time.Time
	past     []moment
	reported bool
	changes  int       // since the file was last reported, forgotten or new
	first    time.Time // the first of them
	told     int       // how often it was called restless since
}

const (
	ruleSettle = 10 * time.Second
	ruleMost   = time.Minute
)

func replay(t *testing.T, events []byte) {
	h := &history{t: t, tracker: newTracker(ruleSettle, ruleMost), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	m := mark{size: 1, mod: h.now, inode: 1}
	for _, e := range events {
		value := int(e >> 3)
		switch e & 7 {
		case 0, 1:
			h.now = h.now.Add(time.Duration(value) * time.Second)
		case 2:
			m.size = int64(value % 3) // 0 is an empty file
		case 3:
			m.mod = h.now
		case 4:
			m.inode = uint64(value)
		case 5:
			h.again(time.Duration(value) * time.Second)
		case 6:
			h.forget()
		}
		h.observe(m)
		h.check()
	}
}

func (h *history) observe(m mark) {
	last := len(h.past) - 1
	changed := last < 0 || h.past[last].mark != m
	if fresh := last < 0 || changed && h.reported; fresh {
		h.changes, h.first, h.told, h.reported = 0, h.now, 0, false
	} else if changed {
		h.changes++
	}
	h.past = append(h.past, moment{at: h.now, mark: m})
	restless := h.tracker.observe("f", m, h.now)
	late := changed && h.changes > 0 && h.now.Sub(h.first) > ruleMost
	if want := late && h.told == 0; restless != want {
		h.t.Fatalf("restless is %v, %s after the first look, told %d times", restless, h.now.Sub(h.first), h.told)
	}
	if restless {
		h.told++
	}
}

func (h *history) again(pause time.Duration) {
	h.tracker.again("f", pause, h.now)
	if last := len(h.past) - 1; last >= 0 {
		h.reported = false
		h.past = append(h.past, moment{at: h.now, mark: h.past[last].mark, reset: true, pause: pause})
	}
}

func (h *history) forget() {
	h.tracker.forget("f")
	h.past, h.reported = nil, false
}

// dueAt reads the past backwards.
func (h *history) dueAt() time.Time {
	last := h.past[len(h.past)-1]
	since, need := last.at, ruleSettle
	if last.mark.size == 0 {
		need *= emptyFactor
	}
	for i := len(h.past) - 1; i >= 0 && h.past[i].mark == last.mark; i-- {
		since = h.past[i].at
		if h.past[i].reset {
			break
		}
	}
	at := since.Add(need)
	for i := len(h.past) - 1; i >= 0; i-- {
		if h.past[i].reset {
			if until := h.past[i].at.Add(h.past[i].pause); until.After(at) {
				return until
			}
			break // a later request takes the place of an earlier one
		}
	}
	return at
}

func (h *history) check() {
	h.t.Helper()
	at := h.dueAt()
	// The timer may ring early, after a change; never late.
	if next, waits := h.tracker.next(); waits == h.reported || waits && next.After(at) {
		h.t.Fatalf("the timer is set to %s (%v), but the file is due at %s", next, waits, at)
	}
	due := h.tracker.due(h.now)
	if next, waits := h.tracker.next(); waits && (next.After(at) || !next.After(h.now)) {
		h.t.Fatalf("after a look the timer is set to %s, but the file is due at %s", next, at)
	}
	if want := !h.reported && !at.After(h.now); want != (len(due) == 1) {
		h.t.Fatalf("at %s, due at %s, reported %v: %q", h.now, at, h.reported, due)
	}
	if len(due) == 1 {
		h.tracker.report("f")
		h.reported = true
	}
	if h.tracker.isReported("f") != h.reported {
		h.t.Fatalf("isReported is not %v", h.reported)
	}
}

func TestSettleRules(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 2))
	for i := range 300 {
		events := make([]byte, 200)
		for j := range events {
			events[j] = byte(random.Uint32())
		}
		if !t.Run(fmt.Sprintf("seed %d round %d", seed, i), func(t *testing.T) { replay(t, events) }) {
			return
		}
	}
}

func FuzzSettleRules(f *testing.F) {
	f.Add([]byte{0, 10 << 3, 2 | 1<<3, 11 << 3})
	f.Add([]byte{5 | 30<<3, 20 << 3, 11 << 3, 6, 11 << 3})
	f.Fuzz(func(t *testing.T, events []byte) { replay(t, events[:min(len(events), 1000)]) })
}

// TestForgottenFilesTakeNoMemory: what is gone leaves nothing behind, and the
// other calls do not bring it back.
func TestForgottenFilesTakeNoMemory(t *testing.T) {
	tr := newTracker(ruleSettle, ruleMost)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		tr.observe(fmt.Sprint(i), mark{size: 1}, now)
	}
	for i := range 1000 {
		tr.forget(fmt.Sprint(i))
		tr.again(fmt.Sprint(i), time.Second, now)
	}
	if _, waits := tr.next(); waits {
		t.Error("something waits")
	}
	if len(tr.files)+len(tr.alarms) != 0 {
		t.Errorf("known %d, waiting %d", len(tr.files), len(tr.alarms))
	}
}

func TestQueue(t *testing.T) {
	q := newQueue()
	for _, f := range []File{{Rel: "a", Size: 1}, {Rel: "b", Size: 1}, {Rel: "c", Size: 1}, {Rel: "a", Size: 2}} {
		q.push(f)
	}
	still := func(rel string) bool { return rel != "b" }
	for _, want := range []File{{Rel: "a", Size: 2}, {Rel: "c", Size: 1}} {
		f, ok := q.head(still)
		if !ok || f != want {
			t.Fatalf("got %+v, %v; want %+v", f, ok, want)
		}
		q.take(f.Rel)
	}
	if f, ok := q.head(still); ok || len(q.files) > 0 {
		t.Errorf("%+v is left, and %v", f, q.files)
	}
	q.push(File{Rel: "a", Size: 3})
	q.push(File{Rel: "d"})
	if f, ok := q.head(still); !ok || f.Rel != "d" {
		t.Errorf("got %+v while a is being taken", f)
	}
	q.taken("a")
	if f, ok := q.head(still); !ok || f.Size != 3 {
		t.Errorf("got %+v after a was taken", f)
	}
}
