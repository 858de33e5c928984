package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"intray/ledger"
)

// Query asks for documents: by what the ledger knows of them (Name is not looked at,
// and a Limit of 0 is 50 here), and by what they say.
type Query struct {
	ledger.Query
	// Text is what a person typed: words and "phrases" that must all be there,
	// on the pages, in the fields or in the file's path. name:value, or
	// name:"a value", asks for a field. A word or value that ends in * is a
	// beginning, and so is the last word when it is found nowhere as a whole.
	Text string
}

// Hit is a document that was found. Excerpt is some of its text around the first
// word that was asked for.
type Hit struct {
	ID      string
	Excerpt string
}

// Page is one page of hits, newest first; Next is "" at the end.
type Page struct {
	Hits []Hit
	Next string
}

// ErrQuery is for a search that asks for nothing that can be found, or goes on
// from a cursor that no page gave. Its text is for the person who asked.
var ErrQuery = errors.New("this search cannot be made")

const defaultHits = 50

// longestSearch is how long one search may take: the beginning of very many words
// takes longest.
const longestSearch = 10 * time.Second

// begun marks the cursor of a search whose last word is a beginning.
const begun = "."

// Search returns a page of hits. It may be called in parallel.
func (x *Index) Search(ctx context.Context, q Query) (Page, error) {
	if q.Limit <= 0 {
		q.Limit = defaultHits
	}
	limited, cancel := context.WithTimeout(ctx, longestSearch)
	defer cancel()
	page, err := x.search(limited, q)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return Page{}, fmt.Errorf("%w: it finds too much; type more of the word, or another one with it", ErrQuery)
	}
	return page, err
}

func (x *Index) search(ctx context.Context, q Query) (Page, error) {
	asked := parse(q.Text)
	cursor, open := strings.CutPrefix(q.Cursor, begun)
	q.Cursor = cursor
	if open {
		asked.openLast()
	}
	page, err := x.page(ctx, q, asked)
	if err == nil && len(page.Hits) == 0 && q.Cursor == "" && asked.openLast() {
		open = true
		page, err = x.page(ctx, q, asked)
	}
	if open && page.Next != "" {
		page.Next = begun + page.Next
	}
	return page, err
}

func (x *Index) page(ctx context.Context, q Query, asked wanted) (Page, error) {
	statement, args, err := q.statement(asked)
	if err != nil {
		return Page{}, err
	}
	rows, err := x.readers.QueryContext(ctx, statement, args...)
	if err != nil {
		return Page{}, fmt.Errorf("search: %w", err)
	}
	defer rows.Close()
	var page Page
	var last int64
	for rows.Next() {
		if len(page.Hits) == q.Limit {
			page.Next = strconv.FormatInt(last, 36)
			break
		}
		var id string
		var body []byte
		if err := rows.Scan(&last, &id, &body); err != nil {
			return Page{}, fmt.Errorf("search: %w", err)
		}
		hit := Hit{ID: id}
		if content, err := unpack(body); err == nil { // else it is found, and shown without
			hit.Excerpt = excerpt(content.Text, asked.words)
		}
		page.Hits = append(page.Hits, hit)
	}
	if err := rows.Err(); err != nil {
		return Page{}, fmt.Errorf("search: %w", err)
	}
	return page, nil
}

// statement is the query in SQL. Rows come in the order of their numbers, which
// are times, so that none is sorted.
func (q Query) statement(asked wanted) (string, []any, error) {
	match := q.match(asked)
	if match == "" {
		return "", nil, fmt.Errorf("%w: type a word of the document, or a field such as invoice_number:4711", ErrQuery)
	}
	since, until := int64(0), int64(math.MaxInt64)
	if !q.Since.IsZero() {
		since = q.Since.UnixMilli() << 12
	}
	if !q.Until.IsZero() {
		until = q.Until.UnixMilli() << 12
	}
	if q.Cursor != "" {
		after, err := strconv.ParseInt(q.Cursor, 36, 64)
		if err != nil {
			return "", nil, fmt.Errorf("%w: the cursor is none that a search gave", ErrQuery)
		}
		until = min(until, after)
	}
	return "SELECT d.doc, d.id, d.body FROM words w CROSS JOIN docs d ON d.doc = w.rowid WHERE words MATCH ? AND w.rowid >= ? AND w.rowid < ? ORDER BY w.rowid DESC LIMIT ?",
		[]any{match, since, until, q.Limit + 1}, nil
}

// match is the query in FTS5's language (sqlite.org/fts5.html, section 3). All a
// person typed is quoted.
func (q Query) match(asked wanted) string {
	var all []string
	for _, w := range asked.words {
		phrase := quoted(spaced(w.text))
		if w.open {
			phrase += " *"
		}
		all = append(all, "{name text fields} : "+phrase)
	}
	for _, f := range asked.fields {
		beginning, open := strings.CutSuffix(f.Value, "*")
		tag := quoted(fieldTag(Field{f.Name, beginning}))
		if open {
			tag += " *"
		}
		all = append(all, "tags : "+tag)
	}
	if q.State != "" {
		all = append(all, "tags : "+quoted(stateTag(q.State)))
	}
	if q.Folder != "" {
		all = append(all, "tags : "+quoted(folderTag(q.Folder)))
	}
	return strings.Join(all, " AND ")
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

// wanted is what a person typed; unfinished says that it ends in a word that may
// go on.
type wanted struct {
	words      []word
	fields     []Field
	unfinished bool
}

// openLast makes the last word a beginning; false if it cannot be one, or is.
func (w wanted) openLast() bool {
	if !w.unfinished || len(w.words) == 0 || w.words[len(w.words)-1].open {
		return false
	}
	w.words[len(w.words)-1].open = true
	return true
}

// word is a word or phrase; open when it may be a beginning.
type word struct {
	text string
	open bool
}

// parse takes anything: what is no field is words.
func parse(text string) (out wanted) {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, " "), "\x00", " ")
	text = text[:min(len(text), longestQuery)]
	finished := strings.HasSuffix(text, " ")
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		var name string
		if head, rest, ok := strings.Cut(text, ":"); ok && fieldName(head) && rest != "" && !strings.HasPrefix(rest, "//") {
			name, text = strings.ToLower(head), strings.TrimLeft(rest, " ")
		}
		var value string
		closed := false
		if rest, ok := strings.CutPrefix(text, `"`); ok {
			value, text, closed = strings.Cut(rest, `"`)
		} else {
			end := strings.IndexFunc(text, unicode.IsSpace)
			if end < 0 {
				end = len(text)
			}
			value, text = text[:end], text[end:]
		}
		switch {
		case name != "" && value != "":
			out.fields = append(out.fields, Field{name, value})
		case strings.ContainsFunc(value, letterOrDigit):
			open := strings.HasSuffix(value, "*")
			out.words = append(out.words, word{strings.TrimSuffix(value, "*"), open})
			out.unfinished = text == "" && !closed && !finished
		}
	}
	return out
}

// longestQuery bounds what is looked at of what was typed, in bytes.
const longestQuery = 1000

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// fieldName says whether a word has the shape of a field's name.
func fieldName(s string) bool {
	return s != "" && len(s) <= 60 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r > unicode.MaxASCII || !letterOrDigit(r))
	}) && unicode.IsLetter(rune(s[0]))
}
