package documentai

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"intray/engines"
)

// Codes of warnings.
const (
	warnShards  = "shards_missing"
	warnValue   = "value_unclear"
	warnQuality = "poor_image"
)

// poorImage is the quality score below which a person is told.
const poorImage = 0.5

// maxPages bounds page numbers: more than any processor takes.
const maxPages = 3000

// Normalize reads an answer of Fetch, one Document or an online answer. It is pure.
// Boxes are shares of the page as Google straightened it. Errors are terminal:
// CodeHollow for an answer with nothing in it, CodeContent for one that says that
// the document was not read, CodeService for one that cannot be understood.
func (p *Provider) Normalize(raw []byte) (engines.Result, error) {
	shards, err := parse(raw)
	if err != nil {
		return engines.Result{}, err
	}
	n := &normalizer{languages: map[string]float64{}}
	for _, d := range shards {
		if d.Error != nil && d.Error.Code != 0 {
			return engines.Result{}, d.Error.failure(0, "read the document")
		}
		n.kind = cmp.Or(n.kind, kindOf(d.Entities))
	}
	for _, d := range shards {
		n.shard(d)
	}
	if n.err != nil {
		return engines.Result{}, n.err
	}
	if len(n.result.Pages) == 0 {
		return engines.Result{}, hollow()
	}
	n.finish(shards)
	return n.result, nil
}

// normalizer builds one result. first is the index of the shard's first page.
type normalizer struct {
	result    engines.Result
	kind      string
	text      []rune
	places    []int
	languages map[string]float64
	sections  []engines.Field
	// currency is that of the first sum, for documents without one of its own.
	currency *engines.Field
	err      error
}

func (n *normalizer) shard(d document) {
	n.text = []rune(d.Text)
	n.places = nil
	for _, p := range d.Pages {
		n.places = append(n.places, n.place(p.Number))
		if n.err != nil {
			return
		}
		n.page(p)
	}
	if len(d.Pages) == 0 {
		n.layout(d.Layout.Blocks, 1)
	}
	n.entities(d.Entities)
	for i, p := range d.Pages {
		n.forms(p, n.places[i]+1)
	}
}

// place makes room for the page of that number and returns its index. Pages that
// are skipped were not read; a number that comes twice or is none is the next.
func (n *normalizer) place(number int) int {
	next := len(n.result.Pages)
	at := max(number-1, next)
	if at >= maxPages {
		n.err = &engines.Error{Kind: engines.Terminal, Code: engines.CodeService, Sentence: fmt.Sprintf("The stored answer has a page %d.", at+1)}
		return 0
	}
	for len(n.result.Pages) <= at {
		p := engines.AnswerPage{Failed: "Document AI left the page out."}
		p.Width, p.Height = 1, 1
		n.result.Pages = append(n.result.Pages, p)
	}
	n.result.Pages[at].Failed = ""
	return at
}

// page reads one page into the place that was made for it last.
func (n *normalizer) page(p page) {
	at := n.places[len(n.places)-1]
	out := &n.result.Pages[at]
	out.Blocks = n.blocks(p)
	if len(out.Blocks) == 0 {
		out.Text = strings.TrimSpace(p.Layout.Anchor.text(n.text))
	}
	switch p.Layout.Orientation {
	case "PAGE_RIGHT":
		out.Angle = 90
	case "PAGE_DOWN":
		out.Angle = 180
	case "PAGE_LEFT":
		out.Angle = -90
	}
	out.Languages = languages(p.Languages)
	for _, l := range p.Languages {
		if l.Code != "" && l.Code != "und" {
			n.languages[l.Code] += weight(l)
		}
	}
	n.marks(p, out)
	for _, t := range p.Tables {
		table := engines.Table{Page: at + 1, Box: t.Layout.Poly.box(p.Dimension.Width, p.Dimension.Height)}
		for i, r := range append(slices.Clone(t.Header), t.Body...) {
			table.Rows = append(table.Rows, n.row(p, r, i < len(t.Header)))
		}
		n.result.Tables = append(n.result.Tables, table)
	}
}

// languages are a page's, the surest first.
func languages(found []language) (out []string) {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b language) int {
		return cmp.Compare(weight(b), weight(a))
	})
	for _, l := range found {
		if l.Code != "" && l.Code != "und" && !slices.Contains(out, l.Code) {
			out = append(out, l.Code)
		}
	}
	return out
}

// weight is a language's confidence, next to nothing where Google gives none.
func weight(l language) float64 {
	if l.Confidence == nil {
		return 0.01
	}
	return share(*l.Confidence)
}

func (n *normalizer) row(p page, r row, header bool) []engines.Cell {
	cells := []engines.Cell{}
	for _, c := range r.Cells {
		cells = append(cells, engines.Cell{Text: c.Layout.Anchor.words(n.text), Box: c.Layout.Poly.box(p.Dimension.Width, p.Dimension.Height),
			Confidence: share(c.Layout.Confidence), RowSpan: max(1, c.RowSpan), ColSpan: max(1, c.ColSpan), Header: header})
	}
	return cells
}

// marks are visual elements, or else the boxes of a form.
func (n *normalizer) marks(p page, out *engines.AnswerPage) {
	mark := func(kind string, l layout) {
		if kind == "filled_checkbox" || kind == "unfilled_checkbox" {
			out.Marks = append(out.Marks, engines.Mark{Box: l.Poly.box(p.Dimension.Width, p.Dimension.Height),
				Selected: kind == "filled_checkbox", Confidence: share(l.Confidence)})
		}
	}
	for _, v := range p.Visuals {
		mark(v.Type, v.Layout)
	}
	if len(out.Marks) > 0 {
		return
	}
	for _, f := range p.Forms {
		mark(f.Type, f.Value)
	}
}

// blocks are the page's paragraphs with their lines and words. What holds what is
// told by the places in the text; a word outside of all lines is a line of its own,
// a line outside of all paragraphs a block.
func (n *normalizer) blocks(p page) []engines.Block {
	byLine, written := make([][]engines.Word, len(p.Lines)), make([]int, len(p.Lines))
	paragraphs := make([][]engines.Line, len(p.Paragraphs))
	var loose []engines.Line
	put := func(l engines.Line, start int) {
		if i := holder(p.Paragraphs, start); i >= 0 {
			paragraphs[i] = append(paragraphs[i], l)
			return
		}
		loose = append(loose, l)
	}
	for _, t := range p.Tokens {
		text := t.Layout.Anchor.words(n.text)
		if text == "" {
			continue
		}
		w := engines.Word{Text: text, Box: t.Layout.Poly.box(p.Dimension.Width, p.Dimension.Height), Confidence: share(t.Layout.Confidence)}
		if i := holder(p.Lines, t.Layout.Anchor.start()); i >= 0 {
			byLine[i] = append(byLine[i], w)
			if t.Style.Handwritten {
				written[i]++
			}
			continue
		}
		put(engines.Line{Box: w.Box, Angle: angle(t.Layout.Orientation), Handwritten: t.Style.Handwritten, Words: []engines.Word{w}}, t.Layout.Anchor.start())
	}
	for i, l := range p.Lines {
		line := engines.Line{Box: l.Layout.Poly.box(p.Dimension.Width, p.Dimension.Height), Angle: angle(l.Layout.Orientation), Words: byLine[i],
			Handwritten: 2*written[i] > len(byLine[i])}
		if text := l.Layout.Anchor.words(n.text); len(line.Words) == 0 && len(p.Tokens) == 0 && text != "" {
			line.Words = []engines.Word{{Text: text, Box: line.Box, Confidence: share(l.Layout.Confidence)}}
		}
		if len(line.Words) == 0 {
			continue
		}
		for _, w := range line.Words {
			line.Box = around(line.Box, w.Box)
		}
		put(line, l.Layout.Anchor.start())
	}
	var out []engines.Block
	for _, lines := range append(paragraphs, loose) {
		if len(lines) == 0 {
			continue
		}
		b := engines.Block{Kind: engines.BlockText, Box: lines[0].Box, Lines: lines}
		for _, l := range lines {
			b.Box = around(b.Box, l.Box)
		}
		out = append(out, b)
	}
	return out
}

// holder is the index of the part that has the code point at; -1 for none. Parts
// are in the order of the text as a rule, so that a search by halves finds it;
// where they are not, all are looked at.
func holder(parts []part, at int) int {
	if at < 0 {
		return -1
	}
	i, found := slices.BinarySearchFunc(parts, at, func(p part, at int) int { return cmp.Compare(p.Layout.Anchor.start(), at) })
	if !found {
		i--
	}
	if i >= 0 && i < len(parts) && parts[i].Layout.Anchor.has(at) {
		return i
	}
	return slices.IndexFunc(parts, func(p part) bool { return p.Layout.Anchor.has(at) })
}

// angle is hOCR's, counter-clockwise.
func angle(orientation string) float64 {
	switch orientation {
	case "PAGE_RIGHT":
		return 270
	case "PAGE_DOWN":
		return 180
	case "PAGE_LEFT":
		return 90
	}
	return 0
}

// finish adds what can be said only of the whole.
func (n *normalizer) finish(shards []document) {
	n.result.Languages = slices.SortedFunc(maps.Keys(n.languages), func(a, b string) int {
		return cmp.Or(cmp.Compare(n.languages[b], n.languages[a]), strings.Compare(a, b))
	})
	if want := int(shards[0].Shard.Count); want > len(shards) && len(shards) > 1 {
		n.result.Partial = fmt.Sprintf("Document AI speaks of %d parts of its answer, and %d are there.", want, len(shards))
		n.result.Warnings = append(n.result.Warnings, engines.Warning{Code: warnShards, Sentence: n.result.Partial})
	}
	if n.currency != nil && !slices.ContainsFunc(n.result.Fields, func(f engines.Field) bool { return f.Name == "currency" }) {
		n.add(*n.currency)
	}
	n.result.Class = n.kind
	if len(n.sections) == 1 {
		n.result.Class, n.result.ClassConfidence = n.sections[0].Value, n.sections[0].Confidence
	}
	n.result.Fields = append(n.result.Fields, n.sections...)
}
