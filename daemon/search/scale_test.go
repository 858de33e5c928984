package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"intray/ledger"
)

// BenchmarkSearch searches as many documents as INTRAY_DOCUMENTS says, 20,000 by
// default, of a page each.
func BenchmarkSearch(b *testing.B) {
	n, _ := strconv.Atoi(os.Getenv("INTRAY_DOCUMENTS"))
	if n == 0 {
		n = 20_000
	}
	path := filepath.Join(b.TempDir(), "search.db")
	index, _, err := Open(path, "one")
	if err != nil {
		b.Fatal(err)
	}
	defer index.Close()
	began := time.Now()
	fill(b, index, n)
	b.Logf("filled at %.0f documents a second", float64(n)/time.Since(began).Seconds())
	if info, err := os.Stat(path); err == nil {
		b.Logf("%d documents, %d MB", n, info.Size()>>20)
	}
	for name, q := range map[string]Query{
		"a word of all":             {Text: "invoice"},
		"a word of all, last page":  {Text: "invoice", Query: ledger.Query{Cursor: strconv.FormatInt(1<<53, 36)}},
		"a rare word":               {Text: "number" + strconv.Itoa(n/2)},
		"two words of many":         {Text: "word7 word11 "},
		"a word and a rare state":   {Text: "invoice", Query: ledger.Query{State: ledger.DeadLetter}},
		"a beginning":               {Text: "wor"},
		"a field":                   {Text: "invoice_number:" + strconv.Itoa(n/3)},
		"a field's beginning":       {Text: "invoice_number:1*"},
		"a field of all and a word": {Text: "currency:eur word7 "},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := index.Search(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	began = time.Now()
	if err := index.Put(b.Context(), []Entry{{Document: ledger.Document{ID: idAt(n / 2), State: ledger.Purged}}}); err != nil {
		b.Fatal(err)
	}
	longest := time.Duration(0)
	for done := false; !done; {
		step := time.Now()
		if done, err = index.Clean(b.Context()); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(step))
	}
	b.Logf("nothing was left of a document after %v, the longest step %v", time.Since(began), longest)
}

// idAt is the id of the document of that number.
func idAt(i int) string {
	id := uuid.NewSHA1(uuid.Nil, []byte(strconv.Itoa(i)))
	ms := uint64(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 100 * time.Second).UnixMilli())
	for j := range 6 {
		id[j] = byte(ms >> (40 - 8*j))
	}
	id[6] = 0x70
	return id.String()
}

func fill(b *testing.B, index *Index, n int) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var batch []Entry
	for i := range n {
		words := []string{"invoice", "number" + strconv.Itoa(i)}
		for range 150 {
			words = append(words, "word"+strconv.Itoa(int(r.ExpFloat64()*200)))
		}
		state := ledger.Completed
		if i%10_000 == 0 {
			state = ledger.DeadLetter
		}
		batch = append(batch, Entry{ledger.Document{ID: idAt(i), State: state, Folder: "desk", Path: fmt.Sprintf("scan%d.pdf", i)},
			&Content{Text: strings.Join(words, " "), Fields: []Field{{"invoice_number", strconv.Itoa(i)}, {"currency", "EUR"}}}})
		if len(batch) == 1000 || i == n-1 {
			if err := index.Put(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}
