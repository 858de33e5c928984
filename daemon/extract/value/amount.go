package value

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Amount is money or a quantity, in ten-thousandths. It is exact: four decimals
// are more than any invoice prints of a sum.
type Amount int64

const amountUnit = 10000

// String is the decimal, with a point and at least two decimals.
func (a Amount) String() string {
	sign, n := "", int64(a)
	if n < 0 {
		sign, n = "-", -n
	}
	frac := strings.TrimRight(fmt.Sprintf("%04d", n%amountUnit), "0")
	for len(frac) < 2 {
		frac += "0"
	}
	return sign + strconv.FormatInt(n/amountUnit, 10) + "." + frac
}

// Abs is the amount without its sign.
func (a Amount) Abs() Amount { return max(a, -a) }

// ParsedAmount is an amount as it was printed.
type ParsedAmount struct {
	Amount Amount
	// Currency is the ISO 4217 code printed with it; "" if there is none.
	Currency string
	// Decimals is how many digits stood behind the decimal mark.
	Decimals int
	// Mended is true when characters were replaced or spaces removed to read it.
	Mended bool
	// Unsure is true when a single mark before three digits was taken for one
	// between thousands.
	Unsure bool
}

var (
	// The number itself, between signs, currencies and what follows it.
	amountShape = regexp.MustCompile(`^([-−–+(]?)\s*([\d][\d.,'’ ]*)([-−–)]?)$`)
	// One or two capital letters behind a price are a tax code on receipts.
	taxCode = regexp.MustCompile(`(?:\s+[A-Z]{1,3}|[A-Z])$`)
)

// maxDigits keeps an amount within what Amount holds.
const maxDigits = 14

// ParseAmount reads one amount, with or without a currency on either side.
// Percentages are none.
func ParseAmount(raw string) (ParsedAmount, bool) {
	if !hasDigit(raw) {
		return ParsedAmount{}, false
	}
	s := strings.Trim(strings.TrimSpace(raw), `"“”„‘’'*:;=~_|`)
	s = strings.TrimSpace(s)
	if strings.ContainsRune(s, '%') || len(s) > 40 {
		return ParsedAmount{}, false
	}
	var p ParsedAmount
	s, p.Currency = cutCurrency(s)
	if p.Currency == "" {
		s = taxCode.ReplaceAllString(s, "")
	}
	if mended, changed := mendDigits(s); changed {
		s, p.Mended = mended, true
	}
	m := amountShape.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || (m[1] == "(") != (m[3] == ")") {
		return p, false
	}
	number := strings.TrimRight(m[2], " .,'’")
	if !p.number(number) {
		return p, false
	}
	if m[1] != "" && m[1] != "+" || m[3] != "" {
		p.Amount = -p.Amount
	}
	return p, true
}

// number reads digits with their marks.
func (p *ParsedAmount) number(s string) bool {
	mark := strings.LastIndexAny(s, ".,")
	whole, frac := s, ""
	if mark >= 0 {
		whole, frac = s[:mark], s[mark+1:]
		if t := strings.TrimSpace(frac); t != frac || strings.TrimSpace(whole) != whole {
			whole, frac, p.Mended = strings.TrimSpace(whole), t, true
		}
		other := strings.ContainsAny(whole, ".,'’ ")
		same := strings.Contains(whole, s[mark:mark+1])
		switch {
		case same && len(frac) == 3, len(frac) == 3 && !other && len(whole) <= 3 && strings.Trim(whole, "0") != "":
			// 1.234.567, or 1.234: a mark between thousands.
			p.Unsure = !same
			whole, frac = s, ""
		case same: // 1.234.56: the last is the decimal mark, the others are misread
			p.Mended = true
		}
	}
	if len(frac) > 4 || strings.ContainsAny(frac, " '’") || !thousands(whole) {
		return false
	}
	p.Decimals = len(frac)
	digits := strings.NewReplacer(".", "", ",", "", "'", "", "’", "", " ", "").Replace(whole)
	if len(digits) > maxDigits || digits == "" {
		return false
	}
	n, err := strconv.ParseInt(digits+(frac + "0000")[:4], 10, 64)
	p.Amount = Amount(n)
	return err == nil
}

// ParseDecimal reads a number as data formats write it: a point before the
// decimals, nothing between thousands.
func ParseDecimal(s string) (Amount, bool) {
	digits, negative := strings.CutPrefix(strings.TrimSpace(s), "-")
	whole, frac, _ := strings.Cut(digits, ".")
	frac = strings.TrimRight(frac, "0")
	if whole == "" || len(whole) > maxDigits || len(frac) > 4 || strings.Trim(whole+frac, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+(frac + "0000")[:4], 10, 64)
	if negative {
		n = -n
	}
	return Amount(n), err == nil
}

// thousands is true for digits in groups of three, or in none.
func thousands(s string) bool {
	groups := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(".,'’ ", r) })
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && len(g) > 3 {
			return false
		}
	}
	return len(groups) > 0
}
