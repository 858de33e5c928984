package mrz

import "strings"

// confused are pairs of characters of OCR-B that are taken for each other.
func confused() map[byte]string {
	return map[byte]string{'0': "ODQ", 'O': "0", 'D': "0", 'Q': "0", '1': "IL", 'I': "1", 'L': "1", '2': "Z", 'Z': "2", '5': "S", 'S': "5",
		'6': "G", 'G': "6", '8': "B", 'B': "8", '4': "A", 'A': "4", '7': "T", 'T': "7"}
}

// digits replaces letters by the digits they look like; used where only digits
// stand.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		for _, c := range confused()[byte(r)] {
			if r >= 'A' && c >= '0' && c <= '9' {
				return c
			}
		}
		return r
	}, s)
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
	} else if !z.composite() {
		z.mend(z.l.personal, z.composite)
	}
}

func (z *zone) mendDigits(p place) { z.set(p, digits(z.at(p))) }

// mostSpots bounds how many characters of a field are tried both ways.
const mostSpots = 10

// mend tries the look-alikes in a field, fewest changes first, until its check
// digit holds. The composite check must hold then as well, unless another field
// spoils it: one digit in ten fits by chance. What cannot be confirmed stays as
// it was read.
func (z *zone) mend(p place, check func() bool) {
	if check() {
		z.zeros(p, check)
		return
	}
	c := z.checks()
	failing := 0
	for _, ok := range []bool{c.Number, c.Birth, c.Expiry, c.Personal} {
		if !ok {
			failing++
		}
	}
	holds := func() bool { return check() && (failing > 1 || z.composite()) }
	as := z.at(p)
	if all := digits(as); all != as { // most numbers are digits
		if z.set(p, all); holds() {
			return
		}
		z.set(p, as)
	}
	var spots []int
	for i := range len(as) {
		if confused()[as[i]] != "" && len(spots) < mostSpots {
			spots = append(spots, i)
		}
	}
	for changes := 1; changes <= 3; changes++ {
		if z.try(p, []byte(as), spots, changes, holds) {
			return
		}
	}
	z.set(p, as)
}

// zeros prefers zeros to the letter O where the check digits hold either way:
// ten of them weigh the same modulo 10, and numbers rarely have the letter.
func (z *zone) zeros(p place, check func() bool) {
	as, composite := z.at(p), z.composite()
	z.set(p, strings.ReplaceAll(as, "O", "0"))
	if !check() || z.composite() != composite {
		z.set(p, as)
	}
}

// try replaces so many of the characters at spots.
func (z *zone) try(p place, s []byte, spots []int, changes int, holds func() bool) bool {
	if changes == 0 {
		z.set(p, string(s))
		return holds()
	}
	for i, at := range spots {
		was := s[at]
		for _, c := range []byte(confused()[was]) {
			s[at] = c
			if z.try(p, s, spots[i+1:], changes-1, holds) {
				return true
			}
		}
		s[at] = was
	}
	return false
}
