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
	err := Page(&b, Sheet{Document: d, Specs: []Spec{{Name: "due_date", Type: "date"}}, Doubts: []Doubt{{"total", "It is doubtful " + evil}}, MayConfirm: true},
		Pictures{Left: 38, Cuts: map[string]string{"total": picture}, Views: []View{
			{Page: document.Page{Number: 3, Width: 100, Height: 200}, Picture: picture, Words: []document.Word{{Text: evil, Box: document.Box{20, 40, 30, 50}, Confidence: 0.1}}},
			{Page: document.Page{Number: 4}, Sentence: "Page 4 could not be read."}}})
	if err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"data:image/jpeg;base64," + base64.StdEncoding.EncodeToString([]byte("JPEG")), "62 %", "page 3", "not found", "It is doubtful",
		"Page 4 could not be read.", "38 are left out", "approve", "reject", "again", "confirm =", "left: 18.00%; top: 19.00%; width: 14.00%; height: 7.00%", "--ratio: 2.0000", "@page"} {
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

// TestNotes: names of fields stand in the margin beside their values, and not one
// over another, however many there are in one place.
func TestNotes(t *testing.T) {
	page := document.Page{Number: 1, Width: 600, Height: 800}
	s := shownPage{Ratio: 800.0 / 600}
	for i := range 12 {
		y := 700 + float64(i%4)
		s.field(page, document.Field{Name: "field_a", Value: "1", Box: document.Box{400 - float64(i), y, 500, y + 90}}, false)
	}
	s.field(page, document.Field{Name: "far_above", Value: "1", Box: document.Box{10, 100, 90, 110}}, true)
	s.field(page, document.Field{Name: "same_place", Value: "1", Box: document.Box{10, 100, 90, 110}}, false)
	s.field(page, document.Field{Name: "nowhere", Value: "1"}, false)
	s.spread()
	if len(s.Notes) != 14 || len(s.Marks) != 13 || s.Marks[12].Label != "far above, same place" || s.Notes[0].Name != "far above" || s.Notes[0].Top != s.Notes[0].Line || !s.Notes[0].Doubt {
		t.Fatalf("%+v", s.Notes)
	}
	for i, n := range s.Notes[1:] {
		if n.Top-s.Notes[i].Top < leastApart-1e-9 || n.Top > 100 {
			t.Errorf("note %d is at %g, the one before at %g", i+1, n.Top, s.Notes[i].Top)
		}
	}
}
