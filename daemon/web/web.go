// Package web is the daemon's local HTTP side: the API, which the program's own
// commands use while the daemon holds the ledger, health for monitors, and who
// may see the pages and figures that other rooms make.
//
// It listens on loopback unless told otherwise, answers only to its own name and
// to its own pages, and asks for a session, a password or the token from the data
// folder. It changes nothing itself: it shows what is in the ledger and hands
// wishes to the house (Actions).
package web

import (
	"context"
	"crypto/rand"
	"crypto/tls"
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
	"intray/daemon/private"
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

// Server answers until its context is done. Fill the fields, then call Serve or
// Handler once.
type Server struct {
	Ledger Reader
	// Address is what is listened on, as configured: its host is a name of ours.
	Address string
	// Hosts are further names under which it is reached.
	Hosts []string
	// Token is the bearer token that may do everything; Users have passwords.
	Token string
	Users []User
	// Certificate has the server speak https; nil is http.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Ready says whether work is being taken; nil means always.
	Ready func() bool
	// Trouble says what keeps files from being taken in and results from being
	// delivered, a sentence on each line, "" for nothing; nil is nothing.
	Trouble func() string
	// Advice is a sentence about what to do for a document to go on, "" for nothing; nil
	// is none for all.
	Advice func(ledger.Document) string
	// Folders are those that take uploads.
	Folders []Folder
	Actions Actions
	// Events is what is told to those who follow; nil is nothing.
	Events *Events
	// Search looks into documents; nil is a list by state, folder and name only.
	Search Search
	// Site is the pages: everything but the API, health and metrics. It is asked
	// by signed-in callers only, see access.Of, and gets the security headers set.
	Site http.Handler
	// Metrics answers GET /metrics; nil is none.
	Metrics http.Handler
	// Sessions are handed from a Server to the one that takes its place; nil is its own.
	Sessions *Sessions
	Log      *slog.Logger

	port    string
	silence time.Duration // 0 is silence's; shorter in tests
	guesses guesses
}

func (s *Server) secure() bool { return s.Certificate != nil }

// certified is true for a name that the certificate is for.
func (s *Server) certified(name string) bool {
	if !s.secure() {
		return false
	}
	pair, err := s.Certificate(&tls.ClientHelloInfo{ServerName: name})
	return err == nil && pair.Leaf != nil && pair.Leaf.VerifyHostname(name) == nil
}

// Limits of connections.
const (
	headerPatience = 10 * time.Second
	idlePatience   = time.Minute
	longestHeader  = 64 << 10 // bytes
	maxConnections = 1000
)

// Serve answers on l, which listens on Address, until ctx is done, then lets
// requests in hand finish for a few seconds.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.Handler())
}

func (s *Server) serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return fmt.Errorf("address to listen on: %w", err)
	}
	s.port, s.Hosts = port, append(s.Hosts, host)
	guests := &crowd{most: maxConnections}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerPatience, IdleTimeout: idlePatience, MaxHeaderBytes: longestHeader,
		ConnState: guests.watch, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)}
	if s.Events != nil {
		server.RegisterOnShutdown(s.Events.Close)
	}
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
	if s.secure() {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.Certificate}
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return <-stopped
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if !s.ready() {
		answerError(w, http.StatusServiceUnavailable, "Intray is starting or stopping.")
		return
	}
	if s.Trouble != nil {
		if why := s.Trouble(); why != "" {
			answerError(w, http.StatusServiceUnavailable, why)
			return
		}
	}
	fmt.Fprintln(w, "ready")
}

func (s *Server) ready() bool { return s.Ready == nil || s.Ready() }

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
	page, err := s.search(r, q)
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
	detail, err := Describe(s.Ledger, r.PathValue("id"), s.Advice)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusOK, detail)
}

// Token reads the API token at path, making one on first use. The file is
// readable by its owner alone.
func Token(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		if err := private.File(path); err != nil {
			return "", fmt.Errorf("keep API token to its owner: %w", err)
		}
	}
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
	if err := private.File(path); err != nil {
		return "", fmt.Errorf("keep API token to its owner: %w", err)
	}
	return token, nil
}
