package mrz

import "strings"

// place is where a field stands: line and columns, from 0.
type place struct{ line, from, to int }

// layout is where a format has its fields; check digits stand right behind.
type layout struct {
	number, birth, sex, expiry, nationality, personal, composite place
	// over are the parts the composite check digit is over, in order.
	over []place
}

// layouts are those of ICAO 9303, part 5 (TD1), part 6 (TD2) and part 4 (TD3).
func layoutOf(format string) layout {
	switch format {
	case TD1:
		return layout{number: place{0, 5, 14}, birth: place{1, 0, 6}, sex: place{1, 7, 8}, expiry: place{1, 8, 14},
			nationality: place{1, 15, 18}, personal: place{0, 15, 30}, composite: place{1, 29, 30},
			over: []place{{0, 5, 30}, {1, 0, 7}, {1, 8, 15}, {1, 18, 29}}}
	case TD2:
		return layout{number: place{1, 0, 9}, birth: place{1, 13, 19}, sex: place{1, 20, 21}, expiry: place{1, 21, 27},
			nationality: place{1, 10, 13}, personal: place{1, 28, 35}, composite: place{1, 35, 36},
			over: []place{{1, 0, 10}, {1, 13, 20}, {1, 21, 35}}}
	}
	return layout{number: place{1, 0, 9}, birth: place{1, 13, 19}, sex: place{1, 20, 21}, expiry: place{1, 21, 27},
		nationality: place{1, 10, 13}, personal: place{1, 28, 42}, composite: place{1, 43, 44},
		over: []place{{1, 0, 10}, {1, 13, 20}, {1, 21, 43}}}
}

// read takes the fields out of lines of the right length.
func read(format string, lines []string) Document {
	l := layoutOf(format)
	z := zone{lines: lines, l: l, format: format}
	z.repair()
	d := Document{Format: format, Lines: z.lines, Checks: z.checks()}
	d.Type = strings.Trim(z.lines[0][0:2], "<")
	d.Issuer = strings.TrimRight(letters(z.lines[0][2:5]), "<")
	d.Surname, d.Given = names(letters(z.name()))
	d.Number = strings.TrimRight(z.at(l.number), "<")
	d.Nationality = strings.TrimRight(letters(z.at(l.nationality)), "<")
	d.Birth, d.Expiry = z.at(l.birth), z.at(l.expiry)
	switch z.at(l.sex) {
	case "M", "F":
		d.Sex = z.at(l.sex)
	default:
		d.Sex = "X"
	}
	d.Personal = strings.Trim(z.at(l.personal), "<")
	if format == TD1 && z.lines[0][14] == '<' { // a long number goes on in the optional data (part 5, 4.2.4)
		if rest, _, _ := strings.Cut(z.at(l.personal), "<"); len(rest) > 1 {
			d.Number += rest[:len(rest)-1]
			d.Personal = strings.Trim(z.at(l.personal)[len(rest):], "<")
		}
	}
	return d
}

// zone is a machine readable zone being read.
type zone struct {
	format string
	lines  []string
	l      layout
}

func (z *zone) at(p place) string { return z.lines[p.line][p.from:p.to] }

// digit is the check digit behind a field.
func (z *zone) digit(p place) byte { return z.lines[p.line][p.to] }

func (z *zone) set(p place, s string) {
	line := z.lines[p.line]
	z.lines[p.line] = line[:p.from] + s + line[p.to:]
}

func (z *zone) name() string {
	if z.format == TD1 {
		return z.lines[2]
	}
	return z.lines[0][5:]
}

// names parts surname and given names.
func names(s string) (surname, given string) {
	surname, given, _ = strings.Cut(strings.TrimRight(s, "<"), "<<")
	join := func(s string) string {
		return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '<' }), " ")
	}
	return join(surname), join(given)
}

// Check is the check digit of ICAO 9303, part 3, 4.9: weights 7, 3, 1, modulo 10.
func Check(s string) byte {
	sum := 0
	for i := range len(s) {
		v := 0
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10)
}

func (z *zone) holds(p place) bool {
	s, digit := z.at(p), z.digit(p)
	if digit == '<' { // allowed where the field is empty
		return strings.Trim(s, "<") == ""
	}
	return Check(s) == digit
}

func (z *zone) checks() Checks {
	c := Checks{Number: z.numberHolds(), Birth: z.holds(z.l.birth), Expiry: z.holds(z.l.expiry), Personal: true, Composite: z.composite()}
	if z.format == TD3 {
		c.Personal = z.holds(z.l.personal)
	}
	return c
}

// numberHolds knows that a long number of a TD1 has its check digit at its end.
func (z *zone) numberHolds() bool {
	if z.format == TD1 && z.digit(z.l.number) == '<' {
		rest, _, _ := strings.Cut(z.at(z.l.personal), "<")
		return len(rest) > 1 && Check(z.at(z.l.number)+rest[:len(rest)-1]) == rest[len(rest)-1]
	}
	return z.holds(z.l.number)
}

func (z *zone) composite() bool {
	s := ""
	for _, p := range z.l.over {
		s += z.at(p)
	}
	return Check(s) == z.at(z.l.composite)[0]
}
