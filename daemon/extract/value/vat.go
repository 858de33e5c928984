package value

import (
	"regexp"
	"strings"
)

// vatShape is the form of a country's VAT numbers (EU VIES, Switzerland and the
// United Kingdom), without the country's prefix; "" for others. It is asked for
// every word of a page.
func vatShape(country string) string {
	switch country {
	case "AT":
		return `U\d{8}`
	case "BE":
		return `[01]\d{9}`
	case "BG":
		return `\d{9,10}`
	case "CY":
		return `\d{8}[A-Z]`
	case "CZ":
		return `\d{8,10}`
	case "DE", "EE", "EL", "PT":
		return `\d{9}`
	case "DK", "FI", "HU", "LU", "MT", "SI":
		return `\d{8}`
	case "ES":
		return `[A-Z0-9]\d{7}[A-Z0-9]`
	case "FR":
		return `[A-Z0-9]{2}\d{9}`
	case "GB":
		return `\d{9}(?:\d{3})?`
	case "HR", "IT", "LV":
		return `\d{11}`
	case "IE":
		return `\d[A-Z0-9]\d{5}[A-Z]{1,2}`
	case "LT":
		return `(?:\d{9}|\d{12})`
	case "NL":
		return `\d{9}B\d{2}`
	case "PL", "SK":
		return `\d{10}`
	case "RO":
		return `\d{2,10}`
	case "SE":
		return `\d{12}`
	case "CHE":
		return `\d{9}(?:MWST|TVA|IVA)?`
	}
	return ""
}

// ParseVATID reads a VAT number with its country's prefix, printed in groups or
// not. valid says whether its check digits hold; of countries whose rule is not
// known here the form alone decides.
func ParseVATID(raw string) (id string, valid, ok bool) {
	s := strings.ToUpper(compact(raw))
	if len(s) < 4 || len(s) > 18 {
		return "", false, false
	}
	country, rest := s[:2], s[2:]
	if strings.HasPrefix(s, "CHE") {
		country, rest = "CHE", s[3:]
	}
	shape := vatShape(country)
	if shape == "" {
		return "", false, false
	}
	whole := regexp.MustCompile(`^` + shape + `$`)
	if !whole.MatchString(rest) {
		mended, changed := mendDigits(rest)
		if !changed || !whole.MatchString(mended) || !vatChecks(country, mended) {
			return "", false, false
		}
		rest = mended
	}
	return country + rest, vatChecks(country, rest), true
}

// vatChecks applies the country's rule, as published by the tax authorities and
// collected in the European Commission's VIES documentation.
func vatChecks(country, s string) bool {
	switch country {
	case "DE": // ISO 7064, mod 11-10
		return mod1110(s)
	case "HR":
		return mod1110(s)
	case "FR":
		return frenchVAT(s)
	case "IT":
		return luhn(s)
	case "SE":
		return luhn(s[:10])
	case "AT":
		return austrianVAT(s[1:])
	case "BE":
		return number(s[:8])%97 == 97-number(s[8:])
	case "LU":
		return number(s[:6])%89 == number(s[6:])
	case "DK":
		return weighted(s, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
	case "NL": // the rule before 2020, or mod 97 of the whole
		return (weighted(s[:8], 9, 8, 7, 6, 5, 4, 3, 2)-digit(s[8]))%11 == 0 || mod97("NL00"+s[:9]+"B"+s[10:]) || mod97Whole("NL"+s)
	case "PL":
		return weighted(s[:9], 6, 5, 7, 2, 3, 4, 5, 6, 7)%11 == digit(s[9])
	case "PT":
		c := 11 - weighted(s[:8], 9, 8, 7, 6, 5, 4, 3, 2)%11
		return c%11 == digit(s[8]) || c == 10 && s[8] == '0'
	case "FI":
		return weighted(s, 7, 9, 10, 5, 8, 4, 2, 1)%11 == 0
	case "ES":
		return spanishVAT(s)
	case "GB":
		sum := weighted(s[:7], 8, 7, 6, 5, 4, 3, 2) + number(s[7:9])
		return sum%97 == 0 || (sum+55)%97 == 0
	case "CHE":
		c := 11 - weighted(s[:8], 5, 4, 3, 2, 7, 6, 5, 4)%11
		return c%11 == digit(s[8])
	}
	return true
}

func digit(b byte) int { return int(b - '0') }

func number(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + digit(s[i])
	}
	return n
}

func weighted(s string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * digit(s[i])
	}
	return sum
}

// mod1110 is ISO 7064's mod 11-10 over digits, the last being the check digit.
func mod1110(s string) bool {
	p := 10
	for i := range len(s) - 1 {
		sum := (digit(s[i]) + p) % 10
		if sum == 0 {
			sum = 10
		}
		p = 2 * sum % 11
	}
	return (11-p)%10 == digit(s[len(s)-1])
}

// mod97Whole is mod 97-10 with letters as 10 to 35 and the check at the end.
func mod97Whole(s string) bool {
	rest := 0
	for _, r := range s {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	return rest == 1
}

func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := digit(s[len(s)-1-i])
		if i%2 == 1 {
			d = d*2 - d/5*9
		}
		sum += d
	}
	return sum%10 == 0
}

func frenchVAT(s string) bool {
	if s[0] > '9' || s[1] > '9' {
		return true // keys with letters follow a rule of their own
	}
	return number(s[:2]) == (12+3*(number(s[2:])%97))%97
}

func austrianVAT(s string) bool {
	sum := 4
	for i := range 7 {
		d := digit(s[i])
		if i%2 == 1 {
			d = d/5 + d*2%10
		}
		sum += d
	}
	return (10-sum%10)%10 == digit(s[7])
}

const nifLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

// spanishVAT checks a NIF of a person or of a company.
func spanishVAT(s string) bool {
	first, last := s[0], s[8]
	if first <= '9' || first == 'X' || first == 'Y' || first == 'Z' { // persons
		digits := s[:8]
		if first > '9' {
			digits = string('0'+first-'X') + s[1:8]
		}
		return last == nifLetters[number(digits)%23]
	}
	sum := 0
	for i := range 7 {
		d := digit(s[1+i])
		if i%2 == 0 {
			d = d/5 + d*2%10
		}
		sum += d
	}
	c := (10 - sum%10) % 10
	return last == byte('0'+c) || last == "JABCDEFGHI"[c]
}
