package extract

import (
	"strings"
	"time"

	"intray/daemon/extract/mrz"
)

// zones finds machine readable zones on a page.
func zones(s sheet) (out []zone) {
	var lines []string
	var rows []int
	for i := range s.rows {
		if line := mrz.Clean(s.rows[i].whole()); mrz.Likely(line) {
			lines, rows = append(lines, line), append(rows, i)
		}
	}
	for at := 0; at < len(lines); {
		d, used, ok := mrz.Parse(lines[at:])
		if !ok {
			at++
			continue
		}
		z := zone{Document: d, page: s.number, confidence: 1}
		for k := range used {
			r := &s.rows[rows[at+k]]
			z.boxes, z.raw = append(z.boxes, r.box), append(z.raw, r.whole())
			z.confidence = min(z.confidence, r.confidence(span{0, len(r.tokens)}))
		}
		out = append(out, z)
		at += used
	}
	return out
}

// Scores of what a zone says: certain where its check digits hold, little where
// they fail, and in between where there are none.
const (
	checked   = 0.99
	unchecked = 0.9
	failing   = 0.3
)

// zoneCandidates adds what the machine readable zone says.
func (x *search) zoneCandidates() {
	for _, z := range x.zones {
		valid := z.Valid()
		unprotected := failing
		if valid {
			unprotected = unchecked
		}
		x.fromZone(z, "document_number", z.Number, z.Checks.Number, 1)
		x.fromZone(z, "date_of_birth", date(z.Birth, z.Expiry, true), z.Checks.Birth, 1)
		x.fromZone(z, "expiry_date", date(z.Expiry, z.Expiry, false), z.Checks.Expiry, 1)
		x.fromZone(z, "personal_number", z.Personal, z.Checks.Personal && z.Format == mrz.TD3, 1)
		for name, v := range map[string]string{"surname": z.Surname, "given_names": z.Given, "full_name": strings.TrimSpace(z.Given + " " + z.Surname),
			"issuing_country": z.Issuer, "nationality": z.Nationality, "sex": z.Sex, "document_type": documentType(z.Type)} {
			x.withScore(z, name, v, unprotected, 0)
		}
		for i, line := range z.Lines {
			x.fromZone(z, "mrz_line"+string(rune('1'+i)), line, valid, i)
		}
	}
}

func (x *search) fromZone(z zone, name, val string, holds bool, line int) {
	score := failing
	if holds {
		score = checked
	}
	x.withScore(z, name, val, score, line)
}

// withScore adds a candidate. Where check digits hold, how well single letters
// were read no longer matters.
func (x *search) withScore(z zone, name, val string, score float64, line int) {
	i := x.class.index(name)
	if i < 0 || val == "" {
		return
	}
	c := candidate{value: val, raw: z.raw[min(line, len(z.raw)-1)], score: score, confidence: z.confidence, page: z.page,
		box: z.boxes[min(line, len(z.boxes)-1)], from: "mrz"}
	if score == failing {
		c.doubt = "check_digits"
	} else {
		c.confidence = max(z.confidence, 0.97)
	}
	// What is checked outweighs what is printed, and what fails is outweighed.
	if score >= unchecked {
		for k := range x.found[i] {
			x.found[i][k].score = min(x.found[i][k].score, unchecked-0.1)
		}
	}
	x.found[i] = append([]candidate{c}, x.found[i]...)
}

// date completes a zone's two-digit year. Births lie before the document's
// expiry, expiries within 50 years of today's documents: after 1990.
func date(yymmdd, expiry string, birth bool) string {
	if len(yymmdd) != 6 || countDigits(yymmdd) != 6 {
		return ""
	}
	year := "20"
	if birth && yymmdd > expiry || !birth && yymmdd[:2] > "69" {
		year = "19"
	}
	if birth && year == "20" && countDigits(expiry) == 6 && yymmdd[:2] > expiry[:2] {
		year = "19"
	}
	iso := year + yymmdd[:2] + "-" + yymmdd[2:4] + "-" + yymmdd[4:]
	if _, err := time.Parse(time.DateOnly, iso); err != nil {
		return ""
	}
	return iso
}

// documentType puts a zone's document code into words.
func documentType(code string) string {
	switch {
	case strings.HasPrefix(code, "P"):
		return "passport"
	case strings.HasPrefix(code, "V"):
		return "visa"
	}
	return "identity_card"
}
