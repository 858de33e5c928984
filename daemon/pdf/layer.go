package pdf

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode"

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
	for _, block := range l.Page.Blocks[min(l.Kept, len(l.Page.Blocks)):] {
		for _, line := range block.Lines {
			writeLine(out, c, resource, line, pageToUser)
		}
	}
	out.WriteString("Q\n")
	return nil
}

// leastGap is the distance of two words, in ems of their line, from which on
// Poppler, PDFium and pdf.js all see two.
const leastGap = 0.2

// mostGap is the distance of two words up to which pdf.js puts them together
// before it looks for the order in which a line is read.
const mostGap = 0.55

// placed is a word, or the space after one, on the page: its characters from
// left to right, where its baseline starts, and how long it is in points along
// the line's axis.
type placed struct {
	chars        []string
	x, y, length float64
}

func writeLine(out *bytes.Buffer, c *codes, resource string, line document.Line, pageToUser document.Matrix) {
	f := newFrame(line)
	words, ascent := f.place(line.Words)
	size := ascent * emPerAscent
	if len(words) == 0 || !(size > 0.1) || math.IsInf(size, 0) {
		return
	}
	most := math.Inf(1)
	if rtl, mixed := direction(line.Words); mixed {
		f.visual(words, rtl)
		most = size * mostGap
	}
	f.space(words, size*leastGap, most)
	fmt.Fprintf(out, "BT\n3 Tr /%s %s Tf\n", resource, number(size))
	ax, ay := pageToUser.Vector(f.ax, f.ay)
	ux, uy := pageToUser.Vector(f.up())
	for i, w := range words {
		x, y := pageToUser.Apply(w.x, w.y)
		fmt.Fprintf(out, "%s %s %s %s %s %s Tm ", number(ax), number(ay), number(ux), number(uy), number(x), number(y))
		show(out, c, w.chars, w.length, size)
		if i+1 < len(words) {
			gap := f.along(words[i+1].x-w.x, words[i+1].y-w.y) - w.length
			show(out, c, []string{" "}, max(gap, size*leastGap), size)
		}
	}
	out.WriteString("ET\n")
}

// show writes text stretched to length: Tz is the horizontal scaling in percent.
func show(out *bytes.Buffer, c *codes, chars []string, length, size float64) {
	units := 0
	var hex []byte
	for _, char := range chars {
		hex = fmt.Appendf(hex, "%04X", c.of(char))
		units += advance(char)
	}
	scale := 100 * length / (float64(units) * size / fontUnits)
	fmt.Fprintf(out, "%s Tz <%s> Tj\n", number(scale), hex)
}

// characters splits text into letters with the marks and joiners that belong
// to them.
func characters(text string) []string {
	var out []string
	for _, r := range text {
		if n := len(out); n > 0 && len(out[n-1]) < maxCharacter && (unicode.IsMark(r) || r == '\u200C' || r == '\u200D') {
			out[n-1] += string(r)
			continue
		}
		out = append(out, string(r))
	}
	return out
}

// maxCharacter bounds a character's bytes; ToUnicode takes 512 (ISO 32000-1,
// 9.10.3), and text from outside may be nothing but marks.
const maxCharacter = 64

// maxSlant is how far, as a sine, a baseline may lean from the page's axes and
// its words still be written along them.
const maxSlant = 0.34

// leastLean is the slant, as a sine, from which on letters lean.
const leastLean = 0.014 // 0.8 degrees

// frame is a line's own frame on the page (y down): a point of its baseline,
// the direction of the baseline, and the axis its words are written along.
// Words of a slightly slanted line each stand on the baseline but are level:
// readers cut a slanted word into pieces, Poppler where it rises by half a point.
type frame struct {
	x, y, dx, dy float64
	ax, ay       float64
}

func newFrame(line document.Line) frame {
	b := line.Baseline
	dx, dy := b[2]-b[0], b[3]-b[1]
	length := math.Hypot(dx, dy)
	if !(length > 0) {
		return frame{x: line.Box[0], y: line.Box[3], dx: 1, ax: 1}
	}
	f := frame{x: b[0], y: b[1], dx: dx / length, dy: dy / length}
	switch {
	case math.Abs(f.dy) <= maxSlant:
		f.ax = math.Copysign(1, f.dx)
	case math.Abs(f.dx) <= maxSlant:
		f.ay = math.Copysign(1, f.dy)
	default:
		f.ax, f.ay = f.dx, f.dy
	}
	return f
}

// up is the direction of the letters' height. pdf.js tells lines apart by it and
// takes the next line for a part of one that leans while its letters don't.
// Where the line hardly leans, pdf.js does better with upright letters.
func (f frame) up() (x, y float64) {
	if math.Abs(f.ax*f.dy-f.ay*f.dx) < leastLean {
		return f.ay, -f.ax
	}
	return f.dy, -f.dx
}

func (f frame) along(x, y float64) float64 { return x*f.ax + y*f.ay }

// place puts each word onto the baseline and returns the line's height above
// it: that of its upper quartile, since an engine's box now and then reaches
// into the line above.
func (f frame) place(words []document.Word) (out []placed, ascent float64) {
	var heights []float64
	lean := f.along(f.dx, f.dy)
	for _, w := range words {
		length, height := f.extent(w.Box)
		cx, cy := (w.Box[0]+w.Box[2])/2, (w.Box[1]+w.Box[3])/2
		// The baseline under the word's middle.
		t := f.along(cx-f.x, cy-f.y) / lean
		bx, by := f.x+t*f.dx, f.y+t*f.dy
		out = append(out, placed{chars: characters(w.Text), x: bx - f.ax*length/2, y: by - f.ay*length/2, length: length})
		heights = append(heights, (cx-bx)*f.ay-(cy-by)*f.ax+height/2)
	}
	if len(heights) == 0 {
		return nil, 0
	}
	slices.Sort(heights)
	return out, heights[len(heights)*3/4]
}

// space moves the ends of words that come closer to each other than least, so
// that readers don't take two for one, or are further apart than most but not
// in another column. No word loses more than half of its length.
func (f frame) space(words []placed, least, most float64) {
	cut := make([][2]float64, len(words)) // before and after each word
	for i := 1; i < len(words); i++ {
		a, b := words[i-1], words[i]
		gap := f.along(b.x-a.x, b.y-a.y) - a.length
		switch {
		case gap < least: // each gives what it can for its length
			share := min((least-gap)/(a.length+b.length), 0.25)
			cut[i-1][1], cut[i][0] = share*a.length, share*b.length
		case gap > most && gap < 3*most:
			cut[i-1][1], cut[i][0] = (most-gap)/2, (most-gap)/2
		}
	}
	for i := range words {
		w := &words[i]
		w.x, w.y = w.x+f.ax*cut[i][0], w.y+f.ay*cut[i][0]
		w.length -= cut[i][0] + cut[i][1]
	}
}

// extent is a word's length and height: along the page's axes those of its
// box, else what is left when the growth of an upright box around slanted text
// is undone (length·cos a + height·sin a by length·sin a + height·cos a).
func (f frame) extent(b document.Box) (length, height float64) {
	w, h := b[2]-b[0], b[3]-b[1]
	if math.Abs(f.ax) < math.Abs(f.ay) {
		w, h = h, w
	}
	length, height = w, h
	cos, sin := max(math.Abs(f.ax), math.Abs(f.ay)), min(math.Abs(f.ax), math.Abs(f.ay))
	if det := cos*cos - sin*sin; sin > 0 && det > 0.2 {
		length, height = (w*cos-h*sin)/det, (h*cos-w*sin)/det
	}
	if !(length > 0 && height > 0) { // a short word at a steep angle: its box says little
		length, height = w*cos, h*cos
	}
	return max(length, 0.1), max(height, 0.1)
}

// coefficient writes a matrix element, which is multiplied by thousands.
func coefficient(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e7)/1e7, 'f', -1, 64)
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
