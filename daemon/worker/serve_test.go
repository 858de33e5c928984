package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"intray/engines"
)

// served is a Serve that the test talks to.
type served struct {
	in   *io.PipeWriter
	out  *io.PipeReader
	done chan error
	t    *testing.T
}

func serve(t *testing.T, handlers map[string]Handler) served {
	t.Helper()
	inReader, in := io.Pipe()
	out, outWriter := io.Pipe()
	s := served{in, out, make(chan error, 1), t}
	go func() { s.done <- Serve(t.Context(), inReader, outWriter, handlers, func() bool { return false }) }()
	t.Cleanup(func() { in.Close(); out.Close() })
	return s
}

func (s served) ask(q request) {
	s.t.Helper()
	payload, err := json.Marshal(q)
	if err == nil {
		err = writeFrame(s.in, frameRequest, payload)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s served) answer() answer {
	s.t.Helper()
	payload, err := readFrame(s.out, frameAnswer)
	var a answer
	if err == nil {
		err = json.Unmarshal(payload, &a)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func TestServeEndsWithItsInput(t *testing.T) {
	s := serve(t, testHandlers())
	s.ask(request{ID: 5, Name: "echo", Body: json.RawMessage(`"hello"`)})
	if a := s.answer(); a.ID != 5 || string(a.Body) != `"hello"` || a.Error != nil || a.Last {
		t.Errorf("answer is %+v", a)
	}
	s.in.Close()
	if err := <-s.done; err != nil {
		t.Errorf("Serve returned %v at the end", err)
	}
}

func TestServeDoesNotWaitForAHandlerWhenAbandoned(t *testing.T) {
	began, cancelled, hold := make(chan bool), make(chan bool), make(chan bool)
	defer close(hold)
	s := serve(t, map[string]Handler{"hang": func(ctx context.Context, _ json.RawMessage) (any, error) {
		close(began)
		<-ctx.Done()
		close(cancelled)
		<-hold // a library that does not listen
		return nil, nil
	}})
	s.ask(request{ID: 1, Name: "hang"})
	<-began
	s.in.Close()
	if err := <-s.done; !errors.Is(err, ErrAbandoned) {
		t.Errorf("Serve returned %v, want ErrAbandoned", err)
	}
	<-cancelled
}

func TestServeRefusesASecondRequest(t *testing.T) {
	hold := make(chan bool)
	defer close(hold)
	s := serve(t, map[string]Handler{"hang": func(context.Context, json.RawMessage) (any, error) { <-hold; return nil, nil }})
	s.ask(request{ID: 1, Name: "hang"})
	s.ask(request{ID: 2, Name: "hang"})
	if err := <-s.done; !errors.Is(err, errFrame) {
		t.Errorf("Serve returned %v, want a protocol error", err)
	}
}

func TestServeEndsAfterAPanic(t *testing.T) {
	s := serve(t, testHandlers())
	s.ask(request{ID: 9, Name: "panic"})
	a := s.answer()
	if !a.Last || a.ID != 9 || a.Error == nil || a.Error.Code != engines.CodeCrashed || !strings.Contains(a.Error.Cause, "handler fell over") {
		t.Errorf("answer is %+v, error %+v", a, a.Error)
	}
	if err := <-s.done; !errors.Is(err, errPanicked) {
		t.Errorf("Serve returned %v, want the panic", err)
	}
}

func TestServeEndsAtABadFrame(t *testing.T) {
	s := serve(t, testHandlers())
	if _, err := io.WriteString(s.in, "GET / HTTP/1.0\r\n"[:headerSize]); err != nil {
		t.Fatal(err)
	}
	if err := <-s.done; !errors.Is(err, errFrame) {
		t.Errorf("Serve returned %v, want a bad frame", err)
	}
}

func TestLimitChildRefusesNonsense(t *testing.T) {
	for _, s := range []string{"much", "-1", "1.5", "99999999999"} {
		if _, err := limitChild(s); err == nil {
			t.Errorf("limit %q was taken", s)
		}
	}
	for _, s := range []string{"", "0"} {
		if worn, err := limitChild(s); err != nil || worn() {
			t.Errorf("no limit %q: %v", s, err)
		}
	}
}
