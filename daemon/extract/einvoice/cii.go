package einvoice

// readCII reads UN/CEFACT's Cross Industry Invoice as ZUGFeRD 1 (its first
// edition, with other names) and Factur-X, ZUGFeRD 2 and XRechnung (D16B) have it.
func readCII(root *node) Invoice {
	v := Invoice{Syntax: "CII"}
	head := root.first("ExchangedDocument|HeaderExchangedDocument")
	deal := root.first("SupplyChainTradeTransaction|SpecifiedSupplyChainTradeTransaction")
	agreement := deal.first("ApplicableHeaderTradeAgreement|ApplicableSupplyChainTradeAgreement")
	delivery := deal.first("ApplicableHeaderTradeDelivery|ApplicableSupplyChainTradeDelivery")
	settlement := deal.first("ApplicableHeaderTradeSettlement|ApplicableSupplyChainTradeSettlement")

	v.put("document_type", "text", documentType(head.at("TypeCode")))
	v.put("invoice_number", "code", head.at("ID"))
	v.put("issue_date", "date", head.at("IssueDateTime", "DateTimeString"))
	v.put("order_number", "code", agreement.at("BuyerOrderReferencedDocument", "IssuerAssignedID|ID"))
	v.put("delivery_date", "date", delivery.at("ActualDeliverySupplyChainEvent", "OccurrenceDateTime", "DateTimeString"))
	v.ciiParty("seller", agreement.first("SellerTradeParty"))
	v.ciiParty("buyer", agreement.first("BuyerTradeParty"))
	v.ciiSettlement(settlement)
	for _, l := range deal.all("IncludedSupplyChainTradeLineItem") {
		v.ciiLine(l)
	}
	return v
}

func (v *Invoice) ciiParty(who string, p *node) {
	v.put(who+"_name", "text", p.at("Name"))
	for _, r := range p.all("SpecifiedTaxRegistration", "ID") {
		switch r.attrs["schemeID"] {
		case "VA":
			v.put(who+"_vat_id", "code", r.value())
		case "FC":
			v.put(who+"_tax_number", "code", r.value())
		}
	}
	a := p.first("PostalTradeAddress")
	v.put(who+"_address", "text", address(a.at("LineOne"), a.at("LineTwo"), address(a.at("PostcodeCode")+" "+a.at("CityName")), a.at("CountryID")))
	v.put(who+"_postcode", "code", a.at("PostcodeCode"))
	v.put(who+"_city", "text", a.at("CityName"))
}

func (v *Invoice) ciiSettlement(s *node) {
	currency := s.at("InvoiceCurrencyCode")
	v.put("currency", "currency", currency)
	v.put("due_date", "date", s.at("SpecifiedTradePaymentTerms", "DueDateDateTime", "DateTimeString"))
	means := "SpecifiedTradeSettlementPaymentMeans"
	v.put("iban", "code", s.at(means, "PayeePartyCreditorFinancialAccount", "IBANID"))
	v.put("bic", "code", s.at(means, "PayeeSpecifiedCreditorFinancialInstitution", "BICID"))
	sums := s.first("SpecifiedTradeSettlementHeaderMonetarySummation|SpecifiedTradeSettlementMonetarySummation")
	v.put("net_total", "amount", sums.at("TaxBasisTotalAmount"))
	for _, t := range sums.all("TaxTotalAmount") { // once more in the accounting currency, maybe
		if c := t.attrs["currencyID"]; c == "" || c == currency {
			v.put("tax_total", "amount", t.value())
		}
	}
	v.put("gross_total", "amount", sums.at("GrandTotalAmount"))
	v.put("prepaid", "amount", sums.at("TotalPrepaidAmount"))
	v.put("amount_due", "amount", sums.at("DuePayableAmount"))
}

func (v *Invoice) ciiLine(l *node) {
	settlement := l.first("SpecifiedLineTradeSettlement|SpecifiedSupplyChainTradeSettlement")
	name := l.at("SpecifiedTradeProduct", "Name")
	if name == "" {
		return // a line that only carries a note
	}
	v.line(name, l.at("SpecifiedLineTradeDelivery|SpecifiedSupplyChainTradeDelivery", "BilledQuantity"),
		l.at("SpecifiedLineTradeAgreement|SpecifiedSupplyChainTradeAgreement", "NetPriceProductTradePrice", "ChargeAmount"),
		settlement.at("ApplicableTradeTax", "RateApplicablePercent|ApplicablePercent"),
		settlement.at("SpecifiedTradeSettlementLineMonetarySummation|SpecifiedTradeSettlementMonetarySummation", "LineTotalAmount"))
}
