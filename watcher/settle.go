package watcher

import (
	"container/heap"
	"time"
)

// mark is what a file looked like; a write changes it.
type mark struct {
	size  int64
	mod   time.Time
	inode uint64
	// changed is when the system last noted any change: some programs set the
	// date they want after each write. Zero where there is no such thing.
	changed time.Time
}

func (m mark) equal(o mark) bool {
	return m.size == o.size && m.mod.Equal(o.mod) && m.inode == o.inode && m.changed.Equal(o.changed)
}

// emptyFactor is how much longer an empty file must stay as it is.
const emptyFactor = 5

// tracker holds what is known of each file that is present. It is pure: it is
// told what was seen when, and asked what has settled.
type tracker struct {
	settle, most time.Duration
	files        map[string]*tracked
	alarms       alarms
}

type tracked struct {
	mark     mark
	since    time.Time // since when it looks like this
	first    time.Time // since when it has not been reported
	notUntil time.Time // asked for again, not before this
	alarm    time.Time // when it is looked at next; zero when it is not waited for
	reported bool
	restless bool // said so already
}

func newTracker(settle, most time.Duration) *tracker {
	return &tracker{settle: settle, most: most, files: map[string]*tracked{}}
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
		t.files[rel] = f
		t.wait(rel, f)
		return false
	}
	f.mark, f.since = m, now
	t.wait(rel, f)
	if !f.restless && now.Sub(f.first) > t.most {
		f.restless = true
		return true
	}
	return false
}

// news is true for a file that is unknown or looks different from before.
func (t *tracker) news(rel string, m mark) bool {
	f, known := t.files[rel]
	return !known || !f.mark.equal(m)
}

// know notes a file that needs no report.
func (t *tracker) know(rel string, m mark, now time.Time) {
	t.files[rel] = &tracked{mark: m, since: now, first: now, reported: true}
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

// wait sets the file's alarm, unless an earlier one will ring anyway.
func (t *tracker) wait(rel string, f *tracked) {
	at := t.at(f)
	if !f.alarm.IsZero() && !at.Before(f.alarm) {
		return
	}
	f.alarm = at
	heap.Push(&t.alarms, alarm{at, rel, f})
}

// due lists the files that have settled by now and are not reported yet. The
// caller observes, reports or forgets each.
func (t *tracker) due(now time.Time) []string {
	var out []string
	for {
		at, ok := t.next()
		if !ok || at.After(now) {
			return out
		}
		a := heap.Pop(&t.alarms).(alarm)
		a.file.alarm = time.Time{}
		if t.at(a.file).After(now) {
			t.wait(a.rel, a.file)
			continue
		}
		out = append(out, a.rel)
	}
}

// report marks a file as reported.
func (t *tracker) report(rel string) { t.files[rel].reported = true }

// isReported is true for a file that was reported and is still what it was.
func (t *tracker) isReported(rel string) bool {
	f, known := t.files[rel]
	return known && f.reported
}

// again takes a report back.
func (t *tracker) again(rel string, after time.Duration, now time.Time) {
	if f, known := t.files[rel]; known {
		f.reported, f.since, f.notUntil = false, now, now.Add(after)
		t.wait(rel, f)
	}
}

// forget drops a file that is gone.
func (t *tracker) forget(rel string) { delete(t.files, rel) }

// next is when to look at the next file, at the latest when it will have
// settled; ok is false when none is waiting.
func (t *tracker) next() (at time.Time, ok bool) {
	for len(t.alarms) > 0 {
		a := t.alarms[0]
		if t.files[a.rel] == a.file && a.file.alarm.Equal(a.at) && !a.file.reported {
			return a.at, true
		}
		heap.Pop(&t.alarms) // of a file that is gone, or was to be looked at earlier
	}
	return time.Time{}, false
}

// alarm says when to look at a file.
type alarm struct {
	at   time.Time
	rel  string
	file *tracked
}

// alarms is a heap, the earliest first.
type alarms []alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = alarm{}
	*a = old[:len(old)-1]
	return last
}
