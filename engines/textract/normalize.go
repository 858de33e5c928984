package textract

import (
	"fmt"
	"slices"
	"strings"

	"intray/engines"
)

// Codes of warnings.
const (
	warnPages = "pages_failed"   // Textract says that it could not read them
	warnDate  = "date_order"     // day and month of a date can be exchanged
	warnValue = "value_unclear"  // an amount or a date that is not understood
	warnJob   = "partial_answer" // Textract itself calls its answer partial
)

// Normalize reads an answer of Fetch, or the body of one synchronous call. It is
// pure. Boxes are shares of the page. Errors are terminal: CodeService for an
// answer that cannot be read or is of a job that failed or goes on.
func (p *Provider) Normalize(raw []byte) (engines.Result, error) {
	answers, err := parse(raw)
	if err != nil {
		return engines.Result{}, err
	}
	n := newNormalizer(answers, p.options.DateOrder)
	if n.err != nil {
		return engines.Result{}, n.err
	}
	n.lines()
	n.marks()
	n.tables()
	n.keyValues()
	n.expense()
	n.identity()
	n.warn(answers)
	return n.result, nil
}

// normalizer builds one result.
type normalizer struct {
	all       blocks
	expenses  []expenseDocument
	ids       []identityDocument
	dateOrder string
	result    engines.Result
	err       error
}

func newNormalizer(answers []answer, dateOrder string) *normalizer {
	n := &normalizer{dateOrder: dateOrder}
	var lists [][]block
	pages := 0
	for _, a := range answers {
		switch a.JobStatus {
		case "", "SUCCEEDED", "PARTIAL_SUCCESS":
		default:
			n.err = &engines.Error{Kind: engines.Terminal, Code: engines.CodeService,
				Sentence: fmt.Sprintf("The stored answer is of a job that is %s: %s", a.JobStatus, a.StatusMessage)}
			return n
		}
		if n.result.Model == "" {
			n.result.Model = a.model()
		}
		pages = max(pages, a.DocumentMetadata.Pages)
		lists = append(lists, a.Blocks)
		pages = max(pages, min(1, len(a.IdentityDocuments)))
		for _, d := range a.ExpenseDocuments {
			pages = max(pages, d.lastPage())
			lists = append(lists, d.Blocks)
		}
		for _, d := range a.IdentityDocuments {
			lists = append(lists, d.Blocks)
		}
		n.expenses = append(n.expenses, a.ExpenseDocuments...)
		n.ids = append(n.ids, a.IdentityDocuments...)
		for _, w := range a.Warnings {
			for _, page := range w.Pages {
				pages = max(pages, page)
			}
		}
	}
	n.all = collect(lists...)
	if len(n.all.list) == 0 && len(n.expenses) == 0 && len(n.ids) == 0 {
		// An empty page has a PAGE block.
		n.err = &engines.Error{Kind: engines.Terminal, Code: engines.CodeHollow,
			Sentence: "Textract says that it has read the document and returns nothing. Read it with another engine, or submit it again."}
		return n
	}
	for _, b := range n.all.list {
		pages = max(pages, b.Page)
	}
	if pages > maxPages {
		n.err = &engines.Error{Kind: engines.Terminal, Code: engines.CodeService,
			Sentence: fmt.Sprintf("The stored answer speaks of page %d; Textract takes %d.", pages, maxPages)}
		return n
	}
	n.result.Pages = make([]engines.AnswerPage, pages)
	for i := range n.result.Pages {
		n.result.Pages[i].Width, n.result.Pages[i].Height = 1, 1
	}
	n.leftOut()
	return n
}

// leftOut marks pages of which the answer has nothing: an empty one has a PAGE block.
// Expenses and identities are only on the pages that have some.
func (n *normalizer) leftOut() {
	if len(n.expenses) > 0 || len(n.ids) > 0 {
		return
	}
	there := map[int]bool{}
	for _, b := range n.all.list {
		there[b.Page] = true
	}
	for i := range n.result.Pages {
		if !there[i+1] {
			n.result.Pages[i].Failed = "Textract left the page out of its answer."
		}
	}
}

// page is the page of that number (from 1); nil for one that is none.
func (n *normalizer) page(number int) *engines.AnswerPage {
	if number < 1 || number > len(n.result.Pages) {
		return nil
	}
	return &n.result.Pages[number-1]
}

// lines puts every LINE with its words, and every word that is in no line, into
// blocks: the layout's where there is one, in its order, which is the reading
// order; else one a page.
func (n *normalizer) lines() {
	layout := n.layout()
	inLine := map[*block]bool{}
	var plain []*block
	for _, b := range n.all.list {
		if b.BlockType != "LINE" {
			continue
		}
		for _, w := range n.all.related(b, "CHILD") {
			inLine[w] = true
		}
		if _, laid := layout.of[b]; !laid {
			plain = append(plain, b)
		}
	}
	for _, region := range layout.regions {
		n.put(region.kind, region.lines)
	}
	for _, b := range n.all.list {
		if b.BlockType == "WORD" && !inLine[b] {
			plain = append(plain, b)
		}
	}
	for number := range n.result.Pages {
		n.put(engines.BlockText, slices.DeleteFunc(slices.Clone(plain), func(b *block) bool { return b.Page != number+1 }))
	}
	n.angles()
}

// region is one LAYOUT block and the lines in it.
type region struct {
	kind  string
	lines []*block
}

type layout struct {
	regions []region
	of      map[*block]bool
}

// layout assigns each line to the first LAYOUT block that has it.
func (n *normalizer) layout() layout {
	l := layout{of: map[*block]bool{}}
	for _, b := range n.all.list {
		kind, ok := strings.CutPrefix(b.BlockType, "LAYOUT_")
		if !ok {
			continue
		}
		r := region{kind: engines.BlockText}
		switch kind {
		case "TITLE", "SECTION_HEADER":
			r.kind = engines.BlockHeading
		case "TABLE":
			r.kind = engines.BlockTable
		}
		for _, child := range n.all.related(b, "CHILD") {
			if child.BlockType == "LINE" && !l.of[child] {
				l.of[child] = true
				r.lines = append(r.lines, child)
			}
		}
		if len(r.lines) > 0 {
			l.regions = append(l.regions, r)
		}
	}
	return l
}

// put adds a block of lines to the page of the first. A line without words, and
// a word without a line, is a line of one word.
func (n *normalizer) put(kind string, lines []*block) {
	out := engines.Block{Kind: kind}
	for _, b := range lines {
		words := n.all.related(b, "CHILD")
		words = slices.DeleteFunc(words, func(w *block) bool { return w.BlockType != "WORD" || w.Text == "" })
		if len(words) == 0 && b.Text != "" {
			words = []*block{b}
		}
		if len(words) == 0 {
			continue
		}
		line, written := engines.Line{Box: b.Geometry.box(), Angle: b.Geometry.angle()}, 0
		for _, w := range words {
			box := w.Geometry.box()
			line.Box = around(line.Box, box)
			line.Words = append(line.Words, engines.Word{Text: w.Text, Box: box, Confidence: confidence(w.Confidence)})
			if w.TextType == "HANDWRITING" {
				written++
			}
		}
		line.Handwritten = 2*written > len(line.Words)
		if out.Box = around(out.Box, line.Box); len(out.Lines) == 0 {
			out.Box = line.Box
		}
		out.Lines = append(out.Lines, line)
	}
	if page := n.pageOf(lines); page != nil && len(out.Lines) > 0 {
		page.Blocks = append(page.Blocks, out)
	}
}

func (n *normalizer) pageOf(list []*block) *engines.AnswerPage {
	if len(list) == 0 {
		return nil
	}
	return n.page(list[0].Page)
}

func around(a, b engines.Box) engines.Box {
	return engines.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

// angles says of each page how most of its words are turned.
func (n *normalizer) angles() {
	for i := range n.result.Pages {
		page, turned := &n.result.Pages[i], map[float64]int{}
		for _, b := range page.Blocks {
			for _, l := range b.Lines {
				turned[l.Angle] += len(l.Words)
			}
		}
		for _, angle := range []float64{90, 180, 270} {
			if turned[angle] > turned[0] && turned[angle] >= max(turned[90], turned[180], turned[270]) {
				// The page's angle is clockwise and at most half a turn.
				if page.Angle = -angle; angle > 180 {
					page.Angle = 360 - angle
				}
				page.Angle = max(page.Angle, -180)
			}
		}
	}
}

func (n *normalizer) marks() {
	for _, b := range n.all.list {
		if page := n.page(b.Page); page != nil && b.BlockType == "SELECTION_ELEMENT" {
			page.Marks = append(page.Marks, engines.Mark{Box: b.Geometry.box(),
				Selected: b.SelectionStatus == "SELECTED", Confidence: confidence(b.Confidence)})
		}
	}
}

// warn passes on what Textract says against its answer. A page that it names and
// that has words was read in part; one without has failed.
func (n *normalizer) warn(answers []answer) {
	named := 0
	for _, a := range answers {
		for _, w := range a.Warnings {
			named++
			if len(w.Pages) == 0 {
				n.result.Warnings = append(n.result.Warnings, engines.Warning{Code: warnPages,
					Sentence: fmt.Sprintf("Textract warns of %s.", w.ErrorCode)})
			}
			for _, number := range w.Pages {
				n.pageWarning(number, w.ErrorCode)
			}
		}
	}
	if !slices.ContainsFunc(answers, func(a answer) bool { return a.JobStatus == "PARTIAL_SUCCESS" }) {
		return
	}
	n.result.Partial = "Textract says that it read the document only in part. Compare what was read with the pages."
	if named == 0 {
		n.result.Warnings = append(n.result.Warnings, engines.Warning{Code: warnJob,
			Sentence: "Textract read the document in part and does not say which pages failed. Compare it with the pages."})
	}
}

func (n *normalizer) pageWarning(number int, code string) {
	sentence := fmt.Sprintf("Textract did not read this page as it should: %s.", code)
	if page := n.page(number); page != nil && len(page.Blocks) == 0 {
		page.Failed = sentence
	}
	same := engines.Warning{Code: warnPages, Sentence: sentence, Page: number}
	if !slices.Contains(n.result.Warnings, same) {
		n.result.Warnings = append(n.result.Warnings, same)
	}
}
