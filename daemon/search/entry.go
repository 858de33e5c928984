package search

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"intray/ledger"
)

// Content is what was read of a document.
type Content struct {
	Text   string
	Fields []Field
}

// Field is a value of a document's field.
type Field struct{ Name, Value string }

// longestText bounds what is kept of one document, longestValue what of a field's
// value tells it from others, in bytes: a word that is searched for is rarely past
// the first megabyte.
const (
	longestText  = 1 << 20
	longestValue = 100
)

// Entry is a document to be found. Without Content, what is known of the same
// attempt stays.
type Entry struct {
	Document ledger.Document
	Content  *Content
}

// Put stores entries, each in place of what was stored of its document, all in
// one transaction. A purged document is removed.
func (x *Index) Put(ctx context.Context, entries []Entry) error {
	return x.change(ctx, func(tx *sql.Tx) error {
		p, err := newPacker()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := put(ctx, tx, e, p); err != nil {
				return err
			}
		}
		return nil
	})
}

func put(ctx context.Context, tx *sql.Tx, e Entry, p *packer) error {
	row, err := rowOf(e.Document.ID)
	if err != nil {
		return err
	}
	content := e.Content
	if content == nil {
		if content, err = known(ctx, tx, row, e.Document); err != nil {
			return err
		}
	}
	if err := remove(ctx, tx, row, e.Document); err != nil || e.Document.State == ledger.Purged {
		return err
	}
	content.Text = strings.ToValidUTF8(content.Text[:min(len(content.Text), longestText)], "")
	body, err := p.pack(content)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO docs VALUES (?, ?, ?, ?)", row, e.Document.ID, e.Document.AttemptID, body); err != nil {
		return err
	}
	values, tags := []string{}, []string{stateTag(e.Document.State), folderTag(e.Document.Folder)}
	for _, f := range content.Fields {
		values, tags = append(values, spaced(f.Value)), append(tags, fieldTag(f))
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO words (rowid, name, text, fields, tags) VALUES (?, ?, ?, ?, ?)", row,
		spaced(e.Document.Path), spaced(content.Text), strings.Join(values, "\n"), strings.Join(tags, " "))
	return err
}

// remove takes a document out, and notes if nothing may be left of what it was.
func remove(ctx context.Context, tx *sql.Tx, row int64, doc ledger.Document) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM words WHERE rowid = ?", row); err != nil {
		return err
	}
	deleted, err := tx.ExecContext(ctx, "DELETE FROM docs WHERE doc = ?", row)
	if err != nil {
		return err
	}
	if n, err := deleted.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if doc.State == ledger.Purged || slices.Contains(doc.Forgotten, "text") {
		return soiled(ctx, tx)
	}
	return nil
}

// known is what is stored of the same attempt, for a document whose files have
// gone on. What retention has had forgotten is not kept here either.
func known(ctx context.Context, tx *sql.Tx, row int64, doc ledger.Document) (*Content, error) {
	if slices.Contains(doc.Forgotten, "text") {
		return &Content{}, nil
	}
	var body []byte
	err := tx.QueryRowContext(ctx, "SELECT body FROM docs WHERE doc = ? AND attempt = ?", row, doc.AttemptID).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return &Content{}, nil
	}
	if err != nil {
		return nil, err
	}
	if content, err := unpack(body); err == nil {
		return content, nil
	}
	return &Content{}, nil // one that cannot be unpacked must not hold up the rest
}

// rowOf is the moment an id was made: 48 bits of milliseconds and the 12 bits
// after the version (RFC 9562, section 5.7), which the ledger gives once.
func rowOf(id string) (int64, error) {
	if len(id) != 36 {
		return 0, fmt.Errorf("%q is no id of a document", id)
	}
	n, err := strconv.ParseInt(id[:8]+id[9:13]+id[15:18], 16, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no id of a document: %w", id, err)
	}
	return n, nil
}

func stateTag(s ledger.State) string { return "state" + strings.ReplaceAll(string(s), "_", "") }
func folderTag(name string) string   { return "folder" + hex.EncodeToString([]byte(name)) }

// fieldTag begins with that of the same field and the beginning of the value.
func fieldTag(f Field) string {
	value := folded(f.Value)
	return "field" + hex.EncodeToString([]byte(f.Name)) + "x" + hex.EncodeToString([]byte(value[:min(len(value), longestValue)]))
}

// spaced parts writing without spaces into its characters, so that a word within
// it is found, as a phrase.
func spaced(text string) string {
	if !strings.ContainsFunc(text, unspaced) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if unspaced(r) {
			out.WriteByte(' ')
			out.WriteRune(r)
			out.WriteByte(' ')
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// firstUnspaced is where such writing begins in Unicode: most texts have nothing past
// it that would have to be looked up.
const firstUnspaced = 0x0E01

func unspaced(r rune) bool {
	return r >= firstUnspaced && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

func folded(value string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(value))))
}

// packer packs one document after the other: what it needs for that takes longer
// to make than to use.
type packer struct{ w *flate.Writer }

func newPacker() (*packer, error) {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	return &packer{w}, err
}

func (p *packer) pack(c *Content) ([]byte, error) {
	var out bytes.Buffer
	p.w.Reset(&out)
	if err := errors.Join(json.NewEncoder(p.w).Encode(c), p.w.Close()); err != nil {
		return nil, fmt.Errorf("pack what was read: %w", err)
	}
	return out.Bytes(), nil
}

func unpack(body []byte) (*Content, error) {
	c := &Content{}
	if err := json.NewDecoder(flate.NewReader(bytes.NewReader(body))).Decode(c); err != nil {
		return nil, fmt.Errorf("unpack what was read: %w", err)
	}
	return c, nil
}
