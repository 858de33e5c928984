package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// Upgrade says that opening a ledger brought it up to date.
type Upgrade struct {
	From, To uint64 // schemas
	// Copy is the file with the ledger as it was; the version of Intray that wrote it
	// can go on with it.
	Copy string
}

// Upgraded is nil when the ledger was new, or up to date already.
func (l *Ledger) Upgraded() *Upgrade { return l.upgraded }

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
	if err := l.keepOld(uint64(len(migrations()))); err != nil {
		return err
	}
	return l.db.Update(func(tx *bolt.Tx) error { return migrate(tx, migrations()) })
}

// keepOld copies a ledger that is about to be brought to the schema, so that there is
// a way back. Without a copy nothing is changed. A copy that an interrupted upgrade
// left is replaced: the ledger is still what it was.
func (l *Ledger) keepOld(to uint64) error {
	return l.view(func(tx *bolt.Tx) (err error) {
		from, err := schemaOf(tx)
		if err != nil || from == 0 || from >= to {
			return err // migrate refuses a newer one
		}
		defer func() {
			if err != nil {
				err = fmt.Errorf("the ledger is of an older Intray and has to be brought up to date, but no copy of it can be kept before: %w", err)
			}
		}()
		path := fmt.Sprintf("%s.schema-%d", l.path, from)
		temp, err := os.OpenFile(path+".part", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(temp)
		if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
			return errors.Join(err, discard(temp.Name()))
		}
		if err := os.Rename(temp.Name(), path); err != nil {
			return err
		}
		l.upgraded = &Upgrade{From: from, To: to, Copy: path}
		return syncDir(filepath.Dir(path))
	})
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
		{"count by folder and note what changed", followDocuments},
		{"make the bucket of arrivals' keys", func(tx *bolt.Tx) error { return makeBuckets(tx, keyBuckets()) }},
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
