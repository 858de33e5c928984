package split_test

import (
	"reflect"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/daemon/split"
)

// folder is one whose configuration has these lines.
func folder(t *testing.T, lines string) config.Folder {
	t.Helper()
	cfg, _, err := config.Parse([]byte("version = 1\n[[folder]]\nname = \"desk\"\n"+lines), "config.toml", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Folders[0]
}

// pages reads "t" as a page with text, "." as a blank one, "x" as one of ink and
// anything else as one with a barcode of that text.
func pages(words string) (out []split.Page) {
	for word := range strings.FieldsSeq(words) {
		switch word {
		case "t":
			out = append(out, split.Page{Text: true})
		case ".":
			out = append(out, split.Page{Ink: 0.0001})
		case "x":
			out = append(out, split.Page{Ink: 0.03})
		default:
			out = append(out, split.Page{Ink: 0.03, Barcodes: []split.Barcode{{Format: "Code39", Text: word}}})
		}
	}
	return out
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		lines, pages string
		parts        [][]int
		dropped      []int
	}{
		{`split = "off"`, "x . x", [][]int{{1, 2, 3}}, nil},
		{`split = { separator = "^PATCHT$" }`, "x PATCHT x", [][]int{{1}, {3}}, []int{2}},
		{`split = { separator = "^PATCHT$" }`, "PATCHT x x PATCHT PATCHT t PATCHT", [][]int{{2, 3}, {6}}, []int{1, 4, 5, 7}},
		{`split = { separator = "^PATCHT$" }`, "PATCHT", nil, []int{1}},
		{`split = { separator = "^PATCHT$", formats = ["QRCode"] }`, "x PATCHT x", [][]int{{1, 2, 3}}, nil},
		{`split = { separator = "^PATCHT$", formats = ["QRCode", "Code39"] }`, "x PATCHT x", [][]int{{1}, {3}}, []int{2}},
		{`split = { barcode = "^ASN" }`, "x ASN1 x ASN2 ASN3 other", [][]int{{1}, {2, 3}, {4}, {5, 6}}, nil},
		{`split = { pages = 2 }`, "x x x x x", [][]int{{1, 2}, {3, 4}, {5}}, nil},
		{`split = { blank = true }`, "x . . x x", [][]int{{1}, {4, 5}}, []int{2, 3}},
		{`blank_pages = "remove"`, "x . t .", [][]int{{1, 3}}, []int{2, 4}},
		{"split = [{ pages = 2 }, { separator = \"SEP\" }]\nblank_pages = \"remove\"", "x . x SEP x", [][]int{{1, 3}, {5}}, []int{2, 4}},
	} {
		in := pages(c.pages)
		parts, dropped := split.Plan(folder(t, c.lines), in)
		var got [][]int
		n := len(dropped)
		for _, p := range parts {
			got = append(got, p.Pages)
			n += len(p.Pages)
		}
		var gone []int
		for _, d := range dropped {
			gone = append(gone, d.Page)
		}
		if !reflect.DeepEqual(got, c.parts) || !reflect.DeepEqual(gone, c.dropped) || n != len(in) {
			t.Errorf("%s on %q: parts %v without %v, want %v without %v", c.lines, c.pages, got, gone, c.parts, c.dropped)
		}
	}
}

func TestNames(t *testing.T) {
	for want, parts := range map[string][]split.Part{
		"a.b.pdf":                       {{}},
		"a.b-1.pdf a.b-2.pdf":           {{}, {}},
		"a.b-1.pdf a.b-ASN_1.pdf":       {{}, {Code: "ASN/1"}},
		"a.b-X.pdf a.b-2.pdf a.b-3.pdf": {{Code: "X"}, {Code: "X"}, {Code: "../"}},
	} {
		if got := strings.Join(split.Names("a.b.tiff", parts), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWrongRulesAreExplained(t *testing.T) {
	for _, lines := range []string{`split = "on"`, `split = { pages = 0 }`, `split = { separator = "(" }`, `split = { separator = "a", blank = true }`,
		`split = { seperator = "a" }`, `split = [1]`, `split = { formats = ["QRCode"] }`, `blank_pages = "drop"`} {
		_, _, err := config.Parse([]byte("version = 1\n[[folder]]\nname = \"desk\"\n"+lines), "config.toml", t.TempDir())
		if err == nil || !strings.Contains(err.Error(), "split") && !strings.Contains(err.Error(), "blank_pages") {
			t.Errorf("%s: %v", lines, err)
		}
	}
}
