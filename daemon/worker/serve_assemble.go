package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/engines"
)

// An empty A4 page, in points, stands in for a picture that cannot be read.
const a4Width, a4Height = 595.28, 841.89

// PageFile is where what is known of page number stands in a folder of page
// results: a JSON object whose "layer" is a pdf.Layer and whose "thumb", if any,
// a pages.Thumb. One file a page keeps a long document out of memory.
func PageFile(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("page-%06d.json", number))
}

// assemble writes the searchable PDF and opens it again: a file that lost a
// page is not handed on.
func (r *Reader) assemble(ctx context.Context, q AssembleRequest) (AssembleAnswer, error) {
	d, err := r.open(ctx, q.Source)
	if err != nil {
		return AssembleAnswer{}, err
	}
	answer, err := r.write(d, q)
	if err != nil {
		return AssembleAnswer{}, notWritten(err)
	}
	written, err := r.openOutput(ctx, q.Out)
	if err != nil {
		return AssembleAnswer{}, err
	}
	defer written.Close()
	answer.Pages = written.Info().Pages
	if answer.Pages != d.Info().Pages {
		return AssembleAnswer{}, &engines.Error{Kind: engines.Review, Code: "pdf_page_count",
			Sentence: fmt.Sprintf("The searchable PDF has %d pages, the original %d; it is not delivered.", answer.Pages, d.Info().Pages)}
	}
	return answer, nil
}

// openOutput opens the written PDF. That it cannot be opened is for a person to
// see, unless it is the reader's fault.
func (r *Reader) openOutput(ctx context.Context, path string) (pages.Document, error) {
	written, err := r.readyOpener().Open(ctx, path, pages.MIMEPDF)
	if e, failed := engines.AsError(err); failed && e.Kind != engines.Terminal || ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		return nil, &engines.Error{Kind: engines.Review, Code: "pdf_unreadable",
			Sentence: "The searchable PDF that was written cannot be opened again; it is not delivered.", Cause: err}
	}
	return written, nil
}

func isUnread(unread []int, number int) bool { return slices.Contains(unread, number) }

// notWritten tells apart what may pass from what a person should look at: a
// file that was read but whose structure the writer does not take.
func notWritten(err error) error {
	if e, ok := errors.AsType[*engines.Error](err); ok {
		return e
	}
	if errors.Is(err, errUnsound) {
		return &engines.Error{Kind: engines.Review, Code: "pdf_unreadable",
			Sentence: "The searchable PDF that was written is not sound; it is not delivered.", Cause: err}
	}
	kind := engines.Review
	if engines.Environment(err) || errors.Is(err, context.Canceled) {
		kind = engines.Retryable
	}
	return &engines.Error{Kind: kind, Code: "pdf_not_written", Sentence: "The searchable PDF could not be written.", Cause: err}
}

func (r *Reader) write(d pages.Document, q AssembleRequest) (AssembleAnswer, error) {
	n := d.Info().Pages
	layers := func(number int) (pdf.Layer, error) {
		if isUnread(q.Unread, number) {
			return pdf.Layer{}, nil
		}
		kept, err := readPageFile(q.Pages, number)
		return kept.Layer, err
	}
	if pictures, ok := d.(pages.Pictures); ok {
		outcome, err := pdf.FromPictures(q.Out, n, layers, q.Options, func(number int) (pdf.Picture, error) {
			if isUnread(q.Unread, number) { // the original lies beside it in review
				return pdf.Picture{PageWidth: a4Width, PageHeight: a4Height}, nil
			}
			s, err := pictures.Stored(number)
			return pictureFrom(s), err
		})
		return AssembleAnswer{TextLayer: true, Outcome: outcome}, sound(err, q.Out, n)
	}
	if d.Info().Signed {
		answer := AssembleAnswer{Reason: "The PDF is digitally signed; it is delivered unchanged and its text is in the JSON only."}
		if err := pdf.Copy(q.Source.Path, q.Out); err != nil {
			return answer, err
		}
		var err error
		answer.Outcome, err = pdf.Judge(q.Out, q.Options)
		return answer, err
	}
	return addText(d, q, layers)
}

// errUnsound is the error of a written PDF whose structure others may not read.
var errUnsound = errors.New("written but not sound")

// sound is err or, where there is none, what is wrong with the PDF of n pages
// that was written.
func sound(err error, out string, n int) error {
	if err != nil {
		return err
	}
	if err := pdf.Reopen(out, n); err != nil {
		return fmt.Errorf("%w: %w", errUnsound, err)
	}
	return nil
}

// addText adds the text to the original or, where that cannot be or brings the
// original's damage along, to a copy that the reader writes of what it understood.
func addText(d pages.Document, q AssembleRequest, layers pdf.Layers) (AssembleAnswer, error) {
	answer, n := AssembleAnswer{TextLayer: true}, d.Info().Pages
	outcome, err := pdf.AddText(q.Source.Path, q.Out, n, layers, q.Options, drawer(d, layers))
	err = sound(err, q.Out, n)
	rewriter, able := d.(pages.Rewriter)
	if !errors.Is(err, pdf.ErrRewrite) && !errors.Is(err, errUnsound) || !able {
		answer.Outcome, answer.Warnings = outcome, outcome.Warnings
		return answer, err
	}
	clean := q.Out + ".rewritten"
	defer os.Remove(clean)
	if err := writeClean(rewriter, q.Source.Path, clean, err); err != nil {
		return answer, err
	}
	w := document.Warning{Code: "rewritten", Message: "The PDF's structure is damaged; the searchable PDF was written anew from what could be read."}
	if d.Info().Protected {
		w = document.Warning{Code: "decrypted", Message: "The PDF is encrypted, though it opens without a password; the searchable PDF is not encrypted."}
	}
	if _, refused := errors.AsType[*engines.Error](err); refused {
		w.Message = "The folder asks for PDF/A, for which the PDF had to be written anew."
	}
	answer.Warnings = append(answer.Warnings, w)
	answer.Outcome, err = pdf.AddText(clean, q.Out, n, layers, q.Options, drawer(d, layers))
	answer.Warnings = append(answer.Warnings, answer.Outcome.Warnings...)
	return answer, sound(err, q.Out, n)
}

// writeClean writes a copy of the original that text can be added to, which why
// says of the original that it cannot.
func writeClean(d pages.Rewriter, original, clean string, why error) error {
	if d.Info().Protected {
		if err := pdf.Decrypt(original, clean); !errors.Is(err, pdf.ErrRewrite) {
			return err
		}
	}
	if err := d.Rewrite(clean); err != nil {
		return fmt.Errorf("%w (%w)", err, why)
	}
	if d.Info().Protected {
		return nil // what the original says is encrypted
	}
	return pdf.Mend(original, clean)
}

// drawer draws pages whose content is to be replaced by their picture.
func drawer(d pages.Document, layers pdf.Layers) func(number int) (pdf.Picture, error) {
	return func(number int) (pdf.Picture, error) {
		drawn, able := d.(pages.Drawn)
		if !able {
			return pdf.Picture{}, errors.New("the original cannot be drawn")
		}
		l, err := layers(number)
		if err != nil {
			return pdf.Picture{}, err
		}
		s, err := drawn.Draw(number)
		s.Orientation = map[int]int{0: 1, 90: 6, 180: 3, 270: 8}[l.Turn]
		return pictureFrom(s), err
	}
}

// pictureFrom hands a stored picture from the room that reads to the one that
// writes.
func pictureFrom(s pages.Stored) pdf.Picture {
	return pdf.Picture{Stream: (*pdf.Stream)(s.Stream), Pixels: s.Pixels, ICC: s.ICC,
		Width: s.Width, Height: s.Height, Orientation: s.Orientation, PageWidth: s.PageWidth, PageHeight: s.PageHeight}
}
