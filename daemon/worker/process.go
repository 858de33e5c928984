package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"intray/engines"
)

// child is one worker process, as its parent sees it.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	pipe   io.Closer // under out
	stderr *tailWriter
	timer  *time.Timer // while idle
	// answered is true when the last exchange ended with a frame from the child.
	answered bool
	dead     chan struct{} // closed when the process is gone
	exit     error         // valid after dead
}

func startChild(o Options) (*child, error) {
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.Env = append(append(os.Environ(), o.Env...), "OMP_THREAD_LIMIT=1", fmt.Sprintf("%s=%d", memoryVariable, o.MemoryMB))
	prepare(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open worker's input: %w", err)
	}
	// Pipes of our own: the standard ones are closed by Wait, which runs beside
	// the reading.
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open worker's output: %w", err)
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewReaderSize(reader, 64<<10), pipe: reader, stderr: &tailWriter{log: o.Log}, dead: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = writer, c.stderr
	// A grandchild that outlives the child must not keep Wait from returning.
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Start()
	writer.Close()
	if err != nil {
		reader.Close()
		return nil, fmt.Errorf("start worker: %w", err)
	}
	release, err := started(cmd, o.MemoryMB)
	if err != nil {
		c.kill()
		release = func() {}
		if o.Log != nil {
			o.Log.Warn("A worker process could not be bounded.", "error", err)
		}
	}
	go func() {
		c.exit = cmd.Wait()
		release()
		close(c.dead)
	}()
	return c, nil
}

func (c *child) alive() bool {
	select {
	case <-c.dead:
		return false
	default:
		return true
	}
}

// end asks the child to leave by closing its input.
func (c *child) end() {
	_ = c.in.Close()
	go func() {
		<-c.dead
		_ = c.pipe.Close()
	}()
}

func (c *child) kill() { kill(c.cmd) }

// exchange sends one request and waits for its answer.
func (c *child) exchange(ctx context.Context, timeout time.Duration, name string, body json.RawMessage) (json.RawMessage, error) {
	c.answered = false
	type received struct {
		answer answer
		err    error
	}
	done := make(chan received, 1)
	go func() {
		var r received
		if r.err = writeFrame(c.in, request{Name: name, Body: body}); r.err == nil {
			r.err = readFrame(c.out, &r.answer)
		}
		done <- r
	}()
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, c.autopsy(r.err)
		}
		c.answered = true
		if r.answer.Error != nil {
			return nil, r.answer.Error.error()
		}
		return r.answer.Body, nil
	case <-ctx.Done():
		c.kill()
		<-done
		return nil, ctx.Err()
	case <-limit.C:
		c.kill()
		<-done
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeTimeout,
			Sentence: fmt.Sprintf("It took longer than %s and was stopped (page_timeout).", timeout)}
	}
}

// autopsy says why a child did not answer.
func (c *child) autopsy(cause error) *engines.Error {
	c.kill()
	<-c.dead
	said := c.stderr.String()
	cause = errors.Join(cause, c.exit, errors.New("worker said: "+strings.TrimSpace(said)))
	for _, sign := range []string{"out of memory", "bad_alloc", "cannot allocate memory", "Cannot allocate memory"} {
		if strings.Contains(said, sign) {
			return &engines.Error{Kind: engines.Retryable, Code: "out_of_memory",
				Sentence: "It needs more memory than a worker may have (worker_memory_mb).", Cause: cause}
		}
	}
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed, Sentence: "The reader broke down on it.", Cause: cause}
}

// tailWriter keeps the last of what a child said and passes whole lines on.
type tailWriter struct {
	mu   sync.Mutex
	log  *slog.Logger
	tail []byte
	line []byte
}

const tailLength = 2 << 10

func (t *tailWriter) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tail = append(t.tail, p...)
	if over := len(t.tail) - tailLength; over > 0 {
		// The beginning tells the reason of a crash, the end is its trace.
		t.tail = append(t.tail[:tailLength/2:tailLength/2], t.tail[tailLength/2+over:]...)
	}
	if t.log != nil {
		t.line = append(t.line, p...)
		for {
			line, rest, found := strings.Cut(string(t.line), "\n")
			if !found {
				break
			}
			t.log.Debug("worker: " + line)
			t.line = []byte(rest)
		}
		if len(t.line) > tailLength {
			t.line = nil
		}
	}
	return len(p), nil
}

func (t *tailWriter) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.tail)
}
