package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// holds are the ways a writer keeps a file to itself; the last takes no lock.
func holds() map[string]func(*os.File) error {
	exclusive := unix.Flock_t{Type: unix.F_WRLCK}
	return map[string]func(*os.File) error{
		"flock":       func(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) },
		"ofd lock":    func(f *os.File) error { return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &exclusive) },
		"record lock": func(f *os.File) error { return unix.FcntlFlock(f.Fd(), unix.F_SETLK, &exclusive) },
		"open file":   func(*os.File) error { return nil },
	}
}

// TestA1HalfWrittenScans: a scanner that opens its file again and again and
// then holds it for much longer than the settling time. Nothing is taken while
// it is held; then exactly the final bytes are.
func TestA1HalfWrittenScans(t *testing.T) {
	const settle = 2 * time.Second
	o := newOffice(t, "")
	o.set(`settle = "200ms"`, fmt.Sprintf("settle = %q", settle))
	o.start()
	final, release := map[string][]byte{}, make(chan struct{})
	var holding, writing sync.WaitGroup
	for name, hold := range holds() {
		rel := strings.ReplaceAll(name, " ", "-") + ".png"
		data := scanPNG(t, "written in bursts", name)
		final[rel] = data
		holding.Add(1)
		writing.Go(func() {
			if err := writeInBursts(o.path("in", rel), data, settle/20, hold, sync.OnceFunc(holding.Done), release); err != nil {
				t.Errorf("%s: %v", rel, err)
			}
		})
	}
	holding.Wait()
	time.Sleep(4 * settle) // all writers are held up
	early := o.log.count("Taken in.")
	for rel := range final {
		if o.log.count("Taken in.", "file="+rel) > 0 {
			t.Errorf("%s was taken while it was held", rel)
		}
	}
	close(release)
	writing.Wait()
	docs := o.atRest(len(final))
	o.stop()
	for _, d := range docs {
		if d.SHA256 != hashOf(final[d.Path]) || d.Attempts != 1 {
			t.Errorf("%s: %d bytes of %d were taken in, %s", d.Path, d.Size, len(final[d.Path]), d.State)
		}
	}
	if len(docs) != len(final) || early > 0 || o.log.count("ERROR") > 0 {
		t.Errorf("%d documents of %d files\n%s", len(docs), len(final), o.log)
	}
	o.noDebris()
}

// writeInBursts opens a file five times to add to it, and once more to hold it
// until release; then it writes the rest. held is called in any case.
func writeInBursts(file string, data []byte, pause time.Duration, hold func(*os.File) error, held func(), release <-chan struct{}) error {
	defer held()
	part := len(data) / 7
	for i := range 5 {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(data[i*part : (i+1)*part])
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		time.Sleep(pause)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := hold(f); err != nil {
		return err
	}
	if _, err := f.Write(data[5*part : 6*part]); err != nil {
		return err
	}
	held()
	<-release
	_, err = f.Write(data[6*part:])
	return err
}

// TestA2NoNotifications: files, a folder that goes away and returns, and what
// came while nobody watched, with and without notifications.
func TestA2NoNotifications(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"poll", "default"} {
		t.Run(how, func(t *testing.T) {
			o := newOffice(t, "")
			if how == "poll" {
				o.add("notify = \"poll\"\n")
			}
			o.start()
			o.takes("a.png", "sub/b.png")
			o.watches(how != "poll", 2)
			if err := os.Rename(o.path("in"), o.path("away")); err != nil {
				t.Fatal(err)
			}
			o.waitLog("The hot folder cannot be reached")
			for _, name := range []string{"c.png", "sub/d.png"} {
				if err := os.WriteFile(o.path("away", name), scanPNG(t, "came while away", name), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Rename(o.path("away"), o.path("in")); err != nil {
				t.Fatal(err)
			}
			o.waitLog("Taken in.", "file=c.png")
			o.waitLog("Taken in.", "file=sub/d.png")
			o.takes("e.png", "sub/f.png", "new/g.png")
			o.watches(how != "poll", 3)
			o.stop()
			o.drop("late.png", scanPNG(t, "came while nobody watched"))
			o.start()
			o.waitLog("Taken in.", "file=late.png")
			docs := o.atRest(8)
			o.stop()
			if got := filesIn(t, o.path("out")); len(docs) != 8 || len(got) != 16 {
				t.Errorf("%d documents of 8 files, delivered %q", len(docs), got)
			}
			o.noDebris()
		})
	}
}

// takes drops files and waits until they are taken in.
func (o *office) takes(rels ...string) {
	o.t.Helper()
	for _, rel := range rels {
		o.drop(rel, scanPNG(o.t, "a letter", rel))
	}
	for _, rel := range rels {
		o.waitLog("Taken in.", "file="+rel)
	}
}

// watches asks the system for how many folders the daemon wants to be
// notified: at least n, or none at all.
func (o *office) watches(notified bool, n int) {
	o.t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", o.daemon.Process.Pid))
	if err != nil || len(infos) == 0 {
		o.t.Fatalf("no open files: %v", err)
	}
	found := 0
	for _, info := range infos {
		text, _ := os.ReadFile(info) // one that was closed meanwhile is none
		found += strings.Count(string(text), "inotify wd:")
	}
	if notified && found < n || !notified && found > 0 {
		o.t.Errorf("notifications are asked for %d folders; wanted any: %v", found, notified)
	}
}

// childrenOf are the processes a process started that are still there.
func childrenOf(t testing.TB, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, stat := range stats {
		text, _ := os.ReadFile(stat) // it may have ended since
		// "PID (NAME) STATE PPID ..."; a name may hold blanks and brackets.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, pid)
	}
	return out
}

// impatient is an office that waits seconds for a page, more than one takes on a
// machine with much to do.
func impatient(t *testing.T) *office {
	t.Helper()
	o := newOffice(t, "workers = 2\npage_timeout = \"25s\"\nlease = \"30s\"\n")
	o.set(`log_level = "info"`, `log_level = "debug"`)
	warmUp(t)
	return o
}

// TestA6StuckWorker stops the worker that reads a document. Another one
// finishes it while the daemon runs on, and what the first may still say
// changes nothing.
func TestA6StuckWorker(t *testing.T) {
	t.Parallel()
	o := impatient(t)
	o.start()
	o.drop("stuck.png", scanPNG(t, "whoever reads this", "falls asleep"))
	o.waitLog("Worker started.")
	stuck := childrenOf(t, o.daemon.Process.Pid)
	if len(stuck) != 1 {
		t.Fatalf("workers %v; want one", stuck)
	}
	for _, pid := range stuck {
		if err := unix.Kill(-pid, unix.SIGSTOP); err != nil { // a worker leads its group
			t.Fatal(err)
		}
	}
	o.takes("next.png")
	o.waitLog("Delivered.", "file=next.png")
	o.waitLog("Delivered.", "file=stuck.png")
	for _, pid := range stuck {
		if err := unix.Kill(-pid, unix.SIGCONT); err != nil && !errors.Is(err, unix.ESRCH) {
			t.Error(err)
		}
	}
	o.takes("last.png") // gives a late answer the time to be told
	docs := o.atRest(3)
	o.stop()
	for _, d := range docs {
		want := map[bool]int{true: 2, false: 1}[d.Path == "stuck.png"]
		if d.Attempts != want || !strings.HasPrefix(d.State, "completed") || o.log.count("Delivered.", "file="+d.Path) != 1 {
			t.Errorf("%s: %s after %d attempts", d.Path, d.State, d.Attempts)
		}
	}
	if got := filesIn(t, o.path("out")); len(got) != 6 {
		t.Errorf("delivered %q", got)
	}
	o.noDebris()
}

// TestA6SleepingDaemon stops the daemon itself until its lease is over, while
// its workers go on: the document is delivered once all the same.
func TestA6SleepingDaemon(t *testing.T) {
	t.Parallel()
	o := impatient(t)
	o.start()
	o.drop("asleep.png", scanPNG(t, "the machine", "was suspended"))
	o.waitLog("Worker started.")
	daemon := o.daemon.Process
	if err := daemon.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(31 * time.Second) // longer than the lease
	if err := daemon.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	o.waitLog("Delivered.", "file=asleep.png")
	o.takes("last.png")
	docs := o.atRest(2)
	o.stop()
	if n := o.log.count("Delivered.", "file=asleep.png"); n != 1 || len(docs) != 2 || o.log.count("ERROR") > 0 {
		t.Errorf("delivered %d times, %+v\n%s", n, docs, o.log)
	}
	if got := filesIn(t, o.path("out")); len(got) != 4 {
		t.Errorf("delivered %q", got)
	}
	o.noDebris()
}
