package worker

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// The queue against a plain model: a list of calls in order of arrival, and the
// owners' turns worked out anew each time.
func TestFairQueueAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q fairQueue
	var model []*waiter
	var turns []string
	for step := range 20000 {
		switch r.IntN(3) {
		case 0:
			w := q.push(strconv.Itoa(r.IntN(5)))
			model = append(model, w)
			if !slices.Contains(turns, w.owner) {
				turns = append(turns, w.owner)
			}
		case 1:
			var want *waiter
			if len(turns) > 0 {
				i := slices.IndexFunc(model, func(w *waiter) bool { return w.owner == turns[0] })
				want = model[i]
				model = slices.Delete(model, i, i+1)
				turns = turns[1:]
				if slices.ContainsFunc(model, func(w *waiter) bool { return w.owner == want.owner }) {
					turns = append(turns, want.owner)
				}
			}
			if got := q.pop(); got != want {
				t.Fatalf("step %d: popped %+v, want %+v", step, got, want)
			}
		case 2:
			if len(model) == 0 {
				continue
			}
			i := r.IntN(len(model))
			w := model[i]
			model = slices.Delete(model, i, i+1)
			if !slices.ContainsFunc(model, func(o *waiter) bool { return o.owner == w.owner }) {
				turns = slices.DeleteFunc(turns, func(o string) bool { return o == w.owner })
			}
			if !q.remove(w) || q.remove(w) {
				t.Fatalf("step %d: remove is not true once", step)
			}
		}
		if q.length != len(model) || !slices.Equal(q.turns, turns) {
			t.Fatalf("step %d: %d waiting, turns %v, want %d, %v", step, q.length, q.turns, len(model), turns)
		}
	}
}
