package extract_test

import (
	"testing"

	"intray/daemon/document"
	"intray/daemon/extract"
)

// statement is a page of an account with two movements.
func statement(period, closing string, more ...printed) document.Page {
	return pageOf(1, append([]printed{{60, 40, "Nordlicht Bank AG"}, {60, 70, "Account Statement"}, {60, 90, "Account holder: Ada Muster"}, {60, 105, period},
		{60, 120, "IBAN: DE89 3704 0044 0532 0130 00"}, {60, 140, "Opening balance"}, {480, 140, "1,000.00"},
		{60, 170, "Date"}, {150, 170, "Description"}, {350, 170, "Debit"}, {420, 170, "Credit"}, {500, 170, "Balance"},
		{60, 185, "05.03.2024"}, {150, 185, "Rent"}, {350, 185, "700.00"}, {500, 185, "300.00"},
		{60, 200, "15.03.2024"}, {150, 200, "Salary"}, {420, 200, "2,500.00"}, {500, 200, "2,800.00"},
		{60, 240, "Closing balance"}, {480, 240, closing}}, more...)...)
}

// TestPeriods: a statement's period is read however its two dates are joined.
func TestPeriods(t *testing.T) {
	e := builtIn(t)
	for _, text := range []string{"01.03.2024 - 31.03.2024", "Zeitraum: 01.03.2024 bis 31.03.2024", "Statement period 1 March 2024 to 31 March 2024", "du 01/03/2024 au 31/03/2024",
		"Periodo: 01/03/2024 al 31/03/2024", "01.03.2024 – 31.03.2024", "01.03.2024–31.03.2024", "01.03.2024-31.03.2024", "Statement period: 1 - 31 March 2024",
		"Zeitraum 01.03. - 31.03.2024", "March 1 through March 31, 2024", "2024-03-01 to 2024-03-31", "01-03-2024-31-03-2024"} {
		_, got := ask(t, e, extract.Question{Class: "bank_statement"}, statement(text, "2,800.00"))
		if a, b := got["statement_start"], got["statement_end"]; a.Value != "2024-03-01" || b.Value != "2024-03-31" || a.Confidence < 0.5 || b.Confidence < 0.5 {
			t.Errorf("%s: %+v, %+v", text, a, b)
		}
	}
	_, got := ask(t, e, extract.Question{Class: "bank_statement"}, statement("Statement period: 15 Dec - 14 Jan 2024", "2,800.00"))
	if got["statement_start"].Value != "2023-12-15" || got["statement_end"].Value != "2024-01-14" {
		t.Errorf("%+v", got)
	}
}

// TestBalances: movements that lead from one balance to the other confirm both;
// where they do not, both are believed less and none is made to fit.
func TestBalances(t *testing.T) {
	e, q := builtIn(t), extract.Question{Class: extract.Auto}
	a, good := ask(t, e, q, statement("01.03.2024 - 31.03.2024", "2,800.00"))
	if a.Class.Name != "bank_statement" || good["account_holder"].Value != "Ada Muster" || good["opening_balance"].Value != "1000.00" || good["closing_balance"].Value != "2800.00" {
		t.Errorf("%+v, %+v", a.Class, good)
	}
	_, bad := ask(t, e, q, statement("01.03.2024 - 31.03.2024", "9,999.00"))
	if bad["closing_balance"].Value != "9999.00" || bad["closing_balance"].Confidence > 0.7*good["closing_balance"].Confidence {
		t.Errorf("%+v after %+v", bad["closing_balance"], good["closing_balance"])
	}
	_, summed := ask(t, e, q, statement("01.03.2024 - 31.03.2024", "2,800.00", printed{60, 255, "Total credits"}, printed{480, 255, "2,500.00"}, printed{60, 270, "Total debits"}, printed{480, 270, "-700.00"}))
	if summed["total_credit"].Value != "2500.00" || summed["total_debit"].Value != "-700.00" || summed["closing_balance"].Confidence < 0.9 {
		t.Errorf("%+v", summed)
	}
}
