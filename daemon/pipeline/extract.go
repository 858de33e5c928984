package pipeline

import (
	"context"
	"fmt"

	"intray/daemon/document"
	"intray/daemon/extract"
	"intray/daemon/pages"
	"intray/daemon/worker"
)

// extract puts class, fields and tables into the document.
func (a *attempt) extract(ctx context.Context, info pages.Info, doc *document.Document) error {
	if a.Extractor != nil && a.folder.Class != extract.None {
		if err := a.byRules(ctx, info, doc); err != nil {
			return err
		}
	}
	if a.service == nil {
		return nil
	}
	return a.adopt(doc)
}

// byRules finds them by the class's rules.
func (a *attempt) byRules(ctx context.Context, info pages.Info, doc *document.Document) error {
	q := extract.Question{Class: a.classOf(a.folder.Class, a.folder.Classes), Among: a.folder.Classes, Languages: doc.Languages}
	if info.Invoice {
		var found worker.InvoiceAnswer
		if err := a.call(ctx, worker.Invoice, a.Config.PageTimeout.Std(), a.source(), &found); err != nil {
			return err
		}
		doc.Warnings = append(doc.Warnings, found.Warnings...)
		if found.Invoice != nil {
			q.Known, q.Lines, q.Drawn = found.Invoice.Fields, found.Invoice.Lines, a.doc.MIME == pages.MIMEXML
		}
	}
	answer, err := a.Extractor.Document(a.pages(doc.Pages), q)
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	doc.Class, doc.Fields, doc.Tables = answer.Class, answer.Fields, answer.Tables
	doc.Warnings = append(doc.Warnings, answer.Warnings...)
	return nil
}
