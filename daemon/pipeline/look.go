package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/review"
	"intray/daemon/validate"
	"intray/daemon/worker"
	"intray/ledger"
)

const (
	// longestShown bounds the JSON of a delivered document that is read to be shown,
	// in bytes: of about a thousand pages. Reading it takes a second and three times
	// as much memory.
	longestShown = 64 << 20
	// longShown is the length, in bytes, from which one is read at a time.
	longShown = 4 << 20
)

// ErrTooLong is for a document that is too long to be read whenever somebody looks
// at it.
var ErrTooLong = errors.New("the document is too long to be shown")

// Reading is what a document in review, or a delivered one, was read as. One in
// review comes without its words; PageWords has them. The error matches
// fs.ErrNotExist when that is not where it was left, and ErrTooLong.
func (p *Pipeline) Reading(doc ledger.Document) (document.Document, error) {
	switch doc.State {
	case ledger.NeedsHumanReview:
		return p.readAs(doc.ID)
	case ledger.Completed, ledger.CompletedWithWarnings:
	default:
		return document.Document{}, fmt.Errorf("%s is %s: %w", doc.ID, doc.State, fs.ErrNotExist)
	}
	path := outputOf(doc, ".json")
	if path == "" || !deliver.Regular(path) {
		return document.Document{}, fmt.Errorf("%s has no JSON: %w", doc.ID, fs.ErrNotExist)
	}
	f, err := os.Open(path)
	if err != nil {
		return document.Document{}, fmt.Errorf("read delivered document: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return document.Document{}, fmt.Errorf("read delivered document: %w", err)
	case info.Size() > longestShown:
		return document.Document{}, fmt.Errorf("%s has %d bytes: %w", path, info.Size(), ErrTooLong)
	case info.Size() > longShown:
		p.showing.Lock()
		defer p.showing.Unlock()
	}
	data, err := io.ReadAll(io.LimitReader(f, longestShown))
	if err != nil {
		return document.Document{}, fmt.Errorf("read delivered document: %w", err)
	}
	read, err := document.Decode(data)
	if err == nil && read.DocumentID != doc.ID { // somebody put another there
		err = fmt.Errorf("%s is another document's: %w", path, fs.ErrNotExist)
	}
	return read, err
}

// PageWords is one page of a reading with its words.
func (p *Pipeline) PageWords(doc ledger.Document, read document.Document, number int) (document.Page, error) {
	if number < 1 || number > len(read.Pages) {
		return document.Page{}, fmt.Errorf("page %d of %s: %w", number, doc.ID, fs.ErrNotExist)
	}
	page := read.Pages[number-1]
	if doc.State != ledger.NeedsHumanReview || page.Decision == document.DecisionFailed {
		return page, nil
	}
	kept, err := p.looking(doc).pageFile(number)
	if err != nil {
		return page, fmt.Errorf("read page result %d: %w", number, err)
	}
	return kept.Layer.Page, nil
}

// DrawPage has a worker write a picture of a page to out, as a JPEG fit to be
// enlarged. The searchable PDF is drawn where there is one, else the original.
func (p *Pipeline) DrawPage(ctx context.Context, doc ledger.Document, read document.Document, number int, out string) error {
	if number < 1 || number > len(read.Pages) {
		return fmt.Errorf("page %d of %s: %w", number, doc.ID, fs.ErrNotExist)
	}
	page, a := read.Pages[number-1], p.looking(doc)
	q := worker.ShowRequest{Source: a.source(), Number: number, Turn: page.Rotation, Skew: page.Skew, Width: page.Width, Height: page.Height, Out: out, Sharp: true}
	pdf := outputOf(doc, ".pdf")
	if doc.State == ledger.NeedsHumanReview {
		pdf = a.pdf()
		if kept, err := a.pageFile(number); err == nil {
			q.Turn = kept.Layer.Turn
		}
	}
	if deliver.Regular(pdf) {
		q.PDF = pdf
	}
	return a.call(ctx, worker.Show, p.Config.PageTimeout.Std(), q, nil)
}

// looking is enough of an attempt to look at its results. Its turn in the
// queue is its own: who looks does not wait for what is read.
func (p *Pipeline) looking(doc ledger.Document) *attempt {
	folder, err := p.folder(doc.Folder)
	if err != nil {
		folder = config.FolderDefaults(doc.Folder) // it left the configuration; only how text is treated is asked
	}
	return &attempt{Pipeline: p, doc: doc, id: doc.AttemptID, folder: folder, dir: p.waitingDir(doc.ID)}
}

// Sheet is what there is to tell a clerk about a document in review, as its
// bundle did.
func (p *Pipeline) Sheet(doc ledger.Document) (review.Sheet, error) {
	read, err := p.readAs(doc.ID)
	if err != nil {
		return review.Sheet{}, err
	}
	a := p.looking(doc)
	// Which field a check is about is not kept; asking again tells. Nothing is claimed.
	a.report = validate.Document(read, validate.Subject{Pages: read.Source.Pages, Class: p.Classes[read.Class.Name]})
	return a.sheet(read), nil
}

// outputOf is where a document's file with the ending was delivered.
func outputOf(doc ledger.Document, ending string) string {
	at := slices.IndexFunc(doc.Outputs, func(path string) bool { return strings.EqualFold(filepath.Ext(path), ending) })
	if at < 0 {
		return ""
	}
	return doc.Outputs[at]
}
