package normalize

import (
	"math"
	"testing"

	"intray/daemon/document"
	"intray/engines"
)

// geometry is a page of 300 x 400 points read at 2 pixels a point.
func geometry() document.Geometry {
	return document.Geometry{Width: 300, Height: 400, ImageToPage: document.Scale(0.5, 0.5)}
}

func lineOf(slope, offset float64, box engines.Box, words ...engines.Word) engines.Line {
	return engines.Line{Box: box, HasBaseline: true, Slope: slope, Offset: offset, Words: words}
}

func wordOf(text string, c, x0, y0, x1, y1 float64) engines.Word {
	return engines.Word{Text: text, Confidence: c, Box: engines.Box{X0: x0, Y0: y0, X1: x1, Y1: y1}}
}

func reading(lines ...engines.Line) Reading {
	return Reading{Number: 1, Geometry: geometry(), Read: true, Ink: 0.05, Engine: "local", Deskew: true,
		Result: engines.PageResult{Width: 600, Height: 800, Blocks: []engines.Block{{Kind: "text", Lines: lines}}}}
}

func TestPixelsBecomePoints(t *testing.T) {
	p, _, warnings := Page(reading(lineOf(0, -4, engines.Box{X0: 100, Y0: 100, X1: 300, Y1: 124},
		wordOf("Hill", 0.9, 100, 100, 180, 120), wordOf("gap", 0.5, 200, 106, 300, 124))))
	if p.Decision != document.DecisionOCR || len(warnings) != 0 || p.Width != 300 || p.Skew != 0 {
		t.Errorf("%+v, %v", p, warnings)
	}
	l := p.Blocks[0].Lines[0]
	if l.Words[0].Box != (document.Box{50, 50, 90, 60}) || l.Baseline != (document.Box{50, 60, 150, 60}) {
		t.Errorf("%+v", l)
	}
	if want := round4((4*0.9 + 3*0.5) / 7); p.Confidence != want || p.WorstConfidence != want {
		t.Errorf("confidence %v, worst %v, want %v", p.Confidence, p.WorstConfidence, want)
	}
}

// TestSlantedPageIsStraightened: three lines that lean by 2°; on the page they
// are level and their words' boxes fit again.
func TestSlantedPageIsStraightened(t *testing.T) {
	slope := math.Tan(2 * math.Pi / 180)
	var lines []engines.Line
	for i := range 3 {
		y := 200 + 100*float64(i)
		// A word of 200 x 20 pixels that leans has a box of 200.6 x 27.
		w1 := wordOf("first", 0.9, 100, y, 300.6, y+27)
		w2 := wordOf("second", 0.9, 320, y+220*slope, 520.6, y+27+220*slope)
		box := engines.Box{X0: 100, Y0: y, X1: 520.6, Y1: y + 27 + 220*slope}
		lines = append(lines, lineOf(slope, y+20-box.Y1, box, w1, w2))
	}
	p, _, _ := Page(reading(lines...))
	if math.Abs(p.Skew-2) > 0.01 {
		t.Errorf("skew %v", p.Skew)
	}
	for _, l := range p.Blocks[0].Lines {
		if math.Abs(l.Baseline[1]-l.Baseline[3]) > 0.1 || math.Abs(l.Words[0].Box[1]-l.Words[1].Box[1]) > 0.2 {
			t.Errorf("not level: %+v", l)
		}
		if h := l.Words[0].Box[3] - l.Words[0].Box[1]; math.Abs(h-10) > 0.3 {
			t.Errorf("height %v", h)
		}
	}
	fixed := reading(lines...)
	fixed.Geometry.Fixed = true
	if p, _, _ := Page(fixed); p.Skew != 0 {
		t.Errorf("a fixed page was turned by %v", p.Skew)
	}
}

func TestTurnedBaselines(t *testing.T) {
	box := engines.Box{X0: 100, Y0: 100, X1: 140, Y1: 300}
	for angle, want := range map[float64]document.Box{90: {68, 150, 68, 50}, 270: {50, 50, 50, 150}, 180: {70, 50, 50, 50}} {
		l := engines.Line{Box: box, Angle: angle, Words: []engines.Word{
			wordOf("a", 1, 100, 100, 136, 150), wordOf("b", 1, 100, 160, 136, 200), wordOf("g", 1, 100, 210, 140, 300)}}
		if angle == 180 {
			l.Words = []engines.Word{wordOf("a", 1, 100, 100, 110, 120)}
		}
		p, _, _ := Page(reading(l))
		if got := p.Blocks[0].Lines[0].Baseline; got != want {
			t.Errorf("%v: %v, want %v", angle, got, want)
		}
	}
	column := engines.Line{Box: box, Downwards: true, Words: []engines.Word{wordOf("吾輩は", 1, 100, 100, 140, 300)}}
	p, _, _ := Page(reading(column))
	if l := p.Blocks[0].Lines[0]; l.Baseline != (document.Box{50, 50, 50, 150}) || l.Words[0].Box != (document.Box{50, 50, 70, 150}) || p.Skew != 0 {
		t.Errorf("column: %+v, skew %v", l, p.Skew)
	}
}

func TestDecisions(t *testing.T) {
	empty := reading()
	empty.Ink = 0.0001
	if p, _, w := Page(empty); p.Decision != document.DecisionBlank || w[0].Code != "blank_page" {
		t.Errorf("%+v, %v", p, w)
	}
	empty.Ink = 0.2
	if p, _, w := Page(empty); p.Decision != document.DecisionOCR || w[0].Code != "no_text_found" {
		t.Errorf("%+v, %v", p, w)
	}
	own := engines.PageResult{Blocks: []engines.Block{{Kind: "text", Lines: []engines.Line{
		{Box: engines.Box{X1: 50, Y1: 10}, Words: []engines.Word{wordOf("own", 1, 10, 10, 40, 20)}}}}}}
	kept := reading()
	kept.Own, kept.Read, kept.Reason, kept.Result = &own, false, "because", engines.PageResult{}
	if p, _, w := Page(kept); p.Decision != document.DecisionKept || w[0].Message != "because" || p.Blocks[0].Lines[0].Words[0].Box != (document.Box{10, 10, 40, 20}) {
		t.Errorf("%+v, %v", p, w)
	}
	mixed := reading(lineOf(0, 0, engines.Box{X0: 20, X1: 200, Y0: 400, Y1: 420}, wordOf("read", 0.9, 20, 400, 80, 420)))
	mixed.Own, mixed.Reason = &own, "because"
	p, n, w := Page(mixed)
	if p.Decision != document.DecisionOCR || n != 1 || len(p.Blocks) != 2 || w[0].Code != "mixed_page" ||
		p.Blocks[0].Lines[0].Words[0].Box != (document.Box{10, 10, 40, 20}) || p.Blocks[1].Lines[0].Words[0].Box != (document.Box{10, 200, 40, 210}) {
		t.Errorf("%+v, %d, %v", p, n, w)
	}
	if p, w := Failed(3, "local", &engines.Error{Sentence: "It broke."}); p.Decision != document.DecisionFailed || w.Page != 3 {
		t.Errorf("%+v, %v", p, w)
	}
	off := reading(lineOf(0, 0, engines.Box{X1: 600, Y1: 10}, wordOf("on", 1, 10, 10, 40, 20), wordOf("off", 1, 700, 10, 740, 20), wordOf(" ", 1, 10, 10, 20, 20)))
	if p, _, _ := Page(off); len(p.Blocks[0].Lines[0].Words) != 1 {
		t.Errorf("words off the page: %+v", p.Blocks)
	}
}

func TestText(t *testing.T) {
	first, _, _ := Page(reading(lineOf(0, 0, engines.Box{X1: 100, Y1: 10}, wordOf("a", 1, 1, 1, 5, 9), wordOf("b", 1, 6, 1, 9, 9)),
		lineOf(0, 0, engines.Box{Y0: 20, X1: 100, Y1: 30}, wordOf("c", 1, 1, 21, 5, 29))))
	first.Blocks = append(first.Blocks, first.Blocks[0])
	third := first
	third.Number = 3
	if got := Text(first) + Text(document.Page{Number: 2}) + Text(third); got != "a b\nc\n\na b\nc\n\f\fa b\nc\n\na b\nc\n" {
		t.Errorf("%q", got)
	}
}

// TestOverAnInvisibleLayer: what an invisible layer says already is not said a
// second time, and what it does not say is.
func TestOverAnInvisibleLayer(t *testing.T) {
	line := func(words ...engines.Word) []engines.Block {
		return []engines.Block{{Kind: engines.BlockText, Box: engines.Box{X1: 100, Y1: 100}, Lines: []engines.Line{{Box: engines.Box{X1: 100, Y1: 10}, Words: words}}}}
	}
	word := func(text string, x0, x1 float64) engines.Word {
		return engines.Word{Text: text, Box: engines.Box{X0: x0, X1: x1, Y1: 10}, Confidence: 0.9}
	}
	own := engines.PageResult{Width: 100, Height: 100, Blocks: line(word("Hello", 0, 40))}
	page, kept, _ := Page(Reading{Number: 1, Geometry: document.Geometry{Width: 100, Height: 100, ImageToPage: document.Identity()}, Own: &own, Read: true,
		Result: engines.PageResult{Width: 100, Height: 100, Blocks: line(word("Hel1o", 2, 41), word("world", 45, 80))}})
	if got := Text(page); kept != 1 || got != "Hello\n\nworld\n" && got != "Hello\nworld\n" {
		t.Errorf("%d blocks are kept; text %q", kept, got)
	}
}

// TestTooSlanted: a page is not straightened when its text would be off it.
func TestTooSlanted(t *testing.T) {
	for top, off := range map[float64]bool{0: true, 100: false} {
		l := engines.Line{Box: engines.Box{X0: 10, Y0: top, X1: 190, Y1: top + 50}, HasBaseline: true, Slope: 0.26,
			Words: []engines.Word{{Text: "leaning", Box: engines.Box{X0: 10, Y0: top, X1: 50, Y1: top + 15}}, {Text: "words", Box: engines.Box{X0: 150, Y0: top, X1: 190, Y1: top + 5}}}}
		page, _, warnings := Page(Reading{Number: 1, Deskew: true, Read: true,
			Geometry: document.Geometry{Width: 200, Height: 200, ImageToPage: document.Identity()},
			Result:   engines.PageResult{Width: 200, Height: 200, Blocks: []engines.Block{{Kind: engines.BlockText, Lines: []engines.Line{l}}}}})
		if (page.Skew == 0) != off || (len(warnings) == 1) != off {
			t.Errorf("%v from the top: skew %v, %v", top, page.Skew, warnings)
		}
	}
}

// TestSlantedUnderLinks: a page that cannot be straightened says so.
func TestSlantedUnderLinks(t *testing.T) {
	l := engines.Line{Box: engines.Box{X0: 10, Y0: 10, X1: 90, Y1: 30}, HasBaseline: true, Slope: 0.05,
		Words: []engines.Word{{Text: "leaning", Box: engines.Box{X0: 10, Y0: 10, X1: 50, Y1: 25}}, {Text: "words", Box: engines.Box{X0: 55, Y0: 12, X1: 90, Y1: 30}}}}
	for _, fixed := range []bool{true, false} {
		page, _, warnings := Page(Reading{Number: 1, Deskew: true, Read: true,
			Geometry: document.Geometry{Width: 100, Height: 100, ImageToPage: document.Identity(), Fixed: fixed},
			Result:   engines.PageResult{Width: 100, Height: 100, Blocks: []engines.Block{{Kind: engines.BlockText, Lines: []engines.Line{l}}}}})
		told := len(warnings) == 1 && warnings[0].Code == "not_straightened"
		if told != fixed || (page.Skew != 0) == fixed {
			t.Errorf("fixed %v: skew %v, %v", fixed, page.Skew, warnings)
		}
	}
}
