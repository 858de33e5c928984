package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/engines"
)

// patience bounds waits that end at once when all is well.
const patience = 2 * time.Minute

// workerOptions are a pool of one proper worker; change may alter them.
func workerOptions(change func(*Options)) Options {
	o := Options{Command: []string{os.Args[0]}, Env: []string{roleVariable + "=worker"}, Size: 1}
	if change != nil {
		change(&o)
	}
	return o
}

func role(name string) func(*Options) {
	return func(o *Options) { o.Env = []string{roleVariable + "=" + name} }
}

// openPool makes a pool that must leave nothing behind.
func openPool(t *testing.T, change func(*Options)) *Pool {
	t.Helper()
	p := NewPool(workerOptions(change))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		checkNothingLeft(t)
	})
	return p
}

// checkNothingLeft fails if the pool's goroutines or processes are still there.
// A goroutine that has signed off may need the processor once more.
func checkNothingLeft(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if !bytes.Contains(stacks, []byte("worker.(*child)")) && !bytes.Contains(stacks, []byte("worker.(*Pool)")) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines are left:\n%s", stacks)
		}
		runtime.Gosched()
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/children") // none but on Linux
	for _, task := range tasks {
		if left, err := os.ReadFile(task); err == nil && len(bytes.TrimSpace(left)) > 0 {
			t.Errorf("processes are left: %s", left)
		}
	}
}

// door is where processes report with dial.
type door struct {
	net.Listener
	t *testing.T
}

func openDoor(t *testing.T) door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return door{l, t}
}

func (d door) address() string { return d.Addr().String() }

// visitor is a process that reported.
type visitor struct {
	net.Conn
	pid int
	t   *testing.T
}

func (d door) accept() visitor {
	d.t.Helper()
	_ = d.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := d.Accept()
	if err != nil {
		d.t.Fatalf("no process reported: %v", err)
	}
	d.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	number := make([]byte, 8)
	if _, err := io.ReadFull(conn, number); err != nil {
		d.t.Fatalf("read process id: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(number)))
	if err != nil {
		d.t.Fatal(err)
	}
	return visitor{conn, pid, d.t}
}

func (v visitor) release() {
	v.t.Helper()
	if _, err := v.Write([]byte{1}); err != nil {
		v.t.Fatalf("release process %d: %v", v.pid, err)
	}
}

// waitGone returns when the process has ended.
func (v visitor) waitGone() {
	v.t.Helper()
	_, err := io.Copy(io.Discard, v)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		v.t.Fatalf("process %d is still there", v.pid)
	}
}

func (v visitor) kill() {
	v.t.Helper()
	p, err := os.FindProcess(v.pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		v.t.Fatalf("kill process %d: %v", v.pid, err)
	}
}

// calls runs a Call beside the test.
func calls(p *Pool, ctx context.Context, owner, name string, timeout time.Duration, request any) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Call(ctx, owner, name, timeout, request, nil) }()
	return done
}

func await(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatal("the call does not return")
		return nil
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

func mustPID(t *testing.T, p *Pool) int {
	t.Helper()
	var pid int
	if err := p.Call(t.Context(), "doc", "pid", patience, nil, &pid); err != nil {
		t.Fatalf("pid: %v", err)
	}
	return pid
}

// wantError checks kind, code and parts of the text, which has the cause.
func wantError(t *testing.T, err error, kind engines.Kind, code string, parts ...string) {
	t.Helper()
	var e *engines.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *engines.Error", err)
	}
	if e.Kind != kind || e.Code != code || e.Sentence == "" {
		t.Errorf("error is %s %s %q, want %s %s: %v", e.Kind, e.Code, e.Sentence, kind, code, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error has no %q: %v", part, err)
		}
	}
}

func TestChildStaysWarm(t *testing.T) {
	p := openPool(t, nil)
	first := mustPID(t, p)
	if second := mustPID(t, p); second != first || first == os.Getpid() {
		t.Errorf("children %d and %d in process %d, want one warm child", first, second, os.Getpid())
	}
	if got, want := p.Stats(), (Stats{Size: 1, Idle: 1}); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}

func TestLargeRequestAndAnswer(t *testing.T) {
	p := openPool(t, nil)
	want := strings.Repeat("0123456789abcdef", 64<<10) // 1 MiB, far more than a pipe holds
	var got string
	if err := p.Call(t.Context(), "doc", "echo", patience, want, &got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got %d bytes, want the %d that were sent", len(got), len(want))
	}
}

func TestEnvironment(t *testing.T) {
	p := openPool(t, func(o *Options) { o.Env = append(o.Env, "GREETING=moin"); o.MemoryMB = 512 })
	for name, want := range map[string]string{"OMP_THREAD_LIMIT": "1", memoryVariable: "512", "GREETING": "moin"} {
		var got string
		if err := p.Call(t.Context(), "doc", "env", patience, name, &got); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestErrorsTravel(t *testing.T) {
	p := openPool(t, nil)
	pid := mustPID(t, p)
	fail := func(name string) error { return p.Call(t.Context(), "doc", "fail", patience, name, nil) }
	wantError(t, fail("terminal"), engines.Terminal, engines.CodeNeedPassword, "It needs a password.", "pdf: encrypted")
	wantError(t, fail("review"), engines.Review, "pdf_page_count", "Pages are missing.")
	wantError(t, fail("wrapped"), engines.Terminal, engines.CodeBadImage, "The picture is damaged.", "read page 7", "bad marker")
	wantError(t, fail("plain"), engines.Retryable, engines.CodeInternal, "disk fell off")
	wantError(t, fail("stopped"), engines.Retryable, engines.CodeInternal)
	wantError(t, p.Call(t.Context(), "doc", "nan", patience, nil, nil), engines.Retryable, engines.CodeInternal, "NaN")
	wantError(t, p.Call(t.Context(), "doc", "dance", patience, nil, nil), engines.Retryable, engines.CodeInternal, `"dance"`)
	if again := mustPID(t, p); again != pid {
		t.Errorf("an error that the child answered cost the child: %d, then %d", pid, again)
	}
}

func TestStdoutBelongsToTheProtocol(t *testing.T) {
	var log bytes.Buffer
	p := openPool(t, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	if err := p.Call(t.Context(), "doc", "print", patience, "ITWK noise of a library", nil); err != nil {
		t.Fatalf("noise on stdout broke the call: %v", err)
	}
	if err := p.Close(t.Context()); err != nil { // the log is complete now
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "ITWK noise of a library") {
		t.Errorf("the noise is not in the log:\n%s", &log)
	}
}

func TestKilledWhileWorking(t *testing.T) {
	p, d := openPool(t, nil), openDoor(t)
	done := calls(p, t.Context(), "doc", "hold", 0, d.address())
	v := d.accept()
	v.kill()
	wantError(t, await(t, done), engines.Retryable, engines.CodeCrashed, strconv.Itoa(v.pid))
	if pid := mustPID(t, p); pid == v.pid {
		t.Errorf("process %d answers after it was killed", pid)
	}
	if got := p.Stats().Restarts; got != 1 {
		t.Errorf("%d restarts, want 1", got)
	}
}

func TestCrashes(t *testing.T) {
	cases := map[string][]string{
		"exit":      {"exit status 3"},
		"goroutine": {"exit status 2", "panic: elsewhere"},
		"panic":     {"handler fell over"},
		"nil":       {"nil pointer dereference"},
	}
	if faultWords != "" {
		cases["fault"] = []string{faultWords}
	}
	for name, parts := range cases {
		t.Run(name, func(t *testing.T) {
			p := openPool(t, nil)
			before := mustPID(t, p)
			wantError(t, p.Call(t.Context(), "doc", name, patience, nil, nil), engines.Retryable, engines.CodeCrashed, parts...)
			if after := mustPID(t, p); after == before {
				t.Errorf("process %d goes on after it crashed", after)
			}
			if got := p.Stats().Restarts; got != 1 {
				t.Errorf("%d restarts, want 1", got)
			}
		})
	}
}

func TestIdleChildThatDiedIsNotUsed(t *testing.T) {
	p, d := openPool(t, nil), openDoor(t)
	if err := p.Call(t.Context(), "doc", "report", patience, d.address(), nil); err != nil {
		t.Fatal(err)
	}
	v := d.accept()
	p.mu.Lock()
	c := p.idle[0]
	p.mu.Unlock()
	v.kill()
	<-c.done
	if got, want := p.Stats(), (Stats{Size: 1, Restarts: 1}); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
	p.mu.Lock()
	p.idle = append(p.idle, c) // as if it had died after it was chosen
	p.mu.Unlock()
	if pid := mustPID(t, p); pid == v.pid {
		t.Errorf("process %d answers after it was killed", pid)
	}
}

// lastBreath is the stdin of a child that answers and is gone in one moment.
type lastBreath struct{ c *child }

func (l lastBreath) Close() error { return nil }

func (l lastBreath) Write(p []byte) (int, error) {
	if len(p) > headerSize { // the payload; the header came before
		l.c.answers <- []byte(`{"id":1,"body":"done"}`)
		close(l.c.done)
	}
	return len(p), nil
}

func TestLastAnswerCounts(t *testing.T) {
	for range 64 { // a select between two ready cases is a coin
		c := &child{cmd: exec.Command("none"), done: make(chan struct{}), stderr: &stderrTail{line: func(string) {}}}
		c.cmd.Process = &os.Process{}
		c.stdin = lastBreath{c}
		if a, err := c.call("echo", nil); err != nil || string(a.Body) != `"done"` {
			t.Fatalf("the last answer is %s, %v", a.Body, err)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		t.Skip("no memory limit on " + runtime.GOOS)
	}
	p := openPool(t, func(o *Options) { o.MemoryMB = 256 })
	before := mustPID(t, p)
	wantError(t, p.Call(t.Context(), "doc", "hog", 0, nil, nil), engines.Retryable, engines.CodeOutOfMemory, "256 MB", "exit status")
	wantError(t, p.Call(t.Context(), "doc", "memory", patience, nil, nil), engines.Retryable, engines.CodeOutOfMemory, "256 MB")
	if after := mustPID(t, p); after == before {
		t.Error("the child outlived its death")
	}
}

// TestWornChildIsReplaced: what one page left behind does not make the next one
// fail.
func TestWornChildIsReplaced(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		t.Skip("no memory limit on " + runtime.GOOS)
	}
	p := openPool(t, func(o *Options) { o.MemoryMB = 256 })
	before := mustPID(t, p)
	if again := mustPID(t, p); again != before {
		t.Error("a fresh child was replaced")
	}
	for range 3 {
		if err := p.Call(t.Context(), "doc", "hoard", patience, nil, nil); err != nil {
			t.Fatal(err)
		}
		if after := mustPID(t, p); after == before {
			t.Error("a child that holds most of its memory goes on")
		}
	}
}

func TestTimeLimitTakesGrandchildren(t *testing.T) {
	p, d := openPool(t, nil), openDoor(t)
	mustPID(t, p) // the child is there: the limit is for its own child's start alone
	// Long enough for that to report; the accepts below come first.
	done := calls(p, t.Context(), "doc", "spawn", 8*time.Second, d.address())
	first, second := d.accept(), d.accept()
	wantError(t, await(t, done), engines.Retryable, engines.CodeTimeout, "8s")
	first.waitGone()
	second.waitGone()
	mustPID(t, p)
}

func TestTimeLimitWithoutAReader(t *testing.T) {
	p := openPool(t, role("deaf"))
	request := strings.Repeat("x", 1<<20) // more than the pipe takes: writing it blocks
	wantError(t, p.Call(t.Context(), "doc", "echo", 50*time.Millisecond, request, nil), engines.Retryable, engines.CodeTimeout)
}

func TestTimeLimitDoesNotCountWaiting(t *testing.T) {
	const limit = 4 * time.Second // for an echo on a busy machine
	p, d := openPool(t, nil), openDoor(t)
	first := calls(p, t.Context(), "doc", "hold", 0, d.address())
	v := d.accept()
	second := calls(p, t.Context(), "doc", "echo", limit, 1)
	waitFor(t, "the second call to queue", func() bool { return p.Stats().Waiting == 1 })
	<-time.After(limit + limit/10) // time passing is the subject here
	v.release()
	if err := errors.Join(await(t, first), await(t, second)); err != nil {
		t.Error(err)
	}
}

func TestCancelKills(t *testing.T) {
	p, d := openPool(t, nil), openDoor(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := calls(p, ctx, "doc", "hold", patience, d.address())
	v := d.accept()
	cancel()
	err := await(t, done)
	if _, isFailure := engines.AsError(err); !errors.Is(err, context.Canceled) || isFailure {
		t.Errorf("error is %v, want a bare cancellation", err)
	}
	v.waitGone()
	mustPID(t, p)
}

func TestCancelWhileWaiting(t *testing.T) {
	p, d := openPool(t, nil), openDoor(t)
	held := calls(p, t.Context(), "doc", "hold", 0, d.address())
	v := d.accept()
	ctx, cancel := context.WithCancel(t.Context())
	done := calls(p, ctx, "doc", "echo", 0, 1)
	waitFor(t, "the call to queue", func() bool { return p.Stats().Waiting == 1 })
	cancel()
	if err := await(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want a cancellation", err)
	}
	if got := p.Stats(); got.Waiting != 0 || got.Running != 1 {
		t.Errorf("stats are %+v, want none waiting, one running", got)
	}
	v.release()
	if err := await(t, held); err != nil {
		t.Error(err)
	}
	if err := p.Call(ctx, "doc", "echo", 0, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was cancelled before gives %v", err)
	}
}

func TestBrokenProtocol(t *testing.T) {
	cases := map[string]string{
		"garbage": "Tesseract", "giant": "limit", "liar": "id 77", "babbler": "decode answer",
	}
	for name, part := range cases {
		t.Run(name, func(t *testing.T) {
			p := openPool(t, role(name))
			err := p.Call(t.Context(), "doc", "echo", patience, 1, nil)
			wantError(t, err, engines.Retryable, engines.CodeCrashed, part)
		})
	}
}

func TestAnswerNobodyAskedFor(t *testing.T) {
	p := openPool(t, role("eager"))
	if err := p.Call(t.Context(), "doc", "echo", patience, 1, nil); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the second answer to end the child", func() bool { return p.Stats().Restarts == 1 })
}

func TestChildThatDiesAtOnce(t *testing.T) {
	p := openPool(t, role("exit"))
	for i := range 3 {
		wantError(t, p.Call(t.Context(), "doc", "echo", patience, 1, nil), engines.Retryable, engines.CodeCrashed, "exit status 3")
		if got := p.Stats().Restarts; got != i+1 {
			t.Errorf("%d processes for %d calls", got, i+1)
		}
	}
}

func TestNoSuchProgram(t *testing.T) {
	p := openPool(t, func(o *Options) { o.Command = []string{filepath.Join(t.TempDir(), "nothing")} })
	for range 2 { // the second finds the slot free
		wantError(t, p.Call(t.Context(), "doc", "echo", patience, 1, nil), engines.Retryable, engines.CodeUnavailable)
	}
}

func TestIdleEnds(t *testing.T) {
	p, d := openPool(t, func(o *Options) { o.Idle = 10 * time.Millisecond }), openDoor(t)
	if err := p.Call(t.Context(), "doc", "report", patience, d.address(), nil); err != nil {
		t.Fatal(err)
	}
	v := d.accept()
	v.waitGone()
	if pid := mustPID(t, p); pid == v.pid {
		t.Errorf("process %d answers after it ended", pid)
	}
	if got := p.Stats().Restarts; got != 0 {
		t.Errorf("%d restarts, want none: the end was ours", got)
	}
}

func TestOwnersTakeTurns(t *testing.T) {
	p, d := openPool(t, func(o *Options) { o.First = []string{"record first"} }), openDoor(t)
	// Two owners hold every place: nobody can pass them.
	held := calls(p, t.Context(), "big", "hold", 0, d.address())
	v := d.accept()
	other := calls(p, t.Context(), "huge", "hold", 0, d.address())
	w := d.accept()
	var done []<-chan error
	for i, owner := range []string{"big", "big", "big", "small", "big", "other", "done"} {
		name := "record"
		if owner == "done" {
			name = "record first"
		}
		done = append(done, calls(p, t.Context(), owner, name, patience, fmt.Sprintf("%s%d", owner, i)))
		waitFor(t, "the call to queue", func() bool { return p.Stats().Waiting == i+1 })
	}
	v.release()
	if err := await(t, held); err != nil {
		t.Fatal(err)
	}
	w.release()
	for _, one := range append(done, other) {
		if err := await(t, one); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := p.Call(t.Context(), "doc", "record", patience, "end", &got); err != nil {
		t.Fatal(err)
	}
	if want := []string{"done6", "big0", "small3", "other5", "big1", "big2", "big4", "end"}; !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

// TestExpress: who would wait for a single other owner's calls does not wait,
// one at a time.
func TestExpress(t *testing.T) {
	p, d := openPool(t, func(o *Options) { o.Size = 2 }), openDoor(t)
	var held []<-chan error
	var visitors []visitor
	for range 2 {
		held = append(held, calls(p, t.Context(), "big", "hold", 0, d.address()))
		visitors = append(visitors, d.accept())
	}
	more := calls(p, t.Context(), "big", "echo", 0, 1)
	waitFor(t, "the owner's third call to queue", func() bool { return p.Stats().Waiting == 1 })
	if err := p.Call(t.Context(), "small", "echo", patience, 1, nil); err != nil {
		t.Fatal(err)
	}
	held = append(held, calls(p, t.Context(), "small", "hold", 0, d.address()))
	visitors = append(visitors, d.accept())
	late := calls(p, t.Context(), "late", "echo", 0, 1)
	waitFor(t, "the third owner's call to queue", func() bool { return p.Stats().Waiting == 2 })
	if got := p.Stats(); got.Running != 3 {
		t.Errorf("%d calls run, want 3", got.Running)
	}
	for _, v := range visitors {
		v.release()
	}
	for _, one := range append(held, more, late) {
		if err := await(t, one); err != nil {
			t.Error(err)
		}
	}
	if got := p.Stats(); got.Running != 0 || got.Waiting != 0 {
		t.Errorf("stats afterwards are %+v", got)
	}
}

func TestParallelCallers(t *testing.T) {
	p := openPool(t, func(o *Options) { o.Size = 3 })
	var mu sync.Mutex
	pids := map[int]bool{}
	var group sync.WaitGroup
	for caller := range 8 {
		group.Go(func() {
			for i := range 20 {
				want := fmt.Sprintf("%d/%d", caller, i)
				var got string
				if err := p.Call(t.Context(), strconv.Itoa(caller), "echo", patience, want, &got); err != nil || got != want {
					t.Errorf("echo of %q is %q, %v", want, got, err)
				}
				var pid int
				if err := p.Call(t.Context(), strconv.Itoa(caller), "pid", patience, nil, &pid); err != nil {
					t.Error(err)
				}
				mu.Lock()
				pids[pid] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(pids) != 3 {
		t.Errorf("%d children worked, want 3", len(pids))
	}
	if got := p.Stats(); got.Running != 0 || got.Waiting != 0 || got.Idle != 3 || got.Restarts != 0 {
		t.Errorf("stats afterwards are %+v", got)
	}
}

func TestCloseSoftly(t *testing.T) {
	p, d := openPool(t, nil), openDoor(t)
	running := calls(p, t.Context(), "a", "hold", 0, d.address())
	v := d.accept()
	waiting := calls(p, t.Context(), "a", "echo", 0, 1)
	waitFor(t, "the call to queue", func() bool { return p.Stats().Waiting == 1 })
	closed := make(chan error, 1)
	go func() { closed <- p.Close(t.Context()) }()
	if err := await(t, waiting); !errors.Is(err, ErrClosed) {
		t.Errorf("the waiting call got %v, want ErrClosed", err)
	}
	if err := p.Call(t.Context(), "c", "echo", 0, 1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("a new call got %v, want ErrClosed", err)
	}
	select {
	case err := <-closed:
		t.Fatalf("Close returned %v while a call runs", err)
	default:
	}
	v.release()
	if err := errors.Join(await(t, running), await(t, closed)); err != nil {
		t.Errorf("a running call was not let finish: %v", err)
	}
	v.waitGone()
}

func TestCloseHard(t *testing.T) {
	p, d := openPool(t, nil), openDoor(t)
	running := calls(p, t.Context(), "a", "spawn", 0, d.address())
	first, second := d.accept(), d.accept()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close returned %v, want that it had to kill", err)
	}
	if err := await(t, running); !errors.Is(err, ErrClosed) {
		t.Errorf("the running call got %v, want ErrClosed", err)
	}
	first.waitGone()
	second.waitGone()
}

func TestKilledParentLeavesNoProcess(t *testing.T) {
	d := openDoor(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), roleVariable+"=parent", "SLEEPER_ADDRESS="+d.address())
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	child, grandchild := d.accept(), d.accept()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed, as it should be
	child.waitGone()
	grandchild.waitGone()
}
