package documentai

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

// counted is what a raw answer has, counted without the normalizer.
type counted struct{ pages, words, tables, cells, fields, marks int }

const shared = "../../../shared/cloud/google/"

// answers are the genuine ones by name: Documents, and the shards as one list in
// the order of their file names.
func answers(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(shared + "*.json")
	if err != nil || len(files) == 0 {
		t.Skip("no recorded answers in ../shared/cloud/google")
	}
	out := map[string][]byte{}
	var shards []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); strings.HasPrefix(name, "sharded-") {
			shards = append(shards, string(raw))
		} else {
			out[name] = raw
		}
	}
	out["sharded-50-pages (5 files)"] = []byte("[" + strings.Join(shards, ",") + "]")
	return out
}

func TestRecordings(t *testing.T) {
	p := plain(t)
	t.Logf("%-38s %9s %13s %9s %9s %9s %7s", "recording", "pages", "words", "tables", "cells", "fields", "marks")
	for name, raw := range answers(t) {
		r, err := p.Normalize(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		enginetest.CheckAnswer(t, r)
		want, have := countRaw(t, raw), count(r)
		t.Logf("%-38s %4d/%-4d %6d/%-6d %4d/%-4d %4d/%-4d %4d/%-4d %3d/%-3d", name, have.pages, want.pages, have.words, want.words,
			have.tables, want.tables, have.cells, want.cells, have.fields, want.fields, have.marks, want.marks)
		if have != want {
			t.Errorf("%s: have %+v of %+v", name, have, want)
		}
	}
}

// count counts words in the text of pages that have no places.
func count(r engines.Result) (c counted) {
	c.pages = len(r.Pages)
	for _, p := range r.Pages {
		c.marks += len(p.Marks)
		c.words += len(strings.Fields(p.Text))
		for _, b := range p.Blocks {
			for _, l := range b.Lines {
				c.words += len(l.Words)
			}
		}
	}
	for _, t := range r.Tables {
		c.tables++
		for _, row := range t.Rows {
			for _, cell := range row {
				if cell.Text != "" {
					c.cells++
				}
			}
		}
	}
	c.fields = len(r.Fields)
	return c
}

// countRaw counts tokens (or words of the text, where there are none), tables with
// their cells (line items make one), and entities with their properties and form
// fields that say something else.
func countRaw(t *testing.T, raw []byte) (c counted) {
	t.Helper()
	var whole any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	list, many := whole.([]any)
	if !many {
		list = []any{whole}
	}
	said := map[string]bool{}
	for _, d := range list {
		doc := d.(map[string]any)
		text, _ := doc["text"].(string)
		tokens := 0
		pages := sub(doc, "pages")
		c.pages += len(pages)
		for _, p := range pages {
			tokens += len(sub(p, "tokens"))
			marks := 0
			for _, v := range sub(p, "visualElements") {
				if kind, _ := v["type"].(string); strings.HasSuffix(kind, "filled_checkbox") {
					marks++
				}
			}
			for _, f := range sub(p, "formFields") { // they say the same once more
				if kind, _ := f["valueType"].(string); strings.HasSuffix(kind, "filled_checkbox") && len(sub(p, "visualElements")) == 0 {
					marks++
				}
			}
			c.marks += marks
			for _, table := range sub(p, "tables") {
				c.tables++
				for _, rows := range []string{"headerRows", "bodyRows"} {
					for _, row := range sub(table, rows) {
						for _, cell := range sub(row, "cells") {
							if says(cell["layout"], text) != "" {
								c.cells++
							}
						}
					}
				}
			}
		}
		if c.words += tokens; tokens == 0 {
			c.words += len(strings.Fields(text))
		}
		c.layout(doc)
		c.entities(sub(doc, "entities"), said, len(pages) > 0 && text == "")
		for _, p := range pages {
			for _, f := range sub(p, "formFields") {
				if value := says(f["fieldValue"], text); value != "" && !said[engines.SnakeCase(says(f["fieldName"], text))+"\n"+value] {
					c.fields++
				}
			}
		}
	}
	return c
}

// layout counts the layout parser's blocks.
func (c *counted) layout(doc map[string]any) {
	layout, _ := doc["documentLayout"].(map[string]any)
	last := 0
	var walk func(blocks []map[string]any)
	walk = func(blocks []map[string]any) {
		for _, b := range blocks {
			if span, ok := b["pageSpan"].(map[string]any); ok {
				last = max(last, int(span["pageStart"].(float64)))
			}
			if text, ok := b["textBlock"].(map[string]any); ok {
				c.words += len(strings.Fields(text["text"].(string)))
				walk(sub(text, "blocks"))
			}
			if b["tableBlock"] != nil || b["listBlock"] != nil {
				panic("count these too")
			}
		}
	}
	walk(sub(layout, "blocks"))
	c.pages += last
}

func (c *counted) entities(list []map[string]any, said map[string]bool, splitter bool) {
	items := false
	for _, e := range list {
		mention, _ := e["mentionText"].(string)
		switch {
		case e["type"] == "quality_score":
		case e["type"] == "line_item":
			items = true
			c.cells += len(sub(e, "properties"))
		case mention != "" || e["normalizedValue"] != nil || splitter:
			c.fields++
			said[engines.SnakeCase(e["type"].(string))+"\n"+strings.TrimSpace(mention)] = true
			c.entities(sub(e, "properties"), said, false)
		}
	}
	if items {
		c.tables++
	}
}

func sub(of map[string]any, name string) []map[string]any {
	list, _ := of[name].([]any)
	var out []map[string]any
	for _, v := range list {
		out = append(out, v.(map[string]any))
	}
	return out
}

// says is the text of a layout.
func says(layout any, text string) string {
	raw, err := json.Marshal(layout)
	if err != nil {
		return ""
	}
	var a struct {
		Anchor anchor `json:"textAnchor"`
	}
	if json.Unmarshal(raw, &a) != nil {
		return ""
	}
	return a.Anchor.words([]rune(text))
}

// TestWhatRecordingsSay looks at values and not at their number.
func TestWhatRecordingsSay(t *testing.T) {
	p := plain(t)
	all := answers(t)
	for file, want := range map[string]map[string]string{
		"invoice-parser.document.json": {"class": "invoice", "invoice_number": "NO. 001", "issue_date": "1970-01-01", "due_date": "2025-01-01",
			"gross_total": "2140", "net_total": "2000", "tax_total": "140", "currency": "USD", "seller_name": "Company ABC", "buyer_name": "John Doe"},
		"expense-french-receipt.document.json": {"class": "receipt", "total": "9.50", "date": "2022-12-11", "time": "12:42", "currency": "EUR",
			"merchant_name": "Maison de Jeanne d'Arc", "columns": "description line_total"},
		"form-with-tables.document.json": {"form_date": "2020/10/01"},
		"splitter.document.json":         {"document_class": "invoice_statement"},
		"ocr-multilingual.document.json": {"languages": "en de fr"},
	} {
		r, err := p.Normalize(all[file])
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{"class": r.Class, "languages": strings.Join(r.Languages, " ")}
		for _, table := range r.Tables {
			if table.Name != "" {
				got["columns"] = strings.Join(table.Columns, " ")
			}
		}
		for _, f := range r.Fields {
			if got[f.Name] == "" {
				got[f.Name] = f.Value
			}
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: %s is %q, want %q", file, name, got[name], value)
			}
		}
	}
	r, err := p.Normalize(all["sharded-50-pages (5 files)"])
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range r.Pages {
		if page.Failed != "" || page.Text == "" && i > 3 {
			t.Errorf("page %d: %q", i+1, page.Failed)
		}
	}
}

// ours is a small Document written by hand after the API reference.
const ours = `{"document":{"text":"é🍐 x\nTotal 9,50\n","pages":[{"pageNumber":2,"dimension":{"width":100,"height":200},
"layout":{"orientation":"PAGE_RIGHT"},
"lines":[{"layout":{"textAnchor":{"textSegments":[{"endIndex":"5"}]},"boundingPoly":{"vertices":[{},{"x":50},{"x":50,"y":20},{"y":20}]}}}],
"tokens":[{"layout":{"textAnchor":{"textSegments":[{"endIndex":"3"}]},"confidence":0.5,"boundingPoly":{"vertices":[{},{"x":50},{"x":50,"y":20},{"y":20}]}}},
{"layout":{"textAnchor":{"textSegments":[{"startIndex":"3","endIndex":5}]}}},{"layout":{"textAnchor":{"textSegments":[{"startIndex":"5","endIndex":"11"}]}}}],
"tables":[{"headerRows":[{"cells":[{"layout":{"textAnchor":{"textSegments":[{"startIndex":"5","endIndex":"10"}]}},"colSpan":2}]}],
"bodyRows":[{"cells":[{"layout":{}},{"layout":{"textAnchor":{"textSegments":[{"startIndex":"11","endIndex":"999"}]}}}]}]}],
"formFields":[{"fieldName":{"textAnchor":{"textSegments":[{"startIndex":"5","endIndex":"10"}]}},"fieldValue":{},"valueType":"filled_checkbox"}]}],
"entities":[{"type":"total_amount","mentionText":"9,50","confidence":0.9,"normalizedValue":{"moneyValue":{"currencyCode":"EUR","units":"9","nanos":500000000}},
"pageAnchor":{"pageRefs":[{}]}},{"type":"due_date","mentionText":"soon"},
{"type":"line_item","properties":[{"type":"line_item/amount","mentionText":"1"}]},{"type":"line_item","properties":[{"type":"line_item/quantity","mentionText":"2"}]},
{"type":"quality_score","confidence":0.1,"pageAnchor":{"pageRefs":[{"page":"7"}]}}]}}`

func TestOurs(t *testing.T) {
	r, err := plain(t).Normalize([]byte(ours))
	if err != nil {
		t.Fatal(err)
	}
	enginetest.CheckAnswer(t, r)
	if len(r.Pages) != 2 || r.Pages[0].Failed == "" || r.Pages[1].Angle != 90 || len(r.Pages[1].Marks) != 1 || !r.Pages[1].Marks[0].Selected {
		t.Errorf("pages %+v", r.Pages)
	}
	if text := enginetest.AnswerText(r); text != "\fTotal\né🍐 x\n" {
		t.Errorf("text %q", text)
	}
	words := r.Pages[1].Blocks[0].Lines[1].Words
	if words[0].Box != (engines.Box{X1: 0.5, Y1: 0.1}) {
		t.Errorf("box %+v", words[0].Box)
	}
	if rows := r.Tables[0].Rows; rows[0][0].ColSpan != 2 || !rows[0][0].Header || rows[1][1].Text != "9,50" {
		t.Errorf("rows %+v", rows)
	}
	if table := r.Tables[1]; table.Name != "line_items" || len(table.Rows) != 2 || len(table.Rows[0]) != 2 || table.Rows[1][1].Text != "2" {
		t.Errorf("lines %+v", table)
	}
	var fields []string
	for _, f := range r.Fields {
		fields = append(fields, f.Name+" "+f.Type+" "+f.Value)
	}
	if got := strings.Join(fields, "; "); got != "gross_total amount 9.50; due_date text soon; total text selected; currency currency EUR" {
		t.Errorf("fields %s", got)
	}
	if len(r.Warnings) != 2 {
		t.Errorf("warnings %+v", r.Warnings)
	}
}

// TestForeignFolder: a ledger that was tampered with leads nowhere.
func TestForeignFolder(t *testing.T) {
	p := plain(t)
	for _, url := range []string{"", "gs://other/intray/x/", "gs://in-tray/", "gs://in-tray/elsewhere/", "https://in-tray/intray/"} {
		_, err := p.Status(t.Context(), engines.Job{ID: "projects/1/locations/eu/operations/1", URL: url})
		if e, _ := engines.AsError(err); e == nil || e.Code != engines.CodeForeignAddress {
			t.Errorf("%q: %v", url, err)
		}
		if e, _ := engines.AsError(p.Delete(t.Context(), engines.Job{ID: "x", URL: url})); e == nil || e.Code != engines.CodeForeignAddress {
			t.Errorf("%q: %v", url, e)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add([]byte(ours))
	f.Add([]byte(ours[:len(ours)/2]))
	f.Add([]byte("[" + ours + "," + ours + "]"))
	f.Add([]byte(`{"documentLayout":{"blocks":[{"pageSpan":{"pageStart":2},"tableBlock":{"bodyRows":[{"cells":[{"blocks":[{"textBlock":{"text":"x"}}]}]}]}},
{"listBlock":{"listEntries":[{"blocks":[{"textBlock":{"text":"y"}}]}]}}]}}`))
	p := plain(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := p.Normalize(raw); err == nil {
			enginetest.CheckAnswer(t, r)
		}
	})
}
