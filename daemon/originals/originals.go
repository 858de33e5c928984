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
	"strings"

	"intray/daemon/durable"
)

// Store is a folder of originals: DIR/ab/abcdef…, and DIR/tmp. Its methods may
// be called in parallel; the folder belongs to one Store at a time. Where a
// method takes a hash, it is a SHA-256 in 64 lowercase hexadecimal digits;
// anything else is the hash of nothing that is stored.
type Store struct {
	dir     string
	syncDir func(path string) error
}

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
	s := &Store{dir: dir, syncDir: durable.SyncDir}
	if err := os.RemoveAll(s.tmp()); err != nil {
		return nil, fmt.Errorf("clear half-written originals: %w", err)
	}
	if err := os.MkdirAll(s.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	if err := s.syncDir(filepath.Dir(dir)); err != nil { // the store itself may be new
		return nil, fmt.Errorf("make store: %w", err)
	}
	return s, nil
}

func (s *Store) tmp() string { return filepath.Join(s.dir, "tmp") }

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Path is where the original with this hash is, or would be; "" if it is no
// hash, so that no name from outside leads out of the store.
func (s *Store) Path(sum string) string {
	if len(sum) != hex.EncodedLen(sha256.Size) || strings.Trim(sum, "0123456789abcdef") != "" {
		return ""
	}
	return filepath.Join(s.dir, sum[:2], sum)
}

// Put stores everything r gives and returns its hash. The original is durable
// when Put returns: written, synced, renamed, and its folders synced. Content
// that is there already stays as it is. Once ctx is done, Put ends with its
// error after the read it is in. On an error nothing half-written is left.
func (s *Store) Put(ctx context.Context, r io.Reader) (Blob, error) {
	f, err := os.CreateTemp(s.tmp(), "put-*")
	if err != nil {
		return Blob{}, fmt.Errorf("store original: %w", err)
	}
	blob, err := fill(ctx, f, r)
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.commit(f.Name(), blob)
	}
	if err != nil {
		err = errors.Join(err, discard(f.Name()))
		return Blob{}, fmt.Errorf("store original: %w", err)
	}
	return blob, nil
}

// fill writes the temporary file, read-only and synced.
func fill(ctx context.Context, f *os.File, r io.Reader) (Blob, error) {
	w := &hashing{sum: sha256.New(), w: f}
	if _, err := io.Copy(w, reader{ctx, r}); err != nil {
		return Blob{}, err
	}
	if err := f.Chmod(0o400); err != nil {
		return Blob{}, err
	}
	if err := f.Sync(); err != nil {
		return Blob{}, err
	}
	return Blob{SHA256: hex.EncodeToString(w.sum.Sum(nil)), Size: w.size, Head: w.head}, nil
}

// commit gives the temporary file its place or, when the content is there
// already, discards it. It syncs both folders even if it made neither: another
// Put, or one before a crash, may have made them and not come to that yet.
func (s *Store) commit(temp string, blob Blob) error {
	target := s.Path(blob.SHA256)
	fan := filepath.Dir(target)
	if err := os.Mkdir(fan, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := place(temp, target, blob.Size); err != nil {
		return err
	}
	if err := s.syncDir(fan); err != nil {
		return err
	}
	return s.syncDir(s.dir)
}

// place renames the temporary file unless the whole original stands there. One
// of another size is damaged and is replaced; Windows, which replaces no
// read-only file, gives an error instead.
func place(temp, target string, size int64) error {
	if whole(target, size) {
		return discard(temp)
	}
	err := os.Rename(temp, target)
	if err != nil && whole(target, size) { // another Put was faster
		return discard(temp)
	}
	return err
}

func whole(path string, size int64) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

func discard(temp string) error {
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Open opens an original for reading. The error matches fs.ErrNotExist when
// there is none with this hash.
func (s *Store) Open(sum string) (*os.File, error) { return os.Open(s.Path(sum)) }

// Has is true when an original with this hash is stored.
func (s *Store) Has(sum string) bool {
	info, err := os.Lstat(s.Path(sum))
	return err == nil && info.Mode().IsRegular()
}

// Remove deletes an original, durably. One that is not there is no error.
func (s *Store) Remove(sum string) error {
	path := s.Path(sum)
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("remove original: %w", err)
	}
	return nil
}

// Verify reads an original again and compares it with its name. Once ctx is
// done it ends with its error.
func (s *Store) Verify(ctx context.Context, sum string) error {
	f, err := s.Open(sum)
	if err != nil {
		return fmt.Errorf("verify original: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, reader{ctx, f}); err != nil {
		return fmt.Errorf("verify original %s: %w", sum, err)
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

// Write passes p on.
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

// Read reads unless the context is done.
func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
