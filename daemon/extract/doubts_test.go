package extract_test

import (
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/extract"
)

// warned is the message of a warning; "" if there is none of that code.
func warned(a extract.Answer, code string) string {
	for _, w := range a.Warnings {
		if w.Code == code {
			return w.Message
		}
	}
	return ""
}

// doubted makes all words of a page be read badly that have the text in them.
func doubted(p document.Page, text string) document.Page {
	for _, b := range p.Blocks {
		for _, l := range b.Lines {
			for i := range l.Words {
				if strings.Contains(l.Words[i].Text, text) {
					l.Words[i].Confidence = 0.5
				}
			}
		}
	}
	return p
}

// till is a receipt that ends with a total.
func till(total string, more ...printed) document.Page {
	return pageOf(1, append([]printed{{200, 20, "Corner Bakery Ltd"}, {200, 40, "RECEIPT"}, {200, 50, "Cashier 4"}, {200, 60, "Date: 25/12/2024 10:41"},
		{200, 80, "Rolls"}, {300, 80, "4.20"}, {200, 92, "Bread"}, {300, 92, "3.10"}, {200, 104, "Cake"}, {300, 104, "12.01"},
		{200, 120, "TOTAL"}, {300, 120, total}, {200, 140, "Thank you, come again"}}, more...)...)
}

// TestTotalAlone: a total that was read badly, or that is more than all else, and
// that no other amount leads to, is shown to a person.
func TestTotalAlone(t *testing.T) {
	e, q := builtIn(t), extract.Question{Class: "receipt"}
	for name, c := range map[string]struct {
		page  document.Page
		alone bool
	}{
		"the sum of the lines": {doubted(till("19.31"), "19.31"), false},
		"misread":              {doubted(till("18.31"), "18.31"), true},
		"read well":            {till("18.31"), false},
		"too much":             {till("931.31"), true},
		"paid in cash":         {doubted(till("18.30", printed{200, 130, "CASH"}, printed{300, 130, "18.30"}), "18.30"), false},
	} {
		a, got := ask(t, e, q, c.page)
		if alone := warned(a, extract.CodeTotalAlone) != ""; alone != c.alone || alone && got["total"].Confidence >= 0.5 || got["total"].Value == "" {
			t.Errorf("%s: %+v, %v", name, got["total"], a.Warnings)
		}
	}
}

// TestLabelConflict: two numbers with labels that are as good go to a person, but
// not where one is printed again.
func TestLabelConflict(t *testing.T) {
	e, q := builtIn(t), extract.Question{Class: "invoice"}
	both := []printed{{60, 40, "Nordlicht Lampen Ltd"}, {60, 80, "Invoice No: A-1001"}, {300, 80, "Invoice No: B-2002"}, {60, 300, "Total: 119.00 EUR"}}
	a, got := ask(t, e, q, pageOf(1, both...))
	if m := warned(a, extract.CodeConflict); got["invoice_number"].Confidence >= 0.4 || !strings.Contains(m, "A-1001") || !strings.Contains(m, "B-2002") {
		t.Errorf("%+v, %v", got["invoice_number"], a.Warnings)
	}
	a, got = ask(t, e, q, pageOf(1, append(both, printed{60, 500, "Invoice No: A-1001"})...))
	if got["invoice_number"].Value != "A-1001" || got["invoice_number"].Confidence < 0.4 || warned(a, extract.CodeConflict) != "" {
		t.Errorf("%+v, %v", got["invoice_number"], a.Warnings)
	}
}

// TestTotalsConflict: of two totals that the other amounts do not settle, the one
// that nothing leads to is not believed over one that something does.
func TestTotalsConflict(t *testing.T) {
	a, got := ask(t, builtIn(t), extract.Question{Class: "receipt"}, till("19.31", printed{200, 130, "TOTAL"}, printed{300, 130, "18.45"}))
	if m := warned(a, extract.CodeConflict); got["total"].Confidence >= 0.5 || !strings.Contains(m, "19.31") || !strings.Contains(m, "18.45") {
		t.Errorf("%+v, %v", got["total"], a.Warnings)
	}
}

// TestDateOrder: which of day and month comes first is what the page shows, what
// its country does, or for a person to say.
func TestDateOrder(t *testing.T) {
	e := builtIn(t)
	for _, c := range []struct {
		date, more, want string
		told             bool
	}{
		{"03/04/2024", "Total: 119.00", "2024-04-03", true},
		{"03/04/2024", "Delivery date: 25/12/2024", "2024-04-03", false},
		{"03/04/2024", "Delivery date: 12/25/2024", "2024-03-04", false},
		{"03/04/2024", "Total: $119.00", "2024-03-04", false},
		{"03/04/2024", "Austin, TX 78701", "2024-03-04", false},
		{"03/04/2024", "Total: €119.00", "2024-04-03", false},
		{"03/04/2024", "Account: GB82 WEST 1234 5698 7654 32", "2024-04-03", false},
		{"03/04/2024", "Tel. +44 20 7946 0958", "2024-04-03", false},
		{"03/04/2024", "Zahlbar ohne Abzug und sofort", "2024-04-03", false},
		{"03.04.2024", "Total: 119.00", "2024-04-03", false},
		{"04/04/2024", "Total: 119.00", "2024-04-04", false},
	} {
		a, got := ask(t, e, extract.Question{Class: "invoice", Languages: []string{"eng"}}, pageOf(1, printed{60, 40, "Nordlicht Lampen"},
			printed{60, 80, "Invoice No: A-1001"}, printed{60, 95, "Invoice date: " + c.date}, printed{60, 300, c.more}))
		f := got["issue_date"]
		if told := warned(a, extract.CodeDateOrder) != ""; f.Value != c.want || told != c.told || told != (f.Confidence < 0.4) {
			t.Errorf("%s, %s: %+v, %v", c.date, c.more, f, a.Warnings)
		}
	}
}
