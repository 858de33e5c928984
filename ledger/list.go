package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Query selects documents. Everything left empty selects all.
type Query struct {
	State  State
	Folder string
	// Name is the beginning of the file's name; letter case does not matter.
	Name string
	// Since and Until bound when a document was received, to the millisecond:
	// its id says so (RFC 9562, UUIDv7).
	Since, Until time.Time
	// Limit is how many documents a page has at most; 0 is 100.
	Limit int
	// Cursor is the Next of the page before.
	Cursor string
}

// Page is one page of a list. Next is the cursor of the page after it, "" at
// the end. A page may hold fewer documents than asked for, even none, and still
// have a next one: no page looks at more than a bounded number of records.
type Page struct {
	Documents []Document
	Next      string
}

// ErrCursor is for a cursor that no page gave.
var ErrCursor = errors.New("this is no cursor of a list")

const defaultPage = 100

// looks bounds how many records a page reads to find those that pass.
func looks(limit int) int { return 10*limit + 1000 }

// List returns a page of documents, newest first; with Name given, by name and
// the newest of each name last. Each combination is served by an index; only
// Name together with others has to look at documents it does not show.
func (l *Ledger) List(q Query) (Page, error) {
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return Page{}, fmt.Errorf("%w: %q", ErrCursor, q.Cursor)
	}
	var page Page
	err = l.view(func(tx *bolt.Tx) error {
		page, err = q.page(tx, after)
		return err
	})
	return page, err
}

func (q Query) page(tx *bolt.Tx, after []byte) (Page, error) {
	w := q.walk(tx)
	var page Page
	k := w.start(after)
	for looked := 0; k != nil && w.holds(k); k = w.next() {
		if len(page.Documents) == q.Limit || looked == looks(q.Limit) {
			page.Next = base64.RawURLEncoding.EncodeToString(w.last)
			return page, nil
		}
		looked++
		w.last = bytes.Clone(k)
		doc, err := get(tx, lastID(k))
		if err != nil {
			return page, fmt.Errorf("index %s: %w", w.bucket, err)
		}
		if q.passes(doc) {
			page.Documents = append(page.Documents, doc)
		}
	}
	return page, nil
}

// passes is what the index walked along may not have decided.
func (q Query) passes(d Document) bool {
	return (q.State == "" || d.State == q.State) && (q.Folder == "" || d.Folder == q.Folder) &&
		(q.Name == "" || strings.HasPrefix(fold(d.Name), fold(q.Name))) &&
		(q.Since.IsZero() || d.ID >= firstID(q.Since)) && (q.Until.IsZero() || d.ID < firstID(q.Until))
}

// walk goes along an index: forwards by name, else backwards in time.
type walk struct {
	bucket       []byte
	c            *bolt.Cursor
	prefix       []byte
	since, until string // ids
	forwards     bool
	last         []byte
}

func (q Query) walk(tx *bolt.Tx) *walk {
	w := &walk{bucket: bucketDocuments}
	switch {
	case q.Name != "":
		w.bucket, w.prefix, w.forwards = bucketByName, []byte(fold(q.Name)), true
	case q.Folder != "" && q.State != "":
		w.bucket, w.prefix = bucketByFolderState, []byte(q.Folder+"\x00"+string(q.State)+"\x00")
	case q.Folder != "":
		w.bucket, w.prefix = bucketByFolder, []byte(q.Folder+"\x00")
	case q.State != "":
		w.bucket, w.prefix = bucketByState, []byte(string(q.State)+"\x00")
	}
	if !q.Since.IsZero() && !w.forwards {
		w.since = firstID(q.Since)
	}
	if !q.Until.IsZero() && !w.forwards {
		w.until = firstID(q.Until)
	}
	w.c = tx.Bucket(w.bucket).Cursor()
	return w
}

// start is the first key after the cursor's.
func (w *walk) start(after []byte) []byte {
	if w.forwards {
		if len(after) == 0 {
			k, _ := w.c.Seek(w.prefix)
			return k
		}
		k, _ := w.c.Seek(append(after, 0))
		return k
	}
	end := append(bytes.Clone(w.prefix), 0xFF)
	if w.until != "" {
		end = append(bytes.Clone(w.prefix), w.until...)
	}
	if len(after) > 0 && bytes.Compare(after, end) < 0 {
		end = after
	}
	if k, _ := w.c.Seek(end); k == nil {
		k, _ = w.c.Last()
		return k
	}
	k, _ := w.c.Prev()
	return k
}

func (w *walk) next() []byte {
	var k []byte
	if w.forwards {
		k, _ = w.c.Next()
	} else {
		k, _ = w.c.Prev()
	}
	return k
}

func (w *walk) holds(k []byte) bool {
	return bytes.HasPrefix(k, w.prefix) && (w.since == "" || lastID(k) >= w.since)
}

// firstID is the least id of a moment: 48 bits of milliseconds since 1970, in
// hexadecimal with a dash (RFC 9562, section 5.7).
func firstID(t time.Time) string {
	ms := fmt.Sprintf("%012x", max(t.UnixMilli(), 0))
	return ms[:8] + "-" + ms[8:12]
}
