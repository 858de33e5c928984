package tesseract

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

const smallHOCR = `<?xml version="1.0" encoding="UTF-8"?>
<html><head><title></title><meta name='ocr-system' content='tesseract 5.3.0' /></head><body>
<div class='ocr_page' title='bbox 0 0 600 400; image "a; bbox 1 2 3 4"; ppageno 0; scan_res 300 300'>
 <div class='ocr_carea' title="bbox 10 10 500 90"><p class='ocr_par' lang='eng' title="bbox 10 10 500 90">
  <span class='ocr_header' title="bbox 10 10 500 40; baseline 0.01 -5; x_size 30; x_descenders 6; x_ascenders 7">
   <span class='ocrx_word' title='bbox 10 10 100 40; x_wconf 96'>Tom</span>
   <span class='ocrx_word' title='bbox 110 10 120 40; x_wconf 50'><strong>&amp;</strong></span>
   <span class='ocrx_word' title='bbox 130 10 700 40; x_wconf 101'>Söhne</span>
   <span class='ocrx_word' title='bbox 200 10 300 40; x_wconf 10'> </span>
  </span></p></div>
 <div class='ocr_carea' title="bbox 10 100 60 390"><p class='ocr_par' dir='rtl' title="bbox 10 100 60 390">
  <span class='ocr_line' title="bbox 10 100 60 390; textangle 90; x_size 40; x_descenders 9">
   <span class='ocrx_word' title='bbox 10 100 60 390; x_wconf 80'>שלום</span>
  </span></p></div>
 <div class='ocr_carea' title="bbox 0 0 0 0"></div>
</div></body></html>`

func TestParseHOCR(t *testing.T) {
	got, err := parseHOCR(strings.NewReader(smallHOCR))
	if err != nil {
		t.Fatal(err)
	}
	want := engines.PageResult{Width: 600, Height: 400, Blocks: []engines.Block{
		{Kind: engines.BlockHeading, Box: engines.Box{X0: 10, Y0: 10, X1: 600, Y1: 90}, Lines: []engines.Line{{
			Box: engines.Box{X0: 10, Y0: 10, X1: 600, Y1: 40}, HasBaseline: true, Slope: 0.01, Offset: -5, Size: 30, Descenders: 6,
			Words: []engines.Word{
				{Text: "Tom", Box: engines.Box{X0: 10, Y0: 10, X1: 100, Y1: 40}, Confidence: 0.96},
				{Text: "&", Box: engines.Box{X0: 110, Y0: 10, X1: 120, Y1: 40}, Confidence: 0.5},
				{Text: "Söhne", Box: engines.Box{X0: 130, Y0: 10, X1: 600, Y1: 40}, Confidence: 1},
			}}}},
		{Kind: engines.BlockText, Box: engines.Box{X0: 10, Y0: 100, X1: 60, Y1: 390}, Lines: []engines.Line{{
			Box: engines.Box{X0: 10, Y0: 100, X1: 60, Y1: 390}, Angle: 90, Size: 40, Descenders: 9, RightToLeft: true,
			Words: []engines.Word{{Text: "שלום", Box: engines.Box{X0: 10, Y0: 100, X1: 60, Y1: 390}, Confidence: 0.8}},
		}}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// oneLine is a page of 600 by 400 with one paragraph and one line in it.
func oneLine(paragraph, line, words string) string {
	return "<div class='ocr_page' title='bbox 0 0 600 400'><p class='ocr_par' " + paragraph + "><span class='ocr_line' title='" + line + "'>" +
		words + "</span></p></div>"
}

func TestBaselineStaysWhenTheBoxChanges(t *testing.T) {
	for name, c := range map[string]struct{ line, word string }{
		"as it is":          {"bbox 100 50 500 80; baseline 0.1 -5", "bbox 100 50 200 80"},
		"a word sticks out": {"bbox 100 50 500 80; baseline 0.1 -5", "bbox 90 50 200 95"},
		"clamped left":      {"bbox -40 50 500 80; baseline 0.1 -19", "bbox 100 50 200 80"},
		"clamped below":     {"bbox 100 50 500 480; baseline 0.1 -405", "bbox 100 50 200 390"},
	} {
		r, err := parseHOCR(strings.NewReader(oneLine("", c.line, "<span class='ocrx_word' title='"+c.word+"'>x</span>")))
		if err != nil {
			t.Fatal(err)
		}
		l := r.Blocks[0].Lines[0]
		// Every case is the same line: 75 at x = 100.
		if y := l.Box.Y1 + l.Offset + l.Slope*(100-l.Box.X0); !l.HasBaseline || math.Abs(y-75) > 1e-9 {
			t.Errorf("%s: baseline at %v in %+v", name, y, l)
		}
	}
}

// TestColumn: of text that reads downwards Tesseract gives a baseline of no use.
func TestColumn(t *testing.T) {
	for line, want := range map[string]bool{
		"bbox 62 94 103 358; baseline 382 -764": true, "bbox 62 94 103 358; baseline -174.6 523.8": true,
		"bbox 62 94 103 358; textangle 90": false, "bbox 62 94 353 138; baseline 0.01 -4": false,
	} {
		r, err := parseHOCR(strings.NewReader(oneLine("", line, "<span class='ocrx_word' title='bbox 62 94 103 130'>x</span>")))
		if err != nil {
			t.Fatal(err)
		}
		if l := r.Blocks[0].Lines[0]; l.Downwards != want || want && (l.HasBaseline || l.Slope != 0) {
			t.Errorf("%s: %+v", line, l)
		}
	}
}

func TestDirection(t *testing.T) {
	word := func(dir string) string {
		return "<span class='ocrx_word' title='bbox 10 10 60 40' " + dir + ">x</span>"
	}
	rtl, ltr := word("dir='rtl'"), word("dir='ltr'")
	for name, c := range map[string]struct {
		paragraph, words string
		want             bool
	}{
		"plain":                          {"", word(""), false},
		"right to left":                  {"dir='rtl'", word(""), true},
		"one Hebrew word in English":     {"", word("") + word("") + rtl, false},
		"one English word in Hebrew":     {"dir='rtl'", word("") + word("") + ltr, true},
		"a Hebrew line under English":    {"", rtl + rtl + word(""), true},
		"as many of one as of the other": {"dir='rtl'", word("") + ltr, true},
	} {
		r, err := parseHOCR(strings.NewReader(oneLine(c.paragraph, "bbox 10 10 60 40", c.words)))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Blocks[0].Lines[0].RightToLeft; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestBadBoxes(t *testing.T) {
	words := "<span class='ocrx_word' title='bbox 60 10 10 40'>inverted</span><span class='ocrx_word'>nowhere</span>" +
		"<span class='ocrx_word' title='bbox 700 10 800 40'>outside</span><span class='ocrx_word' title='bbox 10 nan 60 40'>nan</span>" +
		"<span class='ocrx_word' title='bbox 100 10 160 40'>good</span>"
	r, err := parseHOCR(strings.NewReader(oneLine("", "bbox 500 300 20 40; baseline 0 -3", words)))
	if err != nil {
		t.Fatal(err)
	}
	box := engines.Box{X0: 100, Y0: 10, X1: 160, Y1: 40}
	want := []engines.Block{{Kind: engines.BlockText, Box: box, Lines: []engines.Line{{Box: box, Words: []engines.Word{{Text: "good", Box: box}}}}}}
	if !reflect.DeepEqual(r.Blocks, want) {
		t.Errorf("%+v", r.Blocks)
	}
}

func TestParseHOCRRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":   "",
		"no page":   "<html><body></body></html>",
		"no size":   "<div class='ocr_page' title='bbox 0 0 0 0'></div>",
		"two pages": "<html><div class='ocr_page' title='bbox 0 0 9 9'></div><div class='ocr_page' title='bbox 0 0 9 9'></div></html>",
	} {
		if r, err := parseHOCR(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func FuzzParseHOCR(f *testing.F) {
	f.Add(smallHOCR)
	f.Add("<div class='ocr_page' title='bbox 0 0 1e9 1e9'><span class='ocrx_word'>x")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseHOCR(strings.NewReader(text))
		if err == nil {
			enginetest.CheckResult(t, r)
		}
	})
}
