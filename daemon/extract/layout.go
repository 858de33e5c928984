package extract

import (
	"cmp"
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// token is a word, or one side of a word with a colon in it.
type token struct {
	text, fold string
	box        document.Box
	confidence float64
	cell       int // within its row
	digit      bool
}

func newToken(text string, box document.Box, confidence float64) token {
	return token{text: text, fold: value.Fold(text), box: box, confidence: confidence, digit: strings.ContainsAny(text, "0123456789")}
}

// row is what stands side by side on a page, whatever lines an engine made of
// it, from left to right. Its cells are parted by wide gaps.
type row struct {
	tokens []token
	cells  []span
	box    document.Box
	height float64 // of its words, in points
}

// span is a range of a row's tokens.
type span struct{ from, to int }

// sheet is a page as extraction looks at it.
type sheet struct {
	number        int
	width, height float64
	rows          []row
	letter        float64 // the usual height of a word, in points
}

// wideGap parts cells: that many times the words' height, but at least
// leastGap points.
const wideGap, leastGap = 1.5, 5

// lay puts a page's lines into rows. Engines part columns into blocks of their
// own; what stands at the same height belongs together here.
func lay(p document.Page) sheet {
	s := sheet{number: p.Number, width: p.Width, height: p.Height}
	var lines [][]token
	var heights []float64
	for _, b := range p.Blocks {
		for _, l := range b.Lines {
			var line []token
			for _, w := range l.Words {
				line = append(line, tokens(w)...)
				heights = append(heights, w.Box[3]-w.Box[1])
			}
			if len(line) > 0 {
				lines = append(lines, line)
			}
		}
	}
	s.letter = max(median(heights), 1)
	slices.SortStableFunc(lines, func(a, b []token) int { return cmp.Compare(middle(a), middle(b)) })
	for _, line := range lines {
		if n := len(s.rows); n > 0 && level(s.rows[n-1].tokens, line) {
			s.rows[n-1].tokens = append(s.rows[n-1].tokens, line...)
			continue
		}
		s.rows = append(s.rows, row{tokens: line})
	}
	for i := range s.rows {
		s.rows[i].part()
	}
	return s
}

// tokens splits a word at a colon, which ends a label: "Date:12.3.2018" is two.
func tokens(w document.Word) []token {
	text, box := w.Text, w.Box
	i := strings.Index(text, ":")
	if i > 0 && i < len(text)-1 && !strings.HasPrefix(text[i:], "://") && !(isDigit(text[i-1]) && isDigit(text[i+1])) {
		at := box[0] + (box[2]-box[0])*float64(i+1)/float64(len(text))
		left, right := box, box
		left[2], right[0] = at, at
		return []token{newToken(text[:i+1], left, w.Confidence), newToken(text[i+1:], right, w.Confidence)}
	}
	return []token{newToken(text, box, w.Confidence)}
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// middle is the height at which a line's words stand.
func middle(line []token) float64 {
	sum := 0.0
	for _, t := range line {
		sum += (t.box[1] + t.box[3]) / 2
	}
	return sum / float64(len(line))
}

func wordHeight(line []token) float64 {
	var h []float64
	for _, t := range line {
		h = append(h, t.box[3]-t.box[1])
	}
	return median(h)
}

// level is true for lines that stand beside each other.
func level(a, b []token) bool {
	if d := middle(b) - middle(a); d > 0.6*min(wordHeight(a), wordHeight(b)) {
		return false
	}
	boxA, boxB := around(a), around(b)
	return overlap(boxA[0], boxA[2], boxB[0], boxB[2]) < 0.5*min(boxA[2]-boxA[0], boxB[2]-boxB[0])
}

// part sorts a row and finds its cells.
func (r *row) part() {
	slices.SortStableFunc(r.tokens, func(a, b token) int { return cmp.Compare(a.box[0], b.box[0]) })
	r.box, r.height = around(r.tokens), max(wordHeight(r.tokens), 1)
	from := 0
	for i := range r.tokens {
		if i > 0 && r.gap(i) > max(wideGap*r.height, leastGap) {
			r.cells = append(r.cells, span{from, i})
			from = i
		}
		r.tokens[i].cell = len(r.cells)
	}
	r.cells = append(r.cells, span{from, len(r.tokens)})
}

// gap is the space before token i.
func (r *row) gap(i int) float64 { return r.tokens[i].box[0] - r.tokens[i-1].box[2] }

// text is what is printed in a range of tokens.
func (r *row) text(s span) string {
	words := make([]string, 0, s.to-s.from)
	for _, t := range r.tokens[s.from:s.to] {
		words = append(words, t.text)
	}
	return strings.Join(words, " ")
}

// digits says how many tokens from one on are the fewest with a digit among them;
// more than most if there is none in so many.
func (r *row) digits(from, most int) int {
	for n := range most {
		if r.tokens[from+n].digit {
			return n + 1
		}
	}
	return most + 1
}

func (r *row) whole() string { return r.text(span{0, len(r.tokens)}) }

func (r *row) confidence(s span) float64 {
	sum := 0.0
	for _, t := range r.tokens[s.from:s.to] {
		sum += t.confidence
	}
	return sum / float64(max(s.to-s.from, 1))
}

// around is the smallest box around tokens.
func around(list []token) document.Box {
	b := list[0].box
	for _, t := range list[1:] {
		b = union(b, t.box)
	}
	return b
}

// overlap is how much two intervals share.
func overlap(a0, a1, b0, b1 float64) float64 { return max(0, min(a1, b1)-max(a0, b0)) }

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// strip is true for a page whose text is one narrow column, as on a till roll.
func (s sheet) strip() bool {
	if s.height >= 1.7*s.width {
		return true
	}
	var left, right []float64
	for _, r := range s.rows {
		if len(r.tokens) > 1 {
			left, right = append(left, r.box[0]), append(right, r.box[2])
		}
	}
	if len(left) < 6 {
		return false
	}
	slices.Sort(left)
	slices.Sort(right)
	width := right[len(right)*9/10] - left[len(left)/10]
	height := s.rows[len(s.rows)-1].box[3] - s.rows[0].box[1]
	return width < 0.6*s.width && height > 1.2*width || width < 0.45*s.width && height > 0.6*width
}
