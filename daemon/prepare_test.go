package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/daemon/normalize"
	"intray/daemon/pages"
	"intray/daemon/worker"
	"intray/engines"
)

// prepareTable says which combinations of steps are measured, "contrast,binarize
// denoise" being two; it takes minutes and decides nothing, hence the switch.
const prepareTable = "INTRAY_PREPARE"

// truthPage is a page of the corpus with its truth.
type truthPage struct{ kind, path, language string }

// truthPages are the first pages worth measuring, by what is hard about them.
func truthPages(t testing.TB) []truthPage {
	dir := corpus(t)
	languages := map[string]string{}
	for _, line := range strings.Split(string(mustRead(t, filepath.Join(dir, "BASELINE.tsv"))), "\n") {
		if f := strings.Split(line, "\t"); len(f) > 1 {
			languages[filepath.Base(f[0])] = f[1]
		}
	}
	var out []truthPage
	add := func(kind, pattern string) {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("the corpus has no %s (%v)", pattern, err)
		}
		for _, path := range found {
			if ext := filepath.Ext(path); ext == ".txt" || ext == ".xml" || ext == ".csv" || ext == ".json" {
				continue
			}
			language := languages[filepath.Base(path)]
			if language == "" {
				language = "eng"
			}
			out = append(out, truthPage{kind, path, language})
		}
	}
	add("typescript", "ocr/*typescript*")
	add("typescript", "ocr/nld-typewriter*")
	add("old print", "ocr/deu-*")
	add("old print", "ocr/eng-oldbook-*")
	add("old print", "ocr/eng-print-*")
	add("old print", "ocr/spa-print-*")
	add("clean", "ocr/eng-linn.png")
	add("clean", "ocr/eng-linn-skew.pdf")
	add("clean", "ocr/eng-phototest.tif")
	add("clean", "ocr/mul-eurotext.tif")
	add("clean", "ocr/rus-debian-*")
	add("small", "formats/opf-lorem-*.jpg")
	add("small", "formats/opf-lorem-*.png")
	add("small", "formats/paperless-simple-png.png")
	add("small", "formats/paperless-simple-jpg.jpg")
	add("small", "ocr/heb-levontin-*")
	add("receipt", "fields/sroie-*")
	return out
}

func mustRead(t testing.TB, path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestPrepareTable prints the word recall of each page for each combination of
// steps, and the share of time it takes, against reading the page as it is.
func TestPrepareTable(t *testing.T) {
	asked := strings.Fields(os.Getenv(prepareTable))
	if len(asked) == 0 {
		t.Skip("skipped: set " + prepareTable + ` to combinations of steps, such as "contrast binarize,denoise"`)
	}
	t.Setenv("OMP_THREAD_LIMIT", "1")
	all := truthPages(t)
	combinations := append([]string{""}, asked...)
	figures := make([][]figure, len(all))
	var group sync.WaitGroup
	next := make(chan int)
	for range 2 {
		group.Go(func() {
			cache := t.TempDir()
			reader := &worker.Reader{CacheDir: cache, NewRecognizer: func(spec worker.EngineSpec) (engines.Recognizer, error) {
				return newRecognizer(spec, cache, "")
			}}
			defer reader.Close()
			for i := range next {
				for _, c := range combinations {
					start := time.Now()
					text := readPrepared(t, reader, all[i], strings.FieldsFunc(c, func(r rune) bool { return r == ',' }))
					truth := mustRead(t, strings.TrimSuffix(all[i].path, filepath.Ext(all[i].path))+".gt.txt")
					figures[i] = append(figures[i], figure{recall(string(truth), text), time.Since(start)})
				}
				t.Logf("%-60s %s", all[i].kind+" "+filepath.Base(all[i].path), figureRow(figures, []int{i}))
			}
		})
	}
	for i := range all {
		if match, err := regexp.MatchString(os.Getenv(prepareTable+"_PAGES"), all[i].path); err == nil && match {
			next <- i
		}
	}
	close(next)
	group.Wait()
	t.Logf("word recall (time against none): none %s", strings.Join(asked, " "))
	kinds := map[string][]int{}
	for i, p := range all {
		if len(figures[i]) == 0 {
			continue
		}
		kinds[p.kind] = append(kinds[p.kind], i)
		kinds["mean of all"] = append(kinds["mean of all"], i)
	}
	for _, kind := range []string{"typescript", "old print", "clean", "small", "receipt", "mean of all"} {
		if of := kinds[kind]; len(of) > 0 {
			t.Logf("%-60s %s", kind, figureRow(figures, of))
		}
	}
}

func readPrepared(t testing.TB, reader *worker.Reader, p truthPage, steps []string) string {
	data := mustRead(t, p.path)
	request, err := json.Marshal(worker.ReadRequest{
		Source: worker.Source{Path: p.path, MIME: pages.Sniff(data), Text: pages.TextForce}, Number: 1,
		Engine: worker.EngineSpec{Name: "local", Kind: "tesseract"}, Languages: strings.Split(p.language, "+"), Rotate: 0.6, Prepare: steps})
	if err != nil {
		t.Error(err)
		return ""
	}
	answer, err := reader.Handlers()[worker.Read](context.Background(), request)
	if err != nil {
		t.Errorf("%s: %v", p.path, err)
		return ""
	}
	a := answer.(worker.ReadAnswer)
	page, _, _ := normalize.Page(normalize.Reading{Number: 1, Geometry: a.Geometry, Read: a.Read, Result: a.Result, Deskew: true})
	return normalize.Text(page)
}

// TestPrepareSteps: the words that the configuration allows are those that work.
func TestPrepareSteps(t *testing.T) {
	if allowed, known := config.PrepareSteps(), pages.PrepareSteps(); !slices.Equal(allowed, known) {
		t.Errorf("package config allows %v, package pages knows %v", allowed, known)
	}
}

type figure struct {
	recall float64
	took   time.Duration
}

// figureRow is the mean recall of the pages for each combination, and the time
// they take against the first.
func figureRow(figures [][]figure, of []int) string {
	var line []string
	for c := range figures[of[0]] {
		var recalls float64
		var now, plain time.Duration
		for _, i := range of {
			recalls += figures[i][c].recall / float64(len(of))
			now, plain = now+figures[i][c].took, plain+figures[i][0].took
		}
		line = append(line, fmt.Sprintf("%.3f (%.2f)", recalls, float64(now)/float64(plain)))
	}
	return strings.Join(line, "  ")
}
