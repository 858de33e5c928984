package azure

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/rivo/uniseg"

	"intray/engines"
)

// indexed is a text whose places are counted in one of the service's units.
type indexed struct {
	text string
	// at is the byte at which each unit begins, and the end.
	at []int
}

// newIndexed counts by kind: unicodeCodePoint, utf16CodeUnit or textElements, which
// are grapheme clusters (Unicode Annex 29) and what the service does unasked.
func newIndexed(text, kind string) *indexed {
	x := &indexed{text: text}
	switch kind {
	case "unicodeCodePoint":
		for i := range text {
			x.at = append(x.at, i)
		}
	case "utf16CodeUnit":
		for i, r := range text {
			x.at = append(x.at, i)
			if utf16.RuneLen(r) == 2 {
				x.at = append(x.at, i)
			}
		}
	default:
		for g := uniseg.NewGraphemes(text); g.Next(); {
			from, _ := g.Positions()
			x.at = append(x.at, from)
		}
	}
	x.at = append(x.at, len(text))
	return x
}

// slice is the text of a span; "" for one outside.
func (x *indexed) slice(s span) string {
	if s.Offset < 0 || s.Length <= 0 || s.Offset >= len(x.at) || s.Length > len(x.at)-1-s.Offset {
		return ""
	}
	return x.text[x.at[s.Offset]:x.at[s.Offset+s.Length]]
}

// blocks puts words into lines and lines into blocks. The service links them only
// by their spans. Words of no line become lines of their own.
func (n *normalizer) blocks(p wirePage, f frame) []engines.Block {
	words := slices.Clone(p.Words)
	slices.SortStableFunc(words, func(a, b wireWord) int { return cmp.Compare(a.Span.Offset, b.Span.Offset) })
	taken := make([]bool, len(words))
	var out []engines.Block
	last := -1
	add := func(line engines.Line, offset int) {
		group, kind := n.groups.of(offset)
		if len(out) == 0 || group != last {
			out = append(out, engines.Block{Kind: kind})
			last = group
		}
		b := &out[len(out)-1]
		b.Lines, b.Box = append(b.Lines, line), around(b.Box, line.Box)
	}
	for _, l := range p.Lines {
		line, written := engines.Line{Box: f.box(l.Polygon), Angle: direction(l.Polygon)}, 0
		for _, s := range l.Spans {
			from, _ := slices.BinarySearchFunc(words, s.Offset, func(w wireWord, at int) int { return cmp.Compare(w.Span.Offset, at) })
			for i := from; i < len(words) && words[i].Span.Offset-s.Offset < s.Length; i++ {
				if !taken[i] {
					taken[i] = true
					addWord(&line, words[i], f)
					written += n.byHand(words[i])
				}
			}
		}
		if line.Handwritten = 2*written > len(line.Words); len(line.Words) > 0 {
			add(line, firstOffset(l.Spans))
		}
	}
	for i, w := range words {
		if taken[i] {
			continue
		}
		line := engines.Line{Angle: direction(w.Polygon), Handwritten: n.byHand(w) > 0}
		if addWord(&line, w, f); len(line.Words) > 0 {
			add(line, w.Span.Offset)
		}
	}
	return out
}

// handwritten are the spans of styles that say so, in the order of the text.
func handwritten(styles []style) (out []span) {
	for _, s := range styles {
		if s.Handwritten {
			out = append(out, s.Spans...)
		}
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.Offset, b.Offset) })
	return out
}

// byHand is 1 for a word that is handwritten, else 0.
func (n *normalizer) byHand(w wireWord) int {
	after, _ := slices.BinarySearchFunc(n.handwritten, w.Span.Offset+1, func(s span, at int) int { return cmp.Compare(s.Offset, at) })
	if after > 0 && w.Span.Offset-n.handwritten[after-1].Offset < n.handwritten[after-1].Length {
		return 1
	}
	return 0
}

func addWord(line *engines.Line, w wireWord, f frame) {
	text := strings.TrimSpace(w.Content)
	if text == "" {
		return
	}
	word := engines.Word{Text: text, Box: f.box(w.Polygon), Confidence: share(w.Confidence)}
	line.Words, line.Box = append(line.Words, word), around(line.Box, word.Box)
}

// direction is the text's, in degrees counter-clockwise by quarters. A polygon
// begins at the text's own top left and goes clockwise.
func direction(polygon []float64) float64 {
	if len(polygon) < 4 {
		return 0
	}
	angle := -math.Atan2(polygon[3]-polygon[1], polygon[2]-polygon[0]) * 180 / math.Pi
	quarter := math.Mod(math.Round(angle/90)*90+360, 360)
	if math.IsNaN(quarter) {
		return 0
	}
	return quarter
}

// groups say which block a place in the text belongs to: a table, else a paragraph.
type groups struct{ tables, paragraphs []grouped }

type grouped struct {
	span
	id   int
	kind string
}

func newGroups(a *analysis) groups {
	var g groups
	for i, t := range a.Tables {
		for _, s := range t.Spans {
			g.tables = append(g.tables, grouped{s, i + 1, engines.BlockTable})
		}
	}
	for i, p := range a.Paragraphs {
		kind := engines.BlockText
		if p.Role == "title" || p.Role == "sectionHeading" {
			kind = engines.BlockHeading
		}
		for _, s := range p.Spans {
			g.paragraphs = append(g.paragraphs, grouped{s, len(a.Tables) + i + 1, kind})
		}
	}
	for _, list := range [][]grouped{g.tables, g.paragraphs} {
		slices.SortStableFunc(list, func(a, b grouped) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return g
}

// of is the group of an offset, 0 for none. Tables come first, as their cells are
// paragraphs too.
func (g groups) of(offset int) (int, string) {
	for _, list := range [][]grouped{g.tables, g.paragraphs} {
		after, _ := slices.BinarySearchFunc(list, offset+1, func(s grouped, at int) int { return cmp.Compare(s.Offset, at) })
		if after > 0 && offset-list[after-1].Offset < list[after-1].Length {
			return list[after-1].id, list[after-1].kind
		}
	}
	return 0, engines.BlockText
}
