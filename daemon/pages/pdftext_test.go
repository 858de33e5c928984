package pages

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// speaking is a page of 300 by 400 points whose font's codes 'A' to 'Z' mean
// the characters of letters in turn, and all others themselves.
func speaking(t testing.TB, letters, content string) string {
	t.Helper()
	var unicode strings.Builder
	unicode.WriteString("begincmap\n1 begincodespacerange\n<00> <FF>\nendcodespacerange\n")
	code := 'A'
	for _, r := range letters {
		unicode.WriteString("1 beginbfchar\n" + fmt.Sprintf("<%02X> <", code))
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&unicode, "%04X", unit)
		}
		unicode.WriteString(">\nendbfchar\n")
		code++
	}
	unicode.WriteString("endcmap\n")
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	for i, o := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", unicode.Len(), unicode.String()),
	} {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	b.WriteString("trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n0\n%%EOF\n")
	return write(t, "speaking.pdf", b.Bytes())
}

// TestOwnTextInReadingOrder: whatever order a file writes its letters in.
func TestOwnTextInReadingOrder(t *testing.T) {
	const hebrew = "מחירשקל" // A to G
	o := &Opener{CacheDir: sharedCache(t)}
	t.Cleanup(func() { _ = o.Close() })
	oneByOne := func(glyphs string) string { // each 8 points left of the last one
		var out strings.Builder
		out.WriteString("BT /F 12 Tf 250 300 Td ")
		for _, g := range glyphs {
			if g != ' ' {
				fmt.Fprintf(&out, "(%c) Tj ", g)
			}
			out.WriteString("-8 0 Td ")
		}
		return out.String() + "ET"
	}
	for name, c := range map[string]struct {
		letters, content, want string
		angle                  float64
	}{
		"as it stands":   {hebrew, "BT /F 12 Tf 50 300 Td (,GFE 12.50 DCBA) Tj ET", "מחיר 12.50 שקל,", 0},
		"as it is read":  {hebrew, oneByOne("ABCD 05.21 EFG,"), "מחיר 12.50 שקל,", 0},
		"foreign words":  {hebrew, "BT /F 12 Tf 50 300 Td (GFE of york DCBA) Tj ET", "מחיר of york שקל", 0},
		"two in English": {hebrew, "BT /F 12 Tf 50 300 Td (it says GFE DCBA in here) Tj ET", "it says מחיר שקל in here", 0},
		"beyond 16 bits": {"😀𝔘", "BT /F 12 Tf 50 300 Td (aA B) Tj ET", "a😀 𝔘", 0},
		"hyphen":         {"", "BT /F 12 Tf 50 300 Td (a func-) Tj 0 -14 Td (tion of it) Tj ET", "a func-|tion of it", 0},
		"upwards":        {"", "BT /F 12 Tf 0 1 -1 0 200 100 Tm (reads upwards) Tj ET", "reads upwards", 90},
		"downwards":      {"", "BT /F 12 Tf 0 -1 1 0 200 300 Tm (reads down) Tj ET", "reads down", 270},
	} {
		d, err := o.Open(context.Background(), speaking(t, c.letters, c.content), MIMEPDF)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Picture(context.Background(), 1)
		d.Close()
		if err != nil || p.Text == nil {
			t.Errorf("%s: %v, %s", name, err, p.Reason)
			continue
		}
		var lines []string
		for _, l := range p.Text.Blocks[0].Lines {
			var words []string
			for _, w := range l.Words {
				words = append(words, w.Text)
				if w.Box.X0 < 40 || w.Box.X1 > 260 || w.Box.Y0 < 80 || w.Box.Y1 > 310 {
					t.Errorf("%s: %q at %v", name, w.Text, w.Box)
				}
			}
			lines = append(lines, strings.Join(words, " "))
			if l.Angle != c.angle {
				t.Errorf("%s: angle %v", name, l.Angle)
			}
		}
		if got := strings.Join(lines, "|"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
