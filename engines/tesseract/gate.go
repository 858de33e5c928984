package tesseract

import (
	"errors"
	"sync"
)

var errClosed = errors.New("the engine is closed")

// gate counts the calls inside an engine, so that closing can wait for them.
// (A sync.WaitGroup must not be added to while it is waited for.) Safe for
// parallel use.
type gate struct {
	mu     sync.Mutex
	left   *sync.Cond
	closed bool
	inside int
}

func newGate() *gate {
	g := &gate{}
	g.left = sync.NewCond(&g.mu)
	return g
}

// enter lets one call in; each needs its leave.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return unusable(errClosed)
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.left.Broadcast()
}

// shut lets nobody in any more and returns when everybody has left.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for g.inside > 0 {
		g.left.Wait()
	}
}
