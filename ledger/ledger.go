package ledger

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrLocked      = errors.New("the ledger is in use by another process")
	ErrNotFound    = errors.New("no such document")
	ErrConflict    = errors.New("the document is not where the caller thinks it is")
	ErrNewerSchema = errors.New("the ledger was written by a newer version of Intray")
)

// Options of Open.
type Options struct {
	// Clock is the ledger's time; nil is the system's.
	Clock func() time.Time
	// LockTimeout is how long to wait for another process to let go; 0 is 2 s.
	LockTimeout time.Duration
	// Messages says what is to be told when a document has moved; detail is what
	// the move's caller added. It must be quick and know nothing but its arguments.
	Messages func(doc Document, detail json.RawMessage) []Message
	// Observe is told each event once it is durable, with the document after it, in
	// order. It must be quick: the next commit waits for it. nil is nobody.
	Observe func(Event, Document)
	// ReadOnly opens an existing ledger beside nobody who writes.
	ReadOnly bool
}

// Ledger is an open ledger. Its methods may be called in parallel; changes are
// made one at a time, each synced to disk before it returns.
type Ledger struct {
	path  string
	clock func() time.Time
	work  chan struct{}
	close func() error

	messages func(Document, json.RawMessage) []Message
	observe  func(Event, Document)
	outgoing chan struct{}
	changed  chan struct{}

	open sync.RWMutex // held for writing while Compact exchanges db
	db   *bolt.DB

	ids    sync.Mutex
	lastID time.Time // that of the last document's id

	mu         sync.Mutex
	pending    []*change // wait for the commit after the one in hand
	committing bool

	upgraded *Upgrade
}

// Open opens or makes the ledger at path and brings it to this version's schema.
func Open(path string, o Options) (*Ledger, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 2 * time.Second
	}
	db, err := openFile(path, o.LockTimeout, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		_ = os.Remove(compactName(path)) // left by a crash; it only takes room
	}
	l := &Ledger{path: path, db: db, clock: o.Clock, work: make(chan struct{}, 1),
		messages: o.Messages, outgoing: make(chan struct{}, 1), observe: o.Observe, changed: make(chan struct{}, 1)}
	l.close = sync.OnceValue(func() error {
		l.open.Lock()
		defer l.open.Unlock()
		return l.db.Close()
	})
	if err := l.prepare(o.ReadOnly); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// openFile opens the file that is at path when its lock is got: while that was
// waited for, its owner may have put a compacted one in its place.
func openFile(path string, patience time.Duration, readOnly bool) (*bolt.DB, error) {
	for {
		before, missing := os.Stat(path)
		db, err := openOnce(path, patience, readOnly)
		if err != nil || missing != nil {
			return db, err
		}
		if after, err := os.Stat(path); err == nil && os.SameFile(before, after) {
			return db, nil
		}
		if err := db.Close(); err != nil {
			return nil, fmt.Errorf("close a ledger that was replaced: %w", err)
		}
	}
}

func openOnce(path string, patience time.Duration, readOnly bool) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: patience, ReadOnly: readOnly, FreelistType: bolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// Close lets go of the file. It may be called twice.
func (l *Ledger) Close() error { return l.close() }

// Work is signalled after a change that made work due.
func (l *Ledger) Work() <-chan struct{} { return l.work }

func (l *Ledger) signal() {
	select {
	case l.work <- struct{}{}:
	default: // a signal is waiting already
	}
}

// Identity is eight characters that this ledger has for life.
func (l *Ledger) Identity() (string, error) {
	var id string
	err := l.view(func(tx *bolt.Tx) error {
		id = string(tx.Bucket(bucketMeta).Get(keyIdentity))
		return nil
	})
	if err != nil || id != "" {
		return id, err
	}
	id = rand.Text()[:8]
	return id, l.update(func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyIdentity, []byte(id)) })
}
