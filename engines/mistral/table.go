package mistral

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"intray/engines"
)

// rule is the line below a Markdown table's head.
var rule = regexp.MustCompile(`^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$`)

// pipeLines is how many lines from the first on are one Markdown table; 0 for none.
func pipeLines(lines []string) int {
	if len(lines) < 2 || !strings.Contains(lines[0], "|") || !strings.Contains(lines[1], "|") || !rule.MatchString(lines[1]) {
		return 0
	}
	n := 2
	for n < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[n]), "|") {
		n++
	}
	return n
}

// pipeRows are the rows of a Markdown table.
func pipeRows(markdown string) [][]engines.Cell {
	var rows [][]engines.Cell
	lines := strings.Split(strings.TrimSpace(markdown), "\n")
	headed := len(lines) > 1 && rule.MatchString(lines[1])
	for i, line := range lines {
		if i == 1 && headed {
			continue
		}
		var row []engines.Cell
		for _, text := range pipeCells(line) {
			row = append(row, engines.Cell{Text: words(text, nil), RowSpan: 1, ColSpan: 1, Header: i == 0 && headed})
		}
		rows = append(rows, row)
	}
	return rows
}

// pipeCells parts a line at pipes that are not escaped.
func pipeCells(line string) []string {
	line = strings.TrimSpace(line)
	line = strings.TrimPrefix(line, "|")
	if strings.HasSuffix(line, "|") && !strings.HasSuffix(line, `\|`) {
		line = line[:len(line)-1]
	}
	var cells []string
	from := 0
	for i := range len(line) {
		if line[i] == '|' && (i == 0 || line[i-1] != '\\') {
			cells = append(cells, strings.TrimSpace(line[from:i]))
			from = i + 1
		}
	}
	return append(cells, strings.TrimSpace(line[from:]))
}

// htmlRows are the rows of the tables in HTML. Tags that are out of place are
// passed over, and a table in a cell is part of the cell's text.
func htmlRows(text string) [][]engines.Cell {
	var rows [][]engines.Cell
	var cell *engines.Cell
	closed := func() {
		if cell != nil {
			cell.Text = strings.Join(strings.Fields(cell.Text), " ")
			rows[len(rows)-1] = append(rows[len(rows)-1], *cell)
			cell = nil
		}
	}
	tokens := html.NewTokenizer(strings.NewReader(text))
	for {
		kind := tokens.Next()
		token := tokens.Token()
		switch kind {
		case html.ErrorToken:
			closed()
			// A row without cells says nothing.
			return slices.DeleteFunc(rows, func(row []engines.Cell) bool { return len(row) == 0 })
		case html.TextToken:
			if cell != nil {
				cell.Text += token.Data
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			switch token.Data {
			case "tr":
				closed()
				rows = append(rows, nil)
			case "td", "th":
				closed()
				if len(rows) == 0 {
					rows = append(rows, nil)
				}
				cell = &engines.Cell{RowSpan: span(token, "rowspan"), ColSpan: span(token, "colspan"), Header: token.Data == "th"}
			default:
				if cell != nil {
					cell.Text += " "
				}
			}
		case html.EndTagToken:
			if token.Data == "td" || token.Data == "th" || token.Data == "tr" {
				closed()
			}
		}
	}
}

func span(t html.Token, name string) int {
	for _, a := range t.Attr {
		if a.Key == name {
			// What is no number is one cell wide, as browsers do it.
			n, _ := strconv.Atoi(a.Val)
			return min(max(n, 1), maxSpan)
		}
	}
	return 1
}

// maxSpan is what HTML allows for colspan.
const maxSpan = 1000

// rowsText is a table as text, a row a line.
func rowsText(rows [][]engines.Cell) string {
	var lines []string
	for _, row := range rows {
		var cells []string
		for _, c := range row {
			cells = append(cells, c.Text)
		}
		lines = append(lines, strings.Join(cells, "\t"))
	}
	return strings.Join(lines, "\n")
}
