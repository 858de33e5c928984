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
	"io"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

func newServer(t testing.TB) *Server {
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
	s.Flush()
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

// TestFirstIsTold: the first call after a quiet time is counted at once, also right
// after a look that found nothing to hand on.
func TestFirstIsTold(t *testing.T) {
	s := newServer(t)
	s.Flush()
	if send(t, s, "lab", "job-1", "wrong"); counts(t, s)["forged"] != 1 {
		t.Errorf("counted %v", counts(t, s))
	}
}

// counts are the callbacks the ledger knows of.
func counts(t testing.TB, s *Server) map[string]int {
	t.Helper()
	tallies, err := s.Ledger.Tallies()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for k, n := range tallies {
		out[k.What] = n
	}
	return out
}

// TestManyCallbacks: of a thousand forged, replayed, repeated and early ones, sixteen
// at once, each right one wakes its job once and all others change nothing. The
// forged cost no write and no line in the log each. In fake time, all within a moment:
// a slow machine needs longer than what makes a repetition a new call.
func TestManyCallbacks(t *testing.T) {
	synctest.Test(t, manyCallbacks)
}

func manyCallbacks(t *testing.T) {
	s := newServer(t)
	var lines bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&lines, nil))
	before := map[string]ledger.Document{}
	for n := range 40 {
		id := submitted(t, s.Ledger, n, fmt.Sprintf("job-%d", n)).ID
		doc, err := s.Ledger.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		before[id] = doc
	}
	// 0 to 19 are called about, 20 to 39 by forgers only, and 40 to 59 are not there yet.
	kinds := map[string]int{}
	var calls [][2]string
	add := func(kind, body, proof string) {
		kinds[kind]++
		calls = append(calls, [2]string{body, proof})
	}
	for n := range 500 {
		add("forged", fmt.Sprintf("job-%d", n%40), "wrong")
	}
	for n := range 400 { // 20 right ones and what repeats them
		add("right", fmt.Sprintf("job-%d", n%20), "right")
	}
	for n := range 100 {
		add("early", fmt.Sprintf("job-%d", 40+n%20), "right")
	}
	rng := mathrand.New(mathrand.NewPCG(1, 2))
	rng.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	var group sync.WaitGroup
	slots := make(chan bool, 16)
	for _, c := range calls {
		slots <- true
		group.Go(func() {
			defer func() { <-slots }()
			if code := send(t, s, "lab", c[0], c[1]); (code == http.StatusUnauthorized) != (c[1] == "wrong") {
				t.Errorf("%q: %d", c, code)
			}
		})
	}
	group.Wait()
	if n := counts(t, s); n["forged"] > 2 || n["duplicate"] > 2 {
		t.Errorf("forged calls and repetitions were written one by one: %v", n)
	}
	s.Flush()
	if n := counts(t, s); n["forged"] != 500 || n["useful"] != 20 || n["parked"] != 20 || n["duplicate"] != 460 {
		t.Errorf("counted %v of %v", n, kinds)
	}
	if n := strings.Count(lines.String(), "\n"); n > 4 {
		t.Errorf("%d lines in the log", n)
	}
	woken := 0
	for id, old := range before {
		doc, err := s.Ledger.Get(id)
		events, err2 := s.Ledger.Events(id)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if !doc.NotBefore.Equal(old.NotBefore) {
			woken++
			if len(events) != 5 || events[4].Move != "called back" {
				t.Errorf("%+v", events)
			}
			old.NotBefore, old.Events = doc.NotBefore, doc.Events
		}
		if !reflect.DeepEqual(doc, old) {
			t.Errorf("changed\n%+v\nto\n%+v", old, doc)
		}
	}
	if woken != 20 {
		t.Errorf("%d jobs are due", woken)
	}
}

func call(t testing.TB, client *http.Client, url, body, proof string) time.Duration {
	r, err := http.NewRequest(http.MethodPost, url+"/webhooks/lab", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	r.Header.Set("Proof", proof)
	began := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
	_ = answer.Body.Close()
	return time.Since(began)
}

// TestCallbackAgain: the same bytes are another event when they come later and the
// job is still owed; before that, and after its end, they are a repetition.
func TestCallbackAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		doc := submitted(t, s.Ledger, 1, "job-1")
		for _, c := range []struct {
			after time.Duration
			want  string
		}{{0, ledger.CallbackUseful}, {time.Second, ledger.CallbackDuplicate}, {20 * time.Second, ledger.CallbackUseful}, {time.Second, ledger.CallbackDuplicate}} {
			time.Sleep(c.after)
			if got, err := s.Ledger.CalledBack("lab", "job-1", "digest"); got != c.want || err != nil {
				t.Errorf("after %s: %s, %v", c.after, got, err)
			}
		}
		if _, err := s.Ledger.Apply(doc.ID, ledger.Answered(doc.AttemptID, "me", time.Now().Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got, err := s.Ledger.CalledBack("lab", "job-1", "digest"); got != ledger.CallbackDuplicate || err != nil {
			t.Errorf("after its end: %s, %v", got, err)
		}
	})
}

// checks is a verifier that is at fault itself, or is told of no job.
type checks struct{ err error }

func (c checks) VerifyWebhook([]byte, http.Header) (string, error) { return "", c.err }

// TestUnproven: what cannot be checked now is asked for again, which a refusal would
// forbid; what is about no job is thanked for.
func TestUnproven(t *testing.T) {
	s := newServer(t)
	for want, err := range map[int]error{
		http.StatusServiceUnavailable: &engines.Error{Kind: engines.Retryable, Code: engines.CodeNetwork, Sentence: "No certificate."},
		http.StatusUnauthorized:       &engines.Error{Kind: engines.Terminal, Code: engines.CodeForged, Sentence: "Forged."},
		http.StatusNoContent:          nil,
	} {
		s.Verifiers["lab"] = checks{err}
		if code := send(t, s, "lab", "x", ""); code != want {
			t.Errorf("%v: %d", err, code)
		}
	}
	s.Flush()
	if n := counts(t, s); n["unproven"] != 1 || n["forged"] != 1 || n["no_job"] != 1 {
		t.Errorf("%v", n)
	}
}

// BenchmarkAcknowledge calls 16 at a time over loopback; each right one is in the
// ledger, synced, when it is thanked for.
func BenchmarkAcknowledge(b *testing.B) {
	s := newServer(b)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var took []time.Duration
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range 16 {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				proof := "right"
				if n%2 == 0 {
					proof = "wrong"
				}
				d := call(b, client, server.URL, fmt.Sprintf("job-%d", n), proof)
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
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
	var log bytes.Buffer
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	first := serial(c)
	write(2)
	second := serial(c)
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if first != 1 || second != 2 || serial(c) != 2 || serial(c) != 2 {
		t.Errorf("%d, %d, %d", first, second, serial(c))
	}
	if n := strings.Count(log.String(), "the old one stays in use"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// TestAtMost: those who come when all places are taken are told to call again, and
// are let in when one is free.
func TestAtMost(t *testing.T) {
	in, out := make(chan bool), make(chan bool)
	h := atMost(1, func(http.ResponseWriter, *http.Request) { in <- true; <-out })
	ask := func() int {
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest(http.MethodPost, "/", nil))
		return w.Code
	}
	var group sync.WaitGroup
	group.Go(func() { ask() })
	<-in
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", code)
	}
	out <- true
	group.Wait()
	group.Go(func() { <-in; out <- true })
	if code := ask(); code != http.StatusOK {
		t.Errorf("after it: %d", code)
	}
	group.Wait()
}
