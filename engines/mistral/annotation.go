package mistral

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"intray/engines"
)

// member is one of an object's, in the order in which it stands there.
type member struct {
	name  string
	value json.RawMessage
}

// annotate turns the JSON that Mistral was asked to fill into fields and tables:
// its members are fields, those of objects in it with both names, and a list of
// objects is a table. What the members are called is the schema's affair; with
// the design's names they get its types.
func annotate(r *engines.Result, text string) {
	members, err := members([]byte(text))
	if err != nil {
		r.Warnings = append(r.Warnings, engines.Warning{Code: warnAnnotation, Sentence: "Mistral's annotation of the document is no JSON object."})
		return
	}
	for _, m := range members {
		put(r, engines.SnakeCase(m.name), m.value, 0)
	}
}

// maxDepth is how deep an annotation's objects are followed.
const maxDepth = 8

func put(r *engines.Result, name string, value json.RawMessage, depth int) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || depth > maxDepth {
		return
	}
	switch value[0] {
	case '{':
		inner, _ := members(value)
		for _, m := range inner {
			put(r, name+"_"+engines.SnakeCase(m.name), m.value, depth+1)
		}
	case '[':
		var list []json.RawMessage
		// The whole text was valid JSON.
		_ = json.Unmarshal(value, &list)
		if len(list) > 0 && bytes.HasPrefix(bytes.TrimSpace(list[0]), []byte("{")) {
			r.Tables = append(r.Tables, tableOf(name, list))
			return
		}
		var texts []string
		for _, v := range list {
			if text := scalar(v); text != "" {
				texts = append(texts, text)
			}
		}
		add(r, name, strings.Join(texts, ", "))
	default:
		add(r, name, scalar(value))
	}
}

// tableOf is a list of objects; columns are in the order of their first coming.
func tableOf(name string, list []json.RawMessage) engines.Table {
	t := engines.Table{}
	if name == "line_items" || name == "transactions" {
		t.Name = name
	}
	rows := make([]map[string]string, len(list))
	for i, v := range list {
		rows[i] = map[string]string{}
		inner, _ := members(v)
		for _, m := range inner {
			column := engines.SnakeCase(m.name)
			if !slices.Contains(t.Columns, column) {
				t.Columns = append(t.Columns, column)
			}
			rows[i][column] = scalar(m.value)
		}
	}
	for _, row := range rows {
		cells := []engines.Cell{}
		for _, column := range t.Columns {
			cells = append(cells, engines.Cell{Text: row[column], RowSpan: 1, ColSpan: 1})
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// scalar is a value as text; null is "".
func scalar(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return text
	}
	if string(v) == "null" {
		return ""
	}
	return string(bytes.TrimSpace(v))
}

// kinds are the design's names that are not text.
var kinds = map[string]string{
	"issue_date": "date", "due_date": "date", "delivery_date": "date", "date": "date", "date_of_birth": "date", "expiry_date": "date",
	"statement_start": "date", "statement_end": "date",
	"net_total": "amount", "tax_total": "amount", "gross_total": "amount", "amount_due": "amount", "prepaid": "amount", "total": "amount",
	"opening_balance": "amount", "closing_balance": "amount", "total_debit": "amount", "total_credit": "amount",
	"currency":       "currency",
	"invoice_number": "code", "order_number": "code", "seller_vat_id": "code", "buyer_vat_id": "code", "iban": "code", "bic": "code",
	"receipt_number": "code", "document_number": "code", "personal_number": "code", "account_number": "code",
}

var (
	decimal  = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
)

// add gives a field its type where the value is of it; Mistral writes what its
// schema asks for, and what is not so is text.
func add(r *engines.Result, name, text string) {
	if text == "" {
		return
	}
	f := engines.Field{Name: name, Type: "text", Value: text, Raw: text}
	switch kind := kinds[name]; kind {
	case "date":
		if _, err := time.Parse(time.DateOnly, text); err == nil {
			f.Type = kind
		}
	case "amount":
		if decimal.MatchString(text) {
			f.Type = kind
		}
	case "currency":
		if currency.MatchString(text) {
			f.Type = kind
		}
	case "code":
		f.Type = kind
	}
	r.Fields = append(r.Fields, f)
}

// members are an object's, in order.
func members(raw []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("no object: %w", err)
	}
	var all []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		all = append(all, member{fmt.Sprint(name), value})
	}
	_, err := d.Token()
	return all, err
}
