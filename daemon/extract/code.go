package extract

import (
	"regexp"
	"strings"
	"unicode"

	"intray/daemon/extract/value"
)

// codes finds identifiers: what has a digit, is not an amount with decimals and
// not a date.
func (x *search) codes(f *field, r *row, at span) []candidate {
	if f.Format != "" {
		return x.formatted(f, r, at)
	}
	for i := at.from; i < min(at.to, at.from+3); i++ {
		here := span{i, i + 1}
		// A code may fall apart where it has a dash or a stroke.
		for here.to < at.to && r.gap(here.to) < 0.7*r.height && joins(r.tokens[here.to-1].text, r.tokens[here.to].text) {
			here.to++
		}
		val := strings.ReplaceAll(strings.Trim(r.text(here), " .,:;|*\"'`‘’“”()[]{}~_=«»"), " ", "")
		if !isCode(val) || !f.accepts(val) {
			continue
		}
		score := besideNear
		if _, isDate := value.ParseDate(val, x.order); isDate && f.pattern == nil {
			score = 0.3
		}
		if len(val) < 3 {
			score *= 0.5
		}
		return []candidate{x.at(r, here, val, score)}
	}
	return nil
}

// joins is true for two words that a stroke or dash holds together.
func joins(a, b string) bool {
	return strings.ContainsRune("-/", rune(lastByte(a))) || strings.ContainsRune("-/", rune(b[0]))
}

func isCode(s string) bool {
	digits := false
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			digits = true
		case unicode.IsLetter(r), strings.ContainsRune("-/.#_+*&", r):
		default:
			return false
		}
	}
	p, isAmount := value.ParseAmount(s)
	return digits && !(isAmount && p.Decimals == 2 && strings.ContainsAny(s, ".,")) && len(s) <= 40
}

var phoneShape = regexp.MustCompile(`\+?\(?\d[\d ()/.-]{5,18}\d`)

// formatted finds values with a form of their own anywhere in the range.
func (x *search) formatted(f *field, r *row, at span) (out []candidate) {
	add := func(s span, val string, valid bool) {
		c := x.at(r, s, val, besideNear)
		if !valid {
			c.doubt = "check_digits"
		}
		out = append(out, c)
	}
	for i := at.from; i < at.to; i++ {
		most := min(10, at.to-i)
		if f.Format != "bic" && r.digits(i, most) > most {
			continue
		}
		for k := 1; k <= most; k++ {
			n := k
			if f.Format == "time" || f.Format == "phone" { // these may end early: the longest counts
				n = min(6, at.to-i) + 1 - k
			}
			if n < 1 || n > 1 && longestGap(r, i, i+n) > 2*r.height {
				continue
			}
			s := span{i, i + n}
			if val, valid, ok := parseFormat(f.Format, r.text(s)); ok && f.accepts(val) {
				add(s, val, valid)
				return out
			}
		}
	}
	return out
}

// longestGap is the widest space between tokens.
func longestGap(r *row, from, to int) (gap float64) {
	for i := from + 1; i < to; i++ {
		gap = max(gap, r.gap(i))
	}
	return gap
}

// parseFormat reads one value of a known form. raw must be all of it, apart
// from what is printed between.
func parseFormat(format, raw string) (val string, valid, ok bool) {
	switch format {
	case "iban":
		return value.ParseIBAN(trimLabel(raw))
	case "bic":
		val, ok = value.ParseBIC(raw)
		return val, true, ok
	case "vat_id":
		return value.ParseVATID(raw)
	case "time":
		val, ok = value.ParseTime(raw)
		return val, true, ok
	case "phone":
		val = phoneShape.FindString(raw)
		digits := strings.IndexFunc(val, unicode.IsDigit) >= 0 && countDigits(val) >= 7 && countDigits(val) <= 15
		_, date := value.ParseDate(val, value.DayFirst)
		return strings.TrimSpace(val), true, digits && !date
	}
	return "", false, false
}

func countDigits(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// trimLabel drops what is glued to an IBAN's front.
func trimLabel(s string) string {
	upper := strings.ToUpper(s)
	if rest, ok := strings.CutPrefix(upper, "IBAN"); ok {
		return rest
	}
	return s
}
