package pages

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"intray/engines"
)

// Piece is some pages, from 1, of the PDF at Path.
type Piece struct {
	Path  string
	Pages []int
}

// Join writes a PDF of the pieces' pages to the new file at path. Pages keep
// their streams as they are compressed, their boxes and their annotations; what
// belongs to a whole file, such as bookmarks, stays behind. Errors are
// *engines.Error or the file system's.
func (o *Opener) Join(ctx context.Context, pieces []Piece, path string) (err error) {
	open := map[string]*pdfFile{}
	defer func() {
		for _, p := range open {
			err = errors.Join(err, p.Close())
		}
	}()
	for _, piece := range pieces {
		if open[piece.Path] != nil {
			continue
		}
		d, err := o.openPDF(ctx, piece.Path)
		if err != nil {
			return err
		}
		open[piece.Path] = d.(*pdfFile)
	}
	made, err := o.pdfium.FPDF_CreateNewDocument(&requests.FPDF_CreateNewDocument{})
	if err != nil {
		return fmt.Errorf("make a PDF: %w", err)
	}
	defer func() {
		_, closed := o.pdfium.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: made.Document})
		err = errors.Join(err, closed)
	}()
	at := 0
	for _, piece := range pieces {
		indices := make([]int, len(piece.Pages))
		for i, n := range piece.Pages {
			indices[i] = n - 1
		}
		if _, err := o.pdfium.FPDF_ImportPagesByIndex(&requests.FPDF_ImportPagesByIndex{
			Source: open[piece.Path].doc, Destination: made.Document, PageIndices: indices, Index: at}); err != nil {
			return notJoined(err)
		}
		at += len(indices)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return o.save(made.Document, path)
}

func (o *Opener) save(d references.FPDF_DOCUMENT, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := &sticky{w: bufio.NewWriterSize(f, 1<<20)}
	_, saved := o.pdfium.FPDF_SaveAsCopy(&requests.FPDF_SaveAsCopy{Document: d, Flags: requests.SaveFlagNoIncremental, FileWriter: out})
	if err := errors.Join(out.err, out.w.Flush()); err != nil {
		return err
	}
	if saved != nil {
		return notJoined(saved)
	}
	return f.Sync()
}

func notJoined(cause error) error {
	return &engines.Error{Kind: engines.Review, Code: "pdf_not_written",
		Sentence: "The pages could not be taken out of the file.", Cause: cause}
}
