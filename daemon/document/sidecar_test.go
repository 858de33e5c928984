package document_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"intray/daemon/document"
)

// body gives pages one by one.
func body(pages []document.Page, last error) func(func(document.Page, error) bool) {
	return func(yield func(document.Page, error) bool) {
		for _, p := range pages {
			if !yield(p, nil) {
				return
			}
		}
		if last != nil {
			yield(document.Page{}, last)
		}
	}
}

// elements are the start tags of an XML text, and the text inside each.
func elements(t *testing.T, data []byte) (names []string, attributes []map[string]string, texts []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = true
	var open []int
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return names, attributes, texts
		}
		if err != nil {
			t.Fatalf("no XML: %v\n%s", err, data)
		}
		switch token := token.(type) {
		case xml.StartElement:
			a := map[string]string{}
			for _, one := range token.Attr {
				a[one.Name.Local] = one.Value
			}
			open = append(open, len(names))
			names, attributes, texts = append(names, token.Name.Local), append(attributes, a), append(texts, "")
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				texts[open[len(open)-1]] += string(token)
			}
		}
	}
}

func twoPages() (document.Document, []string) {
	d := small()
	second := d.Pages[0]
	second.Number = 2
	second.Blocks = slices.Clone(second.Blocks)
	second.Blocks[0].Lines = []document.Line{{Box: document.Box{72, 72, 300, 84}, Baseline: document.Box{72, 82, 300, 83},
		Words: []document.Word{{Text: "one", Confidence: 1}, {Text: "\"two\" & <'three'>", Confidence: 0.5}, {Text: "bad\x00\x0b", Confidence: 0}}}}
	d.Pages = append(d.Pages, second)
	return d, []string{"Müller & <Söhne>", "one", "\"two\" & <'three'>", "bad\uFFFD\uFFFD"}
}

func TestHOCRHasTheWords(t *testing.T) {
	d, want := twoPages()
	var out bytes.Buffer
	if err := document.WriteHOCR(&out, d, body(d.Pages, nil)); err != nil {
		t.Fatal(err)
	}
	_, attributes, texts := elements(t, out.Bytes())
	var words []string
	classes, ids := map[string]int{}, map[string]bool{}
	for i, a := range attributes {
		classes[a["class"]]++
		if id := a["id"]; id != "" && ids[id] {
			t.Errorf("two elements are called %s", id)
		} else {
			ids[id] = true
		}
		if a["class"] == "ocrx_word" {
			words = append(words, texts[i])
		}
		if strings.HasPrefix(a["class"], "ocr") && !strings.HasPrefix(a["title"], "bbox ") {
			t.Errorf("%v has no box", a)
		}
	}
	if !slices.Equal(words, want) || classes["ocr_page"] != 2 || classes["ocr_line"] != 2 || classes["ocr_carea"] != 2 {
		t.Errorf("words %q, %v\n%s", words, classes, out.String())
	}
	if !strings.Contains(out.String(), "title='bbox 300 300 627 350; x_wconf 96'") {
		t.Errorf("the first word stands elsewhere:\n%s", out.String())
	}
}

// TestALTOIsWellFormed holds it to the schema's order of elements and to what it
// requires of each (alto-4-4.xsd).
func TestALTOIsWellFormed(t *testing.T) {
	d, want := twoPages()
	var out bytes.Buffer
	if err := document.WriteALTO(&out, d, body(d.Pages, nil)); err != nil {
		t.Fatal(err)
	}
	names, attributes, _ := elements(t, out.Bytes())
	required := map[string][]string{"Page": {"ID", "PHYSICAL_IMG_NR", "WIDTH", "HEIGHT"}, "PrintSpace": {"HPOS", "VPOS", "WIDTH", "HEIGHT"},
		"TextBlock": {"ID", "HPOS", "VPOS", "WIDTH", "HEIGHT"}, "TextLine": {"HPOS", "VPOS", "WIDTH", "HEIGHT"}, "String": {"CONTENT", "HPOS", "VPOS", "WIDTH", "HEIGHT"}}
	var words []string
	for i, name := range names {
		for _, key := range required[name] {
			if _, ok := attributes[i][key]; !ok {
				t.Errorf("%s without %s", name, key)
			}
		}
		if name == "String" {
			words = append(words, attributes[i]["CONTENT"])
		}
	}
	if !slices.Equal(words, want) || names[0] != "alto" || names[1] != "Description" || !slices.Contains(names, "Layout") {
		t.Errorf("words %q in %v", words, names)
	}
}

func TestSidecarsTellOfAPageThatCannotBeHad(t *testing.T) {
	broken := errors.New("broken")
	if err := document.WriteHOCR(io.Discard, document.Document{}, body(nil, broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := document.WriteALTO(io.Discard, document.Document{}, body(nil, broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}
