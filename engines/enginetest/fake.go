package enginetest

import (
	"bytes"
	"context"
	"image/png"
	"slices"
	"strings"
	"sync/atomic"

	"intray/engines"
)

// Fake is a Recognizer that says what it is told, whatever page it is shown.
type Fake struct {
	// Says is the text of every page, a line a line; "" is an empty page.
	Says string
}

// Capabilities name English as the only language.
func (f Fake) Capabilities() engines.Capabilities {
	return engines.Capabilities{Kind: "fake", Types: []string{"image/png"}, Languages: []string{"eng"}}
}

// Close does nothing.
func (f Fake) Close() error { return nil }

// Recognize checks its input as a real engine does.
func (f Fake) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	if err := ctx.Err(); err != nil {
		return engines.PageResult{}, err
	}
	for _, l := range page.Languages {
		if !slices.Contains(f.Capabilities().Languages, l) {
			return engines.PageResult{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeNoLanguage, Sentence: "No such language."}
		}
	}
	img, err := png.Decode(bytes.NewReader(page.Image))
	if err != nil {
		return engines.PageResult{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadImage, Sentence: "A damaged picture.", Cause: err}
	}
	return f.result(img.Bounds().Dx(), img.Bounds().Dy()), nil
}

func (f Fake) result(width, height int) engines.PageResult {
	r := engines.PageResult{Width: width, Height: height}
	block := engines.Block{Kind: engines.BlockText, Box: engines.Box{X1: float64(width), Y1: float64(height)}}
	for text := range strings.Lines(f.Says) {
		y := float64(20 * len(block.Lines))
		line := engines.Line{Box: engines.Box{Y0: y, X1: float64(width), Y1: y + 20}}
		for i, word := range strings.Fields(text) {
			x := float64(50 * i)
			line.Words = append(line.Words, engines.Word{Text: word, Confidence: 0.9, Box: engines.Box{X0: x, Y0: y, X1: x + 45, Y1: y + 20}})
		}
		if len(line.Words) > 0 {
			block.Lines = append(block.Lines, line)
		}
	}
	if len(block.Lines) > 0 {
		r.Blocks = []engines.Block{block}
	}
	return r
}

// FailOnce fails the first call with Err and passes the others on.
type FailOnce struct {
	engines.Recognizer
	Err    error
	failed atomic.Bool
}

// Recognize fails the first time.
func (f *FailOnce) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	if f.failed.CompareAndSwap(false, true) {
		return engines.PageResult{}, f.Err
	}
	return f.Recognizer.Recognize(ctx, page)
}

// Held keeps every call until Release is closed or the call is cancelled.
type Held struct {
	engines.Recognizer
	Release <-chan struct{}
}

// Recognize waits first.
func (h Held) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	select {
	case <-h.Release:
		return h.Recognizer.Recognize(ctx, page)
	case <-ctx.Done():
		return engines.PageResult{}, ctx.Err()
	}
}

// Panicky breaks down on every page.
type Panicky struct{ engines.Recognizer }

// Recognize panics.
func (p Panicky) Recognize(context.Context, engines.Page) (engines.PageResult, error) {
	panic("the engine broke down")
}

// Sequence is a script: the first call goes to the first engine, the second to
// the second, and so on; the last one gets the rest. It has the first one's
// capabilities.
type Sequence struct {
	engines.Recognizer
	Then []engines.Recognizer
	next atomic.Int64
}

// Recognize passes the call to the engine whose turn it is.
func (s *Sequence) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	turn := min(int(s.next.Add(1))-1, len(s.Then))
	if turn == 0 {
		return s.Recognizer.Recognize(ctx, page)
	}
	return s.Then[turn-1].Recognize(ctx, page)
}

// GarbleWords turns every word into nonsense that the engine does not believe
// in itself, as a strip of dirt on the glass does.
type GarbleWords struct{ engines.Recognizer }

// Recognize garbles what the engine read.
func (g GarbleWords) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	result, err := g.Recognizer.Recognize(ctx, page)
	for _, b := range result.Blocks {
		for _, l := range b.Lines {
			for i := range l.Words {
				l.Words[i].Text, l.Words[i].Confidence = strings.Repeat("~", len(l.Words[i].Text)), 0.05
			}
		}
	}
	return result, err
}

// Counted counts calls.
type Counted struct {
	engines.Recognizer
	now, total atomic.Int64
}

// Recognize counts the call while it runs.
func (c *Counted) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	c.total.Add(1)
	c.now.Add(1)
	defer c.now.Add(-1)
	return c.Recognizer.Recognize(ctx, page)
}

// Now is how many calls run.
func (c *Counted) Now() int64 { return c.now.Load() }

// Total is how many calls came.
func (c *Counted) Total() int64 { return c.total.Load() }
