package extract

import (
	"cmp"
	"slices"
	"strings"

	"intray/daemon/document"
)

// What raises and lowers a field's confidence.
const (
	agreed      = 0.08 // found again at another place
	addsUp      = 0.35 // part of a sum that holds
	conflicting = 0.75 // another value is nearly as likely
	notAdding   = 0.6  // part of a sum that does not hold
	doubtful    = 0.5  // check digits that fail, lost marks
	// At most, where only a person can decide: dates of which only custom tells the
	// day, labels that say different things, totals that nothing leads to.
	undecided = 0.35
	nearly    = 0.93 // of the best score
	weak      = 0.45 // a field's fallback is better than this
	// What is less certain is not worth a person's look.
	leastConfidence = 0.08
	// A value printed at that many times as many places outweighs another.
	strongerBy = 2
)

// resolve decides for each field which candidate it is.
func (x *search) resolve() []document.Field {
	x.kind()
	x.zoneCandidates()
	for i := range x.found {
		x.found[i] = agree(x.found[i])
	}
	x.senderAddress()
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
		c, reason := x.judge(i, list, held[i])
		if c < leastConfidence {
			continue
		}
		best := list[0]
		field := document.Field{Name: f.Name, Value: best.value, Raw: best.raw, Type: f.Type, Confidence: round(c),
			Page: best.page, Box: best.box, From: best.from}
		if w, told := tell(reason, field, list); told {
			x.doubts[f.Name] = w
		}
		out = append(out, field)
	}
	return x.signs(x.currency(out))
}

// judge is how certain the first of a field's candidates is, and what speaks
// against it.
func (x *search) judge(i int, list []candidate, sums outcome) (c float64, reason string) {
	best := list[0]
	c, reason = confidence(best), best.doubt
	rival := len(list) > 1 && list[1].score > nearly*best.score && !sums.holds
	f := &x.class.fields[i]
	switch {
	case rival && f.Required && f.Type == "code" && best.places < strongerBy*list[1].places,
		rival && x.class.isTotal(i) && !x.supported(best.amount) && x.supported(list[1].amount):
		c, reason = min(c, undecided), cmp.Or(reason, "conflict")
	case rival:
		c *= conflicting
	}
	switch {
	case sums.holds:
		c = min(c+addsUp*(1-c), 0.99)
	case sums.fails:
		c *= notAdding
	}
	if reason == "" && !sums.holds && x.class.isTotal(i) && x.alone(best) {
		c, reason = min(c, undecided), "alone"
	}
	return c, reason
}

// kind finds the document's kind, which says what its amounts mean.
func (x *search) kind() {
	for _, k := range x.class.kinds {
		for _, t := range x.titles {
			if hits(k.title, t.subject) == 0 {
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
		return min(conf, undecided)
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
			c.places = 1
			out = append(out, c)
			continue
		}
		out[k].places++
		bonus := agreed
		if c.score < 0.3 {
			bonus = agreed / 4
		}
		if c.score > out[k].score {
			c.score, c.confidence, c.places = max(c.score, out[k].score), max(c.confidence, out[k].confidence), out[k].places
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
