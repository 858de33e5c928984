package pipeline

import (
	"context"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/daemon/originals"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// withheld has a document sent whose answer cannot be fetched.
func withheld(t *testing.T) (*tray, *cloud) {
	t.Helper()
	tr := newTray(t, &workers{})
	c := &cloud{}
	tr.toCloud(t, c, 1, config.Cloud{CallsPerSecond: 1e4, PollEvery: config.Duration(time.Millisecond)})
	c.onFetch = func() error { return later(engines.CodeService) }
	return tr, c
}

// TestGivenUpIsDeletedThere: a document that is given up although its job is done
// does not stay at the provider.
func TestGivenUpIsDeletedThere(t *testing.T) {
	tr, c := withheld(t)
	doc := tr.drain(t)
	if doc.State != ledger.DeadLetter {
		t.Fatalf("%s: %+v", doc.State, doc.Failure)
	}
	if err := tr.DeleteLeft(t.Context()); err != nil || !c.deleted["job-1"] {
		t.Errorf("deleted %v, %v", c.deleted, err)
	}
	if doc, err := tr.Ledger.Get(tr.id); err != nil || len(doc.Leftovers) > 0 {
		t.Errorf("%+v, %v", doc.Leftovers, err)
	}
}

// TestAnotherEngineGoesOn: what the engine before has is deleted there, also when the
// configuration names another, on this machine or not, before its answer came.
func TestAnotherEngineGoesOn(t *testing.T) {
	for _, next := range []string{"local", "other"} {
		t.Run(next, func(t *testing.T) {
			tr, c := withheld(t)
			soft, stop := context.WithCancel(t.Context())
			c.onFetch = func() error {
				stop()
				return later(engines.CodeService)
			}
			tr.Policy.Base, tr.Policy.Cap = time.Hour, time.Hour // it stands still meanwhile
			if err := tr.Run(soft, t.Context(), false); err != nil {
				t.Fatal(err)
			}
			if _, err := tr.Ledger.Apply(tr.id, ledger.ResumeBy("test", "the configuration has changed")); err != nil {
				t.Fatal(err)
			}
			tr.Engines["other"] = worker.EngineSpec{Name: "other", Kind: "cloud"}
			other := &cloud{asked: map[string]int{}, deleted: map[string]bool{}}
			tr.Services["other"] = &Service{Name: "other", Provider: other, Settings: tr.Services["cloud"].Settings}
			tr.Config.Folders[0].Engine = []string{next}
			doc := tr.drain(t)
			if doc.State != ledger.Completed || doc.Engine != next {
				t.Fatalf("%s by %s: %+v", doc.State, doc.Engine, doc.Failure)
			}
			if err := tr.DeleteLeft(t.Context()); err != nil || !c.deleted["job-1"] {
				t.Errorf("deleted %v, %v", c.deleted, err)
			}
		})
	}
}

// TestAnswersOfAnEngineTakenOut: that a cloud engine has answered is no look at the
// document on this machine, nor is its answer one of ours, once the configuration
// does not know it any more.
func TestAnswersOfAnEngineTakenOut(t *testing.T) {
	p := &Pipeline{Config: &config.Config{}, Results: originals.OpenResults(t.TempDir())}
	here := ledger.Answer{Engine: "tesseract", File: "here", Class: "payslip"}
	there := ledger.Answer{Engine: "gone", Job: "job-1", File: "there"}
	for name, c := range map[string]struct {
		kept  []ledger.Answer
		class string
		seen  bool
	}{
		"there":      {[]ledger.Answer{there}, "", false},
		"both":       {[]ledger.Answer{here, there}, "payslip", true},
		"both again": {[]ledger.Answer{there, here}, "payslip", true},
	} {
		if class, seen := p.seenAs(ledger.Document{Answers: c.kept}); class != c.class || seen != c.seen {
			t.Errorf("%s: seen %v as %q", name, seen, class)
		}
	}
	if err := p.Results.Put("doc", "there", []byte(`{"status":"succeeded"}`)); err != nil {
		t.Fatal(err)
	}
	a := &attempt{Pipeline: p, doc: ledger.Document{ID: "doc", Answers: []ledger.Answer{there}}}
	if fields, err := a.earlier(); err != nil || len(fields) > 0 {
		t.Errorf("%v, %v", fields, err)
	}
}

// TestLostTwice: a job that is gone is sent again once, which may have been paid twice.
// After the second a person decides, unless the configuration has.
func TestLostTwice(t *testing.T) {
	for policy, want := range map[string]struct {
		state ledger.State
		sent  int
	}{config.UnknownReview: {ledger.NeedsHumanReview, 2}, config.UnknownResubmit: {ledger.DeadLetter, 3}} {
		t.Run(policy, func(t *testing.T) {
			tr := newTray(t, &workers{})
			c := &cloud{}
			tr.toCloud(t, c, 1, config.Cloud{OnUnknown: policy, CallsPerSecond: 1e4, PollEvery: config.Duration(time.Millisecond)})
			c.onFetch = func() error { return later(engines.CodeExpired) }
			doc := tr.drain(t)
			if doc.State != want.state || c.submitted != want.sent || doc.Failure.Code != engines.CodeExpired {
				t.Errorf("%s after %d submissions: %+v", doc.State, c.submitted, doc.Failure)
			}
		})
	}
}
