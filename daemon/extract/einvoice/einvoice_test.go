package einvoice

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const cii = `<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100" xmlns:ram="urn:ram" xmlns:udt="urn:udt">
<rsm:ExchangedDocument><ram:ID>R-17</ram:ID><ram:TypeCode>381</ram:TypeCode><ram:IssueDateTime><udt:DateTimeString format="102">20240229</udt:DateTimeString></ram:IssueDateTime></rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>
<ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedTradeProduct><ram:Name>Chair</ram:Name></ram:SpecifiedTradeProduct>
<ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice><ram:ChargeAmount>10.5000</ram:ChargeAmount></ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>
<ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">2.000</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery>
<ram:SpecifiedLineTradeSettlement><ram:ApplicableTradeTax><ram:RateApplicablePercent>19.00</ram:RateApplicablePercent></ram:ApplicableTradeTax>
<ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>21.00</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>
</ram:IncludedSupplyChainTradeLineItem>
<ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty><ram:Name>Chairs &amp; Co</ram:Name><ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE136695976</ram:ID></ram:SpecifiedTaxRegistration></ram:SellerTradeParty></ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
<ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:TaxBasisTotalAmount>21.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="USD">4.50</ram:TaxTotalAmount><ram:TaxTotalAmount currencyID="EUR">3.99</ram:TaxTotalAmount><ram:GrandTotalAmount>24.99</ram:GrandTotalAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>
</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>`

const ubl = `<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cbc="urn:cbc" xmlns:cac="urn:cac">
<cbc:ID>U-1</cbc:ID><cbc:IssueDate>2024-02-29</cbc:IssueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty><cac:Party><cac:PartyTaxScheme><cbc:CompanyID>NL004495445B01</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme><cac:PartyLegalEntity><cbc:RegistrationName>Bikes BV</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
<cac:PaymentMeans><cac:PayeeFinancialAccount><cbc:ID>NL91ABNA0417164300</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">2.10</cbc:TaxAmount></cac:TaxTotal>
<cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount>10</cbc:TaxExclusiveAmount><cbc:TaxInclusiveAmount>12.1</cbc:TaxInclusiveAmount><cbc:PayableAmount>12.10</cbc:PayableAmount></cac:LegalMonetaryTotal>
<cac:InvoiceLine><cbc:InvoicedQuantity>1</cbc:InvoicedQuantity><cbc:LineExtensionAmount>10.00</cbc:LineExtensionAmount><cac:Item><cbc:Name>Bell</cbc:Name></cac:Item><cac:Price><cbc:PriceAmount>10.00</cbc:PriceAmount></cac:Price></cac:InvoiceLine></Invoice>`

func TestSyntaxes(t *testing.T) {
	for name, c := range map[string]struct {
		xml  string
		want map[string]string
		line string
	}{
		"CII": {cii, map[string]string{"document_type": "credit_note", "invoice_number": "R-17", "issue_date": "2024-02-29", "seller_name": "Chairs & Co", "seller_vat_id": "DE136695976",
			"currency": "EUR", "net_total": "21.00", "tax_total": "3.99", "gross_total": "24.99"}, "Chair 2.00 10.50 19.00 21.00"},
		"UBL": {ubl, map[string]string{"document_type": "invoice", "invoice_number": "U-1", "issue_date": "2024-02-29", "seller_name": "Bikes BV", "seller_vat_id": "NL004495445B01",
			"iban": "NL91ABNA0417164300", "net_total": "10.00", "tax_total": "2.10", "gross_total": "12.10", "amount_due": "12.10"}, "Bell 1.00 10.00  10.00"},
	} {
		v, err := Parse([]byte(c.xml))
		if err != nil || v.Syntax != name {
			t.Fatal(name, v.Syntax, err)
		}
		got := map[string]string{}
		for _, f := range v.Fields {
			got[f.Name] = f.Value
			if f.From != "xml" || f.Confidence != 1 {
				t.Errorf("%s: %+v", name, f)
			}
		}
		for field, want := range c.want {
			if got[field] != want {
				t.Errorf("%s: %s is %q, want %q", name, field, got[field], want)
			}
		}
		var cells []string
		for _, c := range v.Lines.Rows[0] {
			cells = append(cells, c.Text)
		}
		if line := strings.Join(cells, " "); line != c.line {
			t.Errorf("%s: line %q, want %q", name, line, c.line)
		}
	}
}

func TestRefused(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">`
	for i := range 10 {
		bomb += fmt.Sprintf(`<!ENTITY b%d "&a;&a;&a;&a;&a;&a;&a;&a;">`, i)
	}
	for name, xml := range map[string]string{
		"entity bomb":      bomb + `]><Invoice>&b9;</Invoice>`,
		"outside entity":   `<!DOCTYPE x SYSTEM "http://example.com/x.dtd"><Invoice/>`,
		"unknown entity":   `<Invoice>&what;</Invoice>`,
		"too deep":         strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000),
		"too many":         "<a>" + strings.Repeat("<b/>", maxElements+1) + "</a>",
		"too large":        "<a>" + strings.Repeat(" ", MaxBytes) + "</a>",
		"cut off":          cii[:len(cii)/2],
		"two roots":        "<a/><b/>",
		"nothing":          "",
		"unknown encoding": `<?xml version="1.0" encoding="EBCDIC"?><Invoice/>`,
	} {
		if v, err := Parse([]byte(xml)); err == nil || errors.Is(err, ErrOther) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	for _, xml := range []string{"<html/>", `<Invoice xmlns="urn:mine"/>`} {
		if _, err := Parse([]byte(xml)); !errors.Is(err, ErrOther) {
			t.Errorf("%q: %v", xml, err)
		}
	}
}

func TestLatin1(t *testing.T) {
	xml := strings.Replace(strings.Replace(cii, "UTF-8", "ISO-8859-1", 1), "Chairs", "St\xfchle", 1)
	v, err := Parse([]byte(xml))
	if err != nil || !strings.Contains(fmt.Sprint(v.Fields), "Stühle & Co") {
		t.Errorf("%v, %v", v.Fields, err)
	}
}

// FuzzParse: an error or an invoice, and never more rows than allowed.
func FuzzParse(f *testing.F) {
	f.Add([]byte(cii))
	f.Add([]byte(ubl))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "a">]><Invoice>&a;</Invoice>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err == nil && (v.Syntax == "" || len(v.Lines.Rows) > maxLines) {
			t.Errorf("%+v", v)
		}
		Likely(data)
	})
}
