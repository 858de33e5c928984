package ledgertest

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"intray/ledger"
)

// model is the ledger as a plain map: what state each document is in, and how
// many of its attempts counted.
type model map[string]*modelled

type modelled struct {
	state    ledger.State
	attempts int
	sum      string
	// purgedFrom is the state a tombstone was in before.
	purgedFrom ledger.State
	received   time.Time
}

// TestRandomOperations runs random operations against a plain map, opening the
// file anew now and then, sometimes from a copy taken while it was in use, as
// a crash would leave it.
func TestRandomOperations(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	now := start
	clock := func() time.Time { return now }
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := OpenAt(t, path, clock)
	m := model{}
	const operations = 1200
	for step := range operations {
		now = now.Add(time.Second)
		switch random.IntN(10) {
		case 0, 1:
			m.receive(t, l, random, now)
		case 2:
			if random.IntN(8) == 0 {
				l, path = reopen(t, l, path, clock, random.IntN(2) == 0)
			}
		default:
			m.move(t, l, random)
		}
		if step%200 == 199 {
			m.compare(t, l)
		}
	}
	m.compare(t, l)
}

func reopen(t *testing.T, l *ledger.Ledger, path string, clock func() time.Time, crash bool) (*ledger.Ledger, string) {
	t.Helper()
	if crash {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(t.TempDir(), "ledger.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	Close(t, l)
	return OpenAt(t, path, clock), path
}

func (m model) receive(t *testing.T, l *ledger.Ledger, random *rand.Rand, now time.Time) {
	t.Helper()
	a := arrival(random.IntN(100))
	a.Source.Inode = random.Uint64() // never the same drop
	want := ledger.Received
	for _, d := range m {
		state := d.state
		if state == ledger.Purged {
			state = d.purgedFrom
		}
		known := !slices.Contains([]ledger.State{ledger.FailedTerminal, ledger.DeadLetter, ledger.Rejected, ledger.Duplicate}, state)
		atOnce := d.state != ledger.Purged && d.state != ledger.Duplicate && now.Sub(d.received) < 10*time.Second
		if d.sum == a.SHA256 && (known || atOnce) {
			want = ledger.Duplicate
		}
	}
	doc, err := l.Receive(a)
	if err != nil || doc.State != want {
		t.Fatalf("received as %s, %v; want %s", doc.State, err, want)
	}
	if random.IntN(2) == 0 {
		if err := l.SourceCleared(doc.ID); err != nil {
			t.Fatal(err)
		}
	}
	m[doc.ID] = &modelled{state: doc.State, sum: a.SHA256, received: now}
}

func (m model) move(t *testing.T, l *ledger.Ledger, random *rand.Rand) {
	t.Helper()
	ids := slices.Sorted(maps.Keys(m))
	if len(ids) == 0 {
		return
	}
	id := ids[random.IntN(len(ids))]
	doc, err := l.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	moves := everyMove(doc.AttemptID)
	name := slices.Sorted(maps.Keys(moves))[random.IntN(len(moves))]
	after, err := l.Apply(id, moves[name])
	want := m[id].state
	legal := false
	for _, tr := range ledger.Transitions() {
		if tr.Move == name && tr.From == m[id].state {
			want, legal = tr.To, true
		}
	}
	if legal != (err == nil) || err != nil && !errors.Is(err, ledger.ErrConflict) {
		t.Fatalf("%s from %s: %v", name, m[id].state, err)
	}
	if err == nil {
		if want == ledger.Purged {
			m[id].purgedFrom = m[id].state
		}
		m[id].state = want
		switch name {
		case "complete", "complete with warnings", "doubt", "retry later", "fail":
			m[id].attempts++
		case "again", "reprocess", "retry", "release":
			m[id].attempts = 0
		}
		if after.State != want || after.Attempts != m[id].attempts {
			t.Fatalf("%s led to %s with %d attempts, want %s with %d", name, after.State, after.Attempts, want, m[id].attempts)
		}
	}
}

func (m model) compare(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	counts := map[ledger.State]int{}
	for id, want := range m {
		doc, err := l.Get(id)
		if err != nil || doc.State != want.state || doc.Attempts != want.attempts || doc.SHA256 != want.sum {
			t.Fatalf("%s is %+v, %v; want %+v", id, doc, err, want)
		}
		counts[want.state]++
	}
	got, err := l.Counts()
	if err != nil || !maps.Equal(got, counts) {
		t.Fatalf("counts %v, %v; want %v", got, err, counts)
	}
}
