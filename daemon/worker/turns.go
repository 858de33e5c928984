package worker

// turn is one waiting call. granted is sent true when it may go on, false when
// the pool is closed; it has room for the one value.
type turn struct {
	owner   string
	granted chan bool
}

// turns is a queue in which owners take turns: each is served once before any
// is served again. It is not safe for parallel use.
type turns struct {
	owners  []string // in order of their next turn
	waiting map[string][]*turn
}

func (q *turns) len() int {
	n := 0
	for _, w := range q.waiting {
		n += len(w)
	}
	return n
}

func (q *turns) add(owner string) *turn {
	if q.waiting == nil {
		q.waiting = map[string][]*turn{}
	}
	t := &turn{owner: owner, granted: make(chan bool, 1)}
	if len(q.waiting[owner]) == 0 {
		q.owners = append(q.owners, owner)
	}
	q.waiting[owner] = append(q.waiting[owner], t)
	return t
}

// next takes the first owner's first call and sends the owner to the end.
func (q *turns) next() *turn {
	if len(q.owners) == 0 {
		return nil
	}
	owner := q.owners[0]
	q.owners = q.owners[1:]
	t := q.waiting[owner][0]
	q.waiting[owner] = q.waiting[owner][1:]
	if len(q.waiting[owner]) > 0 {
		q.owners = append(q.owners, owner)
	} else {
		delete(q.waiting, owner)
	}
	return t
}

// remove takes a call out; false when it was granted already.
func (q *turns) remove(t *turn) bool {
	list := q.waiting[t.owner]
	for i, one := range list {
		if one != t {
			continue
		}
		list = append(list[:i:i], list[i+1:]...)
		q.waiting[t.owner] = list
		if len(list) == 0 {
			delete(q.waiting, t.owner)
			for j, owner := range q.owners {
				if owner == t.owner {
					q.owners = append(q.owners[:j:j], q.owners[j+1:]...)
					break
				}
			}
		}
		return true
	}
	return false
}
