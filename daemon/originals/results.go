package originals

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"intray/daemon/durable"
)

// Results is a folder of what engines answered: DIR/DOCUMENT/NAME, each a gzip
// file. Its methods may be called in parallel for different documents.
type Results struct{ dir string }

// OpenResults names the folder; it is made with the first result.
func OpenResults(dir string) *Results { return &Results{dir} }

// Name is the name of an engine's answer for one of its jobs: the same again for
// the same job, so that one fetched twice is kept once.
func Name(engine, job string) string {
	sum := sha256.Sum256([]byte(job))
	return engine + "-" + hex.EncodeToString(sum[:6]) + ".raw.gz"
}

// Put keeps an answer, durably when it returns, and in place of an earlier one of
// that name.
func (r *Results) Put(document, name string, data []byte) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(data); err != nil {
		return fmt.Errorf("pack answer: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack answer: %w", err)
	}
	dir := filepath.Join(r.dir, document)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	if err := durable.WriteFile(r.Path(document, name), packed.Bytes(), 0o600); err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	for _, made := range []string{r.dir, filepath.Dir(r.dir)} { // their entries may be new
		if err := durable.SyncDir(made); err != nil {
			return fmt.Errorf("keep answer: %w", err)
		}
	}
	return nil
}

// RemoveOne deletes one answer; one that is not there is no error.
func (r *Results) RemoveOne(document, name string) error {
	if err := os.Remove(r.Path(document, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove answer: %w", err)
	}
	return nil
}

// Path is where an answer is, or would be.
func (r *Results) Path(document, name string) string { return filepath.Join(r.dir, document, name) }

// Remove deletes all that is kept of a document; what is not there is no error.
func (r *Results) Remove(document string) error {
	if document == "" {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(r.dir, document)); err != nil {
		return fmt.Errorf("remove answers: %w", err)
	}
	return nil
}
