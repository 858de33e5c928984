package ledgertest

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"intray/ledger"
)

// BenchmarkMillion fills a ledger with 1,000,000 documents, then measures what
// must not depend on that: opening it, a page of any list, one more document.
func BenchmarkMillion(b *testing.B) {
	const documents = 1_000_000
	path := filepath.Join(b.TempDir(), "ledger.db")
	l, err := ledger.Open(path, ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	fill(b, l, documents)
	b.Logf("filled in %s", time.Since(began).Round(time.Second))
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			l, err := ledger.Open(path, ledger.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	if l, err = ledger.Open(path, ledger.Options{}); err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	first, err := l.List(ledger.Query{Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	newest := first.Documents[0].ReceivedAt
	for name, q := range map[string]ledger.Query{
		"all": {}, "by state": {State: ledger.Received}, "by folder": {Folder: arrival(0).Folder}, "by name": {Name: "SCAN 05"},
		"by time":                      {Until: newest.Add(-time.Second)},
		"by folder and state, none":    {Folder: arrival(0).Folder, State: ledger.Completed},
		"by name and folder, no match": {Name: "scan", Folder: "nobody's"},
	} {
		b.Run("list "+name, func(b *testing.B) {
			q.Limit = 100
			for b.Loop() {
				if _, err := l.List(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	n := documents
	b.Run("receive one", func(b *testing.B) {
		for b.Loop() {
			n++
			if _, err := l.Receive(arrival(n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("due", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Due(time.Now(), 16); err != nil {
				b.Fatal(err)
			}
		}
	})
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.Logf("heap in use with %d documents: %d MB", n, m.HeapInuse>>20)
}

// BenchmarkPostponed is a document that waits for what is wrong around it. B/look is
// what each look leaves in the ledger.
func BenchmarkPostponed(b *testing.B) {
	l := Open(b, nil)
	doc, err := l.Receive(arrival(1))
	if err == nil {
		doc, err = l.Apply(doc.ID, ledger.Validate("application/pdf", 1))
	}
	if err != nil {
		b.Fatal(err)
	}
	failure := ledger.Failure{Kind: "retryable", Stage: "deliver", Code: "not_delivered", Sentence: "The result could not be written to /srv/out."}
	looks := 0
	for b.Loop() {
		attempt := ledger.NewID()
		for _, m := range []ledger.Move{ledger.Start(attempt, "local", "me", time.Now().Add(time.Hour)), ledger.Postponed(attempt, time.Now(), failure), ledger.Resume()} {
			if _, err := l.Apply(doc.ID, m); err != nil {
				b.Fatal(err)
			}
		}
		looks++
	}
	size, free, err := l.Space()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(size-free)/float64(looks), "B/look")
}
