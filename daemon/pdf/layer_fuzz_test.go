package pdf

import (
	"bytes"
	"math"
	"regexp"
	"testing"

	"intray/daemon/document"
)

// FuzzLayer writes words of any text and place. Whatever they are, the layer's
// numbers are finite and its operators whole.
func FuzzLayer(f *testing.F) {
	f.Add("Größe", 50.0, 188.0, 100.0, 200.0, 50.0, 200.0, 150.0, 200.0)
	f.Add("\x00", 50.0, 50.0, 60.0, 60.0, 40.0, 60.0, 90.0, 60.0)
	f.Add("שלום (2023) \u200D\u0301", 50.0, 50.0, 50.0, 50.0, 0.0, 0.0, 0.0, 0.0)
	f.Add("\xED\xA0\x80\x00\u202E", math.NaN(), math.Inf(1), -1e300, 1e300, 1e-300, math.NaN(), 7.0, 1e18)
	f.Fuzz(func(t *testing.T, text string, x0, y0, x1, y1, bx0, by0, bx1, by1 float64) {
		line := document.Line{Baseline: document.Box{bx0, by0, bx1, by1}, Words: []document.Word{
			word(text, x0, y0, x1, y1), word("and", 60, 188, 80, 200), word(text+text, y0, x0, y1, x1)}}
		codes := newCodes()
		var content bytes.Buffer
		if err := (Layer{Page: onePage(1, 300, 400, line), UserToPage: flip(400)}).write(&content, codes, "F"); err != nil {
			t.Fatal(err)
		}
		if !layerContent.Match(content.Bytes()) {
			t.Errorf("%q", content.String())
		}
		if !unicodeMap.Match(codes.toUnicode()) {
			t.Errorf("%q", codes.toUnicode())
		}
	})
}

// What a layer and its ToUnicode may consist of.
var (
	layerContent = regexp.MustCompile(`^q\n(BT\n3 Tr /F \d+(\.\d+)? Tf\n(((-?\d+(\.\d+)? ){6}Tm )?-?\d+(\.\d+)? Tz <([0-9A-F]{4})*> Tj\n)*ET\n)*Q\n$`)
	unicodeMap   = regexp.MustCompile(`^[^<]*<< [^>]* >>[^<]*<0000> <FFFF>\nendcodespacerange\n(\d+ beginbfchar\n(<[0-9A-F]{4}> <([0-9A-F]{4})+>\n)+endbfchar\n)*endcmap[^<]*$`)
)
