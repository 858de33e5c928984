package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"intray/daemon/durable"
	"intray/daemon/fault"
	"intray/ledger"
)

// clear ends a recorded file's stay in its hot folder. What changed since it
// was stored is never removed: it gets its name back and is a new file.
func (in *Intake) clear(folder Folder, c claimed, doc ledger.Document) error {
	defer in.unhand(c)
	info, err := os.Lstat(c.path)
	switch {
	case err != nil:
	case !in.Originals.Has(doc.SHA256):
		in.Log.Error("A recorded file's original is missing; the file is left in the hot folder.", "document", doc.ID, "file", doc.Path)
		return errors.Join(in.giveBack(folder, c), in.Ledger.Unclaimed(doc.ID))
	case !sameMark(doc.Source, info) && !sameContent(c.path, doc), c.isHeld():
		err = in.giveBack(folder, c)
	case folder.After == Archive:
		err = in.archive(folder, c, doc)
	default:
		err = os.Remove(c.path)
	}
	if errors.Is(err, fs.ErrNotExist) && c.isGone() {
		if c.takenOver() {
			return in.surrender(c, doc)
		}
		err = nil
	}
	if err != nil {
		return errors.Join(&Again{After: later, Reason: "the file was taken in but cannot be removed from the hot folder; it will not be taken twice",
			Cause: err}, in.giveBack(folder, c), in.Ledger.Unclaimed(doc.ID))
	}
	fault.Point("intake.cleared")
	if err := in.Ledger.SourceCleared(doc.ID); err != nil {
		in.Log.Error("The ledger could not note that a hot folder was cleared.", "document", doc.ID, "error", err)
	}
	return nil
}

// surrender gives up a document whose file another Intray took over while we
// were away.
func (in *Intake) surrender(c claimed, doc ledger.Document) error {
	if doc.State == ledger.Received {
		if _, err := in.Ledger.Apply(doc.ID, ledger.Surrender()); err != nil {
			return &Again{After: soon, Reason: "the ledger could not note that another Intray took the file over", Cause: err}
		}
	} else if err := in.Ledger.SourceCleared(doc.ID); err != nil {
		return &Again{After: soon, Reason: "the ledger could not note that a hot folder was cleared", Cause: err}
	}
	in.Log.Warn("Another Intray took over a file that was recorded here; it is left to that one.", "file", doc.Path, "document", doc.ID)
	return ignoreGone(os.Remove(c.mark()))
}

// isGone is asked when something is not there: it need not be the file. To
// Windows an archive that is no folder is "not there", too.
func (c claimed) isGone() bool {
	_, err := os.Lstat(c.path)
	return errors.Is(err, fs.ErrNotExist)
}

// isHeld is true when somebody still has the claimed file open for writing:
// whoever opened it before it was renamed could write after the last look.
func (c claimed) isHeld() bool {
	f, err := openSource(c.path)
	if err != nil {
		return errors.Is(err, errHeld)
	}
	defer f.Close()
	return held(f) != ""
}

// sameContent is true for a file with the document's content: one that was only
// touched since it was stored, or arrived in the archive already.
func sameContent(path string, doc ledger.Document) bool {
	f, err := openSource(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != doc.Size {
		return false
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, doc.Size+1))
	return err == nil && n == doc.Size && hex.EncodeToString(h.Sum(nil)) == doc.SHA256
}

// recorded finds the document whose file waits under this claim; also one that
// counts as cleared, because the share was away when that was asked or lost the
// removal with its power.
func (in *Intake) recorded(folder Folder, c claimed) (ledger.Document, bool) {
	docs, err := in.Ledger.Uncleared(folder.Name)
	if err != nil {
		in.Log.Error("The ledger cannot say which files wait to be cleared.", "error", err)
	}
	for _, doc := range docs {
		if string(doc.Claim) == c.rel {
			return doc, true
		}
	}
	f, err := openSource(c.path)
	if err != nil {
		return ledger.Document{}, false
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ledger.Document{}, false
	}
	info, err := f.Stat()
	if err != nil {
		return ledger.Document{}, false
	}
	docs, err = in.Ledger.WithSHA256(hex.EncodeToString(h.Sum(nil)), 0)
	for _, doc := range docs {
		if err == nil && doc.Folder == folder.Name && doc.FilePath() == c.home && doc.State != ledger.Purged && sameMark(doc.Source, info) {
			return doc, true
		}
	}
	return ledger.Document{}, false
}

// archive moves the file to the folder's archive, under its path there; a
// taken name gets the first eight characters of the SHA-256, then a number.
func (in *Intake) archive(folder Folder, c claimed, doc ledger.Document) error {
	home := filepath.Join(folder.Archive, filepath.FromSlash(doc.FilePath()))
	if err := os.MkdirAll(filepath.Dir(home), 0o777); err != nil {
		return fmt.Errorf("make archive: %w", err)
	}
	ext := filepath.Ext(home)
	stem := strings.TrimSuffix(home, ext)
	for n := 0; n < 1000; n++ {
		target := home
		switch {
		case n == 1:
			target = stem + "-" + doc.SHA256[:8] + ext
		case n > 1:
			target = fmt.Sprintf("%s-%s-%d%s", stem, doc.SHA256[:8], n, ext)
		}
		err := durable.RenameNoReplace(c.path, target)
		if err != nil && isCrossDevice(err) {
			if sameContent(target, doc) { // a crash came before the source was removed
				return os.Remove(c.path)
			}
			err = in.carry(c.path, target, doc)
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return fmt.Errorf("no name is free for %s in the archive", doc.Name)
}

// carry is a move to another file system: a whole copy first, then the source
// goes. It copies the stored original, which is what was recorded.
func (in *Intake) carry(from, to string, doc ledger.Document) error {
	src, err := in.Originals.Open(doc.SHA256)
	if err != nil {
		return err
	}
	defer src.Close()
	// The document's own name: what a crash leaves is overwritten when the
	// restart gets here again.
	part := filepath.Join(filepath.Dir(to), ".intray-"+doc.ID+".part")
	temp, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(temp, src)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = durable.RenameNoReplace(part, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return errors.Join(durable.SyncDir(filepath.Dir(to)), os.Remove(from))
}
