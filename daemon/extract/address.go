package extract

import (
	"regexp"
	"strings"
	"unicode"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// placeAddress is the place of a field for the lines under the name in the
// letterhead or, in a class without one, the lines that end in a postcode.
const placeAddress = "address"

const (
	mostAddressRows = 10
	// addressGap is how far apart, in letters' heights, an address's lines are at most.
	addressGap = 1.8
	// headGap is the same between a name and what is under it.
	headGap      = 7.0
	addressScore = 0.75
	// longestRegion is how many words of a state or country may follow a postcode.
	longestRegion = 4
)

var (
	// A postcode beside its town, of Europe and Malaysia, the United States, the
	// United Kingdom and the Netherlands.
	postcode     = regexp.MustCompile(`(?:^|[\s,.-])(?:[A-Z]{1,2}-)?\d{4,5},? +\pL{2,}|\b[A-Z]{2},? \d{5}(?:-\d{4})?\b|\b[A-Z]{1,2}\d[A-Z0-9]? \d[A-Z]{2}\b|\b\d{4} ?[A-Z]{2} +\pL{2,}`)
	street       = regexp.MustCompile(`(?i)\b(?:street|st\.?|road|rd\.?|avenue|ave|lane|drive|boulevard|blvd|parkway|pkwy|court|square|highway|hwy|way|close|terrace|jalan|jln|jl|lorong|taman|persiaran|lebuh|str\.|rue|chemin|place|calle|plaza|avda|p\.?o\.? box|floor|suite)(?:\W|$)|(?:straße|strasse|weg|platz|allee|gasse)\b`)
	addressLabel = regexp.MustCompile(`(?i)^\W*(?:\S{1,2}\s+)?(?:add(?:ress)?|adresse|anschrift|dirección|domicilio)\s*[:.]\s*`)
	lot          = regexp.MustCompile(`(?i)\b(?:lot|no|unit|block|blk)\b\.?:?\s*[\w.&/-]*\d+`)
	notAddress   = regexp.MustCompile(`(?i)\b(?:tel|fax|phone|telefon|téléphone|hotline|mobile|e-?mail|gst|sst|vat|ust|tva|nif|cif|siret|tax|invoice|receipt|rechnung|facture|factura|date|datum|iban|bic|` +
		`cashier|bill|order|customer|website|register)\b|\w@\w|www\.|https?:`)
	numberOfFirm = regexp.MustCompile(`(?i)^\W*(?:co\.?|company|reg(?:istration)?\.?|roc|abn|acn)?\W*(?:reg\.?|registration)?\W*(?:no\.?|nr\.?)?\W*\d{4,}[\s\w-]{0,4}\W*$`)
)

// addresses finds the address under each name that may be the sender's.
func (x *search) addresses(s sheet) {
	field, names := x.class.placed(placeAddress), x.class.placed("letterhead")
	switch {
	case field == other:
	case names == other:
		x.postal(s, field)
	default:
		for _, c := range x.found[names] {
			fold := value.Fold(c.value)
			if _, seen := x.under[fold]; seen || c.page != x.page {
				continue
			}
			if a, ok := x.addressOf(s, c); ok {
				x.under[fold] = a
			}
		}
	}
}

// senderAddress takes over the address under the name that was chosen.
func (x *search) senderAddress() {
	field, names := x.class.placed(placeAddress), x.class.placed("letterhead")
	if field == other || names == other || len(x.found[names]) == 0 {
		return
	}
	if a, ok := x.under[value.Fold(x.found[names][0].value)]; ok {
		x.found[field] = append(x.found[field], a)
	}
}

// addressOf reads the address that stands behind a name or under it.
func (x *search) addressOf(s sheet, name candidate) (candidate, bool) {
	for i := range s.rows {
		r := &s.rows[i]
		for _, cell := range r.cells {
			if box := around(r.tokens[cell.from:cell.to]); !contains(box, name.box) {
				continue
			}
			if c, ok := x.addressBehind(r, cell, name); ok {
				return c, true
			}
			return x.addressBelow(s, i, name.box)
		}
	}
	return candidate{}, false
}

// addressBehind reads a sender on one line: name, street, town.
func (x *search) addressBehind(r *row, cell span, name candidate) (candidate, bool) {
	for cell.from < cell.to && r.tokens[cell.from].box[0] < name.box[2]-1 {
		cell.from++
	}
	text := r.text(cell)
	if cell.from == cell.to || !postcode.MatchString(" "+text) {
		_, text, _ = strings.Cut(name.raw, name.value) // the name ended within its cell
		if !postcode.MatchString(text) {
			return candidate{}, false
		}
		name.value, name.score = strings.Trim(text, " ,;:|·•-–—*"), addressScore
		return name, name.value != ""
	}
	return x.at(r, cell, strings.Trim(text, " ,;:|·•-–—*"), addressScore), true
}

// addressBelow reads the lines under a name, up to the one with the postcode, and
// the state or country below that. Tax and telephone numbers may stand between.
func (x *search) addressBelow(s sheet, at int, head document.Box) (candidate, bool) {
	var lines addressLines
	bottom, gap := head[3], headGap*s.letter
	for i := at + 1; i < min(at+1+mostAddressRows, len(s.rows)); i++ {
		r := &s.rows[i]
		cell, ok := r.under(head)
		if !ok {
			continue
		}
		if r.box[1]-bottom > gap || lines.done && !region(r.text(cell)) {
			break
		}
		bottom = r.box[3]
		if addressLabel.MatchString(r.text(cell)) {
			lines = addressLines{}
		}
		text := strings.Trim(r.text(cell), " ,;:|·•*_~")
		switch no := notAddress.MatchString(text) || notAName.MatchString(text) && countDigits(text) == 0 || priced(r); {
		case no && lines.plausible():
			return lines.candidate, true
		case no, len(lines.text) == 0 && (numberOfFirm.MatchString(text) || legalForm.MatchString(" "+text)):
			lines = addressLines{}
			continue
		}
		lines.add(x.at(r, cell, text, addressScore))
		gap = addressGap * s.letter
	}
	return lines.candidate, lines.plausible()
}

// addressLines are the lines of an address so far.
type addressLines struct {
	candidate
	text []string
	done bool // the line with the postcode was read
}

func (l *addressLines) add(c candidate) {
	c.value = strings.TrimLeft(addressLabel.ReplaceAllString(c.value, ""), " :.")
	if len(l.text) == 0 {
		l.candidate = c
	}
	l.text = append(l.text, c.value)
	l.box, l.confidence = union(l.box, c.box), min(l.confidence, c.confidence)
	l.value = strings.Join(l.text, ", ")
	l.raw = l.value
	l.done = l.done || hasPostcode(c.value)
}

// hasPostcode knows that the number of a lot, or of a house before its street,
// reads like a postcode before a town.
func hasPostcode(line string) bool {
	line = lot.ReplaceAllString(line, "#")
	if street.MatchString(line) {
		line = strings.TrimLeft(line, "0123456789 ")
	}
	return postcode.MatchString(" " + line)
}

// plausible is true for lines with a postcode, or of which one is a street's.
func (l *addressLines) plausible() bool {
	return l.done || street.MatchString(l.value) && (len(l.text) > 1 || countDigits(l.value) > 0)
}

// priced is true for a row that ends in money: goods, no address.
func priced(r *row) bool {
	for i := max(0, len(r.tokens)-2); i < len(r.tokens); i++ {
		if p, ok := value.ParseAmount(r.text(span{i, len(r.tokens)})); ok && p.Decimals == 2 {
			return true
		}
	}
	return false
}

// region is true for a line that may be a state or country.
func region(text string) bool {
	words := strings.Fields(text)
	for _, w := range words {
		if !unicode.IsUpper([]rune(w)[0]) {
			return false
		}
	}
	return countDigits(text) == 0 && len(words) <= longestRegion && longestWord(text) > 3 && !notAName.MatchString(text)
}

// postal reads the lines that end in a postcode, wherever they stand: a card has
// one address.
func (x *search) postal(s sheet, field int) {
	for i := 1; i < len(s.rows); i++ {
		for _, cell := range s.rows[i].cells {
			r := &s.rows[i]
			if !hasPostcode(r.text(cell)) {
				continue
			}
			number, ok := s.rows[i-1].under(around(r.tokens[cell.from:cell.to]))
			above := &s.rows[i-1]
			if !ok || r.box[1]-above.box[3] > addressGap*s.letter {
				continue
			}
			// The number that cards print before the field is not the house's.
			if number.to-number.from > 1 && len(above.tokens[number.from].fold) < 2 {
				number.from++
			}
			c := x.at(above, number, above.text(number)+", "+r.text(cell), addressScore)
			if _, dated := value.ParseDate(above.text(number), x.order); dated || countDigits(above.text(number)) == 0 {
				continue
			}
			c.raw, c.box = c.value, union(c.box, around(r.tokens[cell.from:cell.to]))
			x.add(field, c)
		}
	}
}

// under is the cell of a row that stands under a box.
func (r *row) under(head document.Box) (span, bool) {
	for _, cell := range r.cells {
		box := around(r.tokens[cell.from:cell.to])
		if overlap(box[0], box[2], head[0]-r.height, head[2]+r.height) > 0 {
			return cell, true
		}
	}
	return span{}, false
}

func union(a, b document.Box) document.Box {
	return document.Box{min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])}
}

// contains is true for a box with the other's middle in it.
func contains(box, other document.Box) bool {
	x, y := (other[0]+other[2])/2, (other[1]+other[3])/2
	return box[0] <= x && x <= box[2] && box[1] <= y && y <= box[3]
}
