package enginetest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"intray/engines"
	"intray/engines/enginetest/servers"
)

// Suite is the conformance suite of a Recognizer. New makes a fresh one; its
// default language reads English. Images is false for engines that do not look
// at the picture (fakes): then what is read is not compared with what is drawn.
type Suite struct {
	New    func(t *testing.T) engines.Recognizer
	Images bool
}

// Secret is written on a damaged page, and tests whose engine has a key plant
// it there; no error may show it.
const Secret = servers.Secret

// Run runs every promise as a subtest.
func (s Suite) Run(t *testing.T) {
	t.Run("reads", s.reads)
	t.Run("cancelled before", s.cancelledBefore)
	t.Run("cancelled during", s.cancelledDuring)
	t.Run("empty page", s.emptyPage)
	t.Run("damaged", s.damaged)
	t.Run("parallel", s.parallel)
	t.Run("missing language", s.missingLanguage)
	t.Run("closing twice", s.closingTwice)
}

func (s Suite) engine(t *testing.T) engines.Recognizer {
	t.Helper()
	e := s.New(t)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func drawn(t *testing.T, lines ...string) engines.Page {
	t.Helper()
	image, err := DrawPage(lines...)
	if err != nil {
		t.Fatal(err)
	}
	return engines.Page{Image: image, DPI: PageDPI}
}

func (s Suite) reads(t *testing.T) {
	e := s.engine(t)
	page := drawn(t, "The quick brown fox", "jumps over the lazy dog", "and counts 4711 ships")
	before := bytes.Clone(page.Image)
	result, err := e.Recognize(t.Context(), page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, page.Image) {
		t.Error("the input was changed")
	}
	CheckResult(t, result)
	if result.Width != pageWidth || result.Height != pageHeight {
		t.Errorf("a page of %d by %d pixels", result.Width, result.Height)
	}
	if text := Text(result); s.Images && text != "The quick brown fox\njumps over the lazy dog\nand counts 4711 ships\n" {
		t.Errorf("read %q", text)
	}
	if caps := e.Capabilities(); caps.Kind == "" || len(caps.Types) == 0 || !reflect.DeepEqual(caps, e.Capabilities()) {
		t.Errorf("capabilities %+v", caps)
	}
}

func (s Suite) cancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.engine(t).Recognize(ctx, drawn(t, "too late")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func (s Suite) cancelledDuring(t *testing.T) {
	e := s.engine(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	page := drawn(t, "one", "two", "three")
	done := make(chan error, 1)
	watched := &watchedContext{Context: ctx, seen: make(chan struct{})}
	go func() {
		_, err := e.Recognize(watched, page)
		done <- err
	}()
	select {
	case <-watched.seen:
		cancel()
		// The call may have been quicker than the cancellation.
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case err := <-done:
		if s.Images {
			t.Errorf("the engine never looked whether it was cancelled, and returned %v", err)
		}
	}
	if _, err := e.Recognize(t.Context(), page); err != nil {
		t.Errorf("the next page: %v", err)
	}
}

// watchedContext tells when somebody waits for its end.
type watchedContext struct {
	context.Context
	once sync.Once
	seen chan struct{}
}

// Done closes seen at the first call.
func (c *watchedContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.seen) })
	return c.Context.Done()
}

func (s Suite) emptyPage(t *testing.T) {
	result, err := s.engine(t).Recognize(t.Context(), drawn(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.Images && (len(result.Blocks) > 0 || result.Width != pageWidth || result.Height != pageHeight) {
		t.Errorf("found on an empty page: %+v", result)
	}
}

func (s Suite) damaged(t *testing.T) {
	e := s.engine(t)
	whole := drawn(t, "torn").Image
	file := filepath.Join(t.TempDir(), "page.png")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, image := range map[string][]byte{
		"nothing": nil,
		"noise":   []byte("this is no picture at all: " + Secret),
		"torn":    whole[:len(whole)/10],
		// What is on the page must not make the engine open files.
		"name of a file": []byte(file + "\n"),
	} {
		before := bytes.Clone(image)
		_, err := e.Recognize(t.Context(), engines.Page{Image: image})
		wantTerminal(t, name, err)
		if !bytes.Equal(before, image) {
			t.Errorf("%s: the input was changed", name)
		}
	}
	if _, err := e.Recognize(t.Context(), drawn(t, "still working")); err != nil {
		t.Errorf("after damaged pages: %v", err)
	}
}

// wantTerminal holds a failure to what every failure promises.
func wantTerminal(t *testing.T, name string, err error) *engines.Error {
	t.Helper()
	failure, ok := engines.AsError(err)
	if !ok || failure.Kind != engines.Terminal || failure.Code == "" || failure.Sentence == "" {
		t.Errorf("%s: got %v", name, err)
		return &engines.Error{}
	}
	if strings.Contains(err.Error(), Secret) {
		t.Errorf("%s: the error shows a secret: %v", name, err)
	}
	return failure
}

func (s Suite) parallel(t *testing.T) {
	e := s.engine(t)
	pages := []engines.Page{drawn(t, "first page"), drawn(t, "second page"), drawn(t, "third page"), drawn(t, "fourth page")}
	serial := make([]engines.PageResult, len(pages))
	for i, p := range pages {
		var err error
		if serial[i], err = e.Recognize(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for i, p := range pages {
		group.Go(func() {
			result, err := e.Recognize(t.Context(), p)
			if err != nil || !reflect.DeepEqual(result, serial[i]) {
				t.Errorf("page %d: %v, %q instead of %q", i, err, Text(result), Text(serial[i]))
			}
		})
	}
	group.Wait()
}

func (s Suite) missingLanguage(t *testing.T) {
	page := drawn(t, "saluton")
	page.Languages = []string{"xx_none"}
	_, err := s.engine(t).Recognize(t.Context(), page)
	// It can be installed: the document waits for that.
	if failure, ok := engines.AsError(err); !ok || failure.Kind != engines.Retryable || failure.Code != engines.CodeNoLanguage {
		t.Errorf("got %v", err)
	}
}

func (s Suite) closingTwice(t *testing.T) {
	e := s.New(t)
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Errorf("got %v", err)
	}
}

// CheckResult holds a result to what every PageResult promises.
func CheckResult(t testing.TB, r engines.PageResult) {
	t.Helper()
	inside := func(inner, outer engines.Box) bool {
		return inner.X0 >= outer.X0 && inner.Y0 >= outer.Y0 && inner.X1 <= outer.X1 && inner.Y1 <= outer.Y1 &&
			inner.X0 <= inner.X1 && inner.Y0 <= inner.Y1
	}
	page := engines.Box{X1: float64(r.Width), Y1: float64(r.Height)}
	for _, b := range r.Blocks {
		if !inside(b.Box, page) {
			t.Errorf("block %v outside of the page %v", b.Box, page)
		}
		for _, l := range b.Lines {
			if !inside(l.Box, b.Box) || len(l.Words) == 0 {
				t.Errorf("line %v with %d words in block %v", l.Box, len(l.Words), b.Box)
			}
			if !finite(l.Slope) || !finite(l.Offset) || !finite(l.Angle) || !finite(l.Size) || !finite(l.Descenders) {
				t.Errorf("line with a number that is none: %+v", l)
			}
			for _, w := range l.Words {
				if !inside(w.Box, l.Box) || w.Text == "" || !(w.Confidence >= 0 && w.Confidence <= 1) {
					t.Errorf("word %+v in line %v", w, l.Box)
				}
			}
		}
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Text is what a result says, a line a line.
func Text(r engines.PageResult) string {
	var out strings.Builder
	for _, b := range r.Blocks {
		for _, l := range b.Lines {
			for i, w := range l.Words {
				if i > 0 {
					out.WriteByte(' ')
				}
				out.WriteString(w.Text)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}
