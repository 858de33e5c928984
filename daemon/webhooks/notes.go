package webhooks

import (
	"context"
	"sync"
	"time"

	"intray/engines"
	"intray/ledger"
)

// Anyone who reaches the listener can call without a proof, and a thousand times a
// second. Such calls, and repetitions, must cost neither a synced write nor a line
// in the log each: they are counted here and handed on now and then.

// flushEvery is how long counts stay in memory at most; a kill loses those.
const flushEvery = 10 * time.Second

// notes are the counts in memory. The zero value is ready.
type notes struct {
	mu      sync.Mutex
	counts  map[ledger.Tally]int
	last    map[ledger.Tally]note
	flushed time.Time
}

// note is the last call of a kind.
type note struct {
	from string
	err  error
}

// note counts a call. The first after a quiet time is told at once.
func (s *Server) note(engine, outcome, from string, err error) {
	n := &s.noted
	t := ledger.Tally{Group: ledger.GroupCallback, Name: engine, What: outcome}
	n.mu.Lock()
	if n.counts == nil {
		n.counts, n.last = map[ledger.Tally]int{}, map[ledger.Tally]note{}
	}
	n.counts[t]++
	n.last[t] = note{from, err}
	quiet := time.Since(n.flushed) >= flushEvery
	n.mu.Unlock()
	if quiet {
		s.Flush()
	}
}

// Flush hands the counts on to the ledger and the log. What the ledger does not
// take stays for the next time.
func (s *Server) Flush() {
	n := &s.noted
	n.mu.Lock()
	counts, last := n.counts, n.last
	if len(counts) == 0 { // and it stays quiet
		n.mu.Unlock()
		return
	}
	n.counts, n.last, n.flushed = nil, nil, time.Now()
	n.mu.Unlock()
	for t, count := range counts {
		// Errors quote what was sent, which may be anything.
		l, why := last[t], ""
		if l.err != nil {
			why = engines.Scrub(l.err.Error())
		}
		switch t.What {
		case ledger.CallbackForged:
			s.Log.Warn("Callbacks that prove nothing were refused.", "engine", t.Name, "count", count, "last_from", l.from, "error", why)
		case ledger.CallbackUnproven:
			s.Log.Warn("Callbacks could not be checked; the provider calls again, and jobs are asked about all the same.",
				"engine", t.Name, "count", count, "last_from", l.from, "error", why)
		}
	}
	if err := s.Ledger.Count(counts); err != nil {
		s.Log.Error("Callbacks could not be counted.", "error", err)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.counts == nil {
			n.counts, n.last = map[ledger.Tally]int{}, map[ledger.Tally]note{}
		}
		for t, count := range counts {
			n.counts[t] += count
		}
	}
}

func (s *Server) flushNowAndThen(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.Flush()
		case <-ctx.Done():
			return
		}
	}
}
