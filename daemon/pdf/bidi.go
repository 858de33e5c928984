package pdf

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"

	"intray/daemon/document"
)

// Readers take the glyphs of a line as they stand, from left to right, and find
// the order in which they are read by the bidirectional algorithm (Unicode
// Standard Annex 9). So lines with Hebrew, Arabic and the like are written in
// visual order, character by character. Poppler knows letters and numbers only:
// what stands between them, spaces too, goes to the wrong side of a number. It
// is kept in place by marks without width, which pdf.js leaves out.
const (
	leftToRightMark = "\u200E"
	rightToLeftMark = "\u200F"
)

// direction tells whether a line reads from right to left as a whole, and
// whether any of it does.
func direction(words []document.Word) (rtl, mixed bool) {
	right, left := 0, 0
	for _, w := range words {
		for _, r := range w.Text {
			switch class(r) {
			case bidi.R, bidi.AL:
				right++
			case bidi.L:
				left++
			}
		}
	}
	return right > left, right > 0
}

// countLines counts words that the PDF shows already.
func (c *codes) countLines(blocks []document.Block) {
	for _, b := range blocks {
		for _, l := range b.Lines {
			rtl, _ := direction(l.Words)
			c.count(len(l.Words), rtl)
		}
	}
}

func class(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

func strongRight(char string) bool {
	c := first(char)
	return c == bidi.R || c == bidi.AL
}

// first is the class of a character's first code point; of none it is that of
// what has no direction.
func first(char string) bidi.Class {
	if char == "" {
		return bidi.ON
	}
	r, _ := utf8.DecodeRuneInString(char)
	return class(r)
}

// neutral is true for what Poppler takes along with the letters beside it.
func neutral(char string) bool {
	switch first(char) {
	case bidi.L, bidi.EN, bidi.AN, bidi.ES, bidi.ET, bidi.CS:
		return false
	}
	return !strongRight(char)
}

// foreign is true for letters and digits that read from left to right.
func foreign(char string) bool {
	c := first(char)
	return c == bidi.L || c == bidi.EN || c == bidi.AN
}

// letter is a character of a line and whether it reads from right to left.
type letter struct {
	text  string
	right bool
}

// visual puts the words of a line, and the characters of each, into the order
// in which they stand from left to right. rtl is the line's own direction.
func (f frame) visual(words []placed, rtl bool) {
	letters := resolve(words, rtl)
	for i, word := range letters {
		if rtl {
			word = fence(word)
		}
		words[i].chars = standing(word, rtl || startsRight(word))
	}
	slices.SortStableFunc(words, func(a, b placed) int {
		return cmp.Compare(f.along(a.x-b.x, a.y-b.y), 0)
	})
	for i := 1; i < len(words); i++ {
		a, b := &words[i-1], &words[i]
		left, right := a.chars[len(a.chars)-1], b.chars[0]
		switch {
		case !rtl && strongRight(left) && !strongRight(right):
			a.chars = append(a.chars, leftToRightMark)
		case rtl && !strongRight(right) && !neutral(right) && !(foreign(left) && foreign(right)):
			b.chars = slices.Insert(b.chars, 0, rightToLeftMark)
		}
	}
}

// resolve finds the direction of every character of a line.
func resolve(words []placed, rtl bool) [][]letter {
	var text strings.Builder
	way := leftToRightMark // the first strong character decides about the line
	if rtl {
		way = rightToLeftMark
	}
	text.WriteString(way)
	out := make([][]letter, len(words))
	for i, w := range words {
		text.WriteByte(' ')
		for _, char := range w.chars {
			out[i] = append(out[i], letter{char, rtl})
			text.WriteString(char)
		}
	}
	var p bidi.Paragraph
	if n, err := p.SetString(text.String()); err != nil || n < text.Len() {
		return out
	}
	order, err := p.Order()
	if err != nil {
		return out
	}
	right := make([]bool, 0, text.Len()) // for every byte
	for i := range order.NumRuns() {
		run := order.Run(i)
		right = append(right, slices.Repeat([]bool{run.Direction() == bidi.RightToLeft}, len(run.String()))...)
	}
	at := len(way)
	for i := range out {
		at++
		for j := range out[i] {
			if at < len(right) {
				out[i][j].right = right[at]
			}
			at += len(out[i][j].text)
		}
	}
	return out
}

// startsRight is true for a word of which the first letter reads from right to
// left: numbers after it stand to its left, even in a line of the other direction.
func startsRight(word []letter) bool {
	for _, l := range word {
		if c := first(l.text); c == bidi.L || strongRight(l.text) {
			return c != bidi.L
		}
	}
	return false
}

// mirrorImages are the signs that PDFium turns into their mirror images in text
// from right to left, and the others don't.
const mirrorImages = "()[]{}<>«»‹›≤≥"

// fence puts a mark behind every number, sign and foreign letter of a word from
// right to left after which the word goes on with something else than a letter
// of its own, and marks around what must not be mirrorImages.
func fence(word []letter) []letter {
	var out []letter
	for i, l := range word {
		mirror := l.right && strings.Contains(mirrorImages, l.text)
		if mirror {
			out = append(out, letter{leftToRightMark, true})
		}
		out = append(out, l)
		last := i+1 == len(word)
		switch {
		case mirror && (last || !strongRight(word[i+1].text)):
		case mirror || last || l.right && (strongRight(l.text) || neutral(l.text)):
			continue
		case strongRight(word[i+1].text) || !l.right && !word[i+1].right:
			continue
		}
		out = append(out, letter{rightToLeftMark, true})
	}
	return out
}

// standing are a word's characters from left to right. One with marks is
// reversed in itself too, since readers reverse code by code.
func standing(word []letter, rtl bool) []string {
	var runs [][]string
	for i, l := range word {
		if i == 0 || l.right != word[i-1].right {
			runs = append(runs, nil)
		}
		text := []rune(l.text)
		if l.right {
			slices.Reverse(text)
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], string(text))
		if i+1 == len(word) || l.right != word[i+1].right {
			if l.right {
				slices.Reverse(runs[len(runs)-1])
			}
		}
	}
	if rtl {
		slices.Reverse(runs)
	}
	return slices.Concat(runs...)
}
