package textract

import (
	"slices"
	"strings"

	"intray/engines"
)

// tables turns every TABLE into a grid. A MERGED_CELL takes the place of the
// cells it is made of.
func (n *normalizer) tables() {
	for _, t := range n.all.list {
		if t.BlockType != "TABLE" {
			continue
		}
		cells := slices.DeleteFunc(n.all.related(t, "CHILD"), func(c *block) bool { return c.BlockType != "CELL" })
		swallowed := map[*block]bool{}
		merged := n.all.related(t, "MERGED_CELL")
		texts := map[*block]string{}
		for _, m := range merged {
			var parts []string
			for _, c := range n.all.related(m, "CHILD") {
				swallowed[c] = true
				if text := n.all.text(c); text != "" {
					parts = append(parts, text)
				}
			}
			texts[m] = strings.Join(parts, " ")
		}
		cells = slices.DeleteFunc(cells, func(c *block) bool { return swallowed[c] })
		for _, c := range cells {
			texts[c] = n.all.text(c)
		}
		n.result.Tables = append(n.result.Tables, engines.Table{Page: t.Page, Box: t.Geometry.box(),
			Rows: grid(append(cells, merged...), texts)})
	}
}

// grid sorts cells into rows.
func grid(cells []*block, texts map[*block]string) [][]engines.Cell {
	slices.SortStableFunc(cells, func(a, b *block) int {
		if a.RowIndex != b.RowIndex {
			return a.RowIndex - b.RowIndex
		}
		return a.ColumnIndex - b.ColumnIndex
	})
	var rows [][]engines.Cell
	row := 0
	for i, c := range cells {
		// Row numbers are not trusted with our memory: only their order counts.
		if i == 0 || c.RowIndex != row {
			rows, row = append(rows, nil), c.RowIndex
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], engines.Cell{Text: texts[c], Box: c.Geometry.box(), Confidence: confidence(c.Confidence),
			RowSpan: max(1, c.RowSpan), ColSpan: max(1, c.ColumnSpan), Header: slices.Contains(c.EntityTypes, "COLUMN_HEADER")})
	}
	return rows
}

// keyValues turns every key and its value into a field with the key as its name.
// A key without a value was left empty and is no field.
func (n *normalizer) keyValues() {
	for _, key := range n.all.list {
		if key.BlockType != "KEY_VALUE_SET" || !slices.Contains(key.EntityTypes, "KEY") {
			continue
		}
		f := engines.Field{Name: engines.SnakeCase(n.all.text(key)), Type: "text", Page: key.Page, Box: key.Geometry.box(),
			Confidence: confidence(key.Confidence), HasConfidence: true}
		var parts []string
		for i, value := range n.all.related(key, "VALUE") {
			if text := n.all.text(value); text != "" {
				parts = append(parts, text)
			}
			if box := value.Geometry.box(); i == 0 {
				f.Page, f.Box = value.Page, box
			} else {
				f.Box = around(f.Box, box)
			}
			f.Confidence = min(f.Confidence, confidence(value.Confidence))
		}
		f.Raw = strings.Join(parts, " ")
		if f.Value = f.Raw; f.Raw == "" {
			continue
		}
		n.result.Fields = append(n.result.Fields, f)
	}
}
