package extract

import (
	"regexp"
	"slices"

	"intray/daemon/extract/value"
)

// votes are what a document says about the order of its days and months.
type votes struct{ dayFirst, monthFirst, american, elsewhere, dollars int }

var (
	// What is known by digits, and what is known by words.
	americanNumber = regexp.MustCompile(`\b(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]),? \d{5}(?:-\d{4})?\b|` +
		`(?:^|[^\d-])(?:\(\d{3}\) ?|\d{3}-)\d{3}-\d{4}(?:$|[^\d-])`)
	american        = regexp.MustCompile(`\bUSD\b|\bUS\$|\bU\.?S\.?A\b|\bUnited States\b|(?i:\bsales tax\b|\bzip code\b)`)
	elsewhereNumber = regexp.MustCompile(`(?:^|[^\d+])(?:\+|00)[2-9]\d[\d ()/.-]{6,}|\b[A-Z]{1,2}\d[A-Z0-9]? \d[A-Z]{2}\b`)
	elsewhere       = regexp.MustCompile(`€|£|\b(?:EUR|GBP|CHF|AUD|NZD|SGD|MYR|INR|ZAR|RM|VAT|GST|ABN|UID|NIF|SIRET|SIREN)\b|\.(?:de|at|ch|fr|es|it|nl|be|uk|ie|my|au|nz|sg|in|za)\b|` +
		`(?i:\b(?:sdn|pty|gmbh|und|der|straße|mwst|ust|rechnung|datum|summe|rue|le|les|tva|facture|merci|montant|calle|iva|factura|fecha|gracias|importe)\b)`)
	dollar = regexp.MustCompile(`\$ ?\d`)
)

func (v *votes) add(s sheet) {
	for i := range s.rows {
		r := &s.rows[i]
		text := r.whole()
		if d, ok := value.ParseDate(text, value.DayFirst); ok && d.Proves && !d.Mended {
			if d.Order == value.MonthFirst {
				v.monthFirst++
			} else {
				v.dayFirst++
			}
		}
		digits := r.digits(0, len(r.tokens)) <= len(r.tokens)
		if digits && americanNumber.MatchString(text) || american.MatchString(text) {
			v.american++
		}
		if digits && (elsewhereNumber.MatchString(text) || hasIBAN(r)) || elsewhere.MatchString(text) {
			v.elsewhere++
		}
		if digits && dollar.MatchString(text) {
			v.dollars++
		}
	}
}

// hasIBAN is true for a row with an account number of a country that has IBANs:
// none of them puts the month first.
func hasIBAN(r *row) bool {
	for i := range r.tokens {
		if _, valid, _ := value.ParseIBAN(r.text(span{i, min(i+8, len(r.tokens))})); valid {
			return true
		}
	}
	return false
}

// outnumbers is how many times more must speak for a country than against it.
const outnumbers = 2

// order decides which of day and month comes first, and whether anything but
// custom says so. Print that proves it comes before the country, the country
// before the language. A bare dollar sign, which many countries have, only counts
// where nothing else does.
func (v votes) order(languages []string) (value.Order, bool) {
	switch {
	case v.monthFirst > v.dayFirst:
		return value.MonthFirst, true
	case v.dayFirst > v.monthFirst:
		return value.DayFirst, true
	case v.american >= outnumbers*v.elsewhere && v.american > 0:
		return value.MonthFirst, true
	case v.elsewhere >= outnumbers*v.american && v.elsewhere > 0:
		return value.DayFirst, true
	case v.american > v.elsewhere:
		return value.MonthFirst, false
	case v.elsewhere > 0:
		return value.DayFirst, false
	case v.dollars > 0:
		return value.MonthFirst, true
	}
	english := len(languages) == 0 || slices.Contains(languages, "eng")
	return value.DayFirst, !english
}
