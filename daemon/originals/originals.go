// Package originals is the content-addressed store of what came in: each
// original once, under its SHA-256, never changed.
//
// It separates "being written" (tmp) from "committed under its hash". It does
// not know documents, and it deletes nothing unless told to, and then nothing
// that is just being taken in.
package originals

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"intray/daemon/durable"
	"intray/daemon/fault"
)

// Store is a folder of originals: DIR/ab/abcdef…, and DIR/tmp. Its methods may
// be called in parallel; the folder belongs to one Store at a time. Where a
// method takes a hash, it is a SHA-256 in 64 lowercase hexadecimal digits;
// anything else is the hash of nothing that is stored.
type Store struct {
	dir     string
	syncDir func(path string) error

	mu   sync.Mutex
	pins map[string]int  // by hash: how many Puts are not released yet
	fans map[string]bool // those that are durable themselves
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
	s := &Store{dir: dir, syncDir: durable.SyncDir, pins: map[string]int{}, fans: map[string]bool{}}
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

// View is a store of which another process may be the owner: for looking only.
func View(dir string) *Store { return &Store{dir: dir} }

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
//
// The original is held until Release or Abandon is called for it, once for each
// Put: between the Put and the caller's record of it, it must not be removed
// because no record refers to it.
func (s *Store) Put(ctx context.Context, r io.Reader) (Blob, error) {
	f, err := os.CreateTemp(s.tmp(), "put-*")
	if err != nil {
		return Blob{}, fmt.Errorf("store original: %w", err)
	}
	blob, err := fill(ctx, f, r)
	if err = errors.Join(err, f.Close()); err == nil {
		s.pin(blob.SHA256)
		fault.Point("originals.written")
		if err = s.commit(f.Name(), blob); err != nil {
			s.Release(blob.SHA256)
		}
	}
	if err != nil {
		err = errors.Join(err, discard(f.Name()))
		return Blob{}, fmt.Errorf("store original: %w", err)
	}
	fault.Point("originals.stored")
	return blob, nil
}

func (s *Store) pin(sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[sum]++
}

// Release lets go of what a Put stored and a record refers to now.
func (s *Store) Release(sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpin(sum)
}

func (s *Store) unpin(sum string) {
	if s.pins[sum]--; s.pins[sum] <= 0 {
		delete(s.pins, sum)
	}
}

// Abandon lets go of what a Put stored and no record will refer to. It is
// removed unless another Put holds it or used, asked last, says that some
// record does.
func (s *Store) Abandon(sum string, used func() (bool, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpin(sum)
	_, err := s.removeUnused(sum, used)
	return err
}

// RemoveUnused deletes an original, durably, unless a Put holds it or used,
// asked last, says that it is needed. One that is not there counts as removed.
func (s *Store) RemoveUnused(sum string, used func() (bool, error)) (removed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removeUnused(sum, used)
}

func (s *Store) removeUnused(sum string, used func() (bool, error)) (bool, error) {
	if s.pins[sum] > 0 {
		return false, nil
	}
	if needed, err := used(); err != nil || needed {
		return false, err
	}
	return true, s.remove(sum)
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
// already, discards it. The folder is synced even then: another Put, or one
// before a crash, may have made the entry and not come to that yet.
func (s *Store) commit(temp string, blob Blob) error {
	target := s.Path(blob.SHA256)
	fan := filepath.Dir(target)
	if err := os.Mkdir(fan, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := place(temp, target, blob); err != nil {
		return err
	}
	if err := s.syncDir(fan); err != nil {
		return err
	}
	return s.syncFan(fan)
}

// syncFan makes the folder's own entry durable, once for each folder.
func (s *Store) syncFan(fan string) error {
	s.mu.Lock()
	known := s.fans[fan]
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := s.syncDir(s.dir); err != nil {
		return err
	}
	s.mu.Lock()
	s.fans[fan] = true
	s.mu.Unlock()
	return nil
}

// place renames the temporary file unless the whole original stands there: it
// is read for that, since the same content coming again may be the chance to
// mend a damaged one.
func place(temp, target string, blob Blob) error {
	if whole(target, blob) {
		return discard(temp)
	}
	if info, err := os.Lstat(target); err == nil && info.Mode().IsRegular() {
		_ = os.Chmod(target, 0o600) // Windows replaces no read-only file
	}
	err := os.Rename(temp, target)
	if err != nil && whole(target, blob) { // another Put was faster
		return discard(temp)
	}
	return err
}

func whole(path string, blob Blob) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != blob.Size {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && hex.EncodeToString(h.Sum(nil)) == blob.SHA256
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

// remove deletes an original, durably. One that is not there is no error.
func (s *Store) remove(sum string) error {
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

// Each calls fn with the hash and size of every stored original, in order of
// hash, until fn returns an error, which it returns.
func (s *Store) Each(fn func(sum string, info fs.FileInfo) error) error {
	fans, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list originals: %w", err)
	}
	for _, fan := range fans {
		if len(fan.Name()) != 2 {
			continue
		}
		stored, err := os.ReadDir(filepath.Join(s.dir, fan.Name()))
		if err != nil {
			return fmt.Errorf("list originals: %w", err)
		}
		for _, entry := range stored {
			info, err := entry.Info()
			if err != nil {
				continue // removed in this very moment
			}
			if err := fn(entry.Name(), info); err != nil {
				return err
			}
		}
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
