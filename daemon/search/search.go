// Package search finds documents by the words on their pages, their fields and
// their names.
//
// Its index is one SQLite file (FTS5) beside the ledger. It follows the ledger
// and holds nothing that cannot be made anew: when it is lost, damaged or of
// another version it is emptied and filled again. It decides nothing about
// documents, and what it finds is looked up in the ledger before it is shown.
package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"modernc.org/sqlite" // the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// version is that of the tables; another one's file is made anew.
const version = 2

// tables are the index. A row's number is the moment in the document's id, so
// that the newest comes last. words holds no text of its own: body does, packed,
// for excerpts and for writing a row of words again. tags are words nobody types:
// state, folder, and each field with its value.
const tables = `
CREATE TABLE docs (doc INTEGER PRIMARY KEY, id TEXT NOT NULL, attempt TEXT NOT NULL, body BLOB);
CREATE VIRTUAL TABLE words USING fts5 (name, text, fields, tags, content='', contentless_delete=1, prefix='3 4', tokenize='unicode61 remove_diacritics 2');
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO about VALUES ('clean', 'yes');
`

// Index is an open index. Its methods may be called in parallel; changes are
// made one at a time.
type Index struct {
	path    string
	readers *sql.DB
	writer  *sql.DB
}

// Open opens or makes the index at path that belongs to a ledger. fresh is true
// when it holds nothing yet, and every document is to be put in; say so with
// Filled. A file that cannot be used is removed first.
func Open(path, ledger string) (x *Index, fresh bool, err error) {
	_, sound := os.Stat(path + condemned)
	x, err = open(path)
	if err == nil && errors.Is(sound, os.ErrNotExist) {
		if of, err := x.about("ledger"); err == nil && of == ledger {
			full, err := x.about("filled")
			return x, err != nil || full == "", nil
		}
	}
	if x != nil {
		_ = x.Close() // it is thrown away
	}
	for _, part := range []string{"", "-wal", "-shm", condemned} {
		if err := os.Remove(path + part); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, false, fmt.Errorf("remove an index that cannot be used: %w", err)
		}
	}
	if x, err = open(path); err != nil {
		return nil, false, err
	}
	if err := x.say("ledger", ledger); err != nil {
		return nil, false, errors.Join(err, x.Close())
	}
	return x, true, nil
}

func open(path string) (*Index, error) {
	// Made by us first, so that nobody else can read what is in it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	// FULL: what the ledger is told to be followed up must be on the disk.
	// secure_delete: what is deleted is written over; see Clean.
	source := "file:" + uriPath(path) + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=cache_size(-8000)&_pragma=secure_delete(1)"
	x := &Index{path: path}
	if x.writer, err = sql.Open("sqlite", source); err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	x.writer.SetMaxOpenConns(1)
	if err := x.prepare(); err != nil {
		return x, err
	}
	if x.readers, err = sql.Open("sqlite", source+"&_pragma=query_only(1)"); err != nil {
		return x, fmt.Errorf("open search index: %w", err)
	}
	x.readers.SetMaxOpenConns(4)
	return x, nil
}

// uriPath writes a path as a URI has it (sqlite.org/uri.html).
func uriPath(path string) string {
	path = strings.ReplaceAll(path, `\`, "/")
	for _, c := range []string{"%", "?", "#"} {
		path = strings.ReplaceAll(path, c, fmt.Sprintf("%%%02x", c[0]))
	}
	switch {
	case len(path) > 1 && path[1] == ':': // a drive
		path = "/" + path
	case strings.HasPrefix(path, "//"): // a share, which is no authority
		path = "//" + path
	}
	return path
}

func (x *Index) prepare() error {
	var have int
	if err := x.writer.QueryRow("PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("read search index: %w", err)
	}
	switch have {
	case version:
		return nil
	case 0:
	default:
		return fmt.Errorf("the search index has version %d", have)
	}
	tx, err := x.writer.Begin()
	if err != nil {
		return fmt.Errorf("make search index: %w", err)
	}
	for _, statement := range []string{tables, "PRAGMA user_version = " + strconv.Itoa(version)} {
		if _, err := tx.Exec(statement); err != nil {
			return errors.Join(fmt.Errorf("make search index: %w", err), tx.Rollback())
		}
	}
	return tx.Commit()
}

func (x *Index) about(key string) (value string, err error) {
	err = x.writer.QueryRow("SELECT value FROM about WHERE key = ?", key).Scan(&value)
	return value, err
}

func (x *Index) say(key, value string) error {
	if _, err := x.writer.Exec("INSERT OR REPLACE INTO about VALUES (?, ?)", key, value); err != nil {
		return fmt.Errorf("write search index: %w", err)
	}
	return nil
}

// Filled says that every document was put in, or is noted in the ledger to be.
func (x *Index) Filled() error { return x.say("filled", "yes") }

// Close lets go of the file.
func (x *Index) Close() error {
	var errs []error
	for _, db := range []*sql.DB{x.readers, x.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// change is a transaction of the writer.
func (x *Index) change(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := x.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write search index: %w", err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(fmt.Errorf("write search index: %w", err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write search index: %w", err)
	}
	return nil
}

// condemned ends the name of the mark that an index is damaged.
const condemned = ".damaged"

// Condemn says whether an error means that the file is damaged, and if so has the
// next Open make it anew.
func (x *Index) Condemn(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Code()&0xFF != sqlite3.SQLITE_CORRUPT && e.Code()&0xFF != sqlite3.SQLITE_NOTADB {
		return false
	}
	f, err := os.Create(x.path + condemned)
	return err == nil && f.Close() == nil
}
