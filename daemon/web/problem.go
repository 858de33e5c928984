package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"intray/ledger"
)

// Problem is an error as RFC 9457 has it. Error repeats Detail under the name
// that callers knew before.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Error  string `json:"error"`
}

// ErrRefused is for a wish that the document's state does not allow. Its text
// is for the person who asked.
var ErrRefused = errors.New("refused")

// Errors of the house about files and uploads. What wraps them is a sentence for
// the person who asked.
var (
	// ErrAbsent is for a file that there is not, and will not be by waiting.
	ErrAbsent = errors.New("not there")
	// ErrPurged is for what retention has removed.
	ErrPurged = errors.New("purged")
	// ErrNoRoom is for an upload while nothing is taken in.
	ErrNoRoom = errors.New("no room")
)

// Said is an error with a sentence for the person who asked; errors.Is finds Kind.
type Said struct {
	Kind     error
	Sentence string
}

func (e *Said) Error() string { return e.Sentence }

// Unwrap is the kind.
func (e *Said) Unwrap() error { return e.Kind }

func (s *Server) fail(w http.ResponseWriter, err error) {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		answerError(w, http.StatusNotFound, "There is no such document.")
	case errors.Is(err, ErrPurged):
		answerError(w, http.StatusGone, err.Error())
	case errors.Is(err, ErrAbsent):
		answerError(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ledger.ErrKeyReused):
		answerError(w, http.StatusUnprocessableEntity, "This Idempotency-Key came with another file before; a new file needs a key of its own.")
	case errors.Is(err, ErrRefused), errors.Is(err, ledger.ErrConflict):
		answerError(w, http.StatusConflict, strings.TrimPrefix(err.Error(), ErrRefused.Error()+": "))
	case errors.Is(err, ledger.ErrCursor):
		answerError(w, http.StatusBadRequest, "The cursor is none that a list gave.")
	case errors.Is(err, ErrQuestion):
		answerError(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, ErrNoRoom):
		w.Header().Set("Retry-After", "30")
		answerError(w, http.StatusInsufficientStorage, err.Error())
	case errors.Is(err, errNoSearch):
		answerError(w, http.StatusNotImplemented, "This Intray cannot search in texts; leave text out.")
	case errors.As(err, &tooLong):
		answerError(w, http.StatusRequestEntityTooLarge, "The request is longer than is allowed.")
	default:
		s.Log.Error("A request could not be answered.", "error", err)
		answerError(w, http.StatusInternalServerError, "Something went wrong inside Intray; its log says what.")
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	write(w, status, "application/json; charset=utf-8", v)
}

func answerError(w http.ResponseWriter, status int, sentence string) {
	write(w, status, "application/problem+json", Problem{"about:blank", http.StatusText(status), status, sentence, sentence})
}

func write(w http.ResponseWriter, status int, kind string, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone: nobody to tell
}
