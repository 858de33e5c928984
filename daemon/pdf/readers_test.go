package pdf

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"intray/daemon/document"
	"intray/daemon/pdf/pdftest"
)

// setting is a page of one of the documents that all readers are shown: its
// lines, and which readers find the words in another order, or find others, and
// why.
type setting struct {
	name         string
	lines        []document.Line
	order, words map[string]string
}

// set sets a line of words from left to right: x, y is where its baseline
// starts, each character is half a size wide, each gap is gap sizes.
func set(text string, x, y, size, gap float64) document.Line {
	line := document.Line{Baseline: document.Box{x, y, 0, y}}
	for _, w := range strings.Fields(text) {
		units := 0
		for _, char := range characters(w) {
			units += advance(char)
		}
		width := float64(units) / 1000 * size
		line.Words = append(line.Words, word(w, x, y-0.7*size, x+width, y))
		x += width + gap*size
	}
	line.Baseline[2] = x - gap*size
	return line
}

// fromRight is set for a line from right to left; foreign words next to each
// other keep their own order.
func fromRight(text string, x, y, size float64) document.Line {
	words := strings.Fields(text)
	logical := slices.Clone(words)
	slices.Reverse(words)
	for i := 0; i < len(words); i++ {
		j := i
		for j < len(words) && foreign(words[j]) {
			j++
		}
		if j > i {
			slices.Reverse(words[i:j])
			i = j
		}
	}
	line := set(strings.Join(words, " "), x, y, size, 0.3)
	standing := line.Words
	line.Words = nil
	for _, w := range logical {
		line.Words = append(line.Words, standing[slices.Index(words, w)])
	}
	return line
}

// turned turns lines about the page's middle, clockwise.
func turned(degrees float64, lines ...document.Line) []document.Line {
	m := document.Straighten(600, 600, -degrees)
	var out []document.Line
	for _, l := range lines {
		x0, y0 := m.Apply(l.Baseline[0], l.Baseline[1])
		x1, y1 := m.Apply(l.Baseline[2], l.Baseline[3])
		t := document.Line{Baseline: document.Box{x0, y0, x1, y1}}
		for _, w := range l.Words {
			t.Words = append(t.Words, document.Word{Text: w.Text, Box: m.Box(w.Box)})
		}
		out = append(out, t)
	}
	return out
}

func paragraph(size float64) []document.Line {
	return []document.Line{
		set("Below the thunders of the upper deep far far beneath in the sea", 80, 200, size, 0.3),
		set("his ancient dreamless uninvaded sleep the Kraken sleepeth a", 80, 200+1.4*size, size, 0.3),
		set("faintest sunlights flee about his shadowy sides above him", 80, 200+2.8*size, size, 0.3),
	}
}

func leftToRightPages() []setting {
	pages := []setting{
		{name: "ligatures and marks", lines: []document.Line{set("ﬁnd eﬃcient Ame\u0301lie Zu\u0308rich Ångström q\u0323\u0307", 50, 100, 12, 0.3)}},
		{name: "words that touch", lines: []document.Line{set("you’ ll never a penser à", 50, 100, 12, 0), set("und doch ist es so", 50, 120, 12, -0.1)}},
		{name: "one word in another", lines: []document.Line{{Baseline: document.Box{50, 100, 300, 100}, Words: []document.Word{
			word("zeriſch", 50, 90, 150, 100), word("-", 90, 85, 98, 103), word("und", 160, 90, 190, 100)}}}},
		{name: "tiny", lines: paragraph(4)},
		{name: "huge", lines: []document.Line{set("Go to", 20, 200, 160, 0.3)}},
		{name: "alone", lines: []document.Line{set("a", 300, 300, 12, 0)}},
		{name: "hyphens", lines: []document.Line{set("a well-known func-", 50, 100, 12, 0.3), set("tion of the long-", 50, 117, 12, 0.3), set("est kind - indeed", 50, 134, 12, 0.3)}},
		{name: "beyond 16 bits", lines: []document.Line{set("😀-fish 𝔘nicode 👩\u200D💻", 50, 100, 12, 0.3)}},
		{name: "columns", lines: []document.Line{set("Item Price", 50, 100, 12, 8), set("Bread 2.50", 50, 120, 12, 7.5), set("Salt 0.99", 50, 140, 12, 8)}},
		{name: "Japanese", lines: []document.Line{set("経験豊かな開発者が助けになってくれるはずです。", 50, 100, 12, 0), set("既存の Debian 開発者の、スポンサー", 50, 120, 12, 0.25)}},
		{name: "columns downwards", lines: slices.Concat(
			turned(90, set("吾輩は猫である。名前はまだ無い。", 100, 100, 12, 0), set("どこで生れたかとんと見当がつかぬ。", 100, 120, 12, 0))),
			order: map[string]string{"PDFium": "begins at the left"}},
		{name: "quarter turns", lines: slices.Concat(turned(90, set("reads down", 100, 100, 12, 0.3)), turned(-90, set("reads up", 100, 100, 12, 0.3))),
			order: map[string]string{"Poppler": "begins at the left"}},
		{name: "upside down", lines: turned(180, paragraph(12)...), order: map[string]string{"PDFium": "begins every line at the left"}},
		{name: "one Hebrew word", lines: []document.Line{set("The word שלום means peace", 50, 100, 12, 0.3)}},
	}
	for _, degrees := range []float64{0.3, 0.6, 1, 2, 3, 5, -2} {
		p := setting{name: fmt.Sprintf("slanted by %v", degrees), lines: turned(degrees, paragraph(11)...)}
		if math.Abs(degrees) > 1 {
			p.order = map[string]string{"Poppler": "takes a leaning line for several", "PDFium": "takes two lines for one where they overlap"}
		}
		pages = append(pages, p)
	}
	return pages
}

func rightToLeftPages() []setting {
	var pages []setting
	raw := map[string]string{"Poppler -raw": "leaves words as they stand"}
	for _, text := range []string{
		"שלום עולם וברכה", "שלום (עולם) וברכה", "ב-2023 היו 12,345 איש", "החברה Intray הוקמה בשנת 1998 בעיר",
		"קובץ ה-PDF. נשלח היום, לפי דעתי", "תאריך: 05/12/2023 סכום ₪100.50", "(5) שלום", "רחוב הרצל 15/3, תל-אביב",
		"في التصفيات التمهيدية لمونديال", "عام ٢٠٢٣ كان 50% جيدا",
	} {
		pages = append(pages, setting{name: text, lines: []document.Line{fromRight(text, 100, 100, 12)}, words: raw})
	}
	return append(pages,
		setting{name: "foreign words", lines: []document.Line{fromRight("שלום New York City עולם וברכה", 100, 100, 12)},
			words: raw, order: map[string]string{"PDFium": "turns foreign words like the line's own"}},
		setting{name: "points", lines: []document.Line{fromRight("שָׁלוֹם בְּרָכָה", 100, 100, 12)},
			order: map[string]string{"pdf.js": "takes letters with marks for marks"},
			words: map[string]string{"Poppler -raw": raw["Poppler -raw"], "pdf.js 2": "turns a letter and its mark"}})
}

// TestReadersAgree shows every reader every page and compares the words and
// their order.
func TestReadersAgree(t *testing.T) {
	readers := pdftest.Readers(t)
	for name, settings := range map[string][]setting{"left to right": leftToRightPages(), "right to left": rightToLeftPages()} {
		var layers []Layer
		for i, s := range settings {
			layers = append(layers, Layer{Page: onePage(i+1, 600, 600, s.lines...), UserToPage: flip(600)})
		}
		path := filepath.Join(t.TempDir(), "readers.pdf")
		outcome, err := FromPictures(path, len(layers), listed(layers...), Options{PDFA: PDFAAuto}, func(int) (Picture, error) {
			return Picture{Stream: &Stream{Filter: "DCTDecode", Data: greyJPEG(t, 8, 8), Colours: 1, Bits: 8}, Width: 8, Height: 8, PageWidth: 600, PageHeight: 600}, nil
		})
		if err != nil || outcome.Conformance != "PDF/A-2b" {
			t.Fatalf("%s: %+v, %v", name, outcome, err)
		}
		tool(t, "qpdf", "--check", path)
		for _, r := range readers {
			pages := strings.Split(r.Text(path), "\f")
			if len(pages) != len(settings)+1 {
				t.Fatalf("%s, %s: %d pages", name, r.Name, len(pages)-1)
			}
			for i, s := range settings {
				compare(t, fmt.Sprintf("%s, %s, %s", name, s.name, r.Name), s, r.Name, pages[i])
			}
		}
	}
}

func compare(t *testing.T, name string, s setting, reader, text string) {
	t.Helper()
	var want strings.Builder
	for _, l := range s.lines {
		for _, w := range l.Words {
			want.WriteString(w.Text + " ")
		}
		want.WriteString("\n")
	}
	a, b := pdftest.Words(want.String()), pdftest.Words(text)
	switch {
	case slices.Equal(a, b) || s.words[reader] != "":
	case s.order[reader] == "":
		t.Errorf("%s: %q, want %q", name, b, a)
	case pdftest.Recall(a, b) < 1 || len(a) != len(b):
		t.Errorf("%s: %q, want %q in any order (%s)", name, b, a, s.order[reader])
	}
	if !utf8.ValidString(text) {
		t.Errorf("%s: %q", name, text)
	}
}

// TestUpdateSaysWhichWay: an update says in which direction its text reads, and
// keeps what the file says otherwise.
func TestUpdateSaysWhichWay(t *testing.T) {
	in, _ := scanOf(t, 2)
	english := onePage(2, 300, 400, helloLine(100), helloLine(120))
	english.Decision = document.DecisionKept
	blank := document.Page{Number: 2, Decision: document.DecisionBlank}
	hebrew := fromRight("שלום עולם וברכה", 50, 100, 12)
	for name, c := range map[string]struct {
		line            document.Line
		second          document.Page
		existing, wants string
	}{
		"right to left":      {hebrew, blank, "", "/Direction /R2L"},
		"left to right":      {helloLine(100), blank, "", ""},
		"English beside it":  {hebrew, english, "", ""},
		"said already":       {hebrew, blank, "<< /Direction /L2R /FitWindow true >>", "/Direction /L2R"},
		"other preferences":  {hebrew, blank, "<< /FitWindow true >>", "/Direction /R2L"},
		"of another reading": {helloLine(100), blank, "<< /FitWindow true >>", "/FitWindow true"},
	} {
		source := in
		if c.existing != "" {
			source = withCatalogEntry(t, in, "/ViewerPreferences "+c.existing)
		}
		out := filepath.Join(t.TempDir(), "out.pdf")
		layer := Layer{Page: onePage(1, 300, 400, c.line), UserToPage: flip(400)}
		if _, err := AddText(source, out, 2, listed(layer, Layer{Page: c.second, UserToPage: flip(400)}), Options{PDFA: PDFAOff}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tool(t, "qpdf", "--check", out)
		plain := string(tool(t, "qpdf", "--qdf", "--object-streams=disable", out, "-"))
		if c.wants != "" && !strings.Contains(plain, c.wants) || c.wants == "" && strings.Contains(plain, "/Direction") {
			t.Errorf("%s: no %q", name, c.wants)
		}
		if strings.Contains(c.existing, "FitWindow") && !strings.Contains(plain, "/FitWindow true") {
			t.Errorf("%s: other preferences are gone", name)
		}
	}
}

// withCatalogEntry is a copy of a PDF with one more entry in its catalog.
func withCatalogEntry(t *testing.T, in, entry string) string {
	t.Helper()
	plain := tool(t, "qpdf", "--qdf", "--object-streams=disable", in, "-")
	path := filepath.Join(t.TempDir(), "entry.pdf")
	if err := os.WriteFile(path+".qdf", bytes.Replace(plain, []byte("/Type /Catalog"), []byte(entry+" /Type /Catalog"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, tool(t, "fix-qdf", path+".qdf"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
