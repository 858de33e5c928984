package site

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"intray/ledger"
)

// Found is one page of what was found. Next is the cursor of the page after it;
// Excerpts are, by document, the words around what was asked for.
type Found struct {
	Documents []ledger.Document
	Next      string
	Excerpts  map[string]string
}

type documentsBody struct {
	Text                 string
	Query                ledger.Query
	Since, Until         string
	States               []ledger.State
	Folders              []string
	Documents            []ledger.Document
	Excerpts             map[string]string
	Next                 string
	FullText, Continuing bool
	Filtered             bool
}

const pageOfDocuments = 50

func (s *server) documents(c *call) error {
	v := c.r.URL.Query()
	b := documentsBody{States: ledger.States(), Folders: s.Folders, FullText: s.Search != nil, Since: v.Get("since"), Until: v.Get("until"),
		Continuing: v.Get("cursor") != "",
		Text:       v.Get("q"),
		Query:      ledger.Query{Folder: v.Get("folder"), State: ledger.State(v.Get("state")), Limit: pageOfDocuments, Cursor: v.Get("cursor")}}
	if b.Query.State != "" && b.Query.State.Meaning() == "" {
		return errBadRequest
	}
	var err error
	if b.Query.Since, err = dayOf(b.Since); err != nil {
		return err
	}
	if b.Query.Until, err = dayOf(b.Until); err != nil {
		return err
	}
	if !b.Query.Until.IsZero() {
		b.Query.Until = b.Query.Until.AddDate(0, 0, 1) // the day itself, too
	}
	b.Filtered = b.Text != "" || b.Query.Folder != "" || b.Query.State != "" || b.Since != "" || b.Until != ""
	found, err := s.find(c.r.Context(), b.Text, b.Query)
	if err != nil {
		return err
	}
	b.Documents, b.Excerpts = found.Documents, found.Excerpts
	if found.Next != "" {
		next := url.Values{}
		for name, values := range v {
			if name != "cursor" && len(values) > 0 && values[0] != "" {
				next.Set(name, values[0])
			}
		}
		next.Set("cursor", found.Next)
		b.Next = "/documents?" + next.Encode()
	}
	return c.show(http.StatusOK, "documents", b)
}

func (s *server) find(ctx context.Context, text string, q ledger.Query) (Found, error) {
	if s.Search != nil && text != "" {
		return s.Search(ctx, text, q)
	}
	q.Name = text
	list, err := s.Ledger.List(q)
	return Found{Documents: list.Documents, Next: list.Next}, err
}

// dayOf is the midnight that begins a day here; zero for no day.
func dayOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		return day, errBadRequest
	}
	return day, nil
}
