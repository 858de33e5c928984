// Package value turns printed values into typed ones: amounts with either
// decimal mark, dates in several languages, currencies, and account and tax
// numbers with their check digits.
//
// It knows text only: where on a page something stands, and what it is for, is
// the business of package extract. A value that cannot be read is refused, never
// guessed; what had to be mended is said.
package value

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold is a text as labels are compared: lower case, without accents and
// without anything but letters, digits and the number sign.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	if !ascii(s) {
		s = norm.NFKD.String(s)
	}
	for _, r := range s {
		switch {
		case r == 'ß':
			b.WriteString("ss")
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '#':
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hasDigit is true for text with a digit in it: without one it is no amount, date
// or number, which saves looking closer at most words of a page.
func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// digitFor maps letters to the digit they are most often misread for.
func digitFor(r rune) (rune, bool) {
	switch r {
	case 'O', 'o', 'Q', 'D':
		return '0', true
	case 'I', 'l', '|', 'i':
		return '1', true
	case 'Z', 'z':
		return '2', true
	case 'S', 's':
		return '5', true
	case 'G':
		return '6', true
	case 'B':
		return '8', true
	}
	return r, r >= '0' && r <= '9'
}

// mendDigits replaces letters between digits by the digits they look like. Of
// what looks like a word it leaves all as it is: at least half must be digits.
func mendDigits(s string) (mended string, changed bool) {
	digits, letters := 0, 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case unicode.IsLetter(r):
			if _, ok := digitFor(r); !ok {
				return s, false
			}
			letters++
		}
	}
	if letters == 0 || digits < letters {
		return s, false
	}
	return strings.Map(func(r rune) rune {
		d, _ := digitFor(r)
		return d
	}, s), true
}
