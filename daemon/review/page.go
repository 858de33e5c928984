package review

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
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
	Ratio    float64 // height in percent of width
	Marks    []mark
}

// mark is a box over a page's picture, in percent of its sides.
type mark struct {
	Left, Top, Width, Height float64
	Field                    bool
	Label                    string
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
	lines := s.lines()
	for _, f := range lines {
		out.Fields = append(out.Fields, shownField{Name: f.Name, Value: f.Value, Percent: int(100 * f.Confidence), Page: f.Page, Known: f.Value != "",
			Typed: f.From == FromReview, Doubts: doubts[f.Name], Cut: picture(p.Cuts[f.Name])})
	}
	for _, v := range p.Views {
		page := shownPage{Number: v.Page.Number, Sentence: v.Sentence, Picture: picture(v.Picture)}
		if v.Page.Width > 0 {
			page.Ratio = 100 * v.Page.Height / v.Page.Width
		}
		for _, w := range v.Words {
			page.mark(v.Page, w.Box, false, fmt.Sprintf("%s: %d %%", w.Text, int(100*w.Confidence)))
		}
		for _, f := range lines {
			if f.Page == v.Page.Number && f.Value != "" {
				page.mark(v.Page, f.Box, true, strings.ReplaceAll(f.Name, "_", " "))
			}
		}
		out.Pages = append(out.Pages, page)
	}
	return out
}

// markMargin keeps a mark's border off the letters, in points.
const markMargin = 2

func (s *shownPage) mark(page document.Page, box document.Box, field bool, label string) {
	if page.Width <= 0 || page.Height <= 0 || box[2] <= box[0] || box[3] <= box[1] {
		return
	}
	box = document.Box{box[0] - markMargin, box[1] - markMargin, box[2] + markMargin, box[3] + markMargin}
	s.Marks = append(s.Marks, mark{Left: 100 * box[0] / page.Width, Top: 100 * box[1] / page.Height,
		Width: 100 * (box[2] - box[0]) / page.Width, Height: 100 * (box[3] - box[1]) / page.Height, Field: field, Label: label})
}
