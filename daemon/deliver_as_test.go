package daemon

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/document"
)

// TestDeliverAs delivers under a path of values with all sidecars; a taken name
// stays what it is, and the sidecars say what the JSON says.
func TestDeliverAs(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.configure("deliver_as = \"{folder}/{received:2006}/{class}-{gross_total}\"\nsidecar_hocr = true\nsidecar_alto = true\n")
	o.start()
	o.drop("a/one.png", scanPNG(t, "The lighthouse keeper"))
	line := o.waitLog("Delivered.", "one.png")
	o.drop("a/two.png", scanPNG(t, "counts every ship"))
	again := o.waitLog("Delivered.", "two.png")
	o.stop()
	o.noDebris()
	for _, line := range []string{line, again} { // the names are made of values, which the log does not say
		if !strings.Contains(line, "to="+o.path("out")+" ") {
			t.Errorf("the log says %s", line)
		}
	}
	found, err := filepath.Glob(o.path("out", "desk", "20*", "unknown-unknown*.pdf"))
	if err != nil || len(found) != 2 || !strings.HasSuffix(found[1], "/unknown-unknown.pdf") {
		t.Fatalf("delivered %q, %v", found, err)
	}
	stem := strings.TrimSuffix(found[1], ".pdf")
	doc := readDocument(t, stem+".json")
	var want []string
	for _, page := range doc.Pages {
		want = append(want, wordsOf(page)...)
	}
	for _, ending := range []string{".alto.xml", ".hocr"} {
		data, err := os.ReadFile(stem + ending)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		d := xml.NewDecoder(strings.NewReader(string(data)))
		for {
			token, err := d.Token()
			if err != nil {
				break
			}
			if start, ok := token.(xml.StartElement); ok {
				for _, a := range start.Attr {
					if a.Name.Local == "CONTENT" {
						got = append(got, a.Value)
					}
					if a.Value == "ocrx_word" {
						text, _ := d.Token()
						got = append(got, string(text.(xml.CharData)))
					}
				}
			}
		}
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s says %q, the JSON %q", ending, got, want)
		}
	}
}

func wordsOf(p document.Page) (out []string) {
	for _, b := range p.Blocks {
		for _, l := range b.Lines {
			for _, w := range l.Words {
				out = append(out, w.Text)
			}
		}
	}
	return out
}
