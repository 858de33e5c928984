package review

import (
	"cmp"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"intray/daemon/document"
)

//go:embed page.html
var pageHTML string

// View is one page as review.html shows it. Picture is the path of a JPEG; ""
// if there is none, and then Sentence says why.
type View struct {
	Page     document.Page
	Picture  string
	Sentence string
	// Words are the doubtful ones.
	Words []document.Word
}

// Pictures are what review.html shows: pages, and by field the path of its
// cut-out. Left is how many pages are not shown.
type Pictures struct {
	Views []View
	Cuts  map[string]string
	Left  int
}

// Page writes review.html: one file that needs nothing else, no script and no
// network, for the screen and for paper. Pictures are read one at a time.
func Page(w io.Writer, s Sheet, p Pictures) error {
	t, err := template.New(PageFile).Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("parse %s: %w", PageFile, err)
	}
	if err := t.Execute(w, pageOf(s, p)); err != nil {
		return fmt.Errorf("write %s: %w", PageFile, err)
	}
	return nil
}

// shown is the page's content; its types are what the template sees.
type shown struct {
	Document   document.Document
	Reasons    []string
	MayConfirm bool
	Fields     []shownField
	Pages      []shownPage
	Left       int
}

type shownField struct {
	Name, Value string
	Percent     int
	Page        int
	Known       bool // there is a value
	Typed       bool // by a person: there is no confidence to speak of
	Doubts      []string
	Cut         picture
}

type shownPage struct {
	Number   int
	Sentence string
	Picture  picture
	Ratio    float64 // of height to width
	Marks    []mark
	Notes    []note
}

// mark is a box over a page's picture, in percent of its sides.
type mark struct {
	Left, Top, Width, Height float64
	Field                    bool
	Label                    string
}

// note names a field in the margin, so that nothing printed is hidden. A guide
// leads there from the mark: from From in percent of the picture's width, at Line
// in percent of its height, to Top.
type note struct {
	From, Line, Top float64
	Name, Value     string
	Doubt           bool
}

// picture is the path of a JPEG.
type picture string

// URI is the picture inside the page; "" if it could not be made.
func (p picture) URI() (template.URL, error) {
	if p == "" {
		return "", nil
	}
	data, err := os.ReadFile(string(p))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read picture: %w", err)
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data)), nil
}

func pageOf(s Sheet, p Pictures) shown {
	out := shown{Document: s.Document, MayConfirm: s.MayConfirm, Left: p.Left}
	doubts := map[string][]string{}
	for _, d := range s.Doubts {
		doubts[d.Field] = append(doubts[d.Field], d.Sentence)
		out.Reasons = append(out.Reasons, d.Sentence)
	}
	lines := s.Lines()
	for _, f := range lines {
		out.Fields = append(out.Fields, shownField{Name: f.Name, Value: f.Value, Percent: int(100 * f.Confidence), Page: f.Page, Known: f.Value != "",
			Typed: f.From == document.FromReview, Doubts: doubts[f.Name], Cut: picture(p.Cuts[f.Name])})
	}
	for _, v := range p.Views {
		page := shownPage{Number: v.Page.Number, Sentence: v.Sentence, Picture: picture(v.Picture)}
		if v.Page.Width > 0 && v.Page.Height > 0 {
			page.Ratio = v.Page.Height / v.Page.Width
		}
		for _, w := range v.Words {
			page.mark(v.Page, w.Box, false, fmt.Sprintf("%s: %d %%", w.Text, int(100*w.Confidence)))
		}
		for _, f := range lines {
			if f.Page == v.Page.Number && f.Value != "" {
				page.field(v.Page, f, len(doubts[f.Name]) > 0)
			}
		}
		page.spread()
		out.Pages = append(out.Pages, page)
	}
	return out
}

// markMargin keeps a mark's border off the letters, in points.
const markMargin = 2

// A line of notes is so high in percent of the picture's height: of a tall page,
// whose height is bounded, and of one of ratio 1, which is as wide as can be.
const (
	leastApart = 1.7
	flatApart  = 2.4
)

// mark adds a box, if the page and the box have an extent. Boxes that several
// fields share are drawn once.
func (s *shownPage) mark(page document.Page, box document.Box, field bool, label string) (mark, bool) {
	if page.Width <= 0 || page.Height <= 0 || box[2] <= box[0] || box[3] <= box[1] {
		return mark{}, false
	}
	box = document.Box{box[0] - markMargin, box[1] - markMargin, box[2] + markMargin, box[3] + markMargin}
	m := mark{Left: 100 * box[0] / page.Width, Top: 100 * box[1] / page.Height,
		Width: 100 * (box[2] - box[0]) / page.Width, Height: 100 * (box[3] - box[1]) / page.Height, Field: field, Label: label}
	for i, o := range s.Marks {
		if o.Label = label; field && o == m {
			s.Marks[i].Label += ", " + label
			return m, true
		}
	}
	s.Marks = append(s.Marks, m)
	return m, true
}

// field marks a field's value and notes it in the margin.
func (s *shownPage) field(page document.Page, f document.Field, doubt bool) {
	name := strings.ReplaceAll(f.Name, "_", " ")
	if m, ok := s.mark(page, f.Box, true, name); ok {
		s.Notes = append(s.Notes, note{From: m.Left + m.Width, Line: m.Top + m.Height, Name: name, Value: Written(f.Value), Doubt: doubt})
	}
}

// spread puts notes where their values are printed, from the top and the left,
// and as far down as those above ask for; where the page ends, up again.
func (s *shownPage) spread() {
	slices.SortStableFunc(s.Notes, func(a, b note) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.From, b.From))
	})
	apart := math.Max(leastApart, flatApart/math.Max(s.Ratio, 0.1))
	if n := len(s.Notes); n > 0 {
		apart = math.Min(apart, 100/float64(n))
	}
	next := apart / 2
	for i := range s.Notes {
		s.Notes[i].Top = math.Max(next, s.Notes[i].Line)
		next = s.Notes[i].Top + apart
	}
	last := 100 - apart/2
	for i := range slices.Backward(s.Notes) {
		s.Notes[i].Top = math.Min(last, s.Notes[i].Top)
		last = s.Notes[i].Top - apart
	}
}
