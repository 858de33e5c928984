package mistral

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
)

func atLab(t testing.TB, endpoint string, batch bool) *Provider {
	t.Helper()
	if s, ok := t.(*testing.T); ok {
		s.Setenv("LAB_KEY", servers.Secret)
	}
	p, err := New(engines.Settings{Name: "mistral", Decode: func(into any) error {
		o := into.(*options)
		o.Endpoint, o.Key, o.Batch = endpoint, engines.Secret{Env: "LAB_KEY"}, batch
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	p.caller.MaxAnswer = servers.HugeBody / 4
	return p
}

func TestSuite(t *testing.T) {
	for name, batch := range map[string]bool{"batch": true, "at once": false} {
		t.Run(name, func(t *testing.T) {
			enginetest.ProviderSuite{Service: servers.MistralService, NoAddresses: true, Synchronous: !batch,
				New: func(t *testing.T, lab *servers.Lab) engines.Provider { return atLab(t, lab.URL, batch) }}.Run(t)
		})
	}
}

// TestLostBatchIsFound: a batch whose answer was lost is found by our key, and
// paid once.
func TestLostBatchIsFound(t *testing.T) {
	lab := enginetest.StartLab(t, servers.MistralService())
	p := atLab(t, lab.URL, true)
	doc := engines.Document{MIME: "application/pdf", Pages: 1, Content: []byte("%PDF")}
	lab.Fail(servers.CallSubmit, servers.FaultLost, 1)
	_, err := p.Submit(t.Context(), doc, "k")
	if e, _ := engines.AsError(err); e == nil || e.Code != engines.CodeSubmitUnknown {
		t.Fatalf("got %v", err)
	}
	job, err := p.Submit(t.Context(), doc, "k")
	if err != nil || job.ID == "" || lab.Accepted() != 1 {
		t.Errorf("job %+v of %d, %v", job, lab.Accepted(), err)
	}
}

// TestErrorsAreDiscreet: what a batch says against itself may repeat the key and the
// whole document.
func TestErrorsAreDiscreet(t *testing.T) {
	p := atLab(t, "http://127.0.0.1:1", true)
	long := servers.Secret + strings.Repeat("JVBERi0x", 10_000)
	line, err := json.Marshal(map[string]any{"custom_id": customID, "error": long})
	if err != nil {
		t.Fatal(err)
	}
	_, inLine := p.answerIn(line)
	b := batch{Status: "FAILED"}
	b.Errors = append(b.Errors, struct {
		Message string `json:"message"`
	}{long})
	for _, err := range []error{inLine, p.status(b).Err} {
		if text := err.Error(); len(text) > 1000 || strings.Contains(text, servers.Secret) {
			t.Errorf("%d bytes: %.200s", len(text), text)
		}
	}
}

func TestSettings(t *testing.T) {
	for name, change := range map[string]func(*options){
		"endpoint": func(o *options) { o.Endpoint = "here" },
		"key":      func(o *options) { o.Key = engines.Secret{} },
		"model":    func(o *options) { o.Model = "" },
	} {
		_, err := New(engines.Settings{Decode: func(into any) error {
			into.(*options).Key.Env = "X"
			change(into.(*options))
			return nil
		}})
		if e, _ := engines.AsError(err); e == nil || e.Code != engines.CodeBadSettings {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailures(t *testing.T) {
	p := atLab(t, "https://api.example", false)
	for body, want := range map[string]string{
		`400 {"type":"document_parser_too_many_pages","code":"3741"}`:                                engines.CodeTooLarge,
		`400 {"object":"error","type":"document_parser_invalid_file","code":"3740"}`:                 engines.CodeContent,
		`400 {"type":"invalid_file","code":1901}`:                                                    engines.CodeService,
		`400 {"type":"invalid_model"}`:                                                               engines.CodeBadRequest,
		`422 {"detail":[{"type":"value_error","msg":"not a document","input":"` + "private" + `"}]}`: engines.CodeContent,
		`422 surprise`: engines.CodeContent,
		`302 `:         engines.CodeForeignAddress,
	} {
		status, text, _ := strings.Cut(body, " ")
		code := map[string]int{"400": 400, "422": 422, "302": 302}[status]
		e := p.failure(engines.Reply{Status: code, Body: []byte(text)})
		if e.Code != want || strings.Contains(e.Error(), "private") {
			t.Errorf("%s: %v", body, e)
		}
	}
}

func TestOutputLines(t *testing.T) {
	p := atLab(t, "https://api.example", true)
	for output, want := range map[string]string{
		`{"custom_id":"other","response":{"status_code":200,"body":{}}}`: engines.CodeHollow,
		``:       engines.CodeService, // a transfer that broke off, not an answer
		"  \n  ": engines.CodeService,
		`{"custom_id":"document","response":null,"error":{"message":"x"}}`:                                           engines.CodeContent,
		`{"custom_id":"document","response":{"status_code":422,"body":{"detail":"x"}}}`:                              engines.CodeContent,
		"\n" + `{"custom_id":"a"}` + "\n" + `{"custom_id":"document","response":{"status_code":200,"body":{"a":1}}}`: "",
	} {
		raw, err := p.answerIn([]byte(output))
		if e, _ := engines.AsError(err); (e == nil) != (want == "") || e != nil && e.Code != want || e == nil && string(raw) != `{"a":1}` {
			t.Errorf("%s: %q, %v", output, raw, err)
		}
	}
}

// TestRecordings counts what is in the genuine answers.
func TestRecordings(t *testing.T) {
	files, err := filepath.Glob("../../../shared/cloud/mistral/*.json")
	if err != nil || len(files) == 0 {
		t.Skip("no recorded answers in ../shared/cloud/mistral")
	}
	p := atLab(t, "https://api.example", false)
	t.Logf("%-36s %5s %13s %9s %7s %7s", "recording", "pages", "words", "tables", "cells", "fields")
	word := regexp.MustCompile(`[\p{L}\p{N}]{2,}`)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Normalize(raw)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		enginetest.CheckAnswer(t, r)
		// Separator lines are counted in the raw answer, where a line break is \n.
		wantTables := len(regexp.MustCompile(`\| --- \|(?: --- \|)*\\n`).FindAll(raw, -1))
		wantCells := 0
		for _, line := range regexp.MustCompile(`\|(?:[^"\\]|\\[^n"])*\|\\n`).FindAllString(string(raw), -1) {
			if !strings.Contains(line, "| --- |") {
				wantCells += strings.Count(line, "|") - 1
			}
		}
		var wanted []string
		for _, m := range regexp.MustCompile(`"markdown": ("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(string(raw), -1) {
			var text string
			if err := json.Unmarshal([]byte(m[1]), &text); err != nil {
				t.Fatal(err)
			}
			text = regexp.MustCompile(`!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|<br>`).ReplaceAllString(text, " ")
			wanted = append(wanted, word.FindAllString(text, -1)...)
		}
		words, cells := word.FindAllString(enginetest.AnswerText(r), -1), 0
		for _, table := range r.Tables {
			for _, row := range table.Rows {
				cells += len(row)
			}
		}
		t.Logf("%-36s %5d %6d/%-6d %4d/%-4d %3d/%-3d %7d", filepath.Base(file), len(r.Pages), len(words), len(wanted), len(r.Tables), wantTables, cells, wantCells, len(r.Fields))
		if len(words) != len(wanted) || len(r.Tables) != wantTables {
			t.Errorf("%s: %d words of %d, %d tables of %d", file, len(words), len(wanted), len(r.Tables), wantTables)
		}
	}
}

// ours is an answer of a newer model, written by hand after the API reference.
const ours = `{"model":"mistral-ocr-4-0","pages":[
{"index":1,"markdown":"# Invoice\n\nTotal Due: $\\$ 15.00$ *net* **now**\n\n[tbl-0.html](tbl-0.html)\n\n![img-0.jpeg](img-0.jpeg)\n\n| A | B |\n| --- | --- |\n| a \\| b | é 🍐 |\n\nend",
"tables":[{"id":"tbl-0.html","format":"html","content":"<table><tr><th colspan=\"2\">Head &amp; shoulders</th></tr><tr><td rowspan=2>1</td><td>2<br>3</td></tr></table>"}],
"dimensions":{"dpi":200,"height":2200,"width":1700},
"confidence_scores":{"average_page_confidence_score":0.9,"word_confidence_scores":[{"text":" In","confidence":0.5,"start_index":2},{"text":"voice","confidence":0.6}]}}],
"document_annotation":"{\"invoice_number\":\"R-1\",\"grossTotal\":15.5,\"issue_date\":\"2026-01-02\",\"currency\":\"EUR\",\"seller\":{\"name\":\"Müller\"},\"line_items\":[{\"description\":\"x\",\"line_total\":1},{\"quantity\":2}],\"tags\":[\"a\",\"b\"],\"none\":null}"}`

func TestOurs(t *testing.T) {
	p := atLab(t, "https://api.example", false)
	r, err := p.Normalize([]byte(ours))
	if err != nil {
		t.Fatal(err)
	}
	enginetest.CheckAnswer(t, r)
	if len(r.Pages) != 2 || r.Pages[0].Failed == "" || r.Pages[1].Failed != "" {
		t.Errorf("pages %+v", r.Pages)
	}
	if want := "Invoice\n\nTotal Due: $ 15.00 *net* now\n\nHead & shoulders\n1\t2 3\n\n\n\nA\tB\na | b\té 🍐\n\nend"; r.Pages[1].Text != want {
		t.Errorf("text %q", r.Pages[1].Text)
	}
	if len(r.Tables) != 3 || r.Tables[0].Rows[0][0].ColSpan != 2 || !r.Tables[0].Rows[0][0].Header || r.Tables[0].Rows[1][0].RowSpan != 2 ||
		r.Tables[2].Name != "line_items" || strings.Join(r.Tables[2].Columns, " ") != "description line_total quantity" {
		t.Errorf("tables %+v", r.Tables)
	}
	if len(r.Warnings) != 1 || r.Warnings[0].Page != 2 || r.Warnings[0].Code != warnConfidence {
		t.Errorf("warnings %+v", r.Warnings)
	}
	got := map[string]string{}
	for _, f := range r.Fields {
		got[f.Name] = f.Type + " " + f.Value
	}
	for name, want := range map[string]string{"invoice_number": "code R-1", "gross_total": "amount 15.5", "issue_date": "date 2026-01-02",
		"currency": "currency EUR", "seller_name": "text Müller", "tags": "text a, b", "none": ""} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add([]byte(ours))
	f.Add([]byte(ours[:len(ours)/2]))
	f.Add([]byte(`{"pages":[{"markdown":"|a|\n|-|\n|b","tables":[{"content":"<td>x<tr><td>"}]}],"document_annotation":"[1]"}`))
	p := atLab(f, "https://api.example", false)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := p.Normalize(raw); err == nil {
			enginetest.CheckAnswer(t, r)
		}
	})
}
