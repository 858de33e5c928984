package extract

import (
	"strings"

	"intray/daemon/document"
)

// wrapped are lines of text between two rows of a table: descriptions go on under
// the row they belong to, or begin above it.
type wrapped struct {
	lines [][]document.Cell
	gaps  []float64 // above each line
}

func (w *wrapped) add(cells []document.Cell, gap float64) {
	w.lines, w.gaps = append(w.lines, cells), append(w.gaps, gap)
}

// apart is by how much the widest gap between lines must exceed the narrowest to
// part two rows.
const apart = 1.4

// end gives the lines to the row above and to next, which is nil at the table's
// end: the widest gap parts them. Where all are alike they belong above.
func (w *wrapped) end(t *document.Table, next []document.Cell, gap float64, rule tableRule) {
	split := len(w.lines)
	switch {
	case len(t.Rows) == 0:
		split = 0
	case next != nil && len(w.lines) > 0:
		gaps := append(w.gaps, gap)
		widest, narrowest := len(gaps)-1, gap
		for i, g := range gaps {
			if g > gaps[widest] {
				widest = i
			}
			narrowest = min(narrowest, g)
		}
		if gaps[widest] > apart*max(narrowest, 1) {
			split = widest
		}
	}
	for _, line := range w.lines[:split] {
		join(t.Rows[len(t.Rows)-1], line, rule, false)
	}
	for i := len(w.lines) - 1; i >= split && next != nil; i-- {
		join(next, w.lines[i], rule, true)
	}
	*w = wrapped{}
}

// join adds a line's texts to a row's, behind or before them. Only a text that
// begins above its row may stand alone.
func join(row, line []document.Cell, rule tableRule, before bool) {
	for i, c := range line {
		if c.Text == "" || rule.Columns[i].Type != "text" || row[i].Text == "" && !before {
			continue
		}
		if before {
			row[i].Text = strings.TrimSpace(c.Text + " " + row[i].Text)
		} else {
			row[i].Text += " " + c.Text
		}
	}
}
