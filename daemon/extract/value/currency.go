package value

import (
	"strings"
	"unicode"

	"golang.org/x/text/currency"
)

// signs are the currency signs of print, longest first, with their ISO 4217
// codes. A bare dollar sign is taken for the US dollar's.
func signs() []struct{ sign, code string } {
	return []struct{ sign, code string }{{"US$", "USD"}, {"C$", "CAD"}, {"CA$", "CAD"}, {"A$", "AUD"}, {"AU$", "AUD"}, {"S$", "SGD"},
		{"HK$", "HKD"}, {"NZ$", "NZD"}, {"R$", "BRL"}, {"MX$", "MXN"}, {"€", "EUR"}, {"£", "GBP"}, {"¥", "JPY"}, {"₹", "INR"},
		{"₽", "RUB"}, {"₺", "TRY"}, {"₩", "KRW"}, {"zł", "PLN"}, {"Kč", "CZK"}, {"Fr.", "CHF"}, {"SFr.", "CHF"}, {"RM", "MYR"}, {"$", "USD"}}
}

// longestSign is in bytes, in whatever case.
const longestSign = 5

// ParseCurrency reads a currency's sign, code or name.
func ParseCurrency(raw string) (code string, ok bool) {
	s := strings.Trim(strings.TrimSpace(raw), "()[].,:;")
	if len(s) <= longestSign {
		for _, c := range signs() {
			if strings.EqualFold(s, strings.TrimSuffix(c.sign, ".")) {
				return c.code, true
			}
		}
	}
	switch Fold(s) {
	case "euro", "euros":
		return "EUR", true
	case "usdollar", "usdollars":
		return "USD", true
	case "schweizerfranken":
		return "CHF", true
	}
	// Only codes in capitals: "all", "try" and "top" are words.
	if len(s) != 3 || strings.ToUpper(s) != s {
		return "", false
	}
	unit, err := currency.ParseISO(s)
	if err != nil || unit == currency.XXX || unit == currency.XTS {
		return "", false
	}
	return unit.String(), true
}

// cutCurrency takes a currency off either end of an amount.
func cutCurrency(s string) (rest, code string) {
	if s == "" || hasDigit(s[:1]) && hasDigit(s[len(s)-1:]) {
		return s, ""
	}
	for _, c := range signs() {
		if r, ok := strings.CutPrefix(s, c.sign); ok {
			return strings.TrimSpace(r), c.code
		}
		if r, ok := strings.CutSuffix(s, c.sign); ok {
			return strings.TrimSpace(r), c.code
		}
		if r, ok := strings.CutPrefix(s, "-"+c.sign); ok {
			return "-" + strings.TrimSpace(r), c.code
		}
	}
	letters := func(r rune) bool { return !unicode.IsLetter(r) }
	if i := strings.IndexFunc(s, letters); i == 3 {
		if code, ok := ParseCurrency(s[:3]); ok {
			return strings.TrimSpace(s[3:]), code
		}
	}
	if i := strings.LastIndexFunc(s, letters); i >= 0 && len(s)-i-1 == 3 {
		if code, ok := ParseCurrency(s[i+1:]); ok {
			return strings.TrimSpace(s[:i+1]), code
		}
	}
	return s, ""
}
