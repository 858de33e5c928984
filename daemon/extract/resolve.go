package extract

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// What raises and lowers a field's confidence.
const (
	agreed      = 0.08 // found again at another place
	addsUp      = 0.35 // part of a sum that holds
	conflicting = 0.75 // another value is nearly as likely
	notAdding   = 0.6  // part of a sum that does not hold
	doubtful    = 0.5  // check digits that fail, lost marks
	uncertain   = 0.8  // dates of which only custom tells the day
	nearly      = 0.93 // of the best score
	weak        = 0.45 // a field's fallback is better than this
	// What is less certain is not worth a person's look.
	leastConfidence = 0.08
)

// resolve decides for each field which candidate it is.
func (x *search) resolve() []document.Field {
	x.kind()
	x.zoneCandidates()
	for i := range x.found {
		x.found[i] = agree(x.found[i])
	}
	held := x.addUp()
	var out []document.Field
	for i, list := range x.found {
		f := x.class.fields[i]
		if f.Fallback != "" && (len(list) == 0 || list[0].score < weak) {
			list = append(x.fallback(f.Fallback), list...)
		}
		if len(list) == 0 {
			continue
		}
		best := list[0]
		c := confidence(best)
		if c < leastConfidence {
			continue
		}
		if len(list) > 1 && list[1].score > nearly*best.score && !held[i].holds {
			c *= conflicting
		}
		switch {
		case held[i].holds:
			c = min(c+addsUp*(1-c), 0.99)
		case held[i].fails:
			c *= notAdding
		}
		if best.doubt != "" {
			x.doubts[f.Name] = best.doubt
		}
		out = append(out, document.Field{Name: f.Name, Value: best.value, Raw: best.raw, Type: f.Type, Confidence: round(c),
			Page: best.page, Box: best.box, From: best.from})
	}
	return x.signs(x.currency(out))
}

// kind finds the document's kind, which says what its amounts mean.
func (x *search) kind() {
	for _, k := range x.class.kinds {
		for _, t := range x.titles {
			if anyOf(k.title, func(re *regexp.Regexp) bool { return re.MatchString(t.text) }) == 0 {
				continue
			}
			x.positive = k.positive
			for i, f := range x.class.fields {
				if f.Place == "kind" {
					x.found[i] = append(x.found[i], candidate{value: k.name, raw: t.text, score: besideNear, confidence: t.confidence,
						page: t.page, box: t.box, from: "text"})
				}
			}
			return
		}
	}
}

// signs makes the amounts of a credit note positive, as EN 16931 has them: that
// they are owed the other way round is in the document's type.
func (x *search) signs(fields []document.Field) []document.Field {
	if !x.positive {
		return fields
	}
	for i, f := range fields {
		if f.Type == "amount" {
			fields[i].Value = strings.TrimPrefix(f.Value, "-")
		}
	}
	return fields
}

func confidence(c candidate) float64 {
	conf := min(c.score, 0.99) * (0.4 + 0.6*c.confidence)
	switch c.doubt {
	case "":
		return conf
	case "order":
		return conf * uncertain
	}
	return conf * doubtful
}

func round(f float64) float64 { return float64(int(f*1000+0.5)) / 1000 }

// agree merges candidates of the same value: found twice is more certain.
func agree(list []candidate) []candidate {
	var out []candidate
	for _, c := range list {
		k := slices.IndexFunc(out, func(o candidate) bool { return o.value == c.value })
		if k < 0 {
			out = append(out, c)
			continue
		}
		bonus := agreed
		if c.score < 0.3 {
			bonus = agreed / 4
		}
		if c.score > out[k].score {
			c.score, c.confidence = max(c.score, out[k].score), max(c.confidence, out[k].confidence)
			out[k] = c
		}
		out[k].score = min(out[k].score+bonus, 1)
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	return out
}

// fallback takes over another field's best candidate, with little confidence.
func (x *search) fallback(name string) []candidate {
	i := x.class.index(name)
	if i < 0 || len(x.found[i]) == 0 {
		return nil
	}
	c := x.found[i][0]
	c.score *= 0.5
	return []candidate{c}
}

// currency fills in the currency from the amounts where it has no place of its
// own, and lets the amounts decide where they say otherwise.
func (x *search) currency(fields []document.Field) []document.Field {
	i := x.class.index("currency")
	if i < 0 || slices.ContainsFunc(fields, func(f document.Field) bool { return f.Name == "currency" }) {
		return fields
	}
	count, best := map[string]int{}, candidate{}
	for k, list := range x.found {
		if x.class.fields[k].Type != "amount" {
			continue
		}
		for _, c := range list {
			if c.currency == "" {
				continue
			}
			if count[c.currency]++; best.currency == "" || count[c.currency] > count[best.currency] {
				best = c
			}
		}
	}
	if best.currency == "" {
		return fields
	}
	conf := 0.9
	if best.currency == "USD" && len(count) == 1 { // a bare dollar sign is used in other countries, too
		conf = 0.7
	}
	return append(fields, document.Field{Name: "currency", Value: best.currency, Raw: best.raw, Type: "currency",
		Confidence: round(conf * best.confidence), Page: best.page, Box: best.box, From: best.from})
}

// doubts turns what speaks against values into warnings.
func doubts(fields []document.Field, why map[string]string) (out []document.Warning) {
	for _, f := range fields {
		if f.From == "xml" {
			continue
		}
		switch why[f.Name] {
		case "check_digits":
			out = append(out, document.Warning{Code: CodeCheckDigits, Page: f.Page, Field: f.Name,
				Message: fmt.Sprintf("The check digits of %s %q do not hold: it may be misread.", words(f.Name), f.Value)})
		case "sum":
			out = append(out, document.Warning{Code: CodeReadBySum, Page: f.Page, Field: f.Name, Message: fmt.Sprintf(
				"%s was read as %q, but the other amounts say %s. Please check which is right.", words(f.Name), f.Raw, f.Value)})
		}
	}
	return out
}

// outcome says what sums make of a field.
type outcome struct{ holds, fails bool }

// tolerance is what rounding may make of a sum.
const tolerance = value.Amount(100) // 0.01

// addUp chooses the candidates of amounts that add up. Sums are tried in their
// order; what one has settled, the next does not change.
func (x *search) addUp() []outcome {
	held := make([]outcome, len(x.found))
	for _, s := range x.class.sums {
		x.solve(s, held)
	}
	for _, s := range x.class.sums {
		x.suspect(s, held)
	}
	for _, s := range x.class.sums {
		x.completeSum(s, held)
	}
	return held
}

// solve finds the combination of a sum's candidates that holds and has the
// highest scores.
func (x *search) solve(s sum, held []outcome) {
	parts := slices.Concat([]int{s.total}, s.plus, s.minus)
	for _, i := range parts {
		if len(x.found[i]) == 0 {
			return
		}
	}
	optional := slices.DeleteFunc(slices.Clone(s.optional), func(i int) bool { return len(x.found[i]) == 0 })
	best, picked := 0.0, map[int]int(nil)
	x.combine(slices.Concat(parts, optional), len(parts), map[int]int{}, held, func(pick map[int]int) {
		if !x.holds(s, pick) {
			return
		}
		score := 0.0
		for i, k := range pick {
			if k >= 0 {
				score += x.found[i][k].score
			}
		}
		if x.found[s.total][pick[s.total]].amount == 0 {
			score -= 1 // nothing plus nothing is nothing says little
		}
		if score > best {
			best, picked = score, pick
		}
	})
	if picked == nil {
		if !held[s.total].holds {
			for _, i := range parts {
				held[i].fails = !held[i].holds
			}
		}
		return
	}
	for i, k := range picked {
		if k < 0 {
			continue
		}
		list := x.found[i]
		c := list[k]
		x.found[i] = append([]candidate{c}, slices.Delete(slices.Clone(list), k, k+1)...)
		held[i] = outcome{holds: true}
	}
}

// completeSum looks for the one part that a sum lacks among all printed amounts.
func (x *search) completeSum(s sum, held []outcome) {
	if held[s.total].holds || len(s.plus) != 2 || len(s.minus) > 0 || len(x.found[s.total]) == 0 || x.found[s.total][0].doubt == "sum" {
		return
	}
	parts := slices.Clone(s.plus)
	slices.SortFunc(parts, func(a, b int) int { return cmp.Compare(x.best(a), x.best(b)) })
	for k, i := range parts { // the least certain part is the one to look for
		other := parts[1-k]
		if x.best(other) < 0.5 {
			continue
		}
		lacking := x.found[s.total][0].amount - x.found[other][0].amount
		c, ok := x.printed[lacking]
		if !ok || lacking <= 0 || lacking == x.found[other][0].amount {
			continue
		}
		x.found[i] = append([]candidate{c}, x.found[i]...)
		held[i], held[other], held[s.total] = outcome{holds: true}, outcome{holds: true}, outcome{holds: true}
		return
	}
}

// best is the score of a field's first candidate; 0 if it has none.
func (x *search) best(i int) float64 {
	if len(x.found[i]) == 0 {
		return 0
	}
	return x.found[i][0].score
}

// tried bounds the candidates of each field that sums are tried with.
const tried = 5

// combine calls fn with every choice of candidates, by field; optional fields
// (from must on) may have none, -1.
func (x *search) combine(parts []int, must int, pick map[int]int, held []outcome, fn func(map[int]int)) {
	if len(parts) == 0 {
		clone := map[int]int{}
		for i, k := range pick {
			clone[i] = k
		}
		fn(clone)
		return
	}
	i := parts[0]
	n := min(len(x.found[i]), tried)
	if held[i].holds {
		n = 1
	}
	if must <= 0 {
		pick[i] = -1
		x.combine(parts[1:], must-1, pick, held, fn)
	}
	for k := range n {
		pick[i] = k
		x.combine(parts[1:], must-1, pick, held, fn)
	}
	delete(pick, i)
}

// holds is true when the picked amounts add up. Credit notes print all amounts
// negative, or all positive, or mix them.
func (x *search) holds(s sum, pick map[int]int) bool {
	total := x.found[s.total][pick[s.total]].amount
	d := total - x.partsOf(s, pick)
	if x.positive {
		d = total.Abs() - x.partsOf(s, pick)
	}
	return d <= tolerance && d >= -tolerance
}

func (x *search) partsOf(s sum, pick map[int]int) (sum value.Amount) {
	for _, i := range slices.Concat(s.plus, s.optional) {
		if k, ok := pick[i]; ok && k >= 0 {
			if x.positive {
				sum += x.found[i][k].amount.Abs()
				continue
			}
			sum += x.found[i][k].amount
		}
	}
	for _, i := range s.minus {
		sum -= x.found[i][pick[i]].amount.Abs()
	}
	return sum
}

// suspect replaces a total by what its parts say where it differs from that in
// one digit that is easily misread. It does not count as a sum that holds: it keeps
// little confidence, and a person sees both amounts.
func (x *search) suspect(s sum, held []outcome) {
	if held[s.total].holds || len(x.found[s.total]) == 0 {
		return
	}
	// A lone part that is a round sum may be a banknote.
	if p := s.plus[0]; len(s.plus)+len(s.minus) == 1 && len(x.found[p]) > 0 && x.found[p][0].amount%10000 == 0 {
		return
	}
	for _, i := range slices.Concat(s.plus, s.minus) {
		if len(x.found[i]) == 0 || x.found[i][0].score < 0.4 {
			return
		}
	}
	total := &x.found[s.total][0]
	x.combine(slices.Clone(s.plus), len(s.plus), map[int]int{}, held, func(p map[int]int) {
		for _, i := range s.minus {
			p[i] = 0
		}
		want := x.partsOf(s, p)
		if total.doubt == "sum" || !oneDigitOff(total.amount.String(), want.String()) {
			return
		}
		total.doubt, total.amount, total.value = "sum", want, want.String()
		held[s.total].fails = true
	})
}

// oneDigitOff is true for decimals that differ in one digit that is easily
// taken for the other.
func oneDigitOff(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	off := 0
	for i := range len(a) {
		if a[i] == b[i] {
			continue
		}
		off++
		pair := string([]byte{min(a[i], b[i]), max(a[i], b[i])})
		if !slices.Contains([]string{"56", "38", "08", "17", "68", "69", "09", "35", "02", "27", "49", "89"}, pair) {
			return false
		}
	}
	return off == 1
}
