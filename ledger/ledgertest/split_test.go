package ledgertest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"intray/ledger"
)

// TestSplitReceivesItsParts: parts and the parent's end are one transaction, and
// asking again makes no new ones.
func TestSplitReceivesItsParts(t *testing.T) {
	l := Open(t, func() time.Time { return start })
	parent := reach(t, l, 1, ledger.Processing)
	for _, wrong := range []ledger.Split{
		{Pages: 3, Parts: []ledger.Part{{Pages: []int{1, 2}}}},
		{Pages: 2, Parts: []ledger.Part{{Pages: []int{1, 2}}, {Pages: []int{2}}}},
		{Pages: 1, Parts: []ledger.Part{{Pages: []int{2}}}},
		{Pages: 1, Dropped: []ledger.Dropped{{Page: 1, Why: "blank"}}},
	} {
		if _, err := l.Split(parent.ID, parent.AttemptID, wrong); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	split := ledger.Split{Pages: 3, Parts: []ledger.Part{{Name: "a-1.pdf", Pages: []int{1}}, {Name: "a-2.pdf", Pages: []int{3}}},
		Dropped: []ledger.Dropped{{Page: 2, Why: "separator", Ink: 0.1}}}
	if _, err := l.Split(parent.ID, "another", split); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("under another attempt: %v", err)
	}
	done, err := l.Split(parent.ID, parent.AttemptID, split)
	if err != nil || done.State != ledger.Completed || len(done.Split.Parts) != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	due, err := l.Due(start, 10)
	if err != nil || len(due) != 2 {
		t.Fatalf("due: %d, %v", len(due), err)
	}
	for i, part := range due {
		if part.ID != done.Split.Parts[i].DocumentID || part.State != ledger.Received || part.Pieces[0].DocumentID != parent.ID || part.SHA256 != parent.SHA256 || part.Pages != 1 {
			t.Errorf("part %d: %+v", i, part)
		}
	}
	attempt := ledger.NewID()
	apply(t, l, parent.ID, ledger.Reprocess("it", "again"), ledger.Start(attempt, "local", "me", start.Add(time.Hour)))
	if again, err := l.Split(parent.ID, attempt, split); err != nil || again.Split.Parts[0].DocumentID != done.Split.Parts[0].DocumentID {
		t.Errorf("split again: %+v, %v", again, err)
	}
	if due, _ := l.Due(start, 10); len(due) != 2 {
		t.Errorf("%d parts after a second split", len(due))
	}
}

// TestOutbox: a message comes with its move and goes when it is delivered.
func TestOutbox(t *testing.T) {
	now := start
	l := OpenWith(t, ledger.Options{Clock: func() time.Time { return now }, Messages: func(d ledger.Document, detail json.RawMessage) []ledger.Message {
		if d.State != ledger.Completed {
			return nil
		}
		return []ledger.Message{{To: "erp", Event: "done", Body: detail}, {To: "table", Event: "done"}}
	}})
	doc := reach(t, l, 1, ledger.Processing)
	apply(t, l, doc.ID, ledger.Complete(doc.AttemptID, nil).Detail(json.RawMessage(`{"a":1}`)))
	counted := func(waiting, dead int) {
		t.Helper()
		if w, d, err := l.CountMessages(); w != waiting || d != dead || err != nil {
			t.Errorf("counted %d waiting, %d given up (%v), want %d and %d", w, d, err, waiting, dead)
		}
	}
	counted(2, 0)
	due, _, err := l.DueMessages(now, 10, nil)
	if err != nil || len(due) != 2 || string(due[0].Body) != `{"a":1}` || due[0].DocumentID != doc.ID || due[0].ID == due[1].ID {
		t.Fatalf("due %+v, %v", due, err)
	}
	if err := l.Undelivered(due[0], now.Add(time.Minute), "down"); err != nil {
		t.Fatal(err)
	}
	if err := l.Delivered(due[1]); err != nil {
		t.Fatal(err)
	}
	if left, next, _ := l.DueMessages(now, 10, nil); len(left) != 0 || !next.Equal(now.Add(time.Minute)) {
		t.Errorf("left %+v until %v", left, next)
	}
	counted(1, 0) // it waits, though not due
	now = now.Add(time.Minute)
	if err := l.Undelivered(due[0], time.Time{}, "gone"); err != nil {
		t.Fatal(err)
	}
	if left, next, _ := l.DueMessages(now, 10, nil); len(left) != 0 || !next.IsZero() {
		t.Errorf("given up, and yet due: %+v %v", left, next)
	}
	counted(0, 1)
	if n, err := l.RetryMessages(doc.ID); n != 1 || err != nil {
		t.Errorf("retried %d, %v", n, err)
	}
	counted(1, 0)
	if left, _, _ := l.DueMessages(now, 10, nil); len(left) != 1 || left[0].Attempts != 0 || left[0].ID != due[0].ID {
		t.Errorf("asked for: %+v", left)
	}
	if err := l.Delivered(due[0]); err != nil {
		t.Fatal(err)
	}
	events, _ := l.Events(doc.ID)
	if last := events[len(events)-1]; last.Move != "handed over" || last.Why != "done to erp" {
		t.Errorf("history ends with %+v", last)
	}
}

// TestMessagesEnd: a purge takes what was to be told of the document along, and
// what was given up long ago goes too.
func TestMessagesEnd(t *testing.T) {
	l := OpenWith(t, ledger.Options{Clock: func() time.Time { return start }, Messages: func(d ledger.Document, _ json.RawMessage) []ledger.Message {
		if d.State != ledger.Completed {
			return nil
		}
		return []ledger.Message{{To: "erp", Event: "done"}, {To: "table", Event: "done"}}
	}})
	purged, kept := reach(t, l, 1, ledger.Completed), reach(t, l, 2, ledger.Completed)
	apply(t, l, purged.ID, ledger.Purge("it", "on request"))
	due, _, err := l.DueMessages(start, 10, nil)
	if err != nil || len(due) != 2 || due[0].DocumentID != kept.ID || due[1].DocumentID != kept.ID {
		t.Fatalf("%+v, %v", due, err)
	}
	if err := l.Undelivered(due[0], time.Time{}, "gone"); err != nil {
		t.Fatal(err)
	}
	if n, err := l.ForgetDead(start); n != 0 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if n, err := l.ForgetDead(start.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if left, err := l.Messages(""); err != nil || len(left) != 1 || left[0].ID != due[1].ID {
		t.Errorf("left %+v, %v", left, err)
	}
}

// TestPair: fronts are joined with their backs while they wait for them, and
// only then; what else makes them wait later is no such wait.
func TestPair(t *testing.T) {
	now := start
	l := Open(t, func() time.Time { return now })
	pair := func(doc ledger.Document) ledger.Document {
		t.Helper()
		done, err := l.Pair(doc.ID, doc.AttemptID, 2, now.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	alone := pair(reach(t, l, 1, ledger.Processing))
	now = now.Add(time.Minute)
	attempt := ledger.NewID()
	apply(t, l, alone.ID, ledger.Resume(), ledger.Start(attempt, "local", "me", now.Add(time.Hour)),
		ledger.RetryLater(attempt, now.Add(time.Hour), failure))
	fronts := pair(reach(t, l, 2, ledger.Processing))
	if fronts.State != ledger.FailedRetryable {
		t.Fatalf("joined with one that does not wait for it: %+v", fronts)
	}
	backs := pair(reach(t, l, 3, ledger.Processing))
	if backs.State != ledger.Completed || backs.Split.Parts[0].DocumentID != fronts.ID {
		t.Fatalf("%+v", backs)
	}
	events, err := l.Events(fronts.ID)
	if last := events[len(events)-1]; err != nil || last.Move != "joined" || !strings.Contains(last.Why, backs.ID) {
		t.Errorf("history ends with %+v, %v", last, err)
	}
}

// TestFrontsAreTheOlderFile: which half was recorded first is chance after a stop.
func TestFrontsAreTheOlderFile(t *testing.T) {
	l := Open(t, func() time.Time { return start })
	backs, fronts := reach(t, l, 5, ledger.Processing), reach(t, l, 4, ledger.Processing)
	for _, half := range []ledger.Document{backs, fronts} {
		if _, err := l.Pair(half.ID, half.AttemptID, 2, start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := l.Get(backs.ID)
	if err != nil || len(whole.Pieces) != 4 || whole.Pieces[0].DocumentID != fronts.ID || whole.Pieces[1].DocumentID != backs.ID || whole.Pieces[1].Pages[0] != 2 {
		t.Errorf("%+v, %v", whole.Pieces, err)
	}
}
