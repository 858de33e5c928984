package pipeline

import (
	"context"
	"sync"
	"time"

	"intray/daemon/pages"
	"intray/daemon/worker"
)

// mostVerified is how many pages one call verifies: a few, so that other
// documents get their turn in between.
const mostVerified = 8

// verify is the publish gate: pages of the searchable PDF are compared with
// the original's, side by side.
func (a *attempt) verify(ctx context.Context, info pages.Info, readings []reading) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	size := min(max(info.Pages/(2*a.Parallel), 1), mostVerified)
	var group sync.WaitGroup
	var once sync.Once
	var first error
	slots := make(chan struct{}, a.Parallel)
	for from := 1; from <= info.Pages && ctx.Err() == nil; from += size {
		q := worker.VerifyRequest{Source: a.source(), Out: a.pdf(), Pages: a.dir, Unread: unread(readings),
			From: from, To: min(from+size-1, info.Pages)}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			timeout := a.Config.PageTimeout.Std() * time.Duration(1+(q.To-q.From)/4)
			if err := a.call(ctx, worker.Verify, timeout, q, nil); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	group.Wait()
	if first == nil {
		return ctx.Err()
	}
	return first
}

// unread lists the pages that could not be read.
func unread(readings []reading) (out []int) {
	for i, r := range readings {
		if r.err != nil {
			out = append(out, i+1)
		}
	}
	return out
}
