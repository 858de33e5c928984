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

// Handler answers one kind of request.
type Handler func(ctx context.Context, request json.RawMessage) (answer any, err error)

// memoryVariable carries the memory limit, in megabytes, to the child.
const memoryVariable = "INTRAY_WORKER_MEMORY_MB"

// errPanicked ends a child whose handler panicked: its state is not trusted.
var errPanicked = errors.New("a handler panicked")

// Serve answers requests, one at a time, until in ends. It returns at once when
// in ends, even while a handler runs: then the parent is gone and nobody waits
// for the answer. The caller is expected to end the process.
func Serve(ctx context.Context, in io.Reader, out io.Writer, handlers map[string]Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests := make(chan request)
	ended := make(chan error, 1)
	go func() {
		for {
			var q request
			if err := readFrame(in, &q); err != nil {
				ended <- err
				return
			}
			select {
			case requests <- q:
			case <-ctx.Done():
				return
			}
		}
	}()
	served := make(chan error, 1)
	go func() {
		for {
			select {
			case q := <-requests:
				if err := serveOne(ctx, out, handlers, q); err != nil {
					served <- err
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	select {
	case err := <-ended:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	case err := <-served:
		return err
	}
}

func serveOne(ctx context.Context, out io.Writer, handlers map[string]Handler, q request) error {
	body, err := call(ctx, handlers, q)
	a := answer{Body: body}
	if err != nil {
		a = answer{Error: toWire(err)}
	}
	if writeErr := writeFrame(out, a); writeErr != nil {
		return writeErr
	}
	if errors.Is(err, errPanicked) {
		return err
	}
	return nil
}

func call(ctx context.Context, handlers map[string]Handler, q request) (body json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed, Sentence: "The reader broke down on this file.",
				Cause: fmt.Errorf("%w: %v\n%s", errPanicked, r, debug.Stack())}
		}
	}()
	handler, ok := handlers[q.Name]
	if !ok {
		return nil, fmt.Errorf("worker knows no request %q", q.Name)
	}
	answer, err := handler(ctx, q.Body)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// ChildMain is the hidden command: it serves requests on standard input and
// output and returns the exit code. Whatever else writes to standard output, C
// libraries above all, goes to standard error. Signals are for the parent.
func ChildMain(handlers map[string]Handler) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	out, err := claimOutput()
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	if mb, err := strconv.Atoi(os.Getenv(memoryVariable)); err == nil && mb > 0 {
		debug.SetMemoryLimit(int64(mb) << 20 * 8 / 10)
		if err := limitMemory(mb); err != nil {
			fmt.Fprintln(os.Stderr, "worker: memory is not limited:", err)
		}
	}
	if err := Serve(context.Background(), os.Stdin, out, handlers); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}
