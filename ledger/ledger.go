package ledger

import (
	"crypto/rand"
	"encoding/binary"
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
	outgoing chan struct{}

	open sync.RWMutex // held for writing while Compact exchanges db
	db   *bolt.DB

	ids    sync.Mutex
	lastID time.Time // that of the last document's id

	mu         sync.Mutex
	pending    []*change // wait for the commit after the one in hand
	committing bool
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
		messages: o.Messages, outgoing: make(chan struct{}, 1)}
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

func (l *Ledger) prepare(readOnly bool) error {
	if readOnly {
		return l.view(func(tx *bolt.Tx) error {
			if n, err := schemaOf(tx); err != nil || n == uint64(len(migrations())) {
				return err
			} else if n > uint64(len(migrations())) {
				return ErrNewerSchema
			}
			return fmt.Errorf("the ledger has an older schema; start the daemon once to bring it up to date")
		})
	}
	return l.db.Update(func(tx *bolt.Tx) error { return migrate(tx, migrations()) })
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

// migration is one ordered step of the schema.
type migration struct {
	what string
	step func(*bolt.Tx) error
}

// migrations is the ordered list; steps are only ever added at its end.
func migrations() []migration {
	return []migration{
		{"make the buckets", func(tx *bolt.Tx) error { return makeBuckets(tx, dataBuckets()) }},
		{"index by folder and name", indexLists},
		{"make the outbox", func(tx *bolt.Tx) error { return makeBuckets(tx, outboxBuckets()) }},
		{"make the buckets of review", func(tx *bolt.Tx) error { return makeBuckets(tx, reviewBuckets()) }},
		{"make the buckets of providers", func(tx *bolt.Tx) error { return makeBuckets(tx, providerBuckets()) }},
	}
}

func makeBuckets(tx *bolt.Tx, names [][]byte) error {
	for _, name := range names {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("bucket %s: %w", name, err)
		}
	}
	return nil
}

// indexLists gives the documents of schema 1 the indexes of schema 2.
func indexLists(tx *bolt.Tx) error {
	if err := makeBuckets(tx, listBuckets()); err != nil {
		return err
	}
	return tx.Bucket(bucketDocuments).ForEach(func(k, v []byte) error {
		doc, err := decode[Document]("document "+string(k), v)
		if err != nil {
			return err
		}
		for _, e := range indexes(doc) {
			if err := tx.Bucket(e.bucket).Put(e.key, nil); err != nil {
				return fmt.Errorf("index %s: %w", e.bucket, err)
			}
		}
		return nil
	})
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

func schemaOf(tx *bolt.Tx) (uint64, error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		return 0, nil
	}
	value := meta.Get(keySchema)
	if value == nil {
		return 0, nil
	}
	if len(value) != 8 {
		return 0, errors.New("the ledger's schema number is damaged")
	}
	return binary.BigEndian.Uint64(value), nil
}

// migrate applies the steps that are missing, all in one transaction.
func migrate(tx *bolt.Tx, steps []migration) error {
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return fmt.Errorf("bucket meta: %w", err)
	}
	have, err := schemaOf(tx)
	if err != nil {
		return err
	}
	if have > uint64(len(steps)) {
		return fmt.Errorf("%w: its schema is %d, this version knows %d", ErrNewerSchema, have, len(steps))
	}
	for i := have; i < uint64(len(steps)); i++ {
		if err := steps[i].step(tx); err != nil {
			return fmt.Errorf("migration %d, %s: %w", i+1, steps[i].what, err)
		}
	}
	return meta.Put(keySchema, number(uint64(len(steps))))
}
