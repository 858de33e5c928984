package watcher

import "slices"

// queue holds settled files that wait for a taker, each name once, in the
// order in which they settled. A name that is being taken waits until that is
// over: a scanner may have put the next scan under it already.
type queue struct {
	order []string
	files map[string]File
	busy  map[string]bool
}

func newQueue() *queue { return &queue{files: map[string]File{}, busy: map[string]bool{}} }

// push adds a file; one that waits under this name already is brought up to
// date and keeps its place.
func (q *queue) push(f File) {
	if _, waits := q.files[f.Rel]; !waits {
		q.order = append(q.order, f.Rel)
	}
	q.files[f.Rel] = f
}

// head is the first file that is still worth handing over and whose name is
// not being taken; those that changed or vanished while they waited are dropped.
func (q *queue) head(still func(rel string) bool) (f File, ok bool) {
	for i := 0; i < len(q.order); {
		rel := q.order[i]
		switch {
		case !still(rel):
			q.drop(i)
		case q.busy[rel]:
			i++
		default:
			return q.files[rel], true
		}
	}
	return File{}, false
}

// take moves a file from those that wait to those being taken.
func (q *queue) take(rel string) {
	q.drop(slices.Index(q.order, rel))
	q.busy[rel] = true
}

// taken gives the name free.
func (q *queue) taken(rel string) { delete(q.busy, rel) }

func (q *queue) drop(i int) {
	delete(q.files, q.order[i])
	if i == 0 { // the common case, without moving the others
		q.order = q.order[1:]
		return
	}
	q.order = slices.Delete(q.order, i, i+1)
}
