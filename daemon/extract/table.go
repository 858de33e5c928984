package extract

import (
	"fmt"
	"strings"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// tableRule is a config.Table made ready: its labels name columns by index.
type tableRule struct {
	config.Table
	labels labelIndex
}

func compileTable(t config.Table) tableRule {
	out := tableRule{Table: t}
	var labels []label
	for i, c := range t.Columns {
		for rank, l := range c.Labels {
			labels = append(labels, label{value.Fold(l), i, rank})
		}
	}
	out.labels = indexLabels(labels)
	return out
}

// column is where a column's head stands on a page.
type column struct {
	index    int
	from, to float64
}

const (
	// leastColumns make a row the head of a table.
	leastColumns = 3
	// tableGap is how far apart, in word heights, a table's rows are at most.
	tableGap = 5.0
	// mostRows bounds what is kept of a document's tables.
	mostRows = 5000
)

// readTables finds the class's tables on a page. One that goes on over pages is
// found on each, if its head is repeated.
func (x *search) readTables(s sheet) {
	for _, rule := range x.class.tables {
		for i := 0; i < len(s.rows); i++ {
			head, lines := s.head(i, rule)
			if len(head) < min(leastColumns, len(rule.Columns)) {
				continue
			}
			i += lines - 1
			t := document.Table{Name: rule.Name, Page: x.page, Box: s.rows[i].box}
			for _, c := range rule.Columns {
				t.Columns = append(t.Columns, c.Name)
			}
			if i = x.tableRows(s, i+1, rule, head, &t); len(t.Rows) > 0 {
				x.tables = append(x.tables, t)
			}
		}
	}
}

// head finds the columns that a row names, or that it names together with the
// row below, and how many rows it took: heads are broken where columns are narrow.
func (s sheet) head(at int, rule tableRule) (columns []column, lines int) {
	columns = s.rows[at].head(rule)
	if len(columns) == 0 || at+1 == len(s.rows) {
		return columns, 1
	}
	upper, lower := &s.rows[at], &s.rows[at+1]
	below := len(lower.head(rule))
	if lower.box[1]-upper.box[3] > headGapInTable*s.letter || lower.digits(0, len(lower.tokens)) <= len(lower.tokens) {
		return columns, 1
	}
	both := stacked(upper, lower)
	if more := both.head(rule); len(more) > max(len(columns), below) || len(more) == len(columns) && below == 0 && covered(upper, lower) {
		return more, 2
	}
	return columns, 1
}

// headGapInTable is how far apart, in letters' heights, the rows of a head are.
const headGapInTable = 1.0

// stacked is a row of both rows' cells, each upper one followed by what stands
// under it.
func stacked(upper, lower *row) row {
	out := row{box: document.Box(union(upper.box, lower.box)), height: upper.height}
	add := func(r *row, cell span) {
		for _, t := range r.tokens[cell.from:cell.to] {
			t.cell = len(out.cells)
			out.tokens = append(out.tokens, t)
		}
	}
	used := make([]bool, len(lower.cells))
	for _, cell := range upper.cells {
		from := len(out.tokens)
		add(upper, cell)
		box := around(upper.tokens[cell.from:cell.to])
		for k, below := range lower.cells {
			if b := around(lower.tokens[below.from:below.to]); !used[k] && overlap(box[0], box[2], b[0], b[2]) > 0 {
				used[k] = true
				add(lower, below)
			}
		}
		out.cells = append(out.cells, span{from, len(out.tokens)})
	}
	for k, below := range lower.cells { // a column whose head is on the lower row alone
		if !used[k] {
			from := len(out.tokens)
			add(lower, below)
			out.cells = append(out.cells, span{from, len(out.tokens)})
		}
	}
	return out
}

// covered is true when all cells of the lower row stand under one of the upper.
func covered(upper, lower *row) bool {
	for _, below := range lower.cells {
		if _, ok := upper.under(around(lower.tokens[below.from:below.to])); !ok {
			return false
		}
	}
	return true
}

// head finds the columns that a row names, each once.
func (r *row) head(rule tableRule) (out []column) {
	seen := map[int]bool{}
	for _, f := range r.labels(rule.labels) {
		if seen[f.field] || f.quality < leastRank*phraseAfter {
			continue
		}
		seen[f.field] = true
		box := around(r.tokens[f.at.from:f.at.to])
		out = append(out, column{f.field, box[0], box[2]})
	}
	return out
}

// tableRows reads the rows under a head and says at which row it stopped: at a
// total, at a wide gap, or at the page's end.
func (x *search) tableRows(s sheet, at int, rule tableRule, head []column, t *document.Table) int {
	bottom := t.Box[3]
	var w wrapped
	for ; at < len(s.rows); at++ {
		r := &s.rows[at]
		if r.box[1]-bottom > tableGap*s.letter || x.totals(r, at) {
			break
		}
		cells, amounts := x.tableRow(r, rule, head)
		gap := r.box[1] - bottom
		switch {
		case amounts > 0 && x.rows < mostRows:
			w.end(t, cells, gap, rule)
			t.Rows = append(t.Rows, cells)
			x.rows++
		case amounts > 0:
			x.cutTable()
		case !r.across(head):
			w.add(cells, gap)
		}
		bottom = r.box[3]
		t.Box = document.Box{min(t.Box[0], r.box[0]), t.Box[1], max(t.Box[2], r.box[2]), max(t.Box[3], bottom)}
	}
	w.end(t, nil, 0, rule)
	return at - 1
}

// across is true for a row of prose: one cell runs across several columns.
func (r *row) across(head []column) bool {
	for _, cell := range r.cells {
		box := around(r.tokens[cell.from:cell.to])
		over := 0
		for _, c := range head {
			if overlap(c.from, c.to, box[0], box[2]) > 0 {
				over++
			}
		}
		if over >= leastColumns {
			return true
		}
	}
	return false
}

// totals is true for a row that begins with the label of a sum.
func (x *search) totals(r *row, at int) bool {
	for _, f := range x.labels[at] {
		if f.field == other || x.field(f).Type != "amount" {
			continue
		}
		for _, s := range x.class.sums {
			alone := f.exact && f.at.from == 0 && len(r.cells) <= 2 // "Net total (excl. VAT)", and the amount
			if (s.total == f.label.field || s.plus[0] == f.label.field) && (f.quality >= leastRank || alone) {
				return true
			}
		}
	}
	return false
}

// tableRow puts a row's cells into columns and counts its amounts.
func (x *search) tableRow(r *row, rule tableRule, head []column) (cells []document.Cell, amounts int) {
	cells = make([]document.Cell, len(rule.Columns))
	for i := range cells {
		cells[i].RowSpan, cells[i].ColSpan = 1, 1
	}
	for _, c := range r.cells {
		box := around(r.tokens[c.from:c.to])
		i := nearest(head, box)
		cell := &cells[i]
		if cell.Text == "" {
			cell.Box, cell.Confidence = box, r.confidence(c)
		}
		cell.Text = strings.TrimSpace(cell.Text + " " + r.text(c))
	}
	for i := range cells {
		switch rule.Columns[i].Type {
		case "amount":
			if p, ok := value.ParseAmount(firstWords(cells[i].Text)); ok {
				cells[i].Text = p.Amount.String()
				amounts++
			}
		case "date":
			if d, ok := value.ParseDate(cells[i].Text, x.order); ok {
				cells[i].Text = d.ISO
			}
		}
	}
	return cells, amounts
}

// firstWords drops a unit behind a quantity: "20 Stk".
func firstWords(s string) string {
	first, rest, _ := strings.Cut(s, " ")
	if rest != "" && isWord(strings.Trim(rest, ".()")) {
		return first
	}
	return s
}

// nearest is the column over a cell, or the one it is least far from.
func nearest(head []column, box document.Box) int {
	best, distance := head[0].index, 1e9
	for _, c := range head {
		d := max(c.from-box[2], box[0]-c.to, -overlap(c.from, c.to, box[0], box[2]))
		if d < distance {
			best, distance = c.index, d
		}
	}
	return best
}

func (x *search) cutTable() {
	for _, w := range x.warnings {
		if w.Code == CodeTableCut {
			return
		}
	}
	x.warnings = append(x.warnings, document.Warning{Code: CodeTableCut, Page: x.page,
		Message: fmt.Sprintf("The document's tables have more than %d rows; the rest is in the text only.", mostRows)})
}
