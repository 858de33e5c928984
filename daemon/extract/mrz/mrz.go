// Package mrz reads the machine readable zones of passports and identity cards
// (ICAO 9303, parts 3 to 6: TD1, TD2 and TD3).
//
// It takes lines of text and knows no pages. Characters that are easily misread
// are replaced only where the zone's own check digits then hold.
package mrz

import (
	"strings"
	"unicode"
)

// Formats of ICAO 9303.
const (
	TD1 = "TD1" // cards: three lines of 30
	TD2 = "TD2" // two lines of 36
	TD3 = "TD3" // passports: two lines of 44
)

// Document is what a zone says. Dates are as printed, yymmdd.
type Document struct {
	Format         string
	Lines          []string
	Type           string // the document's code: P, ID, AC, ...
	Issuer         string
	Surname, Given string
	Number         string
	Nationality    string
	Birth, Expiry  string
	Sex            string // M, F or X
	Personal       string // optional data
	// Checks are the check digits by what they are over.
	Checks Checks
}

// Checks says which check digits hold. Personal is true where there is none.
type Checks struct{ Number, Birth, Expiry, Personal, Composite bool }

// Valid is true when all check digits hold.
func (d Document) Valid() bool {
	c := d.Checks
	return c.Number && c.Birth && c.Expiry && c.Personal && c.Composite
}

// length of a line and how many there are.
func shape(format string) (lines, length int) {
	switch format {
	case TD1:
		return 3, 30
	case TD2:
		return 2, 36
	}
	return 2, 44
}

// Clean makes a printed line into the zone's characters: capitals, digits and
// fillers. What reads like a filler, and spaces, are taken for such and dropped.
func Clean(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '<':
			return r
		case strings.ContainsRune("«‹", r):
			return '<'
		case r >= 'a' && r <= 'z':
			return unicode.ToUpper(r)
		}
		return -1
	}, strings.ReplaceAll(line, "«", "<<"))
}

// slack is by how many characters a line may differ from its format's length:
// fillers at a line's end are easily lost or doubled.
const slack = 6

// Likely is true for a cleaned line that may belong to a zone.
func Likely(line string) bool {
	n := len(line)
	if n < 30-slack || n > 44+slack {
		return false
	}
	fillers, digits := strings.Count(line, "<"), 0
	for _, r := range line {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return fillers >= 4 || fillers >= 1 && digits >= 10
}

// Parse reads the zone that begins with the first of the cleaned lines; ok is
// false when they are none. used is how many lines it took. Lines of a length
// between two formats are read as the one whose check digits hold.
func Parse(lines []string) (d Document, used int, ok bool) {
	best := -1
	for _, format := range []string{TD3, TD2, TD1} {
		n, length := shape(format)
		if len(lines) < n {
			continue
		}
		fitted := make([]string, n)
		fits, off := true, 0
		for i := range n {
			line, good := fit(lines[i], length, i == nameLine(format))
			fitted[i], fits = line, fits && good
			off += max(len(lines[i])-length, length-len(lines[i]))
		}
		if !fits || !begins(format, fitted[0]) {
			continue
		}
		read := read(format, fitted)
		c := read.Checks
		if !c.Number && !c.Birth && !c.Expiry {
			continue
		}
		score := 100 - off
		for _, holds := range []bool{c.Number, c.Birth, c.Expiry, c.Personal, c.Composite} {
			if holds {
				score += 100
			}
		}
		if score > best {
			best, d, used, ok = score, read, n, true
		}
	}
	return d, used, ok
}

func nameLine(format string) int {
	if format == TD1 {
		return 2
	}
	return 0
}

// begins is true for a first line with a document code of the format's kind.
func begins(format, line string) bool {
	if format == TD3 {
		return line[0] == 'P'
	}
	return strings.ContainsRune("ACIPV", rune(line[0]))
}

// fit brings a line to its length: a name's fillers may be more or fewer, and
// elsewhere the longest run of fillers.
func fit(line string, length int, name bool) (string, bool) {
	d := length - len(line)
	switch {
	case d == 0:
		return line, true
	case d > slack || -d > slack:
		return "", false
	case name && d > 0:
		return line + strings.Repeat("<", d), true
	case name:
		// Fillers at the end read as letters, and too many of them.
		line = strings.TrimRight(line, "<")
		if len(line) > length {
			line = line[:length]
		}
		return line + strings.Repeat("<", length-len(line)), true
	}
	at, run := longestRun(line)
	switch {
	case run < 2 && d > 0, run < -d:
		return "", false
	case d > 0:
		return line[:at] + strings.Repeat("<", d) + line[at:], true
	}
	return line[:at] + line[at-d:], true
}

func longestRun(line string) (at, n int) {
	for i := 0; i < len(line); {
		j := i
		for j < len(line) && line[j] == '<' {
			j++
		}
		if j-i > n {
			at, n = i, j-i
		}
		i = max(j, i+1)
	}
	return at, n
}
