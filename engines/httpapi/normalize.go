package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"intray/engines"
)

// perPage is what a page has as its size where boxes are shares of it: PageResult
// counts in whole numbers.
const perPage = 10_000

// mostPages bounds what an answer may claim.
const mostPages = 20_000

// Normalize reads what the mapping names. Errors are engines.CodeService for what is
// no JSON object and engines.CodeHollow (review) where nothing named is in it. It is
// pure.
func (p *Provider) Normalize(raw []byte) (engines.Result, error) {
	// Unlike GJSON, this bounds how deep values are nested.
	if !json.Valid(raw) || !gjson.ParseBytes(raw).IsObject() {
		return engines.Result{}, senseless(errors.New("no JSON object"))
	}
	m, body := p.settings.Answer, gjson.ParseBytes(raw)
	out := engines.Result{Model: get(body, m.Model).String()}
	if class := get(body, m.Class).String(); class != "" {
		out.Class = engines.SnakeCase(class)
	}
	get(body, m.Languages).ForEach(func(_, l gjson.Result) bool {
		out.Languages = append(out.Languages, l.String())
		return true
	})
	pages := get(body, m.Pages).Array()
	if len(pages) > mostPages {
		return engines.Result{}, senseless(fmt.Errorf("%d pages", len(pages)))
	}
	words := false
	for _, page := range pages {
		out.Pages = append(out.Pages, m.page(page))
		last := out.Pages[len(out.Pages)-1]
		words = words || len(last.Blocks) > 0 || last.Text != ""
	}
	text := get(body, m.Text).String()
	if err := spread(&out, text, get(body, m.PageCount)); err != nil {
		return engines.Result{}, err
	}
	m.fields(&out, body)
	if !words && strings.TrimSpace(text) == "" && len(out.Fields)+len(out.Tables) == 0 && len(pages) == 0 {
		return engines.Result{}, &engines.Error{Kind: engines.Review, Code: engines.CodeHollow,
			Sentence: "The service says that it has read the document, but nothing that this engine's settings name is in its answer. Look at answer."}
	}
	return out, nil
}

// get is the value at a path; none for an empty path.
func get(from gjson.Result, path string) gjson.Result {
	if path == "" {
		return gjson.Result{}
	}
	return from.Get(path)
}

// spread makes the pages where the service lists none: as many as it counts, with
// the whole text cut at form feeds, or on the first.
func spread(out *engines.Result, text string, count gjson.Result) error {
	if len(out.Pages) > 0 {
		return nil
	}
	parts := strings.Split(text, "\f")
	n := len(parts)
	if count.Exists() {
		if counted := count.Num; !(counted >= 1 && counted <= mostPages) {
			return senseless(fmt.Errorf("%.20s pages", count.String()))
		}
		n = int(count.Num)
	}
	if len(parts) != n {
		parts = []string{text}
	}
	out.Pages = make([]engines.AnswerPage, n)
	for i, part := range parts {
		out.Pages[i].Text = part
	}
	return nil
}

// scale is a page's size and how many of our units one of the service's is.
type scale struct{ factor, width, height float64 }

func (m Mapping) scale(page gjson.Result) scale {
	s := scale{1, math.Ceil(get(page, m.PageWidth).Num), math.Ceil(get(page, m.PageHeight).Num)}
	if !(s.width >= 1 && s.width < 1e7 && s.height >= 1 && s.height < 1e7) {
		s = scale{perPage, perPage, perPage}
	}
	return s
}

func (m Mapping) page(page gjson.Result) engines.AnswerPage {
	out := engines.AnswerPage{Text: get(page, m.PageText).String()}
	s := m.scale(page)
	var line *engines.Line
	var block engines.Block
	for _, w := range get(page, m.Words).Array() {
		text := strings.TrimSpace(get(w, m.WordText).String())
		if text == "" {
			continue
		}
		word := engines.Word{Text: text, Box: s.box(get(w, m.WordBox)), Confidence: share(cmp.Or(get(w, m.WordConfidence).Num, 0))}
		if line == nil || !beside(line.Box, word.Box) {
			block.Lines = append(block.Lines, engines.Line{Box: word.Box})
			line = &block.Lines[len(block.Lines)-1]
		}
		line.Words, line.Box = append(line.Words, word), around(line.Box, word.Box)
	}
	if len(block.Lines) == 0 {
		return out
	}
	block.Kind, block.Box = engines.BlockText, block.Lines[0].Box
	for _, l := range block.Lines {
		block.Box = around(block.Box, l.Box)
	}
	out.Width, out.Height, out.Blocks = int(s.width), int(s.height), []engines.Block{block}
	return out
}

// beside is true for a word that goes on to the right in the same line.
func beside(line, word engines.Box) bool {
	middle := (word.Y0 + word.Y1) / 2
	return middle >= line.Y0 && middle <= line.Y1 && word.X0 >= line.X1-(line.Y1-line.Y0)/2
}

func around(a, b engines.Box) engines.Box {
	return engines.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

// box takes [x0, y0, x1, y1] or a polygon, flat or of pairs: the extremes are the
// same. None is a box without size.
func (s scale) box(v gjson.Result) engines.Box {
	var numbers []float64
	for _, item := range v.Array() {
		if !item.IsArray() {
			numbers = append(numbers, item.Num)
			continue
		}
		for _, n := range item.Array() {
			numbers = append(numbers, n.Num)
		}
	}
	if len(numbers) < 4 {
		return engines.Box{}
	}
	bound := func(v, most float64) float64 { return min(max(v*s.factor, 0), most) }
	b := engines.Box{X0: s.width, Y0: s.height}
	for i := 0; i+1 < len(numbers); i += 2 {
		x, y := bound(numbers[i], s.width), bound(numbers[i+1], s.height)
		b = around(b, engines.Box{X0: x, Y0: y, X1: x, Y1: y})
	}
	return b
}

func share(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 1)
}

// fields reads those that are named and those of the object that has all.
func (m Mapping) fields(out *engines.Result, body gjson.Result) {
	done := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.Fields)) {
		if v := get(body, m.Fields[name]); v.Exists() && m.field(out, name, v) {
			done[name] = true
		}
	}
	get(body, m.AllFields).ForEach(func(key, v gjson.Result) bool {
		name := cmp.Or(m.Names[key.String()], engines.SnakeCase(key.String()))
		if items := v.Get("items"); items.IsArray() {
			m.table(out, name, items.Array())
		} else if !done[name] && name != "" {
			done[name] = m.field(out, name, v)
		}
		return true
	})
}
