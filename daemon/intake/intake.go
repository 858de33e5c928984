// Package intake takes a settled file out of its hot folder: it streams the
// file into the store of originals while hashing it, records it in the ledger,
// and only then removes it from the folder.
//
// A crash between any two of these steps leaves the file in the folder, in the
// store or in both; taking it again finds what is there. The package looks at
// no more of the content than its first bytes, to tell the type.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"time"

	"intray/daemon/durable"
	"intray/daemon/originals"
	"intray/ledger"
	"intray/watcher"
)

// Again says that the file could not be taken now and why; it should settle
// once more and be reported after After.
type Again struct {
	After  time.Duration
	Reason string
	Cause  error
}

// Error names the reason.
func (a *Again) Error() string {
	if a.Cause == nil {
		return a.Reason
	}
	return a.Reason + ": " + a.Cause.Error()
}

// Unwrap returns the cause.
func (a *Again) Unwrap() error { return a.Cause }

// Intake takes files of any folder. Its methods may be called in parallel.
type Intake struct {
	Ledger    *ledger.Ledger
	Originals *originals.Store
	// MinFree is how many bytes must stay free in the store's file system.
	MinFree uint64
	// Sniff tells a type by a file's first bytes; "" when it is none we take.
	Sniff func(head []byte) string
	Log   *slog.Logger
}

const (
	soon  = 5 * time.Second
	later = time.Minute
)

// Take takes one file of the named folder. The document's state tells what it
// became: received, or duplicate. An *Again error means the file stays where
// it is for now.
func (in *Intake) Take(ctx context.Context, folder string, f watcher.File) (ledger.Document, error) {
	if err := in.room(f.Size); err != nil {
		return ledger.Document{}, err
	}
	blob, err := in.store(ctx, f)
	if err != nil {
		return ledger.Document{}, err
	}
	doc, err := in.Ledger.Receive(ledger.Arrival{
		Folder: folder, Path: f.Rel, Name: path.Base(f.Rel), SHA256: blob.SHA256, Size: blob.Size,
		MIME: in.Sniff(blob.Head), Source: mark(f), Actor: "intake",
	})
	if err != nil {
		return ledger.Document{}, &Again{After: soon, Reason: "the ledger could not record the file", Cause: err}
	}
	in.Clear(f.Path, doc)
	return doc, nil
}

func (in *Intake) room(size int64) error {
	free, err := durable.Free(in.Originals.Dir())
	if err == nil && free < in.MinFree+uint64(max(size, 0)) {
		return &Again{After: later, Reason: fmt.Sprintf("only %d MB are free where originals are stored; %d MB must stay free (min_free_mb)",
			free>>20, in.MinFree>>20)}
	}
	return nil // a file system that does not say is not a reason to stop
}

// store copies the file and makes sure that what was copied is what is there.
func (in *Intake) store(ctx context.Context, f watcher.File) (originals.Blob, error) {
	src, err := openRegular(f.Path)
	if err != nil {
		return originals.Blob{}, &Again{After: soon, Reason: "the file cannot be read yet", Cause: err}
	}
	defer src.Close()
	if info, err := src.Stat(); err != nil || !same(f, info) {
		return originals.Blob{}, &Again{Reason: "the file changed before it was taken", Cause: err}
	}
	blob, err := in.Originals.Put(ctx, src)
	if err != nil {
		if ctx.Err() != nil {
			return originals.Blob{}, ctx.Err()
		}
		return originals.Blob{}, &Again{After: soon, Reason: "the file could not be stored", Cause: err}
	}
	if info, err := os.Lstat(f.Path); err != nil || !same(f, info) || blob.Size != f.Size {
		// What was stored may be half a file that nobody refers to. It stays:
		// another folder may have stored the same content in this very moment,
		// and a few bytes too many are better than an original too few.
		return originals.Blob{}, &Again{Reason: "the file changed while it was taken", Cause: err}
	}
	return blob, nil
}

// Clear removes a recorded file from its hot folder, unless something else
// stands under its name by now.
func (in *Intake) Clear(path string, doc ledger.Document) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err == nil && !sameMark(doc.Source, info):
		// A new file under the old name: it is the watcher's next.
	case err == nil:
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		in.Log.Warn("A file was taken in but cannot be removed from the hot folder; it will not be taken again.",
			"file", path, "document", doc.ID, "error", err)
		return
	}
	if err := in.Ledger.SourceCleared(doc.ID); err != nil {
		in.Log.Error("The ledger could not note that a hot folder was cleared.", "document", doc.ID, "error", err)
	}
}

// Recover clears what a crash left between the ledger's record and the hot
// folder. root is the folder's path.
func (in *Intake) Recover(folder, root string) error {
	docs, err := in.Ledger.Uncleared(folder)
	if err != nil {
		return fmt.Errorf("list files not yet cleared from %s: %w", folder, err)
	}
	for _, doc := range docs {
		if !in.Originals.Has(doc.SHA256) {
			in.Log.Error("A recorded file's original is missing; its source is left alone.", "document", doc.ID, "file", doc.Path)
			continue
		}
		in.Clear(filepath.Join(root, filepath.FromSlash(doc.Path)), doc)
	}
	return nil
}

func openRegular(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a FIFO would block the open
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}

func mark(f watcher.File) ledger.SourceMark {
	return ledger.SourceMark{ModTime: f.ModTime, Size: f.Size, Inode: f.Inode}
}

func same(f watcher.File, info fs.FileInfo) bool { return sameMark(mark(f), info) }

func sameMark(m ledger.SourceMark, info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Size() == m.Size && info.ModTime().Equal(m.ModTime) &&
		(m.Inode == 0 || watcher.Inode(info) == 0 || watcher.Inode(info) == m.Inode)
}
