package webhooks

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/engines"
	"intray/ledger"
	"intray/ledger/ledgertest"
)

// plain takes "job N" for the job N, if the header says so, too.
type plain struct{}

func (plain) VerifyWebhook(body []byte, header http.Header) (string, error) {
	switch {
	case string(body) == "panic":
		panic("hostile bytes")
	case header.Get("Proof") != "right":
		return "", errors.New("no proof")
	}
	job, _, _ := strings.Cut(string(body), " ")
	return job, nil
}

// submitted has a document wait for the answer to a job.
func submitted(t *testing.T, l *ledger.Ledger, n int, job string) ledger.Document {
	t.Helper()
	doc, err := l.Receive(ledger.Arrival{Folder: "desk", Path: fmt.Sprint(n), Name: fmt.Sprint(n), SHA256: fmt.Sprintf("%064d", n)})
	attempt := ledger.NewID()
	for _, m := range []ledger.Move{ledger.Validate("application/pdf", 1), ledger.Submit(attempt, "lab", "me", attempt, time.Now().Add(time.Hour)),
		ledger.Submitted(attempt, job).Asking("", time.Now().Add(time.Hour), time.Now().Add(24*time.Hour))} {
		if err == nil {
			doc, err = l.Apply(doc.ID, m)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func send(t *testing.T, s *Server, engine, body, proof string) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/webhooks/"+engine, strings.NewReader(body))
	r.Header.Set("Proof", proof)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code
}

func newServer(t *testing.T) *Server {
	return &Server{Ledger: ledgertest.Open(t, nil), Verifiers: map[string]engines.WebhookVerifier{"lab": plain{}}, Log: slog.New(slog.DiscardHandler)}
}

// TestCallbacks: the right one makes its job due; early ones wait for their job;
// all others change nothing and are counted.
func TestCallbacks(t *testing.T) {
	s := newServer(t)
	doc := submitted(t, s.Ledger, 1, "job-1")
	due := func() int {
		docs, err := s.Ledger.Due(time.Now(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(docs)
	}
	for _, c := range []struct {
		what, engine, body, proof string
		code, due                 int
	}{
		{"unknown engine", "other", "job-1", "right", 404, 0},
		{"forged", "lab", "job-1", "wrong", 401, 0},
		{"hostile", "lab", "panic", "right", 401, 0},
		{"too long", "lab", strings.Repeat("x", maxBody+1), "right", 413, 0},
		{"no job of ours yet", "lab", "job-2", "right", 204, 0},
		{"right", "lab", "job-1", "right", 204, 1},
		{"replayed", "lab", "job-1", "right", 204, 1},
	} {
		if code := send(t, s, c.engine, c.body, c.proof); code != c.code || due() != c.due {
			t.Errorf("%s: %d, %d due", c.what, code, due())
		}
	}
	early := submitted(t, s.Ledger, 2, "job-2")
	if early.NotBefore.After(time.Now()) {
		t.Error("the callback that came before its job was forgotten")
	}
	if _, err := s.Ledger.Apply(doc.ID, ledger.Answered(doc.AttemptID, "me", time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	if code := send(t, s, "lab", "job-1 late", "right"); code != 204 {
		t.Errorf("late: %d", code)
	}
	tallies, err := s.Ledger.Tallies()
	if err != nil {
		t.Fatal(err)
	}
	for what, n := range map[string]int{"forged": 2, "parked": 1, "useful": 1, "duplicate": 1, "late": 1} {
		if got := tallies[ledger.Tally{Group: ledger.GroupCallback, Name: "lab", What: what}]; got != n {
			t.Errorf("%s: %d, want %d", what, got, n)
		}
	}
	if err := s.Ledger.ForgetCallbacks(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// TestManyCallbacks: a thousand of all sorts at once wake each job once, and are
// acknowledged fast.
func TestManyCallbacks(t *testing.T) {
	s := newServer(t)
	for n := range 20 {
		submitted(t, s.Ledger, n, fmt.Sprintf("job-%d", n))
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	var mu sync.Mutex
	var took []time.Duration
	var group sync.WaitGroup
	slots := make(chan bool, 16)
	for n := range 1000 {
		slots <- true
		group.Go(func() {
			defer func() { <-slots }()
			r, err := http.NewRequest(http.MethodPost, server.URL+"/webhooks/lab", bytes.NewReader(fmt.Appendf(nil, "job-%d", n%40)))
			if err != nil {
				t.Error(err)
				return
			}
			if n%3 > 0 {
				r.Header.Set("Proof", "right")
			}
			began := time.Now()
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			_ = answer.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(began))
		})
	}
	group.Wait()
	slices.Sort(took)
	t.Logf("acknowledged: median %s, 99 of 100 within %s", took[len(took)/2], took[len(took)*99/100])
	docs, err := s.Ledger.Due(time.Now(), 100)
	if err != nil || len(docs) != 20 {
		t.Errorf("%d due, %v", len(docs), err)
	}
	for _, doc := range docs {
		events, err := s.Ledger.Events(doc.ID)
		if err != nil || len(events) != 5 || events[4].Move != "called back" {
			t.Errorf("%+v, %v", events, err)
		}
	}
}

// TestCertificatesAreReadAgain: a new certificate is used without a restart, a
// damaged one is not.
func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := LoadCertificates(cert, key); err == nil {
		t.Fatal("files that are not there")
	}
	write := func(serial int64) {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "intray"}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
		keyDER, err2 := x509.MarshalECPrivateKey(private)
		if err := errors.Join(err, err2, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
			os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600)); err != nil {
			t.Fatal(err)
		}
		stamp := time.Unix(1_700_000_000+serial*100, 0)
		if err := errors.Join(os.Chtimes(cert, stamp, stamp), os.Chtimes(key, stamp, stamp)); err != nil {
			t.Fatal(err)
		}
	}
	serial := func(c *Certificates) int64 {
		c.looked = time.Time{} // as if time had passed
		pair, err := c.Get(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return parsed.SerialNumber.Int64()
	}
	write(1)
	c, err := LoadCertificates(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	first := serial(c)
	write(2)
	second := serial(c)
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if first != 1 || second != 2 || serial(c) != 2 {
		t.Errorf("%d, %d, %d", first, second, serial(c))
	}
}
