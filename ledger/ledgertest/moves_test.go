package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"intray/ledger"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func arrival(n int) ledger.Arrival {
	return ledger.Arrival{Folder: "desk", Path: fmt.Sprintf("a/scan-%d.pdf", n), Name: fmt.Sprintf("scan-%d.pdf", n),
		SHA256: fmt.Sprintf("%064x", n), Size: int64(n), MIME: "application/pdf",
		Source: ledger.SourceMark{ModTime: start.Add(time.Duration(n)), Size: int64(n), Inode: uint64(n)}, Actor: "test"}
}

func receive(t testing.TB, l *ledger.Ledger, n int) ledger.Document {
	t.Helper()
	doc, err := l.Receive(arrival(n))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func apply(t testing.TB, l *ledger.Ledger, id string, moves ...ledger.Move) ledger.Document {
	t.Helper()
	var doc ledger.Document
	for _, m := range moves {
		var err error
		if doc, err = l.Apply(id, m); err != nil {
			t.Fatal(err)
		}
	}
	return doc
}

var failure = ledger.Failure{Kind: "retryable", Code: "timeout", Stage: "read", Sentence: "It took too long."}

// reach brings a new document into a state and returns it.
func reach(t testing.TB, l *ledger.Ledger, n int, s ledger.State) ledger.Document {
	t.Helper()
	id := receive(t, l, n).ID
	attempt := ledger.NewID()
	accept := ledger.Validate("application/pdf", 1)
	begin := ledger.Start(attempt, "local", "me", start.Add(time.Hour))
	submit := ledger.Submit(attempt, "azure", "me", "token", start.Add(time.Hour))
	later := ledger.RetryLater(attempt, start, failure)
	doubt := ledger.Doubt(attempt, failure, []string{"review/x"})
	path := map[ledger.State][]ledger.Move{
		ledger.Received:              nil,
		ledger.Validated:             {accept},
		ledger.Submitting:            {accept, submit},
		ledger.SubmittedToProvider:   {accept, submit, ledger.Submitted(attempt, "job-1")},
		ledger.Processing:            {accept, begin},
		ledger.FailedRetryable:       {accept, begin, later},
		ledger.NeedsHumanReview:      {accept, begin, doubt},
		ledger.Completed:             {accept, begin, ledger.Complete(attempt, []string{"out/x.pdf"})},
		ledger.CompletedWithWarnings: {accept, begin, ledger.CompleteWithWarnings(attempt, []string{"out/x.pdf"})},
		ledger.FailedTerminal:        {accept, begin, ledger.Fail(attempt, failure)},
		ledger.DeadLetter:            {accept, begin, later, ledger.Exhausted(failure)},
		ledger.Rejected:              {accept, begin, doubt, ledger.Reject("clerk", "not ours")},
		ledger.Duplicate:             {ledger.Repeat("another")},
		ledger.Purged:                {ledger.Repeat("another"), ledger.Purge("rule", "too old")},
	}
	moves, known := path[s]
	if !known {
		t.Fatalf("the test knows no way to %s", s)
	}
	apply(t, l, id, moves...)
	doc, err := l.Get(id)
	if err != nil || doc.State != s {
		t.Fatalf("reached %s, %v; want %s", doc.State, err, s)
	}
	return doc
}

// everyMove builds each move for the attempt in hand.
func everyMove(attempt string) map[string]ledger.Move {
	until := start.Add(time.Hour)
	return map[string]ledger.Move{
		"validate": ledger.Validate("application/pdf", 1), "repeat": ledger.Repeat("x"), "refuse": ledger.Refuse(failure),
		"start": ledger.Start(ledger.NewID(), "local", "me", until), "submit": ledger.Submit(ledger.NewID(), "azure", "me", "t", until),
		"submitted": ledger.Submitted(attempt, "job"), "answered": ledger.Answered(attempt, "me", until),
		"complete": ledger.Complete(attempt, nil), "complete with warnings": ledger.CompleteWithWarnings(attempt, nil),
		"doubt": ledger.Doubt(attempt, failure, nil), "retry later": ledger.RetryLater(attempt, start, failure),
		"hand on": ledger.HandOn(attempt, "azure", "a second opinion"), "interrupted": ledger.Interrupted(attempt, "stopped"), "rescued": ledger.Rescued(attempt), "postponed": ledger.Postponed(attempt, start.Add(time.Hour), failure), "fail": ledger.Fail(attempt, failure),
		"resume": ledger.Resume(), "exhausted": ledger.Exhausted(failure), "approve": ledger.Approve("clerk", false, nil),
		"approve with warnings": ledger.Approve("clerk", true, nil), "reject": ledger.Reject("clerk", "no"), "again": ledger.Again("clerk", "blurred"),
		"reprocess": ledger.Reprocess("it", "new model"), "retry": ledger.Retry("it", "mended"), "release": ledger.Release("it", "wanted"),
		"purge": ledger.Purge("rule", "old"),
	}
}

// TestEveryMoveFromEveryState holds Apply to the table: what is legal leads
// where the table says, everything else changes nothing.
func TestEveryMoveFromEveryState(t *testing.T) {
	legal := map[string]ledger.State{}
	for _, tr := range ledger.Transitions() {
		legal[tr.Move+" from "+string(tr.From)] = tr.To
	}
	l := Open(t, func() time.Time { return start })
	n := 0
	for _, from := range ledger.States() {
		for name := range everyMove("") {
			n++
			before := reach(t, l, n, from)
			after, err := l.Apply(before.ID, everyMove(before.AttemptID)[name])
			to, allowed := legal[name+" from "+string(from)]
			delete(legal, name+" from "+string(from))
			switch {
			case allowed && (err != nil || after.State != to):
				t.Errorf("%s from %s: %s, %v; want %s", name, from, after.State, err, to)
			case !allowed && !errors.Is(err, ledger.ErrConflict):
				t.Errorf("%s from %s went to %s, %v", name, from, after.State, err)
			case !allowed:
				if still, _ := l.Get(before.ID); still.State != from || still.Events != before.Events {
					t.Errorf("%s from %s changed the document", name, from)
				}
			}
		}
	}
	for _, from := range []ledger.State{ledger.SubmittedToProvider, ledger.Processing} {
		delete(legal, "divide from "+string(from)) // only Split makes it
	}
	delete(legal, "lease expired from submitting")
	delete(legal, "lease expired from processing") // only ExpireLeases makes it
	if len(legal) > 0 {
		t.Errorf("never tried: %v", legal)
	}
}

func TestLateAnswerIsDiscarded(t *testing.T) {
	now := start
	l := Open(t, func() time.Time { return now })
	doc := reach(t, l, 1, ledger.Processing)
	lost := doc.AttemptID
	now = start.Add(2 * time.Hour)
	freed, err := l.ExpireLeases(now)
	if err != nil || len(freed) != 1 || freed[0].State != ledger.FailedRetryable || freed[0].Attempts != 1 {
		t.Fatalf("%+v, %v", freed, err)
	}
	apply(t, l, doc.ID, ledger.Resume(), ledger.Start(ledger.NewID(), "local", "me", now.Add(time.Hour)))
	for name, late := range map[string]error{
		"complete": second(l.Apply(doc.ID, ledger.Complete(lost, []string{"out/late.pdf"}))),
		"extend":   l.ExtendLease(doc.ID, lost, now.Add(time.Hour)),
		"plan":     l.PlanDelivery(doc.ID, lost, json.RawMessage(`{}`)),
	} {
		if !errors.Is(late, ledger.ErrConflict) {
			t.Errorf("%s: %v", name, late)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestExtendedLeaseDoesNotExpire(t *testing.T) {
	l := Open(t, func() time.Time { return start })
	doc := reach(t, l, 1, ledger.Processing)
	if err := l.ExtendLease(doc.ID, doc.AttemptID, start.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if freed, err := l.ExpireLeases(start.Add(2 * time.Hour)); err != nil || len(freed) != 0 {
		t.Errorf("%v, %v", freed, err)
	}
}

// TestRescue: what a dead daemon had in hand is free again, costs no try and
// keeps the delivery that was staged.
func TestRescue(t *testing.T) {
	l := Open(t, func() time.Time { return start })
	doc := reach(t, l, 1, ledger.Processing)
	if err := l.PlanDelivery(doc.ID, doc.AttemptID, json.RawMessage(`{"plan":1}`)); err != nil {
		t.Fatal(err)
	}
	rescued, err := l.Rescue("new daemon")
	if err != nil || len(rescued) != 1 || rescued[0].Attempts != 0 || string(rescued[0].Delivery) != `{"plan":1}` {
		t.Fatalf("%+v, %v", rescued, err)
	}
	if due, err := l.Due(start, 10); err != nil || len(due) != 1 {
		t.Errorf("due %v, %v", due, err)
	}
	attempts, err := l.Attempts(doc.ID)
	if err != nil || len(attempts) != 1 || attempts[0].Counted || attempts[0].Ended.IsZero() {
		t.Errorf("attempts %+v, %v", attempts, err)
	}
}

func TestTwoStartsRace(t *testing.T) {
	l := Open(t, nil)
	doc := reach(t, l, 1, ledger.Validated)
	var group sync.WaitGroup
	won := make(chan error, 8)
	for range cap(won) {
		group.Go(func() {
			won <- second(l.Apply(doc.ID, ledger.Start(ledger.NewID(), "local", "me", time.Now().Add(time.Hour))))
		})
	}
	group.Wait()
	close(won)
	winners := 0
	for err := range won {
		if err == nil {
			winners++
		} else if !errors.Is(err, ledger.ErrConflict) {
			t.Error(err)
		}
	}
	if winners != 1 {
		t.Errorf("%d starts won", winners)
	}
}

// TestA9Duplicates: the same content is one document and one duplicate record
// that names it; what failed gets another chance; the same drop seen again
// after a crash is neither.
func TestA9Duplicates(t *testing.T) {
	var later atomic.Int64
	l := Open(t, func() time.Time { return start.Add(time.Duration(later.Load())) })
	first := receive(t, l, 1)
	same := arrival(1)
	if again, err := l.Receive(same); err != nil || again.ID != first.ID {
		t.Errorf("the same drop became %s, %v", again.ID, err)
	}
	if err := l.SourceCleared(first.ID); err != nil {
		t.Fatal(err)
	}
	same.Folder = "other"
	repeat, err := l.Receive(same)
	if err != nil || repeat.State != ledger.Duplicate || repeat.DuplicateOf != first.ID {
		t.Errorf("%+v, %v", repeat, err)
	}
	apply(t, l, first.ID, ledger.Refuse(failure))
	same.Path = "at once.pdf"
	if third, err := l.Receive(same); err != nil || third.State != ledger.Duplicate || third.DuplicateOf != first.ID {
		t.Errorf("after a failure, in the same moment: %+v, %v", third, err)
	}
	later.Store(int64(time.Minute))
	same.Path = "third.pdf"
	if third, err := l.Receive(same); err != nil || third.State != ledger.Received {
		t.Errorf("after a failure: %+v, %v", third, err)
	}
	var group sync.WaitGroup
	states := make(chan ledger.State, 2)
	for _, path := range []string{"x.pdf", "y.pdf"} {
		group.Go(func() {
			a := arrival(7)
			a.Path = path
			doc, err := l.Receive(a)
			if err != nil {
				t.Error(err)
			}
			states <- doc.State
		})
	}
	group.Wait()
	if a, b := <-states, <-states; a == b || a != ledger.Received && b != ledger.Received {
		t.Errorf("two identical drops became %s and %s", a, b)
	}
}

func TestDueAndNextDue(t *testing.T) {
	l := Open(t, func() time.Time { return start })
	doc := reach(t, l, 1, ledger.Processing)
	later := start.Add(time.Hour)
	apply(t, l, doc.ID, ledger.RetryLater(doc.AttemptID, later, failure))
	if due, err := l.Due(start, 10); err != nil || len(due) != 0 {
		t.Errorf("due now: %v, %v", due, err)
	}
	if at, ok, err := l.NextDue(start); err != nil || !ok || !at.Equal(later) {
		t.Errorf("next due %v %v, %v", at, ok, err)
	}
	if due, err := l.Due(later, 10); err != nil || len(due) != 1 || due[0].Attempts != 1 {
		t.Errorf("due later: %v, %v", due, err)
	}
	select {
	case <-l.Work():
	default:
		t.Error("work was not signalled")
	}
}

func TestListPages(t *testing.T) {
	l := Open(t, nil)
	var ids []string
	for n := range 25 {
		ids = append([]string{receive(t, l, n).ID}, ids...)
	}
	for _, state := range []ledger.State{"", ledger.Received} {
		var got []string
		for q := (ledger.Query{State: state, Limit: 10}); ; {
			page, err := l.List(q)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Documents {
				got = append(got, d.ID)
			}
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(ids, " ") {
			t.Errorf("state %q: %d documents, not newest first", state, len(got))
		}
	}
	if docs, err := l.List(ledger.Query{State: ledger.Purged}); err != nil || len(docs.Documents) != 0 {
		t.Errorf("purged: %v, %v", docs, err)
	}
	if doc, err := l.Get(ids[0][:len(ids[0])-1]); err != nil && !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("by prefix: %v, %v", doc.ID, err)
	}
	if _, err := l.Get("nope"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
}

func TestDiagramsShowEveryMove(t *testing.T) {
	for _, tr := range ledger.Transitions() {
		if !strings.Contains(ledger.Mermaid(), fmt.Sprintf("%s --> %s: %s\n", tr.From, tr.To, tr.Move)) {
			t.Errorf("mermaid lacks %+v", tr)
		}
		if !strings.Contains(ledger.Dot(), fmt.Sprintf("%s -> %s [label=%q]", tr.From, tr.To, tr.Move)) {
			t.Errorf("dot lacks %+v", tr)
		}
		if !ledger.Legal(tr.From, tr.To) {
			t.Errorf("%+v is not legal", tr)
		}
	}
	for _, s := range ledger.States() {
		if s.Meaning() == "" || !strings.Contains(ledger.Text(), string(s)+"\n    "+s.Meaning()) {
			t.Errorf("text lacks %s", s)
		}
	}
	if ledger.Legal(ledger.Purged, ledger.Validated) || ledger.State("asleep").Meaning() != "" {
		t.Error("what does not exist is known")
	}
}

// TestOddDropsAreRecorded: a date past the year 9999, a name that is not UTF-8,
// a clock that was set back since.
func TestOddDropsAreRecorded(t *testing.T) {
	now := start
	l := Open(t, func() time.Time { return now })
	odd := arrival(1)
	odd.Path, odd.Name = "scan-\xff.pdf", "scan-\xff.pdf"
	odd.Source.ModTime = time.Date(20000, 1, 1, 0, 0, 0, 7, time.UTC)
	doc, err := l.Receive(odd)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.Receive(odd); err != nil || again.ID != doc.ID || !again.Source.ModTime.Equal(odd.Source.ModTime) {
		t.Errorf("the same drop: %+v, %v", again.Source, err)
	}
	now = start.Add(-24 * time.Hour)
	if due, err := l.Due(now, 10); err != nil || len(due) != 1 {
		t.Errorf("with the clock set back: %v, %v", due, err)
	}
	if err := l.SourceCleared(doc.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Apply(reach(t, l, 2, ledger.Processing).ID, ledger.Complete("", nil)); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("an answer of no attempt: %v", err)
	}
}
