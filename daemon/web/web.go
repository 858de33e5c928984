// Package web is the daemon's local HTTP side: health for monitors and the API
// that the program's own commands use while the daemon holds the ledger.
//
// It listens on loopback unless told otherwise, answers only to its own host
// name, and asks for the token from the data folder. It changes nothing
// itself: it shows what is in the ledger and hands wishes to the house (Actions).
package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"intray/daemon/durable"
	"intray/ledger"
)

// Reader is what the API needs of the ledger.
type Reader interface {
	Get(id string) (ledger.Document, error)
	List(q ledger.Query) (ledger.Page, error)
	Attempts(id string) ([]ledger.Attempt, error)
	Events(id string) ([]ledger.Event, error)
	Messages(id string) ([]ledger.Message, error)
}

// Server answers until its context is done.
type Server struct {
	Ledger Reader
	// Token is what callers of the API must present as a bearer token.
	Token string
	// Ready says whether work is being taken; nil means always.
	Ready   func() bool
	Actions Actions
	Log     *slog.Logger
}

// Handler is the route table.
func (s *Server) Handler(host string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /api/v1/documents", s.authorized(s.list))
	mux.Handle("GET /api/v1/documents/{id}", s.authorized(s.show))
	mux.Handle("POST /api/v1/documents/{id}/retry", s.authorized(s.retry))
	for _, verb := range []string{"approve", "reject", "again"} {
		mux.Handle("POST /api/v1/documents/{id}/"+verb, s.authorized(s.decide(verb)))
	}
	mux.Handle("GET /api/v1/outbox", s.authorized(s.outbox))
	mux.Handle("POST /api/v1/outbox/retry", s.authorized(s.tell))
	mux.Handle("GET /api/v1/stats", s.authorized(s.stats))
	mux.Handle("POST /api/v1/purge", s.authorized(s.purge))
	mux.Handle("GET /api/v1/backup", s.authorized(s.backup))
	return localHost(host, mux)
}

// Serve answers on l, which listens on the configured address, until ctx is done, then lets requests in hand finish for
// a few seconds.
func (s *Server) Serve(ctx context.Context, l net.Listener, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address to listen on: %w", err)
	}
	server := &http.Server{Handler: s.Handler(host), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		err := server.Shutdown(last)
		if errors.Is(err, context.DeadlineExceeded) { // somebody reads a backup at leisure
			err = server.Close()
		}
		stopped <- err
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return <-stopped
}

// localHost refuses requests for a name that is not ours: a hostile page may
// let its own name resolve to our port (DNS rebinding).
func localHost(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Host
		if h, _, err := net.SplitHostPort(r.Host); err == nil {
			name = h
		}
		name = strings.Trim(name, "[]")
		if name != "localhost" && !strings.EqualFold(name, host) && net.ParseIP(name) == nil {
			answerError(w, http.StatusForbidden, "This address is not meant for Intray.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) authorized(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(s.Token)) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answerError(w, http.StatusUnauthorized, "The token from the data folder is needed.")
			return
		}
		next(w, r)
	})
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if s.Ready != nil && !s.Ready() {
		answerError(w, http.StatusServiceUnavailable, "Intray is starting or stopping.")
		return
	}
	fmt.Fprintln(w, "ready")
}

// list answers with an array; the page after it is named by a Link header (RFC 8288).
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		answerError(w, http.StatusBadRequest, "The request cannot be read.")
		return
	}
	q, err := ParseQuery(r.Form)
	if err != nil {
		answerError(w, http.StatusBadRequest, err.Error())
		return
	}
	page, err := s.Ledger.List(q)
	if err != nil {
		s.fail(w, err)
		return
	}
	if page.Next != "" {
		next := maps.Clone(r.Form)
		next.Set("cursor", page.Next)
		w.Header().Set("Link", "<"+r.URL.Path+"?"+next.Encode()+`>; rel="next"`)
	}
	answer(w, http.StatusOK, Summaries(page.Documents))
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	detail, err := Describe(s.Ledger, r.PathValue("id"))
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, detail)
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		answerError(w, http.StatusNotFound, "There is no such document.")
		return
	case errors.Is(err, ErrRefused), errors.Is(err, ledger.ErrConflict):
		answerError(w, http.StatusConflict, err.Error())
		return
	case errors.Is(err, ledger.ErrCursor):
		answerError(w, http.StatusBadRequest, "The cursor is none that a list gave.")
		return
	}
	s.Log.Error("A request could not be answered.", "error", err)
	answerError(w, http.StatusInternalServerError, "The ledger could not be read.")
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone: nobody to tell
}

func answerError(w http.ResponseWriter, status int, sentence string) {
	answer(w, status, map[string]string{"error": sentence})
}

// Token reads the API token at path, making one on first use. The file is
// readable by its owner alone.
func Token(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(data))) >= 20 {
		return strings.TrimSpace(string(data)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read API token: %w", err)
	}
	token := rand.Text()
	if err := durable.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write API token: %w", err)
	}
	return token, nil
}
