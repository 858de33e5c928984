package textract

import (
	"slices"
	"strings"

	"intray/engines"
)

// expenseDocument is one page's findings of AnalyzeExpense.
type expenseDocument struct {
	SummaryFields  []expenseField
	LineItemGroups []struct {
		LineItems []struct{ LineItemExpenseFields []expenseField }
	}
	Blocks []block
}

// lastPage is the last page that a field is on, at least 1.
func (d expenseDocument) lastPage() int {
	last := 1
	for _, f := range d.SummaryFields {
		last = max(last, f.PageNumber)
	}
	for _, g := range d.LineItemGroups {
		for _, item := range g.LineItems {
			for _, f := range item.LineItemExpenseFields {
				last = max(last, f.PageNumber)
			}
		}
	}
	return last
}

type expenseField struct {
	Type            detection
	LabelDetection  detection
	ValueDetection  detection
	PageNumber      int
	Currency        struct{ Code string }
	GroupProperties []struct{ Types []string }
}

type detection struct {
	Text       string
	Geometry   geometry
	Confidence float64
}

// expenseNames are Textract's types under the design's names, for an invoice and
// for a receipt, and the design's type of each.
var expenseNames = map[string]struct{ invoice, receipt, kind string }{
	"VENDOR_NAME":          {"seller_name", "merchant_name", "text"},
	"VENDOR_ADDRESS":       {"seller_address", "merchant_address", "text"},
	"VENDOR_PHONE":         {"seller_phone", "merchant_phone", "text"},
	"VENDOR_VAT_NUMBER":    {"seller_vat_id", "seller_vat_id", "code"},
	"TAX_PAYER_ID":         {"seller_tax_number", "seller_tax_number", "code"},
	"RECEIVER_NAME":        {"buyer_name", "buyer_name", "text"},
	"RECEIVER_VAT_NUMBER":  {"buyer_vat_id", "buyer_vat_id", "code"},
	"INVOICE_RECEIPT_ID":   {"invoice_number", "receipt_number", "code"},
	"INVOICE_RECEIPT_DATE": {"issue_date", "date", "date"},
	"DUE_DATE":             {"due_date", "due_date", "date"},
	"DELIVERY_DATE":        {"delivery_date", "delivery_date", "date"},
	"ORDER_DATE":           {"order_date", "order_date", "date"},
	"PO_NUMBER":            {"order_number", "order_number", "code"},
	"SUBTOTAL":             {"net_total", "net_total", "amount"},
	"TAX":                  {"tax_total", "tax_total", "amount"},
	"TOTAL":                {"gross_total", "total", "amount"},
	"AMOUNT_DUE":           {"amount_due", "amount_due", "amount"},
	"AMOUNT_PAID":          {"amount_paid", "amount_paid", "amount"},
	"PRIOR_BALANCE":        {"prior_balance", "prior_balance", "amount"},
	"DISCOUNT":             {"discount", "discount", "amount"},
	"GRATUITY":             {"gratuity", "gratuity", "amount"},
	"SERVICE_CHARGE":       {"service_charge", "service_charge", "amount"},
	"SHIPPING_HANDLING_CHARGE": {"shipping_handling_charge",
		"shipping_handling_charge", "amount"},
}

// itemColumns are the types of a line's fields under the names of our columns, in
// their order. EXPENSE_ROW is the whole line again.
var itemColumns = []struct{ wire, name string }{
	{"ITEM", "description"}, {"PRODUCT_CODE", "product_code"}, {"QUANTITY", "quantity"},
	{"UNIT_PRICE", "unit_price"}, {"PRICE", "line_total"},
}

const wholeRow = "EXPENSE_ROW"

// expense turns the findings of all pages into the fields of one document. The
// service does not say what it read: it is an invoice where somebody is to pay it
// later or ordered by number, else a receipt.
func (n *normalizer) expense() {
	if len(n.expenses) == 0 {
		return
	}
	n.result.Class = "receipt"
	for _, d := range n.expenses {
		if slices.ContainsFunc(d.SummaryFields, saysInvoice) {
			n.result.Class = "invoice"
		}
	}
	currency := false
	for _, d := range n.expenses {
		for _, f := range d.SummaryFields {
			if f.ValueDetection.Text == "" {
				continue
			}
			n.add(n.summary(f))
			if isCurrency(f.Currency.Code) && !currency {
				currency = true
				n.add(engines.Field{Name: "currency", Value: f.Currency.Code, Raw: f.ValueDetection.Text, Type: "currency",
					Page: max(1, f.PageNumber), Box: f.ValueDetection.Geometry.box()})
			}
		}
	}
	n.items()
}

// isCurrency holds a code to ISO 4217's form.
func isCurrency(code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func saysInvoice(f expenseField) bool {
	return f.ValueDetection.Text != "" && slices.Contains([]string{"DUE_DATE", "PO_NUMBER", "RECEIVER_NAME", "PAYMENT_TERMS", "AMOUNT_DUE"}, f.Type.Text)
}

// add leaves out a field that says again what another says: each page of an
// invoice repeats its head, and groups repeat single fields.
func (n *normalizer) add(f engines.Field) {
	if f.Raw == "" || slices.ContainsFunc(n.result.Fields, func(o engines.Field) bool { return o.Name == f.Name && o.Raw == f.Raw }) {
		return
	}
	n.result.Fields = append(n.result.Fields, f)
}

func (n *normalizer) summary(f expenseField) engines.Field {
	wire := f.Type.Text
	// Parts of an address are of the seller or of the buyer.
	for _, g := range f.GroupProperties {
		for _, group := range g.Types {
			if (group == "VENDOR" || group == "RECEIVER") && !strings.HasPrefix(wire, group) {
				wire = group + "_" + wire
			}
		}
	}
	out := engines.Field{Raw: f.ValueDetection.Text, Value: f.ValueDetection.Text, Type: "text", Page: max(1, f.PageNumber),
		Box: f.ValueDetection.Geometry.box(), Confidence: confidence(f.ValueDetection.Confidence), HasConfidence: true}
	known, ok := expenseNames[wire]
	switch {
	case ok && n.result.Class == "invoice":
		out.Name, out.Type = known.invoice, known.kind
	case ok:
		out.Name, out.Type = known.receipt, known.kind
	case wire == "OTHER" && f.LabelDetection.Text != "":
		out.Name = engines.SnakeCase(f.LabelDetection.Text)
	default:
		out.Name = engines.SnakeCase(wire)
	}
	return n.typed(out)
}

// typed gives a field its value. One that is not understood is passed on as the
// text it is, with a warning: a wrong value would not be noticed.
func (n *normalizer) typed(f engines.Field) engines.Field {
	twoWays := false
	switch f.Type {
	case "amount":
		f.Value = decimal(f.Raw)
	case "date":
		f.Value, twoWays = isoDate(f.Raw, n.dateOrder)
	}
	if f.Value != "" {
		return f
	}
	f.Type, f.Value = "text", f.Raw
	if twoWays {
		n.doubt(warnDate, "Day and month of "+f.Name+" can be exchanged; say date_order in the engine's settings.", f.Page)
	} else {
		n.doubt(warnValue, "What is printed for "+f.Name+" could not be understood as its value.", f.Page)
	}
	return f
}

func (n *normalizer) doubt(code, sentence string, page int) {
	w := engines.Warning{Code: code, Sentence: sentence, Page: page}
	if !slices.Contains(n.result.Warnings, w) {
		n.result.Warnings = append(n.result.Warnings, w)
	}
}

// items puts the lines of all pages into one table.
func (n *normalizer) items() {
	var lines [][]expenseField
	for _, d := range n.expenses {
		for _, g := range d.LineItemGroups {
			for _, item := range g.LineItems {
				lines = append(lines, item.LineItemExpenseFields)
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	table := engines.Table{Name: "line_items", Page: 1}
	wires := itemTypes(lines)
	for _, wire := range wires {
		table.Columns = append(table.Columns, columnName(wire))
	}
	for i, line := range lines {
		row := make([]engines.Cell, len(wires))
		for k := range row {
			row[k] = engines.Cell{RowSpan: 1, ColSpan: 1}
		}
		for _, f := range line {
			page := max(1, f.PageNumber)
			if i == 0 {
				table.Page = page
			}
			k := slices.Index(wires, f.Type.Text)
			if k < 0 || f.ValueDetection.Text == "" {
				continue
			}
			n.cell(&row[k], &table, f, page)
		}
		table.Rows = append(table.Rows, row)
	}
	n.result.Tables = append(n.result.Tables, table)
}

// cell fills one cell. A cell has no page of its own, so that those of later
// pages than the table's have no box.
func (n *normalizer) cell(c *engines.Cell, table *engines.Table, f expenseField, page int) {
	if c.Text != "" {
		c.Text += " "
	}
	c.Text, c.Confidence = c.Text+f.ValueDetection.Text, confidence(f.ValueDetection.Confidence)
	if page != table.Page {
		return
	}
	if c.Box = f.ValueDetection.Geometry.box(); table.Box == (engines.Box{}) {
		table.Box = c.Box
	}
	table.Box = around(table.Box, c.Box)
}

// itemTypes are the types that occur in lines, ours first in their order. Lines
// of which only the whole is known have that.
func itemTypes(lines [][]expenseField) []string {
	found := map[string]bool{}
	var order []string
	for _, line := range lines {
		for _, f := range line {
			if !found[f.Type.Text] {
				found[f.Type.Text] = true
				order = append(order, f.Type.Text)
			}
		}
	}
	var wires []string
	for _, c := range itemColumns {
		if found[c.wire] {
			wires = append(wires, c.wire)
		}
	}
	for _, wire := range order {
		if !slices.Contains(wires, wire) && wire != wholeRow {
			wires = append(wires, wire)
		}
	}
	if len(wires) == 0 {
		return []string{wholeRow}
	}
	return wires
}

func columnName(wire string) string {
	if wire == wholeRow {
		return "description"
	}
	for _, c := range itemColumns {
		if c.wire == wire {
			return c.name
		}
	}
	return engines.SnakeCase(wire)
}
