package pdftest

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Recall is the share of the wanted words, counted with their repetitions, that
// are among the found ones.
func Recall(want, got []string) float64 {
	have := map[string]int{}
	for _, w := range got {
		have[w]++
	}
	found := 0
	for _, w := range want {
		if have[w] > 0 {
			have[w]--
			found++
		}
	}
	return share(found, len(want))
}

// InOrder is the share of the wanted words that are found in their order: the
// longest common subsequence of both by the number of wanted words.
func InOrder(want, got []string) float64 {
	last := make([]int, len(got)+1)
	for _, w := range want {
		before := 0 // last[j] of the row above, one to the left
		for j, g := range got {
			above := last[j+1]
			if w == g {
				last[j+1] = before + 1
			} else {
				last[j+1] = max(above, last[j])
			}
			before = above
		}
	}
	return share(last[len(got)], len(want))
}

func share(n, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(n) / float64(of)
}

// Words are the words of a text, as they can be compared between readers.
// Poppler and PDFium join a word that is hyphenated at a line's end, pdf.js does
// not; here all are joined. The marks that Poppler puts around text that reads
// from right to left are left out.
func Words(text string) []string {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text)
	text = norm.NFKC.String(text)
	text = strings.NewReplacer("\x02", "", "\uFFFE", "").Replace(text) // PDFium's mark of a join
	var out []string
	open := false // the last word goes on
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "\n")) {
		for i, w := range strings.Fields(line) {
			if open && i == 0 {
				w, out = out[len(out)-1]+w, out[:len(out)-1]
			}
			out, open = append(out, w), false
		}
		if n := len(out); n > 0 && !open {
			if before, cut := strings.CutSuffix(out[n-1], "-"); cut && before != "" && strings.TrimSpace(line) != "" {
				out[n-1], open = before, true
			}
		}
	}
	return out
}
