package worker

import (
	"context"

	"intray/daemon/document"
	"intray/daemon/extract/einvoice"
	"intray/daemon/pages"
)

// InvoiceAnswer is the electronic invoice in a file; nil if there is none.
// Warnings say why one that is there could not be read.
type InvoiceAnswer struct {
	Invoice  *einvoice.Invoice  `json:"invoice,omitempty"`
	Warnings []document.Warning `json:"warnings,omitempty"`
}

// invoice reads the e-invoice in a file. One that is damaged is no reason not to
// read the pages.
func (r *Reader) invoice(ctx context.Context, s Source) (InvoiceAnswer, error) {
	d, err := r.open(ctx, s)
	if err != nil {
		return InvoiceAnswer{}, err
	}
	attached, able := d.(pages.Attached)
	if !able {
		return InvoiceAnswer{}, nil
	}
	data := attached.Invoice()
	if data == nil {
		return InvoiceAnswer{}, nil
	}
	v, err := einvoice.Parse(data)
	if err != nil {
		return InvoiceAnswer{Warnings: []document.Warning{{Code: "xml_unreadable",
			Message: "The PDF has an e-invoice in it that cannot be read; its fields are from the pages alone."}}}, nil
	}
	return InvoiceAnswer{Invoice: &v}, nil
}
