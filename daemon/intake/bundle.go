package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"intray/daemon/deliver"
	"intray/ledger"
	"intray/watcher"
)

// A failed bundle that somebody drops back into a hot folder is the wish to
// try its document again: the file beside its reason.json is not a new one.

// longestReason bounds, in bytes, what is read of a reason.json.
const longestReason = 1 << 20

// bundled finds the document that a file belongs to, if the file is the
// original of a failed bundle: the reason beside it names a document of this
// ledger with just this content.
func (in *Intake) bundled(f watcher.File, sum string) (ledger.Document, bool) {
	reason, ok := readReason(filepath.Join(filepath.Dir(f.Path), deliver.ReasonFile))
	if !ok || reason.SHA256 != sum {
		return ledger.Document{}, false
	}
	doc, err := in.Ledger.Get(reason.DocumentID)
	return doc, err == nil && doc.ID == reason.DocumentID && doc.SHA256 == sum && doc.State != ledger.Purged
}

// retry gives a document its tries back and removes the bundle. A document that
// has not failed is being worked on already: the bundle was only left by a crash.
func (in *Intake) retry(folder Folder, f watcher.File, doc ledger.Document) (Taken, error) {
	c, err := in.claim(folder, f)
	if err != nil {
		return Taken{}, err
	}
	defer in.unhand(c)
	taken := Taken{Document: doc, Bundle: true}
	switch doc.State {
	case ledger.FailedTerminal, ledger.DeadLetter, ledger.Rejected:
		next, err := in.Ledger.Apply(doc.ID, ledger.Retry("folder", "its bundle was dropped into the hot folder"))
		if err != nil {
			return Taken{}, errors.Join(&Again{After: soon, Reason: "the ledger could not record the retry", Cause: err}, in.giveBack(folder, c))
		}
		taken.Document, taken.Retried = next, true
	}
	if folder.After == Keep {
		return taken, in.keep(folder, f, doc)
	}
	dir := filepath.Dir(f.Path)
	// The reason last: with it, what a crash leaves is still known as a bundle.
	err = errors.Join(ignoreGone(os.Remove(c.path)), ignoreGone(os.Remove(filepath.Join(dir, deliver.ReasonFile))))
	if err != nil {
		return Taken{}, errors.Join(&Again{After: later, Reason: "the document is tried again, but its bundle cannot be removed from the hot folder", Cause: err},
			in.giveBack(folder, c))
	}
	leaveBundle(dir, doc)
	return taken, nil
}

// leaveBundle removes the bundle's folder, unless somebody put something else
// into it. Any other folder is the office's own, the hot folder above all.
func leaveBundle(dir string, doc ledger.Document) {
	if strings.Contains(filepath.Base(dir), "-"+doc.SHA256[:8]) {
		_ = os.Remove(dir)
	}
}

// reasonFile deals with a reason.json: it waits for the file it belongs to,
// and goes with it. Any other file of that name is taken like all files.
func (in *Intake) reasonFile(folder Folder, f watcher.File) (done bool, err error) {
	if path.Base(f.Rel) != deliver.ReasonFile {
		return false, nil
	}
	reason, ok := readReason(f.Path)
	if !ok {
		return false, nil
	}
	doc, err := in.Ledger.Get(reason.DocumentID)
	if err != nil || doc.SHA256 != reason.SHA256 {
		return false, nil
	}
	if folder.After == Keep {
		return true, errors.Join(ErrGone, in.keep(folder, f, doc))
	}
	for _, name := range reason.Files {
		if strings.EqualFold(name, deliver.ReasonFile) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(f.Path), name)); err == nil && filepath.IsLocal(name) {
			return true, &Again{After: soon, Reason: "the reason waits for the document it belongs to"}
		}
	}
	// Alone it says nothing that the ledger does not know.
	if err := ignoreGone(os.Remove(f.Path)); err != nil {
		return true, &Again{After: later, Reason: "the reason of a failed document cannot be removed", Cause: err}
	}
	leaveBundle(filepath.Dir(f.Path), doc)
	return true, ErrGone
}

// foreign is an *Again for a file in a failed bundle of another Intray: that one
// may watch this folder, too, and take it back. After as long as a claim lasts
// it is taken like any file.
func (in *Intake) foreign(folder Folder, f watcher.File) error {
	dir := filepath.Dir(f.Path)
	reason, ok := readReason(filepath.Join(dir, deliver.ReasonFile))
	if !ok {
		return nil
	}
	if _, err := in.Ledger.Get(reason.DocumentID); !errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	since := f.Changed
	for _, path := range []string{f.Path, dir} {
		if info, err := os.Lstat(path); err == nil && changed(path, info).After(since) {
			since = changed(path, info)
		}
	}
	if left := folder.ClaimExpiry - time.Since(since); left > 0 {
		return &Again{After: left, Reason: "it lies in a failed bundle of another Intray, which may take it back"}
	}
	return nil
}

// keep remembers a file that stays in its folder.
func (in *Intake) keep(folder Folder, f watcher.File, doc ledger.Document) error {
	if err := in.Ledger.See(folder.Name, f.Rel, ledger.Sighting{Source: mark(f), DocumentID: doc.ID}); err != nil {
		return &Again{After: soon, Reason: "the ledger could not note the file", Cause: err}
	}
	return nil
}

func readReason(path string) (deliver.Reason, bool) {
	file, err := openSource(path)
	if err != nil {
		return deliver.Reason{}, false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return deliver.Reason{}, false
	}
	data, err := io.ReadAll(io.LimitReader(file, longestReason))
	if err != nil {
		return deliver.Reason{}, false
	}
	var r deliver.Reason
	err = json.NewDecoder(bytes.NewReader(data)).Decode(&r)
	return r, err == nil && r.Schema == deliver.ReasonSchema && r.DocumentID != ""
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
