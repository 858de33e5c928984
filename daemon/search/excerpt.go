package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// around is how many bytes of text an excerpt shows before a word and after it,
// looked how many of a document are looked through for one.
const (
	around = 80
	looked = 64 << 10
)

// excerpt is some text around the first of the words that is found; "" if none is.
func excerpt(text string, words []word) string {
	for _, w := range words {
		if at := find(text, w.text); at >= 0 {
			return cut(text, at, at+len(w.text))
		}
	}
	return ""
}

// find is where a word stands in a text, at its beginning of a word, whatever the
// case and the accents of its letters, as the index compares them; -1 if nowhere.
func find(text, word string) int {
	want := plain(word)
	if want == "" {
		return -1
	}
	first, _ := utf8.DecodeRuneInString(want)
	text = text[:min(len(text), looked)]
	start := true
	for i, r := range text {
		if letter := letterOrDigit(r); letter && (start || unspaced(r)) {
			if r < utf8.RuneSelf && unicode.ToLower(r) != first { // no accent can be on it yet
				start = false
				continue
			}
			// A word with its accents taken apart is at most a few times as long.
			window := text[i:min(len(text), i+4*len(word)+8)]
			if strings.HasPrefix(plain(window), want) {
				return i
			}
			start = false
		} else if !letter && !unicode.Is(unicode.Mn, r) {
			start = true
		}
	}
	return -1
}

// plain is a text without case and accents, its spaces all alike.
func plain(s string) string {
	s, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(s))
	if err != nil { // no text: it equals nothing
		return ""
	}
	return strings.Join(strings.Fields(s), " ")
}

func cut(text string, from, to int) string {
	from, to = max(0, from-around), min(len(text), to+around)
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	out := strings.Join(strings.Fields(text[from:to]), " ")
	if from > 0 {
		out = "… " + out
	}
	if to < len(text) {
		out += " …"
	}
	return out
}
