package extract

import (
	"regexp"
	"slices"
	"strings"
)

// Cards that number their fields, as driving licences do (Directive 2006/126/EC,
// and AAMVA's standard in North America), print the number alone before the value.
const (
	// leastNumbers on a page make it such a card.
	leastNumbers  = 3
	numberedScore = 0.9
)

// fieldNumber is such a number, with or without the value's beginning glued to it.
var fieldNumber = regexp.MustCompile(`^\W?(\d{1,2}[a-dA-D]?)([.:)]?)(.*)$`)

// The discriminator is what AAMVA's cards have under the number of the European
// licence's: it tells copies of a card apart, not drivers.
const discriminatorNumber, discriminatorText = "5", "DD"

// numberAt is a field's number on a page.
type numberAt struct {
	number string
	row    int
	at     int  // its token
	glued  bool // the value begins in the same token
}

// numbered finds fields by their numbers.
func (x *search) numbered(s sheet) {
	var known []string
	for _, f := range x.class.fields {
		known = append(known, f.Numbers...)
	}
	var found []numberAt
	seen := map[string]bool{}
	for i := range s.rows {
		for _, n := range s.rows[i].numbers(i, known) {
			found = append(found, n)
			seen[n.number] = true
		}
	}
	if len(seen) < leastNumbers {
		return
	}
	for k, n := range found {
		r := &s.rows[n.row]
		until := len(r.tokens)
		if k+1 < len(found) && found[k+1].row == n.row {
			until = found[k+1].at
		}
		x.behindNumber(r, n, until)
	}
}

// numbers finds the known numbers in a row that begin a cell or stand with a point.
func (r *row) numbers(at int, known []string) (out []numberAt) {
	for _, cell := range r.cells {
		for i := cell.from; i < cell.to; i++ {
			m := fieldNumber.FindStringSubmatch(r.tokens[i].text)
			if m == nil || !slices.Contains(known, strings.ToLower(m[1])) {
				continue
			}
			first := i == cell.from
			letter := strings.ContainsAny(m[1], "abcdABCD")
			glued := m[3] != ""
			if glued && m[2] == "" || !glued && !first && m[2] == "" && !letter {
				continue
			}
			out = append(out, numberAt{strings.ToLower(m[1]), at, i, glued})
		}
	}
	return out
}

// behindNumber reads what stands between a number and the next. Where a date is
// followed by a text, as the birth by its place, both have the same number.
func (x *search) behindNumber(r *row, n numberAt, until int) {
	if n.glued {
		m := fieldNumber.FindStringSubmatch(r.tokens[n.at].text)
		copied := *r
		copied.tokens = slices.Clone(r.tokens)
		copied.tokens[n.at] = newToken(m[3], r.tokens[n.at].box, r.tokens[n.at].confidence)
		copied.tokens[n.at].cell = r.tokens[n.at].cell
		r = &copied
	} else {
		n.at++
	}
	if n.at >= until {
		return
	}
	rest := span{n.at, until}
	if n.number == discriminatorNumber && strings.HasPrefix(r.tokens[rest.from].text, discriminatorText) {
		return
	}
	shared := slices.ContainsFunc(x.class.fields, func(f field) bool { return f.Type == "date" && slices.Contains(f.Numbers, n.number) })
	for i := range x.class.fields {
		f := &x.class.fields[i]
		rank := slices.Index(f.Numbers, n.number)
		if rank < 0 {
			continue
		}
		var got []candidate
		switch f.Type {
		case "date":
			if got = x.dates(f, r, rest); len(got) > 0 {
				for rest.from < until && r.tokens[rest.from].box[0] < got[0].box[2]-1 {
					rest.from++
				}
				got, shared = got[:1], false
			}
		case "text":
			if rest.from < until && !shared {
				got = x.texts(f, r, rest, true)
			}
		default:
			got = x.typed(f, r, rest)
		}
		for _, c := range got {
			c.score *= numberedScore - 0.1*float64(rank)
			x.add(i, c)
		}
	}
}
