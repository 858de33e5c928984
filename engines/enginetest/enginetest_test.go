package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"intray/engines"
)

func TestFakeConforms(t *testing.T) {
	Suite{New: func(*testing.T) engines.Recognizer { return Fake{Says: "as told"} }}.Run(t)
}

func TestFaults(t *testing.T) {
	page := drawn(t, "page")
	broken := errors.New("broken")
	once := &FailOnce{Recognizer: Fake{Says: "fine"}, Err: broken}
	if _, err := once.Recognize(t.Context(), page); !errors.Is(err, broken) {
		t.Errorf("first call: %v", err)
	}
	if r, err := once.Recognize(t.Context(), page); err != nil || Text(r) != "fine\n" {
		t.Errorf("second call: %q, %v", Text(r), err)
	}
	if _, err := engines.WithRecover(Panicky{Fake{}}).Recognize(t.Context(), page); !isKind(err, engines.Retryable, engines.CodeCrashed) {
		t.Errorf("a panic became %v", err)
	}
	slow := engines.WithTimeout(Held{Fake{}, nil}, time.Millisecond)
	if _, err := slow.Recognize(t.Context(), page); !isKind(err, engines.Retryable, engines.CodeTimeout) {
		t.Errorf("a hanging engine became %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engines.WithTimeout(Held{Fake{}, nil}, time.Hour).Recognize(ctx, page); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call became %v", err)
	}
}

func isKind(err error, kind engines.Kind, code string) bool {
	e, ok := engines.AsError(err)
	return ok && e.Kind == kind && e.Code == code
}
