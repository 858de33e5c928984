package review

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"intray/daemon/document"
)

// bill is a document with one field of each type, and one that was not found.
func bill() (document.Document, []Spec) {
	d := document.Document{DocumentID: "0197a2b4-0000-7000-8000-000000000001", Languages: []string{"deu"},
		Source: document.Source{Name: "document 42.pdf\n# document 0197a2b4-0000-7000-8000-000000000002"}, Fields: []document.Field{
			{Name: "invoice_number", Value: "RE #5; x=1", Type: "code", Confidence: 0.5},
			{Name: "seller_address", Value: "Hauptstraße 1\n12345 Köln", Type: "text"},
			{Name: "total", Value: "12.00", Type: "amount", Page: 1, Box: document.Box{1, 2, 3, 4}, From: "text"},
			{Name: "issue_date", Value: "2026-03-04", Type: "date"},
			{Name: "currency", Value: "EUR", Type: "currency"},
		}}
	return d, []Spec{{Name: "total", Type: "amount", Required: true}, {Name: "due_date", Type: "date"}, {Name: "iban", Type: "code", Format: "iban"}}
}

// TestWrittenTextChangesNothing: what is delivered, saved by any editor in any
// encoding, is no edit.
func TestWrittenTextChangesNothing(t *testing.T) {
	d, specs := bill()
	text := FieldsText(Sheet{Document: d, Specs: specs, Doubts: []Doubt{{"total", "12 % sure"}, {"", "Look."}}, MayConfirm: true})
	if !strings.Contains(text, "# (?) 12 % sure\ntotal = 12.00\n") {
		t.Errorf("%s", text)
	}
	utf16of := func(s string, big bool) []byte {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return b
	}
	crlf := strings.ReplaceAll(text, "\n", "\r\n")
	for name, data := range map[string][]byte{
		"as it is": []byte(text), "windows": []byte(crlf), "old mac": []byte(strings.ReplaceAll(text, "\n", "\r")), "mark": []byte("\uFEFF" + crlf),
		"utf-16 le": append([]byte{0xFF, 0xFE}, utf16of(crlf, false)...), "utf-16 be": append([]byte{0xFE, 0xFF}, utf16of(text, true)...),
		"utf-16 without mark": utf16of(text, false), "windows-1252": bytes.ReplaceAll(bytes.ReplaceAll([]byte(text), []byte("ß"), []byte{0xDF}), []byte("ö"), []byte{0xF6}),
	} {
		parsed := ParseFields(data)
		out, changes, objections := Amend(d, specs, parsed.Edits)
		if parsed.DocumentID != d.DocumentID || parsed.Confirm || parsed.Reason != "" || len(parsed.Objections)+len(changes)+len(objections) > 0 || !reflect.DeepEqual(out, d) {
			t.Errorf("%s: %+v, changes %q, objections %+v", name, parsed, changes, objections)
		}
	}
}

// TestWhoseText: only an id is one, and a text of two documents belongs to none.
func TestWhoseText(t *testing.T) {
	const one, other = "0197a2b4-0000-7000-8000-000000000001", "0197a2b4-0000-7000-8000-000000000002"
	for text, want := range map[string]string{
		"# document 42.pdf\n# document " + one + " (as it is)": one,
		"# document 42.pdf": "",
		"#document " + strings.ToUpper(one) + "\n# document " + one:   one,
		"# document urn:uuid:" + one:                                  "",
		"# document " + one + "\n# document " + other + " (as it is)": one + " !",
	} {
		parsed := ParseFields([]byte(text))
		got := parsed.DocumentID
		if len(parsed.Objections) > 0 {
			got += " !"
		}
		if got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestWhatPeopleType(t *testing.T) {
	d, specs := bill()
	for line, want := range map[string]string{
		"total = 1.234,50 €":           "total: 12.00 -> 1234.50",
		"  TOTAL:   1,234.50":          "total: 12.00 -> 1234.50",
		"total=-3":                     "total: 12.00 -> -3",
		"total = 12,00":                "",
		"total\t=\t12.5":               "total: 12.00 -> 12.5",
		"total =":                      "total: 12.00 -> (none)",
		"Due Date = 3. April 2026":     "due_date: (none) -> 2026-04-03",
		"due-date: 03/04/26":           "due_date: (none) -> 2026-04-03",
		"issue_date = 4.3.2026":        "",
		"currency = €":                 "",
		"currency = chf":               "currency: EUR -> CHF",
		"invoice_number = RE #5; x=1":  "",
		"invoice_number = \"R=1 # 2\"": "invoice_number: RE #5; x=1 -> R=1 # 2",
		"; total = 99":                 "",
		"# total = 99":                 "",
		"total = zwölf":                "! This is no amount",
		"due_date = 31.2.2026":         "! This is no date",
		"currency = Euros":             "! This is no currency",
		"totl = 5":                     "! There is no field \"totl\". There are: total, due_date",
		"just words":                   "! This line is not understood",
		"total = 1\ntotal = 2":         "! total stands in this file twice",
		"total = 13\ntotal = 13":       "total: 12.00 -> 13",
	} {
		parsed := ParseFields([]byte(line))
		_, changes, objections := Amend(d, specs, parsed.Edits)
		got := strings.Join(changes, " ")
		for _, o := range append(parsed.Objections, objections...) {
			got = "! " + o.Sentence
		}
		if got != want && (want == "" || !strings.HasPrefix(got, want)) {
			t.Errorf("%q: %q", line, got)
		}
	}
	out, _, _ := Amend(d, specs, []Edit{{Name: "total", Value: "13"}})
	if f := out.Fields[2]; f.Confidence != 1 || f.From != document.FromReview || f.Raw != "13" || f.Box != d.Fields[2].Box || d.Fields[2].Value != "12.00" {
		t.Errorf("%+v, before %+v", f, d.Fields[2])
	}
}

func TestAmountsAndDates(t *testing.T) {
	for typedIn, want := range map[string]string{
		"12": "12", "0,5": "0.5", ",5": "", "1.234": "1234", "1,234": "1234", "0.123": "0.123", "1234.567": "1234.567", "1'234'567.80": "1234567.80",
		"1 234,56": "1234.56", "12.-": "12", "12,-": "12", "(7.50)": "-7.50", "7.50-": "-7.50", "−3,20": "-3.20", "EUR 5": "5", "5 CHF": "5", "$1.00": "1.00",
		"1.2.3": "", "12.34.56": "", "1,23,456": "", "007": "7", "": "", "-": "", "1e5": "", "12 34": "", "-0": "0", "1.234.567": "1234567", "1.234.567,8": "1234567.8",
		"15O": "", "l50.00": "", "I5": "", "15 O": "", "1€50": "", "5CHF": "5", "Fr. 12.-": "12", "-€5": "-5", "(EUR 5)": "-5", "5 kg": "", "12,50 zł": "12.50",
	} {
		if got, err := amount(typedIn, "12.00"); got != want || (err != nil) != (want == "") {
			t.Errorf("amount %q: %q, %v", typedIn, got, err)
		}
	}
	for typedIn, want := range map[string]string{"1.234": "1.234", "12.345 m": "", "1,234": "", "1,234.5": "1234.5", "1.234.567": "1234567", "12,50": "12.50"} {
		if got, err := amount(typedIn, "1.235"); got != want || (err != nil) != (want == "") {
			t.Errorf("amount %q in place of 1.235: %q, %v", typedIn, got, err)
		}
	}
	english, german := []string{"eng"}, []string{"deu"}
	for _, c := range []struct {
		typedIn   string
		languages []string
		want      string
	}{
		{"2026-04-03", english, "2026-04-03"}, {"2026/4/3", english, "2026-04-03"}, {"20260403", english, "2026-04-03"}, {"3.4.2026", english, "2026-04-03"},
		{"3/4/2026", german, "2026-04-03"}, {"3/4/2026", english, ""}, {"3/3/2026", english, "2026-03-03"}, {"13/4/2026", english, "2026-04-13"},
		{"4/13/2026", english, "2026-04-13"}, {"3 April 2026", english, "2026-04-03"}, {"April 3rd, 2026", english, "2026-04-03"}, {"3. März 2026", german, "2026-03-03"},
		{"1er août 2026", german, "2026-08-01"}, {"3 de abril de 2026", english, "2026-04-03"}, {"Fri, 3 Apr 26", english, "2026-04-03"}, {"3.4.71", german, "1971-04-03"},
		{"31.4.2026", german, ""}, {"29.2.2024", german, "2024-02-29"}, {"29.2.2026", german, ""}, {"3.4.202", german, ""}, {"soon", english, ""}, {"3 foo 2026", english, ""},
	} {
		if got, err := date(c.typedIn, c.languages); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("date %q: %q, %v", c.typedIn, got, err)
		}
	}
}

// TestAnnotate keeps what the clerk wrote, says each thing beside its line, and
// forgets what it said before.
func TestAnnotate(t *testing.T) {
	text := ParseFields([]byte("# my own note\r\ntotal = zwölf\r\n\r\nwhat?\r\nissue_date = 2026-01-01"))
	objections := append(text.Objections, Objection{Line: 2, Sentence: "No amount."}, Objection{Field: "issue_date", Sentence: "Too early."}, Objection{Sentence: "In general."})
	once := text.Annotate(objections, true)
	want := strings.ReplaceAll("# !! In general.\n# my own note\n# !! No amount.\ntotal = zwölf\n\n# !! This line is not understood. Write: name = value\nwhat?\n"+
		"# !! Too early.\nissue_date = 2026-01-01\n\n"+confirmLines, "\n", "\r\n") // as it came
	if string(once) != want {
		t.Errorf("%s", once)
	}
	again := ParseFields(bytes.Replace(once, []byte("zwölf"), []byte("12"), 1))
	if twice := string(again.Annotate(nil, true)); strings.Contains(twice, "!!") || strings.Count(twice, "confirm") != 1 || !strings.Contains(twice, "# my own note") {
		t.Errorf("%s", twice)
	}
	if text := ParseFields([]byte("confirm = Ja")); !text.Confirm {
		t.Error("not confirmed")
	}
}

// FuzzFields: whatever the file holds, reading it ends, what is said about it
// can be read again, and all that the clerk wrote is still there.
func FuzzFields(f *testing.F) {
	d, specs := bill()
	f.Add([]byte(FieldsText(Sheet{Document: d, Specs: specs, MayConfirm: true})))
	for _, s := range []string{"", "=", ":", "total = 1\r\ntotal: 2", "\xFF\xFEt\x00=\x001\x00", "\xFE\xFF", "a\x00b\x00", "\xE4 = \xF6", "# !! x\ntotal = (1,2", "due_date = 1/2/3"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text := ParseFields(data)
		amended, _, objections := Amend(d, specs, text.Edits)
		for _, field := range amended.Fields {
			if !utf8.ValidString(field.Value) || field.Value == "" {
				t.Errorf("%s is %q", field.Name, field.Value)
			}
		}
		objections = append(objections, text.Objections...)
		annotated := text.Annotate(objections, true)
		back := ParseFields(annotated)
		edits := func(t Text) (out []string) {
			for _, e := range t.Edits {
				out = append(out, fmt.Sprint(e.Name, "=", e.Value))
			}
			return out
		}
		if len(text.lines) < mostLines/2 && len(annotated) <= largest && (!slices.Equal(edits(text), edits(back)) || text.Reason != back.Reason) {
			t.Errorf("%q became %q", edits(text), edits(back))
		}
	})
}
