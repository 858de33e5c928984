// Package deliver puts finished bundles where people find them: the output
// folder, the review folder or the failed folder. The whole bundle or nothing,
// PDF first, JSON last, and never over anything that is already there.
//
// A delivery has three steps, so that a crash between any two of them neither
// loses nor doubles it:
//
//  1. Stage writes everything, synced, into a hidden folder of the root where
//     it will appear, so that a rename is all that is left, and returns a Plan.
//  2. The caller records the plan in the ledger.
//  3. Publish renames each temporary name to its final one. A temporary name
//     that is gone was renamed before the crash: it is done, whatever became
//     of the file since. A mark beside it proves that this is still the place
//     that was staged to, and not the empty folder that a share leaves behind
//     when it goes away.
//  4. The caller records the outcome, and Finish clears up.
//
// The package decides nothing about documents and does not know the ledger.
package deliver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"intray/daemon/document"
	"intray/daemon/durable"
	"intray/daemon/fault"
)

// Part is one file of a bundle: Data, a copy of the file at Path, or whatever
// Write writes.
type Part struct {
	// Name is the file's name in a bundle folder; beside other documents it is
	// what follows the stem, such as ".pdf".
	Name  string
	Data  []byte
	Path  string
	Write func(io.Writer) error
}

// Request is one bundle to be delivered.
type Request struct {
	DocumentID string
	// AttemptID makes the temporary names of one attempt its own.
	AttemptID string
	// SHA256 of the original: its first eight characters make taken names free.
	SHA256 string
	// Root is the output, review or failed folder; Dir the folder in it where the
	// bundle appears, made if need be. Stem is the wanted name without extension,
	// one that SafeName made.
	Root, Dir, Stem string
	// Folder makes one folder STEM-HASH of the parts instead of files side by side.
	Folder bool
	// Parts in the order of publishing.
	Parts []Part
	// Document, if set, becomes the last part, ".json" (STEM.json in a folder);
	// Stage tells it the names its files got. Body holds its pages and text.
	Document *document.Document
	Body     document.Body
}

// Desk delivers. Its methods may be called in parallel; two deliveries in hand
// never choose the same name.
type Desk struct {
	// Owner names this Intray's folders for staging: several may deliver to one
	// root.
	Owner string
	// Hot are the absolute paths of hot folders; nothing is delivered into one.
	Hot []string

	mu       sync.Mutex
	reserved map[string]string          // path of a stem -> document that delivers under it
	staging  map[string]map[string]bool // folder -> first temporary names of the plans in it
}

const tempPrefix = ".intray-"

func (d *Desk) stagingDir(root string) string { return filepath.Join(root, tempPrefix+d.Owner) }

// ErrNoRoot is for a bundle whose root is no folder: a file was put in its place, or a
// link that leads nowhere, or the share is away.
var ErrNoRoot = errors.New("there is no folder to deliver to")

// ErrHot is for a bundle whose root leads into a hot folder: it would be taken for a
// scan there, and its result for the next one, without an end.
var ErrHot = errors.New("results would be taken in as scans")

// refuseHot is an error where a link was put in root's place that leads into a hot folder.
func (d *Desk) refuseHot(root string) error {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil // what is wrong with it is said when it is written to
	}
	for _, hot := range d.Hot {
		if rel, err := filepath.Rel(hot, real); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("%s leads into the hot folder %s: %w", root, hot, ErrHot)
		}
	}
	return nil
}

// Stage writes the bundle under temporary names. What an earlier try of the
// same attempt left is replaced.
func (d *Desk) Stage(ctx context.Context, r Request) (Plan, error) {
	if err := d.refuseHot(r.Root); err != nil {
		return Plan{}, err
	}
	plan, err := d.stage(ctx, r)
	if err == nil {
		return plan, nil
	}
	if root, missing := os.Stat(r.Root); missing != nil || !root.IsDir() {
		err = errors.Join(ErrNoRoot, err)
	}
	return plan, err
}

func (d *Desk) stage(ctx context.Context, r Request) (Plan, error) {
	if err := os.MkdirAll(r.Dir, 0o777); err != nil {
		return Plan{}, fmt.Errorf("make folder: %w", err)
	}
	plan := Plan{Dir: r.Dir, Staging: d.stagingDir(r.Root), SHA256: r.SHA256}
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
	for _, s := range suffixes {
		plan.Items = append(plan.Items, Item{Temp: r.DocumentID + "-" + r.AttemptID + s, Suffix: s})
	}
	if err := d.open(plan); err != nil {
		return Plan{}, err
	}
	var err error
	if plan.Stem, err = d.reserve(r, suffixes); err != nil {
		return plan, errors.Join(err, d.Discard(plan))
	}
	for i := range plan.Items {
		item := &plan.Items[i]
		item.Final = plan.Stem + item.Suffix
		if err := os.RemoveAll(filepath.Join(plan.Staging, item.Temp)); err != nil {
			return plan, errors.Join(fmt.Errorf("remove leftover: %w", err), d.Discard(plan))
		}
	}
	if err := d.write(ctx, r, plan); err != nil {
		return plan, errors.Join(err, d.Discard(plan))
	}
	fault.Point("deliver.staged")
	return plan, nil
}

// open makes the plan's folder for staging, and done takes it away when no plan
// is in it any more: people see these folders.
func (d *Desk) open(p Plan) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := os.MkdirAll(p.Staging, 0o777); err != nil {
		return fmt.Errorf("make folder for staging: %w", err)
	}
	if d.staging == nil {
		d.staging = map[string]map[string]bool{}
	}
	if d.staging[p.Staging] == nil {
		d.staging[p.Staging] = map[string]bool{}
	}
	d.staging[p.Staging][p.Items[0].Temp] = true
	return nil
}

func (d *Desk) done(p Plan) {
	d.release(p)
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.Staging == "" || len(p.Items) == 0 {
		return
	}
	delete(d.staging[p.Staging], p.Items[0].Temp)
	if len(d.staging[p.Staging]) == 0 {
		_ = os.Remove(p.Staging) // not empty: a plan of before a crash is still in it
	}
}

// release gives the plan's name free for others to try.
func (d *Desk) release(p Plan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.reserved, filepath.Join(p.Dir, p.Stem))
}

// Sweep removes what a crash left in a root's folder for staging; keep says
// which documents have a plan in the ledger. Only before anything is staged.
func (d *Desk) Sweep(root string, keep func(documentID string) bool) error {
	dir := d.stagingDir(root)
	left, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	for _, e := range left {
		if len(e.Name()) > idLength && keep(e.Name()[:idLength]) {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	_ = os.Remove(dir) // it stays while plans are in it
	return err
}

// idLength is that of a document's id, with which temporary names begin.
const idLength = 36

func (d *Desk) write(ctx context.Context, r Request, plan Plan) error {
	parts := r.Parts
	if r.Document != nil {
		doc := nameFiles(*r.Document, plan.Stem, r)
		name := ".json"
		if r.Folder {
			name = SafeFile(r.Stem + name)
		}
		parts = append(parts[:len(parts):len(parts)], Part{Name: name, Write: func(w io.Writer) error { return document.Write(w, doc, r.Body) }})
	}
	dir := plan.Staging
	if r.Folder {
		dir = filepath.Join(plan.Staging, plan.Items[0].Temp)
		if err := os.Mkdir(dir, 0o777); err != nil {
			return fmt.Errorf("make bundle: %w", err)
		}
	}
	if r.Folder {
		parts = apart(parts)
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
	if err := durable.WriteFile(plan.mark(), nil, 0o666); err != nil { // syncs the folder for staging, too
		return fmt.Errorf("mark delivery: %w", err)
	}
	if !r.Folder {
		return nil
	}
	return durable.SyncDir(dir)
}

// apart gives each file of a bundle a name of its own, on systems that ignore
// letter case, too. Names of our own come from the end: they keep theirs.
func apart(parts []Part) []Part {
	out := slices.Clone(parts)
	used := map[string]bool{}
	for i := len(out) - 1; i >= 0; i-- {
		for used[strings.ToLower(out[i].Name)] {
			out[i].Name = SafeFile("original-" + out[i].Name)
		}
		used[strings.ToLower(out[i].Name)] = true
	}
	return out
}

// nameFiles tells the document what its files are called.
func nameFiles(doc document.Document, stem string, r Request) document.Document {
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
			if !r.Folder { // there it is for a clerk
				doc.Files.Text = name
			}
		}
	}
	return doc
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
	if p.Write != nil {
		buffered := bufio.NewWriter(out)
		if err := errors.Join(p.Write(buffered), ctx.Err()); err != nil {
			return err
		}
		return errors.Join(buffered.Flush(), out.Sync())
	}
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
	if d.taken(plan) {
		renamed, err := d.rename(plan)
		d.release(plan)
		if err == nil {
			err = commit(renamed)
		}
		if err != nil {
			d.release(renamed)
			return plan, fmt.Errorf("give the delivery another name: %w", err)
		}
		plan = renamed
	}
	if _, err := os.Lstat(plan.mark()); err == nil { // its folder may have been removed for being empty
		if err := os.MkdirAll(plan.Dir, 0o777); err != nil {
			return plan, fmt.Errorf("make folder: %w", err)
		}
	}
	for i := range plan.Items {
		if err := plan.publish(&plan.Items[i]); err != nil {
			d.release(plan)
			return plan, err
		}
		fault.Point("deliver.renamed")
	}
	return plan, durable.SyncDir(plan.Dir)
}

// Finish clears up after a delivery whose outcome is recorded.
func (d *Desk) Finish(plan Plan) error {
	defer d.done(plan)
	if err := os.Remove(plan.mark()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear up after a delivery: %w", err)
	}
	return nil
}

// Discard removes what is staged and gives the names back.
func (d *Desk) Discard(plan Plan) error {
	var errs []error
	if len(plan.Items) > 0 { // the mark first: what is missing beside it counts as delivered
		errs = append(errs, os.RemoveAll(plan.mark()))
	}
	for _, i := range plan.Items {
		errs = append(errs, os.RemoveAll(plan.temp(i)))
	}
	d.done(plan)
	return errors.Join(errs...)
}
