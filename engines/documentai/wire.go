package documentai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"intray/engines"
)

// number is an int64 of proto3's JSON, which writes it as a text.
type number int64

// UnmarshalJSON takes both forms.
func (n *number) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" || text == "" {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	*n = number(v)
	return err
}

// document is Document AI's Document in JSON (API reference, and recorded
// answers), or one shard of it. Zero values are left out on the wire.
type document struct {
	Text     string   `json:"text"`
	Pages    []page   `json:"pages"`
	Entities []entity `json:"entities"`
	Shard    struct {
		Index number `json:"shardIndex"`
		Count number `json:"shardCount"`
	} `json:"shardInfo"`
	Layout struct {
		Blocks []layoutBlock `json:"blocks"`
	} `json:"documentLayout"`
	Error *rpcStatus `json:"error"`
}

type page struct {
	Number    int `json:"pageNumber"`
	Dimension struct {
		Width  float64 `json:"width"`
		Height float64 `json:"height"`
	} `json:"dimension"`
	Layout     layout     `json:"layout"`
	Languages  []language `json:"detectedLanguages"`
	Paragraphs []part     `json:"paragraphs"`
	Lines      []part     `json:"lines"`
	Tokens     []part     `json:"tokens"`
	Tables     []struct {
		Layout layout `json:"layout"`
		Header []row  `json:"headerRows"`
		Body   []row  `json:"bodyRows"`
	} `json:"tables"`
	Forms []struct {
		Name  layout `json:"fieldName"`
		Value layout `json:"fieldValue"`
		Type  string `json:"valueType"`
	} `json:"formFields"`
	Visuals []struct {
		Layout layout `json:"layout"`
		Type   string `json:"type"`
	} `json:"visualElements"`
}

type language struct {
	Code       string   `json:"languageCode"`
	Confidence *float64 `json:"confidence"`
}

type part struct {
	Layout layout `json:"layout"`
	// Style is there for tokens where the processor was asked for it.
	Style struct {
		Handwritten bool `json:"handwritten"`
	} `json:"styleInfo"`
}

type row struct {
	Cells []struct {
		Layout  layout `json:"layout"`
		RowSpan int    `json:"rowSpan"`
		ColSpan int    `json:"colSpan"`
	} `json:"cells"`
}

type layout struct {
	Anchor      anchor  `json:"textAnchor"`
	Confidence  float64 `json:"confidence"`
	Poly        poly    `json:"boundingPoly"`
	Orientation string  `json:"orientation"`
}

// anchor names parts of the text by code points, half open.
type anchor struct {
	Segments []struct {
		Start number `json:"startIndex"`
		End   number `json:"endIndex"`
	} `json:"textSegments"`
}

// start is where the first part begins; -1 for no part.
func (a anchor) start() int {
	if len(a.Segments) == 0 {
		return -1
	}
	return int(a.Segments[0].Start)
}

// has says whether one of the parts has that code point.
func (a anchor) has(at int) bool {
	for _, s := range a.Segments {
		if at >= int(s.Start) && at < int(s.End) {
			return true
		}
	}
	return false
}

// text is what the parts say, in the code points of the document's text.
func (a anchor) text(of []rune) string {
	var out []rune
	for _, s := range a.Segments {
		from, to := max(0, int(s.Start)), min(int(s.End), len(of))
		if from < to {
			out = append(out, of[from:to]...)
		}
	}
	return string(out)
}

// words is text with single spaces.
func (a anchor) words(of []rune) string { return strings.Join(strings.Fields(a.text(of)), " ") }

type vertex struct{ X, Y float64 }

type poly struct {
	Vertices   []vertex `json:"vertices"`
	Normalized []vertex `json:"normalizedVertices"`
}

// box is in shares of a page of that size in pixels. A coordinate that is missing
// is 0.
func (p poly) box(width, height float64) engines.Box {
	list, w, h := p.Normalized, 1.0, 1.0
	if len(list) == 0 {
		if list, w, h = p.Vertices, width, height; w <= 0 || h <= 0 {
			return engines.Box{}
		}
	}
	if len(list) == 0 {
		return engines.Box{}
	}
	b := engines.Box{X0: 1, Y0: 1}
	for _, v := range list {
		x, y := share(v.X/w), share(v.Y/h)
		b = engines.Box{X0: min(b.X0, x), Y0: min(b.Y0, y), X1: max(b.X1, x), Y1: max(b.Y1, y)}
	}
	return b
}

func share(v float64) float64 { return min(max(v, 0), 1) }

func around(a, b engines.Box) engines.Box {
	return engines.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

type entity struct {
	Type       string   `json:"type"`
	Mention    string   `json:"mentionText"`
	Confidence *float64 `json:"confidence"`
	Anchor     struct {
		Refs []struct {
			// Page is an index into the shard's pages.
			Page number `json:"page"`
			Poly poly   `json:"boundingPoly"`
		} `json:"pageRefs"`
	} `json:"pageAnchor"`
	Normalized *normalized `json:"normalizedValue"`
	Properties []entity    `json:"properties"`
}

type normalized struct {
	Text  string `json:"text"`
	Money *struct {
		Currency string `json:"currencyCode"`
		Units    number `json:"units"`
		Nanos    int64  `json:"nanos"`
	} `json:"moneyValue"`
	Date *struct {
		Year  int `json:"year"`
		Month int `json:"month"`
		Day   int `json:"day"`
	} `json:"dateValue"`
	Time *struct {
		Hours   int `json:"hours"`
		Minutes int `json:"minutes"`
	} `json:"datetimeValue"`
}

// parse reads what Fetch returns (a list of shards), one Document, or the answer of
// an online call. Shards are put into the order of their index.
func parse(raw []byte) ([]document, error) {
	trimmed := bytes.TrimSpace(raw)
	var shards []document
	var err error
	if len(trimmed) > 0 && trimmed[0] == '[' {
		err = json.Unmarshal(trimmed, &shards)
	} else {
		var answer struct {
			document
			Inner *document `json:"document"`
		}
		err = json.Unmarshal(trimmed, &answer)
		if shards = []document{answer.document}; answer.Inner != nil {
			shards = []document{*answer.Inner}
		}
	}
	if err == nil && len(shards) == 0 {
		err = fmt.Errorf("the list is empty")
	}
	if err != nil {
		return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeService,
			Sentence: "The stored answer of Document AI cannot be read. Submit the document again.", Cause: err}
	}
	slices.SortStableFunc(shards, func(a, b document) int { return int(min(max(a.Shard.Index-b.Shard.Index, -1), 1)) })
	return shards, nil
}
