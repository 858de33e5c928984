package extract

import (
	"regexp"
	"strings"
	"unicode"

	"intray/daemon/extract/value"
)

// nameSeen is a name that may be the sender's, with what speaks for it.
type nameSeen struct {
	candidate
	fold string
}

// Where names of senders stand: in the upper part of the first page, or in its
// imprint at the bottom.
const (
	letterheadPart = 0.4
	mostNames      = 24
	rowStep        = 0.07
)

var (
	notAName = regexp.MustCompile(`(?i)^(?:\W*(?:tax\s+invoice|invoice|rechnung|facture|factura|receipt|cash\s+bill|cash\s+sale|bill|quittung|kassenbon|ticket|` +
		`gutschrift|credit\s+note|avoir|welcome|thank\s+you|original|copy|duplicate|page|seite|date|datum|tel|fax|phone|gst|vat|reg|co\.?\s*no|company\s+no|` +
		`no\.?|lot|your|to|from|statement|kontoauszug|ihr|table|cashier|order|take\s?away|customer|ship\s+to|bill\s+to)\b)`)
	addressLike  = regexp.MustCompile(`(?i)\b(?:street|st\.|road|rd\.?|avenue|ave|lane|jalan|jln|taman|str\.|straße|strasse|platz|weg|rue|chemin|place|calle|plaza|avda|p\.?o\.? box|floor|suite)\b|\b\d{4,5}\b`)
	registration = regexp.MustCompile(`\s*(?:[([{][^)\]}]*\d{3,}.*|\bco\.?\s*(?:reg)?\.?\s*no\b.*|\d{4,}[\w-]*\W*)$`)
	webName      = regexp.MustCompile(`(?i)(?:www\.|https?://|@)([a-z0-9-]+)\.[a-z]{2,}`)
)

// letterhead collects names for fields that stand in the letterhead.
func (x *search) letterhead(s sheet) {
	wanted := -1
	for i, f := range x.class.fields {
		if f.Place == "letterhead" {
			wanted = i
		}
	}
	if wanted < 0 || x.page > 1 && len(x.names) > 0 {
		return
	}
	rank := 0
	for i := range s.rows {
		r := &s.rows[i]
		if i > 0 && r.box[1] > letterheadPart*s.height+s.rows[0].box[1] && rank > 2 {
			break
		}
		usable := false
		for _, cell := range r.cells {
			if x.addName(&s, r, cell, rank, x.addressed(&s, i, cell)) {
				usable = true
			}
		}
		if usable {
			rank++
		}
	}
	x.vote(s)
	for _, n := range x.names {
		x.add(wanted, n.candidate)
	}
}

// addName takes a cell as a name if it looks like one.
func (x *search) addName(s *sheet, r *row, cell span, rank int, addressed bool) bool {
	for cell.from < cell.to && (r.tokens[cell.from].fold == "" || r.tokens[cell.from].confidence < 0.3) {
		cell.from++
	}
	for cell.to > cell.from && (r.tokens[cell.to-1].fold == "" || r.tokens[cell.to-1].confidence < 0.2) {
		cell.to--
	}
	if cell.from == cell.to || len(x.names) >= mostNames {
		return false
	}
	name := cleanName(r.text(cell))
	if _, date := value.ParseDate(r.text(cell), value.DayFirst); date {
		return false
	}
	letters := 0
	for _, c := range name {
		if unicode.IsLetter(c) {
			letters++
		}
	}
	if letters < 4 || float64(letters) < 0.6*float64(len([]rune(strings.ReplaceAll(name, " ", "")))) || notAName.MatchString(name) || r.confidence(cell) < 0.35 {
		return false
	}
	c := x.at(r, cell, name, 0.55)
	c.score -= rowStep*float64(rank) + 0.2*(1-c.confidence)
	if organisation.MatchString(name) {
		c.score += 0.3
	}
	if addressLike.MatchString(name) {
		c.score -= 0.35
	}
	if addressed {
		c.score -= 0.35
	}
	if strings.HasSuffix(strings.TrimSpace(r.text(cell)), ":") {
		c.score -= 0.3
	}
	if longestWord(name) >= 4 {
		c.score += 0.15 * min(max(r.height/s.letter-1, 0), 1.5)
	} else {
		c.score -= 0.2
	}
	c.score = min(max(c.score, 0.05), 0.98)
	x.names = append(x.names, nameSeen{c, value.Fold(name)})
	return true
}

func longestWord(s string) (n int) {
	for _, word := range strings.Fields(s) {
		n = max(n, len([]rune(word)))
	}
	return n
}

// cleanName drops what is printed behind a name: registration numbers, and what
// follows its legal form.
func cleanName(raw string) string {
	name := strings.Trim(raw, " .,:;|*\"'`‘’“”<>{}~_=«»-–—•")
	name = registration.ReplaceAllString(name, "")
	name = malaysian.ReplaceAllString(bhd.ReplaceAllString(name, "BHD"), "(M)$1")
	if all := legalForm.FindAllStringIndex(name, -1); len(all) > 0 {
		if end := all[len(all)-1][1]; all[0][0] > 3 && end < len(name) {
			name = name[:end]
		}
	}
	return strings.TrimSpace(strings.TrimRight(name, " ,;:(|-–•"))
}

// addressed is true for a cell under a label that names the addressee.
func (x *search) addressed(s *sheet, at int, cell span) bool {
	box := around(s.rows[at].tokens[cell.from:cell.to])
	for i := at - 1; i >= max(0, at-4); i-- {
		r := &s.rows[i]
		for _, f := range x.labels[i] {
			if f.field == other || !strings.HasPrefix(x.field(f).Name, "buyer_") || x.field(f).Type != "text" {
				continue
			}
			head := around(r.tokens[f.at.from:f.at.to])
			if overlap(box[0], box[2], head[0]-r.height, head[2]+r.height) > 0 {
				return true
			}
		}
	}
	return false
}

// vote lets the rest of the page speak for names: a web or mail address with the
// name in it, and the name printed again.
func (x *search) vote(s sheet) {
	var webs, lines, words []string
	for i := range s.rows {
		text := s.rows[i].whole()
		for _, m := range webName.FindAllStringSubmatch(text, 3) {
			webs = append(webs, value.Fold(m[1]))
		}
		lines = append(lines, value.Fold(text))
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			words = append(words, value.Fold(word))
		}
	}
	for i := range x.names {
		n := &x.names[i]
		for _, word := range strings.Fields(n.value) {
			fold := value.Fold(word)
			if len(fold) >= 4 && containsAny(webs, fold) {
				n.score += 0.15
				break
			}
		}
		again := 0
		for _, l := range lines {
			if len(n.fold) >= 6 && strings.Contains(l, n.fold) {
				again++
			}
		}
		if again > 1 {
			n.score += 0.12
		}
		n.score = min(n.score, 0.98)
		n.mend(words)
	}
	x.longer()
}

// longer prefers a name with its legal form over the beginning of it in a logo.
func (x *search) longer() {
	for i := range x.names {
		for k := range x.names {
			n, o := &x.names[i], &x.names[k]
			if len(n.fold) > len(o.fold) && len(o.fold) >= 6 && strings.HasPrefix(n.fold, o.fold) && legalForm.MatchString(n.value) {
				n.score = max(n.score, min(o.score+0.05, 0.98))
			}
		}
	}
}

var (
	// "(M)" in Malaysian names stands for the country.
	malaysian = regexp.MustCompile(`\([HN]\)( (?:SDN\.? )?BHD)`)
	bhd       = regexp.MustCompile(`\b[8B][HN][DO0]\b`)
)

// leastVotes is how often another spelling of a word must be printed to be
// believed.
const leastVotes = 2

// mend corrects a word of a name that is printed at least twice with another
// letter elsewhere on the page, and never again like this.
func (n *nameSeen) mend(printed []string) {
	for _, word := range strings.Fields(n.value) {
		fold := value.Fold(word)
		if len(fold) < 5 {
			continue
		}
		same, votes := 0, map[string]int{}
		for _, p := range printed {
			switch {
			case p == fold:
				same++
			case len(p) == len(fold) && edits(p, fold, 1) == 1:
				votes[p]++
			}
		}
		for other, count := range votes {
			if same <= 1 && count >= leastVotes && len(votes) == 1 {
				n.value = strings.Replace(n.value, word, likeCase(other, word), 1)
			}
		}
	}
}

func likeCase(s, like string) string {
	if strings.ToUpper(like) == like {
		return strings.ToUpper(s)
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func containsAny(list []string, part string) bool {
	for _, s := range list {
		if strings.Contains(s, part) || strings.Contains(part, s) && len(s) >= 5 {
			return true
		}
	}
	return false
}
