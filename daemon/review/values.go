package review

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/currency"
	"golang.org/x/text/unicode/norm"
)

// typed reads a value as a person types it and gives it as documents have it:
// a decimal string, an ISO date, an ISO 4217 currency. languages decide about
// dates that can be read in two ways, old, the value so far, about amounts.
// The error is for the person.
func typed(kind, value, old string, languages []string) (string, error) {
	value = strings.TrimFunc(norm.NFC.String(value), blank)
	switch kind {
	case "amount", "date", "currency": // none has a # of its own: what stands behind one is a remark
		if before, _, ok := strings.Cut(value, "#"); ok && before != "" {
			value = strings.TrimFunc(before, blank)
		}
	}
	switch kind {
	case "amount":
		return amount(unquote(value), old)
	case "date":
		return date(unquote(value), languages)
	case "currency":
		return currencyOf(unquote(value))
	case "code":
		return unquote(value), nil
	}
	return value, nil
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return strings.TrimFunc(s[1:len(s)-1], blank)
	}
	return s
}

var (
	dashes        = strings.NewReplacer("\u2212", "-", "\u2013", "-")
	currencyWords = regexp.MustCompile(`^\p{L}+\.?|\p{L}+\.?$`)
	digitsOnly    = regexp.MustCompile(`^[0-9]+$`)
	threeDecimals = regexp.MustCompile(`\.[0-9]{3}$`)
)

// complaint is an error for the person who typed, in whole sentences.
type complaint string

func (c complaint) Error() string { return string(c) }

const errAmount = complaint("This is no amount. Write it like 1234.50 or 1234,50.")

// amount takes either decimal mark, and groups of three separated by blank,
// point, comma or apostrophe. One mark with three digits behind it separates
// thousands, as money has no third decimal, unless the old value had three: then
// a point is one, and a comma may be either.
func amount(s, old string) (string, error) {
	s = withoutCurrency(dashes.Replace(s))
	negative := false
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		negative, s = true, withoutCurrency(s[1:len(s)-1])
	}
	if cut, ok := strings.CutSuffix(s, "-"); ok && !strings.HasSuffix(cut, ".") && !strings.HasSuffix(cut, ",") {
		negative, s = !negative, cut
	}
	for strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		negative, s = negative != (s[0] == '-'), strings.TrimFunc(s[1:], blank)
	}
	s = strings.TrimSuffix(strings.TrimSuffix(withoutCurrency(s), ".-"), ",-") // 12.- is 12 and no cents
	s = strings.TrimFunc(s, blank)
	whole, fraction := s, ""
	at := decimalMark(s)
	if mark := len(s) - 4; at < 0 && mark > 0 && threeDecimals.MatchString(old) && strings.Trim(s[:mark], "0123456789") == "" {
		switch s[mark] {
		case '.':
			at = mark
		case ',':
			return "", complaint("This amount can be read in two ways. Write it with a point for the decimals, and nothing between the thousands.")
		}
	}
	if at >= 0 {
		whole, fraction = s[:at], s[at+1:]
	}
	whole, ok := ungrouped(whole)
	if !ok || fraction != "" && !digitsOnly.MatchString(fraction) || len(whole)+len(fraction) > 30 {
		return "", errAmount
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	out := whole
	if fraction != "" {
		out += "." + fraction
	}
	if negative && strings.Trim(out, "0.") != "" {
		out = "-" + out
	}
	return out, nil
}

// withoutCurrency takes the signs and names of currencies from both ends. Other
// letters stay, and make it no amount: an O or an l among digits was meant as one.
func withoutCurrency(s string) string {
	signs := func(r rune) bool { return blank(r) || strings.ContainsRune("€$£¥", r) }
	s = strings.TrimFunc(s, signs)
	s = currencyWords.ReplaceAllStringFunc(s, func(word string) string {
		switch name := strings.ToLower(strings.TrimSuffix(word, ".")); name {
		case "fr", "sfr", "kr", "kč", "zł", "ft", "lei", "euro", "euros":
			return ""
		default:
			if _, err := currency.ParseISO(name); err != nil {
				return word
			}
			return ""
		}
	})
	return strings.TrimFunc(s, signs)
}

// decimalMark is where the decimals begin, -1 if there are none.
func decimalMark(s string) int {
	point, comma := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	last := max(point, comma)
	switch {
	case last < 0:
		return -1
	case point >= 0 && comma >= 0:
		return last
	case strings.Count(s, s[last:last+1]) > 1, len(s)-last-1 == 3 && last > 0 && last <= 3 && s[:last] != "0":
		return -1
	}
	return last
}

// ungrouped takes the separators of thousands out.
func ungrouped(s string) (string, bool) {
	groups := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ',' || r == '\'' || r == '’' || unicode.IsSpace(r) })
	for i, g := range groups {
		if !digitsOnly.MatchString(g) || i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && len(g) > 3 {
			return "", false
		}
	}
	return strings.Join(groups, ""), len(groups) > 0
}

func currencyOf(s string) (string, error) {
	if sign, ok := map[string]string{"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}[s]; ok {
		return sign, nil
	}
	unit, err := currency.ParseISO(s)
	if err != nil {
		return "", complaint("This is no currency. Write its three letters, such as EUR, USD or GBP.")
	}
	return unit.String(), nil
}

var (
	numericDate = regexp.MustCompile(`^([0-9]{1,4})\s*([-./ ])\s*([0-9]{1,2})\s*[-./ ]\s*([0-9]{1,4})\.?$`)
	wordedDate  = regexp.MustCompile(`^(?:\p{L}+,?\s+)?([0-9]{1,2})(?:st|nd|rd|th|er|\.|º)?[\s-]*(?:de\s+|of\s+)?(\p{L}+)\.?,?[\s-]*(?:de\s+)?([0-9]{4}|[0-9]{2})$`)
	monthFirst  = regexp.MustCompile(`^(\p{L}+)\.?\s+([0-9]{1,2})(?:st|nd|rd|th)?,?\s+([0-9]{4}|[0-9]{2})$`)
	compactDate = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})$`)
)

const errDate = complaint("This is no date. Write it like 2026-04-30.")

// date takes ISO dates, numbers in the order of the document's language, and
// names of months.
func date(s string, languages []string) (string, error) {
	s = strings.ToLower(s)
	if m := compactDate.FindStringSubmatch(s); m != nil {
		return dayOf(m[1], m[2], m[3])
	}
	if m := numericDate.FindStringSubmatch(s); m != nil {
		return numbersDate(m[1], m[3], m[4], m[2], languages)
	}
	day, month, year := "", "", ""
	if m := monthFirst.FindStringSubmatch(s); m != nil {
		day, month, year = m[2], m[1], m[3]
	} else if m := wordedDate.FindStringSubmatch(s); m != nil {
		day, month, year = m[1], m[2], m[3]
	}
	n := monthNumber(month)
	if n == 0 {
		return "", errDate
	}
	return dayOf(year, strconv.Itoa(n), day)
}

// numbersDate: with points the day comes first everywhere; with strokes it does
// but for American English, which looks like any other.
func numbersDate(a, b, c, mark string, languages []string) (string, error) {
	if len(a) > 2 {
		return dayOf(a, b, c)
	}
	first, err1 := strconv.Atoi(a)
	second, err2 := strconv.Atoi(b)
	if err := errors.Join(err1, err2); err != nil {
		return "", errDate
	}
	english := len(languages) == 0 || slices.Contains(languages, "eng")
	switch {
	case first > 12, first == second, mark == ".", !english && second <= 12:
		return dayOf(c, b, a)
	case second > 12:
		return dayOf(c, a, b)
	}
	day, err1 := dayOf(c, b, a)
	other, err2 := dayOf(c, a, b)
	if err := errors.Join(err1, err2); err != nil {
		return "", errDate
	}
	return "", complaint(fmt.Sprintf("This date can be read in two ways. Write %s or %s.", day, other))
}

// pivot is the first year of two digits that is of the last century.
const pivot = 70

func dayOf(year, month, day string) (string, error) {
	y, err1 := strconv.Atoi(year)
	m, err2 := strconv.Atoi(month)
	d, err3 := strconv.Atoi(day)
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", errDate
	}
	switch len(year) {
	case 4:
	case 2:
		if y += 2000; y >= 2000+pivot {
			y -= 100
		}
	default:
		return "", errDate
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < 1000 || t.Year() != y || int(t.Month()) != m || t.Day() != d {
		return "", errDate
	}
	return t.Format(time.DateOnly), nil
}

// monthNumber knows months by the beginnings of their names in English,
// German, French and Spanish; 0 is none.
func monthNumber(word string) int {
	if len(word) < 3 {
		return 0
	}
	names := [][]string{{"jan", "ene", "jän"}, {"feb", "fév", "fev"}, {"mar", "mär", "mae", "mrz"}, {"apr", "avr", "abr"}, {"may", "mai"},
		{"jun", "juin"}, {"jul", "juil"}, {"aug", "aoû", "aou", "ago"}, {"sep"}, {"oct", "okt"}, {"nov"}, {"dec", "dez", "déc", "dic"}}
	for i, beginnings := range names {
		if slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(word, b) }) {
			return i + 1
		}
	}
	return 0
}
