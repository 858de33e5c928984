package azure

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"intray/engines"
)

// inch is how many of our units an inch has: PageResult counts in whole numbers,
// and the service gives places to a ten-thousandth of an inch.
const inch = 1000

// mostPages and mostCells bound what an answer may claim.
const (
	mostPages = 20_000
	mostCells = 1_000_000
)

// Normalize turns an answer into a result. Errors are engines.CodeHollow (review)
// for a success without a result, engines.CodeService for what is no answer, and
// those of a failed job. It is pure.
func (p *Provider) Normalize(raw []byte) (engines.Result, error) {
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return engines.Result{}, nonsense(err)
	}
	if a.Status == "failed" {
		return engines.Result{}, jobError(a)
	}
	if a.Status != "succeeded" {
		return engines.Result{}, nonsense(fmt.Errorf("its status is %.40q", a.Status))
	}
	if a.Result != nil {
		a.Result.modern()
	}
	if a.Result == nil || len(a.Result.Pages) == 0 {
		return engines.Result{}, &engines.Error{Kind: engines.Review, Code: engines.CodeHollow,
			Sentence: "Azure says that it has read the document, but its answer has no pages. Look at the document, and send it again."}
	}
	n := &normalizer{in: a.Result}
	if err := n.pages(); err != nil {
		return engines.Result{}, nonsense(err)
	}
	if err := n.tables(); err != nil {
		return engines.Result{}, nonsense(err)
	}
	n.documents()
	n.pairs()
	n.out.Languages = languages(n.in.Languages, nil)
	n.remarks()
	n.out.Model = a.Result.ModelID
	return n.out, nil
}

// normalizer holds an answer and the result that is made of it.
type normalizer struct {
	in          *analysis
	out         engines.Result
	text        *indexed
	scale       []float64 // of each page of out
	words       []wireWord
	groups      groups
	handwritten []span // in the order of the text
}

func (n *normalizer) pages() error {
	slices.SortStableFunc(n.in.Pages, func(a, b wirePage) int { return cmp.Compare(a.Number, b.Number) })
	n.text, n.groups, n.handwritten = newIndexed(n.in.Content, n.in.IndexType), newGroups(n.in), handwritten(n.in.Styles)
	for _, p := range n.in.Pages {
		if p.Number <= len(n.out.Pages) || p.Number > mostPages {
			return fmt.Errorf("a page %d after %d", p.Number, len(n.out.Pages))
		}
		for len(n.out.Pages) < p.Number-1 {
			n.out.Pages = append(n.out.Pages, engines.AnswerPage{Failed: "Azure left this page out of its answer."})
			n.scale = append(n.scale, 1)
		}
		page, scale, err := n.page(p)
		if err != nil {
			return fmt.Errorf("page %d: %w", p.Number, err)
		}
		n.out.Pages, n.scale = append(n.out.Pages, page), append(n.scale, scale)
		n.words = append(n.words, p.Words...)
	}
	slices.SortStableFunc(n.words, func(a, b wireWord) int { return cmp.Compare(a.Span.Offset, b.Span.Offset) })
	return nil
}

func firstOffset(spans []span) int {
	if len(spans) == 0 {
		return -1
	}
	return spans[0].Offset
}

func (n *normalizer) page(p wirePage) (engines.AnswerPage, float64, error) {
	scale := 1.0
	if p.Unit == "inch" {
		scale = inch
	}
	width, height := math.Round(p.Width*scale), math.Round(p.Height*scale)
	if !(width >= 0 && width < 1e7 && height >= 0 && height < 1e7) {
		return engines.AnswerPage{}, 0, fmt.Errorf("a size of %v by %v %s", p.Width, p.Height, p.Unit)
	}
	page := engines.AnswerPage{Angle: math.Remainder(p.Angle, 360)}
	page.Width, page.Height = int(width), int(height)
	if math.IsNaN(page.Angle) {
		page.Angle = 0
	}
	frame := frame{scale, width, height}
	page.Blocks = n.blocks(p, frame)
	page.Languages = languages(n.in.Languages, p.Spans)
	if len(page.Blocks) == 0 {
		for _, s := range p.Spans {
			page.Text += n.text.slice(s)
		}
	}
	for _, m := range p.Marks {
		page.Marks = append(page.Marks, engines.Mark{Box: frame.box(m.Polygon), Selected: m.State == "selected", Confidence: share(m.Confidence)})
	}
	return page, scale, nil
}

// frame is a page's unit and bounds.
type frame struct{ scale, width, height float64 }

// box is the upright rectangle around a polygon, within the page.
func (f frame) box(polygon []float64) engines.Box {
	if len(polygon) < 4 || f.width == 0 || f.height == 0 {
		return engines.Box{}
	}
	b := engines.Box{X0: math.Inf(1), Y0: math.Inf(1), X1: math.Inf(-1), Y1: math.Inf(-1)}
	for i := 0; i+1 < len(polygon); i += 2 {
		x := min(max(polygon[i]*f.scale, 0), f.width)
		y := min(max(polygon[i+1]*f.scale, 0), f.height)
		b = engines.Box{X0: min(b.X0, x), Y0: min(b.Y0, y), X1: max(b.X1, x), Y1: max(b.Y1, y)}
	}
	return b
}

// around is the smallest box with both in it. One without a place is left out.
func around(a, b engines.Box) engines.Box {
	switch (engines.Box{}) {
	case a:
		return b
	case b:
		return a
	}
	return engines.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

// place is the page and box of the first region and what else is on its page.
func (n *normalizer) place(regions []region) (int, engines.Box) {
	page, box := 0, engines.Box{}
	for _, r := range regions {
		if r.Page < 1 || r.Page > len(n.out.Pages) || page != 0 && r.Page != page {
			continue
		}
		p := n.out.Pages[r.Page-1]
		page, box = r.Page, around(box, frame{n.scale[r.Page-1], float64(p.Width), float64(p.Height)}.box(r.Polygon))
	}
	return page, box
}

// share bounds a confidence.
func share(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 1)
}

// within are the words that begin in one of the spans.
func (n *normalizer) within(spans []span) []wireWord {
	var all []wireWord
	for _, s := range spans {
		from, _ := slices.BinarySearchFunc(n.words, s.Offset, func(w wireWord, at int) int { return cmp.Compare(w.Span.Offset, at) })
		for _, w := range n.words[from:] {
			if w.Span.Offset >= s.Offset+s.Length {
				break
			}
			all = append(all, w)
		}
	}
	return all
}

// languages are the locales of the text within spans, of all of it for none, the one
// with most text first.
func languages(found []language, within []span) []string {
	length := map[string]int{}
	var all []string
	for _, l := range found {
		n, here := 0, len(within) == 0
		for _, s := range l.Spans {
			part := s.Length
			if len(within) > 0 {
				part = 0
				for _, w := range within {
					part += max(0, min(s.Offset+s.Length, w.Offset+w.Length)-max(s.Offset, w.Offset))
				}
			}
			n, here = n+part, here || part > 0
		}
		if _, known := length[l.Locale]; !known && here && l.Locale != "" {
			all = append(all, l.Locale)
		}
		length[l.Locale] += n
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(length[b], length[a]) })
	return all
}

// remarks are what is to be said about the answer: several documents in one file,
// and the service's own warnings.
func (n *normalizer) remarks() {
	if len(n.in.Documents) > 1 {
		n.warn("several_documents", fmt.Sprintf("Azure found %d documents in this file; the fields are the first one's.", len(n.in.Documents)), 0)
	}
	for _, w := range n.in.Warnings {
		n.warn(engines.SnakeCase(cmp.Or(w.Code, "provider_warning")), cmp.Or(engines.Scrub(w.Message), "Azure has a remark on its answer: "+w.Code+"."), 0)
	}
}

func (n *normalizer) warn(code, sentence string, page int) {
	n.out.Warnings = append(n.out.Warnings, engines.Warning{Code: code, Sentence: sentence, Page: page})
}
