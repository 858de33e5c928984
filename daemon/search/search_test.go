package search

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"intray/ledger"
)

// library is an index with a ledger to follow.
type library struct {
	t      *testing.T
	path   string
	ledger *ledger.Ledger
	index  *Index
	texts  map[string]*Content
}

func newLibrary(t *testing.T) *library {
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lib := &library{t: t, path: filepath.Join(t.TempDir(), "search.db"), ledger: l, texts: map[string]*Content{}}
	lib.open()
	return lib
}

func (l *library) open() (fresh bool) {
	l.t.Helper()
	index, fresh, err := Open(l.path, "one")
	if err != nil {
		l.t.Fatal(err)
	}
	l.index = index
	l.t.Cleanup(func() { index.Close() })
	return fresh
}

func (l *library) add(path, text string, fields ...string) ledger.Document {
	l.t.Helper()
	doc, err := l.ledger.Receive(ledger.Arrival{Folder: "desk", Path: path, Name: filepath.Base(path), SHA256: fmt.Sprintf("%064x", len(l.texts))})
	if err != nil {
		l.t.Fatal(err)
	}
	c := &Content{Text: text}
	for i := 0; i+1 < len(fields); i += 2 {
		c.Fields = append(c.Fields, Field{fields[i], fields[i+1]})
	}
	l.texts[doc.ID] = c
	return doc
}

func (l *library) follow(fresh bool) {
	l.t.Helper()
	f := Follower{Ledger: l.ledger, Index: l.index, Fresh: fresh, Log: slog.New(slog.DiscardHandler), Read: func(d ledger.Document) *Content { return l.texts[d.ID] }}
	if err := f.CatchUp(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *library) find(q Query) (ids []string, page Page) {
	l.t.Helper()
	page, err := l.index.Search(l.t.Context(), q)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, h := range page.Hits {
		ids = append(ids, h.ID)
	}
	return ids, page
}

func TestSearch(t *testing.T) {
	l := newLibrary(t)
	a := l.add("in/Müller scan_0007.pdf", "Rechnung Nr. 4711 der Bäckerei Özgür über Brötchen", "invoice_number", "RE-4711", "seller_name", "Bäckerei Özgür", "currency", "EUR")
	b := l.add("b.pdf", "Quittung über Kaffee, state completed", "invoice_number", "RE-4712", "currency", "EUR")
	c := l.add("c.pdf", "請求書 株式会社東京商事 合計金額 12,000円")
	l.follow(true)
	for text, want := range map[string][]string{
		"rechnung":                     {a.ID},
		"RECHN":                        {a.ID},
		"backerei ozgur":               {a.ID},
		"uber":                         {b.ID, a.ID},
		"über kaffee":                  {b.ID},
		`"über kaffee"`:                {b.ID},
		`"kaffee über"`:                nil,
		"rechn ":                       nil,
		"rechn* 4711":                  {a.ID},
		"scan_0007":                    {a.ID},
		"müller":                       {a.ID},
		"invoice_number:RE-4711":       {a.ID},
		"invoice_number:re-47*":        {b.ID, a.ID},
		"currency:eur kaffee":          {b.ID},
		`seller_name:"bäckerei özgür"`: {a.ID},
		"東京商事":                         {c.ID},
		"合計":                           {c.ID},
		"京東":                           nil,
		"completed":                    {b.ID}, // the word, not the state
		"statereceived":                nil,
		`"; DROP TABLE words; --`:      nil,
		`NEAR(rechnung kaffee)`:        nil,
		"http://example.com":           nil,
	} {
		if got, _ := l.find(Query{Text: text}); !slices.Equal(got, want) {
			t.Errorf("%s: found %q, want %q", text, got, want)
		}
	}
	if got, page := l.find(Query{Text: "üb", Query: ledger.Query{Limit: 1}}); !slices.Equal(got, []string{b.ID}) {
		t.Errorf("a beginning: %q", got)
	} else if got, _ := l.find(Query{Text: "üb", Query: ledger.Query{Limit: 1, Cursor: page.Next}}); !slices.Equal(got, []string{a.ID}) {
		t.Errorf("the page after it: %q", got)
	}
	_, page := l.find(Query{Text: "brotchen"})
	if len(page.Hits) != 1 || !strings.Contains(page.Hits[0].Excerpt, "über Brötchen") {
		t.Errorf("excerpt %+v", page.Hits)
	}
	if _, err := l.index.Search(t.Context(), Query{Text: " -- "}); !errors.Is(err, ErrQuery) {
		t.Errorf("a search for nothing: %v", err)
	}
}

// TestFilters finds by what the ledger knows, page after page.
func TestFilters(t *testing.T) {
	l := newLibrary(t)
	var all []string
	for i := range 7 {
		all = append(all, l.add(fmt.Sprintf("%d.pdf", i), "same words", "currency", "EUR").ID)
	}
	doc, err := l.ledger.Apply(all[2], ledger.Validate("application/pdf", 1))
	if err != nil {
		t.Fatal(err)
	}
	l.follow(true)
	slices.Reverse(all)
	var got []string
	for q := (Query{Text: "words", Query: ledger.Query{Limit: 3}}); ; {
		ids, page := l.find(q)
		got = append(got, ids...)
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("pages give %q, want %q", got, all)
	}
	if got, _ := l.find(Query{Text: "words", Query: ledger.Query{State: ledger.Validated, Folder: "desk"}}); !slices.Equal(got, []string{doc.ID}) {
		t.Errorf("by state: %q", got)
	}
	if got, _ := l.find(Query{Query: ledger.Query{State: ledger.Validated}}); !slices.Equal(got, []string{doc.ID}) {
		t.Errorf("by state alone: %q", got)
	}
	if got, _ := l.find(Query{Text: "words", Query: ledger.Query{Folder: "other"}}); got != nil {
		t.Errorf("by another folder: %q", got)
	}
	if got, _ := l.find(Query{Text: "words", Query: ledger.Query{Until: doc.ReceivedAt.Add(-time.Hour)}}); got != nil {
		t.Errorf("before: %q", got)
	}
	if got, _ := l.find(Query{Text: "words", Query: ledger.Query{Since: doc.ReceivedAt.Add(-time.Hour)}}); len(got) != 7 {
		t.Errorf("since: %q", got)
	}
	if _, err := l.index.Search(t.Context(), Query{Text: "words", Query: ledger.Query{Cursor: "?"}}); !errors.Is(err, ErrQuery) {
		t.Errorf("a cursor of nobody: %v", err)
	}
}

// TestWhatGoesOn: files that were taken away are still found, words that were to be
// forgotten are not, and an index that is lost or damaged is made anew.
func TestWhatGoesOn(t *testing.T) {
	l := newLibrary(t)
	kept := l.add("kept.pdf", "these words stay", "currency", "EUR")
	gone := l.add("gone.pdf", "these words go")
	l.follow(true)
	clear(l.texts) // the office took the files away
	if _, err := l.ledger.Apply(kept.ID, ledger.Validate("application/pdf", 1)); err != nil {
		t.Fatal(err)
	}
	if err := l.ledger.Forget(gone.ID, "text", "retention", "test"); err != nil {
		t.Fatal(err)
	}
	l.follow(false)
	if got, _ := l.find(Query{Text: "these words currency:EUR", Query: ledger.Query{State: ledger.Validated}}); !slices.Equal(got, []string{kept.ID}) {
		t.Errorf("found %q, want what is kept", got)
	}
	if got, _ := l.find(Query{Text: "go"}); !slices.Equal(got, []string{gone.ID}) { // by its name, gone.pdf
		t.Errorf("by name: %q", got)
	}
	if got, _ := l.find(Query{Text: "words go"}); got != nil {
		t.Errorf("what was forgotten is found: %q", got)
	}

	if err := l.index.Close(); err != nil {
		t.Fatal(err)
	}
	if l.open() {
		t.Error("an index that is whole is made anew")
	}
	if err := l.index.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if !l.open() {
		t.Error("a damaged index is taken for whole")
	}
	l.texts[kept.ID] = &Content{Text: "back again"}
	l.follow(true)
	if got, _ := l.find(Query{Text: "back"}); !slices.Equal(got, []string{kept.ID}) {
		t.Errorf("after the damage: %q", got)
	}
}

// TestLongTexts: many long documents are followed up a few at a time, and no more of
// them is held than is kept.
func TestLongTexts(t *testing.T) {
	l := newLibrary(t)
	const n = 20
	for i := range n {
		l.add(fmt.Sprintf("long%d.pdf", i), "begin "+strings.Repeat(" ", longestText))
	}
	f := Follower{Ledger: l.ledger, Index: l.index, Log: slog.New(slog.DiscardHandler), Read: func(d ledger.Document) *Content { return l.texts[d.ID] }}
	changes, entries, err := f.next()
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, e := range entries {
		held += len(e.Content.Text)
	}
	if len(changes) != len(entries) || len(entries) == 0 || held > heavy+longestText {
		t.Errorf("%d changes, %d entries with %d bytes", len(changes), len(entries), held)
	}
	l.follow(false)
	// Without the time limit of a person's search: so much text takes a busy machine
	// longer than that.
	page, err := l.index.search(t.Context(), Query{Text: "begin", Query: ledger.Query{Limit: 2 * n}})
	if err != nil || len(page.Hits) != n {
		t.Errorf("%d of %d are found, %v", len(page.Hits), n, err)
	}
}

// TestSpaced: writing without spaces is parted, and none of it begins before the place
// from which it is looked for.
func TestSpaced(t *testing.T) {
	for text, want := range map[string]string{"Müller – 12 €": "Müller – 12 €", "a請求b": "a 請  求 b", "กข": " ก  ข "} {
		if got := spaced(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for r := range rune(firstUnspaced) {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) {
			t.Errorf("%U comes before", r)
		}
	}
}

func TestURIPath(t *testing.T) {
	for path, want := range map[string]string{`/var/lib/a?b#c%.db`: "/var/lib/a%3fb%23c%25.db", `C:\Intray\search.db`: "/C:/Intray/search.db",
		`\\server\share\search.db`: "////server/share/search.db"} {
		if got := uriPath(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestCondemned: an index that is damaged while it is open is made anew at the next
// start, and nothing of what changed is lost.
func TestCondemned(t *testing.T) {
	l := newLibrary(t)
	l.add("a.pdf", "words")
	l.follow(true)
	if err := l.index.Close(); err != nil {
		t.Fatal(err)
	}
	if l.open() {
		t.Fatal("made anew")
	}
	data, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i++ { // all but the first page, which says what the file is
		data[i] = 0xA5
	}
	if err := os.WriteFile(l.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	b := l.add("b.pdf", "others")
	f := Follower{Ledger: l.ledger, Index: l.index, Log: slog.New(slog.DiscardHandler), Read: func(d ledger.Document) *Content { return l.texts[d.ID] }}
	f.Run(t.Context()) // it returns, for the index is no use
	if err := l.index.Close(); err != nil {
		t.Log(err)
	}
	if !l.open() {
		t.Fatal("the damaged index is used again")
	}
	l.follow(true)
	if got, _ := l.find(Query{Text: "others"}); !slices.Equal(got, []string{b.ID}) {
		t.Errorf("found %q", got)
	}
	if l.index.Condemn(errors.New("no room")) {
		t.Error("any error condemns")
	}
}

func FuzzQuery(f *testing.F) {
	dir := f.TempDir()
	index, _, err := Open(filepath.Join(dir, "search.db"), "one")
	if err != nil {
		f.Fatal(err)
	}
	defer index.Close()
	doc := ledger.Document{ID: ledger.NewID(), State: ledger.Completed, Path: "a.pdf"}
	if err := index.Put(f.Context(), []Entry{{doc, &Content{Text: "word"}}}); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"a", `"a`, `a" OR "b`, "x:y*", "*", "NOT", "a AND", "\x00", "東京 x", "^a + b", "{a}: b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := index.Search(t.Context(), Query{Text: text}); err != nil && !errors.Is(err, ErrQuery) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
