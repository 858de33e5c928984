package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"intray/engines"
)

// pdfFile is an opened PDF. PDFium says what is on a page; what it does not tell
// of image streams is read from the file's own objects (streams).
type pdfFile struct {
	f       *os.File
	pdfium  *engine
	doc     references.FPDF_DOCUMENT
	info    Info
	limits  Limits
	text    string // one of the Text constants
	streams *streams
	units   map[int]float64 // see catalog
}

func (o *Opener) openPDF(ctx context.Context, path string) (_ Document, err error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	size, err := checkTail(f)
	if err != nil {
		return nil, err
	}
	if o.pdfium == nil {
		if o.pdfium, err = startPDFium(o.CacheDir); err != nil {
			return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable,
				Sentence: "The PDF reader could not be started.", Cause: err}
		}
	}
	opened, err := o.pdfium.OpenDocument(&requests.OpenDocument{FileReader: f, FileReaderSize: size})
	if err != nil {
		return nil, openError(err)
	}
	p := &pdfFile{f: f, pdfium: o.pdfium, doc: opened.Document, limits: o.Limits, text: o.Text, streams: &streams{path: path}}
	defer func() {
		if err != nil {
			_ = p.closeDocument()
		}
	}()
	if err := p.describe(); err != nil {
		return nil, err
	}
	return p, ctx.Err()
}

// openError puts PDFium's answer into words (fpdfview.h, FPDF_GetLastError).
func openError(err error) error {
	switch {
	case errors.Is(err, pdfiumerrors.ErrPassword):
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeNeedPassword,
			Sentence: "The PDF is protected with a password. Remove the password and drop it again.", Cause: err}
	case errors.Is(err, pdfiumerrors.ErrSecurity):
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeNeedPassword,
			Sentence: "The PDF is encrypted in a way Intray cannot open.", Cause: err}
	}
	return corrupt("The file is not a readable PDF: it is damaged or something else under a PDF's name.", err)
}

// checkTail tells a PDF that was cut off: its last bytes name neither its
// cross-reference table nor its end (ISO 32000-1, 7.5.5). Readers repair such
// files by dropping what is missing, and nobody would notice the lost pages.
func checkTail(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("stat original: %w", err)
	}
	size = info.Size()
	end, err := withoutZeros(f, size)
	if err != nil {
		return 0, fmt.Errorf("read end of original: %w", err)
	}
	tail := make([]byte, min(end, tailSize))
	if _, err := f.ReadAt(tail, end-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read end of original: %w", err)
	}
	if !bytes.Contains(tail, []byte("startxref")) && !bytes.Contains(tail, []byte("%%EO")) {
		return 0, corrupt("The PDF ends too early: it looks cut off. Scan or copy it again.", nil)
	}
	return size, nil
}

// tailSize is how much of a file's end is searched for what ends a PDF.
const tailSize = 4096

// withoutZeros is how much of a file is left without the zeros at its end, with
// which some programs fill files up.
func withoutZeros(f *os.File, size int64) (int64, error) {
	chunk := make([]byte, tailSize)
	for size > 0 {
		part := chunk[:min(size, tailSize)]
		if _, err := f.ReadAt(part, size-int64(len(part))); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		left := len(bytes.TrimRight(part, "\x00"))
		size -= int64(len(part) - left)
		if left > 0 {
			break
		}
	}
	return size, nil
}

func (p *pdfFile) describe() error {
	count, err := p.pdfium.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: p.doc})
	if err != nil {
		return corrupt("The PDF's pages cannot be counted.", err)
	}
	p.info = Info{MIME: MIMEPDF, Pages: count.PageCount}
	if err := checkPages(p.info.Pages, p.limits); err != nil {
		return err
	}
	if s, err := p.pdfium.FPDF_GetSecurityHandlerRevision(&requests.FPDF_GetSecurityHandlerRevision{Document: p.doc}); err == nil {
		p.info.Protected = s.SecurityHandlerRevision >= 0
	}
	p.info.Invoice = p.hasXML()
	p.describeCatalog()
	return nil
}

func (p *pdfFile) Info() Info { return p.info }

func (p *pdfFile) closeDocument() error {
	_, err := p.pdfium.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: p.doc})
	return err
}

func (p *pdfFile) Close() error {
	return errors.Join(p.streams.close(), p.closeDocument(), p.f.Close())
}
