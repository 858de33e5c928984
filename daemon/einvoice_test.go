package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pdf/pdftest"
)

// electronicInvoice is a small invoice in the syntax of Factur-X.
const electronicInvoice = `<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100" xmlns:ram="urn:ram" xmlns:udt="urn:udt">
<rsm:ExchangedDocument><ram:ID>LN-17</ram:ID><ram:TypeCode>380</ram:TypeCode><ram:IssueDateTime><udt:DateTimeString format="102">20240403</udt:DateTimeString></ram:IssueDateTime></rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty><ram:Name>Nordlicht Lampen GmbH</ram:Name></ram:SellerTradeParty></ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
<ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount><ram:GrandTotalAmount>119.00</ram:GrandTotalAmount><ram:DuePayableAmount>119.00</ram:DuePayableAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>
</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>`

// numbered is the XML with another invoice's number: the same again is a duplicate.
func numbered(number string) string { return strings.Replace(electronicInvoice, "LN-17", number, 1) }

// invoicePDF prints an invoice of a seller and has XML in it. Its name is its number.
func invoicePDF(t *testing.T, name, seller, xml string) string {
	t.Helper()
	var content strings.Builder
	for i, line := range []string{seller, "Hafenweg 3, 20457 Hamburg", "", "Rechnung", "Rechnungsnummer: " + name, "Rechnungsdatum: 03.04.2024", "",
		"Nettobetrag 100,00 EUR", "Umsatzsteuer 19,00 EUR", "Gesamtbetrag 119,00 EUR", "Bitte zahlen Sie ohne Abzug innerhalb von vierzehn Tagen."} {
		fmt.Fprintf(&content, "BT /F 12 Tf 60 %d Td (%s) Tj ET\n", 780-18*i, line)
	}
	built := pdftest.Build(t, "",
		"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(factur-x.xml) 6 0 R] >> >> >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
		pdftest.Stream("", content.String()), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		"<< /Type /Filespec /F (factur-x.xml) /UF (factur-x.xml) /EF << /F 7 0 R >> >>", pdftest.Stream("/Type /EmbeddedFile", xml))
	path := filepath.Join(t.TempDir(), name+".pdf")
	if err := os.Rename(built, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestElectronicInvoices: a PDF that says what its XML says is released, and so is
// the bare XML; another seller on the page and XML that is damaged are for a person.
func TestElectronicInvoices(t *testing.T) {
	t.Parallel()
	bare := filepath.Join(t.TempDir(), "BX-1.xml")
	if err := os.WriteFile(bare, []byte(numbered("BX-1")), 0o600); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	runIntray(t, "ocr", "-o", out, bare, invoicePDF(t, "AG-2", "NORDLICHT LAMPEN", numbered("AG-2")),
		invoicePDF(t, "DF-3", "Meyer Leuchten GmbH", numbered("DF-3")), invoicePDF(t, "DM-4", "Nordlicht Lampen GmbH", numbered("DM-4")[:900])) // two need review
	for stem, code := range map[string]string{"BX-1": "", "AG-2": "", "DF-3": "xml_differs", "DM-4": "xml_unreadable"} {
		d := resultOf(t, out, stem)
		if review := d.Validation.Verdict == document.VerdictReview; review != (code != "") {
			t.Errorf("%s: %+v", stem, d.Validation)
		}
		told := ""
		for _, c := range d.Validation.Checks {
			if !c.Passed {
				told += c.Rule
			}
		}
		if told != code {
			t.Errorf("%s: failed checks %q, want %q", stem, told, code)
		}
		from := "xml"
		if stem == "DM-4" {
			from = "text"
		}
		if f := fieldOf(d, "invoice_number"); f.Value != stem || f.From != from {
			t.Errorf("%s: %+v", stem, f)
		}
	}
}
