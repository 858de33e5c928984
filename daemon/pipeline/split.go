package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"intray/daemon/document"
	"intray/daemon/fault"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/daemon/split"
	"intray/daemon/worker"
	"intray/ledger"
)

// Documents that are parts of a file, or made of two: their pages are cut out of
// the originals into the work folder, and from there on they are like any other.

// partFile is the name of what was cut.
const partFile = "part.pdf"

// original is where a document's own bytes are: in the store, or, of a part, in
// its work folder, which waits elsewhere while it is in review. A part that was
// not cut yet has its file's.
func (p *Pipeline) original(doc ledger.Document) string {
	if len(doc.Pieces) > 0 {
		for _, dir := range []string{filepath.Join(p.WorkDir, doc.ID), p.waitingDir(doc.ID)} {
			cut := filepath.Join(dir, partFile)
			if _, err := os.Stat(cut); err == nil {
				return cut
			}
		}
	}
	return p.Originals.Path(doc.SHA256)
}

// fileName is what a document's file is, or would be, called.
func fileName(doc ledger.Document) string {
	if len(doc.Pieces) > 0 {
		return doc.Name
	}
	return path.Base(doc.FilePath())
}

// cut has a worker take a part's pages out of its originals, once.
func (a *attempt) cut(ctx context.Context) error {
	out := filepath.Join(a.dir, partFile)
	if len(a.doc.Pieces) == 0 {
		return nil
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	q := worker.CutRequest{Out: out + ".tmp", Options: pdf.Options{Producer: a.Producer, PDFA: a.folder.PDFA}}
	if q.Options.PDFA == pdf.PDFARequire {
		q.Options.PDFA = pdf.PDFAAuto // the searchable PDF is what has to be
	}
	for _, piece := range a.doc.Pieces {
		q.Pieces = append(q.Pieces, worker.Piece{Source: a.sourceOf(a.Originals.Path(piece.SHA256), piece.MIME), Pages: piece.Pages})
	}
	var answer worker.CutAnswer
	timeout := a.Config.PageTimeout.Std() * time.Duration(1+a.doc.Pages/10)
	if err := a.call(ctx, worker.Cut, timeout, q, &answer); err != nil {
		return err
	}
	if answer.Pages != a.doc.Pages {
		return fmt.Errorf("%d pages were cut instead of %d", answer.Pages, a.doc.Pages)
	}
	return os.Rename(q.Out, out)
}

// split takes the document apart if its folder asks for it; done is true when
// that is what became of it.
func (a *attempt) split(ctx context.Context, info pages.Info) (next ledger.Document, done bool, err error) {
	look, barcodes := split.Needs(a.folder)
	if !look || len(a.doc.Pieces) > 0 {
		return a.doc, false, nil
	}
	var plan ledger.Split
	if a.doc.Split == nil {
		seen, err := a.look(ctx, info.Pages, barcodes)
		if err != nil {
			next, err = a.failed(ctx, "split", asError(err))
			return next, true, err
		}
		plan = a.parts(seen)
		// A file of nothing but blank pages or separator sheets is for a person to
		// see, not to vanish.
		a.nothingLeft = len(plan.Parts) == 0
		if a.nothingLeft || len(plan.Parts) == 1 && len(plan.Dropped) == 0 {
			return a.doc, false, nil
		}
	}
	fault.Point("pipeline.splitting")
	next, err = a.Ledger.Split(a.doc.ID, a.id, plan)
	if err != nil {
		return next, true, err
	}
	fault.Point("pipeline.split")
	if err := os.RemoveAll(a.dir); err != nil {
		a.Log.Warn("A work folder could not be removed.", "document", a.doc.ID, "error", err)
	}
	a.Log.Info("Split.", "file", next.Path, "folder", next.Folder, "document", next.ID, "parts", len(next.Split.Parts), "what", next.Reason)
	return next, true, nil
}

// parts is the plan in the ledger's words.
func (a *attempt) parts(seen []split.Page) ledger.Split {
	parts, dropped := split.Plan(a.folder, seen)
	out := ledger.Split{Pages: len(seen)}
	for i, name := range split.Names(a.doc.Name, parts) {
		out.Parts = append(out.Parts, ledger.Part{Name: name, Pages: parts[i].Pages})
	}
	for _, d := range dropped {
		out.Dropped = append(out.Dropped, ledger.Dropped(d))
	}
	return out
}

// look has workers see what stands out on each page, side by side.
func (a *attempt) look(ctx context.Context, n int, barcodes bool) ([]split.Page, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := make([]split.Page, n)
	var group sync.WaitGroup
	var once sync.Once
	var first error
	slots := make(chan struct{}, a.Parallel)
	for i := 0; i < n && ctx.Err() == nil; i++ {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			var answer worker.LookAnswer
			q := worker.LookRequest{Source: a.source(), Number: i + 1, Barcodes: barcodes}
			if err := a.call(ctx, worker.Look, a.Config.PageTimeout.Std(), q, &answer); err != nil {
				once.Do(func() { first = err })
				cancel()
				return
			}
			out[i] = split.Page{Ink: answer.Ink, Text: answer.Text}
			for _, b := range answer.Barcodes {
				out[i].Barcodes = append(out[i].Barcodes, split.Barcode{Format: b.Format, Text: b.Text})
			}
		})
	}
	group.Wait()
	if first == nil {
		first = ctx.Err()
	}
	return out, first
}

// documentSource says where the document came from.
func (a *attempt) documentSource(info pages.Info) document.Source {
	s := document.Source{Folder: a.doc.Folder, Path: a.doc.Path, Name: a.doc.Name, SHA256: a.doc.SHA256,
		Size: a.doc.Size, MIME: a.doc.MIME, Pages: info.Pages, ReceivedAt: a.doc.ReceivedAt}
	if halves := a.halves(); len(halves) > 0 {
		s.Halves = halves
	} else if len(a.doc.Pieces) > 0 {
		s.MIME, s.Parent, s.ParentPages = a.doc.Pieces[0].MIME, a.doc.Pieces[0].DocumentID, a.doc.Pieces[0].Pages
	}
	return s
}

// halves are the files that a collated document is made of.
func (a *attempt) halves() (out []document.Half) {
	for _, p := range a.doc.Pieces {
		i := slices.IndexFunc(out, func(h document.Half) bool { return h.DocumentID == p.DocumentID })
		if i < 0 {
			i = len(out)
			out = append(out, document.Half{DocumentID: p.DocumentID, SHA256: p.SHA256, Path: p.Path})
		}
		out[i].Pages += len(p.Pages)
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// pair joins the document with the other side of its pages, or has it wait for
// them; done is true when that is all there is to do now.
func (a *attempt) pair(info pages.Info) (next ledger.Document, done bool, err error) {
	if a.folder.Collate != "duplex" || a.Impatient || len(a.doc.Pieces) > 0 || !a.doc.HalfUntil.IsZero() || a.doc.Split != nil {
		return a.doc, false, nil
	}
	next, err = a.Ledger.Pair(a.doc.ID, a.id, info.Pages, time.Now().Add(a.folder.CollateWithin.Std()))
	if err != nil {
		return next, true, err
	}
	fault.Point("pipeline.paired")
	if next.State == ledger.Completed {
		a.Log.Info("Collated.", "file", next.Path, "folder", next.Folder, "document", next.ID, "what", next.Reason)
	} else {
		a.Log.Info("Waits for the other side of its pages.", "file", next.Path, "folder", next.Folder, "document", next.ID, "until", next.NotBefore.Format(time.TimeOnly))
	}
	return next, true, nil
}

// straightened are barcodes on a page that was straightened after they were found.
func straightened(barcodes []document.Barcode, page document.Page) []document.Barcode {
	if page.Skew == 0 {
		return barcodes
	}
	straight := document.Straighten(page.Width, page.Height, page.Skew)
	for i := range barcodes {
		barcodes[i].Box = straight.Box(barcodes[i].Box)
	}
	return barcodes
}

// straightenedMarks does the same with marks, and rounds.
func straightenedMarks(marks []document.Mark, page document.Page) []document.Mark {
	straight := document.Identity()
	if page.Skew != 0 {
		straight = document.Straighten(page.Width, page.Height, page.Skew)
	}
	for i := range marks {
		if marks[i].Box != (document.Box{}) {
			marks[i].Box = rounded(straight.Box(marks[i].Box))
		}
	}
	return marks
}
