package validate

import (
	"testing"

	"intray/daemon/document"
)

func TestVerdicts(t *testing.T) {
	page := func(decision string) document.Page { return document.Page{Decision: decision} }
	for name, c := range map[string]struct {
		doc  document.Document
		want string
	}{
		"all read":         {document.Document{Pages: []document.Page{page("ocr"), page("blank")}}, document.VerdictRelease},
		"told how":         {document.Document{Pages: []document.Page{page("kept_text"), page("ocr")}, Warnings: []document.Warning{{Code: "kept_text"}}}, document.VerdictRelease},
		"worth telling":    {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "no_text_found"}}}, document.VerdictWarnings},
		"a few rows":       {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "fax_short", Page: 1}}}, document.VerdictWarnings},
		"misread digits":   {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "check_digits", Page: 1, Message: "doubtful"}}}, document.VerdictReview},
		"another sum":      {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "read_by_sum", Page: 1, Message: "doubtful"}}}, document.VerdictReview},
		"broken e-invoice": {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "xml_unreadable", Page: 1, Message: "doubtful"}}}, document.VerdictReview},
		"two numbers":      {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "label_conflict", Page: 1, Message: "doubtful"}}}, document.VerdictReview},
		"day or month":     {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "date_order", Page: 1, Message: "doubtful"}}}, document.VerdictReview},
		"lonely total":     {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "total_alone", Page: 1, Message: "doubtful"}}}, document.VerdictReview},
		"a damaged fax":    {document.Document{Pages: []document.Page{page("ocr"), page("ocr")}, Warnings: []document.Warning{{Code: "fax_damaged", Page: 1}}}, document.VerdictReview},
		"a page failed":    {document.Document{Pages: []document.Page{page("ocr"), page("failed")}}, document.VerdictReview},
		"a page is gone":   {document.Document{Pages: []document.Page{page("ocr")}}, document.VerdictReview},
	} {
		got := Document(c.doc, Subject{Pages: 2}).Validation(c.doc.Warnings)
		if got.Verdict != c.want || len(got.Checks) == 0 {
			t.Errorf("%s: %+v", name, got)
		}
		for _, check := range got.Checks {
			if check.Message == "" {
				t.Errorf("%s: %s says nothing", name, check.Rule)
			}
		}
	}
}
