package web

import (
	_ "embed"
	"net/http"
)

// openapi.json describes the API (OpenAPI 3.1); a test holds it against the
// routes and against answers.
//
//go:embed openapi.json
var openAPIText []byte

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(openAPIText)
}
