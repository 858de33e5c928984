package pipeline

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/daemon/originals"
	"intray/daemon/pages"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// cloud is a provider in memory: it takes every document, and answers at once or
// when it was asked so often.
type cloud struct {
	engines.Answers
	atOnce bool
	polls  int

	mu        sync.Mutex
	submitted int
	asked     map[string]int
	deleted   map[string]bool
	onFetch   func() error
	onSubmit  func()
	wait      time.Duration
}

func (c *cloud) Capabilities() engines.Capabilities {
	return engines.Capabilities{Kind: "cloud", Types: []string{pages.MIMEPDF}, Cloud: true, Delete: true}
}

func (c *cloud) Submit(context.Context, engines.Document, string) (engines.Job, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.submitted++
	if c.onSubmit != nil {
		c.onSubmit()
	}
	if c.atOnce {
		return c.Keep([]byte("{}")), nil
	}
	return engines.Job{ID: fmt.Sprintf("job-%d", c.submitted), Wait: c.wait}, nil
}

func (c *cloud) Status(_ context.Context, job engines.Job) (engines.JobStatus, error) {
	if c.atOnce {
		_, err := c.Get("cloud", job)
		return engines.JobStatus{State: engines.JobSucceeded}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked[job.ID]++; c.asked[job.ID] <= c.polls {
		return engines.JobStatus{State: engines.JobRunning}, nil
	}
	return engines.JobStatus{State: engines.JobSucceeded}, nil
}

func (c *cloud) Fetch(_ context.Context, job engines.Job) ([]byte, error) {
	if c.atOnce {
		return c.Get("cloud", job)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.onFetch != nil {
		if err := c.onFetch(); err != nil {
			return nil, err
		}
	}
	return []byte("{}"), nil
}

func (c *cloud) Delete(_ context.Context, job engines.Job) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deleted[job.ID] = true
	c.Forget(job)
	return nil
}

func (c *cloud) Normalize([]byte) (engines.Result, error) { return engines.Result{}, nil }
func (c *cloud) Close() error                             { return nil }

// toCloud has the tray's folder read by c, and n documents in all.
func (tr *tray) toCloud(t *testing.T, c *cloud, n int, s config.Cloud) {
	t.Helper()
	c.asked, c.deleted = map[string]int{}, map[string]bool{}
	tr.Config.Folders[0].Engine = []string{"cloud"}
	tr.Engines["cloud"] = worker.EngineSpec{Name: "cloud", Kind: "cloud"}
	tr.Services = map[string]*Service{"cloud": {Name: "cloud", Provider: c, Settings: s.Completed()}}
	tr.Results = originals.OpenResults(filepath.Join(tr.dir, "results"))
	for i := 1; i < n; i++ {
		name := fmt.Sprintf("scan-%d.pdf", i)
		first, err := tr.Originals.Put(t.Context(), strings.NewReader(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: name, Name: name, SHA256: first.SHA256, Size: first.Size, MIME: pages.MIMEPDF}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnswersInMemoryAreFetchedAtOnce: the answer of a service that answers at once
// is nowhere but in memory, which holds a few. A pile of files does not have them
// thrown away, and be paid twice.
func TestAnswersInMemoryAreFetchedAtOnce(t *testing.T) {
	tr := newTray(t, &workers{})
	c := &cloud{atOnce: true}
	tr.toCloud(t, c, 70, config.Cloud{CallsPerSecond: 1e4, PollEvery: config.Duration(time.Second)})
	if doc := tr.drain(t); doc.State != ledger.Completed {
		t.Errorf("%s: %+v", doc.State, doc.Failure)
	}
	if counts, err := tr.Ledger.Counts(); err != nil || counts[ledger.Completed] != 70 || c.submitted != 70 {
		t.Errorf("%d submissions, %v, %v", c.submitted, counts, err)
	}
}

// TestInTurn: new files do not keep the answers of those before them waiting until
// the last is sent, nor the other way round, also where there is room for one only.
func TestInTurn(t *testing.T) {
	named := func(names string) (out []ledger.Document) {
		for _, name := range strings.Fields(names) {
			out = append(out, ledger.Document{ID: name})
		}
		return out
	}
	for _, c := range []struct {
		fresh, again, want string
		turn               int
	}{
		{"a b c", "x y", "x a y b c", 0},
		{"a b c", "x y", "a x b y c", 1},
		{"a", "x y z", "a x y z", 3},
		{"a b", "", "a b", 2},
		{"", "x", "x", 1},
	} {
		got := ""
		for _, doc := range inTurn(named(c.fresh), named(c.again), c.turn) {
			got += " " + doc.ID
		}
		if got != " "+c.want {
			t.Errorf("%q and %q at turn %d: %q, not %q", c.fresh, c.again, c.turn, got, c.want)
		}
	}
}

// TestTurns: many that wait for a service each come at a time of its own.
func TestTurns(t *testing.T) {
	s, now := newService(4, 10), time.Now()
	at := map[time.Duration]int{}
	for range 600 {
		at[s.turn(busy(100*time.Millisecond), now)]++
	}
	for pause, n := range at {
		if pause < 100*time.Millisecond || pause > longestTurn || n > 3 {
			t.Errorf("%d come in %s", n, pause)
		}
	}
	if pause := s.turn(busy(time.Millisecond), now); pause != time.Millisecond {
		t.Errorf("a little early: sent away for %s", pause)
	}
}

// TestFirstQuestionWaits as long as the service asked for when it took the document.
func TestFirstQuestionWaits(t *testing.T) {
	tr := newTray(t, &workers{})
	c := &cloud{wait: time.Hour}
	tr.toCloud(t, c, 1, config.Cloud{CallsPerSecond: 1e4, PollEvery: config.Duration(time.Millisecond)})
	soft, stop := context.WithCancel(t.Context())
	c.onSubmit = stop
	began := time.Now()
	if err := tr.Run(soft, t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if doc, err := tr.Ledger.Get(tr.id); err != nil || doc.State != ledger.SubmittedToProvider || doc.NotBefore.Before(began.Add(time.Hour)) {
		t.Errorf("%s is asked about after %s, %v", doc.State, doc.NotBefore.Sub(began), err)
	}
}

// TestBudgetOfAPeriodThatEnded while it was asked for: the document waits for the
// period that has begun, not for the one after.
func TestBudgetOfAPeriodThatEnded(t *testing.T) {
	now := time.Now()
	for period, longest := range map[string]time.Duration{
		now.Format(time.DateOnly): 25 * time.Hour, now.AddDate(0, 0, -1).Format(time.DateOnly): 0,
		now.Format("2006-01"): 31*24*time.Hour + time.Hour, now.AddDate(0, 0, -now.Day()).Format("2006-01"): 0,
	} {
		e := overBudget(&ledger.OverBudget{Allowance: ledger.Allowance{Scope: "engine cloud", Period: period, Most: 9}, Used: 9, Asked: 1})
		if e.RetryAfter > longest || longest > 0 && e.RetryAfter <= 0 {
			t.Errorf("%s: %s. %s", period, e.RetryAfter, e.Sentence)
		}
	}
}
