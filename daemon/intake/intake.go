// Package intake takes settled files out of their hot folders: it streams a
// file into the store of originals while hashing it, claims it, records it in
// the ledger, and only then removes it from the folder, archives or keeps it.
//
// A crash between any two of these steps leaves the file in the folder, in the
// store or in both; taking it again finds what is there. The package looks at
// no more of the content than its first bytes, to tell the type, and decides
// nothing about what becomes of a document.
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
	"sync"
	"time"

	"intray/daemon/fault"
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

// ErrGone is for a file that is not there any more: somebody removed it, or
// another Intray took it.
var ErrGone = errors.New("the file is gone")

// ErrUnreachable is for a hot folder that is away.
var ErrUnreachable = errors.New("the hot folder cannot be reached")

// errHeld is for a file that another program is not done with.
var errHeld = errors.New("another program has it open for writing")

// After says what becomes of a hot folder's file once it is recorded.
type After string

// What may become of a file: it is removed, moved to the folder's archive, or
// left where it is and remembered.
const (
	Remove  After = "remove"
	Archive After = "archive"
	Keep    After = "keep"
)

// Folder is a hot folder as far as intake goes. Paths are absolute.
type Folder struct {
	Name, Path string
	After      After
	Archive    string
	// Again processes known content as if it were new.
	Again bool
	// ClaimExpiry is how long another Intray's claim is respected without a
	// sign of its end.
	ClaimExpiry time.Duration
}

// Intake takes files of any folder. Its methods may be called in parallel, not
// for one file at the same time.
type Intake struct {
	Ledger    *ledger.Ledger
	Originals *originals.Store
	// Room says whether there is space for more.
	Room *Room
	// Owner names this Intray in claims: eight characters that no other Intray
	// watching the same folder has.
	Owner string
	// Sniff tells a type by a file's first bytes; "" when it is none we take.
	Sniff func(head []byte) string
	Log   *slog.Logger

	mu     sync.Mutex
	claims map[string]bool // paths of those in hand
}

const (
	soon  = 5 * time.Second
	later = time.Minute
)

// Taken is what became of a file.
type Taken struct {
	Document ledger.Document
	// Bundle is true when the file was a failed bundle that came back, Retried
	// when its document is tried again for that.
	Bundle, Retried bool
}

// Take takes one file. The document's state tells what it became: received,
// duplicate, or that of a failed document which is to be tried again. An *Again
// error means that the file stays where it is for now, ErrGone that it is none
// of ours any more.
func (in *Intake) Take(ctx context.Context, folder Folder, f watcher.File) (Taken, error) {
	if err := in.Room.check(f.Size); err != nil {
		return Taken{}, err
	}
	if err := in.foreign(folder, f); err != nil {
		return Taken{}, err
	}
	if done, err := in.reasonFile(folder, f); done || err != nil {
		return Taken{}, err
	}
	blob, err := in.store(ctx, f)
	if err != nil {
		return Taken{}, err
	}
	if doc, found := in.bundled(f, blob.SHA256); found {
		defer in.Originals.Release(blob.SHA256)
		return in.retry(folder, f, doc)
	}
	c, err := in.claim(folder, f)
	if err != nil {
		return Taken{}, errors.Join(err, in.abandon(blob.SHA256))
	}
	defer in.unhand(c)
	fault.Point("intake.claimed")
	doc, err := in.Ledger.Receive(ledger.Arrival{
		Folder: folder.Name, Path: f.Rel, Name: path.Base(f.Rel), SHA256: blob.SHA256, Size: blob.Size,
		MIME: in.Sniff(blob.Head), Source: mark(f), Actor: "intake", Claim: c.rel,
		Again: folder.Again, Keep: folder.After == Keep,
	})
	if err != nil {
		return Taken{}, errors.Join(&Again{After: soon, Reason: "the ledger could not record the file", Cause: err},
			in.giveBack(folder, c), in.abandon(blob.SHA256))
	}
	in.Originals.Release(blob.SHA256)
	fault.Point("intake.recorded")
	if folder.After == Keep {
		return Taken{Document: doc}, nil
	}
	return Taken{Document: doc}, in.clear(folder, c, doc)
}

// store copies the file and makes sure that what was copied is what is there.
func (in *Intake) store(ctx context.Context, f watcher.File) (originals.Blob, error) {
	src, err := open(f)
	if err != nil {
		return originals.Blob{}, err
	}
	defer src.Close()
	blob, err := in.Originals.Put(ctx, src)
	if err != nil {
		if ctx.Err() != nil {
			return originals.Blob{}, ctx.Err()
		}
		return originals.Blob{}, &Again{After: soon, Reason: "the file could not be stored", Cause: err}
	}
	opened, err1 := src.Stat()
	named, err2 := os.Lstat(f.Path)
	if err1 != nil || err2 != nil || !same(f, opened) || !same(f, named) || blob.Size != f.Size || held(src) != "" {
		return originals.Blob{}, errors.Join(&Again{Reason: "the file changed while it was taken", Cause: errors.Join(err1, err2)},
			in.abandon(blob.SHA256))
	}
	return blob, nil
}

// open opens the file if it is still what was reported and nobody else is at it.
func open(f watcher.File) (*os.File, error) {
	src, err := openSource(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrGone
	case errors.Is(err, errHeld):
		return nil, &Again{After: soon, Reason: errHeld.Error()}
	case err != nil:
		return nil, &Again{After: soon, Reason: "the file cannot be read", Cause: err}
	}
	info, err := src.Stat()
	if err == nil && same(f, info) {
		why := held(src)
		if why == "" {
			return src, nil
		}
		return nil, errors.Join(&Again{After: time.Second, Reason: why}, src.Close())
	}
	return nil, errors.Join(&Again{Reason: "the file changed before it was taken", Cause: err}, src.Close())
}

// abandon lets go of a stored copy that no record will refer to.
func (in *Intake) abandon(sum string) error {
	err := in.Originals.Abandon(sum, func() (bool, error) {
		docs, err := in.Ledger.WithSHA256(sum, 1)
		return len(docs) > 0, err
	})
	if err != nil {
		in.Log.Warn("A copy that is not needed stays in the store of originals.", "sha256", sum, "error", err)
	}
	return nil
}

func mark(f watcher.File) ledger.SourceMark {
	return ledger.SourceMark{ModTime: f.ModTime, Size: f.Size, Inode: f.Inode}
}

// same is true for the file as it was reported; only before it is renamed, which
// is a change, too.
func same(f watcher.File, info fs.FileInfo) bool {
	return sameMark(mark(f), info) && (f.Changed.IsZero() || f.Changed.Equal(watcher.Changed(info)))
}

func sameMark(m ledger.SourceMark, info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Size() == m.Size && info.ModTime().Equal(m.ModTime) &&
		(m.Inode == 0 || watcher.Inode(info) == 0 || watcher.Inode(info) == m.Inode)
}

// Recover goes through the files of a folder that were recorded before a crash
// or a failure kept them from being cleared. Claims that were not recorded are
// given back when the watcher finds them; see aside. While the folder cannot be
// reached the error is ErrUnreachable and nothing is concluded from that.
func (in *Intake) Recover(folder Folder) error {
	docs, err := in.Ledger.Uncleared(folder.Name)
	if err != nil {
		return fmt.Errorf("list files not yet cleared from %s: %w", folder.Name, err)
	}
	if _, err := os.ReadDir(folder.Path); err != nil && len(docs) > 0 {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	for _, doc := range docs {
		rel := doc.FilePath()
		if len(doc.Claim) > 0 {
			rel = string(doc.Claim)
		}
		if in.inHand(filepath.Join(folder.Path, filepath.FromSlash(rel))) {
			continue // it is being taken in just now
		}
		if err := in.clear(folder, in.hand(folder, rel, doc.FilePath()), doc); err != nil {
			in.Log.Warn("A file that was taken in cannot be cleared from its hot folder yet.", "document", doc.ID, "file", doc.Path, "error", err)
		}
	}
	return nil
}
