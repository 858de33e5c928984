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
	// Kept is true when Result is the page's own text, its boxes in points.
	Kept bool
	// Reason says why, in a sentence, where there is something to say.
	Reason string
	// Ink is the share of dark pixels, 0..1; of no meaning when Kept.
	Ink    float64
	Engine string
	Result engines.PageResult
}

// blankInk is the share of dark pixels below which a page without words counts
// as blank: about three letters on an A4 sheet, or the dust of a dirty glass.
const blankInk = 0.0005

// A page is straightened from leastSkew degrees on, where readers of the PDF
// begin to mix up its lines, up to mostSkew; more is no slip of the feeder.
const (
	leastSkew = 0.2
	mostSkew  = 15
)

// Page maps one reading and says what was decided about the page.
func Page(r Reading) (document.Page, []document.Warning) {
	g := r.Geometry
	if r.Kept {
		g.ImageToPage = document.Identity()
	}
	p := document.Page{Number: r.Number, Width: round(g.Width), Height: round(g.Height), Rotation: g.Rotation, Engine: r.Engine}
	p.Blocks = blocks(r.Result.Blocks, g)
	if angle := skew(p.Blocks); !r.Kept && !g.Fixed && math.Abs(angle) >= leastSkew && math.Abs(angle) <= mostSkew {
		p.Skew = angle
		g.ImageToPage = g.ImageToPage.Then(document.Straighten(g.Width, g.Height, angle))
		p.Blocks = blocks(r.Result.Blocks, g)
	}
	p.Confidence, p.WorstConfidence = confidence(p.Blocks)
	return decide(p, r)
}

func decide(p document.Page, r Reading) (document.Page, []document.Warning) {
	switch {
	case r.Kept:
		p.Decision, p.Engine = document.DecisionKept, ""
		return p, []document.Warning{{Code: "kept_text", Message: r.Reason, Page: r.Number}}
	case len(p.Blocks) > 0:
		p.Decision = document.DecisionOCR
		return p, nil
	case r.Ink < blankInk:
		p.Decision, p.Confidence, p.WorstConfidence = document.DecisionBlank, 1, 1
		return p, []document.Warning{{Code: "blank_page", Page: r.Number,
			Message: fmt.Sprintf("The page is blank: %.3f %% of it is dark.", 100*r.Ink)}}
	}
	p.Decision = document.DecisionOCR
	return p, []document.Warning{{Code: "no_text_found", Page: r.Number,
		Message: fmt.Sprintf("No text was found, though %.2f %% of the page is dark: a picture, or writing the engine cannot read.", 100*r.Ink)}}
}

// Failed is a page that could not be read; its size may be unknown.
func Failed(number int, engine string, cause *engines.Error) (document.Page, document.Warning) {
	p := document.Page{Number: number, Decision: document.DecisionFailed, Engine: engine}
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

func roundBox(b document.Box) document.Box {
	for i := range b {
		b[i] = round(b[i])
	}
	return b
}
