// Package metrics tells a monitoring system how the work goes: Prometheus
// counters, gauges and histograms, fed by the ledger's events and read from the
// ledger when somebody asks.
//
// It changes nothing and keeps nothing: what is counted since the start says so in
// its help, and what is counted for good stands in the ledger. No name of a file,
// word of a page or value of a field becomes a label.
package metrics

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"intray/ledger"
)

// Metrics counts events. Make it with New and give Observe to the ledger.
type Metrics struct {
	registry *prometheus.Registry

	moves       *prometheus.CounterVec
	failures    *prometheus.CounterVec
	submissions *prometheus.CounterVec
	pages       *prometheus.CounterVec
	documents   *prometheus.HistogramVec
	attempts    *prometheus.HistogramVec
	callbacks   *prometheus.HistogramVec

	mu sync.Mutex
	// open are attempts in hand: when they began, when the provider took them.
	open map[string]times
}

type times struct{ began, taken time.Time }

// mostOpen bounds how many attempts in hand are remembered; more are not timed.
const mostOpen = 100_000

// New makes the metrics of a program of that version.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), open: map[string]times{}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "intray_" + name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "intray_" + name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.moves = counter("moves_total", "Moves of documents since the start, by folder, move and the state they led to.", "folder", "move", "to")
	m.failures = counter("failures_total", "Attempts since the start that did not succeed, by engine, the state they led to, and code: retries, failures and dead letters by their kind.", "engine", "to", "code")
	m.submissions = counter("submissions_total", "Documents sent to a cloud engine since the start, by outcome: sent (the intent), accepted, refused.", "engine", "outcome")
	m.pages = counter("pages_total", "Pages delivered or given to review since the start, by engine.", "engine")
	m.documents = histogram("document_seconds", "Time from a document's arrival to its delivery, review or failure, in seconds.", prometheus.ExponentialBuckets(0.25, 2, 18), "folder", "outcome")
	m.attempts = histogram("attempt_seconds", "Time of one attempt at an engine, waiting for a provider included, in seconds.", prometheus.ExponentialBuckets(0.1, 2, 18), "engine", "outcome")
	m.callbacks = histogram("webhook_seconds", "Time from a provider's taking a job to its callback, in seconds.", prometheus.ExponentialBuckets(0.25, 2, 16), "engine")
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "intray_build_info", Help: "Always 1; the label says the version."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers a scrape. What one collector cannot say is left out and told in
// the log.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4})
}

// Resume tells of an attempt that was in hand when the program started, so that
// its time counts from its beginning.
func (m *Metrics) Resume(a ledger.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[a.ID] = times{began: a.Started, taken: a.Started}
}

// Observe counts an event; see ledger.Options. Events come one at a time.
func (m *Metrics) Observe(e ledger.Event, d ledger.Document) {
	m.moves.WithLabelValues(d.Folder, e.Move, string(e.To)).Inc()
	m.submission(e, d)
	m.attempt(e, d)
	if outcome := outcomeOf(e); outcome != "" {
		m.documents.WithLabelValues(d.Folder, outcome).Observe(e.At.Sub(d.ReceivedAt).Seconds())
	}
}

// outcomeOf is how a document's journey came to an end, or to a person; "" for
// events on the way, and for what a person decides later.
func outcomeOf(e ledger.Event) string {
	if e.From != ledger.Processing && e.From != ledger.SubmittedToProvider && e.From != ledger.Submitting && e.From != ledger.FailedRetryable && e.From != ledger.Received {
		return ""
	}
	switch e.To {
	case ledger.Completed, ledger.CompletedWithWarnings:
		return "delivered"
	case ledger.NeedsHumanReview:
		return "review"
	case ledger.FailedTerminal, ledger.DeadLetter:
		return "failed"
	}
	return ""
}

func (m *Metrics) submission(e ledger.Event, d ledger.Document) {
	count := func(outcome string) { m.submissions.WithLabelValues(d.Engine, outcome).Inc() }
	switch {
	case e.To == ledger.Submitting:
		count("sent")
	case e.To == ledger.SubmittedToProvider && e.From == ledger.Submitting:
		count("accepted")
	case e.From == ledger.Submitting && (e.To == ledger.FailedRetryable || e.To == ledger.FailedTerminal):
		count("refused")
	}
}

// attempt times attempts and callbacks.
func (m *Metrics) attempt(e ledger.Event, d ledger.Document) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, known := m.open[e.AttemptID]
	switch {
	case e.AttemptID == "":
		if e.To == ledger.DeadLetter { // after the last attempt
			m.failures.WithLabelValues(d.Engine, string(e.To), codeOf(d)).Inc()
		}
		return
	case e.To == ledger.Submitting || e.To == ledger.Processing && e.From == ledger.Validated:
		if len(m.open) < mostOpen {
			m.open[e.AttemptID] = times{began: e.At}
		}
		return
	case e.To == ledger.SubmittedToProvider && e.From == ledger.Submitting:
		if known {
			t.taken = e.At
			m.open[e.AttemptID] = t
		}
		return
	case e.From == e.To && e.From == ledger.SubmittedToProvider: // called back
		if known && !t.taken.IsZero() {
			m.callbacks.WithLabelValues(d.Engine).Observe(e.At.Sub(t.taken).Seconds())
		}
		return
	case e.To == ledger.Processing:
		return
	}
	delete(m.open, e.AttemptID)
	outcome := "delivered"
	switch e.To {
	case ledger.Completed, ledger.CompletedWithWarnings:
		m.pages.WithLabelValues(d.Engine).Add(float64(d.Pages))
	case ledger.NeedsHumanReview:
		m.pages.WithLabelValues(d.Engine).Add(float64(d.Pages))
		outcome = "review"
	case ledger.FailedRetryable:
		outcome = "again"
	default:
		outcome = "failed"
	}
	if e.To == ledger.FailedRetryable || outcome == "failed" {
		m.failures.WithLabelValues(d.Engine, string(e.To), codeOf(d)).Inc()
	}
	if known {
		m.attempts.WithLabelValues(d.Engine, outcome).Observe(e.At.Sub(t.began).Seconds())
	}
}

func codeOf(d ledger.Document) string {
	if d.Failure == nil {
		return "none"
	}
	return d.Failure.Code
}

// Watch adds figures that are read when somebody asks. It is called once for each.
func (m *Metrics) Watch(c prometheus.Collector) error {
	if err := m.registry.Register(c); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}
