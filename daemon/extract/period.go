package extract

import (
	"strconv"
	"strings"

	"intray/daemon/extract/value"
)

// Values of a field's place for the ends of a period that is printed as two
// dates, such as "1 to 31 March 2024".
const (
	periodStart = "period_start"
	periodEnd   = "period_end"
)

// unlabelledPeriod is the score of a period without a label in its row or above.
const unlabelledPeriod = 0.7

// longestDate is in words.
const longestDate = 5

// periods finds two dates with a dash or a word for "to" between them.
func (x *search) periods(s sheet) {
	start, end := x.class.placed(periodStart), x.class.placed(periodEnd)
	if start == other || end == other {
		return
	}
	for i := range s.rows {
		r := &s.rows[i]
		if r.digits(0, len(r.tokens)) > len(r.tokens) {
			continue
		}
		score := unlabelledPeriod
		if x.labelled(i, start) || x.labelled(i, end) {
			score = besideNear
		}
		for k := range r.tokens {
			p, ok := x.periodAt(r, k, score == besideNear)
			if !ok {
				continue
			}
			for field, iso := range map[int]string{start: p.start, end: p.end} {
				c := x.at(r, p.at, iso, score)
				if p.ambiguous && !x.orderKnown {
					c.doubt = "order"
				}
				x.add(field, c)
			}
		}
	}
}

// labelled is true for a row with a label of the field in it or in the row above.
func (x *search) labelled(row, field int) bool {
	for i := max(row-1, 0); i <= row; i++ {
		for _, f := range x.labels[i] {
			if f.field == field {
				return true
			}
		}
	}
	return false
}

// period is two dates and where they are printed.
type period struct {
	start, end string
	ambiguous  bool
	at         span
}

// periodAt reads a period whose dates are parted by a token, or within it. Days
// alone are read as dates only beside a label: "1 - 31 March".
func (x *search) periodAt(r *row, k int, labelled bool) (p period, ok bool) {
	before, after, parts := parted(r.tokens[k].text)
	if !parts {
		return p, false
	}
	var end value.ParsedDate
	for n := 0; n <= longestDate && k+n < len(r.tokens); n++ {
		text := strings.TrimSpace(after + " " + r.text(span{k + 1, k + 1 + n}))
		if end, ok = value.ParseDate(text, x.order); ok {
			p.at.to = k + 1 + n
			break
		}
	}
	if !ok {
		return p, false
	}
	p.end, p.ambiguous = end.ISO, end.Ambiguous
	for n := 0; n <= longestDate && n <= k; n++ {
		text := strings.TrimSpace(r.text(span{k - n, k}) + " " + before)
		if start, ambiguous, ok := x.startOf(text, end.ISO, labelled); ok {
			p.start, p.ambiguous, p.at.from = start, p.ambiguous || ambiguous, k-n
			return p, p.start <= p.end
		}
	}
	return p, false
}

// parted is true for a token that parts two dates; before and after are what of
// them is glued to it.
func parted(text string) (before, after string, ok bool) {
	switch strings.ToLower(strings.Trim(text, ".,:")) {
	case "-", "–", "—", "to", "through", "thru", "until", "till", "bis", "au", "al", "hasta":
		return "", "", true
	}
	if i := strings.IndexAny(text, "–—"); i >= 0 {
		before, after, _ = strings.Cut(text, string([]rune(text[i:])[:1]))
		return before, after, true
	}
	// A hyphen may also be within dates: it is the middle one of its kind.
	if n := strings.Count(text, "-"); n%2 == 1 && len(text) > len("1.1.-2.1.24") {
		at := 0
		for range n/2 + 1 {
			at += strings.IndexByte(text[at:], '-') + 1
		}
		return text[:at-1], text[at:], true
	}
	return "", "", false
}

// startOf reads the first date of a period. It may lack what the last one, end,
// says: its year, or its month and year.
func (x *search) startOf(text, end string, labelled bool) (iso string, ambiguous, ok bool) {
	if d, ok := value.ParseDate(text, x.order); ok {
		return d.ISO, d.Ambiguous, true
	}
	if countDigits(text) == 0 {
		return "", false, false
	}
	year, _ := strconv.Atoi(end[:4]) // digits by its form
	for _, mark := range []string{" ", ", ", "/", "."} {
		d, ok := value.ParseDate(text+mark+end[:4], x.order)
		if ok && d.ISO > end { // over the turn of the year
			d, ok = value.ParseDate(text+mark+strconv.Itoa(year-1), x.order)
		}
		if ok {
			return d.ISO, d.Ambiguous, true
		}
	}
	if day, err := strconv.Atoi(strings.TrimRight(text, ".stndrh")); err == nil && labelled && day > 0 && day <= 31 {
		d, ok := value.ParseDate(end[:8]+strconv.Itoa(day), x.order)
		return d.ISO, false, ok
	}
	return "", false, false
}
