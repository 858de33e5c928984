package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"intray/daemon/document"
	"intray/daemon/document/documenttest"
)

var update = flag.Bool("update", false, "write the golden file anew")

// small is a document with one of everything.
func small() document.Document {
	berlin := time.FixedZone("CET", 3600)
	word := document.Word{Text: "Müller & <Söhne>", Box: document.Box{72, 72, 150.5, 84}, Confidence: 0.96}
	return document.Document{
		Schema: document.Schema, Version: 2,
		DocumentID: "01939f3e-5c00-7000-8000-000000000001", AttemptID: "01939f3e-5c00-7000-8000-000000000002",
		State:     "completed_with_warnings",
		CreatedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, berlin), FinishedAt: time.Date(2026, 11, 23, 12, 0, 1, 500e6, berlin),
		Source: document.Source{Folder: "front-desk", Path: "a/scan.pdf", Name: "scan.pdf", SHA256: strings.Repeat("0a", 32), Size: 1234,
			MIME: "application/pdf", Pages: 1, ReceivedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, berlin)},
		Engine:    document.Engine{Name: "local", Kind: "tesseract", Version: "5.3.0", Model: "eng"},
		Class:     document.Class{Name: "receipt", Confidence: 0.9},
		Languages: []string{"eng"},
		Pages: []document.Page{{Number: 1, Width: 595, Height: 842, Rotation: 90, Skew: -0.4, Decision: document.DecisionOCR, Engine: "local",
			Confidence: 0.96, WorstConfidence: 0.96,
			Blocks: []document.Block{{Kind: "text", Box: word.Box, Lines: []document.Line{
				{Box: word.Box, Baseline: document.Box{72, 82, 150.5, 82}, Words: []document.Word{word}}}}}}},
		Text: "Müller & <Söhne>\f",
		Fields: []document.Field{{Name: "total", Value: "12.50", Raw: "12,50", Type: "amount", Confidence: 0.8, Page: 1,
			Box: document.Box{72, 700, 110, 712}, From: "rule"}},
		Tables: []document.Table{{Name: "line_items", Columns: []string{"description"}, Page: 1, Box: document.Box{72, 100, 500, 300},
			Rows: [][]document.Cell{{{Text: "Tea", Box: document.Box{72, 100, 300, 120}, Confidence: 1, RowSpan: 1, ColSpan: 1}}, nil}}},
		Warnings: []document.Warning{{Code: "low_confidence", Message: "One line is hard to read.", Page: 1}},
		Validation: document.Validation{Verdict: document.VerdictWarnings,
			Checks: []document.Check{{Rule: "pages", Passed: true, Message: "All pages are there."}}},
		Files:   document.Files{Original: strings.Repeat("0a", 32), PDF: "scan.pdf", Text: "scan.txt"},
		History: []document.Change{{Version: 1, At: time.Date(2026, 11, 23, 12, 0, 1, 0, berlin), By: "intray"}},
	}
}

func encode(t *testing.T, d document.Document) []byte {
	t.Helper()
	data, err := document.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEncodeGolden(t *testing.T) {
	got := encode(t, small())
	golden := filepath.Join("testdata", "small.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	// A checkout on Windows may have given the golden file its line ends.
	if want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")); !bytes.Equal(got, want) {
		t.Errorf("the encoding changed; -update writes it anew. Got:\n%s", got)
	}
	if err := documenttest.Validate(got); err != nil {
		t.Error(err)
	}
}

// The empty document has every list nil; none may become null.
func TestEncodeWritesNoNull(t *testing.T) {
	d := document.Document{Pages: []document.Page{{Blocks: []document.Block{{Lines: []document.Line{{}}}, {}}}, {}},
		Tables: []document.Table{{Rows: [][]document.Cell{nil}}, {}}, History: []document.Change{{}}}
	for _, d := range []document.Document{{}, d} {
		got := encode(t, d)
		if bytes.Contains(got, []byte("null")) {
			t.Errorf("null in %s", got)
		}
		if !bytes.HasSuffix(got, []byte("}\n")) {
			t.Error("the last line does not end")
		}
	}
}

func TestEncodeLeavesItsArgumentAlone(t *testing.T) {
	d := small()
	encode(t, d)
	if !reflect.DeepEqual(d, small()) {
		t.Errorf("the document changed: %+v", d)
	}
}

func TestEncodeRefusesWhatJSONCannotSay(t *testing.T) {
	d := small()
	d.Pages[0].Confidence = math.NaN()
	if data, err := document.Encode(d); err == nil || data != nil {
		t.Errorf("got %q and error %v, want an error alone", data, err)
	}
}

func TestDecodeReadsBack(t *testing.T) {
	data := encode(t, small())
	d, err := document.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, d); !bytes.Equal(again, data) {
		t.Errorf("got:\n%s\nwant:\n%s", again, data)
	}
	if !d.CreatedAt.Equal(small().CreatedAt) || d.Fields[0] != small().Fields[0] || d.Text != small().Text {
		t.Errorf("got %+v", d)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"not JSON":          "scan",
		"another schema":    `{"schema": "intray.document/2"}`,
		"no schema":         `{"version": 1}`,
		"null":              `null`,
		"a list":            `[]`,
		"cut short":         `{"schema": "intray.document/1"`,
		"more than one":     `{"schema": "intray.document/1"} {}`,
		"text for a number": `{"schema": "intray.document/1", "version": "1"}`,
		"a broken time":     `{"schema": "intray.document/1", "created_at": "yesterday"}`,
	} {
		if _, err := document.Decode([]byte(text)); err == nil {
			t.Errorf("%s: accepted %q", name, text)
		}
	}
}

// FuzzDecode: whatever is read can be written, and reading that gives the same.
func FuzzDecode(f *testing.F) {
	data, err := document.Encode(small())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema": "intray.document/1", "tables": [{"rows": [null, []]}]}`))
	f.Add([]byte(`{"schema": "intray.document/1", "created_at": "9999-12-31T23:59:59-01:00"}`))
	f.Add([]byte(`{"schema": "intray.document/2"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := document.Decode(data)
		if err != nil {
			return
		}
		first, err := document.Encode(d)
		// JSON's times end with the year 9999, and in UTC that year ends early.
		var unsayable *json.MarshalerError
		if errors.As(err, &unsayable) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err = document.Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := encode(t, d); !bytes.Equal(first, second) {
			t.Errorf("encoded first:\n%s\nthen:\n%s", first, second)
		}
	})
}

// TestWriteIsEncode: a document written piece by piece is the one encoded whole.
func TestWriteIsEncode(t *testing.T) {
	page := document.Page{Number: 1, Blocks: []document.Block{{Kind: "text", Lines: []document.Line{{Words: []document.Word{{Text: "<\"text\": \"\n>", Confidence: 1}}}}}}}
	for n := range 3 {
		d := document.Document{Schema: document.Schema, Source: document.Source{Name: "\n  \"text\": \""}, Text: "a \"b\" & \\c\n\fé😀"}
		for i := range n {
			page.Number = i + 1
			d.Pages = append(d.Pages, page)
		}
		want, err := document.Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		err = document.Write(&got, d, document.Body{
			Pages: func(yield func(document.Page, error) bool) {
				for _, p := range d.Pages {
					if !yield(p, nil) {
						return
					}
				}
			},
			Text: func(yield func(string, error) bool) { _ = yield("a \"b\" & \\c\n", nil) && yield("\fé😀", nil) },
		})
		if err != nil || got.String() != string(want) {
			t.Errorf("%d pages: %v\n%s\nwant\n%s", n, err, got.String(), want)
		}
	}
	broken := errors.New("broken")
	err := document.Write(io.Discard, document.Document{}, document.Body{Pages: func(yield func(document.Page, error) bool) { yield(page, broken) }})
	if !errors.Is(err, broken) {
		t.Errorf("a page that cannot be had: %v", err)
	}
}
