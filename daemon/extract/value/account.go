package value

import (
	"regexp"
	"strings"
)

// ibanLength is the length of a country's IBANs (ISO 13616, the registry's
// release of 2024); 0 for one that has none. It is asked for every word of a page.
func ibanLength(country string) int {
	switch country {
	case "NO":
		return 15
	case "BE":
		return 16
	case "DK", "FI", "FO", "GL", "NL":
		return 18
	case "MK", "SI":
		return 19
	case "AT", "BA", "EE", "KZ", "LT", "LU", "XK":
		return 20
	case "CH", "HR", "LI", "LV":
		return 21
	case "BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA":
		return 22
	case "AE", "GI", "IL", "IQ", "TL":
		return 23
	case "AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG":
		return 24
	case "LY", "PT", "ST":
		return 25
	case "IS", "TR":
		return 26
	case "FR", "GR", "IT", "MC", "MR", "SM":
		return 27
	case "AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "PL", "SV":
		return 28
	case "BR", "EG", "PS", "QA", "UA":
		return 29
	case "JO", "KW", "MU":
		return 30
	case "MT", "SC":
		return 31
	case "LC":
		return 32
	}
	return 0
}

// ParseIBAN finds an IBAN at the beginning of raw, printed in groups or not.
// valid says whether its check digits hold (ISO 7064, mod 97-10).
func ParseIBAN(raw string) (iban string, valid, ok bool) {
	s := strings.ToUpper(compact(raw))
	if len(s) < 15 {
		return "", false, false
	}
	n := ibanLength(s[:2])
	if n == 0 || len(s) < n {
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
	return s, ibanLength(s[4:6]) > 0 || strings.Contains("US CA AU NZ CN HK SG JP IN ZA MX KR TH MY ID PH AR CL CO PE", s[4:6])
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
