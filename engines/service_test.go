package engines

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestCheckPages(t *testing.T) {
	whole := Result{Pages: make([]AnswerPage, 2)}
	if err := CheckPages(whole, 2); err != nil {
		t.Error(err)
	}
	failed := Result{Pages: []AnswerPage{{}, {Failed: "Too dark."}}}
	partial := Result{Pages: make([]AnswerPage, 2), Partial: "Only a part was read."}
	for name, err := range map[string]error{"partial": CheckPages(partial, 2), "fewer": CheckPages(whole, 3), "more": CheckPages(whole, 1), "failed": CheckPages(failed, 2)} {
		var e *Error
		if !errors.As(err, &e) || e.Kind != Review || e.Code != CodePagesMissing || !strings.HasSuffix(e.Sentence, ".") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAskAgain(t *testing.T) {
	lost := &Error{Kind: Retryable, Code: CodeSubmitUnknown, Sentence: "The answer was lost."}
	var e *Error
	if err := AskAgain(t.Context(), lost); !errors.As(err, &e) || e.Code != CodeNetwork || e.Kind != Retryable {
		t.Errorf("got %v", err)
	}
	other := &Error{Kind: Terminal, Code: CodeForeignAddress}
	if err := AskAgain(t.Context(), other); err != error(other) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := AskAgain(ctx, lost); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestScrub(t *testing.T) {
	const secret = `a/b+c"d&e=`
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	message := strings.Join([]string{"plain", secret, string(quoted), url.QueryEscape(secret), url.PathEscape(secret), `a\/b+c"d&e=`}, "\n")
	if got := Scrub(message, "", secret); got != `plain … "…" … … …` {
		t.Errorf("got %q", got)
	}
	if got := Scrub(strings.Repeat("ä", 500)); len([]rune(got)) != 301 {
		t.Errorf("%d characters", len([]rune(got)))
	}
}

func TestServiceAddress(t *testing.T) {
	for text, ok := range map[string]bool{"https://a.example/": true, "http://127.0.0.1:8080": true, "http://[::1]:1": true, "http://a.example": false,
		"": false, "a.example": false, "https://user:pw@a.example": false, "https://a.example?x=1": false, "ftp://localhost": false} {
		if _, err := ServiceAddress("endpoint", text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSnakeCase(t *testing.T) {
	for text, want := range map[string]string{
		"InvoiceTotal": "invoice_total", "Invoice Total:": "invoice_total", "VATId": "vat_id", "ABNNumber": "abn_number", "PO Number": "po_number",
		"INVOICE_RECEIPT_ID": "invoice_receipt_id", "line_item/unit_price": "line_item_unit_price", "Line1Total": "line1_total", "Form 1040EZ": "form_1040ez",
		"PDFs": "pdfs", "Kunden-Nr.:": "kunden_nr", "Größe": "gro_e", "ÉtéDate": "ete_date", "e\u0301te\u0301": "ete", "ＩＢＡＮ": "iban", "日本": "unnamed", "": "unnamed",
		"__x__": "x", "A": "a", "aB": "a_b",
	} {
		if got := SnakeCase(text); got != want {
			t.Errorf("%q: %q instead of %q", text, got, want)
		}
	}
}
