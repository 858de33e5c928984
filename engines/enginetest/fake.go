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
			return engines.PageResult{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeNoLanguage, Sentence: "No such language."}
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
