package tesseract

import (
	"errors"
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

// variants are the two ways to Tesseract. Without cgo both are the command.
func variants() map[string]func(options) reader {
	return map[string]func(options) reader{"built in": newReader, "command": newCommand}
}

func open(t testing.TB, with func(options) reader) engines.Recognizer {
	t.Helper()
	if _, err := exec.LookPath("tesseract"); err != nil {
		t.Skip("skipped: tesseract is not installed")
	}
	e, err := build(engines.Settings{Name: "local"}, with)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	t.Setenv("INTRAY_TEST_SECRET", enginetest.Secret)
	for name, with := range variants() {
		t.Run(name, func(t *testing.T) {
			enginetest.Suite{Images: true, New: func(t *testing.T) engines.Recognizer { return open(t, with) }}.Run(t)
		})
	}
}

// TestSameAnswers holds the library and the command to one answer.
func TestSameAnswers(t *testing.T) {
	image, err := enginetest.DrawPage("Same page, same words,", "same boxes: 1,284.50 EUR")
	if err != nil {
		t.Fatal(err)
	}
	var results []engines.PageResult
	for _, with := range variants() {
		e := open(t, with)
		r, err := e.Recognize(t.Context(), engines.Page{Image: image, DPI: enginetest.PageDPI})
		if err := errors.Join(err, e.Close()); err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	if !reflect.DeepEqual(results[0], results[1]) {
		t.Errorf("%+v\n%+v", results[0], results[1])
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
	dir := filepath.Join("..", "..", "..", "shared", "corpus", "ocr")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("skipped: the shared corpus is not beside this checkout")
	}
	e := open(t, newReader)
	defer e.Close()
	for file, angle := range map[string]float64{"eng-phototest-rotated-L.png": 90, "eng-phototest-rotated-180.png": 180, "eng-phototest-rotated-R.png": 270} {
		image, err := os.ReadFile(filepath.Join(dir, file))
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

func TestSettings(t *testing.T) {
	decode := func(o options) func(any) error {
		return func(into any) error { *into.(*options) = o; return nil }
	}
	_, err := build(engines.Settings{Decode: decode(options{PageSegmentation: 99})}, newReader)
	if e, ok := engines.AsError(err); !ok || e.Code != engines.CodeBadSettings {
		t.Errorf("segmentation 99: %v", err)
	}
	_, err = build(engines.Settings{Decode: decode(options{Tessdata: filepath.Join(t.TempDir(), "none")})}, newReader)
	if e, ok := engines.AsError(err); !ok || e.Code != engines.CodeUnavailable {
		t.Errorf("no models: %v", err)
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
