package engines_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intray/engines"
	"intray/engines/enginetest"
)

func page(t *testing.T) engines.Page {
	t.Helper()
	image, err := enginetest.DrawPage("page")
	if err != nil {
		t.Fatal(err)
	}
	return engines.Page{Image: image}
}

// wantError fails unless err is an engine's error of this kind and code.
func wantError(t *testing.T, err error, kind engines.Kind, code string) {
	t.Helper()
	if e, ok := engines.AsError(err); !ok || e.Kind != kind || e.Code != code || e.Sentence == "" {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

func TestTimeout(t *testing.T) {
	p := page(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		timed := engines.WithTimeout(enginetest.Held{Recognizer: enginetest.Fake{}, Release: release}, time.Minute)
		start := time.Now()
		_, err := timed.Recognize(t.Context(), p)
		wantError(t, err, engines.Retryable, engines.CodeTimeout)
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("waited %s", waited)
		}
		// The caller's own deadline and its cancellation are no time-out of ours.
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := timed.Recognize(hurried, p); err != context.DeadlineExceeded {
			t.Errorf("the caller's deadline became %v", err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := timed.Recognize(cancelled, p); err != context.Canceled {
			t.Errorf("the caller's cancellation became %v", err)
		}
		close(release)
		if _, err := timed.Recognize(t.Context(), p); err != nil {
			t.Errorf("in time: %v", err)
		}
	})
}

func TestRecover(t *testing.T) {
	_, err := engines.WithRecover(enginetest.Panicky{Recognizer: enginetest.Fake{}}).Recognize(t.Context(), page(t))
	wantError(t, err, engines.Retryable, engines.CodeCrashed)
	if err == nil || !strings.Contains(err.Error(), "Panicky") {
		t.Errorf("the error does not tell where: %v", err)
	}
	if _, err := engines.WithRecover(enginetest.Fake{}).Recognize(t.Context(), page(t)); err != nil {
		t.Errorf("without a panic: %v", err)
	}
}

func TestLimit(t *testing.T) {
	p := page(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		inside := &enginetest.Counted{Recognizer: enginetest.Held{Recognizer: enginetest.Fake{}, Release: release}}
		limited := engines.WithLimit(inside, 2)
		var calls sync.WaitGroup
		for range 5 {
			calls.Go(func() {
				if _, err := limited.Recognize(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := inside.Now(); n != 2 {
			t.Errorf("%d calls run at once", n)
		}
		waiting, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := limited.Recognize(waiting, p); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while waiting: %v", err)
		}
		close(release)
		calls.Wait()
		if n := inside.Total(); n != 5 {
			t.Errorf("%d calls arrived", n)
		}
	})
}

func TestLimitFreesAfterPanic(t *testing.T) {
	limited := engines.WithRecover(engines.WithLimit(enginetest.Panicky{Recognizer: enginetest.Fake{}}, 1))
	for range 2 {
		_, err := limited.Recognize(t.Context(), page(t))
		wantError(t, err, engines.Retryable, engines.CodeCrashed)
	}
}
