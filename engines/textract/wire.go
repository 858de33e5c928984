package textract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"intray/engines"
)

// maxPages is what Textract takes at once (its quotas page), and so the largest
// page number that an answer can have.
const maxPages = 3000

// answer is one body of a Get call, or of a synchronous call, as it is on the wire
// (API reference, GetDocumentAnalysis, GetExpenseAnalysis, AnalyzeID). Members we
// do not use are left out.
type answer struct {
	JobStatus        string
	StatusMessage    string
	DocumentMetadata struct{ Pages int }
	Warnings         []struct {
		ErrorCode string
		Pages     []int
	}
	Blocks            []block
	ExpenseDocuments  []expenseDocument
	IdentityDocuments []identityDocument

	DetectDocumentTextModelVersion string
	AnalyzeDocumentModelVersion    string
	AnalyzeExpenseModelVersion     string
	AnalyzeIDModelVersion          string
}

func (a answer) model() string {
	for _, v := range []string{a.DetectDocumentTextModelVersion, a.AnalyzeDocumentModelVersion, a.AnalyzeExpenseModelVersion, a.AnalyzeIDModelVersion} {
		if v != "" {
			return v
		}
	}
	return ""
}

type block struct {
	ID            string `json:"Id"`
	BlockType     string
	Page          int
	Confidence    float64
	Text          string
	Geometry      geometry
	Relationships []struct {
		Type string
		IDs  []string `json:"Ids"`
	}
	EntityTypes     []string
	RowIndex        int
	ColumnIndex     int
	RowSpan         int
	ColumnSpan      int
	SelectionStatus string
	TextType        string // of words: PRINTED or HANDWRITING
}

type geometry struct {
	BoundingBox struct{ Left, Top, Width, Height float64 }
	Polygon     []struct{ X, Y float64 }
}

// box is in shares of the page. Textract's own boxes reach beyond the page where
// a picture is cut; ours do not.
func (g geometry) box() engines.Box {
	b := g.BoundingBox
	x0, y0 := share(b.Left), share(b.Top)
	return engines.Box{X0: x0, Y0: y0, X1: max(x0, share(b.Left+b.Width)), Y1: max(y0, share(b.Top+b.Height))}
}

// angle is hOCR's: counter-clockwise, in quarter turns. A polygon begins at the
// text's own top left and goes on along its top. Without the page's size smaller
// angles cannot be told.
func (g geometry) angle() float64 {
	if len(g.Polygon) < 2 {
		return 0
	}
	dx, dy := g.Polygon[1].X-g.Polygon[0].X, g.Polygon[1].Y-g.Polygon[0].Y
	switch {
	case math.Abs(dx) >= math.Abs(dy) && dx < 0:
		return 180
	case math.Abs(dx) >= math.Abs(dy):
		return 0
	case dy > 0:
		return 270
	default:
		return 90
	}
}

func share(v float64) float64 { return min(max(v, 0), 1) }

// confidence turns per cent into 0..1.
func confidence(percent float64) float64 { return share(percent / 100) }

// parse reads a stored answer: what Fetch returns, a list of bodies, or one body
// as the synchronous calls give it.
func parse(raw []byte) ([]answer, error) {
	trimmed := bytes.TrimSpace(raw)
	var answers []answer
	var err error
	if len(trimmed) > 0 && trimmed[0] == '[' {
		err = json.Unmarshal(trimmed, &answers)
	} else {
		answers = make([]answer, 1)
		err = json.Unmarshal(trimmed, &answers[0])
	}
	if err == nil && len(answers) == 0 {
		err = fmt.Errorf("the list is empty")
	}
	if err != nil {
		return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeService,
			Sentence: "The stored answer of Textract cannot be read. Submit the document again.", Cause: err}
	}
	return answers, nil
}

// blocks are all blocks of an answer, in order and by id: a block's children may
// stand in a later body than itself.
type blocks struct {
	list []*block
	byID map[string]*block
}

func collect(lists ...[]block) blocks {
	all := blocks{byID: map[string]*block{}}
	for _, list := range lists {
		for i := range list {
			b := &list[i]
			if b.Page < 1 {
				b.Page = 1
			}
			if _, twice := all.byID[b.ID]; twice && b.ID != "" {
				continue
			}
			all.list, all.byID[b.ID] = append(all.list, b), b
		}
	}
	return all
}

// related are the blocks that b names in relationships of that type.
func (all blocks) related(b *block, relation string) []*block {
	var found []*block
	for _, r := range b.Relationships {
		if r.Type != relation {
			continue
		}
		for _, id := range r.IDs {
			if child := all.byID[id]; child != nil && child != b {
				found = append(found, child)
			}
		}
	}
	return found
}

// text is what b's words say; check boxes are written [x] and [ ].
func (all blocks) text(b *block) string {
	var out []byte
	for _, child := range all.related(b, "CHILD") {
		text := child.Text
		if child.BlockType == "SELECTION_ELEMENT" {
			if text = "[ ]"; child.SelectionStatus == "SELECTED" {
				text = "[x]"
			}
		}
		if text != "" {
			if len(out) > 0 {
				out = append(out, ' ')
			}
			out = append(out, text...)
		}
	}
	return string(out)
}
