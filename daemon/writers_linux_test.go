package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Real writers against the real program: what they write arrives once, whole.

// bursts writes data piece by piece with pauses far shorter than any settling
// time it is used with, as a scanner does.
func bursts(w io.Writer, data []byte) error {
	for piece := range slices.Chunk(data, len(data)/12+1) {
		if _, err := w.Write(piece); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// server runs a server until the test ends, with all its children, and waits
// until it answers.
func server(t *testing.T, addr string, cmd *exec.Cmd) {
	t.Helper()
	said := &logWatch{arrived: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not answer on %s:\n%s", cmd.Path, addr, said)
		}
	}
}

// feed fills a client's standard input in bursts.
func feed(cmd *exec.Cmd, data []byte) error {
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	said := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return err
	}
	err = errors.Join(bursts(in, data), in.Close(), cmd.Wait())
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd.Path, err, said)
	}
	return nil
}

// share starts an SMB server for the hot folder and returns what runs a client.
func (o *office) share(t *testing.T) func(script string) *exec.Cmd {
	t.Helper()
	smbd, client := tool(t, "smbd"), tool(t, "smbclient")
	addr := freePort(t)
	_, port, _ := net.SplitHostPort(addr)
	dir := t.TempDir()
	var conf strings.Builder
	fmt.Fprintf(&conf, "[global]\nsmb ports = %s\ninterfaces = 127.0.0.1\nbind interfaces only = yes\nmap to guest = Bad User\n"+
		"log file = %s/log\nload printers = no\ndisable spoolss = yes\n", port, dir)
	for _, key := range []string{"private dir", "lock directory", "pid directory", "state directory", "cache directory", "ncalrpc dir"} {
		path := filepath.Join(dir, strings.Fields(key)[0])
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&conf, "%s = %s\n", key, path)
	}
	fmt.Fprintf(&conf, "[in]\npath = %s\nguest ok = yes\nread only = no\nforce user = root\n", o.path("in"))
	file := filepath.Join(dir, "smb.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	server(t, addr, exec.Command(smbd, "-F", "--no-process-group", "--debug-stdout", "-s", file))
	return func(script string) *exec.Cmd {
		return exec.Command(client, "-s", file, "-N", "-p", port, "//127.0.0.1/in", "-c", script)
	}
}

// TestSMBWriter: a scanner that writes to a Windows share. It puts quickly, in
// bursts, begins anew after a third, and uses a name that is being taken in.
func TestSMBWriter(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("skipped: smbd wants root")
	}
	o := newOffice(t, "").slowly("1500ms")
	client := o.share(t)
	o.start()
	pages := scans(t, "Sent to a share", 7)
	local := func(data []byte) string {
		path := filepath.Join(t.TempDir(), "local.png")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put := func(script string, args ...any) {
		if out, err := client(fmt.Sprintf(script, args...)).CombinedOutput(); err != nil {
			t.Errorf("smbclient: %v\n%s", err, out)
		}
	}
	var slow sync.WaitGroup
	slow.Go(func() {
		if err := feed(client("iosize 65536; put - slow.png"), pages[0]); err != nil {
			t.Error(err)
		}
	})
	put(`put %s first.png; mkdir desk; put %s "desk\two words.png"`, local(pages[1]), local(pages[2]))
	put(`put %s again.png; put %s again.png`, local(pages[3][:len(pages[3])/3]), local(pages[3]))
	put(`put %s scan.png`, local(pages[4]))
	o.waitLog("Taken in.", `file=scan.png`)
	put(`put %s scan.png`, local(pages[5]))
	// The name is used once more as soon as its content is in the store.
	o.stored(pages[5])
	put(`put %s scan.png`, local(pages[6]))
	slow.Wait()
	o.exactlyOnce(slices.Delete(slices.Clone(pages), 5, 6), pages[5])
}

// TestFTPWriter: the same over FTP, slowly, appended, resumed, and renamed.
func TestFTPWriter(t *testing.T) {
	t.Parallel()
	curl, python := tool(t, "curl"), "/usr/bin/python3" // Debian's, which has Debian's modules
	if err := exec.Command(python, "-c", "import pyftpdlib").Run(); err != nil {
		t.Skipf("skipped: python3-pyftpdlib is not installed: %v", err)
	}
	o := newOffice(t, "").slowly("5s") // between two transfers a file is nobody's
	addr := freePort(t)
	_, port, _ := net.SplitHostPort(addr)
	server(t, addr, exec.Command(python, "-m", "pyftpdlib", "-w", "-i", "127.0.0.1", "-p", port, "-d", o.path("in")))
	o.start()
	pages := scans(t, "Sent by file transfer", 4)
	send := func(name string, data []byte, args ...string) {
		file := filepath.Join(t.TempDir(), "local.png")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Error(err)
		}
		args = append(args, "-sS", "-T", file, "ftp://"+addr+"/"+name)
		if out, err := exec.Command(curl, args...).CombinedOutput(); err != nil {
			t.Errorf("curl: %v\n%s", err, out)
		}
	}
	var writers sync.WaitGroup
	writers.Go(func() { send("slow.png", pages[0], "--limit-rate", "500k") })
	writers.Go(func() {
		half := len(pages[1]) / 2
		err := errors.Join(feed(exec.Command(curl, "-sS", "-T", "-", "ftp://"+addr+"/halves.png"), pages[1][:half]),
			feed(exec.Command(curl, "-sS", "--append", "-T", "-", "ftp://"+addr+"/halves.png"), pages[1][half:]))
		if err != nil {
			t.Error(err)
		}
	})
	writers.Go(func() {
		send("resumed.png", pages[2][:len(pages[2])/3])
		send("resumed.png", pages[2], "-C", "-")
	})
	send("renamed.png.part", pages[3], "-Q", "-RNFR renamed.png.part", "-Q", "-RNTO renamed.png")
	writers.Wait()
	o.exactlyOnce(pages)
}

// TestPreallocatingWriter: the ways in which programs write a file. The name
// scan.png is used again the moment its last content was taken in.
func TestPreallocatingWriter(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "").slowly("1500ms")
	o.start()
	pages := scans(t, "Written by a program", 7)
	ways := []func() error{
		func() error { return preallocate(o.path("in", "full.png"), pages[0]) },
		func() error { return reopen(o.path("in", "burst.png"), pages[1]) },
		func() error {
			return errors.Join(reopen(o.path("in", "moved.png.tmp"), pages[2]), os.Rename(o.path("in", "moved.png.tmp"), o.path("in", "moved.png")))
		},
		func() error {
			away := o.path("away.png")
			return errors.Join(os.WriteFile(away, pages[3], 0o644), os.Rename(away, o.path("in", "at once.png")))
		},
	}
	var writers sync.WaitGroup
	for _, way := range ways {
		writers.Go(func() {
			if err := way(); err != nil {
				t.Error(err)
			}
		})
	}
	for i, page := range pages[4:] {
		for end := time.Now().Add(patience); o.log.count("Taken in.", "file=scan.png") < i && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if err := os.WriteFile(o.path("in", "scan.png"), page, 0o644); err != nil {
			t.Error(err)
		}
	}
	writers.Wait()
	o.exactlyOnce(pages)
}

// preallocate gives the file its final size first, fills it while it is open,
// and gives it its old date back, as copying programs do.
func preallocate(path string, data []byte) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	return errors.Join(file.Truncate(int64(len(data))), bursts(file, data), file.Close(), os.Chtimes(path, old, old))
}

// reopener opens its file for each piece (PEERS A1).
type reopener string

func (r reopener) Write(p []byte) (int, error) {
	file, err := os.OpenFile(string(r), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	n, err := file.Write(p)
	return n, errors.Join(err, file.Close())
}

func reopen(path string, data []byte) error { return bursts(reopener(path), data) }

// TestA1WriterHoldsALock: a writer that opens its file five times, rests under
// a lock for longer than the settling time, and then finishes (PEERS A1). What
// it wrote before the pause is no document.
func TestA1WriterHoldsALock(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "").slowly("2s")
	o.start()
	pages := scans(t, "Written under a lock", 4)
	locks := map[string]func(fd uintptr) error{
		"flock": func(fd uintptr) error { return syscall.Flock(int(fd), syscall.LOCK_EX) },
		"fcntl": func(fd uintptr) error { // what Samba makes of a client's lock
			return syscall.FcntlFlock(fd, syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
		},
	}
	for i, kind := range slices.Sorted(maps.Keys(locks)) {
		path, data := o.path("in", kind+".png"), pages[i]
		for piece := range slices.Chunk(data[:len(data)/2], len(data)/10+1) {
			if _, err := reopener(path).Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := locks[kind](file.Fd()); err != nil {
			t.Fatal(err)
		}
		// The program has time to do it wrong; a file that comes later is no
		// faster than this one would be.
		o.drop("later "+kind+".png", pages[2+i])
		o.waitLog("Taken in.", "later "+kind)
		_, err = file.Write(data[len(data)/2:])
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	o.exactlyOnce(pages)
}

// TestNameReusedAtTheLastMoment: the next scan comes under the old name between
// the program's last look at the old file and its removal. strace makes that
// moment long.
func TestNameReusedAtTheLastMoment(t *testing.T) {
	t.Parallel()
	strace := tool(t, "strace")
	o := newOffice(t, "")
	o.start()
	const calls = "unlinkat,renameat,renameat2"
	trace := exec.Command(strace, "-f", "-o", "/dev/null", "-e", "trace="+calls, "-e", "inject="+calls+":delay_enter=1500000",
		"-p", strconv.Itoa(o.daemon.Process.Pid))
	said := &logWatch{arrived: make(chan struct{}, 1)}
	trace.Stderr = said
	if err := trace.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = trace.Process.Kill(); _ = trace.Wait() })
	if _, err := said.wait(10*time.Second, "attached"); err != nil {
		t.Skipf("skipped: strace may not look at a process here: %s", said)
	}
	pages := scans(t, "The last moment", 4)
	for i, name := range []string{"renamed.png", "truncated.png"} {
		o.drop(name, pages[2*i])
		o.stored(pages[2*i])
		time.Sleep(500 * time.Millisecond) // recorded by now, and its removal is on its way
		if i == 0 {
			o.drop(name, pages[1])
		} else if err := os.WriteFile(o.path("in", name), pages[3], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o.exactlyOnce([][]byte{pages[1], pages[3]}, pages[0], pages[2])
}
