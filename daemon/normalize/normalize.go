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
	"strings"

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

func blocks(in []engines.Block, g document.Geometry) []document.Block {
	var out []document.Block
	for _, b := range in {
		block := document.Block{Kind: b.Kind}
		for _, l := range b.Lines {
			line, ok := line(l, g)
			if !ok {
				continue
			}
			if block.Lines == nil {
				block.Box = line.Box
			}
			block.Lines = append(block.Lines, line)
			block.Box = document.Box{min(block.Box[0], line.Box[0]), min(block.Box[1], line.Box[1]),
				max(block.Box[2], line.Box[2]), max(block.Box[3], line.Box[3])}
		}
		if len(block.Lines) > 0 {
			out = append(out, block)
		}
	}
	return out
}

// line drops words that lie off the page: a picture may reach beyond the crop box.
func line(l engines.Line, g document.Geometry) (document.Line, bool) {
	out := document.Line{Box: box(l, l.Box, g), Baseline: baseline(l, g)}
	for _, w := range l.Words {
		b := box(l, w.Box, g)
		cx, cy := (b[0]+b[2])/2, (b[1]+b[3])/2
		if strings.TrimSpace(w.Text) == "" || cx < 0 || cy < 0 || cx > g.Width || cy > g.Height {
			continue
		}
		out.Words = append(out.Words, document.Word{Text: w.Text, Box: b, Confidence: round4(clamp(w.Confidence))})
	}
	return out, len(out.Words) > 0
}

// box maps a box of a line to the page. An engine's upright box around text
// that leans by angle a is l·cos a + h·sin a by l·sin a + h·cos a for a length l
// and a height h; these are found again and the box is drawn around the leaning
// rectangle as it lies on the page, so that it fits when the page is straight.
func box(l engines.Line, b engines.Box, g document.Geometry) document.Box {
	w, h := b.X1-b.X0, b.Y1-b.Y0
	cos, sin := 1.0, 0.0
	if l.HasBaseline && l.Angle == 0 {
		n := math.Hypot(1, l.Slope)
		cos, sin = 1/n, l.Slope/n
	}
	length, height := w, h
	if det := cos*cos - sin*sin; det > 0.5 {
		length, height = (w*cos-h*math.Abs(sin))/det, (h*cos-w*math.Abs(sin))/det
	}
	if !(length > 0 && height > 0.3*h) { // the box is too small to say
		length, height, cos, sin = w, h, 1, 0
	}
	cx, cy := g.ImageToPage.Apply((b.X0+b.X1)/2, (b.Y0+b.Y1)/2)
	ax, ay := g.ImageToPage.Vector(cos*length, sin*length)
	ux, uy := g.ImageToPage.Vector(-sin*height, cos*height)
	dx, dy := (math.Abs(ax)+math.Abs(ux))/2, (math.Abs(ay)+math.Abs(uy))/2
	return roundBox(document.Box{cx - dx, cy - dy, cx + dx, cy + dy})
}

// baseline finds the two ends of the line the letters stand on. hOCR gives it
// for upright text only (hOCR 1.2, "baseline"); for turned text it is where
// most words end, since fewer words than not have descenders.
func baseline(l engines.Line, g document.Geometry) document.Box {
	b := l.Box
	foot := func(edge func(engines.Box) float64) float64 {
		edges := make([]float64, len(l.Words))
		for i, w := range l.Words {
			edges[i] = edge(w.Box)
		}
		slices.Sort(edges)
		return edges[len(edges)/2]
	}
	var x0, y0, x1, y1 float64
	switch {
	case l.HasBaseline && l.Angle == 0:
		x0, x1, y0 = b.X0, b.X1, b.Y1+l.Offset
		y1 = y0 + l.Slope*(b.X1-b.X0)
	case len(l.Words) == 0:
		x0, y0, x1, y1 = b.X0, b.Y1, b.X1, b.Y1
	case l.Angle == 90: // reads upwards, feet to the right
		x0 = foot(func(w engines.Box) float64 { return w.X1 })
		y0, x1, y1 = b.Y1, x0, b.Y0
	case l.Angle == 180: // upside down
		y0 = foot(func(w engines.Box) float64 { return w.Y0 })
		x0, x1, y1 = b.X1, b.X0, y0
	case l.Angle == 270: // reads downwards, feet to the left
		x0 = foot(func(w engines.Box) float64 { return w.X0 })
		y0, x1, y1 = b.Y0, x0, b.Y1
	default:
		y0 = foot(func(w engines.Box) float64 { return w.Y1 })
		x0, x1, y1 = b.X0, b.X1, y0
	}
	px0, py0 := g.ImageToPage.Apply(x0, y0)
	px1, py1 := g.ImageToPage.Apply(x1, y1)
	return roundBox(document.Box{px0, py0, px1, py1})
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

// Text is one page's share of the whole text: a line break after every line, an
// empty line between blocks, a form feed before every page but the first.
func Text(p document.Page) string {
	var out strings.Builder
	if p.Number > 1 {
		out.WriteByte('\f')
	}
	for j, b := range p.Blocks {
		if j > 0 {
			out.WriteByte('\n')
		}
		for _, l := range b.Lines {
			for k, w := range l.Words {
				if k > 0 {
					out.WriteByte(' ')
				}
				out.WriteString(w.Text)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
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
