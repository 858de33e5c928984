package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"intray/daemon/web/access"
	"intray/ledger"
)

// Actions are what the API can have done; the house says how.
type Actions struct {
	// Retry has a document tried again, beginning with an engine of its folder, "" for
	// the usual one; ErrRefused when it cannot be.
	Retry func(id, actor, engine string) (ledger.Document, error)
	// Tell has the messages of these documents, or of all, told again at once, and
	// says how many.
	Tell func(ids []string) (int, error)
	// Decide carries out a person's decision on a document in review, "approve",
	// "reject" or "again"; ErrRefused when it cannot be.
	Decide func(ctx context.Context, id, verb string, q DecisionRequest) (ledger.Document, error)
	// Purge removes documents, or all that are due when none is named; with dry
	// it only says what it would remove. The answer is a list that encodes as JSON.
	Purge func(ctx context.Context, ids []string, dry bool) (any, error)
	// Backup writes the ledger as it stands.
	Backup func(w io.Writer) (int64, error)
	// Upload takes a file in: it is durable when Upload returns.
	Upload func(ctx context.Context, u Upload) (Uploaded, error)
	// File opens a file of a document.
	File func(doc ledger.Document, what FileKind) (*os.File, error)
	// Report is a value that encodes as JSON: figures of the documents received from
	// one day on and before another, each "" for the usual. ErrQuestion when they are
	// no days.
	Report func(since, until string) (any, error)
	// Stats is a value that encodes as JSON.
	Stats func() (any, error)
}

// RetryRequest may name the engine to begin with, one of the document's folder.
type RetryRequest struct {
	Engine string `json:"engine,omitempty"`
}

func (s *Server) retry(w http.ResponseWriter, r *http.Request) {
	var q RetryRequest
	if !readRequest(w, r, &q, "engine") {
		return
	}
	doc, err := s.Actions.Retry(r.PathValue("id"), access.Of(r.Context()).Name, q.Engine)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, Summarize(doc))
}

func (s *Server) outbox(w http.ResponseWriter, _ *http.Request) {
	messages, err := Outbox(s.Ledger)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, messages)
}

// TellRequest asks for messages to be told again: those of the documents named,
// or of all. Told is how many that were.
type (
	TellRequest struct {
		IDs []string `json:"ids"`
	}
	Told struct {
		Messages int `json:"messages"`
	}
)

func (s *Server) tell(w http.ResponseWriter, r *http.Request) {
	var q TellRequest
	if !readRequest(w, r, &q, "ids") {
		return
	}
	n, err := s.Actions.Tell(q.IDs)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, Told{n})
}

// DecisionRequest is what may be said with a decision on a document in review:
// why it is rejected, values of fields that are corrected, and that it is right
// although a rule does not hold.
type DecisionRequest struct {
	Reason  string            `json:"reason,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
	Confirm bool              `json:"confirm,omitempty"`
	// Engine is for "again": the one of the folder that shall read it.
	Engine string `json:"engine,omitempty"`
}

func (s *Server) decide(verb string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q DecisionRequest
		if !readRequest(w, r, &q, "reason, fields, confirm and engine") {
			return
		}
		doc, err := s.Actions.Decide(r.Context(), r.PathValue("id"), verb, q)
		if err != nil {
			s.fail(w, err)
			return
		}
		answer(w, http.StatusOK, Summarize(doc))
	}
}

// PurgeRequest asks for documents to be purged: those named, or all that are due.
type PurgeRequest struct {
	IDs    []string `json:"ids"`
	DryRun bool     `json:"dry_run"`
}

func (s *Server) purge(w http.ResponseWriter, r *http.Request) {
	var q PurgeRequest
	if !readRequest(w, r, &q, "ids and dry_run") {
		return
	}
	removed, err := s.Actions.Purge(r.Context(), q.IDs, q.DryRun)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, removed)
}

// ErrQuestion is for a question that cannot be answered as it was asked. Its text
// is for the person who asked.
var ErrQuestion = errors.New("this cannot be answered")

func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	v, err := s.Actions.Report(r.FormValue("since"), r.FormValue("until"))
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, v)
}

func (s *Server) stats(w http.ResponseWriter, _ *http.Request) {
	v, err := s.Actions.Stats()
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, v)
}

// backup streams the ledger and ends with its size in a trailer, by which the
// reader knows that it is whole.
func (s *Server) backup(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", SizeTrailer)
	size, err := s.Actions.Backup(w)
	if err != nil {
		s.Log.Error("A backup of the ledger broke off.", "error", err)
		return
	}
	w.Header().Set(SizeTrailer, strconv.FormatInt(size, 10))
}

// SizeTrailer is the trailer that ends a whole backup.
const SizeTrailer = "X-Intray-Size"
