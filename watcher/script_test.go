package watcher

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// scripts tell what happens in a hot folder, in fake time over a real folder
// and without notifications: the sweep alone must do (PEERS A2). Settle is 2 s,
// the sweep comes every 1 s, the upper bound is 30 s.
var scripts = map[string]string{
	"a scanner writes in two bursts": `
		write  a.pdf one
		wait   1500ms
		append a.pdf two
		wait   1500ms
		expect nothing
		wait   2s
		expect a.pdf
		wait   1m
		expect nothing`,
	"A1 a writer that reopens five times": `
		write  a.pdf 1
		wait   1s
		append a.pdf 2
		wait   1s
		append a.pdf 3
		wait   1s
		append a.pdf 4
		wait   1s
		append a.pdf 5
		wait   1s
		expect nothing
		wait   5s
		expect a.pdf
		wait   1m
		expect nothing`,
	"there before the start": `
		wait   4s
		expect early.pdf`,
	"subfolders and partial names": `
		mkdir  sub/deep
		write  sub/deep/a.tif x
		write  b.pdf.part x
		write  .hidden.pdf x
		write  ~$c.pdf x
		write  d.crdownload x
		write  .git/e.pdf x
		wait   10s
		expect sub/deep/a.tif
		rename b.pdf.part b.pdf
		wait   10s
		expect b.pdf`,
	"a reused name": `
		write  scan.pdf first
		wait   5s
		expect scan.pdf
		remove scan.pdf
		write  scan.pdf later
		wait   5s
		expect scan.pdf
		write  scan.pdf over it
		wait   5s
		expect scan.pdf`,
	"a file that vanishes": `
		write  a.pdf x
		wait   1s
		remove a.pdf
		wait   10s
		expect nothing`,
	"an empty file waits longer": `
		write  a.pdf
		wait   5s
		expect nothing
		append a.pdf now
		wait   4s
		expect a.pdf
		write  b.pdf
		wait   12s
		expect b.pdf`,
	"again after a pause": `
		write  a.pdf x
		wait   4s
		expect a.pdf
		again  a.pdf 20s
		wait   15s
		expect nothing
		wait   8s
		expect a.pdf`,
	"A2 the folder goes away and comes back": `
		write  a.pdf x
		wait   4s
		expect a.pdf
		rename . ../away
		wait   10s
		expect nothing
		rename ../away .
		write  b.pdf x
		wait   6s
		expect b.pdf
		logged "cannot be reached" 1
		logged "folder is back" 1`,
	"a restless file is mentioned once and taken at rest": `
		write  a.pdf x
		repeat a.pdf 50 1s
		expect nothing
		logged "keeps changing" 1
		wait   5s
		expect a.pdf`,
	"a folder named like a file, and a link": `
		mkdir  x.pdf
		write  x.pdf/inside.pdf x
		link   l.pdf
		wait   30s
		expect x.pdf/inside.pdf
		logged "in spite of its name" 1
		logged "not an ordinary file" 1
		logged "no notifications" 1`,
	"a link that becomes a file": `
		link   l.pdf
		wait   5s
		expect nothing
		remove l.pdf
		write  l.pdf x
		wait   5s
		expect l.pdf`,
	"a file stands where the folder was": `
		rename . ../away
		write  . x
		wait   10s
		expect nothing
		remove .
		rename ../away .
		write  a.pdf x
		wait   5s
		expect a.pdf
		logged "cannot be reached" 1
		logged "folder is back" 1`,
	"a folder moves with its files": `
		write  a/deep/x.pdf x
		wait   5s
		expect a/deep/x.pdf
		rename a b
		wait   5s
		expect b/deep/x.pdf`,
}

func TestScripts(t *testing.T) {
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "hot")
			must(t, os.Mkdir(dir, 0o755))
			if strings.Contains(script, "early.pdf") {
				must(t, os.WriteFile(filepath.Join(dir, "early.pdf"), []byte("x"), 0o644))
			}
			synctest.Test(t, func(t *testing.T) { runScript(t, dir, script) })
		})
	}
}

// stage runs one script.
type stage struct {
	t    *testing.T
	dir  string
	w    *Watcher
	mu   sync.Mutex
	seen []string
	log  *strings.Builder
}

func runScript(t *testing.T, dir, script string) {
	s := &stage{t: t, dir: dir, log: &strings.Builder{}}
	w, err := New(Options{Folder: dir, Settle: 2 * time.Second, SettleMax: 30 * time.Second, Sweep: time.Second, Log: textLog(s.log)})
	must(t, err)
	w.notify = func() (*fsnotify.Watcher, error) { return nil, errors.New("switched off for this test") }
	s.w = w
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- w.Run(ctx, func(f File) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen = append(s.seen, f.Rel)
		})
	}()
	synctest.Wait() // Windows renames no folder that is being looked into
	for line := range strings.Lines(script) {
		if fields := strings.Fields(line); len(fields) > 0 {
			s.step(fields)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
}

func (s *stage) step(f []string) {
	s.t.Helper()
	at := func(i int) string { return filepath.Join(s.dir, f[i]) }
	switch f[0] {
	case "write":
		must(s.t, os.MkdirAll(filepath.Dir(at(1)), 0o755))
		must(s.t, os.WriteFile(at(1), []byte(strings.Join(f[2:], " ")), 0o644))
	case "append":
		s.appendTo(at(1), f[2])
	case "repeat":
		for range 50 {
			s.appendTo(at(1), "x")
			s.wait(f[3])
		}
	case "remove":
		must(s.t, os.Remove(at(1)))
	case "mkdir":
		must(s.t, os.MkdirAll(at(1), 0o755))
	case "link":
		must(s.t, os.Symlink("/etc/hostname", at(1)))
	case "rename":
		must(s.t, os.Rename(at(1), at(2)))
	case "again":
		pause, err := time.ParseDuration(f[2])
		must(s.t, err)
		s.w.Again(f[1], pause)
	case "wait":
		s.wait(f[1])
	case "expect":
		s.expect(f[1:])
	case "logged":
		text := strings.Trim(strings.Join(f[1:len(f)-1], " "), `"`)
		if n := strings.Count(s.log.String(), text); n != int(f[len(f)-1][0]-'0') {
			s.t.Errorf("%q is in the log %d times:\n%s", text, n, s.log)
		}
	default:
		s.t.Fatalf("the script says %q", f)
	}
}

func (s *stage) appendTo(path, text string) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(s.t, err)
	_, err = file.WriteString(text)
	must(s.t, errors.Join(err, file.Close()))
}

// wait lets fake time pass; everything that falls due happens.
func (s *stage) wait(span string) {
	d, err := time.ParseDuration(span)
	must(s.t, err)
	time.Sleep(d)
	synctest.Wait()
}

func (s *stage) expect(want []string) {
	s.t.Helper()
	if want[0] == "nothing" {
		want = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.seen, want) {
		s.t.Errorf("settled %q, want %q", s.seen, want)
	}
	s.seen = nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
