package normalize

import (
	"math"
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/engines"
)

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
	out := document.Line{Box: box(l, l.Box, g), Baseline: baseline(l, g), Handwritten: l.Handwritten}
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
	case l.Angle == 270 || l.Downwards: // feet to the left, or none
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
