package site

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"intray/daemon/document"
	"intray/ledger"
)

type documentBody struct {
	Doc      ledger.Document
	Read     document.Document
	HaveRead bool
	TooLong  bool
	Sheet    *sheet
	Events   []ledger.Event
	Attempts []ledger.Attempt
	Messages []ledger.Message
	PDF      bool
	JSON     bool
	Original bool
	CanRetry bool
	Orphan   bool
	Engines  []string // to choose from; none where there is but one
	Class    string
}

// sheet is one page with what was read on it.
type sheet struct {
	ID            string
	Attempt       string
	Number, Pages int
	Width, Height float64
	Lines         []drawnLine
	Fields        []placed
	Elsewhere     []placed
	Picture       bool
	Decision      string
	Reason        string
	Previous      int
	Next          int
}

// placed is a field and where it stands; Spot is its number on the page.
type placed struct {
	document.Field
	Spot   int
	Has    bool
	Left   float64
	Top    float64
	Width  float64
	Height float64
}

// around is shown around a field's place, in points.
const around = 3

func placedOf(f document.Field, spot int) placed {
	p := placed{Field: f, Spot: spot, Width: f.Box[2] - f.Box[0], Height: f.Box[3] - f.Box[1]}
	p.Has = p.Width > 0 && p.Height > 0
	p.Left, p.Top, p.Width, p.Height = f.Box[0]-around, f.Box[1]-around, p.Width+2*around, p.Height+2*around
	return p
}

func (s *server) document(c *call) error {
	doc, err := s.Ledger.Get(c.r.PathValue("id"))
	if err != nil {
		return err
	}
	b := documentBody{Doc: doc}
	if b.Events, err = s.Ledger.Events(doc.ID); err != nil {
		return err
	}
	if b.Attempts, err = s.Ledger.Attempts(doc.ID); err != nil {
		return err
	}
	if b.Messages, err = s.Ledger.Messages(doc.ID); err != nil {
		return err
	}
	slices.Reverse(b.Events)
	for _, out := range doc.Outputs {
		b.PDF = b.PDF || strings.EqualFold(filepath.Ext(out), ".pdf")
		b.JSON = b.JSON || strings.EqualFold(filepath.Ext(out), ".json")
	}
	b.PDF = b.PDF || doc.State == ledger.NeedsHumanReview
	b.JSON = b.JSON || doc.State == ledger.NeedsHumanReview
	b.Original = doc.State != ledger.Purged
	b.Engines = s.choice(doc)
	b.Orphan = s.Orphan != nil && s.Orphan(doc)
	b.CanRetry = s.Retry != nil && retriable(doc.State)
	b.Read, err = s.read(doc)
	switch {
	case err == nil:
		b.HaveRead = true
		number, _ := strconv.Atoi(c.r.URL.Query().Get("page")) // what is no page is the first
		b.Sheet = s.sheet(doc, b.Read, number)
	case errors.Is(err, ErrTooLong):
		b.TooLong = true
	case !errors.Is(err, fs.ErrNotExist):
		s.Log.Warn("What a document was read as cannot be shown.", "document", doc.ID, "error", err)
	}
	return c.show(http.StatusOK, "document", b)
}

func retriable(s ledger.State) bool {
	switch s {
	case ledger.FailedTerminal, ledger.DeadLetter, ledger.Rejected, ledger.FailedRetryable, ledger.Duplicate:
		return true
	}
	return false
}

// read is what a document was read as; fs.ErrNotExist where it was not.
func (s *server) read(doc ledger.Document) (document.Document, error) {
	switch doc.State {
	case ledger.Completed, ledger.CompletedWithWarnings, ledger.NeedsHumanReview:
	default:
		return document.Document{}, fs.ErrNotExist
	}
	if s.Reading == nil {
		return document.Document{}, fs.ErrNotExist
	}
	return s.Reading(doc)
}

// sheet is one page; the first where there is no such number, nil where there is none.
func (s *server) sheet(doc ledger.Document, read document.Document, number int) *sheet {
	if len(read.Pages) == 0 {
		return nil
	}
	if number < 1 || number > len(read.Pages) {
		number = 1
	}
	p := read.Pages[number-1]
	out := &sheet{ID: doc.ID, Attempt: doc.AttemptID, Number: number, Pages: len(read.Pages), Width: p.Width, Height: p.Height, Decision: p.Decision,
		Reason: p.Reason, Previous: number - 1, Picture: s.Draw != nil && p.Width > 0 && p.Height > 0 && p.Decision != document.DecisionFailed}
	if number < len(read.Pages) {
		out.Next = number + 1
	}
	if s.Words != nil {
		if full, err := s.Words(doc, read, number); err == nil {
			out.Lines = wordsOf(full)
		} else {
			s.Log.Debug("The words of a page are not known.", "document", doc.ID, "page", number, "error", err)
		}
	}
	for i, f := range read.Fields {
		if one := placedOf(f, i+1); f.Page == number && one.Has {
			out.Fields = append(out.Fields, one)
		} else {
			out.Elsewhere = append(out.Elsewhere, one)
		}
	}
	return out
}

// picture is a page as a JPEG.
func (s *server) picture(c *call) error {
	number, err := strconv.Atoi(strings.TrimSuffix(c.r.PathValue("file"), ".jpg"))
	if err != nil || !strings.HasSuffix(c.r.PathValue("file"), ".jpg") || s.Draw == nil {
		return fs.ErrNotExist
	}
	doc, err := s.Ledger.Get(c.r.PathValue("id"))
	if err != nil {
		return err
	}
	data, err := s.pictures.get(c.r.Context(), pictureKey{doc.ID, doc.AttemptID, string(doc.State), number}, func(ctx context.Context, out string) error {
		read, err := s.read(doc)
		if err != nil {
			return err
		}
		if number < 1 || number > len(read.Pages) {
			return fs.ErrNotExist
		}
		return s.Draw(ctx, doc, read, number, out)
	})
	if errors.Is(err, errBusy) {
		return err
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && c.r.Context().Err() == nil {
			s.Log.Warn("A page cannot be drawn.", "document", doc.ID, "page", number, "error", err)
		}
		return fs.ErrNotExist
	}
	c.w.Header().Set("Content-Type", "image/jpeg")
	c.w.Header().Set("Cache-Control", "private, max-age=600")
	_, _ = c.w.Write(data) // the caller has gone: nobody to tell
	return nil
}

// progressNow is what a script wants to know of a document it uploaded.
type progressNow struct {
	State string `json:"state"`
	Label string `json:"label"`
	Color string `json:"color"`
	Ended bool   `json:"ended"`
}

func (s *server) progress(c *call) error {
	doc, err := s.Ledger.Get(c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, progressNow{string(doc.State), c.text("state." + string(doc.State)), stateColor(doc.State), ended(doc.State)})
}

// choice are the engines a person can choose from.
func (s *server) choice(doc ledger.Document) []string {
	if s.May == nil {
		return nil
	}
	if all := s.May(doc); len(all) > 1 {
		return all
	}
	return nil
}

func (s *server) retry(c *call) error {
	if s.Retry == nil {
		return ErrRefused
	}
	doc, err := s.Retry(c.r.PathValue("id"), c.who.Name, c.r.PostFormValue("engine"))
	if err != nil {
		return err
	}
	return c.redirect("/documents/" + doc.ID)
}
