package normalize

import (
	"strings"

	"intray/daemon/document"
)

// Text is one page's share of the whole text: a line break after every line, an
// empty line between blocks, a form feed before every page but the first.
func Text(p document.Page) string {
	var out strings.Builder
	if p.Number > 1 {
		out.WriteByte('\f')
	}
	for j, b := range p.Blocks {
		if j > 0 {
			out.WriteByte('\n')
		}
		for _, l := range b.Lines {
			for k, w := range l.Words {
				if k > 0 {
					out.WriteByte(' ')
				}
				out.WriteString(w.Text)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}
