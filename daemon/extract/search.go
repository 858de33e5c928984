package extract

import (
	"cmp"
	"regexp"
	"slices"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// search collects a document's candidates for the fields of one class, page by
// page. It keeps the best few of each field, however long the document is.
type search struct {
	class      *class
	order      value.Order
	orderKnown bool
	zones      []zone
	titles     []title
	positive   bool // amounts are made positive

	page    int
	labels  [][]found // of the page in hand, by row
	printed map[value.Amount]sighting
	// rightmost are the last amounts of rows, in the order of the page.
	rightmost []value.Amount
	found     [][]candidate // by field
	names     []nameSeen
	under     map[string]candidate // addresses by the folded name they stand under
	tables    []document.Table
	rows      int // of all tables
	warnings  []document.Warning
	doubts    map[string]document.Warning // by field's name
	known     []known
}

// mostCandidates are kept of a field.
const mostCandidates = 12

func newSearch(c *class, l look) *search {
	return &search{class: c, order: l.order, orderKnown: l.orderKnown, zones: l.zones, titles: l.titles,
		found: make([][]candidate, len(c.fields)), printed: map[value.Amount]sighting{}, doubts: map[string]document.Warning{}, under: map[string]candidate{}}
}

func (x *search) field(f found) *field { return &x.class.fields[f.label.field] }

// read looks for all fields on one page.
func (x *search) read(s sheet) {
	x.page = s.number
	x.labels = make([][]found, len(s.rows))
	for i := range s.rows {
		x.labels[i] = s.rows[i].labels(x.class.labels)
	}
	for i := range s.rows {
		r := &s.rows[i]
		labels := x.labels[i]
		for k, f := range labels {
			if f.field == other {
				continue
			}
			until := len(r.tokens)
			for _, next := range labels[k+1:] {
				if next.at.from >= f.at.to {
					until = next.at.from
					break
				}
			}
			got := x.beside(r, f, until)
			if (len(got) == 0 || got[0].score < 0.6*f.quality) && whole(r, f) {
				got = append(got, x.below(&s, i, f)...)
			}
			for _, c := range got {
				x.add(f.field, c)
			}
		}
	}
	x.anywhere(s)
	x.periods(s)
	x.numbered(s)
	x.note(s)
	x.seek(s)
	x.letterhead(s)
	x.addresses(s)
	x.readTables(s)
}

// whole is true for a label that has its cell to itself, but for a currency.
func whole(r *row, f found) bool {
	cell := r.cells[r.tokens[f.at.to-1].cell]
	for _, t := range r.tokens[f.at.to:cell.to] {
		if _, currency := value.ParseCurrency(t.text); !currency && t.fold != "" {
			return false
		}
	}
	return true
}

// anywhere finds fields by their form alone, if they say so.
func (x *search) anywhere(s sheet) {
	for i := range x.class.fields {
		f := &x.class.fields[i]
		if !f.Anywhere {
			continue
		}
		for k := range s.rows {
			r := &s.rows[k]
			for _, c := range x.typed(f, r, span{0, len(r.tokens)}) {
				c.score *= unlabelled
				x.add(i, c)
			}
		}
	}
}

// mostPrinted bounds the amounts that are remembered for completing sums.
const mostPrinted = 400

// note remembers the amounts on a page, whatever they are.
func (x *search) note(s sheet) {
	for i := range s.rows {
		r := &s.rows[i]
		last, any := value.Amount(0), false
		for k := 0; k < len(r.tokens) && len(x.printed) < mostPrinted; {
			p, n, ok := readAmount(r, k, len(r.tokens))
			if !ok {
				k++
				continue
			}
			if p.Decimals == 2 {
				x.printed[p.Amount] = sighting{x.amount(r, span{k, k + n}, p, bySum)[0], x.printed[p.Amount].places + 1}
				last, any = p.Amount, true
			}
			k += n
		}
		if any {
			x.rightmost = append(x.rightmost, last)
		}
	}
}

// add keeps a candidate if it is among the best.
func (x *search) add(i int, c candidate) {
	list := &x.found[i]
	for k := range *list {
		if o := &(*list)[k]; o.value == c.value && o.page == c.page && o.box == c.box {
			if c.score > o.score {
				*o = c
			}
			return
		}
	}
	*list = append(*list, c)
	last := x.class.fields[i].Pick == "last"
	slices.SortStableFunc(*list, func(a, b candidate) int {
		if d := cmp.Compare(b.score, a.score); d != 0 || !last {
			return d
		}
		return cmp.Or(cmp.Compare(b.page, a.page), cmp.Compare(b.box[1], a.box[1]))
	})
	if len(*list) > mostCandidates {
		*list = (*list)[:mostCandidates]
	}
}

// legal are the legal forms that names of firms end in, and organisation these
// and the kinds of business that are in names.
const legal = `gmbh(?:\s*&\s*co\.?\s*kg)?|mbh|ag|kg|ohg|ug|e\.?k\.?|e\.v\.?|gbr|ltd\.?|limited|inc\.?|llc|llp|corp\.?|corporation|plc|sarl|sas|sasu|eurl|s\.a\.?|s\.l\.?(?:u\.)?|` +
	`s\.r\.l\.?|s\.p\.a\.?|b\.?v\.?|n\.?v\.?|oy|ab|a/s|aps|sdn\.?\s*bhd\.?|bhd\.?|s/b|pte\.?(?:\s*ltd\.?)?|pty\.?(?:\s*ltd\.?)?|co\.`

var (
	legalForm    = regexp.MustCompile(`(?i)[\s.,&()](?:` + legal + `)(?:$|[\s,;:()])`)
	organisation = regexp.MustCompile(`(?i)(?:^|[\s.,&()])(?:` + legal + `|company|bank|sparkasse|stores?|shop|mart|market|supermarkt|restaurant|restoran|cafe|café|hotel|enterprise|trading|perniagaan|services?)(?:$|[\s.,;:()])`)
)
