package pages

import (
	"math"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/responses"

	"intray/daemon/document"
	"intray/engines"
)

// textResult groups PDFium's characters into words and lines; PDFium itself
// puts the spaces and line breaks between them.
func textResult(chars []*responses.GetPageTextStructuredChar, g document.Geometry) engines.PageResult {
	b := textBuilder{geometry: g, word: emptyBox()}
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

type textBuilder struct {
	geometry document.Geometry
	lines    []engines.Line
	words    []engines.Word
	text     strings.Builder
	word     engines.Box
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
		r = '-'
	case unicode.IsControl(r):
		return
	}
	b.text.WriteRune(r)
	box := b.geometry.UserToPage.Box(document.Box{at.Left, at.Bottom, at.Right, at.Top})
	b.word = union(b.word, engines.Box{X0: box[0], Y0: box[1], X1: box[2], Y1: box[3]})
}

func (b *textBuilder) endWord() {
	if b.text.Len() > 0 {
		b.words = append(b.words, engines.Word{Text: b.text.String(), Box: b.word, Confidence: 1})
	}
	b.text.Reset()
	b.word = emptyBox()
}

func (b *textBuilder) endLine() {
	b.endWord()
	if len(b.words) == 0 {
		return
	}
	line := engines.Line{Words: b.words, Box: b.words[0].Box}
	for _, w := range b.words {
		line.Box = union(line.Box, w.Box)
	}
	b.lines, b.words = append(b.lines, line), nil
}

func emptyBox() engines.Box {
	return engines.Box{X0: math.Inf(1), Y0: math.Inf(1), X1: math.Inf(-1), Y1: math.Inf(-1)}
}

func union(a, b engines.Box) engines.Box {
	return engines.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}
