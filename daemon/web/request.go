package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// longestRequest bounds the body of a request, in bytes.
const longestRequest = 1 << 20

// readRequest decodes a request's JSON; without a body v stays as it is. A key that
// means nothing is an error: who mistypes "fields" must not approve without the
// correction, nor who mistypes "dry_run" purge. What it cannot read it answers
// itself, naming the keys there are, and returns false.
func readRequest(w http.ResponseWriter, r *http.Request, v any, keys string) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestRequest))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return true
	}
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return true
		} else if err == nil {
			err = errors.New("something follows the JSON")
		}
	}
	var tooLong *http.MaxBytesError
	key, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &tooLong):
		answerError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is longer than %d bytes.", longestRequest))
	case unknown:
		answerError(w, http.StatusBadRequest, fmt.Sprintf("The request has a key %s that means nothing here; there are %s. Nothing was done.", key, keys))
	default:
		answerError(w, http.StatusBadRequest, "The request is no JSON with "+keys+".")
	}
	return false
}

// asIs refuses bodies that are packed (Content-Encoding): unpacked, a small one may
// be endless, and stored as it is it would be no document.
func asIs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, coding := range r.Header.Values("Content-Encoding") {
			if coding != "" && !strings.EqualFold(coding, "identity") {
				w.Header().Set("Accept-Encoding", "identity") // RFC 9110, 15.5.16
				answerError(w, http.StatusUnsupportedMediaType, "Intray takes no packed requests; send it again without Content-Encoding.")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
