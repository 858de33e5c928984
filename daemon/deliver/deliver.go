// Package deliver puts finished bundles where people find them: the output
// folder, the review folder or the failed folder. The whole bundle or nothing,
// PDF first, JSON last, and never over anything that is already there.
//
// A delivery has three steps, so that a crash between any two of them neither
// loses nor doubles it:
//
//  1. Stage writes everything, synced, under hidden temporary names beside the
//     final place and returns a Plan.
//  2. The caller records the plan in the ledger.
//  3. Publish renames each temporary name to its final one. A temporary name
//     that is gone was renamed before the crash: it is done, whatever became
//     of the file since.
//
// The package decides nothing about documents and does not know the ledger.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"intray/daemon/document"
	"intray/daemon/durable"
)

// Part is one file of a bundle: Data, or a copy of the file at Path.
type Part struct {
	// Name is the file's name in a bundle folder; beside other documents it is
	// what follows the stem, such as ".pdf".
	Name string
	Data []byte
	Path string
}

// Request is one bundle to be delivered.
type Request struct {
	DocumentID string
	// SHA256 of the original: its first eight characters make taken names free.
	SHA256 string
	// Dir is the folder it appears in, made if need be. Stem is the wanted name
	// without extension.
	Dir, Stem string
	// Folder makes one folder STEM-HASH of the parts instead of files side by side.
	Folder bool
	// Parts in the order of publishing.
	Parts []Part
	// Document, if set, becomes the last part, ".json" (STEM.json in a folder);
	// Stage tells it the names its files got.
	Document *document.Document
}

// Plan is a staged delivery, stored in the ledger as JSON until it is published.
type Plan struct {
	Dir    string `json:"dir"`
	Stem   string `json:"stem"`
	SHA256 string `json:"sha256"`
	Items  []Item `json:"items"`
}

// Item is one rename, both names relative to the plan's Dir. Suffix is what
// follows the stem in Final; "" for a bundle folder.
type Item struct {
	Temp   string `json:"temp"`
	Final  string `json:"final"`
	Suffix string `json:"suffix"`
}

// Outputs are the paths of what the plan delivers.
func (p Plan) Outputs() []string {
	var out []string
	for _, i := range p.Items {
		out = append(out, filepath.Join(p.Dir, i.Final))
	}
	return out
}

// Desk delivers. Its methods may be called in parallel; two deliveries in hand
// never choose the same name.
type Desk struct {
	mu       sync.Mutex
	reserved map[string]string // path of a stem -> document that delivers under it
}

const tempPrefix = ".intray-"

// Stage writes the bundle under temporary names. What an earlier, unplanned
// attempt of the same document left in Dir is replaced.
func (d *Desk) Stage(ctx context.Context, r Request) (Plan, error) {
	if err := os.MkdirAll(r.Dir, 0o777); err != nil {
		return Plan{}, fmt.Errorf("make folder: %w", err)
	}
	plan := Plan{Dir: r.Dir, SHA256: r.SHA256}
	suffixes := []string{""}
	if !r.Folder {
		suffixes = nil
		for _, p := range r.Parts {
			suffixes = append(suffixes, p.Name)
		}
		if r.Document != nil {
			suffixes = append(suffixes, ".json")
		}
	}
	plan.Stem = d.reserve(r, suffixes)
	for _, s := range suffixes {
		temp := tempPrefix + r.DocumentID + s + ".part"
		plan.Items = append(plan.Items, Item{Temp: temp, Final: plan.Stem + s, Suffix: s})
		if err := os.RemoveAll(filepath.Join(r.Dir, temp)); err != nil {
			return plan, fmt.Errorf("remove leftover: %w", err)
		}
	}
	if err := d.write(ctx, r, plan); err != nil {
		return plan, errors.Join(err, d.Discard(plan))
	}
	return plan, nil
}

func (d *Desk) write(ctx context.Context, r Request, plan Plan) error {
	parts := r.Parts
	if r.Document != nil {
		data, err := nameFiles(*r.Document, plan.Stem, r)
		if err != nil {
			return err
		}
		name := ".json"
		if r.Folder {
			name = r.Stem + name
		}
		parts = append(parts[:len(parts):len(parts)], Part{Name: name, Data: data})
	}
	dir := r.Dir
	if r.Folder {
		dir = filepath.Join(r.Dir, plan.Items[0].Temp)
		if err := os.Mkdir(dir, 0o777); err != nil {
			return fmt.Errorf("make bundle: %w", err)
		}
	}
	for i, p := range parts {
		name := p.Name
		if !r.Folder {
			name = plan.Items[i].Temp
		}
		if err := writePart(ctx, filepath.Join(dir, name), p); err != nil {
			return fmt.Errorf("write %s: %w", p.Name, err)
		}
	}
	return errors.Join(durable.SyncDir(dir), durable.SyncDir(r.Dir))
}

// nameFiles tells the document what its files are called.
func nameFiles(doc document.Document, stem string, r Request) ([]byte, error) {
	doc.Files.PDF, doc.Files.Text = "", ""
	for _, p := range r.Parts {
		name := p.Name
		if !r.Folder {
			name = stem + p.Name
		}
		switch strings.ToLower(filepath.Ext(name)) {
		case ".pdf":
			doc.Files.PDF = name
		case ".txt":
			doc.Files.Text = name
		}
	}
	data, err := document.Encode(doc)
	if err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	return data, nil
}

func writePart(ctx context.Context, path string, p Part) (err error) {
	var in io.Reader = strings.NewReader(string(p.Data))
	if p.Path != "" {
		f, err := os.Open(p.Path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, contextReader{ctx, in}); err != nil {
		return err
	}
	return out.Sync()
}

// contextReader lets a long copy be stopped.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Publish renames what is staged. It may be called again after a crash, with
// the plan from the ledger. When a name was taken meanwhile by somebody else,
// the plan gets another one, and commit records it before anything is renamed.
func (d *Desk) Publish(plan Plan, commit func(Plan) error) (Plan, error) {
	defer d.release(plan)
	if d.taken(plan) {
		renamed, err := d.rename(plan)
		if err != nil {
			return plan, err
		}
		if err := commit(renamed); err != nil {
			return plan, fmt.Errorf("record new names: %w", err)
		}
		defer d.release(renamed)
		plan = renamed
	}
	for i := range plan.Items {
		item := &plan.Items[i]
		err := durable.RenameNoReplace(filepath.Join(plan.Dir, item.Temp), filepath.Join(plan.Dir, item.Final))
		for n := 1; errors.Is(err, fs.ErrExist) && n < maxNames; n++ {
			// Somebody took the name in this very moment. The other files are
			// out already: only this one moves aside.
			item.Final = variant(plan.Stem, plan.SHA256, n) + item.Suffix
			err = durable.RenameNoReplace(filepath.Join(plan.Dir, item.Temp), filepath.Join(plan.Dir, item.Final))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return plan, fmt.Errorf("publish %s: %w", item.Final, err)
		}
	}
	return plan, durable.SyncDir(plan.Dir)
}

// Discard removes what is staged and gives the names back.
func (d *Desk) Discard(plan Plan) error {
	d.release(plan)
	var errs []error
	for _, i := range plan.Items {
		errs = append(errs, os.RemoveAll(filepath.Join(plan.Dir, i.Temp)))
	}
	return errors.Join(errs...)
}

// Clean removes what an attempt that died before its plan was recorded left in dir.
func (d *Desk) Clean(dir, documentID string) error {
	left, err := filepath.Glob(filepath.Join(dir, tempPrefix+documentID+"*.part"))
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}
