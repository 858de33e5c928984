package extract

import (
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// candidate is one value that a field may have.
type candidate struct {
	value, raw string
	amount     value.Amount // of amounts
	currency   string       // printed with an amount
	score      float64      // 0..1: how well place, label and shape fit
	confidence float64      // 0..1: how well it was read
	page       int
	box        document.Box
	places     int    // where it is printed
	doubt      string // a code for what speaks against it; "" if nothing does
	from       string
}

// Where a value stands, in relation to its label.
const (
	besideNear = 1.0
	besideFar  = 0.85
	below      = 0.8
	belowStep  = 0.12 // for each row further down
	lastStep   = 0.01 // for each row further down, where the last is wanted
	inBlock    = 0.95
	acrossGap  = 0.5 // a text beside, but far, without a colon
	unlabelled = 0.45
	bySum      = 0.7 // printed somewhere, and just what a sum lacks
)

// How far below a label values are looked for, in rows and in word heights.
const rowsBelow, heightsBelow, blockRows = 4, 6.0, 7

// beside reads values to the right of a label, up to the next label.
func (x *search) beside(r *row, f found, until int) []candidate {
	at := span{f.at.to, until}
	for at.from < at.to && numberWord(r.tokens[at.from].fold) && !isDigit(lastByte(r.tokens[at.from].text)) {
		at.from++
	}
	if at.from >= at.to {
		return nil
	}
	out := x.typed(x.field(f), r, at)
	for i := range out {
		out[i].score *= f.quality
	}
	return out
}

func lastByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

// below reads values under a label that has nothing beside it. The nearest
// row that holds a value of the field's type ends the search, unless the last of
// a column is wanted.
func (x *search) below(s *sheet, at int, f found) (out []candidate) {
	r := &s.rows[at]
	cell := r.cells[r.tokens[f.at.from].cell]
	head := around(r.tokens[cell.from:f.at.to])
	last := x.field(f).Pick == "last"
	for i := at + 1; i < min(at+1+rowsBelow, len(s.rows)); i++ {
		next := &s.rows[i]
		if next.box[1]-head[3] > heightsBelow*r.height {
			break
		}
		for _, cell := range next.cells {
			box := around(next.tokens[cell.from:cell.to])
			slack := 1.5 * r.height
			aligned := box[0]-head[0] < slack && head[0]-box[0] < slack || head[2]-box[2] < slack && box[2]-head[2] < slack
			if !aligned && overlap(box[0], box[2], head[0], head[2]) < 0.5*min(box[2]-box[0], head[2]-head[0]) {
				continue
			}
			if slices.ContainsFunc(x.labels[i], func(l found) bool { return l.at.from == cell.from && l.exact }) {
				continue
			}
			// A currency stands apart from its amount.
			if _, currency := value.ParseCurrency(next.text(cell)); currency && cell.to < len(next.tokens) {
				cell.to = next.cells[next.tokens[cell.to].cell].to
			}
			if x.field(f).Type == "text" && strings.HasSuffix(next.text(cell), ":") {
				return x.nameBelow(s, i, f)
			}
			got := x.typed(x.field(f), next, cell)
			for k := range got {
				got[k].score *= f.quality * (below - belowStep*float64(i-at-1))
				if last {
					got[k].score = f.quality * (below + lastStep*float64(i-at-1))
				}
			}
			if out = append(out, got...); len(got) > 0 && !last {
				return out
			}
		}
	}
	return out
}

// nameBelow reads the name in a block of keys and values under a heading.
func (x *search) nameBelow(s *sheet, at int, f found) []candidate {
	for i := at; i < min(at+blockRows, len(s.rows)); i++ {
		r := &s.rows[i]
		switch r.tokens[0].fold {
		case "name", "nom", "nombre", "firma", "company", "unternehmen":
			if len(r.tokens) > 1 && strings.HasSuffix(r.tokens[0].text, ":") {
				out := x.texts(x.field(f), r, span{1, len(r.tokens)}, true)
				for k := range out {
					out[k].score *= f.quality * inBlock
				}
				return out
			}
		}
	}
	return nil
}

// typed reads the values of a field's type in a range of tokens.
func (x *search) typed(f *field, r *row, at span) []candidate {
	switch f.Type {
	case "amount":
		return x.amounts(f, r, at)
	case "date":
		return x.dates(f, r, at)
	case "currency":
		return x.currencies(r, at)
	case "code":
		return x.codes(f, r, at)
	}
	colon := at.from > 0 && strings.HasSuffix(r.tokens[at.from-1].text, ":")
	return x.texts(f, r, at, colon)
}

// at makes a candidate of a range of tokens.
func (x *search) at(r *row, s span, val string, score float64) candidate {
	return candidate{value: val, raw: r.text(s), score: score, confidence: r.confidence(s), page: x.page,
		box: around(r.tokens[s.from:s.to]), from: "text"}
}

// amounts finds numbers; a bare small integer is rather a quantity.
func (x *search) amounts(f *field, r *row, at span) (out []candidate) {
	for i := at.from; i < min(at.to, at.from+10); {
		p, n, ok := readAmount(r, i, at.to)
		if !ok {
			i++
			continue
		}
		here := span{i, i + n}
		i += n
		if i < at.to && strings.HasPrefix(r.tokens[i].text, "%") {
			continue
		}
		score := besideNear
		if len(out) > 0 {
			score = besideFar
		}
		if i < at.to && len(out) > 0 && r.cells[r.tokens[i-1].cell].to == len(r.tokens) {
			score = (besideNear + besideFar) / 2
		}
		if f.accepts(p.Amount.String()) {
			out = append(out, x.amount(r, here, p, score)...)
		}
	}
	return out
}

// amount scores a number by how much it looks like money. Without a mark it may
// have lost it: as printed elsewhere the last two digits are decimals.
func (x *search) amount(r *row, at span, p value.ParsedAmount, score float64) []candidate {
	if p.Decimals != 2 && p.Currency == "" {
		score *= 0.6
	}
	if p.Mended || p.Unsure {
		score *= 0.9
	}
	c := x.at(r, at, p.Amount.String(), score)
	c.amount, c.currency = p.Amount, p.Currency
	out := []candidate{c}
	if p.Decimals == 0 && p.Amount.Abs() >= 100*10000 && p.Amount%10000 == 0 {
		lost := c
		lost.amount = p.Amount / 100
		lost.value, lost.score, lost.doubt = lost.amount.String(), score*0.8, "mark_lost"
		out = append(out, lost)
	}
	return out
}

// readAmount reads an amount that begins at a token and says how many tokens it
// takes: currency and sign may stand apart, and digits fall apart when read.
func readAmount(r *row, i, to int) (value.ParsedAmount, int, bool) {
	most := min(4, to-i)
	for n := most; n >= r.digits(i, most); n-- {
		close := true
		for k := i + 1; k < i+n; k++ {
			_, code := value.ParseCurrency(r.tokens[k-1].text)
			_, after := value.ParseCurrency(r.tokens[k].text)
			close = close && (code || after || r.gap(k) < 0.8*r.height)
		}
		if !close {
			continue
		}
		if p, ok := value.ParseAmount(r.text(span{i, i + n})); ok {
			return p, n, true
		}
	}
	return value.ParsedAmount{}, 0, false
}

func (x *search) dates(f *field, r *row, at span) (out []candidate) {
	for i := at.from; i < at.to; i++ {
		most := min(5, at.to-i)
		for n := r.digits(i, most); n <= most; n++ {
			text := r.text(span{i, i + n})
			d, ok := value.ParseDate(text, x.order)
			if !ok || f.earliest() > d.ISO {
				continue
			}
			score := besideNear
			if len(out) > 0 {
				score = besideFar
			}
			c := x.at(r, span{i, i + n}, d.ISO, score)
			if d.Mended {
				c.score, c.doubt = c.score*0.7, "mended"
			}
			if d.Ambiguous && !x.orderKnown {
				c.doubt = "order"
			}
			out = append(out, c)
			i += n
			break
		}
	}
	return out
}

func (x *search) currencies(r *row, at span) (out []candidate) {
	for i := at.from; i < at.to; i++ {
		if code, ok := value.ParseCurrency(r.tokens[i].text); ok {
			out = append(out, x.at(r, span{i, i + 1}, code, besideNear))
		} else if p, ok := value.ParseAmount(r.tokens[i].text); ok && p.Currency != "" {
			out = append(out, x.at(r, span{i, i + 1}, p.Currency, besideFar))
		}
	}
	return out
}

// texts takes the rest of the cell, or the next one, which is certain only
// behind a colon.
func (x *search) texts(f *field, r *row, at span, colon bool) []candidate {
	if f.Format != "" {
		return x.formatted(f, r, at)
	}
	cell := r.cells[r.tokens[at.from].cell]
	here := span{at.from, min(cell.to, at.to)}
	for here.from < here.to && r.tokens[here.from].fold == "" {
		here.from++
	}
	if here.from == here.to {
		if here.to < at.to {
			return x.texts(f, r, span{here.to, at.to}, colon)
		}
		return nil
	}
	score := besideNear
	if at.from > 0 && r.tokens[at.from-1].cell != r.tokens[here.from].cell && !colon {
		if cell.to > at.to {
			return nil // that cell has a label of its own in it
		}
		score = acrossGap
	}
	raw := r.text(here)
	val := strings.Trim(raw, " :;,|*-–—_~\"'`‘’“”()[]")
	if len([]rune(val)) < 2 && f.pattern == nil || val == "" || !f.accepts(val) || f.pattern == nil && 2*countDigits(val) > len(val) || strings.HasSuffix(raw, ":") {
		return nil
	}
	return []candidate{x.at(r, here, val, score)}
}
