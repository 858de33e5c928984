package watcher

// queue holds settled files that wait for the taker, each name once, in the
// order in which they settled. It is no longer than there are files.
type queue struct {
	order []string
	files map[string]File
}

// push adds a file; one that waits under this name already is brought up to
// date and keeps its place.
func (q *queue) push(f File) {
	if q.files == nil {
		q.files = map[string]File{}
	}
	if _, waits := q.files[f.Rel]; !waits {
		q.order = append(q.order, f.Rel)
	}
	q.files[f.Rel] = f
}

// head is the first file that is still worth handing over; those before it
// changed or vanished while they waited and are dropped.
func (q *queue) head(still func(rel string) bool) (f File, ok bool) {
	for len(q.order) > 0 && !still(q.order[0]) {
		q.pop()
	}
	if len(q.order) == 0 {
		return File{}, false
	}
	return q.files[q.order[0]], true
}

// pop drops the first file.
func (q *queue) pop() {
	delete(q.files, q.order[0])
	q.order = q.order[1:]
}
