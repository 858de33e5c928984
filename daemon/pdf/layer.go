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
	w := lineWriter{out: out, codes: c, font: resource, toUser: pageToUser}
	kept := min(l.Kept, len(l.Page.Blocks))
	c.countLines(l.Page.Blocks[:kept])
	for _, block := range l.Page.Blocks[kept:] {
		for _, line := range block.Lines {
			w.line(line)
		}
	}
	out.WriteString("Q\n")
	return nil
}

// lineWriter writes the lines of one page.
type lineWriter struct {
	out    *bytes.Buffer
	codes  *codes
	font   string
	toUser document.Matrix
	last   float64 // how far the last word was stretched; 0 before the first
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

func (l *lineWriter) line(line document.Line) {
	f := newFrame(line)
	words, ascent := f.place(line.Words)
	size := ascent * emPerAscent
	if len(words) == 0 || !(size > 0.1) || math.IsInf(size, 0) {
		return
	}
	most := math.Inf(1)
	rtl, mixed := direction(line.Words)
	if mixed {
		f.visual(words, rtl)
		most = size * mostGap
	}
	f.space(words, size*leastGap, most)
	if f.leans() {
		f.stretchFirst(words, l.last, size)
	}
	l.codes.count(len(words), rtl)
	fmt.Fprintf(l.out, "BT\n3 Tr /%s %s Tf\n", l.font, number(size))
	ax, ay := l.toUser.Vector(f.ax, f.ay)
	ux, uy := l.toUser.Vector(f.up())
	for i, w := range words {
		x, y := l.toUser.Apply(w.x, w.y)
		fmt.Fprintf(l.out, "%s %s %s %s %s %s Tm ", number(ax), number(ay), number(ux), number(uy), number(x), number(y))
		l.show(w, size)
		if i+1 < len(words) {
			gap := f.along(words[i+1].x-w.x, words[i+1].y-w.y) - w.length
			l.show(placed{chars: []string{" "}, length: max(gap, size*leastGap)}, size)
		}
	}
	l.last = words[len(words)-1].stretch(size)
	l.out.WriteString("ET\n")
}

// show writes characters stretched to their length: Tz is the horizontal
// scaling in percent.
func (l *lineWriter) show(w placed, size float64) {
	var hex []byte
	for _, char := range w.chars {
		hex = fmt.Appendf(hex, "%04X", l.codes.of(char))
	}
	fmt.Fprintf(l.out, "%s Tz <%s> Tj\n", number(100*w.stretch(size)), hex)
}

// stretch is the length of a word by what it is in the font.
func (w placed) stretch(size float64) float64 {
	units := 0
	for _, char := range w.chars {
		units += advance(char)
	}
	return w.length / (float64(max(units, 1)) * size / fontUnits)
}

// stretchFirst stretches the first word of a line as much as the last one before
// it, if it isn't much, and lets it end where it did: where lines lean, pdf.js
// divides positions by the stretch before it compares them, and takes two lines
// for one.
func (f frame) stretchFirst(words []placed, last, size float64) {
	w := &words[0]
	by := last / w.stretch(size)
	if by < 0.6 || by > 1.7 {
		return
	}
	grown := w.length * (by - 1)
	w.x, w.y, w.length = w.x-f.ax*grown, w.y-f.ay*grown, w.length+grown
}

// characters splits text into letters with the marks and joiners that belong to
// them. No character of text from left to right ends in a joiner, nor does one
// from right to left begin with it, which is turned about: pdf.js leaves out
// characters that end in one.
func characters(text string) []string {
	var out []string
	joiner := false // the last character is a joiner that awaits its letter
	for _, r := range text {
		if unicode.IsControl(r) {
			continue
		}
		joins := r == '\u200C' || r == '\u200D'
		if n := len(out); n > 0 && len(out[n-1]) < maxCharacter &&
			(joiner || unicode.IsMark(r) || joins && strongRight(out[n-1])) {
			out[n-1] += string(r)
			joiner = joiner && joins
			continue
		}
		out, joiner = append(out, string(r)), joins
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
const leastLean = 0.009 // half a degree

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
	if !(length > 0) || !sensible(b) {
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
	if f.leans() {
		return f.dy, -f.dx
	}
	return f.ay, -f.ax
}

func (f frame) leans() bool { return math.Abs(f.ax*f.dy-f.ay*f.dx) >= leastLean }

func (f frame) along(x, y float64) float64 { return x*f.ax + y*f.ay }

// place puts each word onto the baseline and returns the line's height above
// it: that of its upper quartile, since an engine's box now and then reaches
// into the line above.
func (f frame) place(words []document.Word) (out []placed, ascent float64) {
	var heights []float64
	lean := f.along(f.dx, f.dy)
	for _, w := range words {
		chars := characters(w.Text)
		if len(chars) == 0 || !sensible(w.Box) {
			continue
		}
		length, height := f.extent(w.Box)
		cx, cy := (w.Box[0]+w.Box[2])/2, (w.Box[1]+w.Box[3])/2
		// The baseline under the word's middle.
		t := f.along(cx-f.x, cy-f.y) / lean
		bx, by := f.x+t*f.dx, f.y+t*f.dy
		out = append(out, placed{chars: chars, x: bx - f.ax*length/2, y: by - f.ay*length/2, length: length})
		heights = append(heights, (cx-bx)*f.ay-(cy-by)*f.ax+height/2)
	}
	if len(heights) == 0 {
		return nil, 0
	}
	slices.Sort(heights)
	return out, heights[len(heights)*3/4]
}

// sensible is false for boxes that lie on no page.
func sensible(b document.Box) bool {
	for _, v := range b {
		if !(math.Abs(v) < 1e6) {
			return false
		}
	}
	return true
}

// space moves the ends of words that come closer to each other than least, so
// that readers don't take two for one, or are further apart than most but not
// in another column. No word loses more than half of its length; what lies
// within another word is moved behind it.
func (f frame) space(words []placed, least, most float64) {
	cut := make([][2]float64, len(words)) // before and after each word
	back := make([]bool, len(words))      // it ends before the word before it begins
	for i := 1; i < len(words); i++ {
		a, b := words[i-1], words[i]
		ahead := f.along(b.x-a.x, b.y-a.y)
		gap := ahead - a.length
		back[i] = ahead+b.length < 0
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
		if i == 0 || back[i] {
			continue
		}
		before := words[i-1]
		if missing := least + before.length - f.along(w.x-before.x, w.y-before.y); missing > 0 {
			w.x, w.y = w.x+f.ax*missing, w.y+f.ay*missing
		}
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
