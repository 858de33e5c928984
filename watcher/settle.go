package watcher

import "time"

// mark is what a file looked like; a write changes it.
type mark struct {
	size  int64
	mod   time.Time
	inode uint64
}

func (m mark) equal(o mark) bool { return m.size == o.size && m.mod.Equal(o.mod) && m.inode == o.inode }

// emptyFactor is how much longer an empty file must stay as it is.
const emptyFactor = 5

// tracker holds what is known of each file that is present. It is pure: it is
// told what was seen when, and asked what has settled.
type tracker struct {
	settle, most time.Duration
	files        map[string]*tracked
	waiting      map[string]*tracked // those of files not reported yet
}

type tracked struct {
	mark     mark
	since    time.Time // since when it looks like this
	first    time.Time // since when it has not been reported
	notUntil time.Time // asked for again, not before this
	reported bool
	restless bool // said so already
}

func newTracker(settle, most time.Duration) *tracker {
	return &tracker{settle: settle, most: most, files: map[string]*tracked{}, waiting: map[string]*tracked{}}
}

// observe notes what a file looks like now. restless is true once, when the
// file has kept changing for longer than the upper bound.
func (t *tracker) observe(rel string, m mark, now time.Time) (restless bool) {
	f, known := t.files[rel]
	switch {
	case known && f.mark.equal(m):
		return false
	case !known || f.reported:
		f = &tracked{mark: m, since: now, first: now}
		t.files[rel], t.waiting[rel] = f, f
		return false
	}
	f.mark, f.since = m, now
	if !f.restless && now.Sub(f.first) > t.most {
		f.restless = true
		return true
	}
	return false
}

// at is when the file will have settled if nothing changes.
func (t *tracker) at(f *tracked) time.Time {
	need := t.settle
	if f.mark.size == 0 {
		need *= emptyFactor
	}
	at := f.since.Add(need)
	if f.notUntil.After(at) {
		return f.notUntil
	}
	return at
}

// due lists the files that have settled by now and are not reported yet.
func (t *tracker) due(now time.Time) []string {
	var out []string
	for rel, f := range t.waiting {
		if !t.at(f).After(now) {
			out = append(out, rel)
		}
	}
	return out
}

// report marks a file as reported.
func (t *tracker) report(rel string) {
	t.files[rel].reported = true
	delete(t.waiting, rel)
}

// isReported is true for a file that was reported and is still what it was.
func (t *tracker) isReported(rel string) bool {
	f, known := t.files[rel]
	return known && f.reported
}

// again takes a report back.
func (t *tracker) again(rel string, after time.Duration, now time.Time) {
	if f, known := t.files[rel]; known {
		f.reported, f.since, f.notUntil = false, now, now.Add(after)
		t.waiting[rel] = f
	}
}

// forget drops a file that is gone.
func (t *tracker) forget(rel string) {
	delete(t.files, rel)
	delete(t.waiting, rel)
}

// next is when the next file may have settled; ok is false when none is waiting.
func (t *tracker) next() (at time.Time, ok bool) {
	for _, f := range t.waiting {
		if a := t.at(f); !ok || a.Before(at) {
			at, ok = a, true
		}
	}
	return at, ok
}
