package enginetest

import (
	"errors"
	"testing"

	"intray/engines"
)

func TestFakeConforms(t *testing.T) {
	Suite{New: func(*testing.T) engines.Recognizer { return Fake{Says: "as told"} }}.Run(t)
}

// TestHeldFakeConforms: a fake that never ends by itself, seen through the
// wrappers that the program uses.
func TestHeldFakeConforms(t *testing.T) {
	released := make(chan struct{})
	close(released)
	Suite{New: func(*testing.T) engines.Recognizer {
		return engines.WithRecover(engines.WithLimit(Held{Fake{Says: "as told"}, released}, 2))
	}}.Run(t)
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
	garbled, err := GarbleWords{Fake{Says: "fine words"}}.Recognize(t.Context(), page)
	if err != nil || Text(garbled) != "~~~~ ~~~~~\n" || garbled.Blocks[0].Lines[0].Words[1].Confidence > 0.1 {
		t.Errorf("garbled: %+v, %v", garbled, err)
	}
	CheckResult(t, garbled)
}

func TestSequence(t *testing.T) {
	page := drawn(t, "page")
	s := &Sequence{Recognizer: Fake{Says: "one"}, Then: []engines.Recognizer{Fake{Says: "two"}, Fake{Says: "three"}}}
	for _, want := range []string{"one\n", "two\n", "three\n", "three\n"} {
		if r, err := s.Recognize(t.Context(), page); err != nil || Text(r) != want {
			t.Errorf("%q, %v; want %q", Text(r), err, want)
		}
	}
}
