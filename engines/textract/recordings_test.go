package textract

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

// counted is what a raw answer has, counted without the normalizer.
type counted struct{ words, tables, cells, fields, marks int }

// recordings are genuine answers beside the project.
func recordings(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"../../../shared/cloud/textract/*.json", "../../../shared/corpus/cloud/textract*.json"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

func TestRecordings(t *testing.T) {
	files := recordings(t)
	if len(files) == 0 {
		t.Skip("no recorded answers in ../shared/cloud/textract and ../shared/corpus/cloud")
	}
	p, err := New(settings(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%-42s %5s %13s %9s %11s %11s %7s", "recording", "pages", "words", "tables", "cells", "fields", "marks")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		result, err := p.Normalize(raw)
		if name == "async-failed.synthetic.json" || name == "async-inprogress.synthetic.json" {
			if e, _ := engines.AsError(err); e == nil || e.Code != engines.CodeService {
				t.Errorf("%s: got %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		enginetest.CheckAnswer(t, result)
		want, have := countRaw(t, raw, result), count(result)
		t.Logf("%-42s %5d %6d/%-6d %4d/%-4d %5d/%-5d %5d/%-5d %3d/%d", name, len(result.Pages),
			have.words, want.words, have.tables, want.tables, have.cells, want.cells, have.fields, want.fields, have.marks, want.marks)
		if have.words != want.words || have.tables != want.tables || have.cells != want.cells || have.marks != want.marks || have.fields < want.fields {
			t.Errorf("%s: have %+v of %+v", name, have, want)
		}
	}
}

func count(r engines.Result) (c counted) {
	for _, p := range r.Pages {
		c.marks += len(p.Marks)
		for _, b := range p.Blocks {
			for _, l := range b.Lines {
				c.words += len(l.Words)
			}
		}
	}
	for _, table := range r.Tables {
		c.tables++
		for _, row := range table.Rows {
			c.cells += len(row)
		}
	}
	c.fields = len(r.Fields)
	return c
}

// countRaw counts words, places of tables and different fields in the raw answer. A
// merged cell is one place; an expense's lines make one table of as many rows as
// our table has columns.
func countRaw(t *testing.T, raw []byte, r engines.Result) (c counted) {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	lines := 0
	walk(whole, func(m map[string]any) {
		switch m["BlockType"] {
		case "WORD":
			c.words++
		case "TABLE":
			c.tables++
		case "CELL":
			c.cells++
		case "MERGED_CELL":
			c.cells -= int(m["RowSpan"].(float64)*m["ColumnSpan"].(float64)) - 1
		case "SELECTION_ELEMENT":
			c.marks++
		case "KEY_VALUE_SET":
			if entities := m["EntityTypes"].([]any); entities[0] == "VALUE" && m["Relationships"] != nil {
				c.fields++
			}
		}
		if fields, ok := m["LineItemExpenseFields"].([]any); ok && len(fields) > 0 {
			lines++
		}
		for _, list := range []string{"SummaryFields", "IdentityDocumentFields"} {
			fields, _ := m[list].([]any)
			for _, f := range fields {
				if text := f.(map[string]any)["ValueDetection"].(map[string]any)["Text"].(string); text != "" {
					texts[text] = true
				}
			}
		}
	})
	for text := range texts {
		if c.fields++; !slices.ContainsFunc(r.Fields, func(f engines.Field) bool { return f.Raw == text }) {
			t.Errorf("no field says %q", text)
		}
	}
	if lines > 0 {
		c.tables++
		last := r.Tables[len(r.Tables)-1]
		c.cells += lines * len(last.Columns)
	}
	return c
}

func walk(v any, see func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		see(v)
		for _, child := range v {
			walk(child, see)
		}
	case []any:
		for _, child := range v {
			walk(child, see)
		}
	}
}

// TestWhatRecordingsSay looks at values and not at their number.
func TestWhatRecordingsSay(t *testing.T) {
	p, err := New(settings(func(o *options) { o.DateOrder = "mdy" }))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]map[string]string{
		"async-expense-2-pages.json": {"class": "invoice", "invoice_number": "00000135", "issue_date": "2020-03-12", "due_date": "2020-03-26",
			"gross_total": "5715.00", "currency": "USD", "order_number": "F0016", "buyer_name": "Ronald Davis", "table": "quantity"},
		"sync-expense-receipt.json": {"class": "receipt", "merchant_name": "MEGA MARKET PLUS", "date": "2019-12-07", "net_total": "1699.96",
			"tax_total": "110.50", "total": "1810.46", "receipt_number": "21772", "currency": "USD", "table": "description"},
		"sync-analyze-id.json": {"class": "id", "given_names": "GARCIA", "surname": "MARIA", "document_number": "736HDV7874JSB",
			"expiry_date": "2028-01-20", "date_of_birth": "2001-03-18", "issue_date": "2018-03-18"},
	} {
		raw, err := os.ReadFile("../../../shared/cloud/textract/" + file)
		if err != nil {
			t.Skipf("no recorded answer: %v", err)
		}
		r, err := p.Normalize(raw)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{"class": r.Class}
		for _, table := range r.Tables {
			got["table"] = strings.Join(table.Columns, " ")
		}
		for _, f := range r.Fields {
			if got[f.Name] == "" {
				got[f.Name] = f.Value
			}
		}
		for name, value := range want {
			if !strings.HasPrefix(got[name], value) && !(name == "table" && strings.Contains(got[name], value)) {
				t.Errorf("%s: %s is %q, want %q", file, name, got[name], value)
			}
		}
	}
}

// ours is a small answer of each kind, written by hand after the API reference.
var ours = []string{
	`{"JobStatus":"SUCCEEDED","DocumentMetadata":{"Pages":1},"AnalyzeDocumentModelVersion":"1.0","Blocks":[
{"BlockType":"PAGE","Id":"p","Page":1,"Geometry":{"BoundingBox":{"Width":1,"Height":1,"Left":0,"Top":0}}},
{"BlockType":"WORD","Id":"w1","Text":"Net","Confidence":99,"Geometry":{"BoundingBox":{"Width":0.1,"Height":0.02,"Left":0.1,"Top":0.1}}},
{"BlockType":"WORD","Id":"w2","Text":"naïve 🍐","Confidence":50,"Geometry":{"BoundingBox":{"Width":0.1,"Height":0.02,"Left":0.95,"Top":0.1}}},
{"BlockType":"LINE","Id":"l","Text":"Net naïve","Confidence":99,"Relationships":[{"Type":"CHILD","Ids":["w1","w2","gone"]}]},
{"BlockType":"SELECTION_ELEMENT","Id":"s","SelectionStatus":"SELECTED","Confidence":90},
{"BlockType":"TABLE","Id":"t","Relationships":[{"Type":"CHILD","Ids":["c1","c2","c3"]},{"Type":"MERGED_CELL","Ids":["m"]}]},
{"BlockType":"CELL","Id":"c1","RowIndex":1,"ColumnIndex":1,"Relationships":[{"Type":"CHILD","Ids":["w1"]}]},
{"BlockType":"CELL","Id":"c2","RowIndex":1,"ColumnIndex":2,"Relationships":[{"Type":"CHILD","Ids":["w2"]}]},
{"BlockType":"CELL","Id":"c3","RowIndex":2,"ColumnIndex":1,"Relationships":[{"Type":"CHILD","Ids":["s"]}]},
{"BlockType":"MERGED_CELL","Id":"m","RowIndex":1,"ColumnIndex":1,"ColumnSpan":2,"RowSpan":1,"EntityTypes":["COLUMN_HEADER"],"Relationships":[{"Type":"CHILD","Ids":["c1","c2"]}]},
{"BlockType":"KEY_VALUE_SET","Id":"k","EntityTypes":["KEY"],"Confidence":80,"Relationships":[{"Type":"VALUE","Ids":["v","k"]},{"Type":"CHILD","Ids":["w1"]}]},
{"BlockType":"KEY_VALUE_SET","Id":"v","EntityTypes":["VALUE"],"Confidence":70,"Relationships":[{"Type":"CHILD","Ids":["w2"]}]}]}`,
	`[{"ExpenseDocuments":[{"SummaryFields":[{"Type":{"Text":"TOTAL"},"ValueDetection":{"Text":"$1.00"},"Currency":{"Code":"USD"}}],
"LineItemGroups":[{"LineItems":[{"LineItemExpenseFields":[{"Type":{"Text":"EXPENSE_ROW"},"ValueDetection":{"Text":"x"}}]}]}]}],"DocumentMetadata":{"Pages":1}}]`,
	`{"IdentityDocuments":[{"IdentityDocumentFields":[{"Type":{"Text":"MRZ_CODE"},"ValueDetection":{"Text":"P<X\nY\nZ\nA"}},
{"Type":{"Text":"ID_TYPE"},"ValueDetection":{"Text":"PASSPORT"}}]}],"DocumentMetadata":{"Pages":1}}`,
}

func TestOurs(t *testing.T) {
	p, err := New(settings(nil))
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Normalize([]byte(ours[0]))
	if err != nil {
		t.Fatal(err)
	}
	enginetest.CheckAnswer(t, r)
	rows := r.Tables[0].Rows
	if len(rows) != 2 || len(rows[0]) != 1 || rows[0][0].Text != "Net naïve 🍐" || rows[0][0].ColSpan != 2 || !rows[0][0].Header || rows[1][0].Text != "[x]" {
		t.Errorf("rows %+v", rows)
	}
	if f := r.Fields[0]; f.Name != "net" || f.Value != "naïve 🍐" || f.Confidence != 0.7 {
		t.Errorf("field %+v", f)
	}
	if r, err = p.Normalize([]byte(ours[2])); err != nil || r.Class != "passport" || len(r.Fields) != 4 {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, raw := range ours {
		f.Add([]byte(raw))
		f.Add([]byte(raw[:len(raw)/2]))
	}
	p, err := New(settings(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := p.Normalize(raw); err == nil {
			enginetest.CheckAnswer(t, r)
		}
	})
}
