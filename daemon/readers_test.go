package daemon

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pdf/pdftest"
)

// TestReadersGetTheWords has every page of the corpus read that is not English
// (TestCorpusRecall has those), each in its language, and compares the words in
// the JSON with those that the readers people use extract from the PDF. Pages in
// languages that are not installed are left out.
func TestReadersGetTheWords(t *testing.T) {
	t.Parallel()
	dir := corpus(t)
	readers := pdftest.Readers(t)
	pages := pagesByLanguage(t, dir)
	installed := strings.Fields(outputOf(t, tool(t, "tesseract"), "--list-langs"))
	seen := 0
	for _, languages := range slices.Sorted(maps.Keys(pages)) {
		missing := slices.DeleteFunc(strings.Split(languages, ","), func(l string) bool { return slices.Contains(installed, l) })
		if len(missing) > 0 {
			t.Logf("left out %d pages: the language %s is not installed", len(pages[languages]), strings.Join(missing, ", "))
			continue
		}
		out := t.TempDir()
		if _, stderr, code := runIntray(t, append([]string{"ocr", "-l", languages, "-o", out}, pages[languages]...)...); code != exitDone {
			t.Errorf("%s: exit code %d\n%s", languages, code, stderr)
			continue
		}
		for _, page := range pages[languages] {
			stem := filepath.Join(out, strings.TrimSuffix(filepath.Base(page), filepath.Ext(page)))
			checkReaders(t, readers, stem+".pdf", readDocument(t, stem+".json"))
			seen++
		}
	}
	if seen == 0 {
		t.Skip("skipped: no language of the corpus but English is installed")
	}
}

// pagesByLanguage are the corpus's pages that are not English, by what Tesseract
// calls their languages.
func pagesByLanguage(t testing.TB, dir string) map[string][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "BASELINE.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Split(s.Text(), "\t")
		if languages := strings.ReplaceAll(fields[1], "+", ","); fields[0] != "path" && languages != "eng" {
			out[languages] = append(out[languages], filepath.Join(dir, fields[0]))
		}
	}
	return out
}

// checkReaders demands that each reader extracts 0.99 of the document's words,
// and that 0.99 of what it extracts are the document's; on a short page two
// words may be taken for one.
func checkReaders(t *testing.T, readers []pdftest.Reader, pdf string, doc document.Document) {
	t.Helper()
	want := pdftest.Words(doc.Text)
	rightToLeft := strings.ContainsFunc(doc.Text, func(r rune) bool { return r >= 0x590 && r < 0x780 })
	row := fmt.Sprintf("%-42s %5d", filepath.Base(pdf), len(want))
	for _, r := range readers {
		if rightToLeft && (r.Name == "Poppler -raw" || r.Name == "pdf.js 2") { // see TestReadersAgree
			continue
		}
		got := pdftest.Words(r.Text(pdf))
		found, right := pdftest.Recall(want, got), pdftest.Recall(got, want)
		row += fmt.Sprintf("  %s %.3f (in order %.3f)", r.Name, found, pdftest.InOrder(want, got))
		if least := 1 - max(0.01, 2.01/float64(len(want))); found < least || right < least {
			t.Errorf("%s: %s extracts %.3f of the words, and of what it extracts %.3f are the document's", filepath.Base(pdf), r.Name, found, right)
		}
	}
	t.Log(row)
}
