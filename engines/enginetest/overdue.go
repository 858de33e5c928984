package enginetest

import (
	"context"
	"testing"
	"time"

	"intray/engines/enginetest/servers"
)

// whenHeard calls do as soon as the lab has another call of the kind, however long
// that takes on a busy machine.
func whenHeard(t *testing.T, lab *servers.Lab, kind servers.Call, do func()) {
	before := lab.Calls(kind)
	go func() {
		for t.Context().Err() == nil {
			if lab.Calls(kind) > before {
				do()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
}

// timeLimit is a context whose time limit is over when somebody says so.
type timeLimit struct {
	context.Context
	over chan struct{}
}

func (l timeLimit) Done() <-chan struct{} { return l.over }

func (l timeLimit) Err() error {
	select {
	case <-l.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// overdue is a context whose time limit is over while the lab is at the next call of
// the kind.
func overdue(t *testing.T, lab *servers.Lab, kind servers.Call) context.Context {
	l := timeLimit{t.Context(), make(chan struct{})}
	whenHeard(t, lab, kind, func() { close(l.over) })
	return l
}
