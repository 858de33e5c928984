package tesseract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

// asked is a reader that notes the modes it was asked to read in.
type asked struct {
	modes      []int
	confidence int
	words      int
}

func (a *asked) version() string              { return "" }
func (a *asked) languages() ([]string, error) { return []string{"eng", "osd"}, nil }
func (a *asked) close() error                 { return nil }
func (a *asked) script(context.Context, engines.Page) (string, float64, error) {
	return "", 0, nil
}
func (a *asked) read(_ context.Context, _ engines.Page, way how) (answer, error) {
	a.modes = append(a.modes, way.mode)
	word := fmt.Sprintf("<span class='ocrx_word' title='bbox 10 10 60 40; x_wconf %d'>letters</span>", a.confidence)
	return answer{hocr: oneLine("", "bbox 10 10 60 40", strings.Repeat(word, a.words))}, nil
}

// TestAsksWhichWayIsUp only where a page does not read well.
func TestAsksWhichWayIsUp(t *testing.T) {
	for _, c := range []struct {
		mode, confidence, words int
		want                    []int
	}{
		{1, 90, 10, []int{3}}, {1, 30, 10, []int{3, 1}}, {1, 90, 2, []int{3, 1}}, {1, 0, 0, []int{3, 1}},
		{12, 90, 10, []int{11}}, {12, 30, 10, []int{11, 12}}, {6, 30, 10, []int{6}}, {3, 30, 10, []int{3}},
	} {
		r := &asked{confidence: c.confidence, words: c.words}
		e, err := build(engines.Settings{CacheDir: t.TempDir(), Decode: decode(func(o *options) { o.PageSegmentation = c.mode })},
			func(options) reader { return r })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Recognize(t.Context(), drawn(t, "x")); err != nil || !slices.Equal(r.modes, c.want) {
			t.Errorf("mode %d, %d words of confidence %d: read in modes %v, %v", c.mode, c.words, c.confidence, r.modes, err)
		}
	}
}

// TestUpsideDown: a page on its head is read, and the same engine reads the
// next one that stands upright.
func TestUpsideDown(t *testing.T) {
	lines := slices.Repeat([]string{"A page that stands on its head", "is turned before it is read."}, 3)
	page := raster(t, lines...)
	want := strings.Join(lines, "\n") + "\n"
	e := open(t, newReader)
	defer e.Close()
	for _, angle := range []float64{0, 180, 0} {
		picture := fmt.Appendf(nil, "P5 %d %d 255\n%s", page.Rect.Dx(), page.Rect.Dy(), page.Pix)
		r, err := e.Recognize(t.Context(), engines.Page{Image: picture, DPI: enginetest.PageDPI})
		if err != nil || enginetest.Text(r) != want || r.Blocks[0].Lines[0].Angle != angle {
			t.Errorf("turned by %v: %q, %v", angle, enginetest.Text(r), err)
		}
		slices.Reverse(page.Pix) // half a turn
	}
}
