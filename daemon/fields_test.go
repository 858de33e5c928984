package daemon

import (
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/extract/value"
	"intray/daemon/pdf"
)

// fieldsDPI is the resolution invoices are rasterized at; more reads no better
// and takes longer.
const fieldsDPI = 200

// truth is what a document of the corpus says.
type truth struct {
	stem, kind string
	Type       string         `json:"doc_type"`
	Fields     map[string]any `json:"fields"`
	XMLOnly    map[string]any `json:"in_xml_but_not_printed"`
}

// tally is how many values of a field were right.
type tally struct{ right, all int }

// scores are tallies by kind and field.
type scores map[string]*tally

func (s scores) count(key string, right bool) {
	if s[key] == nil {
		s[key] = &tally{}
	}
	s[key].all++
	if right {
		s[key].right++
	}
}

// TestFieldsOfTheCorpus reads receipts, invoices (rasterized, so that they have
// to be read), passports and e-invoices through the program, and prints how often
// each field is exactly right after normalization.
func TestFieldsOfTheCorpus(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(corpus(t), "fields")
	tool(t, "pdftoppm")
	truths := readTruths(t, dir)
	printed, embedded := scores{}, scores{}
	scans := t.TempDir()
	var files, electronic []string
	for _, tr := range truths {
		source := sourceOf(t, dir, tr.stem)
		if filepath.Ext(source) == ".pdf" {
			files = append(files, rasterized(t, source, filepath.Join(scans, tr.stem+".pdf")))
			if len(tr.XMLOnly) > 0 || strings.Contains(string(read(t, source)), "EmbeddedFile") {
				electronic = append(electronic, source)
			}
			continue
		}
		files = append(files, source)
	}
	out, outXML := t.TempDir(), t.TempDir()
	runIntray(t, append([]string{"ocr", "-o", out}, files...)...) // some may need review
	runIntray(t, append([]string{"ocr", "-o", outXML}, electronic...)...)
	for _, tr := range truths {
		compareFields(t, printed, tr, resultOf(t, out, tr.stem))
		if slices.Contains(electronic, filepath.Join(dir, tr.stem+".pdf")) {
			compareXML(t, embedded, tr, resultOf(t, outXML, tr.stem))
		}
	}
	tell(t, "printed", printed)
	tell(t, "from XML", embedded)
	for key, least := range map[string]float64{
		"receipt total": 0.90, "receipt date": 0.92, "receipt merchant_name": 0.75,
		"invoice invoice_number": 0.85, "invoice issue_date": 0.85, "invoice gross_total": 0.85, "invoice seller_name": 0.75,
		"passport document_number": 1, "passport date_of_birth": 1, "passport expiry_date": 1, "passport sex": 1, "passport personal_number": 1,
		"passport full_name": 1, "passport issuing_country": 1, "passport mrz_line2": 1,
		"receipt (class)": 1, "invoice (class)": 1, "passport (class)": 1, "bank_statement (class)": 1, "id (class)": 1,
	} {
		if s := printed[key]; s == nil || float64(s.right) < least*float64(s.all) {
			t.Errorf("%s: %v right, want a share of %.2f", key, s, least)
		}
	}
	if len(embedded) < 10 {
		t.Errorf("only %d fields came from XML", len(embedded))
	}
	for key, s := range embedded {
		if s.right < s.all {
			t.Errorf("from XML, %s: %d of %d right", key, s.right, s.all)
		}
	}
}

func readTruths(t *testing.T, dir string) (out []truth) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.truth.json"))
	if err != nil || len(paths) == 0 {
		t.Fatal("the corpus has no truths", err)
	}
	for _, path := range paths {
		tr := truth{stem: strings.TrimSuffix(filepath.Base(path), ".truth.json")}
		if err := json.Unmarshal(read(t, path), &tr); err != nil {
			t.Fatal(err)
		}
		tr.kind = tr.Type
		if kind, other := map[string]string{"credit_note": "invoice", "id_card": "id"}[tr.Type]; other {
			tr.kind = kind
		}
		out = append(out, tr)
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sourceOf(t *testing.T, dir, stem string) string {
	t.Helper()
	for _, ending := range []string{".pdf", ".jpg", ".png"} {
		if path := filepath.Join(dir, stem+ending); exists(path) {
			return path
		}
	}
	t.Fatalf("%s has no document", stem)
	return ""
}

// rasterized writes a PDF of pictures of another one's pages, without its text
// and its embedded files.
func rasterized(t *testing.T, source, out string) string {
	t.Helper()
	stem := strings.TrimSuffix(out, ".pdf")
	outputOf(t, "pdftoppm", "-r", fmt.Sprint(fieldsDPI), "-gray", "-png", source, stem)
	pages, err := filepath.Glob(stem + "-*.png")
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages", err)
	}
	slices.Sort(pages)
	layers := func(int) (pdf.Layer, error) { return pdf.Layer{}, nil }
	_, err = pdf.FromPictures(out, len(pages), layers, pdf.Options{PDFA: pdf.PDFAOff}, func(number int) (pdf.Picture, error) {
		f, err := os.Open(pages[number-1])
		if err != nil {
			return pdf.Picture{}, err
		}
		defer f.Close()
		img, _, err := image.Decode(f)
		if err != nil {
			return pdf.Picture{}, err
		}
		size := img.Bounds().Size()
		return pdf.Picture{Pixels: img, Width: size.X, Height: size.Y, Orientation: 1,
			PageWidth: float64(size.X) * 72 / fieldsDPI, PageHeight: float64(size.Y) * 72 / fieldsDPI}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// resultOf finds a document's JSON in the output or in review.
func resultOf(t *testing.T, out, stem string) document.Document {
	t.Helper()
	for _, pattern := range []string{stem + ".json", filepath.Join("review", stem+"-*", "*.json")} {
		paths, _ := filepath.Glob(filepath.Join(out, pattern)) // the pattern is sound
		for _, path := range paths {
			if d, err := document.Decode(read(t, path)); err == nil {
				return d
			}
		}
	}
	t.Errorf("%s has no result", stem)
	return document.Document{}
}

func compareFields(t *testing.T, s scores, tr truth, d document.Document) {
	t.Helper()
	s.count(tr.kind+" (class)", d.Class.Name == tr.kind)
	for name, want := range tr.Fields {
		got := fieldOf(d, name)
		right := alike(got.Value, want)
		s.count(tr.kind+" "+name, right)
		if !right && got.Name != "" {
			t.Logf("%-28s %-16s %-32q read as %q (%.2f)", tr.stem, name, fmt.Sprint(want), got.Value, got.Confidence)
		}
	}
}

// compareXML compares what the embedded invoice says; it must not be said to
// contradict the page.
func compareXML(t *testing.T, s scores, tr truth, d document.Document) {
	t.Helper()
	for _, w := range d.Warnings {
		if w.Code == "xml_differs" || w.Code == "xml_unreadable" {
			t.Errorf("%s: %s", tr.stem, w.Message)
		}
	}
	all := maps.Clone(tr.Fields)
	maps.Copy(all, tr.XMLOnly)
	for name, want := range all {
		got := fieldOf(d, name)
		s.count(name, alike(got.Value, want) && got.From == "xml")
	}
}

func fieldOf(d document.Document, name string) document.Field {
	i := slices.IndexFunc(d.Fields, func(f document.Field) bool { return f.Name == name })
	if i < 0 {
		return document.Field{}
	}
	return d.Fields[i]
}

// alike compares after normalization: amounts as numbers, else letters and
// digits whatever their case.
func alike(got string, want any) bool {
	a, ok1 := value.ParseDecimal(got)
	b, ok2 := value.ParseDecimal(fmt.Sprint(want))
	if ok1 && ok2 {
		return a == b
	}
	return got != "" && value.Fold(strings.ReplaceAll(got, "#", "")) == value.Fold(strings.ReplaceAll(fmt.Sprint(want), "#", ""))
}

func tell(t *testing.T, title string, s scores) {
	t.Helper()
	t.Logf("%-40s %s", title, "right of all")
	for _, key := range slices.Sorted(maps.Keys(s)) {
		t.Logf("%-40s %3d of %3d  %.2f", key, s[key].right, s[key].all, float64(s[key].right)/float64(s[key].all))
	}
}
