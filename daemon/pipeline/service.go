package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"intray/daemon/config"
	"intray/engines"
)

// Service is a cloud engine with what holds it back: calls at once, calls per
// second, and a circuit breaker. It tries nothing again. Its methods may be called
// in parallel.
type Service struct {
	Name     string
	Provider engines.Provider
	// Settings are complete.
	Settings config.Cloud
	// CallbackURL is what the provider is told to call; "" for polling only.
	CallbackURL string

	mu       sync.Mutex
	inUse    int
	next     time.Time // when the next call may begin
	line     time.Time // when the last who was sent away comes again
	failures int       // in a row
	until    time.Time // no calls before
	why      string
}

// ServiceStatus says how a service is: Paused why, and Until when.
type ServiceStatus struct {
	Paused string    `json:"paused"`
	Until  time.Time `json:"until,omitzero"`
	InUse  int       `json:"in_use"`
}

// Status is how the service is at a moment.
func (s *Service) Status(now time.Time) ServiceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := ServiceStatus{InUse: s.inUse}
	if s.until.After(now) {
		out.Paused, out.Until = s.why, s.until
	}
	return out
}

// The circuit breaker opens after failuresToOpen calls in a row that the service
// did not answer as it should. One call is let through after a pause that doubles
// from firstPause to longestServicePause.
const (
	failuresToOpen      = 5
	firstPause          = 30 * time.Second
	longestServicePause = 15 * time.Minute
	// What concerns every document of an engine is not asked again before these.
	authPause  = 5 * time.Minute
	quotaPause = time.Hour
	ratePause  = 10 * time.Second
	// busyRest is how long a document is left alone when all places are taken.
	busyRest = 500 * time.Millisecond
)

// paused is the error of a call that is not made: the service rests until a time.
type paused struct {
	until time.Time
	why   string
}

func (p *paused) Error() string { return p.why }

// busy is the error of a call that has to wait its turn for so long.
type busy time.Duration

func (b busy) Error() string { return fmt.Sprintf("its turn comes in %s", time.Duration(b)) }

// ready is nil when a call could be made now, else why not: *paused or busy.
func (s *Service) ready(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room(now)
}

// enter takes a place for one call.
func (s *Service) enter(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(now); err != nil {
		return err
	}
	s.inUse++
	s.next = now.Add(time.Duration(float64(time.Second) / s.Settings.CallsPerSecond))
	return nil
}

// room is ready under the lock.
func (s *Service) room(now time.Time) error {
	switch {
	case s.until.After(now):
		return &paused{s.until, s.why}
	case s.failures >= failuresToOpen && s.inUse > 0: // half open: one at a time
		return busy(busyRest)
	case s.inUse >= s.Settings.CallsAtOnce:
		return busy(busyRest)
	case s.next.After(now):
		return busy(s.next.Sub(now))
	}
	return nil
}

// enterFor takes a place for a call about a job. One whose answer is in memory calls
// nobody: it waits neither for its turn nor for the end of a pause.
func (s *Service) enterFor(job engines.Job, now time.Time) error {
	if !engines.InMemory(job) {
		return s.enter(now)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inUse++
	return nil
}

// leave gives the place back and learns from the call.
func (s *Service) leave(err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inUse--
	e, failed := engines.AsError(err)
	if err != nil && !failed { // the caller's own stop
		return
	}
	pause := func(least time.Duration, why string) {
		s.until, s.why = now.Add(max(least, e.RetryAfter)), why
	}
	switch {
	case !failed:
		s.failures = 0
	case e.Code == engines.CodeAuth:
		pause(authPause, "The engine "+s.Name+" is paused: "+e.Sentence)
	case e.Code == engines.CodeQuota:
		pause(quotaPause, "The engine "+s.Name+" is paused: "+e.Sentence)
	case e.Code == engines.CodeRate:
		pause(ratePause, "The engine "+s.Name+" asks for fewer calls: "+e.Sentence)
	case broken(e):
		if s.failures++; s.failures >= failuresToOpen {
			rest := min(firstPause<<min(s.failures-failuresToOpen, 8), longestServicePause)
			pause(rest, fmt.Sprintf("The engine %s failed %d times in a row and is left alone for %s. %s", s.Name, s.failures, rest, e.Sentence))
		} else if e.RetryAfter > 0 {
			pause(0, "The engine "+s.Name+" asks to wait: "+e.Sentence)
		}
	default:
		s.failures = 0 // it answered, whatever it said of the document
	}
}

// broken is true for what speaks against the service and not the document.
func broken(e *engines.Error) bool {
	switch e.Code {
	case engines.CodeService, engines.CodeNetwork, engines.CodeSubmitUnknown, engines.CodeTimeout:
		return true
	}
	return false
}

// enginesFault is true for errors that concern every document of an engine.
func enginesFault(e *engines.Error) bool {
	switch e.Code {
	case engines.CodeAuth, engines.CodeQuota, engines.CodeRate, engines.CodeNetwork:
		return true
	}
	return false
}

// call makes one call in a place that was taken; a panic or running out of time is
// an error of the service.
func (s *Service) call(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() { s.leave(err, time.Now()) }()
	defer func() {
		if v := recover(); v != nil {
			err = &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed, Sentence: "The engine " + s.Name + " broke down.",
				Cause: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
		}
	}()
	bounded, cancel := context.WithTimeout(ctx, s.Settings.CallTimeout.Std())
	defer cancel()
	err = fn(bounded)
	if e, coded := errors.AsType[*engines.Error](err); coded && e.Code != engines.CodeQuota {
		e.RetryAfter = min(e.RetryAfter, longestWish) // a quota can last for days, a fault says nothing of them
	}
	if _, coded := errors.AsType[*engines.Error](err); err != nil && !coded && bounded.Err() != nil && ctx.Err() == nil {
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeTimeout, Cause: err,
			Sentence: fmt.Sprintf("The engine %s did not answer within %s.", s.Name, s.Settings.CallTimeout)}
	}
	return err
}

// waitFor is wait for a call about a job.
func (s *Service) waitFor(ctx context.Context, job engines.Job) error {
	if engines.InMemory(job) {
		return s.enterFor(job, time.Now())
	}
	return s.wait(ctx)
}

// wait takes a place as soon as there is one, or returns *paused or the context's
// error.
func (s *Service) wait(ctx context.Context) error {
	for {
		err := s.enter(time.Now())
		var b busy
		if !errors.As(err, &b) {
			return err
		}
		t := time.NewTimer(time.Duration(b))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}
