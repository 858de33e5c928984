package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/ledger"
	"intray/ledger/ledgertest"
)

func TestAPI(t *testing.T) {
	l := ledgertest.Open(t, nil)
	doc, err := l.Receive(ledger.Arrival{Folder: "desk", Path: "a/scan.pdf", Name: "scan.pdf", SHA256: strings.Repeat("a", 64)})
	if err != nil {
		t.Fatal(err)
	}
	ready := false
	s := &Server{Ledger: l, Token: "right", Ready: func() bool { return ready }, Log: slog.New(slog.DiscardHandler)}
	handler := s.Handler("127.0.0.1")
	get := func(host, path, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = host
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	const here = "127.0.0.1:7423"
	for _, c := range []struct {
		host, path, token string
		want              int
	}{
		{here, "/healthz", "", 200}, {here, "/readyz", "", 503}, {"localhost:7423", "/healthz", "", 200}, {"[::1]:7423", "/healthz", "", 200},
		{"evil.example", "/healthz", "", 403}, {"evil.example", "/api/v1/documents", "right", 403},
		{here, "/api/v1/documents", "", 401}, {here, "/api/v1/documents", "wrong", 401}, {here, "/api/v1/documents", "right", 200},
		{here, "/api/v1/documents?limit=0", "right", 400}, {here, "/api/v1/documents?limit=x", "right", 400},
		{here, "/api/v1/documents/" + doc.ID, "right", 200}, {here, "/api/v1/documents/" + doc.ID, "", 401},
		{here, "/api/v1/documents/none", "right", 404}, {here, "/elsewhere", "right", 404},
	} {
		if got := get(c.host, c.path, c.token); got.Code != c.want {
			t.Errorf("%s%s with %q: %d %s", c.host, c.path, c.token, got.Code, got.Body)
		}
	}
	ready = true
	if got := get(here, "/readyz", ""); got.Code != 200 {
		t.Errorf("ready: %d", got.Code)
	}
	var detail Detail
	if err := json.Unmarshal(get(here, "/api/v1/documents/"+doc.ID, "right").Body.Bytes(), &detail); err != nil ||
		detail.DocumentID != doc.ID || detail.State != "received" || len(detail.Events) != 1 {
		t.Errorf("%+v, %v", detail, err)
	}
	if body := get(here, "/api/v1/documents?state=completed", "right").Body.String(); strings.TrimSpace(body) != "[]" {
		t.Errorf("an empty list is %s", body)
	}
}

func TestToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api-token")
	first, err := Token(path)
	if err != nil || len(first) < 20 {
		t.Fatalf("%q, %v", first, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, err := Token(path); err != nil || again != first {
		t.Errorf("%q, %v", again, err)
	}
}
