package web

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
)

//go:embed degraded.html
var degradedPage string

// DegradedHeader is in every answer of a Degraded: what holds no ledger can tell
// nobody anything about documents.
const DegradedHeader = "Intray-Degraded"

// Degraded answers while the daemon cannot work: that it lives, and why it does not
// work. It knows no callers, so it is for addresses of this machine only. Fill the
// fields, then call Serve once.
type Degraded struct {
	// Server has the address, further names and the log; nothing else of it is used.
	Server *Server
	// Why is one or more sentences, a line each.
	Why func() string
}

// Serve answers on l, which listens on the server's address, until ctx is done.
func (d *Degraded) Serve(ctx context.Context, l net.Listener) error {
	return d.Server.serve(ctx, l, d.handler())
}

func (d *Degraded) handler() http.Handler {
	s := d.Server
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	refuse := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		answerError(w, http.StatusServiceUnavailable, "Intray runs but cannot work: "+d.Why())
	}
	mux.HandleFunc("/readyz", refuse)
	mux.HandleFunc("/metrics", refuse)
	mux.HandleFunc("/api/", refuse)
	mux.HandleFunc("GET /sign-in.css", s.signInStyle)
	mux.HandleFunc("/", d.page)
	marked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(DegradedHeader, "1")
		mux.ServeHTTP(w, r)
	})
	return s.patient(s.hardened(s.ourName(s.ownPages(marked))))
}

// page says it to a person; it looks again by itself.
func (d *Degraded) page(w http.ResponseWriter, r *http.Request) {
	shown := struct{ Lang, Title, Say, Then, Why string }{"en", "Intray cannot work",
		"Intray runs, but takes no scans until this is mended. Nothing is lost: scans wait in their folders.",
		"It goes on by itself as soon as the configuration is right; `intray doctor` checks it before.", d.Why()}
	if preferred(r) == 1 {
		shown.Lang, shown.Title = "de", "Intray kann nicht arbeiten"
		shown.Say = "Intray läuft, nimmt aber keine Scans an, bis dies behoben ist. Es geht nichts verloren: Scans warten in ihren Ordnern."
		shown.Then = "Es geht von selbst weiter, sobald die Konfiguration stimmt; `intray doctor` prüft sie vorher."
	}
	w.Header().Set("Refresh", "10")
	d.Server.writePage(w, degradedPage, http.StatusServiceUnavailable, shown.Lang, shown)
}
