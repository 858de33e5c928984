// Package pages opens what people drop into a hot folder and hands out one
// page at a time: its picture, ready to be read, and where that picture lies
// on the page.
//
// It decodes untrusted bytes (PDF and pictures of a dozen kinds) and therefore
// runs only in worker processes. It recognizes nothing, writes no files and takes no
// decision about the document; it says what it found.
package pages

import (
	"context"
	"errors"
	"fmt"
	"os"

	"intray/daemon/document"
	"intray/engines"
)

// Limits protect against files that ask for too much. Zero means no limit.
type Limits struct {
	MaxPages      int `json:"max_pages"`
	MaxMegapixels int `json:"max_megapixels"`
}

// Info is what the file says about itself.
type Info struct {
	MIME  string `json:"mime"`
	Pages int    `json:"pages"`
	// Signed is true for a PDF that carries a digital signature.
	Signed bool `json:"signed"`
	// Protected is true for a PDF with an owner password or restrictions only.
	Protected bool `json:"protected"`
	// Invoice is true where the file may have an electronic invoice in it.
	Invoice bool `json:"invoice,omitempty"`
	// Warnings are what a reader of the document must know of it as a whole.
	Warnings []document.Warning `json:"warnings,omitempty"`
}

// Picture is one page made ready for a Recognizer, or a page whose own text is
// good enough to be kept, or both: then Image shows only what has no text.
type Picture struct {
	// Image is a binary PNM (P5, 8 bit grey), upright as far as the file says
	// which way is up; nil when there is nothing to be read.
	Image []byte
	// Width and Height are Image's size in pixels, DPI its resolution in dots
	// per inch on the page; 0 when the file gives none that can be believed.
	Width, Height int
	DPI           float64
	// Ink is the share of dark pixels, 0..1.
	Ink float64
	// Text is the page's own text, boxes in points of the upright page.
	Text *engines.PageResult
	// Reason says in a sentence why the text was kept or the picture made as it was.
	Reason string
	// Treat says what becomes of the page's own content: "" it stays, "redo" its
	// invisible text goes, "force" Image takes its place.
	Treat string
	// Levelled is true where StepLevel turned Image.
	Levelled bool
	Geometry document.Geometry
	Warnings []document.Warning
}

// Document is an opened file. It is not safe for parallel use.
type Document interface {
	Info() Info
	// Picture makes page number (from 1) ready. Errors are *engines.Error, or
	// the context's.
	Picture(ctx context.Context, number int) (Picture, error)
	Close() error
}

// Opener opens files. It owns PDFium and the other decoders that run as
// WebAssembly, which are started for the first file that needs them and stay
// warm; Close ends them. An Opener is not safe for parallel use.
type Opener struct {
	// CacheDir holds the decoders' compiled code between runs; "" compiles anew
	// in every process (several seconds).
	CacheDir string
	Limits   Limits
	// Text says what is done with text that PDFs bring along; one of the Text*
	// constants, "" is TextKeep.
	Text string

	pdfium *engine
	codecs codecs
}

// Open opens the file at path, whose type was found by Sniff. Errors are
// *engines.Error.
func (o *Opener) Open(ctx context.Context, path, mime string) (Document, error) {
	switch mime {
	case MIMEPDF:
		return o.openPDF(ctx, path)
	case MIMETIFF:
		return openTIFF(path, o.Limits)
	}
	if f, known := o.format(mime); known {
		return openSingle(path, mime, f, o.Limits)
	}
	return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
		Sentence: fmt.Sprintf("Intray does not take files of type %q.", mime)}
}

// Close ends the decoders. It may be called twice.
func (o *Opener) Close() error {
	err := o.codecs.close()
	if o.pdfium != nil {
		err = errors.Join(err, o.pdfium.close())
		o.pdfium = nil
	}
	return err
}

// checkPages refuses empty files and files past the limit.
func checkPages(n int, limits Limits) error {
	if n == 0 {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadImage, Sentence: "The file has no pages."}
	}
	if limits.MaxPages > 0 && n > limits.MaxPages {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: fmt.Sprintf("The file has %d pages; the limit is %d (limits.max_pages).", n, limits.MaxPages)}
	}
	return nil
}

// checkPixels refuses pictures past the limit before they are decoded.
func checkPixels(w, h int, limits Limits) error {
	if w <= 0 || h <= 0 {
		return corrupt("The picture has no width or no height.", nil)
	}
	if limits.MaxMegapixels > 0 && int64(w)*int64(h) > int64(limits.MaxMegapixels)*1_000_000 {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: fmt.Sprintf("The picture has %d x %d pixels; the limit is %d megapixels (limits.max_megapixels).",
				w, h, limits.MaxMegapixels)}
	}
	return nil
}

// corrupt is the answer to a file that is damaged.
func corrupt(sentence string, cause error) *engines.Error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadImage, Sentence: sentence, Cause: cause}
}

// checkNumber refuses page numbers the document does not have.
func checkNumber(number, pages int) error {
	if number < 1 || number > pages {
		return corrupt(fmt.Sprintf("There is no page %d; the file has %d.", number, pages), nil)
	}
	return nil
}

func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal,
			Sentence: "The stored original could not be opened.", Cause: err}
	}
	return f, nil
}
