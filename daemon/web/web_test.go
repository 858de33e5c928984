package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

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
	handler := s.Handler()
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
	for _, c := range []struct {
		host, path, token string
		want              int
	}{
		{here, "/healthz", "", 200}, {here, "/readyz", "", 503}, {"localhost:7423", "/healthz", "", 200}, {"[::1]:7423", "/healthz", "", 200},
		{"evil.example", "/healthz", "", 403}, {"evil.example", "/api/v1/documents", "right", 403},
		{here, "/api/v1/documents", "", 401}, {here, "/api/v1/documents", "wrong", 401}, {here, "/api/v1/documents", "right", 200},
		{here, "/api/v1/documents?limit=0", "right", 400}, {here, "/api/v1/documents?limit=x", "right", 400},
		{here, "/api/v1/documents/" + doc.ID, "right", 200}, {here, "/api/v1/documents/" + doc.ID, "", 401},
		{here, "/api/v1/documents/none", "right", 404}, {here, "/elsewhere", "right", 404}, {here, "/elsewhere", "", 401}, {here, "/api/v2", "right", 404},
	} {
		if got := get(c.host, c.path, c.token); got.Code != c.want {
			t.Errorf("%s%s with %q: %d %s", c.host, c.path, c.token, got.Code, got.Body)
		}
	}
	ready = true
	if got := get(here, "/readyz", ""); got.Code != 200 {
		t.Errorf("ready: %d", got.Code)
	}
	s.Trouble = func() string { return "the disk is full" }
	if got := get(here, "/readyz", ""); got.Code != 503 || !strings.Contains(got.Body.String(), "the disk is full") {
		t.Errorf("in trouble: %d %s", got.Code, got.Body)
	}
	s.Trouble = nil
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
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, err := Token(path); err != nil || again != first {
		t.Errorf("%q, %v", again, err)
	}
}

// TestFew: no more are answered at once than may be; the next waits for a turn, and
// is sent away with a time to come again when there is none.
func TestFew(t *testing.T) {
	inside, leave := make(chan bool, 8), make(chan bool)
	work := func(w http.ResponseWriter, _ *http.Request) {
		inside <- true
		<-leave
		w.WriteHeader(http.StatusOK)
	}
	codes := make(chan int, 8)
	ask := func(h http.HandlerFunc) {
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest(http.MethodGet, "/", nil))
		codes <- w.Code
	}
	patient := few(2, time.Hour, work)
	for range 3 {
		go ask(patient)
	}
	<-inside
	<-inside
	leave <- true // one has gone, and the third has its turn
	<-inside
	leave <- true
	leave <- true
	for range 3 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("answered %d", code)
		}
	}

	hasty := few(1, time.Millisecond, work)
	go ask(hasty)
	<-inside
	w := httptest.NewRecorder()
	hasty(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("sent away with %d %v", w.Code, w.Header())
	}
	leave <- true
	if code := <-codes; code != http.StatusOK {
		t.Errorf("the first was answered %d", code)
	}
}

// TestReportsAreFew: the report is behind such a door.
func TestReportsAreFew(t *testing.T) {
	d := newDesk(t)
	began, end := make(chan bool), make(chan bool)
	d.Actions.Report = func(string, string) (any, error) {
		began <- true
		<-end
		return map[string]any{}, nil
	}
	d.handler = d.Handler()
	for range 2 {
		go d.ask("GET", "/api/v1/report", nil, withToken)
	}
	<-began
	select {
	case <-began:
		t.Error("two reports are made at once")
	case <-time.After(50 * time.Millisecond):
	}
	end <- true
	<-began // the second has waited
	end <- true
}

// TestAdvice: what the house advises comes with the document.
func TestAdvice(t *testing.T) {
	d := newDesk(t)
	id := d.sent("a.pdf", "one").DocumentID
	d.Advice = func(doc ledger.Document) string { return "Do something about " + doc.Name }
	var detail Detail
	if err := json.Unmarshal(d.ask("GET", "/api/v1/documents/"+id, nil, withToken).Body.Bytes(), &detail); err != nil || detail.Advice != "Do something about a.pdf" {
		t.Errorf("%q, %v", detail.Advice, err)
	}
}
