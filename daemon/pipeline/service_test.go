package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intray/daemon/config"
	"intray/engines"
)

func down(code string) error {
	return &engines.Error{Kind: engines.Retryable, Code: code, Sentence: "It is down."}
}

func newService(atOnce int, perSecond float64) *Service {
	return &Service{Name: "cloud", Settings: config.Cloud{CallsAtOnce: atOnce, CallsPerSecond: perSecond}.Completed()}
}

// TestBreaker opens after failures in a row, lets one call through after a pause,
// and closes with the first that is answered.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(10, 1000)
		call := func(err error) error {
			time.Sleep(time.Second)
			if refused := s.enter(time.Now()); refused != nil {
				return refused
			}
			return s.call(t.Context(), func(context.Context) error { return err })
		}
		var pause *paused
		for range failuresToOpen {
			if errors.As(call(down(engines.CodeService)), &pause) {
				t.Fatal("opened too early")
			}
		}
		if !errors.As(call(nil), &pause) || !strings.Contains(pause.why, "failed 5 times in a row") {
			t.Fatalf("still closed: %v", pause)
		}
		time.Sleep(firstPause)
		if err := s.enter(time.Now()); err != nil {
			t.Fatalf("not half open: %v", err)
		}
		var b busy
		if err := s.enter(time.Now().Add(time.Second)); !errors.As(err, &b) {
			t.Errorf("two calls while half open: %v", err)
		}
		s.leave(down(engines.CodeService), time.Now())
		if status := s.Status(time.Now()); time.Until(status.Until) != 2*firstPause {
			t.Errorf("%+v", status)
		}
		time.Sleep(2 * firstPause)
		if err := errors.Join(call(nil), call(nil)); err != nil || s.Status(time.Now()).Paused != "" {
			t.Errorf("not closed: %v", err)
		}
	})
}

// TestRestraint: no more calls at once, and none sooner, than was said; what
// concerns all documents pauses the service.
func TestRestraint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(2, 4)
		if err := s.enter(time.Now()); err != nil {
			t.Fatal(err)
		}
		var b busy
		if err := s.enter(time.Now()); !errors.As(err, &b) || time.Duration(b) != 250*time.Millisecond {
			t.Errorf("too soon: %v", err)
		}
		start := time.Now()
		if err := s.wait(t.Context()); err != nil || time.Since(start) != 250*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		time.Sleep(time.Second)
		if err := s.enter(time.Now()); !errors.As(err, &b) {
			t.Errorf("a third at once: %v", err)
		}
		s.leave(&engines.Error{Kind: engines.Retryable, Code: engines.CodeRate, Sentence: "Slower.", RetryAfter: time.Minute}, time.Now())
		var pause *paused
		if err := s.enter(time.Now()); !errors.As(err, &pause) || time.Until(pause.until) != time.Minute {
			t.Errorf("after a wish to wait: %v", err)
		}
		err := s.call(t.Context(), func(context.Context) error { panic("oh") })
		if e, ok := engines.AsError(err); !ok || e.Code != engines.CodeCrashed {
			t.Errorf("a panic: %v", err)
		}
	})
}

// TestPace honours what the service wishes, within reason.
func TestPace(t *testing.T) {
	s := newService(1, 1)
	for _, c := range []struct {
		polls       int
		wish        time.Duration
		least, most time.Duration
	}{{0, 0, 5 * time.Second, 6 * time.Second}, {1000, 0, time.Minute, 72 * time.Second}, {0, 30 * time.Second, 30 * time.Second, 36 * time.Second},
		{0, 100 * time.Hour, time.Hour, 72 * time.Minute}} {
		for range 20 {
			if got := s.pace(c.polls, c.wish); got < c.least || got > c.most {
				t.Errorf("%+v: %s", c, got)
			}
		}
	}
}
