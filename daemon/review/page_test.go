package review

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/document"
)

// TestPage: everything a clerk needs is in the one file, and nothing in it that
// a document says is taken for HTML.
func TestPage(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "page.jpg")
	if err := os.WriteFile(picture, []byte("JPEG"), 0o600); err != nil {
		t.Fatal(err)
	}
	const evil = `"><script>alert(1)</script>`
	d := document.Document{Source: document.Source{Name: evil + ".pdf", Pages: 40}, Fields: []document.Field{
		{Name: "total", Value: evil, Confidence: 0.62, Page: 3, Box: document.Box{10, 10, 60, 20}, From: "text"}}}
	var b strings.Builder
	err := Page(&b, Sheet{Document: d, Specs: []Spec{{"due_date", "date", false}}, Doubts: []Doubt{{"total", "It is doubtful " + evil}}, MayConfirm: true},
		Pictures{Left: 38, Cuts: map[string]string{"total": picture}, Views: []View{
			{Page: document.Page{Number: 3, Width: 100, Height: 200}, Picture: picture, Words: []document.Word{{Text: evil, Box: document.Box{20, 40, 30, 50}, Confidence: 0.1}}},
			{Page: document.Page{Number: 4}, Sentence: "Page 4 could not be read."}}})
	if err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"data:image/jpeg;base64," + base64.StdEncoding.EncodeToString([]byte("JPEG")), "62 %", "page 3", "not found", "It is doubtful",
		"Page 4 could not be read.", "38 are left out", "approve", "reject", "again", "confirm =", "left: 18.00%; top: 19.00%; width: 14.00%; height: 7.00%"} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, never := range []string{"<script", "http:", "https:", "ZgotmplZ", "src=\"\""} {
		if strings.Contains(page, never) {
			t.Errorf("it has %q", never)
		}
	}
	if strings.Count(page, "data:image/jpeg") != 2 {
		t.Error("it has not two pictures")
	}
}
