package documentai

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"intray/engines"
)

// named is what one of Google's types is in the design.
type named struct{ name, kind string }

// invoiceNames, receiptNames and otherNames are Google's types (in snake_case)
// under the design's names.
var invoiceNames = map[string]named{
	"invoice_id": {"invoice_number", "code"}, "invoice_date": {"issue_date", "date"}, "due_date": {"due_date", "date"},
	"delivery_date": {"delivery_date", "date"}, "purchase_order": {"order_number", "code"},
	"supplier_name": {"seller_name", "text"}, "supplier_address": {"seller_address", "text"}, "supplier_tax_id": {"seller_tax_number", "code"},
	"supplier_iban": {"iban", "code"}, "receiver_name": {"buyer_name", "text"}, "receiver_address": {"buyer_address", "text"},
	"net_amount": {"net_total", "amount"}, "total_tax_amount": {"tax_total", "amount"}, "total_amount": {"gross_total", "amount"},
	"amount_due": {"amount_due", "amount"}, "amount_paid_since_last_invoice": {"prepaid", "amount"},
}

var receiptNames = map[string]named{
	"supplier_name": {"merchant_name", "text"}, "supplier_address": {"merchant_address", "text"}, "supplier_phone": {"merchant_phone", "text"},
	"receipt_date": {"date", "date"}, "purchase_time": {"time", "text"},
	"net_amount": {"net_total", "amount"}, "total_tax_amount": {"tax_total", "amount"}, "total_amount": {"total", "amount"},
}

var otherNames = map[string]named{
	"currency":    {"currency", "currency"},
	"family_name": {"surname", "text"}, "given_names": {"given_names", "text"}, "document_id": {"document_number", "code"},
	"date_of_birth": {"date_of_birth", "date"}, "expiration_date": {"expiry_date", "date"}, "issue_date": {"issue_date", "date"},
	"bank_name": {"bank_name", "text"}, "client_name": {"account_holder", "text"}, "account_number": {"account_number", "code"},
	"statement_start_date": {"statement_start", "date"}, "statement_end_date": {"statement_end", "date"},
	"starting_balance": {"opening_balance", "amount"}, "ending_balance": {"closing_balance", "amount"},
}

// Entities that are lines of a table, and what the table is called.
var lineEntities = map[string]string{"line_item": "line_items", "table_item": "transactions"}

// lineColumns are columns under our names.
var lineColumns = map[string]string{"amount": "line_total", "product_code": "product_code"}

// quality is the entity with which Google judges the picture.
const quality = "quality_score"

// kindOf is the class that the types of entities belong to; "" for none. The
// processors of a kind have types that others do not.
func kindOf(list []entity) string {
	telling := []struct{ kind, types string }{
		{"invoice", " invoice_id invoice_date due_date invoice_type "}, {"receipt", " receipt_date purchase_time credit_card_last_four_digits "},
		{"id", " family_name "}, {"bank_statement", " statement_start_date statement_end_date "},
	}
	for _, t := range telling {
		if slices.ContainsFunc(list, func(e entity) bool { return strings.Contains(t.types, " "+engines.SnakeCase(e.Type)+" ") }) {
			return t.kind
		}
	}
	return ""
}

func (n *normalizer) entities(list []entity) {
	tables := map[string]*engines.Table{}
	var order []string
	for _, e := range list {
		kind := engines.SnakeCase(e.Type)
		if name := lineEntities[kind]; name != "" && len(e.Properties) > 0 {
			if tables[name] == nil {
				tables[name] = &engines.Table{Name: name, Page: n.pageOf(e)}
				order = append(order, name)
			}
			n.line(tables[name], e)
			continue
		}
		n.entity(e, kind)
	}
	for _, name := range order {
		square(tables[name])
		n.result.Tables = append(n.result.Tables, *tables[name])
	}
}

func (n *normalizer) entity(e entity, kind string) {
	switch {
	case kind == quality:
		if page := n.pageOf(e); e.Confidence != nil && *e.Confidence < poorImage {
			n.result.Warnings = append(n.result.Warnings, engines.Warning{Code: warnQuality, Page: page,
				Sentence: fmt.Sprintf("Document AI finds the picture of the page poor: %.0f %%.", share(*e.Confidence)*100)})
		}
		return
	case e.Mention == "" && e.Normalized == nil && len(e.Properties) == 0:
		// A splitter names the documents in a file, and a classifier the one.
		f := n.field(e, named{"document_class", "text"})
		f.Value, f.Raw = kind, e.Type
		n.sections = append(n.sections, f)
		return
	}
	n.add(n.field(e, n.name(kind)))
	if v := e.Normalized; v != nil && v.Money != nil && isCurrency(v.Money.Currency) && n.currency == nil {
		f := n.field(e, named{"currency", "text"})
		f.Type, f.Value = "currency", v.Money.Currency
		n.currency = &f
	}
	for _, p := range e.Properties {
		n.entity(p, engines.SnakeCase(p.Type))
	}
}

func (n *normalizer) name(kind string) named {
	lists := []map[string]named{otherNames, invoiceNames}
	if n.kind == "receipt" {
		lists = []map[string]named{otherNames, receiptNames}
	}
	for _, list := range lists {
		if known, ok := list[kind]; ok {
			return known
		}
	}
	return named{kind, ""}
}

// pageOf is the number of the entity's first page; 0 for none.
func (n *normalizer) pageOf(e entity) int {
	if len(e.Anchor.Refs) == 0 {
		return 0
	}
	if at := int(e.Anchor.Refs[0].Page); at >= 0 && at < len(n.places) {
		return n.places[at] + 1
	}
	return 0
}

func (n *normalizer) field(e entity, as named) engines.Field {
	f := engines.Field{Name: as.name, Type: as.kind, Raw: strings.TrimSpace(e.Mention), Page: n.pageOf(e)}
	if len(e.Anchor.Refs) > 0 {
		f.Box = e.Anchor.Refs[0].Poly.box(0, 0)
	}
	if e.Confidence != nil {
		f.Confidence, f.HasConfidence = share(*e.Confidence), true
	}
	f.Value = f.Raw
	if e.Normalized != nil {
		n.value(&f, *e.Normalized)
	}
	if f.Raw == "" {
		f.Raw = f.Value
	}
	understood := f.Type == "" || f.Type == "text" || f.Type == "code"
	switch f.Type {
	case "amount":
		understood = isDecimal(f.Value)
	case "date":
		_, err := time.Parse(time.DateOnly, f.Value)
		understood = err == nil
	case "currency":
		understood = isCurrency(f.Value)
	}
	if !understood && f.Value != "" {
		f.Value = f.Raw
		n.result.Warnings = append(n.result.Warnings, engines.Warning{Code: warnValue, Page: f.Page,
			Sentence: "Document AI did not understand what is printed for " + f.Name + " as its value."})
	}
	if !understood || f.Type == "" {
		f.Type = "text"
	}
	return f
}

// value takes what Google understood; its kind counts where the name has none.
func (n *normalizer) value(f *engines.Field, v normalized) {
	kind := ""
	switch {
	case v.Money != nil:
		kind, f.Value = "amount", money(int64(v.Money.Units), v.Money.Nanos)
	case v.Date != nil:
		kind, f.Value = "date", fmt.Sprintf("%04d-%02d-%02d", v.Date.Year, v.Date.Month, v.Date.Day)
	case v.Time != nil && f.Name == "time":
		f.Value = fmt.Sprintf("%02d:%02d", v.Time.Hours, v.Time.Minutes)
	case v.Text != "":
		f.Value = v.Text
	}
	if f.Type == "" {
		f.Type = kind
	}
}

func (n *normalizer) add(f engines.Field) {
	if f.Value != "" {
		n.result.Fields = append(n.result.Fields, f)
	}
}

// money joins whole units and billionths, which have the same sign, without
// floating point. Cents are written out.
func money(units, nanos int64) string {
	sign := ""
	if units < 0 || nanos < 0 {
		sign = "-"
	}
	part := strings.TrimRight(strings.TrimPrefix(fmt.Sprintf("%09d", nanos), "-"), "0")
	if nanos < 0 {
		part = strings.TrimRight(fmt.Sprintf("%09d", -nanos), "0")
	}
	whole := strings.TrimPrefix(fmt.Sprint(units), "-")
	if part == "" {
		return sign + whole
	}
	for len(part) < 2 {
		part += "0"
	}
	return sign + whole + "." + part
}

var (
	decimalForm  = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
)

func isDecimal(text string) bool { return decimalForm.MatchString(text) }

func isCurrency(text string) bool { return currencyForm.MatchString(text) }

// line adds one entity with its properties to the table, a column for each type.
func (n *normalizer) line(t *engines.Table, e entity) {
	row := make([]engines.Cell, len(t.Columns))
	for _, p := range e.Properties {
		_, last, _ := strings.Cut(p.Type, "/")
		column := engines.SnakeCase(last)
		if ours := lineColumns[column]; ours != "" {
			column = ours
		}
		k := slices.Index(t.Columns, column)
		if k < 0 {
			k = len(t.Columns)
			t.Columns = append(t.Columns, column)
		}
		for len(row) <= k {
			row = append(row, engines.Cell{})
		}
		f := n.field(p, named{name: column})
		if row[k].Text != "" {
			row[k].Text += " "
		}
		row[k].Text, row[k].Confidence = row[k].Text+strings.Join(strings.Fields(f.Raw), " "), f.Confidence
		// A cell has no page of its own.
		if f.Page == t.Page {
			if row[k].Box = f.Box; t.Box == (engines.Box{}) {
				t.Box = f.Box
			}
			t.Box = around(t.Box, f.Box)
		}
	}
	t.Rows = append(t.Rows, row)
}

// square fills the rows up to all columns.
func square(t *engines.Table) {
	for i := range t.Rows {
		for len(t.Rows[i]) < len(t.Columns) {
			t.Rows[i] = append(t.Rows[i], engines.Cell{})
		}
		for k := range t.Rows[i] {
			t.Rows[i][k].RowSpan, t.Rows[i][k].ColSpan = 1, 1
		}
	}
}

// forms turns the form parser's pairs into fields under their printed names,
// unless an entity says the same.
func (n *normalizer) forms(p page, number int) {
	for _, f := range p.Forms {
		value := f.Value.Anchor.words(n.text)
		switch f.Type {
		case "filled_checkbox":
			value = "selected"
		case "unfilled_checkbox":
			value = "unselected"
		}
		out := engines.Field{Name: engines.SnakeCase(f.Name.Anchor.words(n.text)), Type: "text", Value: value, Raw: value, Page: number,
			Box: f.Value.Poly.box(p.Dimension.Width, p.Dimension.Height), Confidence: share(f.Value.Confidence), HasConfidence: true}
		if !slices.ContainsFunc(n.result.Fields, func(o engines.Field) bool { return o.Name == out.Name && o.Raw == out.Raw && o.Page == out.Page }) {
			n.add(out)
		}
	}
}
