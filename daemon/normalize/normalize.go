// Package normalize maps what an engine answered to our document: pixels to
// points of the upright page, engine words to ours, page text to one text.
//
// It is pure: no disk, no clock, no network. It judges nothing; whether the
// result is good enough is validate's question.
package normalize

import (
	"fmt"
	"math"
	"slices"

	"intray/daemon/document"
	"intray/engines"
)

// Reading is one page as a worker read it.
type Reading struct {
	Number   int
	Geometry document.Geometry
	// Own is the page's own text, which is kept, its boxes in points; nil if
	// there is none.
	Own *engines.PageResult
	// Read is true when Result is what an engine read; with Own, in the page's
	// pictures only.
	Read   bool
	Result engines.PageResult
	// Reason says in a sentence why the page was kept or read.
	Reason      string
	Orientation document.Orientation
	// Ink is the share of dark pixels, 0..1, of what was read.
	Ink    float64
	Engine string
	// Script is what the page is written in, where it was asked for.
	Script engines.Script
	// Doubtful is true where handwriting may be seen by how badly it was read: the
	// engine does not say itself.
	Doubtful bool
	// Deskew is true when the page may be straightened.
	Deskew bool
}

// blankInk is the share of dark pixels below which a page without words counts
// as blank: about three letters on an A4 sheet, or the dust of a dirty glass.
const blankInk = 0.0005

// WarnNoText is the code for a page that is not blank and on which no text was found.
const WarnNoText = "no_text_found"

// A page is straightened from leastSkew degrees on, where readers of the PDF
// begin to mix up its lines, up to mostSkew; more is no slip of the feeder.
const (
	leastSkew = 0.2
	mostSkew  = 15
	// toldSkew is what a person sees.
	toldSkew = 0.5
)

// Page maps one reading and says what was decided about the page. kept is how
// many of the page's first blocks are its own text.
func Page(r Reading) (p document.Page, kept int, warnings []document.Warning) {
	g := r.Geometry
	p = document.Page{Number: r.Number, Width: round(g.Width), Height: round(g.Height), Rotation: g.Rotation, Engine: r.Engine,
		Reason: r.Reason, Orientation: r.Orientation, Ink: round6(r.Ink)}
	p.Orientation.Confidence = round4(clamp(p.Orientation.Confidence))
	if r.Own != nil {
		points := g
		points.ImageToPage = document.Identity()
		p.Blocks = blocks(r.Own.Blocks, points)
	}
	kept = len(p.Blocks)
	read := blocks(r.Result.Blocks, g)
	angle := skew(read)
	slanted := r.Own == nil && r.Deskew && math.Abs(angle) >= leastSkew && math.Abs(angle) <= mostSkew
	why := "links, notes, form fields or a signature on it would be in the wrong place then"
	if slanted && !g.Fixed {
		straight := g
		straight.ImageToPage = g.ImageToPage.Then(document.Straighten(g.Width, g.Height, angle))
		if level := blocks(r.Result.Blocks, straight); wordCount(level) == wordCount(read) {
			p.Skew, read = angle, level
		} else {
			why = "some of its text would be off the page then"
		}
	}
	read = beside(read, p.Blocks)
	p.Blocks = append(p.Blocks, read...)
	p.Confidence, p.WorstConfidence = confidence(p.Blocks)
	warnings = decide(&p, r, len(read))
	if slanted && p.Skew == 0 && math.Abs(angle) >= toldSkew {
		warnings = append(warnings, document.Warning{Code: "not_straightened", Page: r.Number,
			Message: fmt.Sprintf("The page leans by %.1f degrees. It was not straightened, since %s.", angle, why)})
	}
	p.Languages, p.Script = r.Result.Languages, r.Script.Code
	warnings = append(warnings, written(&p, r, read)...)
	return p, kept, append(warnings, turned(p)...)
}

// wordCount is how many words lie on the page.
func wordCount(blocks []document.Block) (n int) {
	for _, b := range blocks {
		for _, l := range b.Lines {
			n += len(l.Words)
		}
	}
	return n
}

// beside leaves out words that lie on the page's own: an invisible layer says
// them already.
func beside(read, own []document.Block) []document.Block {
	if len(own) == 0 {
		return read
	}
	var out []document.Block
	for _, b := range read {
		lines := b.Lines
		b.Lines = nil
		for _, l := range lines {
			l.Words = slices.DeleteFunc(slices.Clone(l.Words), func(w document.Word) bool { return liesOn(w.Box, own) })
			if len(l.Words) > 0 {
				b.Lines = append(b.Lines, l)
			}
		}
		if len(b.Lines) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// liesOn is true when words of the blocks cover half of a box or more.
func liesOn(box document.Box, blocks []document.Block) bool {
	covered := 0.0
	for _, b := range blocks {
		for _, l := range b.Lines {
			if common(l.Box, box) == 0 {
				continue
			}
			for _, w := range l.Words {
				covered += common(w.Box, box)
			}
		}
	}
	return covered >= (box[2]-box[0])*(box[3]-box[1])/2
}

// common is the area two boxes share.
func common(a, b document.Box) float64 {
	return max(0, min(a[2], b[2])-max(a[0], b[0])) * max(0, min(a[3], b[3])-max(a[1], b[1]))
}

// decide sets the page's decision; read is how many blocks were read.
func decide(p *document.Page, r Reading, read int) []document.Warning {
	warn := func(code string) []document.Warning {
		return []document.Warning{{Code: code, Message: p.Reason, Page: r.Number}}
	}
	switch {
	case r.Own != nil && read == 0:
		p.Decision, p.Engine = document.DecisionKept, ""
		return warn("kept_text")
	case r.Own != nil:
		p.Decision = document.DecisionOCR
		return warn("mixed_page")
	case read > 0:
		p.Decision = document.DecisionOCR
		return nil
	case r.Ink < blankInk:
		p.Decision, p.Confidence, p.WorstConfidence = document.DecisionBlank, 1, 1
		p.Reason = fmt.Sprintf("The page is blank: %.3f %% of it is dark.", 100*r.Ink)
		return warn("blank_page")
	}
	p.Decision = document.DecisionOCR
	p.Reason = fmt.Sprintf("No text was found, though %.2f %% of the page is dark: a picture, or writing the engine cannot read.", 100*r.Ink)
	return warn(WarnNoText)
}

// turned tells of a page that was turned, or should perhaps have been.
func turned(p document.Page) []document.Warning {
	o := p.Orientation
	switch {
	case o.Applied:
		return []document.Warning{{Code: "rotated", Page: p.Number,
			Message: fmt.Sprintf("The page was turned by %d degrees clockwise. %s", o.Angle, o.Reason)}}
	case o.Angle != 0:
		return []document.Warning{{Code: "not_rotated", Page: p.Number,
			Message: fmt.Sprintf("Text on the page asks for a turn by %d degrees clockwise, which was not made. %s", o.Angle, o.Reason)}}
	}
	return nil
}

// Failed is a page that could not be read; its size may be unknown.
func Failed(number int, engine string, cause *engines.Error) (document.Page, document.Warning) {
	p := document.Page{Number: number, Decision: document.DecisionFailed, Engine: engine, Reason: cause.Sentence}
	return p, document.Warning{Code: "page_failed", Page: number,
		Message: fmt.Sprintf("Page %d could not be read: %s", number, cause.Sentence)}
}

// skew is the median angle of the upright lines, in degrees clockwise.
func skew(blocks []document.Block) float64 {
	var angles []float64
	for _, b := range blocks {
		for _, l := range b.Lines {
			dx, dy := l.Baseline[2]-l.Baseline[0], l.Baseline[3]-l.Baseline[1]
			if a := math.Atan2(dy, dx) * 180 / math.Pi; math.Abs(a) < 45 && len(l.Words) > 1 {
				angles = append(angles, a)
			}
		}
	}
	if len(angles) == 0 {
		return 0
	}
	slices.Sort(angles)
	return round(angles[len(angles)/2])
}

// confidence is the mean over a page's letters, and the mean of its worst line.
func confidence(blocks []document.Block) (mean, worst float64) {
	var sum, letters float64
	worst = 1
	for _, b := range blocks {
		for _, l := range b.Lines {
			var lineSum, lineLetters float64
			for _, w := range l.Words {
				n := float64(len([]rune(w.Text)))
				lineSum, lineLetters = lineSum+n*w.Confidence, lineLetters+n
			}
			sum, letters = sum+lineSum, letters+lineLetters
			worst = min(worst, lineSum/lineLetters)
		}
	}
	if letters == 0 {
		return 0, 0
	}
	return round4(sum / letters), round4(worst)
}

func clamp(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(v, 1)
}

// round keeps hundredths of a point: 3.5 micrometres.
func round(v float64) float64  { return math.Round(v*100) / 100 }
func round4(v float64) float64 { return math.Round(v*10000) / 10000 }
func round6(v float64) float64 { return math.Round(v*1e6) / 1e6 }

func roundBox(b document.Box) document.Box {
	for i := range b {
		b[i] = round(b[i])
	}
	return b
}
