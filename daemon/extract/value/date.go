package value

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Order says which of day and month comes first where both are possible.
type Order int

// Orders.
const (
	DayFirst Order = iota
	MonthFirst
)

// ParsedDate is a date as it was printed.
type ParsedDate struct {
	// ISO is the date as yyyy-mm-dd (ISO 8601).
	ISO string
	// Ambiguous is true when only the order decided which is the day.
	Ambiguous bool
	// Proves is true when the print itself shows that Order comes first.
	Proves bool
	Order  Order
	// Mended is true when characters were replaced or supplied to read it.
	Mended bool
}

var (
	yearFirst = regexp.MustCompile(`(?:^|[^\d.,/-])((?:19|20)\d\d) ?([-/.]) ?(\d{1,2}) ?[-/.] ?(\d{1,2})(?:$|\D)`)
	yearLast  = regexp.MustCompile(`(?:^|[^\d.,/-])(\d{1,2}) ?([-/.,]) ?(\d{1,2}) ?[-/.,] ?(\d{4}|\d{2})(?:$|[^\d.,/-]|[.,/-](?:\s|$))`)
	// A mark that got lost between day and month: 1102/2019.
	lostMark  = regexp.MustCompile(`(?:^|\D)(\d{2})(\d{2})[-/.]((?:19|20)\d\d)(?:$|\D)`)
	dayName   = regexp.MustCompile(`(?i)(?:^|[^\d.,])(\d{1,2})(?:st|nd|rd|th|er|\.|º)?[ \-/.]*(?:de |of )?([\p{L}]{3,10})\.?,?[ \-/.]*(?:de |del )?('?\d{2}|\d{4})(?:$|\D)`)
	nameDay   = regexp.MustCompile(`(?i)(?:^|[^\p{L}])([\p{L}]{3,10})\.? ?(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})(?:$|\D)`)
	dateChars = regexp.MustCompile(`[0-9OoIlBSZ]{1,4}[-/.][0-9OoIlBSZ]{1,2}[-/.][0-9OoIlBSZ]{2,4}`)
)

// months are the beginnings of month names, folded, in English, German, French
// and Spanish; longer ones first where one begins another.
func months() []struct {
	name  string
	month int
} {
	return []struct {
		name  string
		month int
	}{{"jan", 1}, {"ene", 1}, {"fev", 2}, {"feb", 2}, {"mars", 3}, {"mar", 3}, {"maer", 3}, {"mrz", 3}, {"apr", 4}, {"avr", 4}, {"abr", 4},
		{"may", 5}, {"mai", 5}, {"juin", 6}, {"juil", 7}, {"jun", 6}, {"jul", 7}, {"aug", 8}, {"aou", 8}, {"ago", 8}, {"sep", 9}, {"set", 9},
		{"oct", 10}, {"okt", 10}, {"nov", 11}, {"dec", 12}, {"dez", 12}, {"dic", 12}}
}

func monthNamed(name string) int {
	folded := Fold(name)
	for _, m := range months() {
		if strings.HasPrefix(folded, m.name) {
			return m.month
		}
	}
	return 0
}

// ParseDate finds the first date in raw. order decides about 04/05/2019.
func ParseDate(raw string, order Order) (ParsedDate, bool) {
	if len(raw) > 200 {
		raw = raw[:200]
	}
	if !hasDigit(raw) {
		return ParsedDate{}, false
	}
	if m := yearFirst.FindStringSubmatch(raw); m != nil {
		if iso, ok := isoDate(m[1], m[3], m[4]); ok {
			return ParsedDate{ISO: iso}, true
		}
	}
	if m := yearLast.FindStringSubmatch(raw); m != nil {
		if d, ok := numeric(m[1], m[3], m[4], order); ok {
			// Points are the mark of countries that put the day first.
			d.Ambiguous = d.Ambiguous && (m[2] != "." || order == MonthFirst)
			return d, true
		}
	}
	if m := dayName.FindStringSubmatch(raw); m != nil && monthNamed(m[2]) > 0 {
		if iso, ok := isoDate(m[3], strconv.Itoa(monthNamed(m[2])), m[1]); ok {
			return ParsedDate{ISO: iso}, true
		}
	}
	if m := nameDay.FindStringSubmatch(raw); m != nil && monthNamed(m[1]) > 0 {
		if iso, ok := isoDate(m[3], strconv.Itoa(monthNamed(m[1])), m[2]); ok {
			return ParsedDate{ISO: iso}, true
		}
	}
	return mendedDate(raw, order)
}

// mendedDate reads dates with a lost mark or letters for digits.
func mendedDate(raw string, order Order) (ParsedDate, bool) {
	if m := lostMark.FindStringSubmatch(raw); m != nil {
		if d, ok := numeric(m[1], m[2], m[3], order); ok {
			d.Mended = true
			return d, true
		}
	}
	if m := dateChars.FindString(raw); m != "" {
		if mended, changed := mendDigits(m); changed {
			if d, ok := ParseDate(mended, order); ok {
				d.Mended = true
				return d, true
			}
		}
	}
	return ParsedDate{}, false
}

// numeric reads a date of three numbers, the year last.
func numeric(a, b, year string, order Order) (ParsedDate, bool) {
	dayFirst, ok1 := isoDate(year, b, a)
	monthFirst, ok2 := isoDate(year, a, b)
	switch {
	case ok1 && ok2 && a != b:
		d := ParsedDate{ISO: dayFirst, Ambiguous: true, Order: order}
		if order == MonthFirst {
			d.ISO = monthFirst
		}
		return d, true
	case ok1:
		return ParsedDate{ISO: dayFirst, Proves: !ok2, Order: DayFirst}, true
	case ok2:
		return ParsedDate{ISO: monthFirst, Proves: true, Order: MonthFirst}, true
	}
	return ParsedDate{}, false
}

// centuryTurn: two-digit years from here on are of the 20th century.
const centuryTurn = 70

func isoDate(year, month, day string) (string, bool) {
	y, err1 := strconv.Atoi(strings.TrimPrefix(year, "'"))
	m, err2 := strconv.Atoi(month)
	d, err3 := strconv.Atoi(day)
	if err1 != nil || err2 != nil || err3 != nil {
		return "", false
	}
	if y < 100 {
		y += 1900
		if y < 1900+centuryTurn {
			y += 100
		}
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < 1900 || y > 2099 || t.Day() != d || int(t.Month()) != m {
		return "", false
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, m, d), true
}

var clockShape = regexp.MustCompile(`(?i)(?:^|[^\d:.])(\d{1,2})[:h](\d{2})(?:[:](\d{2}))?\s*([ap])?\.?m?\.?(?:$|[^\d])`)

// ParseTime finds the first time of day in raw: hh:mm or hh:mm:ss.
func ParseTime(raw string) (string, bool) {
	for _, m := range clockShape.FindAllStringSubmatch(raw, 5) {
		h, _ := strconv.Atoi(m[1]) // digits by the pattern
		minute, _ := strconv.Atoi(m[2])
		switch strings.ToLower(m[4]) {
		case "p":
			if h < 12 {
				h += 12
			}
		case "a":
			h %= 12
		}
		if h > 23 || minute > 59 || m[3] > "59" {
			continue
		}
		out := fmt.Sprintf("%02d:%02d", h, minute)
		if m[3] != "" {
			out += ":" + m[3]
		}
		return out, true
	}
	return "", false
}
