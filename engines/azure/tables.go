package azure

import (
	"errors"
	"slices"
	"strings"

	"intray/engines"
)

// tables are those of the layout. A cell is as sure as its least sure word.
func (n *normalizer) tables() error {
	cells := 0
	for _, t := range n.in.Tables {
		if cells += len(t.Cells) + max(t.RowCount, 0); cells > mostCells || t.RowCount < 0 {
			return errors.New("a table has more rows and cells than can be")
		}
		table := engines.Table{Rows: make([][]engines.Cell, t.RowCount)}
		table.Page, table.Box = n.place(t.Regions)
		slices.SortStableFunc(t.Cells, func(a, b cell) int { return a.Column - b.Column })
		for _, c := range t.Cells {
			if c.Row < 0 || c.Row >= t.RowCount || c.Column < 0 || c.Column >= t.ColumnCount {
				return errors.New("a table's cell lies outside of it")
			}
			table.Rows[c.Row] = append(table.Rows[c.Row], n.cell(c))
		}
		n.out.Tables = append(n.out.Tables, table)
	}
	return nil
}

func (n *normalizer) cell(c cell) engines.Cell {
	out := engines.Cell{Text: ticks(c.Content), RowSpan: max(c.RowSpan, 1), ColSpan: max(c.ColSpan, 1), Confidence: 1,
		Header: c.Kind == "columnHeader" || c.Kind == "rowHeader" || c.Kind == "stubHead"}
	_, out.Box = n.place(c.Regions)
	for _, w := range n.within(c.Spans) {
		out.Confidence = min(out.Confidence, share(w.Confidence))
	}
	return out
}

// ticks writes the service's words for check boxes as check boxes.
func ticks(text string) string {
	return strings.NewReplacer(":selected:", "☒", ":unselected:", "☐").Replace(text)
}

// grid makes a table of a field that is a list of objects: line items and such.
// Columns the design knows come first, others by name.
func (n *normalizer) grid(name string, items []value) {
	table := engines.Table{}
	if name == "Items" {
		table.Name = "line_items"
	}
	keys := map[string]string{} // by our name
	for _, item := range items {
		for key := range item.Object {
			keys[columnName(key)] = key
		}
	}
	table.Columns = columnOrder(keys)
	if len(table.Columns) == 0 {
		return
	}
	for _, item := range items {
		page, box := n.place(item.Regions)
		if page != 0 && (table.Page == 0 || table.Page == page) {
			table.Page, table.Box = page, around(table.Box, box)
		}
		var row []engines.Cell
		for _, column := range table.Columns {
			v := item.Object[keys[column]]
			c := engines.Cell{Text: v.Content, RowSpan: 1, ColSpan: 1, Confidence: 1}
			if c.Text == "" {
				c.Text, _ = v.plain(column)
			}
			if v.Confidence != nil {
				c.Confidence = share(*v.Confidence)
			}
			_, c.Box = n.place(v.Regions)
			row = append(row, c)
		}
		table.Rows = append(table.Rows, row)
	}
	n.out.Tables = append(n.out.Tables, table)
}

// columnName is the design's name of a line item's member, else its own.
func columnName(key string) string {
	if name, ok := map[string]string{"Amount": "line_total", "TotalPrice": "line_total", "UnitPrice": "unit_price", "Price": "unit_price"}[key]; ok {
		return name
	}
	return engines.SnakeCase(key)
}

func columnOrder(keys map[string]string) []string {
	var known, others []string
	for _, name := range []string{"date", "product_code", "description", "quantity", "unit", "unit_price", "tax", "tax_rate", "line_total"} {
		if _, ok := keys[name]; ok {
			known = append(known, name)
		}
	}
	for name := range keys {
		if name != "" && !slices.Contains(known, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return append(known, others...)
}
