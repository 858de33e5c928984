package pdfa

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
)

var fontBreaches = []breach{
	{"/Type /Font /Subtype /TrueType", "/Subtype /TrueType", "6.2.11.2"},
	{"/Subtype /TrueType", "/Subtype /Cuneiform", "6.2.11.2"},
	{"/Subtype /TrueType /BaseFont /GoRegular", "/Subtype /TrueType", "6.2.11.2"},
	{"/Widths [667 667]", "/Widths [667]", "6.2.11.2"},
	{"BT /F1 12 Tf (AB) Tj", "BT (AB) Tj", "6.2.11.2"},
	{"/Encoding /Identity-H", "/Encoding /90ms-RKSJ-H", "6.2.11.3.3"},
	{"/Registry (Adobe) ", "", "6.2.11.3.1"},
	{"/CIDToGIDMap /Identity", "", "6.2.11.3.2"},
	{"/FontFile2 13 0 R", "", "6.2.11.4.1"},
	{"/FontFile2 13 0 R", "/FontFile2 21 0 R", "6.2.11.4.1"},
	{"(AB) Tj", "(\\001) Tj", "6.2.11.4.1"},
	{"<0024> Tj", "<0000> Tj", "6.2.11.4.1"},
	{"<0024> Tj", "<FFF0> Tj", "6.2.11.4.1"},
	{"<0024> Tj", "<002400> Tj", "6.2.11.4.1"},
	{"/FontFile2 13 0 R", "/FontFile2 13 0 R /CIDSet 9 0 R", "6.2.11.4.2"},
	{"/Widths [667 667]", "/Widths [500 667]", "6.2.11.5"},
	{"3 Tr /F2 9 Tf <0024>", "0 Tr /F2 9 Tf <0003>", "6.2.11.5"},
	{"/Encoding /WinAnsiEncoding", "", "6.2.11.6"},
	{"/Encoding /WinAnsiEncoding", "/Encoding << /BaseEncoding /WinAnsiEncoding /Differences [1 /unheard] >>", "6.2.11.6"},
	{"/Flags 32", "/Flags 4", "6.2.11.6"},
}

// metrics reads the widths a font's makers publish beside it, by glyph name.
func metrics(t *testing.T, path string) map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		// C 32 ; WX 278 ; N space ; B 0 0 0 0 ;
		if f := strings.Fields(lines.Text()); len(f) > 7 && f[0] == "C" {
			out[f[7]], _ = strconv.ParseFloat(f[4], 64)
		}
	}
	return out
}

// TestFontPrograms compares the widths in Type 1 and CFF programs with those
// their makers publish. The fonts come with Ghostscript.
func TestFontPrograms(t *testing.T) {
	const dir = "/usr/share/fonts/"
	files, _ := filepath.Glob(dir + "type1/urw-base35/*.t1")
	if len(files) == 0 {
		t.Skip("skipped: fonts-urw-base35 is not installed")
	}
	names := newGlyphNames()
	for _, path := range files {
		want := metrics(t, strings.TrimSuffix(path, ".t1")+".afm")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := parseType1(data)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for name, w := range want {
			if got, ok := p.widths[name]; !ok || math.Abs(got-w) > 0.5 {
				t.Errorf("%s: %s is %v wide, want %v (%v)", path, name, got, w, ok)
				break
			}
		}
		otf := dir + "opentype/urw-base35/" + strings.TrimSuffix(filepath.Base(path), ".t1") + ".otf"
		if data, err = os.ReadFile(otf); err != nil {
			t.Errorf("%v", err)
			continue
		}
		f, err := parseSFNT(data)
		if err != nil || f.cff == nil {
			t.Errorf("%s: %v", otf, err)
			continue
		}
		compared := 0
		for g := range f.cff.charset {
			w, known := want[f.cff.name(g, names)]
			known = known && g > 0 // .notdef may differ
			if got, err := f.cff.width(g); known && (err != nil || math.Abs(got-w) > 0.5) {
				t.Errorf("%s: glyph %d is %v wide, want %v (%v)", otf, g, got, w, err)
				break
			}
			if known {
				compared++
			}
		}
		if compared < 150 {
			t.Errorf("%s: only %d glyphs compared", otf, compared)
		}
	}
}

func TestCodeMap(t *testing.T) {
	m, err := parseCMap([]byte("/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CIDSystemInfo 3 dict dup begin /Registry (A) def /Ordering (B) def " +
		"/Supplement 2 def end def /WMode 1 def 2 begincodespacerange <00> <7F> <8140> <FEFE> endcodespacerange " +
		"2 begincidrange <20> <7E> 1 <8140> <817E> 633 endcidrange 1 begincidchar <00> 7 endcidchar endcmap"))
	if err != nil || m.registry != "A" || m.ordering != "B" || m.supply != 2 || m.wMode != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	var got []int
	ok := m.split("\x00A\x81\x41\x7F", func(cid int) { got = append(got, cid) })
	if want := []int{7, 34, 634, 0}; !ok || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, ok, want)
	}
	if m.split("\x81", func(int) {}) || m.split("\xFF\xFF", func(int) {}) {
		t.Error("half a code, or none, was read")
	}
	if _, err := parseCMap([]byte("/Other usecmap")); err == nil {
		t.Error("a CMap that builds on another was read")
	}
}

func TestGlyphNames(t *testing.T) {
	n := newGlyphNames()
	for code, want := range map[byte]string{'A': "A", 0x80: "Euro", 0xE4: "adieresis", 0xAD: "hyphen", 0x96: "endash"} {
		if _, got, ok := n.encoded("WinAnsiEncoding", code); !ok || got != want {
			t.Errorf("WinAnsi %02X: %q, want %q", code, got, want)
		}
	}
	for code, want := range map[byte]string{0x27: "quoteright", 0xAE: "fi", 0xFB: "germandbls", 0xE1: "AE"} {
		if _, got, ok := n.encoded("StandardEncoding", code); !ok || got != want {
			t.Errorf("Standard %02X: %q, want %q", code, got, want)
		}
	}
	if _, got, ok := n.encoded("MacRomanEncoding", 0x8A); !ok || got != "adieresis" {
		t.Errorf("Mac 8A: %q", got)
	}
	if r, ok := n.rune("uni20AC"); !ok || r != 0x20AC {
		t.Errorf("uni20AC: %x", r)
	}
}

func FuzzFontPrograms(f *testing.F) {
	f.Add(goregular.TTF)
	for _, path := range []string{"type1/urw-base35/D050000L.t1", "opentype/urw-base35/D050000L.otf"} {
		if data, err := os.ReadFile("/usr/share/fonts/" + path); err == nil {
			f.Add(data)
		}
	}
	names := newGlyphNames()
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = parseType1(data)
		_, _ = readProfile(data)
		_, _ = parseXMP(data)
		if m, err := parseCMap(data); err == nil {
			m.split("\x00\x20\x81\x40\xFF\xFF", func(int) {})
		}
		if p, err := parseCFF(data); err == nil {
			for g := range min(len(p.charset), 100) {
				_ = p.name(g, names)
				_, _ = p.width(g)
			}
		}
		if p, err := parseSFNT(data); err == nil {
			for i := range p.cmaps {
				_ = p.cmaps[i].glyph('A')
			}
			_, _ = p.width(1)
			_ = p.named("A")
		}
	})
}
