package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/ledger"
)

// spoken is a log whose lines are waited for.
type spoken chan string

func (l spoken) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// office is a configuration with these receivers and a ledger that has told each
// of them of so many documents.
func office(t *testing.T, documents int, urls ...string) (*config.Config, string) {
	t.Helper()
	t.Setenv("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	text := "version = 1\n[[folder]]\nname = \"desk\"\n"
	for i, url := range urls {
		text += fmt.Sprintf("[[receiver]]\nname = \"r%d\"\nurl = %q\nsecret = { env = \"SECRET\" }\n", i, url)
	}
	cfg, _, err := config.Parse([]byte(text), "c", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(path, ledger.Options{Messages: Messages(cfg)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range documents {
		name := fmt.Sprint(i)
		doc, err1 := l.Receive(ledger.Arrival{Folder: "desk", Path: name, Name: name, SHA256: fmt.Sprintf("%064d", i)})
		_, err2 := l.Apply(doc.ID, ledger.Refuse(ledger.Failure{Kind: "terminal", Code: "empty_file"}))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg, path
}

// TestNotTwiceWhileItCannotBeNoted: the ledger takes no writes; what was told is
// not told again meanwhile.
func TestNotTwiceWhileItCannotBeNoted(t *testing.T) {
	told := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { told <- q.Header.Get("webhook-id") }))
	defer server.Close()
	cfg, path := office(t, 1, server.URL)
	l, err := ledger.Open(path, ledger.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	log := make(spoken)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	d := &Desk{Config: cfg, Ledger: l, Log: slog.New(slog.NewTextHandler(log, nil)), Rest: time.Millisecond}
	go func() { done <- d.Run(ctx) }()
	for range 20 { // each says that it could not be noted
		<-log
	}
	cancel()
	for {
		select {
		case <-log:
			continue
		case err := <-done:
			if err != nil || len(told) != 1 {
				t.Errorf("told %d times, %v", len(told), err)
			}
			return
		}
	}
}

// TestSlowReceiverHoldsUpNobody: one answers nothing, the other gets all.
func TestSlowReceiverHoldsUpNobody(t *testing.T) {
	const documents = 100
	stop := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		<-stop
	}))
	told := make(chan string, 2*documents)
	quick := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { told <- q.Header.Get("webhook-id") }))
	defer quick.Close()
	defer slow.Close()
	defer close(stop)
	cfg, path := office(t, documents, slow.URL, quick.URL)
	l, err := ledger.Open(path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	d := &Desk{Config: cfg, Ledger: l, Log: slog.New(slog.DiscardHandler)}
	go func() { done <- d.Run(ctx) }()
	late := time.After(answerPatience - time.Second)
	seen := map[string]bool{}
	for len(seen) < documents {
		select {
		case id := <-told:
			seen[id] = true
		case <-late:
			t.Fatalf("%d of %d messages came while another receiver was silent", len(seen), documents)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
