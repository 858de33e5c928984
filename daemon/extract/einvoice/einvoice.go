// Package einvoice reads electronic invoices (EN 16931) in both syntaxes: UN/CEFACT
// CII, as in Factur-X, ZUGFeRD and XRechnung, and OASIS UBL 2.1.
//
// It decodes untrusted bytes and runs in worker processes only. It takes the
// fields Intray knows and the invoice's lines; it does not check the invoice
// against the standard's business rules, and follows no reference out of the file.
package einvoice

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// Invoice is what an e-invoice says. Fields and table are as in a document,
// without places on pages.
type Invoice struct {
	// Syntax is "CII" or "UBL".
	Syntax string           `json:"syntax"`
	Fields []document.Field `json:"fields"`
	Lines  document.Table   `json:"lines"`
	// LinesLeft is how many lines were left out of the table.
	LinesLeft int `json:"lines_left"`
}

// ErrOther is the error of Parse for XML that is no e-invoice of a known syntax.
var ErrOther = errors.New("no e-invoice of a known syntax (CII or UBL)")

// maxLines bounds the table.
const maxLines = 5000

// Likely is true for the beginning of a file that may be XML.
func Likely(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	return bytes.HasPrefix(head, []byte("<?xml")) || bytes.HasPrefix(head, []byte("<")) && Named(head)
}

// Named is true for XML that names a syntax of e-invoices, whole or damaged.
func Named(data []byte) bool {
	return bytes.Contains(data, []byte("CrossIndustry")) || bytes.Contains(data, []byte("ubl:schema:xsd"))
}

// Parse reads an e-invoice. XML that is well formed and something else is ErrOther.
func Parse(data []byte) (Invoice, error) {
	root, err := parse(data)
	if err != nil {
		return Invoice{}, fmt.Errorf("read e-invoice: %w", err)
	}
	switch {
	case root.name == "CrossIndustryInvoice" || root.name == "CrossIndustryDocument":
		return readCII(root), nil
	case (root.name == "Invoice" || root.name == "CreditNote") && strings.HasPrefix(root.space, "urn:oasis:names:specification:ubl:schema:xsd:"):
		return readUBL(root), nil
	}
	return Invoice{}, fmt.Errorf("read e-invoice: the root is <%s>: %w", root.name, ErrOther)
}

// put adds a field if it says something.
func (v *Invoice) put(name, kind, raw string) {
	raw = strings.TrimSpace(raw)
	if raw == "" || slices.ContainsFunc(v.Fields, func(f document.Field) bool { return f.Name == name }) {
		return
	}
	f := document.Field{Name: name, Value: raw, Raw: raw, Type: kind, Confidence: 1, From: "xml"}
	switch kind {
	case "amount":
		a, ok := value.ParseDecimal(raw)
		if !ok {
			return
		}
		f.Value = a.String()
	case "date":
		iso, ok := isoDate(raw)
		if !ok {
			return
		}
		f.Value = iso
	}
	v.Fields = append(v.Fields, f)
}

// isoDate reads CII's format 102 (yyyymmdd) and ISO 8601 with or without a time.
func isoDate(raw string) (string, bool) {
	if len(raw) == 8 && !strings.Contains(raw, "-") {
		raw = raw[:4] + "-" + raw[4:6] + "-" + raw[6:]
	}
	if len(raw) > 10 {
		raw = raw[:10]
	}
	d, ok := value.ParseDate(raw, value.DayFirst)
	return d.ISO, ok && d.ISO == raw
}

// columns of the table of lines.
func columns() []string {
	return []string{"description", "quantity", "unit_price", "tax_rate", "line_total"}
}

func (v *Invoice) line(cells ...string) {
	if v.Lines.Columns == nil {
		v.Lines.Name, v.Lines.Columns = "line_items", columns()
	}
	if len(v.Lines.Rows) == maxLines {
		v.LinesLeft++
		return
	}
	var row []document.Cell
	for i, c := range cells {
		if a, ok := value.ParseDecimal(c); ok && i > 0 && i != 3 {
			c = a.String()
		}
		row = append(row, document.Cell{Text: c, Confidence: 1, RowSpan: 1, ColSpan: 1})
	}
	v.Lines.Rows = append(v.Lines.Rows, row)
}

// documentType tells credit notes by their code (UNTDID 1001).
func documentType(code string) string {
	switch code {
	case "81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532":
		return "credit_note"
	}
	return "invoice"
}

// address is an address on one line.
func address(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}
