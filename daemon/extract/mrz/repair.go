package mrz

import "strings"

// digits replaces letters by the digits they look like in OCR-B; used where only
// digits stand.
func digits(s string) string {
	return strings.NewReplacer("O", "0", "D", "0", "Q", "0", "I", "1", "L", "1", "Z", "2", "A", "4", "S", "5", "G", "6", "T", "7", "B", "8").Replace(s)
}

// letters replaces digits by letters; used where only letters stand.
func letters(s string) string {
	return strings.NewReplacer("0", "O", "1", "I", "2", "Z", "5", "S", "6", "G", "8", "B").Replace(s)
}

// repair mends what the format itself tells is misread (dates and check digits
// are digits), then what check digits confirm.
func (z *zone) repair() {
	for _, p := range []place{z.l.birth, z.l.expiry} {
		z.mendDigits(p)
		z.mendDigits(place{p.line, p.to, p.to + 1})
	}
	z.mendDigits(place{z.l.number.line, z.l.number.to, z.l.number.to + 1})
	z.mendDigits(z.l.composite)
	z.mend(z.l.number, z.numberHolds)
	if z.format == TD3 {
		z.mendDigits(place{1, 42, 43})
		z.mend(z.l.personal, func() bool { return z.holds(z.l.personal) })
	}
}

func (z *zone) mendDigits(p place) { z.set(p, digits(z.at(p))) }

// mostSpots bounds how many characters of a field are tried, and mostChanges how
// many are changed at once.
const mostSpots, mostChanges = 10, 3

// mend replaces letters in a field by the digits they look like, fewest changes
// first, until its check digit holds. A check digit fits by chance in one case of
// ten, so there must be only one way to make it hold, and digits are never made
// letters. What cannot be confirmed stays as it was read.
func (z *zone) mend(p place, check func() bool) {
	if check() {
		z.zeros(p, check)
		return
	}
	as := z.at(p)
	var spots []int
	for i := range len(as) {
		if digits(as[i:i+1]) != as[i:i+1] && len(spots) < mostSpots {
			spots = append(spots, i)
		}
	}
	for changes := 1; changes <= mostChanges; changes++ {
		var fits []string
		z.try(p, []byte(as), spots, changes, func(s string) {
			if check() {
				fits = append(fits, s)
			}
		})
		if len(fits) == 1 {
			z.set(p, fits[0])
			return
		}
		if len(fits) > 1 {
			break
		}
	}
	z.set(p, as)
}

// mostSeries is how many letters a number begins with at most.
const mostSeries = 3

// zeros prefers zeros to the letter O where the check digits hold either way
// (some sets of places weigh the same modulo 10), but only where no letter is to be
// expected: behind the few letters that a number of digits may begin with.
func (z *zone) zeros(p place, check func() bool) {
	as, composite := z.at(p), z.composite()
	first := strings.IndexAny(as, "0123456789")
	if first > mostSeries { // no series is that long: its last letters are digits
		first = len(strings.TrimRight(as[:first], "O"))
	}
	if first < 0 || first > mostSeries || strings.Trim(as[first:], "0123456789O<") != "" {
		return
	}
	z.set(p, as[:first]+strings.ReplaceAll(as[first:], "O", "0"))
	if !check() || z.composite() != composite {
		z.set(p, as)
	}
}

// try calls fn with every way to replace so many of the letters at spots.
func (z *zone) try(p place, s []byte, spots []int, changes int, fn func(string)) {
	if changes == 0 {
		z.set(p, string(s))
		fn(string(s))
		return
	}
	for i, at := range spots {
		was := s[at]
		s[at] = digits(string(was))[0]
		z.try(p, s, spots[i+1:], changes-1, fn)
		s[at] = was
	}
}
