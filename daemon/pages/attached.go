package pages

import (
	"errors"
	"strings"

	"github.com/klippa-app/go-pdfium/requests"

	"intray/daemon/extract/einvoice"
)

// Attached is a Document that may have an electronic invoice in it.
type Attached interface {
	// Invoice is the XML of the e-invoice in the file, damaged or not; nil if there
	// is none.
	Invoice() []byte
}

// mostAttachments are looked at; a portfolio may have thousands.
const mostAttachments = 50

// Invoice looks among the PDF's embedded files for XML, those first that
// Factur-X, ZUGFeRD and XRechnung name. One that is there and damaged is answered
// as it is, be it empty: that it cannot be read is for a person.
func (p *pdfFile) Invoice() []byte {
	var others []int
	count := p.attachments()
	for i := range count {
		switch name := strings.ToLower(p.attachmentName(i)); {
		case name == "factur-x.xml", name == "zugferd-invoice.xml", name == "xrechnung.xml":
			return append([]byte{}, p.attachment(i)...)
		case strings.HasSuffix(name, ".xml"):
			others = append(others, i)
		}
	}
	var damaged []byte
	for _, i := range others {
		data := p.attachment(i)
		_, err := einvoice.Parse(data)
		switch {
		case err == nil:
			return data
		case !errors.Is(err, einvoice.ErrOther) && einvoice.Named(data):
			damaged = data
		}
	}
	return damaged
}

func (p *pdfFile) attachments() int {
	count, err := p.pdfium.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: p.doc})
	if err != nil {
		return 0 // a damaged list of files is no reason not to read the pages
	}
	return min(count.AttachmentCount, mostAttachments)
}

func (p *pdfFile) attachmentName(i int) string {
	a, err := p.pdfium.FPDFDoc_GetAttachment(&requests.FPDFDoc_GetAttachment{Document: p.doc, Index: i})
	if err != nil {
		return ""
	}
	name, err := p.pdfium.FPDFAttachment_GetName(&requests.FPDFAttachment_GetName{Attachment: a.Attachment})
	if err != nil {
		return ""
	}
	return name.Name
}

// attachment is an embedded file's content; nil if it is not there, or larger
// than any invoice.
func (p *pdfFile) attachment(i int) []byte {
	a, err := p.pdfium.FPDFDoc_GetAttachment(&requests.FPDFDoc_GetAttachment{Document: p.doc, Index: i})
	if err != nil {
		return nil
	}
	file, err := p.pdfium.FPDFAttachment_GetFile(&requests.FPDFAttachment_GetFile{Attachment: a.Attachment})
	if err != nil || len(file.Contents) > einvoice.MaxBytes {
		return nil
	}
	return file.Contents
}

// hasXML is true where a file may be an e-invoice by its name.
func (p *pdfFile) hasXML() bool {
	for i := range p.attachments() {
		if strings.HasSuffix(strings.ToLower(p.attachmentName(i)), ".xml") {
			return true
		}
	}
	return false
}

// Invoice is the file itself if it is XML.
func (s *single) Invoice() []byte {
	if s.mime != MIMEXML {
		return nil
	}
	return s.data
}
