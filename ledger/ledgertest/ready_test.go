package ledgertest

import (
	"slices"
	"testing"
	"time"

	"intray/ledger"
)

// TestReady: new documents and those whose time has come are told apart, and what is
// passed over takes nobody's room.
func TestReady(t *testing.T) {
	now := start
	l := Open(t, func() time.Time { return now })
	var fresh, again []string
	for i := range 4 {
		fresh = append(fresh, reach(t, l, i, ledger.Validated).ID)
		doc := reach(t, l, 10+i, ledger.Processing)
		at := start.Add(time.Duration(i) * time.Minute)
		apply(t, l, doc.ID, ledger.RetryLater(doc.AttemptID, at, ledger.Failure{Kind: "retryable"}))
		again = append(again, doc.ID)
	}
	ids := func(docs []ledger.Document) (out []string) {
		for _, doc := range docs {
			out = append(out, doc.ID)
		}
		return out
	}
	for _, c := range []struct {
		limit        int
		skip         []string
		fresh, again []string
	}{
		{10, nil, fresh, again[:3]},
		{2, nil, fresh[:2], again[:2]},
		{2, []string{fresh[0], again[1]}, fresh[1:3], []string{again[0], again[2]}},
		{2, fresh, nil, again[:2]},
		{2, again, fresh[:2], nil},
	} {
		f, a, err := l.Ready(start.Add(150*time.Second), c.limit, func(id string) bool { return slices.Contains(c.skip, id) })
		if err != nil || !slices.Equal(ids(f), c.fresh) || !slices.Equal(ids(a), c.again) {
			t.Errorf("at most %d without %v: %v, %v, %v", c.limit, c.skip, ids(f), ids(a), err)
		}
	}
}

// TestCalledBackWhileAsked: a provider that calls while it is being asked may have
// said before that it is not done. It is asked again at once.
func TestCalledBackWhileAsked(t *testing.T) {
	now := start
	l := Open(t, func() time.Time { return now })
	doc := reach(t, l, 1, ledger.Validated)
	attempt := ledger.NewID()
	apply(t, l, doc.ID, ledger.Submit(attempt, "cloud", "me", attempt, start.Add(time.Hour)),
		ledger.Submitted(attempt, "job").Asking("", start, start.Add(24*time.Hour)))
	asked := start.Add(time.Second)
	now = asked.Add(time.Second)
	if outcome, err := l.CalledBack("cloud", "job", "digest"); err != nil || outcome != ledger.CallbackUseful {
		t.Fatal(outcome, err)
	}
	now = now.Add(time.Second)
	for _, c := range []struct{ asked, due time.Time }{{asked, asked.Add(time.Second)}, {now, now.Add(time.Hour)}} {
		if err := l.AskLater(doc.ID, attempt, c.asked, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if doc, err := l.Get(doc.ID); err != nil || !doc.NotBefore.Equal(c.due) {
			t.Errorf("asked at %s, it is due at %s, not %s (%v)", c.asked, doc.NotBefore, c.due, err)
		}
	}
}

// TestWake: those who wait for the same become due, and nobody else.
func TestWake(t *testing.T) {
	now := start
	l := Open(t, func() time.Time { return now })
	later := start.Add(time.Hour)
	wait := func(n int, m func(doc ledger.Document) ledger.Move) string {
		doc := reach(t, l, n, ledger.Processing)
		apply(t, l, doc.ID, m(doc))
		return doc.ID
	}
	postponed := func(code string) func(ledger.Document) ledger.Move {
		return func(doc ledger.Document) ledger.Move {
			return ledger.Postponed(doc.AttemptID, later, ledger.Failure{Kind: "retryable", Code: code})
		}
	}
	same := []string{wait(1, postponed("away")), wait(2, postponed("away"))}
	wait(3, postponed("full"))
	wait(4, func(doc ledger.Document) ledger.Move {
		return ledger.RetryLater(doc.AttemptID, later, ledger.Failure{Kind: "retryable", Code: "away"})
	})
	newcomer := reach(t, l, 5, ledger.Validated)
	fresh, folder := newcomer.ID, newcomer.Folder
	if n, err := l.Wake("another", "away"); err != nil || n != 0 {
		t.Errorf("another folder: %d, %v", n, err)
	}
	for i, want := range []int{2, 0} {
		if n, err := l.Wake(folder, "away"); err != nil || n != want {
			t.Errorf("time %d: %d, %v", i+1, n, err)
		}
	}
	due, err := l.Due(now, 0)
	if err != nil || len(due) != 3 || due[0].ID != fresh || !slices.Contains(same, due[1].ID) || !slices.Contains(same, due[2].ID) {
		t.Errorf("due: %+v, %v", due, err)
	}
}

// TestHeld: what was put off often enough in a row is found, and nothing else.
func TestHeld(t *testing.T) {
	l := Open(t, func() time.Time { return start })
	later := start.Add(time.Hour)
	putOff := func(n, times int) string {
		doc := reach(t, l, n, ledger.Processing)
		for i := range times {
			if i > 0 {
				attempt := ledger.NewID()
				apply(t, l, doc.ID, ledger.Resume(), ledger.Start(attempt, "local", "me", later))
				doc.AttemptID = attempt
			}
			apply(t, l, doc.ID, ledger.Postponed(doc.AttemptID, later, ledger.Failure{Kind: "retryable", Code: "away"}))
		}
		return doc.ID
	}
	putOff(1, 2)
	held := []string{putOff(2, 3), putOff(3, 4)}
	again := putOff(4, 3) // it is looked at just now
	apply(t, l, again, ledger.Resume(), ledger.Start(ledger.NewID(), "local", "me", later))
	doc := reach(t, l, 5, ledger.Processing)
	apply(t, l, doc.ID, ledger.RetryLater(doc.AttemptID, later, ledger.Failure{Kind: "retryable"}))
	reach(t, l, 6, ledger.Validated)
	for limit, want := range map[int][]string{100: held, 2: held[:1]} { // number 1 is the first that is looked at
		var got []string
		docs, more, err := l.Held(3, limit)
		for _, doc := range docs {
			got = append(got, doc.ID)
		}
		if err != nil || !slices.Equal(got, want) || more != (limit == 2) {
			t.Errorf("of %d: %v, not %v; more: %v; %v", limit, got, want, more, err)
		}
	}
}
