package ledgertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intray/ledger"
)

// TestListsMatchABruteForceSearch: whatever is asked for, paging through the
// list gives what looking at every document gives, each once.
func TestListsMatchABruteForceSearch(t *testing.T) {
	l := Open(t, nil)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 5))
	var all []ledger.Document
	// In fake time, for ids that differ by more than a moment.
	synctest.Test(t, func(t *testing.T) {
		names := []string{"Scan.pdf", "scan 2.pdf", "RECHNUNG Müller.pdf", "Rechnung Mu\u0308ller 2.pdf", "rechnung.tif", "a\xffb.pdf"}
		for n := range 300 {
			time.Sleep(time.Duration(random.IntN(5000)) * time.Millisecond)
			a := arrival(n)
			a.Folder, a.Name = []string{"desk", "desk 2"}[random.IntN(2)], names[random.IntN(len(names))]
			a.Path = a.Name
			doc, err := l.Receive(a)
			if err != nil {
				t.Fatal(err)
			}
			if random.IntN(2) == 0 {
				if doc, err = l.Apply(doc.ID, ledger.Validate("application/pdf", 1)); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, doc)
		}
	})
	for range 200 {
		q := randomQuery(random, all)
		var want, got []string
		for _, d := range all {
			if matches(d, q) {
				want = append(want, d.ID)
			}
		}
		for {
			page, err := l.List(q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Documents) > q.Limit {
				t.Fatalf("a page of %d, want at most %d", len(page.Documents), q.Limit)
			}
			for _, d := range page.Documents {
				got = append(got, d.ID)
			}
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if q.Name == "" && !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("%+v: not newest first", q)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got %d documents, want %d", q, len(got), len(want))
		}
	}
}

func randomQuery(random *rand.Rand, all []ledger.Document) ledger.Query {
	moment := func() time.Time { return all[random.IntN(len(all))].ReceivedAt.Truncate(time.Millisecond) }
	q := ledger.Query{Limit: 1 + random.IntN(40)}
	if random.IntN(2) == 0 {
		q.State = []ledger.State{ledger.Received, ledger.Validated, ledger.Purged}[random.IntN(3)]
	}
	if random.IntN(2) == 0 {
		q.Folder = []string{"desk", "desk 2", "des"}[random.IntN(3)]
	}
	if random.IntN(2) == 0 {
		q.Name = []string{"scan", "RECHNUNG MÜ", "rechnung mu\u0308", "Rechnung", "x", "a"}[random.IntN(6)]
	}
	if random.IntN(2) == 0 {
		q.Since = moment()
	}
	if random.IntN(2) == 0 {
		q.Until = moment()
	}
	return q
}

// matches says it in its own way: by the received time, not by the id.
func matches(d ledger.Document, q ledger.Query) bool {
	at := d.ReceivedAt.Truncate(time.Millisecond)
	name := strings.ReplaceAll(strings.ToLower(d.Name), "u\u0308", "ü")
	return (q.State == "" || d.State == q.State) && (q.Folder == "" || d.Folder == q.Folder) &&
		strings.HasPrefix(name, strings.ReplaceAll(strings.ToLower(q.Name), "u\u0308", "ü")) &&
		(q.Since.IsZero() || !at.Before(q.Since)) && (q.Until.IsZero() || at.Before(q.Until))
}

func TestCursorFromElsewhere(t *testing.T) {
	l := Open(t, nil)
	receive(t, l, 1)
	if _, err := l.List(ledger.Query{Cursor: "not base64!"}); !errors.Is(err, ledger.ErrCursor) {
		t.Errorf("got %v", err)
	}
	if page, err := l.List(ledger.Query{State: ledger.Received, Cursor: "AAAA"}); err != nil || len(page.Documents) != 0 {
		t.Errorf("before all: %v, %v", page, err)
	}
}

// TestNoPageReadsEverything: where no index fits, a page ends after a bounded
// number of records and the next one goes on.
func TestNoPageReadsEverything(t *testing.T) {
	l := Open(t, nil)
	fill(t, l, 3000)
	pages, found := 0, 0
	q := ledger.Query{Name: "scan", Folder: "nobody's", Limit: 1}
	for {
		page, err := l.List(q)
		if err != nil {
			t.Fatal(err)
		}
		pages, found = pages+1, found+len(page.Documents)
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	if pages < 3 || found != 0 {
		t.Errorf("%d pages, %d found", pages, found)
	}
}

// fill receives n documents, many to a commit.
func fill(t testing.TB, l *ledger.Ledger, n int) {
	t.Helper()
	const lanes = 256
	errs := make(chan error, lanes)
	for lane := range lanes {
		go func() {
			for i := lane; i < n; i += lanes {
				a := arrival(i)
				a.Name = fmt.Sprintf("scan %07d.pdf", i)
				a.Keep = true
				if _, err := l.Receive(a); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range lanes {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}
