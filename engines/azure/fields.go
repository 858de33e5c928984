package azure

import (
	"cmp"
	"encoding/json"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"intray/engines"
)

// documents makes class and fields of the first document that was found.
func (n *normalizer) documents() {
	if len(n.in.Documents) == 0 {
		return
	}
	d := n.in.Documents[0]
	n.out.Class, n.out.ClassConfidence = class(d.Type), share(d.Confidence)
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
		n.field(name, d.Fields[name])
	}
	n.currency(d)
}

// class is the design's name of a document's type, such as receipt.retailMeal.
func class(docType string) string {
	head, tail, _ := strings.Cut(docType, ".")
	switch {
	case head == "":
		return ""
	case head == "idDocument" && tail == "passport":
		return "passport"
	case head == "idDocument":
		return "id"
	case strings.HasPrefix(head, "bankStatement"):
		return "bank_statement"
	}
	return engines.SnakeCase(head)
}

// names are the design's, by class and the service's name.
func (n *normalizer) name(key string) string {
	invoice := map[string]string{"InvoiceId": "invoice_number", "InvoiceDate": "issue_date", "PurchaseOrder": "order_number",
		"VendorName": "seller_name", "VendorTaxId": "seller_vat_id", "VendorAddress": "seller_address", "CustomerName": "buyer_name",
		"CustomerTaxId": "buyer_vat_id", "SubTotal": "net_total", "InvoiceTotal": "gross_total", "TotalTax": "tax_total", "IBAN": "iban",
		"SWIFT": "bic", "ServiceEndDate": "delivery_date", "CustomerAddress": "buyer_address"}
	receipt := map[string]string{"MerchantPhoneNumber": "merchant_phone", "TransactionDate": "date", "TransactionTime": "time",
		"Subtotal": "net_total", "TotalTax": "tax_total"}
	id := map[string]string{"LastName": "surname", "FirstName": "given_names", "CountryRegion": "issuing_country",
		"DateOfIssue": "issue_date", "DateOfExpiration": "expiry_date"}
	own := map[string]map[string]string{"invoice": invoice, "receipt": receipt, "id": id, "passport": id}[n.out.Class]
	return cmp.Or(own[key], engines.SnakeCase(key))
}

// field adds a field. Lists of objects become tables, other lists one text, and
// objects a field for each member.
func (n *normalizer) field(key string, v value) {
	switch {
	case v.Object != nil && strings.HasPrefix(key, "MachineReadableZone"):
		n.zone(v)
		for _, member := range slices.Sorted(maps.Keys(v.Object)) {
			if name := n.name(member); !n.has(name) {
				n.field(member, v.Object[member])
			}
		}
	case v.Object != nil:
		for _, member := range slices.Sorted(maps.Keys(v.Object)) {
			n.field(key+upperFirst(member), v.Object[member])
		}
	case len(v.Array) > 0 && v.Array[0].Object != nil:
		n.grid(key, v.Array)
		if key == "PaymentDetails" {
			for _, member := range slices.Sorted(maps.Keys(v.Array[0].Object)) {
				n.field(member, v.Array[0].Object[member])
			}
		}
	case len(v.Array) > 0:
		n.list(key, v.Array)
	default:
		n.add(n.name(key), v)
	}
}

func (n *normalizer) has(name string) bool {
	return slices.ContainsFunc(n.out.Fields, func(f engines.Field) bool { return f.Name == name })
}

// list is one field of all values, as sure as the least sure.
func (n *normalizer) list(key string, values []value) {
	all := value{Type: "string"}
	var texts, printed []string
	for _, v := range values {
		text, _ := v.plain(key)
		texts, printed = append(texts, text), append(printed, v.Content)
		all.Regions = append(all.Regions, v.Regions...)
		if v.Confidence != nil && (all.Confidence == nil || *v.Confidence < *all.Confidence) {
			all.Confidence = v.Confidence
		}
	}
	all.String, all.Content = strings.Join(texts, ", "), strings.Join(printed, ", ")
	n.add(n.name(key), all)
}

func (n *normalizer) add(name string, v value) {
	text, kind := v.plain(name)
	if name == "" || text == "" {
		return
	}
	// Numbers for the tax office without a country are no VAT ids.
	if name == "seller_vat_id" && !regexp.MustCompile(`^[A-Z]{2}[ ]?[0-9A-Z]`).MatchString(text) {
		name = "seller_tax_number"
	}
	f := engines.Field{Name: name, Value: text, Raw: v.Content, Type: kind, HasConfidence: v.Confidence != nil}
	if f.HasConfidence {
		f.Confidence = share(*v.Confidence)
	}
	f.Page, f.Box = n.place(v.Regions)
	n.out.Fields = append(n.out.Fields, f)
}

// plain is the typed value and its type; what cannot be typed is the printed text.
func (v value) plain(name string) (text, kind string) {
	switch {
	case v.Currency != nil && decimal(v.Currency.Amount, 2) != "":
		return decimal(v.Currency.Amount, 2), "amount"
	case decimal(v.Number, 0) != "":
		return decimal(v.Number, 0), "amount"
	case decimal(v.Integer, 0) != "":
		return decimal(v.Integer, 0), "amount"
	case isDate(v.Date):
		return v.Date, "date"
	case v.Time != "":
		return strings.TrimSuffix(v.Time, ":00"), "text"
	case v.Boolean != nil:
		return map[bool]string{true: "true", false: "false"}[*v.Boolean], "text"
	}
	codes := []string{"invoice_number", "order_number", "seller_vat_id", "seller_tax_number", "buyer_vat_id", "iban", "bic",
		"merchant_phone", "receipt_number", "document_number", "personal_number", "account_number"}
	kind = "text"
	if slices.Contains(codes, name) {
		kind = "code"
	}
	printed := v.Content
	if v.Address == nil {
		printed = cmp.Or(v.String, v.Phone, v.Country, v.Mark, v.Signature, v.Content)
	}
	return ticks(strings.TrimSpace(printed)), kind
}

func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// decimal writes a JSON number as a decimal with at least so many places; "" for
// what is none.
func decimal(number json.Number, places int) string {
	text := number.String()
	if !regexp.MustCompile(`^-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?$`).MatchString(text) {
		return ""
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return ""
	}
	needed, finite := exact.FloatPrec()
	if !finite {
		return ""
	}
	return exact.FloatString(max(places, needed))
}

// currency is the first one that is named, the total's if it has one.
func (n *normalizer) currency(d wireDocument) {
	if n.has("currency") {
		return
	}
	keys := append([]string{"InvoiceTotal", "Total", "AmountDue"}, slices.Sorted(maps.Keys(d.Fields))...)
	for _, key := range keys {
		v := d.Fields[key]
		if v.Currency == nil || !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(v.Currency.Code) {
			continue
		}
		f := engines.Field{Name: "currency", Value: v.Currency.Code, Type: "currency", HasConfidence: v.Confidence != nil}
		if v.Confidence != nil {
			f.Confidence = share(*v.Confidence)
		}
		n.out.Fields = append(n.out.Fields, f)
		return
	}
}

// zone makes the lines of a machine readable zone fields of their own.
func (n *normalizer) zone(v value) {
	for i, line := range strings.Fields(v.Content) {
		if i < 3 && strings.Contains(v.Content, "<") {
			part := v
			part.Object, part.String, part.Content = nil, line, line
			n.add("mrz_line"+string(rune('1'+i)), part)
		}
	}
}

// pairs are printed labels with their values, where the model gives no fields.
func (n *normalizer) pairs() {
	if len(n.out.Fields) > 0 {
		return
	}
	for _, pair := range n.in.KeyValues {
		name := engines.SnakeCase(pair.Key.Content)
		if pair.Value == nil || n.has(name) {
			continue
		}
		confidence := pair.Confidence
		n.add(name, value{Type: "string", String: pair.Value.Content, Content: pair.Value.Content, Confidence: &confidence, Regions: pair.Value.Regions})
	}
}

func upperFirst(name string) string {
	if name == "" {
		return name
	}
	runes := []rune(name)
	return string(unicode.ToUpper(runes[0])) + string(runes[1:])
}
