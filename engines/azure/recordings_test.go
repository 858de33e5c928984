package azure

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"intray/engines"
	"intray/engines/enginetest"
)

// recordings are real answers where this machine has them: final bodies by name.
func recordings(t testing.TB) map[string][]byte {
	t.Helper()
	files, _ := filepath.Glob("../../../shared/cloud/azure/*.json")
	more, _ := filepath.Glob("../../../shared/corpus/cloud/azure-*.json")
	out := map[string][]byte{}
	for _, f := range append(files, more...) {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if body := lastResult(data); body != nil {
			out[filepath.Base(f)] = body
		}
	}
	return out
}

// lastResult finds the last answer with a result in recorded traffic, or takes a
// file that is an answer; nil for others.
func lastResult(data []byte) []byte {
	var traffic struct {
		Entries []struct{ ResponseBody json.RawMessage }
		Pages   json.RawMessage `json:"pages"`
	}
	if json.Unmarshal(data, &traffic) != nil {
		return nil
	}
	if traffic.Pages != nil { // an SDK's own form
		return wireForm(data)
	}
	var last []byte
	for _, e := range traffic.Entries {
		if strings.Contains(string(e.ResponseBody), `"analyzeResult"`) {
			last = e.ResponseBody
		}
	}
	if last == nil && strings.Contains(string(data), `"analyzeResult"`) {
		return data
	}
	return last
}

// wireForm turns the Python SDK's dictionary into what came over the wire.
func wireForm(data []byte) []byte {
	points := regexp.MustCompile(`\{\s*"x": ([-\d.]+),\s*"y": ([-\d.]+)\s*\}`)
	text := points.ReplaceAllString(string(data), "$1, $2")
	keys := regexp.MustCompile(`"[a-z]+(_[a-z]+)+":`)
	text = keys.ReplaceAllStringFunc(text, func(key string) string {
		parts := strings.Split(key, "_")
		for i := range parts[1:] {
			parts[i+1] = strings.ToUpper(parts[i+1][:1]) + parts[i+1][1:]
		}
		return strings.Join(parts, "")
	})
	// The Python SDK counts code points.
	return []byte(`{"status": "succeeded", "analyzeResult": ` + strings.Replace(text, "{", `{"stringIndexType": "unicodeCodePoint",`, 1) + `}`)
}

// counts are what there is to find in an answer.
type counts struct{ pages, words, letters, lines, marks, tables, cells, fields int }

// countRaw counts in the raw JSON by its keys, knowing nothing of the normalizer.
func countRaw(t *testing.T, raw []byte) counts {
	var body struct{ AnalyzeResult map[string]any }
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	var c counts
	list := func(v any, key string) []any {
		m, _ := v.(map[string]any)
		l, _ := m[key].([]any)
		return l
	}
	r := body.AnalyzeResult
	for _, p := range append(list(r, "pages"), list(r, "readResults")...) {
		c.pages++
		words := list(p, "words")
		for _, l := range list(p, "lines") {
			c.lines++
			words = append(words, list(l, "words")...)
		}
		for _, w := range words {
			text, _ := w.(map[string]any)["content"].(string)
			if text == "" {
				text, _ = w.(map[string]any)["text"].(string)
			}
			c.words++
			c.letters += letters(text)
		}
		c.marks += len(list(p, "selectionMarks"))
	}
	for _, table := range list(r, "tables") {
		c.tables++
		c.cells += len(list(table, "cells"))
	}
	for _, d := range append(list(r, "documents"), list(r, "documentResults")...) {
		fields, _ := d.(map[string]any)["fields"].(map[string]any)
		for _, f := range fields {
			if items := list(f, "valueArray"); len(items) > 0 && items[0].(map[string]any)["type"] == "object" {
				c.tables++
				for _, item := range items {
					object, _ := item.(map[string]any)["valueObject"].(map[string]any)
					c.cells += len(object)
				}
				continue
			}
			c.fields++
		}
	}
	return c
}

func letters(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

func countResult(r engines.Result) counts {
	c := counts{pages: len(r.Pages), tables: len(r.Tables)}
	for _, p := range r.Pages {
		c.marks += len(p.Marks)
		for _, b := range p.Blocks {
			c.lines += len(b.Lines)
			for _, l := range b.Lines {
				c.words += len(l.Words)
				for _, w := range l.Words {
					c.letters += letters(w.Text)
				}
			}
		}
	}
	for _, table := range r.Tables {
		for _, row := range table.Rows {
			for _, cell := range row {
				if cell.Text != "" || table.Columns == nil {
					c.cells++
				}
			}
		}
	}
	for _, f := range r.Fields {
		if f.Name != "currency" { // it stands within amounts
			c.fields++
		}
	}
	return c
}

// TestRecordings: nothing of a real answer is lost. The table goes to the output.
func TestRecordings(t *testing.T) {
	all := recordings(t)
	if len(all) == 0 {
		t.Skip("no recordings of real traffic on this machine")
	}
	p := &Provider{}
	fmt.Printf("%-42s %s\n", "recording (found of raw)", "pages  words      letters     lines      marks  tables cells     fields  spans")
	for name, raw := range all {
		r, err := p.Normalize(raw)
		if strings.Contains(name, "batch") {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		enginetest.CheckAnswer(t, r)
		want, got := countRaw(t, raw), countResult(r)
		right, spans := spansRight(t, raw)
		fmt.Printf("%-42s %d/%d    %4d/%-4d  %5d/%-5d %4d/%-4d %3d/%-3d  %d/%d   %3d/%-3d   %2d/%-2d   %d/%d\n", name, got.pages, want.pages, got.words, want.words,
			got.letters, want.letters, got.lines, want.lines, got.marks, want.marks, got.tables, want.tables, got.cells, want.cells, got.fields, want.fields, right, spans)
		if got != want || right != spans {
			t.Errorf("%s: found %+v of %+v, and %d of %d spans", name, got, want, right, spans)
		}
	}
}

// spansRight counts words that stand in the content where their span says.
func spansRight(t *testing.T, raw []byte) (right, all int) {
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	a.Result.modern()
	text := newIndexed(a.Result.Content, a.Result.IndexType)
	for _, p := range a.Result.Pages {
		for _, w := range p.Words {
			if all++; text.slice(w.Span) == w.Content {
				right++
			}
		}
	}
	return right, all
}

// TestRecordedFields: what the two real documents say.
func TestRecordedFields(t *testing.T) {
	all := recordings(t)
	for name, want := range map[string]map[string]string{
		"v4-invoice-lro.recording.json": {"invoice_number": "34278587", "issue_date": "2017-06-18", "due_date": "2017-06-24",
			"gross_total": "56651.49", "currency": "USD", "seller_name": "Contoso", "buyer_name": "Microsoft"},
		"v4-receipt-lro.recording.json": {"merchant_name": "Contoso", "total": "1203.39", "net_total": "1098.99", "tax_total": "104.40",
			"date": "2019-06-10", "time": "13:59", "currency": "USD", "merchant_phone": "+11234567890"},
		"azure-idresult-driverlicense.json": {"surname": "TALBOT", "given_names": "LIAM R.", "date_of_birth": "1958-01-06",
			"expiry_date": "2020-08-12", "document_number": "WDLABCD456DG", "issuing_country": "USA", "sex": "M"},
	} {
		raw, ok := all[name]
		if !ok {
			t.Skip("no recordings of real traffic on this machine")
		}
		r, err := (&Provider{}).Normalize(raw)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, f := range r.Fields {
			got[f.Name] = f.Value
		}
		for field, value := range want {
			if got[field] != value {
				t.Errorf("%s: %s is %q instead of %q; fields are %v", name, field, got[field], value, got)
			}
		}
		if r.Class == "" {
			t.Errorf("%s: no class", name)
		}
	}
}

// TestRecordedErrors: real refusals mean what they should.
func TestRecordedErrors(t *testing.T) {
	for name, want := range map[string]string{"v31-error-400-invalid-content": engines.CodeContent,
		"v4-error-400-invalid-pages": engines.CodeBadRequest, "v4-error-404-model-not-found": engines.CodeBadRequest} {
		data, err := os.ReadFile("../../../shared/cloud/azure/" + name + ".recording.json")
		if err != nil {
			t.Skip("no recordings of real traffic on this machine")
		}
		var traffic struct {
			Entries []struct {
				StatusCode   int
				ResponseBody struct {
					Error problem `json:"error"`
				}
			}
		}
		if err := json.Unmarshal(data, &traffic); err != nil {
			t.Fatal(err)
		}
		last := traffic.Entries[len(traffic.Entries)-1]
		if e := explain(last.StatusCode, last.ResponseBody.Error); e.Code != want || e.Kind != engines.Terminal {
			t.Errorf("%s: %v", name, e)
		}
	}
}
