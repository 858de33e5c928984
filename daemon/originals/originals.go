// Package originals is the content-addressed store of what came in: each
// original once, under its SHA-256, never changed.
//
// It separates "being written" (tmp) from "committed under its hash". It does
// not know documents, and it deletes nothing unless told to.
package originals

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"intray/daemon/durable"
)

// Store is a folder of originals: DIR/ab/abcdef…, and DIR/tmp. Its methods may
// be called in parallel.
type Store struct{ dir string }

// Blob is a stored original. Size is in bytes; Head is its beginning, at most
// 4096 bytes, to tell its type by.
type Blob struct {
	SHA256 string
	Size   int64
	Head   []byte
}

const headLength = 4096

// Open opens or makes a store and clears what a crash left half-written.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	if err := os.RemoveAll(s.tmp()); err != nil {
		return nil, fmt.Errorf("clear half-written originals: %w", err)
	}
	if err := os.MkdirAll(s.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	return s, nil
}

func (s *Store) tmp() string { return filepath.Join(s.dir, "tmp") }

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Path is where the original with this hash is, or would be.
func (s *Store) Path(sum string) string {
	return filepath.Join(s.dir, sum[:min(2, len(sum))], sum)
}

// Put stores everything r gives and returns its hash. The original is durable
// when Put returns: written, synced, renamed, and its folder synced. Content
// that is there already stays as it is. On an error nothing is left behind.
func (s *Store) Put(ctx context.Context, r io.Reader) (_ Blob, err error) {
	f, err := os.CreateTemp(s.tmp(), "put-*")
	if err != nil {
		return Blob{}, fmt.Errorf("store original: %w", err)
	}
	committed := false
	defer func() {
		if !committed {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	w := &hashing{sum: sha256.New(), w: f}
	_, err = io.Copy(w, reader{ctx, r})
	if err == nil {
		err = f.Chmod(0o400)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return Blob{}, fmt.Errorf("store original: %w", err)
	}
	blob := Blob{SHA256: hex.EncodeToString(w.sum.Sum(nil)), Size: w.size, Head: w.head}
	if info, err := os.Stat(s.Path(blob.SHA256)); err == nil && info.Size() == blob.Size {
		return blob, nil
	}
	if err := s.commit(f.Name(), blob.SHA256); err != nil {
		return Blob{}, fmt.Errorf("store original: %w", err)
	}
	committed = true
	return blob, nil
}

func (s *Store) commit(temp, sum string) error {
	target := s.Path(sum)
	if err := os.Mkdir(filepath.Dir(target), 0o700); err == nil {
		if err := durable.SyncDir(s.dir); err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := os.Rename(temp, target); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(target))
}

// Open opens an original for reading.
func (s *Store) Open(sum string) (*os.File, error) { return os.Open(s.Path(sum)) }

// Has is true when an original with this hash is stored.
func (s *Store) Has(sum string) bool {
	info, err := os.Stat(s.Path(sum))
	return err == nil && info.Mode().IsRegular()
}

// Remove deletes an original. One that is not there is no error.
func (s *Store) Remove(sum string) error {
	if err := os.Remove(s.Path(sum)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove original: %w", err)
	}
	return durable.SyncDir(filepath.Dir(s.Path(sum)))
}

// Verify reads an original again and compares it with its name.
func (s *Store) Verify(ctx context.Context, sum string) error {
	f, err := s.Open(sum)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, reader{ctx, f}); err != nil {
		return fmt.Errorf("read original %s: %w", sum, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("original %s is damaged: its content has hash %s", sum, got)
	}
	return nil
}

// hashing writes, hashes, counts, and keeps the beginning.
type hashing struct {
	sum  hash.Hash
	w    io.Writer
	size int64
	head []byte
}

func (h *hashing) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	h.sum.Write(p[:n])
	h.size += int64(n)
	h.head = append(h.head, p[:min(n, headLength-len(h.head))]...)
	return n, err
}

// reader stops when its context does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
