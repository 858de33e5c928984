package pdf

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"

	"intray/daemon/document"
)

// The layer of a page is one content stream: a text object for every line, in
// rendering mode 3 (invisible), each word scaled to its own width and followed
// by a space that fills the gap to the next word (ISO 32000-1, 9.3 and 9.4).

// write appends the page's text to out, in the page's user space. resource is
// the font's name in the page's resources.
func (l Layer) write(out *bytes.Buffer, c *codes, resource string) error {
	pageToUser, ok := l.UserToPage.Inverse()
	if !ok {
		return fmt.Errorf("page %d: user space does not map to the page", l.Page.Number)
	}
	out.WriteString("q\n")
	for _, block := range l.Page.Blocks {
		for _, line := range block.Lines {
			writeLine(out, c, resource, line, pageToUser)
		}
	}
	out.WriteString("Q\n")
	return nil
}

// placedWord is a word in its line's own frame: distance along the baseline
// and width, both in points.
type placedWord struct {
	text          string
	start, length float64
}

func writeLine(out *bytes.Buffer, c *codes, resource string, line document.Line, pageToUser document.Matrix) {
	f := newFrame(line)
	words, ascent := f.place(line.Words)
	size := ascent * emPerAscent
	if len(words) == 0 || !(size > 0.1) || math.IsInf(size, 0) {
		return
	}
	fmt.Fprintf(out, "BT\n3 Tr /%s %s Tf\n", resource, number(size))
	ax, ay := pageToUser.Vector(f.dx, f.dy)
	ux, uy := pageToUser.Vector(f.dy, -f.dx)
	for i, w := range words {
		x, y := pageToUser.Apply(f.x+f.dx*w.start, f.y+f.dy*w.start)
		fmt.Fprintf(out, "%s %s %s %s %s %s Tm ", number(ax), number(ay), number(ux), number(uy), number(x), number(y))
		show(out, c, w.text, w.length, size)
		if i+1 < len(words) {
			gap := words[i+1].start - w.start - w.length
			show(out, c, " ", max(gap, size*0.05), size)
		}
	}
	out.WriteString("ET\n")
}

// show writes text stretched to length: Tz is the horizontal scaling in percent.
func show(out *bytes.Buffer, c *codes, text string, length, size float64) {
	n := 0
	var hex []byte
	for _, r := range text {
		hex = fmt.Appendf(hex, "%04X", c.of(r))
		n++
	}
	scale := 100 * length / (float64(n) * size * glyphAdvance / fontUnits)
	fmt.Fprintf(out, "%s Tz <%s> Tj\n", number(scale), hex)
}

// frame is a line's own frame: the start of its baseline and the direction of
// reading, a unit vector on the page (y down).
type frame struct {
	x, y, dx, dy float64
}

func newFrame(line document.Line) frame {
	b := line.Baseline
	dx, dy := b[2]-b[0], b[3]-b[1]
	length := math.Hypot(dx, dy)
	if !(length > 0) {
		return frame{x: line.Box[0], y: line.Box[3], dx: 1}
	}
	return frame{x: b[0], y: b[1], dx: dx / length, dy: dy / length}
}

// place measures the words along the baseline and returns the line's height
// above it: that of its upper quartile, since an engine's box now and then
// reaches into the line above.
func (f frame) place(words []document.Word) (out []placedWord, ascent float64) {
	var heights []float64
	for _, w := range words {
		along, across := f.extent(w.Box)
		cx, cy := (w.Box[0]+w.Box[2])/2-f.x, (w.Box[1]+w.Box[3])/2-f.y
		out = append(out, placedWord{text: w.Text, start: cx*f.dx + cy*f.dy - along/2, length: along})
		heights = append(heights, cx*f.dy-cy*f.dx+across/2)
	}
	if len(heights) == 0 {
		return nil, 0
	}
	slices.Sort(heights)
	return out, heights[len(heights)*3/4]
}

// extent undoes the growth of an upright box around slanted text: a word of
// length l and height h at angle a has a box of l·cos a + h·sin a by
// l·sin a + h·cos a.
func (f frame) extent(b document.Box) (along, across float64) {
	w, h := b[2]-b[0], b[3]-b[1]
	cos, sin := math.Abs(f.dx), math.Abs(f.dy)
	det := cos*cos - sin*sin
	if math.Abs(det) > 0.5 {
		along, across = (w*cos-h*sin)/det, (h*cos-w*sin)/det
	}
	if along <= 0 || across <= 0 { // a short word at a steep angle: its box says little
		along, across = max(w*cos, h*sin), max(h*cos, w*sin)
	}
	return max(along, 0.1), max(across, 0.1)
}

// number writes a PDF real: no exponent, no "-0" (ISO 32000-1, 7.3.3).
func number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	s := strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}
