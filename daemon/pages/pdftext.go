package pages

import (
	"math"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"

	"intray/daemon/document"
	"intray/engines"
)

// textResult groups PDFium's characters into words and lines; PDFium itself
// puts the spaces and line breaks between them.
func textResult(chars []*responses.GetPageTextStructuredChar, g document.Geometry) engines.PageResult {
	b := textBuilder{geometry: g}
	for _, ch := range chars {
		for _, r := range ch.Text {
			b.add(r, ch.PointPosition)
		}
	}
	b.endLine()
	result := engines.PageResult{Width: int(math.Ceil(g.Width)), Height: int(math.Ceil(g.Height))}
	if len(b.lines) > 0 {
		block := engines.Block{Kind: engines.BlockText, Lines: b.lines, Box: b.lines[0].Box}
		for _, l := range b.lines {
			block.Box = union(block.Box, l.Box)
		}
		result.Blocks = []engines.Block{block}
	}
	return result
}

// mendPairs puts together characters beyond 16 bits: asked for one character,
// PDFium gives half of its UTF-16 form, of which nothing is left as a rune.
func (p *pdfFile) mendPairs(page references.FPDF_TEXTPAGE, chars []*responses.GetPageTextStructuredChar) {
	const half = string(unicode.ReplacementChar)
	for i := 0; i+1 < len(chars); i++ {
		if chars[i].Text != half || chars[i+1].Text != half {
			continue
		}
		pair, err := p.pdfium.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: page, StartIndex: i, Count: 2})
		if err != nil {
			return
		}
		if text := []rune(strings.TrimRight(pair.Text, "\x00")); len(text) == 1 && text[0] > math.MaxUint16 {
			chars[i].Text, chars[i+1].Text = string(text), ""
			i++
		}
	}
}

// glyph is a character and its box on the page.
type glyph struct {
	r   rune
	box engines.Box
}

type textBuilder struct {
	geometry document.Geometry
	lines    []engines.Line
	words    [][]glyph // of the open line
	word     []glyph   // the open one
}

func (b *textBuilder) add(r rune, at responses.CharPosition) {
	switch {
	case r == '\n' || r == '\r':
		b.endLine()
		return
	case unicode.IsSpace(r):
		b.endWord()
		return
	case r == '\x02' || r == '\uFFFE': // PDFium's mark for a hyphen at a line's end
		b.put('-', at)
		b.endLine()
		return
	case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
		return
	}
	b.put(r, at)
}

func (b *textBuilder) put(r rune, at responses.CharPosition) {
	box := b.geometry.UserToPage.Box(document.Box{at.Left, at.Bottom, at.Right, at.Top})
	b.word = append(b.word, glyph{r, engines.Box{X0: box[0], Y0: box[1], X1: box[2], Y1: box[3]}})
}

func (b *textBuilder) endWord() {
	if len(b.word) > 0 {
		b.words, b.word = append(b.words, b.word), nil
	}
}

func (b *textBuilder) endLine() {
	b.endWord()
	if len(b.words) == 0 {
		return
	}
	line := engines.Line{Angle: angle(b.words)}
	if line.Angle == 0 {
		line.RightToLeft = logical(b.words)
	}
	for _, word := range b.words {
		w := engines.Word{Box: word[0].box, Confidence: 1}
		var text strings.Builder
		for _, g := range word {
			text.WriteRune(g.r)
			w.Box = union(w.Box, g.box)
		}
		w.Text = text.String()
		line.Words = append(line.Words, w)
	}
	line.Box = line.Words[0].Box
	for _, w := range line.Words {
		line.Box = union(line.Box, w.Box)
	}
	b.lines, b.words = append(b.lines, line), nil
}

// angle is the direction of a line by where it begins and ends: 0, 90 or 270,
// as engines.Line has it. Upside down looks the same as right to left.
func angle(words [][]glyph) float64 {
	first, last := words[0][0].box, words[len(words)-1]
	dx, dy := center(last[len(last)-1].box)
	x, y := center(first)
	if dx, dy = dx-x, dy-y; math.Abs(dy) <= 2*math.Abs(dx) || len(words) == 1 && len(words[0]) < 3 {
		return 0
	}
	if dy < 0 {
		return 90
	}
	return 270
}

func center(b engines.Box) (x, y float64) { return (b.X0 + b.X1) / 2, (b.Y0 + b.Y1) / 2 }

func union(a, b engines.Box) engines.Box {
	return engines.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}
