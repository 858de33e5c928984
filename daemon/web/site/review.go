package site

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"intray/daemon/document"
	"intray/daemon/review"
	"intray/ledger"
)

// Desk is a document in review as it lies there: what was read, what is doubted,
// and what somebody wrote into the fields.txt of its bundle meanwhile. Text is
// the SHA-256 of that file. Elsewhere is true when the bundle was moved into a
// folder for decisions already.
type Desk struct {
	Sheet     review.Sheet
	Edits     []review.Edit
	Confirm   bool
	Reason    string
	Text      string
	Elsewhere bool
}

// Decision is a person's, on what they saw: the document after so many Events,
// and its fields.txt with the SHA-256 Text. ErrChanged is the answer when either
// is another by now.
type Decision struct {
	DocumentID, Verb, By, Reason string
	// Engine is the one to read it again; "" is the usual one.
	Engine  string
	Fields  map[string]string
	Confirm bool
	Events  uint64
	Text    string
}

// Verdict is what became of a Decision; with objections nothing was done.
type Verdict struct {
	Document   ledger.Document
	Objections []review.Objection
	MayConfirm bool
}

type queueBody struct {
	Documents []ledger.Document
	Next      string
}

func (s *server) queue(c *call) error {
	list, err := s.Ledger.List(ledger.Query{State: ledger.NeedsHumanReview, Limit: pageOfDocuments, Cursor: c.r.URL.Query().Get("cursor")})
	if err != nil {
		return err
	}
	return c.show(http.StatusOK, "queue", queueBody{list.Documents, list.Next})
}

type reviewBody struct {
	Doc    ledger.Document
	Sheet  *sheet
	Lines  []line
	Doubts []string
	// MayConfirm asks for a yes to what does not hold.
	MayConfirm, Confirm bool
	Reason              string
	Events              uint64
	Text                string
	Objections          []string
	// Lost is who decided first, when somebody did; Open is false once that is so.
	Lost *lost
	Open bool
	Next string
	// Edited is true when fields.txt in the folder was written into.
	Edited, Elsewhere bool
	Left              int
	Engines           []string
}

// lost says what happened while somebody looked at a document.
type lost struct {
	By, Move string
	At       time.Time
	// Text is true when it was only fields.txt that changed.
	Text bool
}

// line is one field to be looked at.
type line struct {
	placed
	Value      string // as it stands in the form
	Was        string // as it was read
	Doubts     []string
	Objections []string
	Doubtful   bool
	Required   bool
	PageWidth  float64
	PageHeight float64
	Cut        cut
}

// cut is the part of the page that is shown enlarged, in points.
type cut struct{ Left, Top, Width, Height float64 }

func (s *server) review(c *call) error {
	doc, err := s.Ledger.Get(c.r.PathValue("id"))
	if err != nil {
		return err
	}
	if doc.State != ledger.NeedsHumanReview || s.Desk == nil {
		return c.redirect("/documents/" + doc.ID)
	}
	b, err := s.deskOf(doc, c.r.URL.Query().Get("page"))
	if err != nil {
		return err
	}
	return c.show(http.StatusOK, "review", b)
}

// deskOf is the form for a decision as it is now.
func (s *server) deskOf(doc ledger.Document, page string) (reviewBody, error) {
	desk, err := s.Desk(doc)
	if err != nil {
		return reviewBody{}, err
	}
	b := reviewBody{Doc: doc, Engines: s.choice(doc), Open: true, MayConfirm: desk.Sheet.MayConfirm, Confirm: desk.Confirm, Reason: desk.Reason, Events: doc.Events,
		Text: desk.Text, Elsewhere: desk.Elsewhere}
	read := desk.Sheet.Document
	doubts := map[string][]string{}
	for _, d := range desk.Sheet.Doubts {
		doubts[d.Field] = append(doubts[d.Field], d.Sentence)
	}
	required := map[string]bool{}
	for _, spec := range desk.Sheet.Specs {
		required[spec.Name] = spec.Required
	}
	b.Lines = linesOf(read, desk.Sheet.Lines(), doubts, required)
	b.Doubts = doubts[""]
	for _, sentence := range b.Doubts { // a rule's sentence names the fields it is about
		words := strings.FieldsFunc(sentence, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for i := range b.Lines {
			b.Lines[i].Doubtful = b.Lines[i].Doubtful || slices.Contains(words, b.Lines[i].Name)
		}
	}
	for _, e := range desk.Edits {
		for i := range b.Lines {
			if b.Lines[i].Name == e.Name && b.Lines[i].Value != e.Value {
				b.Lines[i].Value, b.Edited = e.Value, true
			}
		}
	}
	number, err := strconv.Atoi(page)
	if err != nil {
		for _, l := range b.Lines {
			if l.Doubtful && l.Has {
				number = l.Page
				break
			}
		}
	}
	b.Sheet = s.sheet(doc, read, number)
	if counts, err := s.Ledger.Counts(); err == nil {
		b.Left = counts[ledger.NeedsHumanReview]
	}
	return b, nil
}

func linesOf(read document.Document, fields []document.Field, doubts map[string][]string, required map[string]bool) (out []line) {
	for i, f := range fields {
		l := line{placed: placedOf(f, i+1), Value: review.Written(f.Value), Was: review.Written(f.Value), Doubts: doubts[f.Name], Required: required[f.Name]}
		l.Doubtful = len(l.Doubts) > 0 || f.Value != "" && f.Confidence < 0.8 || f.Value == "" && l.Required
		if f.Page >= 1 && f.Page <= len(read.Pages) && l.Has {
			p := read.Pages[f.Page-1]
			l.PageWidth, l.PageHeight = p.Width, p.Height
			l.Cut = cutOf(f.Box, p)
		} else {
			l.Has = false
		}
		out = append(out, l)
	}
	return out
}

// cutOf is what is shown of a page around a field: wide enough to see what
// stands beside it.
func cutOf(box document.Box, p document.Page) cut {
	const ratio = 4.5 // of width to height, as the place on the page has
	height := max(box[3]-box[1]+18, 34)
	width := max(height*ratio, box[2]-box[0]+40)
	height = max(height, width/ratio)
	c := cut{Width: width, Height: height, Left: (box[0]+box[2]-width)/2 - width/8, Top: (box[1] + box[3] - height) / 2}
	c.Left = min(max(c.Left, 0), max(p.Width-width, 0))
	c.Top = min(max(c.Top, 0), max(p.Height-height, 0))
	return c
}

// fieldPrefix marks a form's values of fields.
const fieldPrefix = "field."

// decide carries a decision out, or shows the form again with all that was
// typed and says why.
func (s *server) decide(c *call) error {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, longestForm)
	if err := c.r.ParseForm(); err != nil {
		return errBadRequest
	}
	doc, err := s.Ledger.Get(c.r.PathValue("id"))
	if err != nil {
		return err
	}
	d, err := decisionOf(c, doc.ID)
	if err != nil {
		return err
	}
	if s.Decide == nil {
		return ErrRefused
	}
	following := s.following(doc.ID)
	verdict, err := s.Decide(c.r.Context(), d)
	switch {
	case errors.Is(err, ErrChanged), errors.Is(err, ErrRefused), errors.Is(err, ledger.ErrConflict):
		return s.lostRace(c, d, err)
	case err != nil:
		return err
	case len(verdict.Objections) > 0:
		return s.objected(c, d, verdict)
	case following != "":
		return c.redirect("/review/" + following)
	}
	return c.redirect("/review")
}

func decisionOf(c *call, id string) (Decision, error) {
	f := c.r.PostForm
	events, err := strconv.ParseUint(f.Get("events"), 10, 64)
	if err != nil || !slices.Contains(review.Verbs(), f.Get("verb")) {
		return Decision{}, errBadRequest
	}
	d := Decision{DocumentID: id, Verb: f.Get("verb"), By: c.who.Name, Reason: strings.TrimSpace(f.Get("reason")), Engine: f.Get("engine"), Confirm: f.Get("confirm") != "",
		Events: events, Text: f.Get("text"), Fields: map[string]string{}}
	for name, values := range f {
		if field, ok := strings.CutPrefix(name, fieldPrefix); ok && len(values) > 0 {
			d.Fields[field] = values[0]
		}
	}
	return d, nil
}

// following is the next document in review, which the clerk goes on with; ""
// when this is the last.
func (s *server) following(id string) string {
	list, err := s.Ledger.List(ledger.Query{State: ledger.NeedsHumanReview, Limit: pageOfDocuments})
	if err != nil {
		return "" // the queue will say so
	}
	at := slices.IndexFunc(list.Documents, func(d ledger.Document) bool { return d.ID == id })
	for i := range list.Documents {
		if next := list.Documents[(at+1+i)%len(list.Documents)]; next.ID != id {
			return next.ID
		}
	}
	return ""
}

// typed puts what a person typed back into the form.
func (b *reviewBody) typed(d Decision) {
	for i := range b.Lines {
		if v, ok := d.Fields[b.Lines[i].Name]; ok {
			b.Lines[i].Value = v
			delete(d.Fields, b.Lines[i].Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) { // of a reading that is gone
		b.Lines = append(b.Lines, line{placed: placed{Field: document.Field{Name: name}}, Value: d.Fields[name]})
	}
	b.Reason, b.Confirm = d.Reason, d.Confirm
}

func (s *server) objected(c *call, d Decision, v Verdict) error {
	doc, err := s.Ledger.Get(d.DocumentID)
	if err != nil {
		return err
	}
	b, err := s.deskOf(doc, "")
	if err != nil {
		return err
	}
	b.typed(d)
	b.MayConfirm = b.MayConfirm || v.MayConfirm
	for _, o := range v.Objections {
		at := slices.IndexFunc(b.Lines, func(l line) bool { return l.Name == o.Field && o.Field != "" })
		if at < 0 {
			b.Objections = append(b.Objections, o.Sentence)
			continue
		}
		b.Lines[at].Objections = append(b.Lines[at].Objections, o.Sentence)
		b.Lines[at].Doubtful = true
	}
	return c.show(http.StatusUnprocessableEntity, "review", b)
}

// lostRace says who was first, or why else it was refused, and keeps what was typed.
func (s *server) lostRace(c *call, d Decision, cause error) error {
	doc, err := s.Ledger.Get(d.DocumentID)
	if err != nil {
		return err
	}
	events, err := s.Ledger.Events(doc.ID)
	if err != nil {
		return err
	}
	b := reviewBody{Doc: doc, Events: doc.Events}
	if doc.State == ledger.NeedsHumanReview {
		if b, err = s.deskOf(doc, ""); err != nil {
			return err
		}
	}
	b.Lost = &lost{}
	if doc.Events == d.Events && errors.Is(cause, ErrRefused) { // nobody was first
		b.Lost, b.Objections = nil, []string{refusal(cause)}
	} else if doc.Events == d.Events {
		b.Lost.Text = true
	} else if len(events) > 0 {
		last := events[len(events)-1]
		for _, e := range events { // the first move after what was seen
			if e.Seq >= d.Events {
				last = e
				break
			}
		}
		b.Lost.By, b.Lost.Move, b.Lost.At = last.Actor, last.Move, last.At
	}
	b.typed(d)
	return c.show(http.StatusConflict, "review", b)
}
