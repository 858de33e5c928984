package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"intray/engines"
)

// ErrClosed is the answer of a pool that is closing.
var ErrClosed = errors.New("the worker pool is closed")

// Options of a Pool.
type Options struct {
	// Command is the child's argument vector; Env is added to the parent's
	// environment.
	Command []string
	Env     []string
	// Size is how many children there are at most.
	Size int
	// MemoryMB bounds each child's memory; 0 is no limit.
	MemoryMB int
	// Idle is how long a child may be unused before it is ended.
	Idle time.Duration
	Log  *slog.Logger
}

// Pool runs requests in child processes. Its methods may be called in parallel.
type Pool struct {
	o       Options
	mu      sync.Mutex
	idle    []*child
	live    map[*child]bool
	busy    int
	deaths  int
	queue   turns
	closed  bool
	drained chan struct{} // closed when closed and nothing is busy
	reaped  sync.WaitGroup
}

// NewPool starts no process yet.
func NewPool(o Options) *Pool {
	return &Pool{o: o, live: map[*child]bool{}, drained: make(chan struct{})}
}

// Stats is how busy a pool is. Deaths counts children that ended otherwise
// than by being idle or by Close.
type Stats struct{ Size, Busy, Idle, Waiting, Deaths int }

// Stats of this moment.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Size: p.o.Size, Busy: p.busy, Idle: len(p.idle), Waiting: p.queue.len(), Deaths: p.deaths}
}

// Call has a child handle one request and decodes its answer into answer.
// Owners that wait take turns, so that one page of a small document does not
// wait for all pages of a large one. timeout counts from when a child took the
// request; then, or when ctx is done, the child is killed. Errors are
// *engines.Error, ctx's error, or ErrClosed.
func (p *Pool) Call(ctx context.Context, owner, name string, timeout time.Duration, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode request %s: %w", name, err)
	}
	if err := p.acquire(ctx, owner); err != nil {
		return err
	}
	defer p.release()
	c, err := p.child()
	if err != nil {
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable, Sentence: "A worker process could not be started.", Cause: err}
	}
	raw, err := c.exchange(ctx, timeout, name, body)
	p.putBack(c, err)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("decode answer to %s: %w", name, err)
	}
	return nil
}

// acquire waits for the right to use one of Size children.
func (p *Pool) acquire(ctx context.Context, owner string) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	if p.busy < p.o.Size && p.queue.len() == 0 {
		p.busy++
		p.mu.Unlock()
		return nil
	}
	turn := p.queue.add(owner)
	p.mu.Unlock()
	select {
	case granted := <-turn.granted:
		if !granted {
			return ErrClosed
		}
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	removed := p.queue.remove(turn)
	p.mu.Unlock()
	if !removed && <-turn.granted { // granted in this very moment: hand it on
		p.release()
	}
	return ctx.Err()
}

func (p *Pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next := p.queue.next(); next != nil {
		next.granted <- true
		return
	}
	p.busy--
	if p.closed && p.busy == 0 {
		close(p.drained)
	}
}

// child takes an idle child, the one used last, or starts one.
func (p *Pool) child() (*child, error) {
	p.mu.Lock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		c.timer.Stop()
		if c.alive() {
			p.mu.Unlock()
			return c, nil
		}
	}
	p.mu.Unlock()
	c, err := startChild(p.o)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.live[c] = true
	p.mu.Unlock()
	p.reaped.Go(func() {
		<-c.dead
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.live, c)
	})
	return c, nil
}

// putBack keeps a child that answered, even with an error of its own, and
// forgets one that was killed or broke down.
func (p *Pool) putBack(c *child, err error) {
	var e *engines.Error
	answered := err == nil || errors.As(err, &e) && c.answered
	p.mu.Lock()
	defer p.mu.Unlock()
	if !answered || !c.alive() {
		p.deaths++
		c.kill()
		c.end()
		return
	}
	if p.closed {
		c.end()
		return
	}
	c.timer = time.AfterFunc(p.o.Idle, func() { p.retire(c) })
	p.idle = append(p.idle, c)
}

// retire ends a child that was idle for too long.
func (p *Pool) retire(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, one := range p.idle {
		if one == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			c.end()
			return
		}
	}
}

// Close takes no new calls, waits for those in hand until ctx is done, kills
// what is left, and returns when every process is gone. It may be called twice.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		for t := p.queue.next(); t != nil; t = p.queue.next() {
			t.granted <- false
		}
		if p.busy == 0 {
			close(p.drained)
		}
	}
	for _, c := range p.idle {
		c.timer.Stop()
		c.end()
	}
	p.idle = nil
	p.mu.Unlock()
	select {
	case <-p.drained:
	case <-ctx.Done():
		p.mu.Lock()
		for c := range p.live {
			c.kill()
		}
		p.mu.Unlock()
		<-p.drained
	}
	p.reaped.Wait()
	return nil
}
