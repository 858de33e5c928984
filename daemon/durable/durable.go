// Package durable holds the few file operations that survive a power cut: sync
// a folder, write a file whole or not at all, rename without replacing; and the
// hash that tells whether a file is still the one that was written. It knows
// nothing of documents.
package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// SHA256 is the hash of a file's content, in hex. The error is the file system's.
func SHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

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
