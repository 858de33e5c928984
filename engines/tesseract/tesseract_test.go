package tesseract

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

// corpus has real pages; it is not part of this repository.
var corpus = filepath.Join("..", "..", "..", "shared", "corpus", "ocr")

// variants are the two ways to Tesseract. Without cgo both are the command.
func variants() map[string]func(options) reader {
	return map[string]func(options) reader{"built in": newReader, "command": newCommand}
}

func open(t testing.TB, with func(options) reader) engines.Recognizer {
	t.Helper()
	if _, err := exec.LookPath("tesseract"); err != nil {
		t.Skip("skipped: tesseract is not installed")
	}
	e, err := build(engines.Settings{Name: "local", CacheDir: t.TempDir()}, with)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func drawn(t testing.TB, lines ...string) engines.Page {
	t.Helper()
	image, err := enginetest.DrawPage(lines...)
	if err != nil {
		t.Fatal(err)
	}
	return engines.Page{Image: image, DPI: enginetest.PageDPI}
}

func TestConformance(t *testing.T) {
	for name, with := range variants() {
		t.Run(name, func(t *testing.T) {
			enginetest.Suite{Images: true, New: func(t *testing.T) engines.Recognizer { return open(t, with) }}.Run(t)
		})
	}
}

// TestSameAnswers holds the library and the command to one answer, also where
// Tesseract has to estimate the resolution.
func TestSameAnswers(t *testing.T) {
	page := drawn(t, "Same page, same words,", "same boxes: 1,284.50 EUR")
	unknown := page
	unknown.DPI = 0
	pages := map[string]engines.Page{"drawn": page, "resolution unknown": unknown, "empty": drawn(t)}
	for _, file := range []string{"eng-phototest.tif", "eng-phototest-rotated-R.png", "eng-oldbook-j049.tiff"} {
		if image, err := os.ReadFile(filepath.Join(corpus, file)); err == nil {
			pages[file] = engines.Page{Image: image}
		}
	}
	library, command := open(t, newReader), open(t, newCommand)
	defer library.Close()
	defer command.Close()
	for name, p := range pages {
		want, err1 := command.Recognize(t.Context(), p)
		got, err2 := library.Recognize(t.Context(), p)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: library %+v, %v\ncommand %+v, %v", name, got, err2, want, err1)
		}
	}
}

func TestBaselineAndConfidence(t *testing.T) {
	image, err := enginetest.DrawPage("Standing on a line")
	if err != nil {
		t.Fatal(err)
	}
	e := open(t, newReader)
	defer e.Close()
	r, err := e.Recognize(t.Context(), engines.Page{Image: image, DPI: enginetest.PageDPI})
	if err != nil || len(r.Blocks) != 1 || len(r.Blocks[0].Lines) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	l := r.Blocks[0].Lines[0]
	// The text was drawn with its baseline 160 pixels from the top.
	if foot := l.Box.Y1 + l.Offset; !l.HasBaseline || foot < 154 || foot > 166 || math.Abs(l.Slope) > 0.005 {
		t.Errorf("baseline %v at %v, slope %v", l.HasBaseline, foot, l.Slope)
	}
	for _, w := range l.Words {
		if w.Confidence < 0.7 {
			t.Errorf("%q has confidence %v", w.Text, w.Confidence)
		}
	}
}

func TestTurnedPages(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("skipped: the shared corpus is not beside this checkout")
	}
	e := open(t, newReader)
	defer e.Close()
	for file, angle := range map[string]float64{"eng-phototest-rotated-L.png": 90, "eng-phototest-rotated-180.png": 180, "eng-phototest-rotated-R.png": 270} {
		image, err := os.ReadFile(filepath.Join(corpus, file))
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Recognize(t.Context(), engines.Page{Image: image})
		if err != nil {
			t.Fatal(err)
		}
		enginetest.CheckResult(t, r)
		if text := enginetest.Text(r); !strings.HasPrefix(text, "This is a lot of 12 point text to test the\n") {
			t.Errorf("%s: %q", file, text)
		}
		if got := r.Blocks[0].Lines[0].Angle; got != angle {
			t.Errorf("%s: angle %v, want %v", file, got, angle)
		}
	}
}

// TestDamagedPageOnAWarmEngine: a torn picture after a good one.
func TestDamagedPageOnAWarmEngine(t *testing.T) {
	image, err := enginetest.DrawPage("warm")
	if err != nil {
		t.Fatal(err)
	}
	e := open(t, newReader)
	defer e.Close()
	for _, page := range [][]byte{image, image[:len(image)/10], image} {
		_, err := e.Recognize(t.Context(), engines.Page{Image: page})
		if failure, failed := engines.AsError(err); failed != (len(page) < len(image)) || failed && failure.Code != engines.CodeBadImage {
			t.Errorf("%d of %d bytes: %v", len(page), len(image), err)
		}
	}
}

// BenchmarkWarmPage shows that a second page does not load the models again.
func BenchmarkWarmPage(b *testing.B) {
	image, err := enginetest.DrawPage("one line")
	if err != nil {
		b.Fatal(err)
	}
	e := open(b, newReader)
	defer e.Close()
	for b.Loop() {
		if _, err := e.Recognize(b.Context(), engines.Page{Image: image, DPI: enginetest.PageDPI}); err != nil {
			b.Fatal(err)
		}
	}
}
