package web

import (
	"context"
	"errors"
	"net/http"

	"intray/ledger"
)

// Search finds documents by words that occur in them, newest first, a page at a
// time; the query narrows it.
type Search interface {
	Search(ctx context.Context, text string, q ledger.Query) (ledger.Page, error)
}

// errNoSearch is for a question that only a search could answer.
var errNoSearch = errors.New("this Intray cannot search in texts; leave text out")

// search lists what was asked for.
func (s *Server) search(r *http.Request, q ledger.Query) (ledger.Page, error) {
	text := r.Form.Get("text")
	if text == "" {
		return s.Ledger.List(q)
	}
	if s.Search == nil {
		return ledger.Page{}, errNoSearch
	}
	return s.Search.Search(r.Context(), text, q)
}
