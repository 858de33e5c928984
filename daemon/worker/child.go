package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"intray/engines"
)

const (
	// endGrace is how long a child may take to end when it is asked to.
	endGrace = 5 * time.Second
	// pipeGrace bounds the wait for a dead child's stderr, which a grandchild
	// outside of its process group could hold open.
	pipeGrace = 2 * time.Second
)

// child is the parent's side of one worker process. One call at a time; kill
// and end are safe at any time and more than once.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *stderrTail
	group  processGroup
	memory int           // limit in MB, for the error's sentence
	done   chan struct{} // closed when the process is gone and its pipes are read
	lastID uint64        // by the one caller at a time
	worn   bool          // by the one caller at a time
	idle   *time.Timer   // guarded by the pool

	mu      sync.Mutex
	answers chan []byte // where the outstanding call waits; nil when there is none
	ended   bool        // true from just before the process is reaped: its id may be reused
	planned bool        // we asked it to end
	grace   *time.Timer
	err     error // why reading stopped, if it was not the process's end
}

// startChild starts a process; onEnd is called once it is gone.
func startChild(o Options, onEnd func(*child)) (*child, error) {
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.Env = append(append(os.Environ(), o.Env...), "OMP_THREAD_LIMIT=1", memoryVariable+"="+strconv.Itoa(o.MemoryMB))
	cmd.WaitDelay = pipeGrace
	c := &child{cmd: cmd, memory: o.MemoryMB, done: make(chan struct{})}
	c.stderr = &stderrTail{line: func(line string) {
		o.Log.Debug("Worker says.", "pid", cmd.Process.Pid, "line", line)
	}}
	cmd.Stderr = c.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make worker's stdin: %w", err)
	}
	c.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("make worker's stdout: %w", err)
	}
	prepareGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start worker process: %w", err)
	}
	if c.group, err = newGroup(cmd.Process.Pid, o.MemoryMB); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("fence worker process in: %w", err)
	}
	o.Log.Debug("Worker started.", "pid", cmd.Process.Pid)
	go c.supervise(stdout, o.Log, onEnd)
	return c, nil
}

// supervise reads until the child is of no more use and then buries it. The
// end of stdout is the sign of death; it comes before the process is reaped,
// so that the group can be killed while its number cannot be taken yet.
func (c *child) supervise(stdout io.Reader, log *slog.Logger, onEnd func(*child)) {
	err := c.readAnswers(stdout)
	c.mu.Lock()
	c.err = err
	c.group.kill(c.cmd.Process)
	c.ended = true
	c.mu.Unlock()
	_ = c.cmd.Wait() // death reads the process state instead
	c.mu.Lock()
	c.group.close()
	if c.grace != nil {
		c.grace.Stop()
	}
	c.mu.Unlock()
	log.Debug("Worker ended.", "pid", c.cmd.Process.Pid, "how", c.cmd.ProcessState.String())
	onEnd(c)
	close(c.done)
}

// readAnswers hands frames to the waiting call until the pipe ends (nil) or
// brings something that is not an answer to a question.
func (c *child) readAnswers(stdout io.Reader) error {
	for {
		payload, err := readFrame(stdout, frameAnswer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.mu.Lock()
		to := c.answers
		c.answers = nil
		c.mu.Unlock()
		if to == nil {
			return fmt.Errorf("%w: an answer nobody asked for", errFrame)
		}
		to <- payload // has room for the one answer
	}
}

// call asks and waits for the answer or for the child's death, whichever is
// first; whoever wants it to end earlier kills the child. On an error the
// child is gone.
func (c *child) call(name string, body json.RawMessage) (answer, error) {
	c.lastID++
	payload, err := json.Marshal(request{ID: c.lastID, Name: name, Body: body})
	if err != nil {
		return answer{}, c.discard(fmt.Errorf("encode request: %w", err))
	}
	got := make(chan []byte, 1)
	c.stderr.reset()
	c.mu.Lock()
	c.answers = got
	c.mu.Unlock()
	if err := writeFrame(c.stdin, frameRequest, payload); err != nil {
		return answer{}, c.discard(err)
	}
	select {
	case payload = <-got:
	case <-c.done:
		select { // it may have answered with its last breath
		case payload = <-got:
		default:
			return answer{}, c.death(nil)
		}
	}
	var a answer
	if err := json.Unmarshal(payload, &a); err != nil {
		return answer{}, c.discard(fmt.Errorf("decode answer: %w", err))
	}
	if a.ID != c.lastID {
		return answer{}, c.discard(fmt.Errorf("answer has id %d instead of %d", a.ID, c.lastID))
	}
	return a, nil
}

// discard kills the child, waits until it is gone and explains it with why.
func (c *child) discard(why error) error {
	c.kill()
	<-c.done
	return c.death(why)
}

// death explains why the child is gone; call it after done. why, if any, is
// what the parent saw first.
func (c *child) death(why error) *engines.Error {
	crash, tail, memory := c.stderr.report()
	cause := fmt.Errorf("worker process %d: %s", c.cmd.Process.Pid, c.cmd.ProcessState)
	for _, err := range []error{why, c.err} {
		if err != nil {
			cause = fmt.Errorf("%w: %w", cause, err)
		}
	}
	if crash != "" {
		cause = fmt.Errorf("%w: %s", cause, crash)
	}
	if tail != "" {
		cause = fmt.Errorf("%w; it last said: %s", cause, tail)
	}
	if memory {
		return memoryError(c.memory, cause)
	}
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed,
		Sentence: "The process that was working on this stopped unexpectedly.", Cause: cause}
}

// memoryError says that work needs more than a child may have; limit is in
// MB, 0 when there is none.
func memoryError(limit int, cause error) *engines.Error {
	sentence := "This needs more memory than there is."
	if limit > 0 {
		sentence = fmt.Sprintf("This needs more memory than the %d MB a worker process may use.", limit)
	}
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeOutOfMemory, Sentence: sentence, Cause: cause}
}

// alive is false from the moment the end was noticed.
func (c *child) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.ended
}

// wasPlanned tells whether the child was asked to end.
func (c *child) wasPlanned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.planned
}

// kill ends the child and everything it started at once. It does not wait.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.group.kill(c.cmd.Process)
	}
}

// end asks the child to end by closing its stdin and kills it after a grace
// time. It does not wait.
func (c *child) end() {
	c.mu.Lock()
	c.planned = true
	if !c.ended && c.grace == nil {
		c.grace = time.AfterFunc(endGrace, c.kill)
	}
	c.mu.Unlock()
	_ = c.stdin.Close() // an error means that it is gone already
}
