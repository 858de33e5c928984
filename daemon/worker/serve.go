package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"

	"intray/engines"
)

// stackSize is how much of a panic's stack goes into the error, in bytes.
const stackSize = 4 << 10

// ErrAbandoned is returned by Serve when its input ended while a handler was
// at work: the parent is gone and nobody waits for the answer.
var ErrAbandoned = errors.New("the parent process is gone")

// errPanicked is returned by Serve after it answered for a handler that
// panicked: what else is broken, nobody knows.
var errPanicked = errors.New("a handler panicked")

// Handler answers one kind of request. An error that is no *engines.Error is
// reported as an internal, retryable one. ctx ends when Serve returns.
type Handler func(ctx context.Context, request json.RawMessage) (answer any, err error)

// Serve answers requests one at a time until in ends, which between requests
// returns nil. It returns ErrAbandoned as soon as in ends while a handler is
// still at it; that handler, and the goroutine that reads in, are left behind,
// so the process should end. A panic of a handler is answered with an error and
// ends Serve with one; a panic of another goroutine crashes the process. worn is
// asked after each request whether another process should answer the next.
func Serve(ctx context.Context, in io.Reader, out io.Writer, handlers map[string]Handler, worn func() bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests := make(chan incoming)
	go readRequests(ctx, in, requests)
	for {
		var r incoming
		select {
		case r = <-requests:
		case <-ctx.Done():
			return ctx.Err()
		}
		if errors.Is(r.err, io.EOF) {
			return nil
		}
		if r.err != nil {
			return r.err
		}
		if err := answerOne(ctx, r.request, requests, out, handlers[r.request.Name], worn); err != nil {
			return err
		}
	}
}

// incoming is one request read, or why there will be none.
type incoming struct {
	request request
	err     error
}

// readRequests keeps reading while a handler runs: this is how the parent's
// death is noticed.
func readRequests(ctx context.Context, in io.Reader, to chan<- incoming) {
	for {
		var r incoming
		payload, err := readFrame(in, frameRequest)
		if err == nil {
			err = json.Unmarshal(payload, &r.request)
		}
		r.err = err
		select {
		case to <- r:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// answerOne runs the handler, nil for an unknown name, and writes its answer.
func answerOne(ctx context.Context, q request, requests <-chan incoming, out io.Writer, h Handler, worn func() bool) error {
	answers := make(chan answer, 1)
	go func() { answers <- handleSafely(ctx, q, h) }()
	var a answer
	select {
	case a = <-answers:
	case r := <-requests:
		if r.err != nil {
			return fmt.Errorf("%w: %w", ErrAbandoned, r.err)
		}
		return fmt.Errorf("%w: request %d came before %d was answered", errFrame, r.request.ID, q.ID)
	case <-ctx.Done():
		return ctx.Err()
	}
	a.Worn = worn()
	payload, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	if len(payload) > maxFrame {
		tooLarge := &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: "The answer is too large to be handed on.", Cause: fmt.Errorf("%d bytes", len(payload))}
		if payload, err = json.Marshal(answer{ID: q.ID, Error: toFailure(tooLarge), Last: a.Last, Worn: a.Worn}); err != nil {
			return fmt.Errorf("encode answer: %w", err)
		}
	}
	if err := writeFrame(out, frameAnswer, payload); err != nil {
		return err
	}
	if a.Last {
		return errPanicked
	}
	return nil
}

// handleSafely turns everything a handler can do on its own goroutine into an
// answer.
func handleSafely(ctx context.Context, q request, h Handler) (a answer) {
	finished := false
	defer func() {
		if v := recover(); !finished {
			a = answer{ID: q.ID, Error: toFailure(panicError(v)), Last: true}
		}
	}()
	a = answer{ID: q.ID}
	if h == nil {
		a.Error = toFailure(fmt.Errorf("worker knows no request %q", q.Name))
	} else if result, err := h(ctx, q.Body); err != nil {
		a.Error = toFailure(err)
	} else if a.Body, err = json.Marshal(result); err != nil {
		a.Error = toFailure(fmt.Errorf("encode %s answer: %w", q.Name, err))
	}
	finished = true
	return a
}

// panicError explains a panic with value v.
func panicError(v any) error {
	stack := debug.Stack()
	cause := fmt.Errorf("panic: %v\n%s", v, stack[:min(len(stack), stackSize)])
	if outOfMemory(fmt.Sprint(v)) {
		limit, _ := strconv.Atoi(os.Getenv(memoryVariable)) // for the sentence only
		return memoryError(limit, cause)
	}
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed,
		Sentence: "The process that was working on this stopped unexpectedly.", Cause: cause}
}

// ChildMain is the main of a worker process that a Pool started. It takes stdin
// and stdout for the protocol, so that whatever a library prints goes to stderr;
// sets the memory limit found in INTRAY_WORKER_MEMORY_MB; ignores interrupts,
// which also reach the parent, who decides; and serves. It returns the exit code
// 0 when the parent ended it between requests and 1 when it could not begin. In
// all other cases it ends the process itself, and what that started, because a
// handler may still be running or have left things broken.
func ChildMain(handlers map[string]Handler) int {
	// Without the parent stderr is a broken pipe; dying of a message there would
	// leave what this process started behind.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	out, err := claimStdout()
	worn := func() bool { return false }
	if err == nil {
		worn, err = limitChild(os.Getenv(memoryVariable))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "worker cannot begin: %v\n", err)
		return 1
	}
	if err := Serve(context.Background(), os.Stdin, out, handlers, worn); err != nil {
		fmt.Fprintf(os.Stderr, "worker ends: %v\n", err)
		leave()
	}
	return 0
}

// limitChild applies a memory limit in MB; "" and "0" mean none. Go's collector
// is told to work harder well before the hard limit. worn tells whether half of
// it is taken: what libraries took for one large page they do not all give back,
// and the next page would be refused for it.
func limitChild(megabytes string) (worn func() bool, err error) {
	if megabytes == "" || megabytes == "0" {
		return func() bool { return false }, nil
	}
	limit, err := strconv.ParseUint(megabytes, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", memoryVariable, err)
	}
	limit <<= 20
	debug.SetMemoryLimit(int64(limit / 10 * 8))
	base, err := limitMemory(limit)
	return func() bool {
		taken, err := dataSize()
		return err == nil && taken > base+limit/2
	}, err
}
