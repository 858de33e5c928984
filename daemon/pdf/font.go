package pdf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// The invisible font. It has a glyph half an em wide, one of a whole em for East
// Asian characters and one without width for marks of direction; ToUnicode says
// what each code means (ISO 32000-1, 9.10.3). The first two are a line without
// area from the lower left to the upper right corner: PDFium leaves out text
// whose glyphs have no extent.
// Ascent and descent are what readers draw selection boxes with: the height of
// an x plus half of what an ascender adds, so that a word's box fits the ink
// of "some" as well as that of "Hill".
const (
	fontName    = "IntrayGlyphless"
	fontUnits   = 1000
	narrow      = 500 // advance of glyph 1
	wide        = 1000
	fontAscent  = 650
	fontDescent = -1 // some readers replace a descent of 0 with one of their own
	// emPerAscent turns the height of a line above its baseline into a font size.
	emPerAscent = 1 / 0.72
)

// codes gives every character of a document its code in the invisible font. A
// character is a letter with all its combining marks, which therefore never come
// apart. Codes start at 1 in order of first use.
type codes struct {
	code  map[string]uint16
	texts []string
	// Words in lines from right to left, and all words.
	rightToLeft, words int
}

func newCodes() *codes { return &codes{code: map[string]uint16{}} }

// maxCodes is what two bytes can name; further characters show as U+FFFD.
const maxCodes = math.MaxUint16 - 1

func (c *codes) of(text string) uint16 {
	if code, ok := c.code[text]; ok {
		return code
	}
	if len(c.texts) >= maxCodes {
		text = "\uFFFD"
		if code, ok := c.code[text]; ok {
			return code
		}
	}
	c.texts = append(c.texts, text)
	c.code[text] = uint16(len(c.texts))
	return c.code[text]
}

// count counts the words of a line.
func (c *codes) count(words int, rightToLeft bool) {
	c.words += words
	if rightToLeft {
		c.rightToLeft += words
	}
}

// mostlyRightToLeft is true where most words stand in lines that read so.
func (c *codes) mostlyRightToLeft() bool { return 2*c.rightToLeft > c.words }

// viewerPreferences is the catalog's entry that says in which direction the text
// reads (ISO 32000-1, 12.2); "" for left to right. PDFium goes by it.
func (c *codes) viewerPreferences() string {
	if !c.mostlyRightToLeft() {
		return ""
	}
	return " /ViewerPreferences << /Direction /R2L >>"
}

// advance is how wide a character is.
func advance(text string) int {
	r, _ := utf8.DecodeRuneInString(text)
	if unicode.Is(unicode.Bidi_Control, r) {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return wide
	}
	return narrow
}

// toUnicode is the CMap that maps codes back to text.
func (c *codes) toUnicode() []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	code := 1
	for part := range slices.Chunk(c.texts, 100) { // at most 100 entries a block
		fmt.Fprintf(&b, "%d beginbfchar\n", len(part))
		for _, text := range part {
			fmt.Fprintf(&b, "<%04X> <", code)
			for _, unit := range utf16.Encode([]rune(text)) {
				fmt.Fprintf(&b, "%04X", unit)
			}
			b.WriteString(">\n")
			code++
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.Bytes()
}

// fontObjects returns the font's objects, numbered from first; the first of
// them is the font itself.
func (c *codes) fontObjects(first int) []object {
	cid, descriptor, file, unicode, gids := first+1, first+2, first+3, first+4, first+5
	program := glyphlessFont()
	gidMap := make([]byte, 2*(len(c.texts)+1))
	var widths bytes.Buffer // where it is not narrow; ISO 32000-1, 9.7.4.3
	for i, text := range c.texts {
		units := advance(text)
		gidMap[2*i+3] = map[int]byte{narrow: 1, wide: 2, 0: 3}[units]
		if units != narrow {
			fmt.Fprintf(&widths, "%d %d %d ", i+1, i+1, units)
		}
	}
	return []object{
		{number: first, body: fmt.Appendf(nil, "<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H "+
			"/DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>", fontName, cid, unicode)},
		{number: cid, body: fmt.Appendf(nil, "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s "+
			"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /DW %d /W [%s] /CIDToGIDMap %d 0 R >>",
			fontName, descriptor, narrow, bytes.TrimSpace(widths.Bytes()), gids)},
		{number: descriptor, body: fmt.Appendf(nil, "<< /Type /FontDescriptor /FontName /%s /Flags 5 /FontBBox [0 %d %d %d] "+
			"/ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>",
			fontName, fontDescent, wide, fontAscent, fontAscent, fontDescent, fontAscent, file)},
		{number: file, body: stream(fmt.Sprintf("/Length1 %d", len(program)), program)},
		{number: unicode, body: stream("", c.toUnicode())},
		{number: gids, body: stream("", gidMap)},
	}
}

const fontObjectCount = 6

// glyphlessFont builds the TrueType program (OpenType 1.9).
func glyphlessFont() []byte {
	be := binary.BigEndian
	head := slices.Concat(u16(1, 0, 1, 0), make([]byte, 4), []byte{0x5F, 0x0F, 0x3C, 0xF5}, u16(0, fontUnits),
		make([]byte, 16), u16(0, fontDescent, wide, fontAscent, 0, 8, 2, 0, 0))
	hhea := slices.Concat(u16(1, 0, fontAscent, fontDescent, 0, wide, 0, 0, wide, 1, 0, 0), make([]byte, 8), u16(0, 4))
	maxp := slices.Concat(u16(1, 0, 4, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0))
	cmap := u16(0, 1, 3, 1, 0, 12, 4, 24, 0, 2, 2, 0, 0, 0xFFFF, 0, 0xFFFF, 1, 0)
	one, two := diagonal(narrow), diagonal(wide)
	tables := []struct {
		tag  string
		data []byte
	}{
		{"cmap", cmap}, {"glyf", slices.Concat(one, two)}, {"head", head}, {"hhea", hhea},
		{"hmtx", u16(0, 0, narrow, 0, wide, 0, 0, 0)}, {"loca", u16(0, 0, len(one)/2, (len(one)+len(two))/2, (len(one)+len(two))/2)}, {"maxp", maxp},
		{"post", slices.Concat(u16(3, 0), make([]byte, 28))},
	}
	out := slices.Concat(u16(1, 0, len(tables), 128, 3, len(tables)*16-128))
	offset := len(out) + 16*len(tables)
	var body []byte
	for _, t := range tables {
		out = append(out, t.tag...)
		out = be.AppendUint32(out, tableChecksum(t.data))
		out = be.AppendUint32(out, uint32(offset+len(body)))
		out = be.AppendUint32(out, uint32(len(t.data)))
		body = append(body, t.data...)
		body = append(body, make([]byte, (4-len(t.data)%4)%4)...)
	}
	font := append(out, body...)
	// The whole font's checksum goes into head (OpenType, "Calculating checksums").
	at := bytes.Index(font, []byte{0x5F, 0x0F, 0x3C, 0xF5}) - 4
	be.PutUint32(font[at:], 0xB1B0AFBA-tableChecksum(font))
	return font
}

func u16(values ...int) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// diagonal is a glyph of one contour with two points (OpenType, "glyf"): no
// instructions, both points on the curve, coordinates as words.
func diagonal(advance int) []byte {
	return slices.Concat(u16(1, 0, fontDescent, advance, fontAscent, 1, 0), []byte{1, 1},
		u16(0, advance, fontDescent, fontAscent-fontDescent))
}

func tableChecksum(data []byte) (sum uint32) {
	for i := 0; i < len(data); i += 4 {
		var word [4]byte
		copy(word[:], data[i:])
		sum += binary.BigEndian.Uint32(word[:])
	}
	return sum
}
