// Package worker runs the work that must not run in the daemon: a pool of
// child processes, and the main loop of such a child.
//
// Decoding untrusted bytes may crash, hang or eat all memory. Here it costs one
// child. Children are the same binary under a hidden command. They stay warm
// between calls, do one thing at a time, have a time limit and, on Linux and
// Windows, a memory limit, take what they started with them when killed, are
// replaced when they die, and end when unused for a while or when the parent
// is gone. Waiting calls are served round robin over their owners.
//
// Nothing is tried twice here: a call that lost its child fails, and the ledger
// decides about another attempt.
//
// # Protocol
//
// Parent and child exchange frames over the child's stdin and stdout, one
// question, one answer. A frame is
//
//	4 bytes  magic "ITWK"
//	1 byte   protocol version, 1
//	1 byte   type: 'Q' question (to the child), 'A' answer (to the parent)
//	4 bytes  length of the payload, big endian, at most 256 MiB
//	n bytes  payload, one JSON object
//
// A question is {"id", "name", "body"}; its answer repeats the id and carries
// either "body" or "error" {"kind", "code", "sentence", "cause"}, and "last" when
// the child ends after it. There is no cancel: the parent kills. Whatever breaks
// these rules ends the child. The end of stdin tells the child to end.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"intray/engines"
)

// ErrClosed is returned by calls that a closed pool did not begin or had to
// break off. It is no failure of the document.
var ErrClosed = errors.New("worker pool is closed")

// errTimeLimit is the cause of a context whose call took too long.
var errTimeLimit = errors.New("time limit of the call")

// memoryVariable tells a child its memory limit in MB.
const memoryVariable = "INTRAY_WORKER_MEMORY_MB"

// Options say how children are started.
type Options struct {
	// Command is the child's argv; the child calls ChildMain.
	Command []string
	// Env is added to the parent's environment as "KEY=value".
	Env []string
	// Size is the most children at once; less than 1 means 1. One more runs for an
	// owner who would otherwise wait for another one's calls only.
	Size int
	// MemoryMB limits each child's memory, in MiB; 0 means no limit. On Linux it
	// is private memory on top of what a started child has, and holds for each
	// process that a child starts as well.
	MemoryMB int
	// First are the names of requests that go before others: what finishes a
	// document comes before what begins the next one.
	First []string
	// Idle is how long an unused child is kept; 0 means until Close.
	Idle time.Duration
	// Log gets children's starts, ends and stderr lines at debug; nil discards.
	Log *slog.Logger
}

// Stats are a pool's numbers at one moment. Running are the calls in a child,
// Idle the unused children, Waiting the calls without one. Restarts counts
// children that died or had to be killed since the pool was made.
type Stats struct {
	Size, Running, Idle, Waiting, Restarts int
}

// Pool hands calls to child processes, which it starts when needed. All methods
// may be called in parallel.
type Pool struct {
	o    Options
	hard context.Context // done when running calls are broken off
	stop context.CancelFunc
	work sync.WaitGroup // calls and children; grows under mu while not closed, or while a call runs

	mu       sync.Mutex
	closed   bool
	first    fairQueue // of requests in Options.First
	wasFirst bool      // the last call handed on was one of them
	queue    fairQueue
	idle     []*child // used last at the end
	running  int
	owners   map[string]int // running calls by owner
	restarts int
}

// NewPool makes a pool. It starts no process yet.
func NewPool(o Options) *Pool {
	o.Size = max(o.Size, 1)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{o: o, owners: map[string]int{}}
	p.hard, p.stop = context.WithCancel(context.Background())
	return p
}

// longestLife is how many calls a child answers before another takes its place:
// the libraries in it keep a little of every page for good.
const longestLife = 1000

// Call has a child answer the named request, both as JSON. owner is whose turn
// it takes in the queue, usually a document id. timeout counts from when a child
// took the call, 0 means no limit; on time-out, and when ctx is cancelled, the
// child is killed, and Call returns when it is gone. A nil answer drops it.
//
// Errors are: an *engines.Error as the handler returned it (the cause as text),
// or retryable with code timeout, engine_crashed, out_of_memory or
// engine_unavailable; one that matches ctx's error when ctx ended first; one
// that matches ErrClosed.
func (p *Pool) Call(ctx context.Context, owner, name string, timeout time.Duration, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode %s request: %w", name, err)
	}
	c, err := p.take(ctx, owner, name)
	if err != nil {
		return fmt.Errorf("wait for a worker to %s: %w", name, err)
	}
	defer p.work.Done()
	c, raw, err := p.run(ctx, c, name, timeout, body)
	if c != nil && (c.worn || c.lastID >= longestLife) {
		c.end()
		c = nil
	}
	p.release(c, owner)
	if err != nil {
		return fmt.Errorf("worker's %s: %w", name, err)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("decode %s answer: %w", name, err)
	}
	return nil
}

// take waits for a turn and returns the child to use, nil to start one. Without
// an error, the caller owes a release and a work.Done.
func (p *Pool) take(ctx context.Context, owner, name string) (*child, error) {
	p.mu.Lock()
	if err := ctx.Err(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	p.work.Add(1)
	if p.running < p.o.Size || p.express(owner) {
		p.running++
		p.owners[owner]++
		c := p.popIdle()
		p.mu.Unlock()
		return c, nil
	}
	queue := &p.queue
	if slices.Contains(p.o.First, name) {
		queue = &p.first
	}
	w := queue.push(owner)
	p.mu.Unlock()
	select {
	case c, ok := <-w.ready:
		if ok {
			return c, nil
		}
		p.work.Done()
		return nil, ErrClosed
	case <-ctx.Done():
	}
	p.mu.Lock()
	removed := queue.remove(w)
	p.mu.Unlock()
	if !removed {
		if c, ok := <-w.ready; ok { // its turn came at the same moment
			p.release(c, owner)
		}
	}
	p.work.Done()
	return nil, ctx.Err()
}

// next takes the call out whose turn it is; nil when none waits. After each that
// goes before others one of these has its turn: a long document is finished in
// many calls. p.mu is held.
func (p *Pool) next() *waiter {
	if !p.wasFirst || p.queue.length == 0 {
		if w := p.first.pop(); w != nil {
			p.wasFirst = true
			return w
		}
	}
	p.wasFirst = false
	return p.queue.pop()
}

// express is true for an owner who may go past a single other one that holds
// every place: a call of that one may take minutes. p.mu is held.
func (p *Pool) express(owner string) bool {
	return p.running == p.o.Size && len(p.owners) == 1 && p.owners[owner] == 0
}

// popIdle takes the warmest child out; nil when there is none. p.mu is held.
func (p *Pool) popIdle() *child {
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.dropIdle(c)
	return c
}

// dropIdle tells whether c was idle; it is not any more. p.mu is held.
func (p *Pool) dropIdle(c *child) bool {
	for i, other := range p.idle {
		if other == c {
			p.idle = append(p.idle[:i:i], p.idle[i+1:]...)
			if c.idle != nil {
				c.idle.Stop()
			}
			return true
		}
	}
	return false
}

// release ends an owner's turn and passes it and the child, nil if there is
// none, on.
func (p *Pool) release(c *child, owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.owners[owner]--; p.owners[owner] == 0 {
		delete(p.owners, owner)
	}
	if p.running <= p.o.Size {
		if w := p.next(); w != nil {
			p.owners[w.owner]++
			w.ready <- c
			return
		}
	}
	p.running--
	switch {
	case c == nil:
	case p.closed:
		c.end()
	case c.alive():
		p.idle = append(p.idle, c)
		if p.o.Idle > 0 {
			c.idle = time.AfterFunc(p.o.Idle, func() { p.expire(c) })
		}
	}
}

// expire ends a child that was unused for long, unless it was just taken.
func (p *Pool) expire(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropIdle(c) {
		c.end()
	}
}

// run makes the call in c, or in a new child when c is nil or dead, and returns
// the child if it can be used again.
func (p *Pool) run(ctx context.Context, c *child, name string, timeout time.Duration, body json.RawMessage) (*child, json.RawMessage, error) {
	if c == nil || !c.alive() {
		var err error
		if c, err = p.start(); err != nil {
			return nil, nil, err
		}
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, timeout, errTimeLimit)
	}
	defer cancel()
	unwatch := context.AfterFunc(limited, c.kill)
	a, err := c.call(name, body)
	if !unwatch() { // killed, even if its answer came at the same moment
		<-c.done
		if errors.Is(context.Cause(limited), errTimeLimit) {
			return nil, nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeTimeout,
				Sentence: fmt.Sprintf("This took longer than %s and was stopped.", timeout), Cause: err}
		}
		return nil, nil, ctx.Err()
	}
	if err != nil && p.hard.Err() != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	if err != nil {
		return nil, nil, err
	}
	c.worn = a.Worn
	if a.Last { // it is about to end; its word is not needed for that
		c.kill()
		<-c.done
		c = nil
	}
	if a.Error != nil {
		return c, nil, a.Error.err()
	}
	return c, a.Body, nil
}

// start starts a child that is killed when the pool has to close hard.
func (p *Pool) start() (*child, error) {
	p.work.Add(1)
	registered := make(chan func() bool, 1)
	c, err := startChild(p.o, func(c *child) {
		(<-registered)()
		p.bury(c)
		p.work.Done()
	})
	if err != nil {
		p.work.Done()
		code := engines.CodeUnavailable
		if engines.Environment(err) {
			code = engines.CodeEnvironment
		}
		return nil, &engines.Error{Kind: engines.Retryable, Code: code,
			Sentence: "A worker process could not be started.", Cause: err}
	}
	registered <- context.AfterFunc(p.hard, c.kill)
	return c, nil
}

// bury forgets a child that is gone.
func (p *Pool) bury(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropIdle(c)
	if !c.wasPlanned() {
		p.restarts++
	}
}

// Stats returns the pool's numbers.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Size: p.o.Size, Running: p.running, Idle: len(p.idle), Waiting: p.first.length + p.queue.length, Restarts: p.restarts}
}

// Close takes no new calls, gives waiting ones ErrClosed and lets running ones
// finish until ctx ends; then it kills. It returns when all processes are gone,
// with ctx's error if it had to kill. It may be called more than once.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	for w := p.next(); w != nil; w = p.next() {
		close(w.ready)
	}
	for c := p.popIdle(); c != nil; c = p.popIdle() {
		c.end()
	}
	p.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		p.work.Wait()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = fmt.Errorf("end worker processes: %w", ctx.Err())
	}
	p.stop()
	<-gone
	return err
}
