package metrics

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"intray/ledger"
)

// TestMetrics takes documents through a cloud engine, a retry, a review and a
// failure, and reads what a scrape says.
func TestMetrics(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	m := New("1.2.3")
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Clock: func() time.Time { return now }, Observe: m.Observe})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := m.Watch(&Standing{Ledger: l, Outdated: func() bool { return true }, Stuck: time.Hour, Clock: func() time.Time { return now },
		Away:    func() map[string]string { return map[string]string{"desk": "permission denied"} },
		Held:    func() (map[[2]string]int, error) { return map[[2]string]int{{"desk", "not_delivered"}: 2}, nil },
		Waiting: func() (map[string]int, bool) { return map[string]int{"desk": 3}, true },
		Engines: func() ([]Engine, error) {
			return []Engine{{Name: "azure", Paused: true, PagesToday: 7, DayLimit: 100}}, nil
		}}); err != nil {
		t.Fatal(err)
	}
	apply := func(id string, moves ...ledger.Move) {
		t.Helper()
		for _, move := range moves {
			if _, err := l.Apply(id, move); err != nil {
				t.Fatal(err)
			}
		}
	}
	receive := func(sum string) string {
		t.Helper()
		doc, err := l.Receive(ledger.Arrival{Folder: "desk", Path: "secret name.pdf", Name: "secret name.pdf", SHA256: strings.Repeat(sum, 64)})
		if err != nil {
			t.Fatal(err)
		}
		apply(doc.ID, ledger.Validate("application/pdf", 2))
		return doc.ID
	}
	cloud, local, stuck := receive("a"), receive("b"), receive("c")
	failure := ledger.Failure{Kind: "retryable", Code: "rate_limited", Sentence: "Later."}

	apply(cloud, ledger.Submit("1", "azure", "me", "token", now.Add(time.Minute)), ledger.Submitted("1", "job"))
	now = now.Add(10 * time.Second)
	if outcome, err := l.CalledBack("azure", "job", "digest"); err != nil || outcome != ledger.CallbackUseful {
		t.Fatal(outcome, err)
	}
	now = now.Add(time.Second)
	apply(cloud, ledger.Answered("1", "me", now.Add(time.Minute)), ledger.Complete("1", []string{"a.pdf"}))
	apply(local, ledger.Start("2", "local", "me", now.Add(time.Minute)), ledger.RetryLater("2", now, failure), ledger.Resume(),
		ledger.Start("3", "local", "me", now.Add(time.Minute)), ledger.Doubt("3", ledger.Failure{Kind: "review", Code: "low_confidence"}, nil))
	apply(stuck, ledger.Submit("4", "azure", "me", "token2", now.Add(time.Minute)), ledger.Submitted("4", "job2"))
	now = now.Add(2 * time.Hour)

	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	got := w.Body.String()
	for _, line := range []string{
		`intray_build_info{version="1.2.3"} 1`,
		`intray_submissions_total{engine="azure",outcome="sent"} 2`,
		`intray_submissions_total{engine="azure",outcome="accepted"} 2`,
		`intray_failures_total{code="rate_limited",engine="local",to="failed_retryable"} 1`,
		`intray_pages_total{engine="azure"} 2`,
		`intray_pages_total{engine="local"} 2`,
		`intray_attempt_seconds_sum{engine="azure",outcome="delivered"} 11`,
		`intray_attempt_seconds_count{engine="local",outcome="again"} 1`,
		`intray_document_seconds_count{folder="desk",outcome="review"} 1`,
		`intray_document_seconds_sum{folder="desk",outcome="delivered"} 11`,
		`intray_webhook_seconds_sum{engine="azure"} 10`,
		`intray_documents{folder="desk",state="needs_human_review"} 1`,
		`intray_counted_total{group="webhook",name="azure",what="useful"} 1`,
		`intray_engine_jobs{engine="azure"} 1`,
		`intray_engine_jobs_stuck{engine="azure"} 1`,
		`intray_engine_paused{engine="azure"} 1`,
		`intray_engine_pages_spent{engine="azure",period="day"} 7`,
		`intray_engine_pages_limit{engine="azure",period="day"} 100`,
		`intray_hot_folder_waiting{folder="desk"} 3`,
		`intray_hot_folder_away{folder="desk"} 1`,
		`intray_documents_held{code="not_delivered",folder="desk"} 2`,
		`intray_intake_paused 1`,
		`intray_configuration_outdated 1`,
		`intray_outbox{state="dead"} 0`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "month\"} 0\nintray_engine_pages_limit") {
		t.Error("a name of a file became a label, or a limit that is none")
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestNamesOfFields: how a provider calls its fields becomes no label; what is counted
// of them is counted together, and names that are known stay.
func TestNamesOfFields(t *testing.T) {
	m := New("1")
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	doc, err := l.Receive(ledger.Arrival{Folder: "desk", Path: "a.pdf", Name: "a.pdf", SHA256: strings.Repeat("a", 64)})
	if err != nil {
		t.Fatal(err)
	}
	tallies := []ledger.Tally{{Group: "seller", Name: "Muster", What: "read"}, {Group: "class", Name: "invoice", What: "read"}}
	for _, name := range []string{"iban", "name_of_the_patient", "vendors_own"} {
		tallies = append(tallies, ledger.Tally{Group: "field", Name: "invoice/" + name, What: "found"}, ledger.Tally{Group: "compare_field", Name: "a/b/" + name, What: "differs"})
	}
	if _, err := l.Apply(doc.ID, ledger.Validate("application/pdf", 1).Counting(tallies...)); err != nil {
		t.Fatal(err)
	}
	if err := m.Watch(&Standing{Ledger: l, Outdated: func() bool { return false }, Clock: time.Now, Fields: map[string]bool{"iban": true},
		Away: noFolder, Held: nothingHeld, Waiting: func() (map[string]int, bool) { return nil, false }, Engines: func() ([]Engine, error) { return nil, nil }}); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	got := w.Body.String()
	for _, line := range []string{
		`intray_counted_total{group="field",name="invoice/iban",what="found"} 1`,
		`intray_counted_total{group="field",name="invoice/other",what="found"} 2`,
		`intray_counted_total{group="compare_field",name="a/b/iban",what="differs"} 1`,
		`intray_counted_total{group="compare_field",name="a/b/other",what="differs"} 2`,
		`intray_counted_total{group="class",name="invoice",what="read"} 1`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	for _, word := range []string{"patient", "vendors", "Muster"} {
		if strings.Contains(got, word) {
			t.Errorf("%s became a label", word)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestUnreadable: what fails is left out, the rest is told.
func TestUnreadable(t *testing.T) {
	m := New("1")
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = m.Watch(&Standing{Ledger: l, Outdated: func() bool { return false }, Clock: time.Now, Away: noFolder, Held: nothingHeld, Waiting: func() (map[string]int, bool) { return nil, false },
		Engines: func() ([]Engine, error) { return nil, errors.New("no") }})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "intray_intake_paused 0") {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
}

// TestMonitoringFiles: the example alerts and the dashboard ask for figures that
// there are.
func TestMonitoringFiles(t *testing.T) {
	source := ""
	for _, name := range []string{"metrics.go", "standing.go"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(data)
	}
	for _, name := range []string{"alerts.yml", "grafana-dashboard.json"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "installers", "monitoring", name))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`intray_[a-z_]+`).FindAllString(string(data), -1)
		if len(found) < 10 {
			t.Errorf("%s asks for %d figures", name, len(found))
		}
		for _, figure := range found {
			figure = regexp.MustCompile(`_seconds_(bucket|count|sum)$`).ReplaceAllString(figure, "_seconds")
			if !strings.Contains(source, `"`+strings.TrimPrefix(figure, "intray_")+`"`) {
				t.Errorf("%s asks for %s, which there is not", name, figure)
			}
		}
	}
}

func noFolder() map[string]string { return nil }

func nothingHeld() (map[[2]string]int, error) { return nil, nil }
