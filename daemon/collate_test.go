package daemon

import (
	"os"
	"slices"
	"strings"
	"testing"

	"intray/ledger"
)

// TestFrontsAndBacks collates two files of one device, with a kill after the
// first was put aside and another after both were joined; a file of another
// device and one of other pages are not taken for the backs.
func TestFrontsAndBacks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.configure("collate = \"duplex\"\ncollate_within = \"5m\"\n")
	o.drop("left/fronts.pdf", scanPDF(t, "first alpha", "third charlie"))
	o.dieAt("pipeline.paired:1")
	o.start()
	o.drop("right/other.pdf", scanPDF(t, "one more", "and another"))
	o.waitLog("Waits for the other side", "other.pdf")
	o.drop("left/single.pdf", scanPDF(t, "a single page"))
	o.waitLog("Waits for the other side", "single.pdf")
	o.kill()
	o.drop("left/backs.pdf", scanPDF(t, "fourth delta", "second bravo"))
	o.dieAt("pipeline.paired:1")
	o.start()
	if _, err := os.Stat(o.path("out", "left", "fronts.json")); err != nil {
		o.waitLog("Delivered.", "fronts.pdf")
	}
	o.stop()
	doc := o.delivered("out", "left", "fronts.json")
	var order []string
	for word := range strings.FieldsSeq(doc.Text) {
		if slices.Contains([]string{"alpha", "bravo", "charlie", "delta"}, word) {
			order = append(order, word)
		}
	}
	if !slices.Equal(order, []string{"alpha", "bravo", "charlie", "delta"}) || len(doc.Pages) != 4 {
		t.Errorf("the pages are %q of %q", order, doc.Text)
	}
	if h := doc.Source.Halves; len(h) != 2 || h[0].Path != "left/fronts.pdf" || h[1].Path != "left/backs.pdf" || h[0].Pages != 2 {
		t.Fatalf("halves %+v", h)
	}
	for _, half := range doc.Source.Halves {
		if _, err := os.Stat(o.path("data", "originals", half.SHA256[:2], half.SHA256)); err != nil {
			t.Error(err)
		}
	}
	if files, _ := os.ReadDir(o.path("out", "left")); len(files) != 2 {
		t.Errorf("delivered %v", files)
	}
	l, err := ledger.Open(o.path("data", "ledger.db"), ledger.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Check(); err != nil {
		t.Error(err)
	}
}
