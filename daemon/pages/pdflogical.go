package pages

import (
	"cmp"
	"slices"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// PDFium does not always find the order in which text from right to left is
// read, and files differ in how they write it. Where each letter stands is
// certain.

// logical puts the words of a line that has letters from right to left, and
// their characters, into reading order. It tells whether the line as a whole
// reads that way.
func logical(words [][]glyph) (rightToLeft bool) {
	right, left := 0, 0
	for _, w := range words {
		r, l := strong(w)
		right, left = right+r, left+l
	}
	if right == 0 {
		return false
	}
	rightToLeft = right > left
	slices.SortStableFunc(words, func(a, b []glyph) int { return byPlace(middle(a), middle(b), rightToLeft) })
	for i, w := range words {
		if r, l := strong(w); r > l || r > 0 && rightToLeft {
			words[i] = fromRight(w)
		}
	}
	// What reads the other way, one word after the other, stands the other way.
	reverseRuns(words, func(w []glyph) bool {
		r, l := strong(w)
		return rightToLeft && r == 0 && l > 0 || !rightToLeft && r > l
	})
	return rightToLeft
}

// fromRight puts a word's characters into reading order: from the right, but
// numbers and foreign letters from the left.
func fromRight(word []glyph) []glyph {
	out := slices.Clone(word)
	slices.SortStableFunc(out, func(a, b glyph) int {
		ax, _ := center(a.box)
		bx, _ := center(b.box)
		if ax == bx { // a letter comes before its marks
			return cmp.Compare(rank(a.r), rank(b.r))
		}
		return byPlace(ax, bx, true)
	})
	for i := 0; i < len(out); i++ {
		if !foreign(out[i].r) {
			continue
		}
		end := i + 1
		for j := end; j < len(out) && (foreign(out[j].r) || between(out[j].r)); j++ {
			if foreign(out[j].r) {
				end = j + 1
			}
		}
		slices.Reverse(out[i:end])
		i = end
	}
	return out
}

func reverseRuns(words [][]glyph, in func([]glyph) bool) {
	for i := 0; i < len(words); i++ {
		end := i
		for end < len(words) && in(words[end]) {
			end++
		}
		if end > i {
			slices.Reverse(words[i:end])
			i = end
		}
	}
}

func byPlace(a, b float64, fromRight bool) int {
	if fromRight {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

func middle(word []glyph) float64 {
	box := word[0].box
	for _, g := range word {
		box = union(box, g.box)
	}
	x, _ := center(box)
	return x
}

// strong counts the letters of a word by their direction.
func strong(word []glyph) (right, left int) {
	for _, g := range word {
		switch class(g.r) {
		case bidi.R, bidi.AL:
			right++
		case bidi.L:
			left++
		}
	}
	return right, left
}

func class(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

func foreign(r rune) bool {
	c := class(r)
	return c == bidi.L || c == bidi.EN || c == bidi.AN
}

// between is true for what may stand inside of a number.
func between(r rune) bool {
	c := class(r)
	return c == bidi.CS || c == bidi.ES
}

func rank(r rune) int {
	if unicode.IsMark(r) {
		return 1
	}
	return 0
}
