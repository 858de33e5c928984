package extract_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/extract"
)

// printed is text at a place, in points.
type printed struct {
	x, y float64
	text string
}

// letterWidth and letterHeight are those of the test's print.
const letterWidth, letterHeight = 5, 9

// pageOf makes an A4 page of words as an engine reads them.
func pageOf(number int, all ...printed) document.Page {
	p := document.Page{Number: number, Width: 595, Height: 842, Decision: document.DecisionOCR}
	for _, one := range all {
		l := document.Line{}
		x := one.x
		for _, word := range strings.Fields(one.text) {
			w := float64(len(word)) * letterWidth
			l.Words = append(l.Words, document.Word{Text: word, Box: document.Box{x, one.y, x + w, one.y + letterHeight}, Confidence: 0.95})
			x += w + letterWidth
		}
		l.Box = document.Box{one.x, one.y, x, one.y + letterHeight}
		p.Blocks = append(p.Blocks, document.Block{Kind: "text", Box: l.Box, Lines: []document.Line{l}})
	}
	return p
}

func pages(list ...document.Page) iter.Seq2[document.Page, error] {
	return func(yield func(document.Page, error) bool) {
		for _, p := range list {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func builtIn(t testing.TB, more ...config.Class) *extract.Extractor {
	t.Helper()
	classes, err := config.BuiltInClasses()
	if err != nil {
		t.Fatal(err)
	}
	e, err := extract.New(append(more, classes...))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ask(t testing.TB, e *extract.Extractor, q extract.Question, list ...document.Page) (extract.Answer, map[string]document.Field) {
	t.Helper()
	a, err := e.Document(pages(list...), q)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]document.Field{}
	for _, f := range a.Fields {
		byName[f.Name] = f
	}
	return a, byName
}

// invoice is a page with labels beside, above and over a column.
func invoice(total string) document.Page {
	return pageOf(1,
		printed{60, 40, "Nordlicht Lampen GmbH"}, printed{60, 55, "Hafenweg 3, 20457 Hamburg"},
		printed{60, 90, "Rechnung"},
		printed{300, 90, "Rechnungsnummer"}, printed{450, 90, "Datum"},
		printed{300, 105, "LN-2024/17"}, printed{450, 105, "03.04.2024"},
		printed{60, 200, "Beschreibung"}, printed{300, 200, "Menge"}, printed{400, 200, "Einzelpreis"}, printed{500, 200, "Betrag"},
		printed{60, 215, "Stehlampe"}, printed{300, 215, "2"}, printed{400, 215, "45,00"}, printed{500, 215, "90,00"},
		printed{60, 230, "aus Messing"},
		printed{60, 245, "Birne"}, printed{300, 245, "4"}, printed{400, 245, "2,50"}, printed{500, 245, "10,00"},
		printed{300, 300, "Nettobetrag"}, printed{500, 300, "100,00 €"},
		printed{300, 315, "zzgl. MwSt 19%"}, printed{500, 315, "19,00 €"},
		printed{300, 330, "Gesamtbetrag"}, printed{500, 330, total},
		printed{60, 700, "IBAN: DE89 3704 0044 0532 0130 00"}, printed{60, 715, "USt-IdNr. DE136695976"})
}

func TestInvoice(t *testing.T) {
	a, got := ask(t, builtIn(t), extract.Question{Class: extract.Auto}, invoice("119,00 €"))
	if a.Class.Name != "invoice" || a.Class.Confidence < 0.6 || len(a.Warnings) > 0 {
		t.Errorf("%+v, %v", a.Class, a.Warnings)
	}
	for name, want := range map[string]string{"invoice_number": "LN-2024/17", "issue_date": "2024-04-03", "seller_name": "Nordlicht Lampen GmbH", "net_total": "100.00",
		"tax_total": "19.00", "gross_total": "119.00", "currency": "EUR", "iban": "DE89370400440532013000", "seller_vat_id": "DE136695976", "document_type": "invoice"} {
		f := got[name]
		if f.Value != want || f.From != "text" || f.Page != 1 || f.Confidence < 0.5 || f.Box == (document.Box{}) {
			t.Errorf("%s: %+v, want %q", name, f, want)
		}
	}
	if len(a.Tables) != 1 || a.Tables[0].Name != "line_items" || len(a.Tables[0].Rows) != 2 {
		t.Fatalf("%+v", a.Tables)
	}
	row := a.Tables[0].Rows[0]
	if row[0].Text != "Stehlampe aus Messing" || row[1].Text != "2.00" || row[2].Text != "45.00" || row[4].Text != "90.00" {
		t.Errorf("%+v", row)
	}
}

// TestBrokenTables: heads on two lines, and descriptions that go on below their
// row or begin above it.
func TestBrokenTables(t *testing.T) {
	row := func(y float64, number, price, total string) []printed {
		return []printed{{300, y, number}, {400, y, price}, {500, y, total}}
	}
	head := []printed{{60, 100, "Invoice No: A-1001"}, {300, 188, "Quantity"}, {400, 188, "Unit"}, {500, 188, "Line"}, {60, 200, "Description"}, {400, 200, "price"}, {500, 200, "total"}}
	for name, lines := range map[string][]printed{
		"below": slices.Concat([]printed{{60, 215, "Lamp of brass"}, {60, 226, "with a shade"}, {60, 245, "Bulb"}, {60, 256, "warm white"}}, row(215, "2", "45.00", "90.00"), row(245, "4", "2.50", "10.00")),
		"above": slices.Concat([]printed{{60, 215, "Lamp of brass"}, {60, 226, "with a shade"}, {60, 245, "Bulb"}, {60, 256, "warm white"}}, row(226, "2", "45.00", "90.00"), row(256, "4", "2.50", "10.00")),
		"alike": slices.Concat([]printed{{60, 215, "Lamp of brass"}, {60, 227, "with a shade"}, {60, 239, "Bulb"}, {60, 251, "warm white"}}, row(215, "2", "45.00", "90.00"), row(239, "4", "2.50", "10.00")),
	} {
		a, _ := ask(t, builtIn(t), extract.Question{Class: "invoice"}, pageOf(1, slices.Concat(head, lines)...))
		if len(a.Tables) != 1 || len(a.Tables[0].Rows) != 2 {
			t.Errorf("%s: %+v", name, a.Tables)
			continue
		}
		first, second := a.Tables[0].Rows[0], a.Tables[0].Rows[1]
		if first[0].Text != "Lamp of brass with a shade" || first[1].Text != "2.00" || first[2].Text != "45.00" || first[4].Text != "90.00" || second[0].Text != "Bulb warm white" || second[4].Text != "10.00" {
			t.Errorf("%s: %+v", name, a.Tables[0].Rows)
		}
	}
}

// TestDoubt: totals that do not add up keep their values with less confidence.
func TestDoubt(t *testing.T) {
	e := builtIn(t)
	_, good := ask(t, e, extract.Question{Class: extract.Auto}, invoice("119,00 €"))
	_, bad := ask(t, e, extract.Question{Class: extract.Auto}, invoice("191,00 €"))
	if g, b := good["gross_total"], bad["gross_total"]; b.Value != "191.00" || b.Confidence > 0.7*g.Confidence {
		t.Errorf("adding up: %+v; not: %+v", g, b)
	}
}

// TestMisreadTotal: a total that is one digit off its parts takes their sum with
// little confidence, and what was read is told.
func TestMisreadTotal(t *testing.T) {
	a, got := ask(t, builtIn(t), extract.Question{Class: extract.Auto}, invoice("116,00 €"))
	if g := got["gross_total"]; g.Value != "119.00" || g.Confidence > 0.4 {
		t.Errorf("%+v", g)
	}
	if len(a.Warnings) == 0 || a.Warnings[0].Code != extract.CodeReadBySum || !strings.Contains(a.Warnings[0].Message, "116,00") {
		t.Errorf("%v", a.Warnings)
	}
}

// TestXML: what the e-invoice says comes first; a page that says something else
// is told, one that does not say it is not.
func TestXML(t *testing.T) {
	e := builtIn(t)
	q := extract.Question{Class: extract.Auto, Known: []document.Field{
		{Name: "gross_total", Value: "119.00", Raw: "119.00", Type: "amount", Confidence: 1, From: "xml"},
		{Name: "order_number", Value: "A-1", Raw: "A-1", Type: "code", Confidence: 1, From: "xml"}}}
	a, got := ask(t, e, q, invoice("119,00 €"))
	if len(a.Warnings) > 0 || got["gross_total"].From != "xml" || got["gross_total"].Page != 1 || got["order_number"].Page != 0 || got["net_total"].From != "text" {
		t.Errorf("%v, %+v", a.Warnings, got["gross_total"])
	}
	q.Known[0].Value, q.Known[0].Raw = "191.00", "191.00"
	a, got = ask(t, e, q, invoice("119,00 €"))
	if len(a.Warnings) != 1 || a.Warnings[0].Code != extract.CodeXMLDiffers || got["gross_total"].Value != "191.00" {
		t.Errorf("%v, %+v", a.Warnings, got["gross_total"])
	}
	if a, _ = ask(t, e, q, invoice("119,00 €"), pageOf(2, printed{60, 60, "Ihre Vorauszahlung im Mai:"}, printed{300, 60, "191,00 €"})); len(a.Warnings) != 1 {
		t.Errorf("the XML's amount elsewhere on the pages hides that the total is another: %v", a.Warnings)
	}
	q.Drawn = true
	if a, _ = ask(t, e, q, invoice("119,00 €")); len(a.Warnings) > 0 {
		t.Errorf("a page drawn of the XML contradicts it: %v", a.Warnings)
	}
}

// TestXMLSeller: another seller on the page is told, the same one written in
// another way is not.
func TestXMLSeller(t *testing.T) {
	e := builtIn(t)
	for name, differs := range map[string]bool{"Nordlicht Lampen GmbH": false, "NORDLICHT-LAMPEN": false, "Nordlicht Lampen Vertriebs GmbH & Co. KG": false, "Nordlioht Lämpen GmbH": false,
		"Südwind Leuchten GmbH": true, "Meyer Lampen GmbH": true} {
		a, _ := ask(t, e, extract.Question{Class: extract.Auto, Known: []document.Field{
			{Name: "seller_name", Value: name, Raw: name, Type: "text", Confidence: 1, From: "xml"}}}, invoice("119,00 €"))
		if (warned(a, extract.CodeXMLDiffers) != "") != differs {
			t.Errorf("%s: %v", name, a.Warnings)
		}
	}
	a, _ := ask(t, e, extract.Question{Class: extract.Auto, Known: []document.Field{
		{Name: "seller_name", Value: "Südwind Leuchten GmbH", Raw: "Südwind Leuchten GmbH", Type: "text", Confidence: 1, From: "xml"}}},
		invoice("119,00 €"), pageOf(2, printed{60, 60, "Eine Marke der SUEDWIND LEUCHTEN"}, printed{60, 80, "Südwind Leuchten, Kiel"}))
	if warned(a, extract.CodeXMLDiffers) != "" {
		t.Errorf("the seller is printed: %v", a.Warnings)
	}
}

// own is a class that needs nothing but TOML.
func own(name string) config.Class {
	return config.Class{Name: name, Match: []string{`(?i)prüfprotokoll`}, Fields: []config.Field{
		{Name: "serial", Type: "code", Labels: []string{"Seriennummer"}, Pattern: `[A-Z]{2}\d+`},
		{Name: "tested_on", Type: "date", Labels: []string{"geprüft am"}}}}
}

func TestOwnClass(t *testing.T) {
	page := pageOf(1, printed{60, 60, "Prüfprotokoll"}, printed{60, 80, "Seriennummer: AB1234"}, printed{60, 95, "geprüft am 5. Mai 2024"})
	a, got := ask(t, builtIn(t, own("test_report")), extract.Question{Class: extract.Auto}, page)
	if a.Class.Name != "test_report" || got["serial"].Value != "AB1234" || got["tested_on"].Value != "2024-05-05" {
		t.Errorf("%+v, %+v", a.Class, got)
	}
	if a, _ = ask(t, builtIn(t, own("test_report"), own("other")), extract.Question{Class: extract.Auto}, page); len(a.Warnings) != 1 || a.Warnings[0].Code != extract.CodeAmbiguous {
		t.Errorf("two classes are as likely, and the warnings are %v", a.Warnings)
	}
	if a, _ = ask(t, builtIn(t, own("test_report"), own("other")), extract.Question{Class: extract.Auto, Among: []string{"other"}}, page); a.Class.Name != "other" || len(a.Warnings) > 0 {
		t.Errorf("%+v, %v", a.Class, a.Warnings)
	}
	if a, _ = ask(t, builtIn(t, own("test_report")), extract.Question{Class: extract.None}, page); a.Class.Name != "" || len(a.Fields) > 0 {
		t.Errorf("fields without being asked: %+v", a)
	}
}

// TestLetter: what is of no class is not made one.
func TestLetter(t *testing.T) {
	a, _ := ask(t, builtIn(t), extract.Question{Class: extract.Auto}, pageOf(1, printed{60, 60, "Dear Sir or Madam,"},
		printed{60, 80, "please find enclosed the invoice of last week. The total was paid on 3 May."}, printed{60, 100, "Yours faithfully"}))
	if a.Class.Name != "" || len(a.Fields) > 0 {
		t.Errorf("%+v", a)
	}
}

// FuzzDocument: whatever is on a page, an answer; and every field lies on it.
func FuzzDocument(f *testing.F) {
	f.Add("Invoice No: 17\nTotal: 1,234.56 €\nDate 3/4/2024", 40.0)
	f.Add("RECEIPT\n\n\nCASH\nRM 170. 00\nP<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10", 1.0)
	e := builtIn(f)
	f.Fuzz(func(t *testing.T, text string, x float64) {
		if len(text) > 2000 || !(x >= 0 && x < 500) {
			return
		}
		var all []printed
		for line := range strings.Lines(text) {
			all = append(all, printed{x, 20 + 12*float64(len(all)), line})
		}
		for _, class := range []string{extract.Auto, "invoice", "receipt", "passport", "bank_statement"} {
			a, _ := ask(t, e, extract.Question{Class: class}, pageOf(1, all...))
			for _, f := range a.Fields {
				if f.Value == "" || f.Page != 1 || !(f.Confidence >= 0 && f.Confidence <= 1) {
					t.Errorf("%+v", f)
				}
			}
		}
	})
}

// BenchmarkPage is an invoice with two paragraphs of small print, and the same
// page as a letter, of which only the class is looked for.
func BenchmarkPage(b *testing.B) {
	page := invoice("119,00 €")
	const terms = "Payment is due within thirty days of receipt without any deduction unless otherwise agreed in writing by both parties"
	for row := range 40 {
		page.Blocks = append(page.Blocks, pageOf(1, printed{20, 345 + 9*float64(row), terms}).Blocks...)
	}
	letter := page
	letter.Blocks = letter.Blocks[len(letter.Blocks)-40:]
	e := builtIn(b)
	for name, p := range map[string]document.Page{"invoice": page, "letter": letter} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask(b, e, extract.Question{Class: extract.Auto}, p)
			}
		})
	}
}

// TestFailingCheckDigits: the warning says which field it is about, so that a
// person sees it beside the value.
func TestFailingCheckDigits(t *testing.T) {
	a, _ := ask(t, builtIn(t), extract.Question{Class: "invoice"}, pageOf(1, printed{60, 60, "Invoice number: 4711"},
		printed{60, 700, "IBAN: DE88 3704 0044 0532 0130 00"}, printed{60, 715, "VAT ID: DE136695975"}))
	about := map[string]string{}
	for _, w := range a.Warnings {
		if w.Code == extract.CodeCheckDigits {
			about[w.Field] = w.Message
		}
	}
	if len(about) != 2 || !strings.Contains(about["iban"], "check digits of iban") || !strings.Contains(about["seller_vat_id"], "seller vat id") {
		t.Errorf("%v", a.Warnings)
	}
}
