package web

import (
	"fmt"
	"net/http"

	"intray/daemon/web/access"
)

// route is one line of the table of what is answered.
type route struct {
	method, path string
	// needs is the role it takes; Nobody is for everybody.
	needs  access.Role
	handle http.HandlerFunc
}

// routes is the table. The pages come after it, for all other paths.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/healthz", access.Nobody, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }},
		{"GET", "/readyz", access.Nobody, s.readyz},
		{"GET", "/metrics", access.Reader, s.metrics},

		{"GET", "/sign-in", access.Nobody, s.withLink},
		{"POST", "/sign-in", access.Nobody, s.withPassword},
		{"GET", "/sign-in.css", access.Nobody, s.signInStyle},
		{"POST", "/sign-out", access.Nobody, s.signOut},

		{"GET", "/api/v1/openapi.json", access.Nobody, s.openAPI},
		{"POST", "/api/v1/invitations", access.Admin, s.invite},
		{"GET", "/api/v1/documents", access.Reader, s.list},
		{"POST", "/api/v1/documents", access.Reviewer, s.upload},
		{"GET", "/api/v1/documents/{id}", access.Reader, s.show},
		{"GET", "/api/v1/documents/{id}/json", access.Reader, s.file(FileJSON)},
		{"GET", "/api/v1/documents/{id}/pdf", access.Reader, s.file(FilePDF)},
		{"GET", "/api/v1/documents/{id}/original", access.Reader, s.file(FileOriginal)},
		{"POST", "/api/v1/documents/{id}/approve", access.Reviewer, s.decide("approve")},
		{"POST", "/api/v1/documents/{id}/reject", access.Reviewer, s.decide("reject")},
		{"POST", "/api/v1/documents/{id}/again", access.Reviewer, s.decide("again")},
		{"POST", "/api/v1/documents/{id}/retry", access.Admin, s.retry},
		{"GET", "/api/v1/events", access.Reader, s.follow},
		{"GET", "/api/v1/stats", access.Reader, s.stats},
		{"GET", "/api/v1/report", access.Reader, few(1, turnPatience, s.report)},
		{"GET", "/api/v1/outbox", access.Reader, few(2, turnPatience, s.outbox)},
		{"POST", "/api/v1/outbox/retry", access.Admin, s.tell},
		{"POST", "/api/v1/purge", access.Admin, s.purge},
		{"GET", "/api/v1/backup", access.Admin, s.backup},
	}
}

// Handler is the whole server but its listener.
func (s *Server) Handler() http.Handler {
	if s.Sessions == nil {
		s.Sessions = &Sessions{}
	}
	s.Sessions.under(s.Token, s.Users)
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.method+" "+r.path, s.needs(r.needs, r.handle))
	}
	mux.Handle("/", s.site())
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		answerError(w, http.StatusNotFound, "The API has no such address, or not for this method; /api/v1/openapi.json lists what there is.")
	})
	return s.patient(s.hardened(s.ourName(s.ownPages(asIs(s.known(mux))))))
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.Metrics == nil {
		answerError(w, http.StatusNotFound, "There are no metrics yet.")
		return
	}
	s.Metrics.ServeHTTP(w, r)
}
