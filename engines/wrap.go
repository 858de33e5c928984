package engines

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// WithTimeout bounds each call of a recognizer; past it the error is retryable.
func WithTimeout(r Recognizer, limit time.Duration) Recognizer { return timed{r, limit} }

type timed struct {
	Recognizer
	limit time.Duration
}

func (t timed) Recognize(ctx context.Context, page Page) (PageResult, error) {
	bounded, cancel := context.WithTimeout(ctx, t.limit)
	defer cancel()
	result, err := t.Recognizer.Recognize(bounded, page)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return PageResult{}, &Error{Kind: Retryable, Code: CodeTimeout,
			Sentence: fmt.Sprintf("Reading the page took longer than %s.", t.limit), Cause: err}
	}
	return result, err
}

// WithRecover turns a panic inside a recognizer into a retryable error.
func WithRecover(r Recognizer) Recognizer { return recovering{r} }

type recovering struct{ Recognizer }

func (r recovering) Recognize(ctx context.Context, page Page) (result PageResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			result = PageResult{}
			err = &Error{Kind: Retryable, Code: CodeCrashed, Sentence: "The engine broke down on this page.",
				Cause: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return r.Recognizer.Recognize(ctx, page)
}

// WithLimit lets at most n calls of a recognizer run at once (n is at least 1);
// others wait their turn or until their context ends.
func WithLimit(r Recognizer, n int) Recognizer { return limited{r, make(chan struct{}, max(n, 1))} }

type limited struct {
	Recognizer
	places chan struct{}
}

func (l limited) Recognize(ctx context.Context, page Page) (PageResult, error) {
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
		return l.Recognizer.Recognize(ctx, page)
	case <-ctx.Done():
		return PageResult{}, ctx.Err()
	}
}
