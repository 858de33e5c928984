package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"intray/ledger"
)

// TestDecision is durable until its bundle is cleared, and only one is in hand.
func TestDecision(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := OpenAt(t, path, nil)
	doc := reach(t, l, 1, ledger.NeedsHumanReview)
	d := ledger.Decision{Verb: "approve", By: "anna", AttemptID: doc.AttemptID, Bundles: []string{"review/approve/x"}}
	if err := l.PlanDecision(receive(t, l, 2).ID, "", d, nil); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("on a document on its way: %v", err)
	}
	if err := l.PlanDelivery(doc.ID, doc.AttemptID, json.RawMessage(`{}`)); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a delivery without a decision: %v", err)
	}
	if err := l.PlanDecision(doc.ID, doc.AttemptID, d, json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	other := d
	other.Verb = "reject"
	if err := l.PlanDecision(doc.ID, doc.AttemptID, other, json.RawMessage(`{}`)); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("another decision: %v", err)
	}
	if err := l.DecisionCleared(doc.ID, doc.AttemptID); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("cleared before it was carried out: %v", err)
	}
	Close(t, l)
	l = OpenAt(t, path, nil)
	if docs, err := l.Deciding(); err != nil || len(docs) != 1 || docs[0].Decision.By != "anna" {
		t.Fatalf("%+v, %v", docs, err)
	}
	next, err := l.Apply(doc.ID, ledger.Approve("anna", false, []string{"out/x.pdf"}))
	if err != nil || next.Delivery != nil || next.Decision == nil {
		t.Errorf("%+v, %v", next, err)
	}
	if err := errors.Join(l.DecisionCleared(doc.ID, "another attempt"), l.DecisionCleared(doc.ID, doc.AttemptID), l.DecisionCleared(doc.ID, doc.AttemptID)); err != nil {
		t.Error(err)
	}
	if docs, err := l.Deciding(); err != nil || len(docs) != 0 {
		t.Errorf("%+v, %v", docs, err)
	}
}

// TestBusinessKeys: of many documents with one key, one has it, however they
// come; a tombstone keeps it, a document that failed does not.
func TestBusinessKeys(t *testing.T) {
	l := Open(t, nil)
	var group sync.WaitGroup
	var mu sync.Mutex
	holders := map[string]int{}
	for n := range 20 {
		doc := receive(t, l, n)
		group.Go(func() {
			holder, err := l.ClaimKey(doc.ID, "key")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			holders[holder.ID]++
		})
	}
	group.Wait()
	if len(holders) != 1 {
		t.Errorf("%d documents have the key", len(holders))
	}
	first := reach(t, l, 100, ledger.Completed)
	second := receive(t, l, 101)
	claim := func(doc ledger.Document, key string) string {
		t.Helper()
		holder, err := l.ClaimKey(doc.ID, key)
		if err != nil {
			t.Fatal(err)
		}
		return holder.ID
	}
	claim(first, "a")
	if claim(first, "a") != first.ID || claim(second, "a") != first.ID {
		t.Error("the first has not the key")
	}
	if _, err := l.Apply(first.ID, ledger.Purge("test", "")); err != nil {
		t.Fatal(err)
	}
	if claim(second, "a") != first.ID {
		t.Error("a tombstone lost its key")
	}
	failed := reach(t, l, 102, ledger.FailedTerminal)
	if claim(failed, "b") != failed.ID || claim(second, "b") != second.ID {
		t.Error("a document that failed keeps its key")
	}
	third := receive(t, l, 103)
	if claim(second, "") != second.ID || claim(third, "b") != third.ID {
		t.Error("a key that was given up is not free")
	}
}

// TestTallies count with their move or not at all, and names are bounded.
func TestTallies(t *testing.T) {
	l := Open(t, nil)
	doc := receive(t, l, 1)
	seen := ledger.Tally{Group: "seller", Name: "A\x00B", What: "read"}
	if _, err := l.Apply(doc.ID, ledger.Complete("none", nil).Counting(seen)); !errors.Is(err, ledger.ErrConflict) {
		t.Fatal(err)
	}
	if counts, err := l.Tallies(); err != nil || len(counts) != 0 {
		t.Errorf("a refused move counted: %v, %v", counts, err)
	}
	var many []ledger.Tally
	for n := range 600 {
		many = append(many, ledger.Tally{Group: "seller", Name: fmt.Sprint("seller ", n), What: "read"})
	}
	if _, err := l.Apply(doc.ID, ledger.Validate("application/pdf", 1).Counting(seen, seen).Counting(many...)); err != nil {
		t.Fatal(err)
	}
	counts, err := l.Tallies()
	if err != nil || counts[ledger.Tally{Group: "seller", Name: "A B", What: "read"}] != 2 || counts[ledger.Tally{Group: "seller", Name: ledger.OtherNames, What: "read"}] != 101 || len(counts) != 501 {
		t.Errorf("%d counts, %v", len(counts), err)
	}
}
