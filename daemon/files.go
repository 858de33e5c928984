package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/intake"
	"intray/daemon/retention"
	"intray/daemon/web"
	"intray/ledger"
	"intray/watcher"
)

// errMoved is for a delivered file that somebody took away.
var errMoved = errors.New("not where it was delivered")

// upload has a file taken in that came by the API.
func (h *house) upload(ctx context.Context, u web.Upload) (web.Uploaded, error) {
	i := slices.IndexFunc(h.cfg.Folders, func(f config.Folder) bool { return f.Name == u.Folder })
	if i < 0 {
		return web.Uploaded{}, fmt.Errorf("no folder %q", u.Folder)
	}
	if watcher.DefaultIgnore(u.Name) { // its results would be hidden, or ignored by the next program, as well
		return web.Uploaded{}, &web.Said{Kind: web.ErrQuestion, Sentence: fmt.Sprintf("%q is a name of hidden or unfinished files, which hot folders leave alone, too. Give the file another name.", u.Name)}
	}
	key := ""
	if u.Key != "" { // of one caller: two may have had the same idea
		sum := sha256.Sum256([]byte(u.Actor + "\x00" + u.Key))
		key = hex.EncodeToString(sum[:])
	}
	doc, replayed, err := h.intake.Upload(ctx, hotFolderOf(h.cfg.Folders[i]), intake.Sent{Name: u.Name, Actor: u.Actor, Key: key, Size: u.Size, Body: u.Body})
	var again *intake.Again
	switch {
	case errors.Is(err, intake.ErrEmpty):
		err = &web.Said{Kind: web.ErrRefused, Sentence: "The file is empty."}
	case errors.As(err, &again):
		err = &web.Said{Kind: web.ErrNoRoom, Sentence: "Nothing is taken in just now: " + again.Error() + ". Send the file again later."}
	}
	return web.Uploaded{Document: doc, Replayed: replayed}, err
}

// file opens one of a document's files, or says why there is none.
func (h *house) file(doc ledger.Document, what web.FileKind) (*os.File, error) {
	if doc.State == ledger.Purged {
		return nil, &web.Said{Kind: web.ErrPurged, Sentence: "The document was purged; only its record is left."}
	}
	if what == web.FileOriginal {
		f, err := h.originals.Open(doc.SHA256)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &web.Said{Kind: web.ErrAbsent, Sentence: "The original is not in the store of originals; `intray doctor --deep` says more."}
		}
		return f, err
	}
	switch doc.State {
	case ledger.Completed, ledger.CompletedWithWarnings, ledger.NeedsHumanReview:
		return h.result(doc, what)
	case ledger.Duplicate:
		return nil, &web.Said{Kind: web.ErrAbsent, Sentence: "The document repeats " + doc.DuplicateOf + "; ask for that one's files."}
	case ledger.FailedTerminal, ledger.DeadLetter, ledger.Rejected:
		return nil, &web.Said{Kind: web.ErrAbsent, Sentence: fmt.Sprintf("The document is %s (%s), so it has no %s; its original is there.", doc.State, doc.State.Meaning(), what)}
	}
	return nil, &web.Said{Kind: web.ErrRefused, Sentence: fmt.Sprintf("The document is %s (%s); its %s is not there yet.", doc.State, doc.State.Meaning(), what)}
}

// result opens what was delivered, where it was delivered to.
func (h *house) result(doc ledger.Document, what web.FileKind) (*os.File, error) {
	if what == web.FileJSON && slices.Contains(doc.Forgotten, retention.WhatText) {
		return nil, &web.Said{Kind: web.ErrPurged, Sentence: "The document's text was purged (keep_text)."}
	}
	paths, err := resultPaths(doc)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(paths, func(p string) bool { return strings.EqualFold(filepath.Ext(p), "."+string(what)) })
	if i >= 0 {
		f, err := h.openDelivered(doc, paths[i])
		if err == nil && what == web.FileJSON && !deliver.IsOf(paths[i], doc.ID) {
			err = errors.Join(errMoved, f.Close())
		}
		if err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errMoved) {
			return f, err
		}
	}
	if len(doc.Outputs) > 0 && i < 0 && doc.State != ledger.NeedsHumanReview {
		return nil, &web.Said{Kind: web.ErrAbsent, Sentence: fmt.Sprintf("No %s was delivered of this document.", what)}
	}
	return nil, &web.Said{Kind: web.ErrAbsent, Sentence: fmt.Sprintf("The %s is not where it was delivered; somebody moved or removed it.", what)}
}

// resultPaths are a document's files where they were delivered: of one in review
// all that lies in its bundle, which may have been taken away.
func resultPaths(doc ledger.Document) ([]string, error) {
	if doc.State != ledger.NeedsHumanReview {
		return doc.Outputs, nil
	}
	var paths []string
	for _, bundle := range doc.Outputs {
		inside, err := os.ReadDir(bundle)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look into the review bundle: %w", err)
		}
		for _, e := range inside {
			paths = append(paths, filepath.Join(bundle, e.Name()))
		}
	}
	return paths, nil
}

// openDelivered opens a file within its folder's place for results. Others can
// write there: a link that leads out of it is not followed.
func (h *house) openDelivered(doc ledger.Document, path string) (*os.File, error) {
	for _, f := range h.cfg.Folders {
		for _, dir := range []string{f.Output, f.Review} {
			rel, err := filepath.Rel(dir, path)
			if f.Name != doc.Folder || err != nil || !filepath.IsLocal(rel) {
				continue
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				return nil, err
			}
			defer root.Close()
			info, err := root.Lstat(rel)
			if err != nil {
				return nil, err
			}
			if !info.Mode().IsRegular() { // opening a pipe would wait for ever
				return nil, errMoved
			}
			return root.Open(rel)
		}
	}
	return nil, errMoved // the folder was configured otherwise since
}
