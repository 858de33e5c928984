package daemon

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"intray/daemon/document"
	"intray/daemon/pdf/pdftest"
)

// allowedLoss is how far word recall may stay behind plain Tesseract's.
const allowedLoss = 0.02

// TestCorpusRecall reads every English page of the corpus through the program
// and compares what it says with the truth: in the JSON, and as another
// program extracts it from the PDF.
func TestCorpusRecall(t *testing.T) {
	t.Parallel()
	dir := corpus(t)
	tool(t, "pdftotext")
	baseline := readBaseline(t, filepath.Join(dir, "BASELINE.tsv"))
	var files []string
	for path := range baseline {
		if strings.HasPrefix(path, "ocr/eng-") {
			files = append(files, filepath.Join(dir, path))
		}
	}
	slices.Sort(files)
	if len(files) == 0 {
		t.Fatal("the baseline names no English page")
	}
	out := t.TempDir()
	_, stderr, code := runIntray(t, append([]string{"ocr", "-o", out}, files...)...)
	if code != exitDone {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	readers := pdftest.Readers(t)
	t.Logf("%-48s %9s %6s %6s", "page", "tesseract", "json", "pdf")
	for _, file := range files {
		rel, _ := filepath.Rel(dir, file)
		stem := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		truth, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".gt.txt")
		if err != nil {
			t.Fatal(err)
		}
		doc := readDocument(t, filepath.Join(out, stem+".json"))
		inJSON := recall(string(truth), doc.Text)
		// pdftotext joins words hyphenated at a line's end, which the truth has as
		// two; with -layout it leaves them alone. Either reading will do.
		inPDF := max(recall(string(truth), outputOf(t, "pdftotext", filepath.Join(out, stem+".pdf"), "-")),
			recall(string(truth), outputOf(t, "pdftotext", "-layout", filepath.Join(out, stem+".pdf"), "-")))
		t.Logf("%-48s %9.3f %6.3f %6.3f", rel, baseline[rel], inJSON, inPDF)
		if worst := min(inJSON, inPDF); worst < baseline[rel]-allowedLoss {
			t.Errorf("%s: word recall %.3f, Tesseract alone has %.3f", rel, worst, baseline[rel])
		}
		checkPlaces(t, filepath.Join(out, stem+".pdf"), doc)
		checkReaders(t, readers, filepath.Join(out, stem+".pdf"), doc)
	}
}

// checkPlaces compares words' boxes in the JSON with those another program
// reports from the PDF: twenty words on the first page, spread over it.
func checkPlaces(t *testing.T, pdf string, doc document.Document) {
	t.Helper()
	reported, area := popplerWords(t, pdf)
	unit := math.Sqrt(doc.Pages[0].Width * doc.Pages[0].Height / area) // Poppler tells user units, of which some pages have large ones
	var candidates []document.Word
	for _, b := range doc.Pages[0].Blocks {
		for _, l := range b.Lines {
			for _, w := range l.Words {
				if len([]rune(w.Text)) >= 3 && w.Confidence > 0.8 && strings.IndexFunc(w.Text, isMark) < 0 {
					candidates = append(candidates, w)
				}
			}
		}
	}
	step := max(len(candidates)/20, 1)
	for i := 0; i < len(candidates); i += step {
		w, best := candidates[i], 0.0
		for _, r := range reported {
			if r.Text == w.Text {
				best = max(best, overlap(w.Box, document.Scale(unit, unit).Box(document.Box{r.X0, r.Y0, r.X1, r.Y1})))
			}
		}
		if best < 0.5 {
			t.Errorf("%s: %q is at %v in the JSON; nothing like it in the PDF (overlap %.2f)", filepath.Base(pdf), w.Text, w.Box, best)
		}
	}
}

func isMark(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
}

type popplerWord struct {
	X0   float64 `xml:"xMin,attr"`
	Y0   float64 `xml:"yMin,attr"`
	X1   float64 `xml:"xMax,attr"`
	Y1   float64 `xml:"yMax,attr"`
	Text string  `xml:",chardata"`
}

// popplerWords are the words of the first page, and the page's area.
func popplerWords(t testing.TB, pdf string) (words []popplerWord, area float64) {
	t.Helper()
	var doc struct {
		Page struct {
			Width  float64       `xml:"width,attr"`
			Height float64       `xml:"height,attr"`
			Words  []popplerWord `xml:"word"`
		} `xml:"body>doc>page"`
	}
	if err := xml.Unmarshal([]byte(outputOf(t, "pdftotext", "-l", "1", "-bbox", pdf, "-")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Page.Words, doc.Page.Width * doc.Page.Height
}

// overlap is intersection over union.
func overlap(a, b document.Box) float64 {
	w, h := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
	if w <= 0 || h <= 0 {
		return 0
	}
	area := func(b document.Box) float64 { return (b[2] - b[0]) * (b[3] - b[1]) }
	return w * h / (area(a) + area(b) - w*h)
}

// recall is the share of the truth's words, counted with their repetitions,
// that were read. Quotes, dashes and compatibility forms do not count.
func recall(truth, read string) float64 {
	have := map[string]int{}
	for _, w := range words(read) {
		have[w]++
	}
	wanted, found := 0, 0
	for _, w := range words(truth) {
		wanted++
		if have[w] > 0 {
			have[w]--
			found++
		}
	}
	return float64(found) / float64(wanted)
}

func words(text string) []string {
	text = norm.NFKC.String(text)
	return strings.Fields(strings.NewReplacer("‘", "'", "’", "'", "‚", "'", "‛", "'", "`", "'", "´", "'",
		"“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "–", "-", "—", "-", "‐", "-", "‑", "-", "−", "-").Replace(text))
}

func readBaseline(t testing.TB, path string) map[string]float64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]float64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Split(s.Text(), "\t")
		if v, err := strconv.ParseFloat(fields[3], 64); err == nil {
			out[fields[0]] = v
		} else if fields[0] != "path" {
			t.Fatal(fmt.Errorf("%s: %q: %w", path, s.Text(), err))
		}
	}
	return out
}
