package pipeline

import (
	"time"

	"intray/ledger"
)

// Whose turn it is, where there is more to do than room.

// inTurn mixes new documents with those whose time has come, one of each: neither
// may a pile of new files keep the answers of cloud engines waiting until these have
// thrown them away, nor may what is tried again keep new files waiting.
func inTurn(fresh, again []ledger.Document, turn int) (out []ledger.Document) {
	for ; len(fresh) > 0 && len(again) > 0; turn++ {
		from := &fresh
		if turn%2 == 0 {
			from = &again
		}
		out, *from = append(out, (*from)[0]), (*from)[1:]
	}
	return append(append(out, again...), fresh...)
}

// longestTurn bounds how long one is sent away for its turn.
const longestTurn = 30 * time.Second

// turn is how long a document that found no room stays away. Each comes again at a
// time of its own: a thousand that came for every place that gets free would do
// nothing but come. One that is a little early keeps its turn.
func (s *Service) turn(b busy, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	each := time.Duration(float64(time.Second) / s.Settings.CallsPerSecond)
	if time.Duration(b) <= each/4 {
		return time.Duration(b)
	}
	first := now.Add(time.Duration(b))
	if s.line = s.line.Add(each); s.line.Before(first) || s.line.Sub(now) > longestTurn {
		s.line = first
	}
	return s.line.Sub(now)
}
