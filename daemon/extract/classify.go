package extract

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/daemon/extract/mrz"
	"intray/daemon/extract/value"
)

// What each kind of evidence for a class counts.
const (
	titleWeight  = 2.5
	titleAlone   = 1.0 // of a sheet with nothing else of the class on it
	matchWeight  = 2.0
	hintWeight   = 0.5
	mostHints    = 5
	layoutWeight = 1.5
	mrzWeight    = 5.0
	againstLoss  = 1.0

	// enough is the evidence that makes a class, and close the share of the best
	// one's that makes another as likely.
	enough = 2.0
	close  = 0.8
)

// longestTitle is in words.
const longestTitle = 9

// firstPages are read to tell the class.
const firstPages = 3

// look is what the first pages say of a document as a whole.
type look struct {
	lines  []string // rows as printed
	titles []title
	strip  bool
	zones  []zone

	order      value.Order
	orderKnown bool
}

// title is a cell that may be the document's title.
type title struct {
	subject
	page       int
	box        document.Box
	confidence float64
}

// zone is a machine readable zone found on a page.
type zone struct {
	mrz.Document
	page       int
	boxes      []document.Box
	raw        []string
	confidence float64
}

// look reads the first pages.
func (e *Extractor) look(pages iter.Seq2[document.Page, error], q Question) (look, error) {
	var l look
	votes := votes{}
	seen := 0
	for page, err := range pages {
		if err != nil {
			return l, err
		}
		s := lay(page)
		if len(s.rows) == 0 {
			continue
		}
		if seen == 0 {
			l.strip = s.strip()
		}
		l.add(s)
		votes.add(s)
		if seen++; seen == firstPages {
			break
		}
	}
	l.order, l.orderKnown = votes.order(q.Languages)
	return l, nil
}

func (l *look) add(s sheet) {
	for _, r := range s.rows {
		l.lines = append(l.lines, r.whole())
		for _, c := range r.cells {
			if c.to-c.from <= longestTitle && (r.box[1] < 0.5*s.height || r.height > 1.3*s.letter) {
				l.titles = append(l.titles, title{newSubject(r.text(c)), s.number, around(r.tokens[c.from:c.to]), r.confidence(c)})
			}
		}
	}
	l.zones = append(l.zones, zones(s)...)
}

// invoiceClass is what a document with an e-invoice in it is.
const invoiceClass = "invoice"

// classify weighs the classes against each other.
func (e *Extractor) classify(l look, q Question) (*class, Answer) {
	if q.Class != Auto && q.Class != "" {
		if c := e.named(q.Class); c != nil {
			return c, Answer{Class: document.Class{Name: c.name, Confidence: 1}}
		}
		return nil, Answer{}
	}
	if c := e.named(invoiceClass); len(q.Known) > 0 && c != nil && (len(q.Among) == 0 || slices.Contains(q.Among, c.name)) {
		return c, Answer{Class: document.Class{Name: c.name, Confidence: 1}}
	}
	text := newSubject(strings.Join(l.lines, "\n"))
	var best, second *class
	var most, next float64
	for i := range e.classes {
		c := &e.classes[i]
		if len(q.Among) > 0 && !slices.Contains(q.Among, c.name) {
			continue
		}
		switch w := c.weigh(l, text); {
		case w > most:
			second, next = best, most
			best, most = c, w
		case w > next:
			second, next = c, w
		}
	}
	if most < enough {
		return nil, Answer{}
	}
	a := Answer{Class: document.Class{Name: best.name, Confidence: most / (most + 1)}}
	if second != nil && next >= enough && next >= close*most {
		a.Class.Confidence = most / (most + next)
		a.Warnings = append(a.Warnings, document.Warning{Code: CodeAmbiguous, Message: fmt.Sprintf(
			"This may be of the class %q or %q; it was read as %q. Please check which it is.", best.name, second.name, best.name)})
	}
	return best, a
}

// weigh is the evidence for a class.
func (c *class) weigh(l look, text subject) (w float64) {
	w = matchWeight*float64(hits(c.match, text)) + hintWeight*float64(min(hits(c.hint, text), mostHints))
	if slices.ContainsFunc(l.titles, func(t title) bool { return hits(c.title, t.subject) > 0 }) {
		if w == 0 && c.layout == "sheet" { // a letter may well begin with such a word
			w = titleAlone
		} else {
			w += titleWeight
		}
	}
	w -= againstLoss * float64(hits(c.against, text))
	if w > 0 && c.layout != "" {
		if (c.layout == "strip") == l.strip {
			w += layoutWeight / 2
		} else {
			w -= layoutWeight
		}
	}
	for _, z := range l.zones {
		if z.Valid() && slices.Contains(c.mrz, z.Format) {
			return w + mrzWeight
		}
	}
	return w
}

// hits counts the patterns that match.
func hits(list []pattern, s subject) (n int) {
	for _, p := range list {
		if p.matches(s) {
			n++
		}
	}
	return n
}
