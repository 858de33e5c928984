package extract

import (
	"strings"

	"intray/daemon/extract/value"
)

// sameFirm is how much of the shorter name, by letters, the longer must have.
const sameFirm = 0.75

// sameName compares names of firms as people do: letter case, accents, legal
// forms and a misread letter do not tell two apart, nor does a name that says more.
func sameName(a, b string) bool {
	return likeness(nameWords(a), nameWords(b)) >= sameFirm || likeness(nameWords(b), nameWords(a)) >= sameFirm
}

// nameWords are the words of a firm's name, folded, without its legal form.
func nameWords(name string) (out []string) {
	name = legalForm.ReplaceAllString(" "+name+" ", " ")
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ,;:|/()-–&+\"'’", r) }) {
		if fold := value.Fold(word); len(fold) > 1 {
			out = append(out, fold)
		}
	}
	return out
}

// likeness is the share of the letters of words that are in others, as words or
// as parts of them: logos run words together.
func likeness(words, others []string) float64 {
	joined := strings.Join(others, "")
	all, same := 0, 0
	for _, w := range words {
		all += len(w)
		if len(w) > 2 && strings.Contains(joined, w) || hasAlike(others, w) {
			same += len(w)
		}
	}
	return float64(same) / float64(max(all, 1))
}

// lettersPerSlip is how many letters of a word let one of them be misread.
const lettersPerSlip = 4

func hasAlike(list []string, word string) bool {
	for _, s := range list {
		if most := len(word) / lettersPerSlip; s == word || most > 0 && edits(s, word, most) <= most {
			return true
		}
	}
	return false
}

// hasName is true for a row with a cell that has all of a name in it.
func hasName(r *row, name string) bool {
	want := nameWords(name)
	for _, c := range r.cells {
		if len(want) > 0 && likeness(want, nameWords(r.text(c))) >= sameFirm {
			return true
		}
	}
	return false
}
