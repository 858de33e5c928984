package value

import (
	"regexp"
	"strings"
)

// ibanLengths are the lengths of the IBANs of each country (ISO 13616, the
// registry's release of 2024).
func ibanLengths() map[string]int {
	return map[string]int{"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
		"CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
		"GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27,
		"JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
		"MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
		"SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22,
		"VG": 24, "XK": 20}
}

// ParseIBAN finds an IBAN at the beginning of raw, printed in groups or not.
// valid says whether its check digits hold (ISO 7064, mod 97-10).
func ParseIBAN(raw string) (iban string, valid, ok bool) {
	s := strings.ToUpper(compact(raw))
	if len(s) < 15 {
		return "", false, false
	}
	n, known := ibanLengths()[s[:2]]
	if !known || len(s) < n {
		return "", false, false
	}
	s = s[:n]
	// Check digits are digits; behind them letters occur, so only these are mended.
	check, _ := mendDigits(s[2:4])
	if check[0] < '0' || check[0] > '9' || check[1] < '0' || check[1] > '9' {
		return "", false, false
	}
	s = s[:2] + check + s[4:]
	if !mod97(s) {
		if mended, changed := mendDigits(s[4:]); changed && mod97(s[:4]+mended) {
			return s[:4] + mended, true, true
		}
		digits := strings.IndexFunc(s[4:], func(r rune) bool { return r < '0' || r > '9' }) < 0
		return s, false, digits
	}
	return s, true, true
}

func mod97(iban string) bool {
	rest := 0
	for _, r := range iban[4:] + iban[:4] {
		switch {
		case r >= '0' && r <= '9':
			rest = (rest*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			rest = (rest*100 + int(r-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

var bicShape = regexp.MustCompile(`^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$`)

// ParseBIC reads a business identifier code (ISO 9362), which is printed in
// capitals.
func ParseBIC(raw string) (string, bool) {
	s := compact(raw)
	if !bicShape.MatchString(s) {
		return "", false
	}
	_, euro := ibanLengths()[s[4:6]]
	return s, euro || strings.Contains("US CA AU NZ CN HK SG JP IN ZA MX KR TH MY ID PH AR CL CO PE", s[4:6])
}

// compact drops everything but letters and digits of ASCII.
func compact(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
}
