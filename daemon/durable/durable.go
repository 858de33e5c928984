// Package durable holds the few file operations that survive a power cut: sync
// a folder, write a file whole or not at all, rename without replacing. It
// knows nothing of documents.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile puts data at path, replacing what was there: after a crash there is
// either the old file or the whole new one. On an error before the rename
// nothing is left behind; a crash may leave a hidden file ending in ".part"
// beside path. It may be called in parallel; the last one wins.
func WriteFile(path string, data []byte, perm os.FileMode) (err error) {
	dir := filepath.Dir(path)
	// The temporary name is short: one made of path's could be too long.
	f, err := os.CreateTemp(dir, ".intray-*.part")
	if err != nil {
		return fmt.Errorf("make temporary file: %w", err)
	}
	if err = errors.Join(fill(f, data, perm), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return SyncDir(dir)
}

func fill(f *os.File, data []byte, perm os.FileMode) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	return f.Sync()
}
