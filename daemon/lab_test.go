package daemon

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/engines"
	"intray/engines/all"
)

// labKinds are the engines of the program that tests run: the real ones, and a
// provider that speaks HTTP to a server of the test.
func labKinds() []engines.Factory {
	return append(all.Factories(), engines.Factory{Kind: "lab", NewProvider: newLab})
}

// lab is a small provider.
type lab struct {
	Endpoint   string `toml:"endpoint"`
	Idempotent bool   `toml:"idempotent"`
	MaxPages   int    `toml:"max_pages_each"`
	MaxBytes   int64  `toml:"max_bytes_each"`
	Splits     bool   `toml:"splits"`
	caller     engines.Caller
}

func newLab(s engines.Settings) (engines.Provider, error) {
	l := &lab{}
	if err := s.Decode(l); err != nil {
		return nil, err
	}
	base, err := url.Parse(l.Endpoint)
	l.caller.Base = base
	return l, err
}

func (l *lab) Capabilities() engines.Capabilities {
	return engines.Capabilities{Kind: "lab", Types: []string{"application/pdf"}, Cloud: true, IdempotentSubmit: l.Idempotent,
		Webhook: true, Delete: true, MaxPages: l.MaxPages, MaxBytes: l.MaxBytes, Split: l.Splits}
}

func (l *lab) Close() error { return nil }

func (l *lab) do(ctx context.Context, method, path string, body []byte, header ...string) (engines.Reply, error) {
	r, err := http.NewRequest(method, l.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return engines.Reply{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := l.caller.Do(ctx, r)
	if err != nil {
		return reply, err
	}
	fail := func(kind engines.Kind, code string) error {
		return &engines.Error{Kind: kind, Code: code, Sentence: fmt.Sprintf("The lab answered %d.", reply.Status), RetryAfter: engines.RetryAfter(reply.Header, time.Now())}
	}
	switch {
	case reply.Status == http.StatusUnauthorized:
		return reply, fail(engines.Terminal, engines.CodeAuth)
	case reply.Status == http.StatusTooManyRequests:
		return reply, fail(engines.Retryable, engines.CodeRate)
	case reply.Status == http.StatusGone:
		return reply, fail(engines.Retryable, engines.CodeExpired)
	case reply.Status >= 500:
		return reply, fail(engines.Retryable, engines.CodeService)
	case reply.Status >= 400:
		return reply, fail(engines.Terminal, engines.CodeBadRequest)
	}
	return reply, nil
}

func (l *lab) Submit(ctx context.Context, doc engines.Document, key string) (engines.Job, error) {
	reply, err := l.do(ctx, http.MethodPost, "/jobs", doc.Content, "Idempotency-Key", key, "X-Pages", strconv.Itoa(doc.Pages), "X-Callback", doc.CallbackURL)
	return engines.Job{ID: string(reply.Body), URL: l.Endpoint + "/jobs/" + string(reply.Body)}, err
}

func (l *lab) Status(ctx context.Context, job engines.Job) (engines.JobStatus, error) {
	reply, err := l.do(ctx, http.MethodGet, "/jobs/"+job.ID, nil)
	status := engines.JobStatus{State: engines.JobState(reply.Body), RetryAfter: engines.RetryAfter(reply.Header, time.Now())}
	if status.State == engines.JobFailed {
		status.Err = &engines.Error{Kind: engines.Terminal, Code: engines.CodeContent, Sentence: "The lab cannot read it."}
	}
	return status, err
}

func (l *lab) Fetch(ctx context.Context, job engines.Job) ([]byte, error) {
	reply, err := l.do(ctx, http.MethodGet, "/jobs/"+job.ID+"/result", nil)
	return reply.Body, err
}

func (l *lab) Delete(ctx context.Context, job engines.Job) error {
	_, err := l.do(ctx, http.MethodDelete, "/jobs/"+job.ID, nil)
	return err
}

func (l *lab) Normalize(raw []byte) (r engines.Result, err error) { return r, json.Unmarshal(raw, &r) }

func (l *lab) VerifyWebhook(body []byte, header http.Header) (string, error) {
	if !hmac.Equal([]byte(header.Get("X-Lab-Signature")), []byte(labSign(body))) {
		return "", &engines.Error{Kind: engines.Terminal, Code: engines.CodeForged, Sentence: "The signature does not hold."}
	}
	var event struct{ Job string }
	err := json.Unmarshal(body, &event)
	return event.Job, err
}

func labSign(body []byte) string {
	h := hmac.New(sha256.New, []byte("lab secret"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// labServer is the service. It counts what it is sent.
type labServer struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	sent     map[string]int // by content
	jobs     map[string]int // pages
	tokens   map[string]string
	deleted  map[string]bool
	callback string
	// loses is how many answers to submissions are lost; polls how often a job is
	// asked about before it is done; short how many pages are left out; refuses is the
	// status that submissions get instead.
	loses, polls, short, refuses int
	// breaks is how many submissions are taken and answered with 500; fails is set
	// when no job succeeds, withholds when no answer can be fetched.
	breaks     int
	fails      bool
	withholds  bool
	asked      map[string]int
	result     func(pages int) engines.Result
	idempotent bool
	bodies     map[string][]byte // what was sent, by job
}

func newLabServer(t testing.TB) *labServer {
	s := &labServer{t: t, sent: map[string]int{}, jobs: map[string]int{}, tokens: map[string]string{}, deleted: map[string]bool{}, asked: map[string]int{}, result: labResult, bodies: map[string][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /jobs", s.submit)
	mux.HandleFunc("GET /jobs/{id}", s.status)
	mux.HandleFunc("GET /jobs/{id}/result", s.fetch)
	mux.HandleFunc("DELETE /jobs/{id}", func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.deleted[r.PathValue("id")] = true
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *labServer) submit(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return // the program was killed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses > 0 {
		w.WriteHeader(s.refuses)
		return
	}
	s.callback = r.Header.Get("X-Callback")
	s.sent[hashOf(body.Bytes())]++
	id := s.tokens[r.Header.Get("Idempotency-Key")]
	if id == "" || !s.idempotent {
		id = fmt.Sprintf("job-%d", len(s.jobs)+1)
		s.tokens[r.Header.Get("Idempotency-Key")] = id
	}
	s.bodies[id] = body.Bytes()
	s.jobs[id], _ = strconv.Atoi(r.Header.Get("X-Pages"))
	if s.breaks > 0 {
		s.breaks--
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if s.loses > 0 {
		s.loses--
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return
	}
	fmt.Fprint(w, id)
}

func (s *labServer) status(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	if s.jobs[id] == 0 || s.deleted[id] {
		w.WriteHeader(http.StatusGone)
		return
	}
	s.asked[id]++
	if s.asked[id] <= s.polls {
		fmt.Fprint(w, engines.JobRunning)
		return
	}
	if s.fails {
		fmt.Fprint(w, engines.JobFailed)
		return
	}
	fmt.Fprint(w, engines.JobSucceeded)
}

func (s *labServer) fetch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	if s.jobs[id] == 0 || s.deleted[id] {
		w.WriteHeader(http.StatusGone)
		return
	}
	if s.withholds {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(s.result(s.jobs[id] - s.short))
}

// submissions is how often each content came, and how many came in all.
func (s *labServer) submissions() (by map[string]int, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by = map[string]int{}
	for k, n := range s.sent {
		by[k], all = n, all+n
	}
	return by, all
}

// labResult is an invoice: words on each page, fields on the first.
func labResult(pages int) engines.Result {
	r := engines.Result{Model: "lab-1", Class: "invoice", ClassConfidence: 0.97, Languages: []string{"en"}}
	for n := range pages {
		var block engines.Block
		for i, text := range []string{"Cloudy invoice", fmt.Sprintf("page %d of the lab", n+1)} {
			y := 100 + 40*float64(i)
			line := engines.Line{Box: engines.Box{X0: 100, Y0: y, X1: 500, Y1: y + 20}}
			for j, word := range strings.Fields(text) {
				x := 100 + 90*float64(j)
				line.Words = append(line.Words, engines.Word{Text: word, Confidence: 0.98, Box: engines.Box{X0: x, Y0: y, X1: x + 80, Y1: y + 20}})
			}
			block.Lines = append(block.Lines, line)
		}
		r.Pages = append(r.Pages, engines.AnswerPage{PageResult: engines.PageResult{Width: 1000, Height: 1400, Blocks: []engines.Block{block}}})
	}
	field := func(name, value, kind string) {
		r.Fields = append(r.Fields, engines.Field{Name: name, Value: value, Raw: value, Type: kind, Confidence: 0.95, HasConfidence: true, Page: 1,
			Box: engines.Box{X0: 100, Y0: 100, X1: 300, Y1: 120}})
	}
	field("invoice_number", "L-"+strconv.Itoa(pages), "text")
	field("issue_date", "2026-03-02", "date")
	field("seller_name", "Lab Ltd", "text")
	field("currency", "EUR", "currency")
	field("net_total", "100.00", "amount")
	field("tax_total", "19.00", "amount")
	field("gross_total", "119.00", "amount")
	field("amount_due", "119.00", "amount")
	field("lab_mood", "sunny", "text")
	r.Tables = []engines.Table{{Name: "line_items", Columns: []string{"description", "line_total"}, Page: 1, Box: engines.Box{X0: 100, Y0: 300, X1: 800, Y1: 340},
		Rows: [][]engines.Cell{{{Text: "Clouds", RowSpan: 1, ColSpan: 1}, {Text: "100.00", RowSpan: 1, ColSpan: 1}}}}}
	return r
}

// labOffice is an office whose folder is read by the lab. folder is added to the
// folder's section, engine to the engine's.
func labOffice(t testing.TB, s *labServer, folder, engine string) *office {
	t.Helper()
	o := newOffice(t, "").raced()
	o.add(folder + "\n[engine.lab]\nkind = \"lab\"\nendpoint = \"" + s.URL + "\"\npoll_every = \"100ms\"\ncalls_per_second = 200.0\n" + engine)
	return o
}

// faulty is the test program with fault points, built once.
func faulty(t testing.TB) string {
	t.Helper()
	program := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "faulty.exe")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	build := exec.Command("go", "test", "-c", "-tags", "faults", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return program
}

// waitOutcome waits for the first of the words in the log and fails at once if
// another outcome comes before it.
func (o *office) waitOutcome(want string) string {
	o.t.Helper()
	began := time.Now()
	for {
		for line := range strings.Lines(o.log.String()) {
			for _, word := range []string{"Delivered.", "Needs review.", "Failed.", "waits for its engine"} {
				if strings.Contains(line, word) && word == want {
					return line
				}
				if strings.Contains(line, word) {
					o.t.Fatalf("want %q in\n%s", want, o.log)
				}
			}
		}
		if _, err := o.log.wait(time.Second, "\x00"); err != nil && time.Since(began) > patience {
			o.t.Fatalf("no %q in\n%s", want, o.log)
		}
	}
}
