package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/durable"
	"intray/daemon/review"
	"intray/ledger"
)

// What a document in review was read as is kept here until a person decides:
// its pages, its PDF, its JSON without pages, and what was delivered to the
// review folder. Nothing that happens to the bundle there can harm it.
const (
	waitingFolder = "in-review"
	documentFile  = "document.json"
	manifestFile  = "bundle.json"
	// aboutFile has the fields that the document's warnings are about, in their
	// order: the JSON of a document does not say.
	aboutFile = "about.json"
)

func (p *Pipeline) waitingDir(id string) string {
	return filepath.Join(filepath.Dir(p.WorkDir), waitingFolder, id)
}

// readAs is what a document in review was read as, without its pages. The error
// matches fs.ErrNotExist when that is not known any more.
func (p *Pipeline) readAs(id string) (document.Document, error) {
	data, err := os.ReadFile(filepath.Join(p.waitingDir(id), documentFile))
	if err != nil {
		return document.Document{}, fmt.Errorf("read document in review: %w", err)
	}
	doc, err := document.Decode(data)
	if err != nil {
		return doc, err
	}
	var about []string
	data, err = os.ReadFile(filepath.Join(p.waitingDir(id), aboutFile))
	if errors.Is(err, fs.ErrNotExist) { // of an earlier version
		return doc, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &about)
	}
	if err != nil {
		return doc, fmt.Errorf("read what warnings are about: %w", err)
	}
	for i := range min(len(about), len(doc.Warnings)) {
		doc.Warnings[i].Field = about[i]
	}
	return doc, nil
}

func (a *attempt) keepAbout(warnings []document.Warning) error {
	about := []string{}
	for _, w := range warnings {
		about = append(about, w.Field)
	}
	data, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("encode what warnings are about: %w", err)
	}
	return durable.WriteFile(filepath.Join(a.dir, aboutFile), data, 0o600)
}

// standing are the warnings about what a person has not changed.
func standing(before, after document.Document) []document.Warning {
	return slices.DeleteFunc(slices.Clone(after.Warnings), func(w document.Warning) bool {
		return w.Field != "" && before.Value(w.Field) != after.Value(w.Field)
	})
}

// putAway does with a work folder what the document's state asks for: it waits
// with a document in review, else it goes, and with it what waited.
func (p *Pipeline) putAway(doc ledger.Document) error {
	work, waiting := filepath.Join(p.WorkDir, doc.ID), p.waitingDir(doc.ID)
	if doc.State != ledger.NeedsHumanReview {
		return errors.Join(os.RemoveAll(work), os.RemoveAll(waiting))
	}
	if _, err := os.Stat(work); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(work, showFolder)); err != nil {
		return fmt.Errorf("remove pictures: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(waiting), 0o700); err != nil {
		return fmt.Errorf("make folder for documents in review: %w", err)
	}
	if err := os.RemoveAll(waiting); err != nil { // of an earlier round
		return fmt.Errorf("clear folder for a document in review: %w", err)
	}
	if err := os.Rename(work, waiting); err != nil {
		return fmt.Errorf("keep a document in review: %w", err)
	}
	return durable.SyncDir(filepath.Dir(waiting))
}

// sweepWaiting removes what is kept of documents that are not in review any more.
func (p *Pipeline) sweepWaiting() error {
	left, err := os.ReadDir(filepath.Dir(p.waitingDir("x")))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list documents in review: %w", err)
	}
	for _, e := range left {
		doc, err := p.Ledger.Get(e.Name())
		if err != nil && !errors.Is(err, ledger.ErrNotFound) || err == nil && doc.State == ledger.NeedsHumanReview {
			continue // what is not known to be over stays
		}
		if err := os.RemoveAll(p.waitingDir(e.Name())); err != nil {
			return fmt.Errorf("clear folder of a document in review: %w", err)
		}
	}
	return nil
}

// list keeps what a staged bundle has, beside what an approval will need: once it
// is published, people may change it.
func (p *Pipeline) list(doc ledger.Document, plan deliver.Plan) error {
	m, err := review.ManifestOf(filepath.Join(plan.Staging, plan.Items[0].Temp))
	if err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	return durable.WriteFile(filepath.Join(p.WorkDir, doc.ID, manifestFile), data, 0o600)
}

// Manifest is what was delivered in the bundle of a document in review.
func (p *Pipeline) Manifest(id string) (m review.Manifest, err error) {
	data, err := os.ReadFile(filepath.Join(p.waitingDir(id), manifestFile))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read manifest: %w", err)
	}
	return m, nil
}
