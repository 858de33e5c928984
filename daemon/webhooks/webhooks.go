// Package webhooks is where cloud providers call back: a listener of its own
// that proves a call, stores it, and says thanks.
//
// A callback is a hint to look, never a result: it makes its job due now, and
// the pipeline asks with our own credentials. It decodes nothing but what the
// engine's verifier needs, and only after the signature over the raw bytes.
package webhooks

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"intray/engines"
	"intray/ledger"
)

// maxBody bounds a callback, in bytes; mostAtOnce how many are in memory at once:
// anyone who reaches the listener can send that much before anything is proven.
const (
	maxBody    = 1 << 20
	mostAtOnce = 128
)

// Server answers POST /webhooks/{engine}. Fill the fields, then call Serve once.
type Server struct {
	Ledger *ledger.Ledger
	// Verifiers are the engines that are called back, by name.
	Verifiers map[string]engines.WebhookVerifier
	Log       *slog.Logger

	noted notes
}

// Handler is the server's one route; everything else is not found.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks/{engine}", atMost(mostAtOnce, s.receive))
	return mux
}

// atMost has whoever comes when so many are there call again.
func atMost(n int, handle http.HandlerFunc) http.HandlerFunc {
	places := make(chan struct{}, n)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			handle(w, r)
		default:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "later", http.StatusServiceUnavailable)
		}
	}
}

func (s *Server) receive(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("engine")
	verifier, known := s.Verifiers[name]
	if !known {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "too long or cut off", http.StatusRequestEntityTooLarge)
		return
	}
	job, err := verified(verifier, body, r.Header)
	if e, ok := errors.AsType[*engines.Error](err); ok && e.Code != engines.CodeForged { // not its fault: it shall call again
		s.note(name, ledger.CallbackUnproven, r.RemoteAddr, err)
		http.Error(w, "later", http.StatusServiceUnavailable)
		return
	}
	if err != nil {
		s.note(name, ledger.CallbackForged, r.RemoteAddr, err)
		http.Error(w, "not proven", http.StatusUnauthorized)
		return
	}
	if job == "" {
		s.note(name, ledger.CallbackNoJob, r.RemoteAddr, nil)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	sum := sha256.Sum256(body)
	outcome, err := s.Ledger.CalledBack(name, job, hex.EncodeToString(sum[:]))
	if err != nil { // the provider shall call again
		s.Log.Error("A callback could not be stored.", "engine", name, "error", err)
		http.Error(w, "later", http.StatusServiceUnavailable)
		return
	}
	if outcome == ledger.CallbackDuplicate {
		s.note(name, outcome, r.RemoteAddr, nil)
	}
	s.Log.Debug("Called back.", "engine", name, "job", job, "outcome", outcome)
	w.WriteHeader(http.StatusNoContent)
}

// verified asks the engine; a panic over hostile bytes is a refusal.
func verified(v engines.WebhookVerifier, body []byte, header http.Header) (job string, err error) {
	defer func() {
		if p := recover(); p != nil {
			job, err = "", fmt.Errorf("panic: %v", p)
		}
	}()
	return v.VerifyWebhook(body, header)
}

// Serve answers on l until ctx is done. With certificates it speaks https.
func (s *Server) Serve(ctx context.Context, l net.Listener, certificates *Certificates) error {
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)}
	if certificates != nil {
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificates.Get, NextProtos: []string{"http/1.1"}})
	}
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(bounded) // what is cut off is sent again
	})
	defer stop()
	defer s.Flush()
	go s.flushNowAndThen(ctx)
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve callbacks: %w", err)
	}
	return nil
}

// Certificates is a certificate in files that is read again when they change. It
// is safe for parallel use.
type Certificates struct {
	// Log is told once of new files that cannot be read; nil for nobody.
	Log *slog.Logger

	cert, key string

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed [2]time.Time
	told    [2]time.Time
	looked  time.Time
}

// lookAgain is how often the files are looked at.
const lookAgain = 10 * time.Second

// LoadCertificates reads them for the first time.
func LoadCertificates(cert, key string) (*Certificates, error) {
	c := &Certificates{cert: cert, key: key}
	_, err := c.Get(nil)
	return c, err
}

// Get is the certificate of now. New files that cannot be read leave the old one in
// use.
func (c *Certificates) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.looked) < lookAgain {
		return c.loaded, nil
	}
	c.looked = time.Now()
	var changed [2]time.Time
	for i, path := range []string{c.cert, c.key} {
		if info, err := os.Stat(path); err == nil {
			changed[i] = info.ModTime()
		}
	}
	if c.loaded != nil && changed == c.changed {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	switch {
	case err == nil:
		c.loaded, c.changed = &pair, changed
	case c.loaded == nil:
		return nil, fmt.Errorf("read certificate: %w", err)
	case c.Log != nil && changed != c.told:
		c.told = changed
		c.Log.Error("The new certificate for callbacks cannot be read; the old one stays in use.", "tls_cert", c.cert, "error", err)
	}
	return c.loaded, nil
}
