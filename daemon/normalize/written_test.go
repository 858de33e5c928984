package normalize

import (
	"testing"

	"intray/daemon/document"
	"intray/engines"
)

// TestScrawled: lines that make no sense are handwriting where they are uneven, not
// where they are alike as print is; and neither a few nor sure ones.
func TestScrawled(t *testing.T) {
	page := func(heights []float64, slope, confidence float64) []document.Block {
		var b document.Block
		for i, h := range heights {
			y := 40 * float64(i)
			lean := slope * float64(i%2)
			b.Lines = append(b.Lines, document.Line{Box: document.Box{0, y, 300, y + h}, Baseline: document.Box{0, y + h, 300, y + h + 300*lean},
				Words: []document.Word{{Text: "scrawl", Confidence: confidence}}})
		}
		return []document.Block{b}
	}
	for name, c := range map[string]struct {
		blocks []document.Block
		want   int
	}{
		"uneven":                 {page([]float64{20, 31, 24, 18}, 0, 0.2), 4},
		"leaning":                {page([]float64{20, 20, 20, 20}, 0.012, 0.2), 4},
		"unread print":           {page([]float64{20, 21, 20, 19}, 0.001, 0.2), 0},
		"two lines":              {page([]float64{20, 31}, 0, 0.2), 0},
		"sure":                   {page([]float64{20, 31, 24, 18}, 0, 0.9), 0},
		"short, as in a picture": {page([]float64{90, 120, 70, 80}, 0, 0.2), 0},
		"nothing":                {nil, 0},
	} {
		if got := scrawled(c.blocks); got != c.want {
			t.Errorf("%s: %d instead of %d", name, got, c.want)
		}
	}
}

// TestWritten: what an engine says counts, and one that says it itself is not doubted.
func TestWritten(t *testing.T) {
	line := func(hand bool) []document.Block {
		return []document.Block{{Lines: []document.Line{{Handwritten: hand}}}}
	}
	for name, c := range map[string]struct {
		reading       Reading
		hand          bool
		want, warning string
	}{
		"said":       {Reading{}, true, document.HandwritingFound, WarnHandwriting},
		"not said":   {Reading{Doubtful: true}, false, "", ""},
		"foreign":    {Reading{Doubtful: true, Script: engines.Script{Code: "Cyrl", Name: "Cyrillic"}}, false, "", WarnScript},
		"own script": {Reading{Doubtful: true, Script: engines.Script{Code: "Latn", Name: "Latin", Read: true}}, false, "", ""},
	} {
		var p document.Page
		warnings := written(&p, c.reading, line(c.hand))
		if p.Handwriting != c.want || (c.warning == "") != (len(warnings) == 0) || len(warnings) > 0 && warnings[0].Code != c.warning {
			t.Errorf("%s: %q, %+v", name, p.Handwriting, warnings)
		}
	}
}
