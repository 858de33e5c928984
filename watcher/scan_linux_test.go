package watcher

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestNeitherFilesNorFolders: pipes, sockets and devices are left alone and
// mentioned once. Opening a pipe would hang.
func TestNeitherFilesNorFolders(t *testing.T) {
	dir, err := os.MkdirTemp("", "hot") // a socket's path must be short
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe.pdf"), 0o644))
	socket, err := net.Listen("unix", filepath.Join(dir, "socket.pdf"))
	must(t, err)
	defer socket.Close()
	names := []string{"pipe.pdf", "socket.pdf"}
	if err := syscall.Mknod(filepath.Join(dir, "null.pdf"), syscall.S_IFCHR|0o644, 1<<8|3); err == nil { // may need root
		names = append(names, "null.pdf")
	}
	log := &strings.Builder{}
	w, err := New(Options{Folder: dir, Log: textLog(log)})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.sweep(t.Context())
	s.sweep(t.Context())
	if len(s.tracker.files) > 0 {
		t.Errorf("tracked: %v", s.tracker.files)
	}
	for _, name := range names {
		if n := strings.Count(log.String(), "file="+name); n != 1 {
			t.Errorf("%s is in the log %d times:\n%s", name, n, log)
		}
	}
}

// TestUnlistableFolder: what lies in a folder that cannot be listed may still
// be there; everything else is swept as ever. Said once.
func TestUnlistableFolder(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	for _, name := range []string{"closed/a.pdf", "blurred/b.pdf", "c.pdf", "d.pdf"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
	}
	log := &strings.Builder{}
	w, err := New(Options{Folder: dir, Log: textLog(log)})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.sweep(t.Context())
	if len(s.tracker.files) != 4 {
		t.Fatalf("tracked: %v", s.tracker.files)
	}
	must(t, os.Chmod(filepath.Join(dir, "closed"), 0o311))  // may be entered, not listed
	must(t, os.Chmod(filepath.Join(dir, "blurred"), 0o744)) // may be listed, not entered
	defer os.Chmod(filepath.Join(dir, "closed"), 0o755)
	must(t, os.Remove(filepath.Join(dir, "d.pdf")))
	asNobody(t, func() {
		s.sweep(t.Context())
		s.sweep(t.Context())
	})
	for _, name := range []string{"closed/a.pdf", "blurred/b.pdf", "c.pdf"} {
		if !s.knows(name) {
			t.Errorf("%s was forgotten", name)
		}
	}
	if s.knows("d.pdf") {
		t.Error("d.pdf is remembered")
	}
	for _, text := range []string{"cannot be listed", "cannot be looked at"} {
		if n := strings.Count(log.String(), text); n != 1 {
			t.Errorf("%q is in the log %d times:\n%s", text, n, log)
		}
	}
}

// TestHotFolderThatCannotBeEntered: listed, but with no file in it that could be looked
// at, it is as good as away; said as such, and once.
func TestHotFolderThatCannotBeEntered(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "a.pdf"), []byte("x"), 0o644))
	log := &strings.Builder{}
	var away error
	w, err := New(Options{Folder: dir, Log: textLog(log), Reached: func(err error) { away = err }})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.sweep(t.Context())
	must(t, os.Chmod(dir, 0o644))
	asNobody(t, func() {
		s.sweep(t.Context())
		s.sweep(t.Context())
	})
	if away == nil || !s.knows("a.pdf") {
		t.Errorf("away: %v; a.pdf is known: %v", away, s.knows("a.pdf"))
	}
	if n := strings.Count(log.String(), "level="); n != 1 || !strings.Contains(log.String(), "The hot folder cannot be reached") {
		t.Errorf("the log:\n%s", log)
	}
	must(t, os.Chmod(dir, 0o755))
	asNobody(t, func() { s.sweep(t.Context()) })
	if away != nil {
		t.Errorf("away: %v", away)
	}
}

// TestClosedFolderIsToldInModeEvents: no notification says that a folder may not be
// listed any more.
func TestClosedFolderIsToldInModeEvents(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	var away error
	w, err := New(Options{Folder: dir, Mode: Events, Reached: func(err error) { away = err }})
	must(t, err)
	s := newScanner(w.o, w.notify)
	s.listen()
	defer s.deaf()
	s.sweep(t.Context())
	must(t, os.Chmod(dir, 0o700))
	asNobody(t, func() { s.tick(t.Context()) })
	if away == nil {
		t.Error("nobody was told")
	}
	must(t, os.Chmod(dir, 0o755))
	asNobody(t, func() { s.tick(t.Context()) })
	if away != nil {
		t.Errorf("still away: %v", away)
	}
}

// asNobody runs f on a thread whose file accesses are nobody's if the test runs
// as root, to whom nothing is forbidden.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to hide files from nobody without hiding them from the test")
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := syscall.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}
