package pages

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klippa-app/go-pdfium/requests"

	"intray/engines"
)

// Rewriter is a Document that can be written anew, repaired and decrypted.
type Rewriter interface {
	Document
	// Rewrite writes the document to the new file at path: every object as the
	// reader understands it, under its number, streams as they are compressed;
	// those that are not compressed may be.
	Rewrite(path string) error
}

// Rewrite has PDFium copy the document, object by object. Errors are
// *engines.Error or the file system's.
func (p *pdfFile) Rewrite(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := &sticky{w: bufio.NewWriterSize(f, 1<<20)}
	_, saved := p.pdfium.FPDF_SaveAsCopy(&requests.FPDF_SaveAsCopy{Document: p.doc,
		Flags: requests.SaveFlagRemoveSecurity, FileWriter: out})
	if err := errors.Join(out.err, out.w.Flush()); err != nil {
		return err
	}
	if saved != nil {
		return &engines.Error{Kind: engines.Review, Code: "pdf_not_written",
			Sentence: "The PDF is damaged in a way that no text can be added to it.", Cause: saved}
	}
	return p.restoreVersion(f)
}

// sticky remembers a failed write, which PDFium only answers with "failed".
type sticky struct {
	w   *bufio.Writer
	err error
}

func (s *sticky) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.err = errors.Join(s.err, err)
	return n, err
}

// restoreVersion writes the original's version into the header: PDFium knows
// none above 1.7.
func (p *pdfFile) restoreVersion(f *os.File) error {
	v, err := p.pdfium.FPDF_GetFileVersion(&requests.FPDF_GetFileVersion{Document: p.doc})
	if err != nil || v.FileVersion < 20 || v.FileVersion > 29 {
		return nil
	}
	head := make([]byte, 8)
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(head[:5]) != "%PDF-" {
		return nil
	}
	_, err = f.WriteAt(fmt.Appendf(nil, "%d.%d", v.FileVersion/10, v.FileVersion%10), 5)
	return err
}
