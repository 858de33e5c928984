//go:build cgo

package tesseract

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

func openLibrary(t *testing.T) (engines.Recognizer, *library) {
	t.Helper()
	e := open(t, newReader)
	t.Cleanup(func() { _ = e.Close() })
	return e, e.(*Recognizer).reader.(*library)
}

// TestStaysWarm: the next page meets the client of the page before, with its
// models, and every set of languages has its own.
func TestStaysWarm(t *testing.T) {
	e, l := openLibrary(t)
	read := func(languages ...string) {
		page := drawn(t, "warm")
		page.Languages = languages
		if _, err := e.Recognize(t.Context(), page); err != nil {
			t.Fatal(err)
		}
	}
	read()
	first := l.idle[0].Client
	read("eng")
	if len(l.idle) != 1 || l.idle[0].Client != first {
		t.Errorf("the second page met another client; there are %d", len(l.idle))
	}
	for n := 2; n <= maxIdle+2; n++ {
		read(slices.Repeat([]string{"eng"}, n)...)
	}
	if len(l.idle) != maxIdle || l.idle[0].Client == first {
		t.Errorf("%d clients stay warm", len(l.idle))
	}
}

// TestLetGo: a cancelled caller is let go while the library reads on; closing
// waits for the library.
func TestLetGo(t *testing.T) {
	e, l := openLibrary(t)
	ctx, cancel := context.WithCancel(t.Context())
	page := drawn(t, slices.Repeat([]string{"a page that takes a while to be read"}, 8)...)
	done := make(chan error, 1)
	// The lock keeps the page from being finished before it is cancelled.
	loading.Lock()
	go func() {
		_, err := e.Recognize(awaited{ctx, cancel}, page)
		done <- err
	}()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if inside(l.calls) != 1 {
		t.Error("the library is not at the page")
	}
	loading.Unlock()
	if err := e.Close(); err != nil || inside(l.calls) != 0 || len(l.idle) != 0 {
		t.Errorf("after closing: %v, %d calls, %d clients", err, inside(l.calls), len(l.idle))
	}
	_, err := e.Recognize(t.Context(), page)
	if f, ok := engines.AsError(err); !ok || f.Kind != engines.Retryable || !errors.Is(err, errClosed) {
		t.Errorf("a page after closing: %v", err)
	}
}

func inside(g *gate) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside
}

// awaited is a context that is cancelled as soon as somebody waits for it.
type awaited struct {
	context.Context
	cancel context.CancelFunc
}

// Done cancels.
func (a awaited) Done() <-chan struct{} {
	a.cancel()
	return a.Context.Done()
}

// TestStandardErrorSurvives: loading models side by side must not cost the
// process its standard error, on which it tells why it dies.
func TestStandardErrorSurvives(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: reads /proc")
	}
	before, err := os.Readlink("/proc/self/fd/2")
	if err != nil {
		t.Fatal(err)
	}
	if before == os.DevNull {
		t.Skip("skipped: standard error is the null device")
	}
	page := drawn(t, "x")
	var calls sync.WaitGroup
	// How loads meet is luck; what is lost once stays lost.
	for range 6 {
		e, _ := openLibrary(t)
		for range 3 {
			calls.Go(func() {
				if _, err := e.Recognize(t.Context(), page); err != nil {
					t.Error(err)
				}
			})
		}
	}
	calls.Wait()
	if after, err := os.Readlink("/proc/self/fd/2"); err != nil || after != before {
		t.Errorf("standard error was %s and is %s, %v", before, after, err)
	}
}

// TestMemoryStaysLevel: a hundred pages leave no pictures behind. Each is 1.6 MB
// once decoded.
func TestMemoryStaysLevel(t *testing.T) {
	e, _ := openLibrary(t)
	page := drawn(t, "again and again")
	read := func(times int) {
		for range times {
			if _, err := e.Recognize(t.Context(), page); err != nil {
				t.Fatal(err)
			}
		}
	}
	read(10)
	before := resident(t)
	read(100)
	grown := resident(t) - before
	t.Logf("grown by %d KiB over 100 pages", grown)
	if grown > 30<<10 {
		t.Errorf("grown by %d KiB over 100 pages", grown)
	}
}

// resident is how much memory the process holds, in KiB.
func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("skipped: reads /proc")
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Skip("skipped: no VmRSS in /proc")
	return 0
}

// TestWarmPagesDoNotDepend: what was read before does not change what is read.
func TestWarmPagesDoNotDepend(t *testing.T) {
	e, _ := openLibrary(t)
	var first string
	for i, text := range []string{"Invoice 2024-17", "l1I|O0 8B5S", "", "Invoice 2024-17"} {
		r, err := e.Recognize(t.Context(), drawn(t, text))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = enginetest.Text(r)
		} else if i == 3 && enginetest.Text(r) != first {
			t.Errorf("%q, before %q", enginetest.Text(r), first)
		}
	}
}
