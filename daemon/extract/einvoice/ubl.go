package einvoice

// readUBL reads an OASIS UBL 2.1 Invoice or CreditNote, as XRechnung and Peppol
// have it.
func readUBL(root *node) Invoice {
	v := Invoice{Syntax: "UBL"}
	kind := documentType(root.at("InvoiceTypeCode|CreditNoteTypeCode"))
	if root.name == "CreditNote" {
		kind = "credit_note"
	}
	v.put("document_type", "text", kind)
	v.put("invoice_number", "code", root.at("ID"))
	v.put("issue_date", "date", root.at("IssueDate"))
	v.put("due_date", "date", root.at("DueDate"))
	v.put("due_date", "date", root.at("PaymentMeans", "PaymentDueDate"))
	v.put("order_number", "code", root.at("OrderReference", "ID"))
	v.put("delivery_date", "date", root.at("Delivery", "ActualDeliveryDate"))
	v.ublParty("seller", root.first("AccountingSupplierParty", "Party"))
	v.ublParty("buyer", root.first("AccountingCustomerParty", "Party"))
	currency := root.at("DocumentCurrencyCode")
	v.put("currency", "currency", currency)
	v.put("iban", "code", root.at("PaymentMeans", "PayeeFinancialAccount", "ID"))
	v.put("bic", "code", root.at("PaymentMeans", "PayeeFinancialAccount", "FinancialInstitutionBranch", "ID"))
	sums := root.first("LegalMonetaryTotal")
	v.put("net_total", "amount", sums.at("TaxExclusiveAmount"))
	for _, t := range root.all("TaxTotal", "TaxAmount") {
		if t.attrs["currencyID"] == currency {
			v.put("tax_total", "amount", t.value())
		}
	}
	v.put("gross_total", "amount", sums.at("TaxInclusiveAmount"))
	v.put("prepaid", "amount", sums.at("PrepaidAmount"))
	v.put("amount_due", "amount", sums.at("PayableAmount"))
	for _, l := range root.all("InvoiceLine|CreditNoteLine") {
		v.line(l.at("Item", "Name"), l.at("InvoicedQuantity|CreditedQuantity"), l.at("Price", "PriceAmount"),
			l.at("Item", "ClassifiedTaxCategory", "Percent"), l.at("LineExtensionAmount"))
	}
	return v
}

func (v *Invoice) ublParty(who string, p *node) {
	v.put(who+"_name", "text", p.at("PartyLegalEntity", "RegistrationName"))
	v.put(who+"_name", "text", p.at("PartyName", "Name"))
	for _, s := range p.all("PartyTaxScheme") {
		if s.at("TaxScheme", "ID") == "VAT" {
			v.put(who+"_vat_id", "code", s.at("CompanyID"))
		} else {
			v.put(who+"_tax_number", "code", s.at("CompanyID"))
		}
	}
	a := p.first("PostalAddress")
	v.put(who+"_address", "text", address(a.at("StreetName"), a.at("AdditionalStreetName"), address(a.at("PostalZone")+" "+a.at("CityName")), a.at("Country", "IdentificationCode")))
	v.put(who+"_postcode", "code", a.at("PostalZone"))
	v.put(who+"_city", "text", a.at("CityName"))
}
