package worker

// waiter is a call that waits for its turn. ready receives the child to use
// (nil: start one) or is closed when the pool closes first.
type waiter struct {
	owner string
	ready chan *child
}

// fairQueue holds waiting calls and serves their owners in turn: each owner's
// own calls stay in order, and an owner with many does not delay one with few
// by more than a turn. It does not lock; the pool does.
type fairQueue struct {
	turns   []string // owners with waiting calls, next one first
	waiting map[string][]*waiter
	length  int
}

func (q *fairQueue) push(owner string) *waiter {
	w := &waiter{owner: owner, ready: make(chan *child, 1)}
	if q.waiting == nil {
		q.waiting = map[string][]*waiter{}
	}
	if len(q.waiting[owner]) == 0 {
		q.turns = append(q.turns, owner)
	}
	q.waiting[owner] = append(q.waiting[owner], w)
	q.length++
	return w
}

// pop takes the next call out; nil when there is none.
func (q *fairQueue) pop() *waiter {
	if q.length == 0 {
		return nil
	}
	owner := q.turns[0]
	q.turns = q.turns[1:]
	w := q.waiting[owner][0]
	q.keep(owner, q.waiting[owner][1:])
	if len(q.waiting[owner]) > 0 {
		q.turns = append(q.turns, owner)
	}
	return w
}

// remove takes w out and tells whether it was still waiting.
func (q *fairQueue) remove(w *waiter) bool {
	calls := q.waiting[w.owner]
	for i, other := range calls {
		if other != w {
			continue
		}
		rest := append(append([]*waiter{}, calls[:i]...), calls[i+1:]...)
		q.keep(w.owner, rest)
		if len(rest) == 0 {
			q.forget(w.owner)
		}
		return true
	}
	return false
}

// keep stores what is left of an owner's calls after one was taken out.
func (q *fairQueue) keep(owner string, rest []*waiter) {
	q.length--
	if len(rest) == 0 {
		delete(q.waiting, owner)
		return
	}
	q.waiting[owner] = rest
}

func (q *fairQueue) forget(owner string) {
	for i, other := range q.turns {
		if other == owner {
			q.turns = append(q.turns[:i:i], q.turns[i+1:]...)
			return
		}
	}
}
