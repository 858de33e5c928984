package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"time"
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

// Compact rewrites the file without its free space. Everybody else waits
// meanwhile. A crash leaves the old file or the new one, both whole, and
// perhaps a half copy ending in ".compact", which the next Compact replaces.
func (l *Ledger) Compact() error {
	l.open.Lock()
	defer l.open.Unlock()
	temp := l.path + ".compact"
	if err := errors.Join(discard(temp), l.copyTo(temp)); err != nil {
		return errors.Join(fmt.Errorf("compact the ledger: %w", err), discard(temp))
	}
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("compact the ledger: %w", err)
	}
	failed := os.Rename(temp, l.path)
	if failed == nil {
		failed = syncDir(filepath.Dir(l.path))
	}
	db, err := openFile(l.path, 10*time.Second, false)
	if err != nil {
		return fmt.Errorf("open the ledger again: %w", errors.Join(err, failed))
	}
	l.db = db
	if failed != nil {
		return fmt.Errorf("compact the ledger: %w", failed)
	}
	return nil
}

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

// syncDir makes a rename durable where the system offers it; Windows does not.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
