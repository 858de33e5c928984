package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Backup writes the ledger as it stands now to w, while work goes on. What is
// written is a whole ledger: restoring is copying it back while no daemon runs.
func (l *Ledger) Backup(w io.Writer) (size int64, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		size, err = tx.WriteTo(w)
		return err
	})
	if err != nil {
		return size, fmt.Errorf("copy the ledger: %w", err)
	}
	return size, nil
}

// ForgetPlans drops the plans of deliveries in hand. In a restored ledger they
// would speak of what was delivered long ago.
func (l *Ledger) ForgetPlans() error {
	return l.update(func(tx *bolt.Tx) error {
		for _, state := range []State{Received, Validated, Processing, SubmittedToProvider, FailedRetryable, NeedsHumanReview} {
			prefix := []byte(string(state) + "\x00")
			c := tx.Bucket(bucketByState).Cursor()
			for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
				old, err := get(tx, lastID(k))
				if err != nil {
					return err
				}
				if old.Delivery == nil {
					continue
				}
				doc := old
				doc.Delivery, doc.Decision = nil, nil
				if err := l.put(tx, &old, doc); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Space is how large the ledger's file is and how much of it is free to be
// used again, in bytes.
func (l *Ledger) Space() (size, free int64, err error) {
	err = l.view(func(tx *bolt.Tx) error {
		size = tx.Size()
		stats := l.db.Stats()
		free = int64(stats.FreePageN+stats.PendingPageN) * int64(l.db.Info().PageSize)
		return nil
	})
	return size, free, err
}

// compactTx bounds, in bytes, what one transaction of a compaction copies.
const compactTx = 4 << 20

// ErrBusy is Compact's word when somebody reads the ledger for long, as a
// backup does.
var ErrBusy = errors.New("the ledger is being read")

// Compact rewrites the file without its free space. Everybody else waits
// meanwhile. A crash leaves the old file or the new one, both whole, and
// perhaps a half copy ending in ".compact", which the next Compact replaces.
func (l *Ledger) Compact() error {
	// Waiting for the lock would make all others wait for whoever holds it.
	for n := 0; !l.open.TryLock(); n++ {
		if n == 100 {
			return fmt.Errorf("compact the ledger: %w", ErrBusy)
		}
		time.Sleep(10 * time.Millisecond)
	}
	defer l.open.Unlock()
	temp := compactName(l.path)
	if err := errors.Join(discard(temp), l.copyTo(temp)); err != nil {
		return errors.Join(fmt.Errorf("compact the ledger: %w", err), discard(temp))
	}
	if err := l.exchange(temp); err != nil {
		return fmt.Errorf("compact the ledger: %w", err)
	}
	return nil
}

// exchange puts the copy in the ledger's place. There is no moment in which
// another process could get the ledger, except on Windows, which renames no
// open file.
func (l *Ledger) exchange(temp string) error {
	if runtime.GOOS == "windows" {
		if err := l.db.Close(); err != nil {
			return err
		}
		failed := os.Rename(temp, l.path)
		db, err := openFile(l.path, 10*time.Second, false)
		for errors.Is(err, ErrLocked) { // somebody got it in between; nothing can go on without it
			db, err = openFile(l.path, 10*time.Second, false)
		}
		if err == nil {
			l.db = db
		}
		return errors.Join(failed, err)
	}
	db, err := openFile(temp, time.Second, false)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, l.path); err != nil {
		return errors.Join(err, db.Close(), discard(temp))
	}
	old := l.db
	l.db = db
	return errors.Join(old.Close(), syncDir(filepath.Dir(l.path)))
}

func compactName(path string) string { return path + ".compact" }

func (l *Ledger) copyTo(path string) (err error) {
	to, err := bolt.Open(path, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	return errors.Join(bolt.Compact(to, l.db, compactTx), to.Close())
}

func discard(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir makes a rename durable. Windows and some file systems offer no such
// thing and are taken at their word.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
