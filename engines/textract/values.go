package textract

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// decimal reads an amount as Textract gives it, which is as it is printed, into a
// decimal with a point; "" for one that cannot be understood. The last of points
// and commas parts the decimals unless three digits follow it or it stands there
// more than once.
func decimal(text string) string {
	number, negative := digitsOf(text)
	if number == "" {
		return ""
	}
	whole, part := number, ""
	if at := strings.LastIndexAny(number, ".,"); at >= 0 {
		mark, after := number[at:at+1], number[at+1:]
		// 0.125 has thousandths; 1.125 has more likely none.
		grouped := len(after) == 3 && strings.Trim(number[:at], "0") != ""
		if !grouped && strings.Count(number, mark) == 1 {
			whole, part = number[:at], after
		}
	}
	whole = strings.TrimLeft(strings.NewReplacer(".", "", ",", "").Replace(whole), "0")
	if whole == "" {
		whole = "0"
	}
	if part != "" {
		whole += "." + part
	}
	if negative && strings.Trim(whole, "0.") != "" {
		whole = "-" + whole
	}
	return whole
}

// digitsOf keeps the digits, points and commas of the one number in text. What
// stands around them is a currency or a tax code; a second number makes it "".
func digitsOf(text string) (number string, negative bool) {
	text = strings.TrimSpace(text)
	negative = strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")")
	var out []rune
	ended := false
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			if ended {
				return "", false
			}
			out = append(out, r)
		case (r == '.' || r == ',') && len(out) > 0 && !ended:
			out = append(out, r)
		case (r == '-' || r == '−'):
			negative = true
			ended = ended || len(out) > 0
		case unicode.IsSpace(r) || r == '\'' || r == '’':
			// Spaces and apostrophes group thousands.
		default:
			ended = ended || len(out) > 0
		}
	}
	return strings.Trim(string(out), ".,"), negative
}

// dates are the forms a date is printed in. The first three are written with
// numbers alone.
var (
	yearFirst = regexp.MustCompile(`\b(\d{4})[-./](\d{1,2})[-./](\d{1,2})\b`)
	yearLast  = regexp.MustCompile(`\b(\d{1,2})[-./ ](\d{1,2})[-./ ](\d{4}|\d{2})\b`)
	dayMonth  = regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th|er|\.|º)?[\s.-]*(?:de\s+)?(\p{L}{3,})\.?,?[\s.-]*(?:de\s+)?(\d{4})\b`)
	monthDay  = regexp.MustCompile(`(\p{L}{3,})\.?\s*(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b`)
)

// months are beginnings of their names in the languages that Textract reads.
var months = map[string]time.Month{
	"jan": 1, "ene": 1, "gen": 1, "feb": 2, "fev": 2, "fév": 2, "mar": 3, "mär": 3, "apr": 4, "abr": 4, "avr": 4,
	"may": 5, "mai": 5, "mag": 5, "jun": 6, "giu": 6, "juin": 6, "jul": 7, "lug": 7, "juil": 7, "aug": 8, "ago": 8, "aoû": 8, "aou": 8,
	"sep": 9, "set": 9, "oct": 10, "okt": 10, "ott": 10, "out": 10, "nov": 11, "dec": 12, "dez": 12, "dic": 12, "déc": 12,
}

// isoDate reads a printed date. twoWays is set where day and month can be
// exchanged and order ("dmy" or "mdy") does not say; then iso is "".
func isoDate(text, order string) (iso string, twoWays bool) {
	if m := yearFirst.FindStringSubmatch(text); m != nil {
		return day(m[1], m[2], m[3]), false
	}
	lower := strings.ToLower(text)
	if m := dayMonth.FindStringSubmatch(lower); m != nil {
		if month := monthOf(m[2]); month > 0 {
			return day(m[3], fmt.Sprint(int(month)), m[1]), false
		}
	}
	if m := monthDay.FindStringSubmatch(lower); m != nil {
		if month := monthOf(m[1]); month > 0 {
			return day(m[3], fmt.Sprint(int(month)), m[2]), false
		}
	}
	m := yearLast.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	dmy, mdy := day(m[3], m[2], m[1]), day(m[3], m[1], m[2])
	switch {
	case dmy == "" || mdy == dmy:
		return mdy, false
	case mdy == "" || order == "dmy":
		return dmy, false
	case order == "mdy":
		return mdy, false
	}
	return "", true
}

func monthOf(name string) time.Month {
	letters := []rune(name)
	for _, n := range []int{4, 3} {
		if len(letters) >= n {
			if month := months[string(letters[:n])]; month > 0 {
				return month
			}
		}
	}
	return 0
}

// day is the ISO form; "" for a day that the calendar does not have. A year of
// two digits is of this century.
func day(year, month, date string) string {
	if len(year) == 2 {
		year = "20" + year
	}
	t, err := time.Parse("2006-1-2", year+"-"+month+"-"+date)
	if err != nil {
		return ""
	}
	return t.Format(time.DateOnly)
}
