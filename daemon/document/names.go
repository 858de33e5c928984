package document

import "strings"

// FieldTypes are the names of fields that mean the same whatever engine found them,
// with their types. Whatever else a provider returns keeps its own name.
func FieldTypes() map[string]string {
	out := map[string]string{}
	for kind, names := range map[string]string{
		"amount": "net_total tax_total gross_total amount_due prepaid total opening_balance closing_balance total_debit total_credit",
		"date":   "issue_date due_date delivery_date date date_of_birth expiry_date statement_start statement_end",
		"code": "invoice_number order_number seller_vat_id seller_tax_number buyer_vat_id iban bic merchant_phone receipt_number time " +
			"document_number personal_number mrz_line1 mrz_line2 mrz_line3 account_number nationality issuing_country sex document_type",
		"currency": "currency",
		"text": "seller_name seller_address buyer_name merchant_name merchant_address surname given_names full_name place_of_birth " +
			"bank_name account_holder",
	} {
		for _, name := range strings.Fields(names) {
			out[name] = kind
		}
	}
	return out
}
