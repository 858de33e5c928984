package enginetest

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"intray/engines"
	"intray/engines/enginetest/servers"
)

// ProviderSuite is the conformance suite of a Provider, run against its server in a
// Lab.
type ProviderSuite struct {
	// Service makes the provider's server.
	Service func() servers.Service
	// New makes a provider that calls lab.URL with the credential lab.Secret, and
	// reads answers of at most a quarter of HugeBody.
	New func(t *testing.T, lab *servers.Lab) engines.Provider
	// Document is what is submitted; without content it is a made-up PDF of a page.
	Document engines.Document
	// NoAddresses is set when the service's answers name no addresses to call.
	NoAddresses bool
	// Synchronous is set when Submit brings the whole result: then the job cannot
	// run, fail or expire later.
	Synchronous bool
	// KeepsAnswers is set when the service itself keeps its answer for a time,
	// whatever is deleted.
	KeepsAnswers bool
}

// StartLab serves a lab of the service, and the foreign host beside it, until the
// test ends.
func StartLab(t testing.TB, s servers.Service) *servers.Lab {
	t.Helper()
	l := servers.New(s)
	foreign := httptest.NewServer(l.Foreign())
	t.Cleanup(foreign.Close)
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	t.Cleanup(l.Close)
	l.URL, l.ForeignURL = server.URL, foreign.URL
	return l
}

// Run runs every promise as a subtest.
func (s ProviderSuite) Run(t *testing.T) {
	t.Run("reads", s.reads)
	t.Run("capabilities", s.capabilities)
	t.Run("lost submission", s.lostSubmission)
	t.Run("refusals", s.refusals)
	t.Run("spoiled answers", s.spoiled)
	t.Run("foreign address", s.foreign)
	t.Run("failed job", s.failedJob)
	t.Run("hollow success", s.hollow)
	t.Run("expired result", s.expired)
	t.Run("wrong credential", s.wrongCredential)
	t.Run("cancelled", s.cancelled)
	t.Run("same key twice", s.sameKeyTwice)
	t.Run("delete", s.deletes)
	t.Run("normalize", s.normalize)
	t.Run("closing twice", s.closingTwice)
}

func (s ProviderSuite) start(t *testing.T) (*servers.Lab, engines.Provider) {
	t.Helper()
	lab := StartLab(t, s.Service())
	p := s.New(t, lab)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return lab, p
}

func (s ProviderSuite) document() engines.Document {
	doc := s.Document
	if doc.Content == nil {
		doc = engines.Document{MIME: "application/pdf", Pages: 1, Content: []byte("%PDF-1.7\n1 0 obj<</Type /Page >>endobj\n%%EOF\n")}
	}
	doc.ID = "0190b6ab-0000-7000-8000-000000000001"
	return doc
}

const suiteKey = "idem-0001"

func (s ProviderSuite) submit(t *testing.T, p engines.Provider) engines.Job {
	t.Helper()
	job, err := p.Submit(t.Context(), s.document(), suiteKey)
	if err != nil || job.ID == "" && job.URL == "" {
		t.Fatalf("submitted %+v, %v", job, err)
	}
	return job
}

// fetched is the raw answer of a job that goes well.
func (s ProviderSuite) fetched(t *testing.T, p engines.Provider) []byte {
	t.Helper()
	job := s.submit(t, p)
	status, err := p.Status(t.Context(), job)
	if err != nil || status.State != engines.JobSucceeded {
		t.Fatalf("status %+v, %v", status, err)
	}
	raw, err := p.Fetch(t.Context(), job)
	if err != nil || len(raw) == 0 {
		t.Fatalf("fetched %d bytes, %v", len(raw), err)
	}
	return raw
}

func (s ProviderSuite) reads(t *testing.T) {
	lab, p := s.start(t)
	doc := s.document()
	before := bytes.Clone(doc.Content)
	if !s.Synchronous {
		lab.Polls = 2
	}
	job, err := p.Submit(t.Context(), doc, suiteKey)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, doc.Content) {
		t.Error("the document was changed")
	}
	var states []engines.JobState
	for range lab.Polls + 1 {
		status, err := p.Status(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, status.State)
	}
	want := slices.Repeat([]engines.JobState{engines.JobRunning}, lab.Polls)
	if want = append(want, engines.JobSucceeded); !slices.Equal(states, want) {
		t.Errorf("states %q", states)
	}
	raw, err := p.Fetch(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	result, err := p.Normalize(raw)
	if err != nil {
		t.Fatal(err)
	}
	CheckAnswer(t, result)
	if len(result.Pages) != max(1, doc.Pages) || strings.TrimSpace(AnswerText(result)) == "" {
		t.Errorf("%d pages that say %q", len(result.Pages), AnswerText(result))
	}
	if lab.Accepted() != 1 || lab.Proven(servers.CallSubmit) != lab.Calls(servers.CallSubmit) {
		t.Errorf("%d submissions taken, %d of %d with the credential", lab.Accepted(), lab.Proven(servers.CallSubmit), lab.Calls(servers.CallSubmit))
	}
}

func (s ProviderSuite) capabilities(t *testing.T) {
	_, p := s.start(t)
	if caps := p.Capabilities(); caps.Kind == "" || len(caps.Types) == 0 || !caps.Cloud || !reflect.DeepEqual(caps, p.Capabilities()) {
		t.Errorf("capabilities %+v", caps)
	}
	_, verifies := p.(engines.WebhookVerifier)
	_, deletes := p.(engines.Deleter)
	if caps := p.Capabilities(); caps.Webhook && !verifies || caps.Delete && !deletes {
		t.Errorf("webhook %v and %v, delete %v and %v", caps.Webhook, verifies, caps.Delete, deletes)
	}
}

// wantFailure holds a failure to what every failure promises. codes may be empty.
func wantFailure(t *testing.T, err error, kind engines.Kind, codes ...string) *engines.Error {
	t.Helper()
	var failure *engines.Error
	if !errors.As(err, &failure) {
		t.Errorf("got %v instead of an engines.Error", err)
		return &engines.Error{}
	}
	if failure.Kind != kind || len(codes) > 0 && !slices.Contains(codes, failure.Code) {
		t.Errorf("got %s %v; want %s %q", failure.Kind, err, kind, codes)
	}
	sentenceIsFit(t, failure)
	noSecret(t, err)
	return failure
}

func sentenceIsFit(t *testing.T, e *engines.Error) {
	t.Helper()
	if e.Code == "" || !strings.HasSuffix(e.Sentence, ".") && !strings.HasSuffix(e.Sentence, "!") {
		t.Errorf("%q says no whole sentence: %q", e.Code, e.Sentence)
	}
}

func noSecret(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), Secret) {
		t.Errorf("the error shows a secret: %v", err)
	}
}

func (s ProviderSuite) lostSubmission(t *testing.T) {
	lab, p := s.start(t)
	lab.Fail(servers.CallSubmit, servers.FaultLost, 1)
	_, err := p.Submit(t.Context(), s.document(), suiteKey)
	wantFailure(t, err, engines.Retryable, engines.CodeSubmitUnknown)
	if lab.Accepted() != 1 || lab.Calls(servers.CallSubmit) != 1 {
		t.Errorf("%d submissions taken of %d: only one may be tried", lab.Accepted(), lab.Calls(servers.CallSubmit))
	}
	// Cut off by our own time limit it is as unknown.
	lab.Fail(servers.CallSubmit, servers.FaultSlow, 1)
	_, err = p.Submit(overdue(t, lab, servers.CallSubmit), s.document(), "idem-0002")
	wantFailure(t, err, engines.Retryable, engines.CodeSubmitUnknown)
}

// operation is one method as the faults see it.
type operation struct {
	name string
	call servers.Call
	do   func(context.Context) error
}

// operations are the methods that call the service; the job is done already.
func (s ProviderSuite) operations(t *testing.T, p engines.Provider) []operation {
	t.Helper()
	job := s.submit(t, p)
	all := []operation{
		{"submit", servers.CallSubmit, func(ctx context.Context) error {
			_, err := p.Submit(ctx, s.document(), "idem-0003")
			return err
		}},
		{"status", servers.CallAny, func(ctx context.Context) error {
			_, err := p.Status(ctx, job)
			return err
		}},
		{"fetch", servers.CallAny, func(ctx context.Context) error {
			_, err := p.Fetch(ctx, job)
			return err
		}},
	}
	if s.Synchronous {
		return all[:1]
	}
	return all
}

func (s ProviderSuite) refusals(t *testing.T) {
	for _, c := range []struct {
		fault servers.Fault
		kind  engines.Kind
		code  string
		after time.Duration
	}{
		{servers.FaultRate, engines.Retryable, engines.CodeRate, 0},
		{servers.FaultRateAfter, engines.Retryable, engines.CodeRate, servers.RetryAfter},
		{servers.FaultQuota, engines.Retryable, engines.CodeQuota, servers.QuotaAfter},
		{servers.FaultSkew, engines.Retryable, engines.CodeRate, servers.SkewedAfter},
		{servers.FaultAuth, engines.Terminal, engines.CodeAuth, 0},
		{servers.FaultBroken, engines.Retryable, engines.CodeService, 0},
		{servers.FaultBusy, engines.Retryable, engines.CodeService, 0},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			lab, p := s.start(t)
			for _, op := range s.operations(t, p) {
				before := lab.Calls(servers.CallAny)
				lab.Fail(op.call, c.fault, 1)
				failure := wantFailure(t, op.do(t.Context()), c.kind, c.code)
				if failure.RetryAfter != c.after {
					t.Errorf("%s: to be tried after %v instead of %v", op.name, failure.RetryAfter, c.after)
				}
				if tried := lab.Calls(servers.CallAny) - before; op.call != servers.CallSubmit && tried != 1 {
					t.Errorf("%s: tried %d times", op.name, tried)
				}
			}
		})
	}
}

func (s ProviderSuite) spoiled(t *testing.T) {
	for _, f := range []servers.Fault{servers.FaultTruncated, servers.FaultHuge, servers.FaultNotJSON, servers.FaultWrongType, servers.FaultCut, servers.FaultSlow} {
		t.Run(string(f), func(t *testing.T) {
			lab, p := s.start(t)
			for _, op := range s.operations(t, p) {
				ctx := t.Context()
				if f == servers.FaultSlow {
					ctx = overdue(t, lab, op.call)
				}
				lab.Fail(op.call, f, 1)
				err := op.do(ctx)
				lab.Calm()
				noSecret(t, err)
				switch failure, ok := engines.AsError(err); {
				case err == nil && (op.call == servers.CallSubmit || f == servers.FaultCut):
					// Of some submissions only a header counts; Go's HTTP client itself
					// repeats a GET whose connection was stale.
				case op.call == servers.CallSubmit:
					wantFailure(t, err, engines.Retryable, engines.CodeSubmitUnknown, engines.CodeNetwork)
				case !ok || failure.Kind != engines.Retryable || failure.Code == engines.CodeSubmitUnknown:
					t.Errorf("%s: got %v", op.name, err)
				}
			}
		})
	}
}

func (s ProviderSuite) foreign(t *testing.T) {
	if s.NoAddresses {
		t.Skip("the service names no addresses")
	}
	lab, p := s.start(t)
	lab.Fail(servers.CallAny, servers.FaultForeign, 20)
	job, err := p.Submit(t.Context(), s.document(), suiteKey)
	if err == nil {
		_, err = p.Status(t.Context(), job)
	}
	if err == nil {
		_, err = p.Fetch(t.Context(), job)
	}
	wantFailure(t, err, engines.Terminal, engines.CodeForeignAddress)
	for _, r := range lab.Abroad() {
		t.Errorf("the foreign host was asked for %s with %d headers", r.URL.Path, len(r.Header))
	}
	// A ledger that was tampered with gets the credential nowhere either.
	lab.Calm()
	again := s.submit(t, p)
	abroad := engines.Job{ID: again.ID, URL: strings.Replace(again.URL, lab.URL, lab.ForeignURL, 1)}
	if abroad == again {
		return
	}
	_, err = p.Status(t.Context(), abroad)
	wantFailure(t, err, engines.Terminal, engines.CodeForeignAddress)
	if len(lab.Abroad()) > 0 {
		t.Error("the foreign host was asked")
	}
}

func (s ProviderSuite) wrongCredential(t *testing.T) {
	lab, p := s.start(t)
	lab.Secret = "another"
	_, err := p.Submit(t.Context(), s.document(), suiteKey)
	wantFailure(t, err, engines.Terminal, engines.CodeAuth)
	if lab.Accepted() != 0 {
		t.Error("the lab took it")
	}
}

func (s ProviderSuite) cancelled(t *testing.T) {
	lab, p := s.start(t)
	lab.Stall = 5 * time.Minute
	for _, op := range s.operations(t, p) {
		before := lab.Calls(servers.CallAny)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := op.do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s before: got %v", op.name, err)
		}
		if lab.Calls(servers.CallAny) != before {
			t.Errorf("%s: the service was called", op.name)
		}
		lab.Fail(op.call, servers.FaultSlow, 1)
		ctx, cancel = context.WithCancel(t.Context())
		whenHeard(t, lab, op.call, cancel)
		began := time.Now()
		if err := op.do(ctx); !errors.Is(err, context.Canceled) || time.Since(began) > time.Minute {
			t.Errorf("%s during: got %v after %v", op.name, err, time.Since(began))
		}
		cancel()
	}
}

func (s ProviderSuite) closingTwice(t *testing.T) {
	p := s.New(t, StartLab(t, s.Service()))
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Errorf("got %v", err)
	}
}
