package extract

import (
	"cmp"
	"slices"
	"strings"

	"intray/daemon/extract/value"
)

// label is one printed name of a field, folded.
type label struct {
	fold string
	// field is the field's index in its class; other for a name of something else.
	field int
	rank  int
}

const other = -1

// found is a label on a row.
type found struct {
	label
	at    span
	exact bool
	// quality is 1 for a label read as written, less for one read alike, one in
	// the middle of a phrase, or one that its field has further down its list.
	quality float64
}

const (
	longestLabel = 7 // in words
	fuzzyQuality = 0.85
	rankStep     = 0.01
	leastRank    = 0.7
	phraseAfter  = 0.6
	phraseBefore = 0.75
)

// labelIndex has labels by the length of what may be printed for them, in their
// order: most words of a page are compared with few of them.
type labelIndex [][]label

func indexLabels(all []label) (out labelIndex) {
	for _, l := range all {
		for n := len(l.fold) - slips(len(l.fold)); n <= len(l.fold)+slips(len(l.fold)); n++ {
			for len(out) <= n {
				out = append(out, nil)
			}
			out[n] = append(out[n], l)
		}
	}
	return out
}

// labels finds all names in a row. Where one lies within a longer one, the
// longer one is meant: "total" is no total in "total discount".
func (r *row) labels(all labelIndex) []found {
	var hits []found
	for i := range r.tokens {
		joined := ""
		for j := i; j < min(i+longestLabel, len(r.tokens)); j++ {
			if j > i && r.gap(j) > 4*r.height {
				break
			}
			joined += r.tokens[j].fold
			if r.tokens[j].fold == "" && j > i || r.tokens[i].fold == "" {
				continue // punctuation neither begins nor ends a label
			}
			if len(joined) >= len(all) {
				break // no label is that long
			}
			for _, l := range all[len(joined)] {
				if q := alike(joined, l.fold); q > 0 {
					hits = append(hits, found{l, span{i, j + 1}, q == 1, q * max(1-rankStep*float64(l.rank), leastRank)})
				}
			}
		}
	}
	kept := slices.DeleteFunc(slices.Clone(hits), func(f found) bool {
		return slices.ContainsFunc(hits, func(o found) bool {
			same := o.fold == f.fold // read with a word more or less
			longer := o.at.from <= f.at.from && o.at.to >= f.at.to && o.at.to-o.at.from > f.at.to-f.at.from && !(same && f.exact)
			exact := o.exact && !f.exact && (o.at == f.at || same && o.at.from < f.at.to && f.at.from < o.at.to)
			return longer || exact
		})
	})
	for i := range kept {
		kept[i].quality *= r.phrase(kept[i].at, kept)
	}
	slices.SortStableFunc(kept, func(a, b found) int { return cmp.Compare(a.at.from, b.at.from) })
	return r.phrases(kept)
}

// phrases drops labels that only go on with another: "net total (excl. VAT)" is
// no VAT.
func (r *row) phrases(all []found) (kept []found) {
	for _, f := range all {
		if n := len(kept); n > 0 && kept[n-1].at != f.at && r.continues(kept[n-1], f) {
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

// continues is true for a label in the same cell as the one before, with neither
// a colon nor anything with a digit between them.
func (r *row) continues(before, f found) bool {
	if r.tokens[before.at.to-1].cell != r.tokens[f.at.from].cell {
		return false
	}
	for i := before.at.to - 1; i < f.at.from; i++ {
		if text := r.tokens[i].text; strings.HasSuffix(text, ":") || i >= before.at.to && strings.ContainsAny(text, "0123456789") {
			return false
		}
	}
	return true
}

// phrase lowers what a label counts when more words of the same cell follow it
// without a colon, or stand before it.
func (r *row) phrase(at span, all []found) float64 {
	q := 1.0
	cell := r.cells[r.tokens[at.to-1].cell]
	if at.to < cell.to && !strings.HasSuffix(r.tokens[at.to-1].text, ":") && isWord(r.tokens[at.to].text) && !begins(all, at.to) {
		q *= phraseAfter
	}
	cell = r.cells[r.tokens[at.from].cell]
	if at.from > cell.from && isWord(r.tokens[at.from-1].text) && !strings.HasSuffix(r.tokens[at.from-1].text, ":") {
		q *= phraseBefore
	}
	return q
}

func begins(all []found, at int) bool {
	return slices.ContainsFunc(all, func(f found) bool { return f.at.from == at })
}

// isWord is true for text of letters only, two of them at least, that is
// neither a currency nor the abbreviation of "number".
func isWord(s string) bool {
	fold := value.Fold(s)
	if len(fold) < 2 || strings.ContainsAny(fold, "0123456789#") || numberWord(fold) {
		return false
	}
	_, currency := value.ParseCurrency(s)
	return !currency
}

// numberWord is true for words that stand between a label and its number.
func numberWord(fold string) bool {
	switch fold {
	case "", "no", "nr", "num", "number", "nummer", "numero", "#", "n", "id":
		return true
	}
	return false
}

// alike compares what is printed with a label: 1 when they agree, less when a
// letter or two differ, 0 when they do not.
func alike(printed, label string) float64 {
	if printed == label {
		return 1
	}
	allowed := slips(len(label))
	if d := len(printed) - len(label); allowed == 0 || d > allowed || d < -allowed {
		return 0
	}
	// Both ends misread are rare, and looking at them first saves most of the work.
	if printed[0] != label[0] && lastByte(printed) != lastByte(label) {
		return 0
	}
	if edits(printed, label, allowed) <= allowed {
		return fuzzyQuality
	}
	return 0
}

// slips is how many letters of a label may be misread.
func slips(length int) int {
	switch {
	case length >= 12:
		return 2
	case length >= 5:
		return 1
	}
	return 0
}

// edits is Levenshtein's distance, given up past most. What is further than that
// from the diagonal is not looked at.
func edits(a, b string, most int) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	var rows [2][66]int
	last, next := &rows[0], &rows[1]
	for j := range len(b) + 2 {
		last[j] = min(j, most+1)
	}
	for i := 1; i <= len(a); i++ {
		from, to := max(1, i-most), min(len(b), i+most)
		next[from-1], next[to+1] = most+1, most+1
		if from == 1 {
			next[0] = i
		}
		least := next[from-1]
		for j := from; j <= to; j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(last[j]+1, next[j-1]+1, last[j-1]+cost)
			least = min(least, next[j])
		}
		if least > most {
			return most + 1
		}
		last, next = next, last
	}
	return last[len(b)]
}
