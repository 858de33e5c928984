package tesseract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"intray/engines"
)

// unspaced is true for letters of scripts that are written without spaces
// between words, and the signs that go with them. Tesseract takes such text
// apart into what its dictionary knows.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r >= 0x3000 && r <= 0x303F || // CJK symbols and punctuation
		r == 0x30FB || r == 0x30FC || // middle dot, prolonged sound mark
		r >= 0xFF01 && r <= 0xFF65 // fullwidth and halfwidth forms
}

// joinAsPrinted makes one word of those that no space separates in print. text
// is Tesseract's own plain text, which knows the spaces; where it doesn't help,
// the distance decides.
func joinAsPrinted(p *engines.PageResult, text string) {
	rest := spacing{text}
	for i := range p.Blocks {
		for j := range p.Blocks[i].Lines {
			line := &p.Blocks[i].Lines[j]
			words := line.Words[:0]
			for _, w := range line.Words {
				space, known := rest.before(w.Text)
				if n := len(words); n > 0 && meet(words[n-1].Text, w.Text) && (known && !space || !known && touch(*line, words[n-1], w)) {
					words[n-1] = joined(words[n-1], w)
					continue
				}
				words = append(words, w)
			}
			line.Words = words
		}
	}
}

// meet is true where one word ends and the next begins in a way that leaves open
// whether there is a space between them.
func meet(a, b string) bool {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	return unspaced(last) || unspaced(first) || !unicode.IsLetter(first) && strings.ContainsFunc(a, unspaced) ||
		!unicode.IsLetter(last) && strings.ContainsFunc(b, unspaced)
}

func joined(a, b engines.Word) engines.Word {
	n, m := float64(utf8.RuneCountInString(a.Text)), float64(utf8.RuneCountInString(b.Text))
	return engines.Word{Text: a.Text + b.Text, Box: around(a.Box, b.Box), Confidence: (n*a.Confidence + m*b.Confidence) / (n + m)}
}

// touch tells by the distance of two words that no space is between them: less
// than a letter's width between letters of scripts without spaces.
func touch(l engines.Line, a, b engines.Word) bool {
	gap, em := b.Box.X0-a.Box.X1, max(a.Box.Y1-a.Box.Y0, b.Box.Y1-b.Box.Y0)
	if l.Box.Y1-l.Box.Y0 > l.Box.X1-l.Box.X0 {
		gap, em = b.Box.Y0-a.Box.Y1, max(a.Box.X1-a.Box.X0, b.Box.X1-b.Box.X0)
	}
	last, _ := utf8.DecodeLastRuneInString(a.Text)
	first, _ := utf8.DecodeRuneInString(b.Text)
	if unspaced(last) && unspaced(first) {
		return gap < em
	}
	return gap < 0.12*em
}

// spacing walks through a plain text beside the words of the same page.
type spacing struct{ text string }

// before tells whether there is white space before the next word.
func (s *spacing) before(word string) (space, known bool) {
	const look = 200 // bytes; a word that was left out may stand between
	at := strings.Index(s.text[:min(len(s.text), len(word)+look)], word)
	if at < 0 {
		return false, false
	}
	skipped := s.text[:at]
	s.text = s.text[at+len(word):]
	between := strings.TrimSpace(skipped)
	return len(between) < len(skipped), between == ""
}
