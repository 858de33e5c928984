package documentai

import (
	"strings"

	"intray/engines"
)

// layoutBlock is one of the layout parser's, which gives no places and no pages
// but the numbers of those that a block is on.
type layoutBlock struct {
	Text *struct {
		Text   string        `json:"text"`
		Blocks []layoutBlock `json:"blocks"`
	} `json:"textBlock"`
	Table *struct {
		Header []layoutRow `json:"headerRows"`
		Body   []layoutRow `json:"bodyRows"`
	} `json:"tableBlock"`
	List *struct {
		Entries []struct {
			Blocks []layoutBlock `json:"blocks"`
		} `json:"listEntries"`
	} `json:"listBlock"`
	Span struct {
		Start int `json:"pageStart"`
	} `json:"pageSpan"`
}

type layoutRow struct {
	Cells []struct {
		Blocks  []layoutBlock `json:"blocks"`
		RowSpan int           `json:"rowSpan"`
		ColSpan int           `json:"colSpan"`
	} `json:"cells"`
}

// layout puts the blocks' text onto their pages; a block without a page is on its
// parent's.
func (n *normalizer) layout(blocks []layoutBlock, number int) {
	for _, b := range blocks {
		at := number
		if b.Span.Start > 0 {
			at = b.Span.Start
		}
		switch {
		case b.Text != nil:
			n.say(at, b.Text.Text)
			n.layout(b.Text.Blocks, at)
		case b.Table != nil:
			table := engines.Table{Page: at}
			for i, r := range append(append([]layoutRow{}, b.Table.Header...), b.Table.Body...) {
				cells := cellsOf(r, i < len(b.Table.Header))
				table.Rows = append(table.Rows, cells)
				var texts []string
				for _, c := range cells {
					texts = append(texts, c.Text)
				}
				n.say(at, strings.Join(texts, "\t"))
			}
			if n.say(at, ""); n.err == nil {
				n.result.Tables = append(n.result.Tables, table)
			}
		case b.List != nil:
			for _, e := range b.List.Entries {
				n.layout(e.Blocks, at)
			}
		}
	}
}

func cellsOf(r layoutRow, header bool) []engines.Cell {
	cells := []engines.Cell{}
	for _, c := range r.Cells {
		cells = append(cells, engines.Cell{Text: strings.Join(textsOf(c.Blocks), " "), RowSpan: max(1, c.RowSpan), ColSpan: max(1, c.ColSpan), Header: header})
	}
	return cells
}

func textsOf(blocks []layoutBlock) []string {
	var texts []string
	for _, b := range blocks {
		if b.Text != nil {
			texts = append(append(texts, b.Text.Text), textsOf(b.Text.Blocks)...)
		}
	}
	return texts
}

// say adds a line of text to a page.
func (n *normalizer) say(number int, text string) {
	if len(n.result.Pages) < number {
		if n.place(number); n.err != nil {
			return
		}
	}
	p := &n.result.Pages[number-1]
	// There are no places on these pages.
	p.Failed, p.Width, p.Height = "", 0, 0
	if text == "" {
		return
	}
	if p.Text != "" {
		p.Text += "\n"
	}
	p.Text += text
}
