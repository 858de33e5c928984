package httpapi

import (
	"cmp"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"intray/engines"
)

// value is where a field's value is: the field itself, or a member of it.
func (m Mapping) value(v gjson.Result) gjson.Result {
	if v.IsObject() {
		return get(v, cmp.Or(m.FieldValue, "value"))
	}
	return v
}

// field adds one; false if it has no value.
func (m Mapping) field(out *engines.Result, name string, v gjson.Result) bool {
	printed := m.value(v)
	text, kind := typed(printed, m.Types[name], name)
	if text == "" {
		return false
	}
	f := engines.Field{Name: name, Value: text, Raw: printed.String(), Type: kind}
	if v.IsObject() {
		switch c := get(v, m.FieldConfidence); {
		case c.Type == gjson.Number:
			f.Confidence, f.HasConfidence = share(c.Num), true
		case strings.EqualFold(c.String(), "low"):
			// A word for a level is no number; the lowest is worth a remark.
			out.Warnings = append(out.Warnings, engines.Warning{Code: "low_confidence", Sentence: "The service is not sure of " + name + "."})
		}
		m.place(out, &f, v)
	}
	out.Fields = append(out.Fields, f)
	return true
}

// place is the field's page and box, if the page is one of the answer's.
func (m Mapping) place(out *engines.Result, f *engines.Field, v gjson.Result) {
	page := get(v, m.FieldPage)
	number := page.Num - float64(m.FirstPage) + 1
	if page.Type != gjson.Number || number < 1 || int(number) > len(out.Pages) {
		return
	}
	f.Page = int(number)
	p := &out.Pages[f.Page-1]
	if box := get(v, m.FieldBox); box.IsArray() && (m.PageWidth == "" || p.Width > 0) {
		s := scale{1, float64(p.Width), float64(p.Height)}
		if m.PageWidth == "" {
			p.Width, p.Height = perPage, perPage
			s = scale{perPage, perPage, perPage}
		}
		f.Box = s.box(box)
	}
}

// table makes rows of a list of objects with fields.
func (m Mapping) table(out *engines.Result, name string, items []gjson.Result) {
	table := engines.Table{}
	if name == "line_items" || name == "transactions" {
		table.Name = name
	}
	members := func(item gjson.Result) gjson.Result {
		if fields := item.Get("fields"); fields.IsObject() {
			return fields
		}
		return item
	}
	for _, item := range items {
		members(item).ForEach(func(key, _ gjson.Result) bool {
			if column := cmp.Or(m.Names[key.String()], engines.SnakeCase(key.String())); column != "" && !slices.Contains(table.Columns, column) {
				table.Columns = append(table.Columns, column)
			}
			return true
		})
	}
	if len(table.Columns) == 0 || len(table.Columns)*len(items) > 1_000_000 {
		return
	}
	for _, item := range items {
		row := make([]engines.Cell, len(table.Columns))
		for i := range row {
			row[i] = engines.Cell{RowSpan: 1, ColSpan: 1, Confidence: 1}
		}
		members(item).ForEach(func(key, v gjson.Result) bool {
			if i := slices.Index(table.Columns, cmp.Or(m.Names[key.String()], engines.SnakeCase(key.String()))); i >= 0 {
				row[i].Text = m.value(v).String()
				if c := get(v, m.FieldConfidence); v.IsObject() && c.Type == gjson.Number {
					row[i].Confidence = share(c.Num)
				}
			}
			return true
		})
		table.Rows = append(table.Rows, row)
	}
	out.Tables = append(out.Tables, table)
}

// typed writes a value as its type demands; one that cannot be is text. Without a
// type numbers are amounts and ISO dates dates.
func typed(v gjson.Result, kind, name string) (text, is string) {
	if v.IsObject() || v.IsArray() || v.Type == gjson.Null {
		return "", ""
	}
	text = strings.TrimSpace(v.String())
	if v.Type == gjson.Number {
		text = v.Raw // as it came: an amount is no floating point number
	}
	_, notDate := time.Parse(time.DateOnly, text)
	currency := regexp.MustCompile(`^[A-Z]{3}$`).MatchString(text)
	switch {
	case kind == "amount" || kind == "" && v.Type == gjson.Number:
		if amount := decimal(text); amount != "" {
			return amount, "amount"
		}
	case kind == "date" || kind == "":
		if notDate == nil {
			return text, "date"
		}
		if currency && name == "currency" {
			return text, "currency"
		}
	case kind == "currency" && currency:
		return text, "currency"
	case kind == "code":
		return text, "code"
	}
	return text, "text"
}

// decimal writes a JSON number or a plain decimal with at least two places; "" for
// what is none.
func decimal(text string) string {
	if !regexp.MustCompile(`^-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?$`).MatchString(text) {
		return ""
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return ""
	}
	places, finite := exact.FloatPrec()
	if !finite {
		return ""
	}
	return exact.FloatString(max(places, 2))
}
