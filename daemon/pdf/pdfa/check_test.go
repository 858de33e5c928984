package pdfa

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
)

// A good file, object by object, and what breaks it.

func streamObject(entries string, data []byte) string {
	return fmt.Sprintf("<< /Length %d %s>>\nstream\n%s\nendstream", len(data), entries, data)
}

// simpleTrueType is a font dictionary of Go Regular, whose A is 667 and B 667
// thousandths wide; its program is object 13.
const simpleTrueType = "<< /Type /Font /Subtype /TrueType /BaseFont /GoRegular /FirstChar 65 /LastChar 66 /Widths [667 667] /Encoding /WinAnsiEncoding /FontDescriptor 12 0 R >>"

func goodObjects() []string {
	return []string{
		"<< /Type /Catalog /Pages 2 0 R /Metadata 3 0 R /OutputIntents [4 0 R] /AcroForm << /Fields [17 0 R] >> /OCProperties << /OCGs [20 0 R] /D << /Name (Layers) /Order [20 0 R] >> >> /Names << >> >>",
		"<< /Type /Pages /Kids [6 0 R] /Count 1 >>",
		streamObject("/Type /Metadata /Subtype /XML ", Packet(Info{Title: "A & B", Producer: "test", Created: "2026-01-02T03:04:05Z"}, true)),
		"<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (Custom) /DestOutputProfile 5 0 R >>",
		streamObject("/N 3 ", SRGB()),
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 7 0 R /Annots [16 0 R 17 0 R] /Group << /S /Transparency /CS /DeviceRGB >> " +
			"/Resources << /Font << /F1 11 0 R /F2 14 0 R >> /XObject << /Im 8 0 R /Fm 9 0 R /Ink 10 0 R >> /ExtGState << /G 18 0 R >> /ColorSpace << /Spot [/Separation /Red /DeviceRGB 19 0 R] >> >> >>",
		streamObject("", []byte("q /G gs 1 0 0 rg 0 0 9 9 re f /Spot cs 1 scn /RelativeColorimetric ri\n/Im Do /Fm Do /Ink Do Q\n"+
			"BT /F1 12 Tf (AB) Tj 3 Tr /F2 9 Tf <0024> Tj ET\nBI /W 1 /H 1 /BPC 8 /CS /G ID x EI\n")),
		streamObject("/Type /XObject /Subtype /Image /Width 2 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray /Interpolate false ", []byte("ab")),
		streamObject("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << >> ", []byte("0.5 g 0 0 4 4 re f")),
		streamObject("/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace [/ICCBased 21 0 R] ", []byte("abcd")),
		simpleTrueType,
		"<< /Type /FontDescriptor /FontName /GoRegular /Flags 32 /FontFile2 13 0 R >>",
		streamObject(fmt.Sprintf("/Length1 %d ", len(goregular.TTF)), goregular.TTF),
		"<< /Type /Font /Subtype /Type0 /BaseFont /GoRegular /Encoding /Identity-H /DescendantFonts [15 0 R] >>",
		"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /GoRegular /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 12 0 R /CIDToGIDMap /Identity /DW 667 >>",
		"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /F 4 /A << /S /URI /URI (http://a) >> >>",
		"<< /Type /Annot /Subtype /Widget /FT /Tx /T (t) /Rect [0 0 9 9] /F 4 /AP << /N 9 0 R >> >>",
		"<< /Type /ExtGState /ca 0.5 /BM /Multiply >>",
		"<< /FunctionType 2 /Domain [0 1] /C0 [1 1 1] /C1 [1 0 0] /N 1 >>",
		"<< /Type /OCG /Name (Layer) >>",
		streamObject("/N 4 ", CMYK()),
	}
}

func assemble(objects []string, trailer string) []byte {
	var b, table bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	for i, o := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table.String(), len(objects)+1, trailer, start)
	return b.Bytes()
}

const goodTrailer = "/ID [<01> <02>] "

func violations(t testing.TB, data []byte) []Violation {
	t.Helper()
	r, err := Check(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return r.Violations
}

func TestGoodFile(t *testing.T) {
	data := assemble(goodObjects(), goodTrailer)
	if v := violations(t, data); len(v) > 0 {
		t.Errorf("%v", v)
	}
	r, _ := Check(bytes.NewReader(data), int64(len(data)))
	if r.Conformance() != "PDF/A-2b" || r.Part != "2" || r.Level != "B" {
		t.Errorf("%+v", r)
	}
}

// breach is one change to the good file: old is replaced by new in an object (or
// new appended to the objects, where old is ""), and the check must name the
// clause.
type breach struct{ old, new, clause string }

func TestBreaches(t *testing.T) {
	for _, b := range slices.Concat(structureBreaches, graphicsBreaches, fontBreaches, interactionBreaches, metadataBreaches) {
		objects := goodObjects()
		found := b.old == ""
		if found {
			objects = append(objects, b.new)
		}
		for i, o := range objects {
			if b.old != "" && strings.Contains(o, b.old) && !found {
				objects[i], found = strings.Replace(o, b.old, b.new, 1), true
				// The stream's length follows.
				if at := strings.Index(objects[i], "stream\n"); at >= 0 && !strings.Contains(b.new, "/Length") {
					grown := len(b.new) - len(b.old)
					var length int
					fmt.Sscanf(objects[i], "<< /Length %d", &length)
					if strings.Index(o, b.old) > at {
						objects[i] = strings.Replace(objects[i], fmt.Sprintf("/Length %d", length), fmt.Sprintf("/Length %d", length+grown), 1)
					}
				}
			}
		}
		if !found {
			t.Fatalf("%q is not in the good file", b.old)
		}
		v := violations(t, assemble(objects, goodTrailer))
		if !slices.ContainsFunc(v, func(v Violation) bool { return v.Clause == b.clause }) {
			t.Errorf("%.80q -> %.80q: want %s, have %v", b.old, b.new, b.clause, v)
		}
	}
}

var structureBreaches = []breach{
	{"/Names << >>", "/Version /2.0", "6.1.2"},
	{"(Layers)", "<4C6>", "6.1.6"},
	{"(Layers)", "<4Cxx>", "6.1.6"},
	{"", "<< /Length 5 >>\nstream\nabc\nendstream", "6.1.7.1"},
	{"", "<< /Length 3 >>\nstream\nabcendstream", "6.1.7.1"},
	{"", "<< /Length 0 /F (elsewhere) >>\nstream\n\nendstream", "6.1.7.1"},
	{"", "<< /Length 0 /Filter /LZWDecode >>\nstream\n\nendstream", "6.1.7.2"},
	{"", "<< /Length 0 /Filter /Unheard >>\nstream\n\nendstream", "6.1.7.2"},
	{"", "<< /Length 0 /Filter /Crypt /DecodeParms << /Name /StdCF >> >>\nstream\n\nendstream", "6.1.7.2"},
	{"", "<< /Type /StructElem /S /a#FF >>", "6.1.8"},
	{"/Separation /Red", "/Separation /R#FF", "6.1.8"},
	{"/CS /G ID", "/CS /G /F /LZW ID", "6.1.10"},
	{"/Names << >>", "/Perms << /Other 1 >>", "6.1.12"},
	{"", "<< /Type /Sig /Reference [<< /DigestValue (x) >>] >>", "6.1.12"},
	{"", "2147483648", "6.1.13"},
	{"", "(" + strings.Repeat("x", 32768) + ")", "6.1.13"},
	{"", "/" + strings.Repeat("x", 128), "6.1.13"},
	{"", "4" + strings.Repeat("0", 39) + ".0", "6.1.13"},
	{"1 0 0 rg", strings.Repeat("q ", 29), "6.1.13"},
	{"1 0 0 rg", "99999999999 w", "6.1.13"},
	{"[0 0 300 400]", "[0 0 2 400]", "6.1.13"},
	{"[0 0 300 400]", "[0 0 300 14401]", "6.1.13"},
	{"[/Separation /Red /DeviceRGB 19 0 R]", "[/DeviceN [" + strings.Repeat("/None ", 33) + "] /DeviceRGB 19 0 R]", "6.1.13"},
}

var graphicsBreaches = []breach{
	{"1 0 0 rg", "1 0 0 strange", "6.2.2"},
	{"/Im Do", "/Absent Do", "6.2.2"},
	{"mntr", "abst", "6.2.3"},
	{"/N 3 ", "/N 1 ", "6.2.3"},
	{"[4 0 R]", "[4 0 R << /S /GTS_PDFX /DestOutputProfile 21 0 R >>]", "6.2.3"},
	{"/S /GTS_PDFA1", "/S /GTS_PDFA1 /DestOutputProfileRef << >>", "6.2.3"},
	{"scnr", "abst", "6.2.4.2"},
	{"/N 4 ", "/N 3 ", "6.2.4.2"},
	{"/BM /Multiply", "/OPM 1 /op true", "6.2.4.2"},
	{"/S /GTS_PDFA1", "/S /GTS_PDFX", "6.2.4.3"},
	{"1 0 0 rg", "1 0 0 0 k", "6.2.4.3"},
	{"/ColorSpace /DeviceGray", "/ColorSpace /DeviceCMYK", "6.2.4.3"},
	{"/CS /DeviceRGB", "/CS /DeviceCMYK", "6.2.4.3"},
	{"/CS /G ID", "/CS /CMYK /H 0 ID", "6.2.4.3"},
	{"/ColorSpace /DeviceGray", "/ColorSpace /DeviceMauve", "6.2.4.1"},
	{"/ColorSpace /DeviceGray", "/ColorSpace [/Separation /Red /DeviceGray 19 0 R]", "6.2.4.4"},
	{"/Spot cs", "/Spot cs /Other cs", "6.2.2"},
	{"[/Separation /Red /DeviceRGB 19 0 R]", "[/DeviceN [/Red] /DeviceRGB 19 0 R]", "6.2.4.4"},
	{"/BM /Multiply", "/TR /Identity", "6.2.5"},
	{"/BM /Multiply", "/TR2 /Identity", "6.2.5"},
	{"/BM /Multiply", "/HTP [0 0]", "6.2.5"},
	{"/BM /Multiply", "/HT << /HalftoneType 6 >>", "6.2.5"},
	{"/BM /Multiply", "/HT << /HalftoneType 5 /Default << /HalftoneType 10 >> >>", "6.2.5"},
	{"/BM /Multiply", "/HT << /HalftoneType 1 /HalftoneName (x) >>", "6.2.5"},
	{"/RelativeColorimetric ri", "/Vivid ri", "6.2.6"},
	{"/Interpolate false", "/Interpolate true", "6.2.8.1"},
	{"/Interpolate false", "/Alternates []", "6.2.8.1"},
	{"/Interpolate false", "/OPI << >>", "6.2.8.1"},
	{"/Interpolate false", "/Intent /Vivid", "6.2.6"},
	{"/CS /G ID", "/CS /G /I true ID", "6.2.8.1"},
	{"/BitsPerComponent 8 /ColorSpace /DeviceGray", "/Filter /JPXDecode", "6.2.8.3"},
	{"/BBox [0 0 9 9]", "/BBox [0 0 9 9] /PS (x)", "6.2.9.1"},
	{"/BBox [0 0 9 9]", "/BBox [0 0 9 9] /Ref << >>", "6.2.9.2"},
	{"/Subtype /Form", "/Subtype /PS", "6.2.9.3"},
	{"/BM /Multiply", "/BM /Dazzle", "6.2.10"},
}

var interactionBreaches = []breach{
	{"/Subtype /Link", "/Subtype /Movie", "6.3.1"},
	{"/Rect [0 0 9 9] /F 4 /A", "/Rect [0 0 9 9] /A", "6.3.2"},
	{"/Rect [0 0 9 9] /F 4 /A", "/Rect [0 0 9 9] /F 6 /A", "6.3.2"},
	{"/Rect [0 0 9 9] /F 4 /A", "/Rect [0 0 9 9] /F 0 /A", "6.3.2"},
	{"/AP << /N 9 0 R >>", "", "6.3.3"},
	{"/AP << /N 9 0 R >>", "/AP << /N 9 0 R /D 9 0 R >>", "6.3.3"},
	{"/AP << /N 9 0 R >>", "/AP << /N << /On 9 0 R >> >>", "6.3.3"},
	{"/FT /Tx", "/FT /Btn", "6.3.3"},
	{"/AP << /N 9 0 R >>", "/AP << /N 9 0 R >> /A << /S /URI /URI (x) >>", "6.4.1"},
	{"/Fields [17 0 R]", "/Fields [17 0 R] /NeedAppearances true", "6.4.1"},
	{"/Fields [17 0 R]", "/Fields [17 0 R] /XFA (x)", "6.4.2"},
	{"/Names << >>", "/NeedsRendering true", "6.4.2"},
	{"", "<< /Type /Sig /ByteRange [0 1 2 3] >>", "6.4.3"},
	{"/S /URI", "/S /Launch", "6.5.1"},
	{"/S /URI", "/S /Named /N /Print", "6.5.1"},
	{"/S /URI", "/S /URI /Next << /S /JavaScript /JS (x) >>", "6.5.1"},
	{"/Names << >>", "/OpenAction << /S /ResetForm >>", "6.5.1"},
	{"/Names << >>", "/AA << >>", "6.5.2"},
	{"", "<< /Type /Page /AA << >> >>", "6.5.2"},
	{"", "<< /Type /Filespec /F (a) /EF << >> >>", "6.8"},
	{"/Name (Layers)", "", "6.9"},
	{"/Order [20 0 R]", "/Order []", "6.9"},
	{"/Order [20 0 R]", "/AS []", "6.9"},
	{"/Names << >>", "/Names << /AlternatePresentations << >> >>", "6.10"},
	{"/Names << >>", "/Requirements []", "6.11"},
}

var metadataBreaches = []breach{
	{"/Metadata 3 0 R", "", "6.6.2.1"},
	{"</rdf:RDF>", "</rdf:RD>", "6.6.2.1"},
	{"id=\"W5M0MpCehiHzreSzNTczkc9d\"", "id=\"W5M0MpCehiHzreSzNTczkc9d\" bytes=\"9\"", "6.6.2.1"},
	{"<pdf:Producer>test</pdf:Producer>", "<pdf:Inventor>test</pdf:Inventor>", "6.6.2.3.1"},
	{"<pdf:Producer>test</pdf:Producer>", "<pdf:Producer>test</pdf:Producer><pdf:Producer>test</pdf:Producer>", "6.6.2.1"},
	{"<rdf:Alt><rdf:li xml:lang=\"x-default\">A &amp; B</rdf:li></rdf:Alt>", "A", "6.6.2.3.1"},
	{"2026-01-02T03:04:05Z", "yesterday", "6.6.2.3.1"},
	{"<pdfaid:part>2</pdfaid:part>", "", "6.6.4"},
	{"<pdfaid:part>2</pdfaid:part>", "<pdfaid:part>1</pdfaid:part>", "6.6.4"},
	{"<pdfaid:conformance>B</pdfaid:conformance>", "<pdfaid:conformance>X</pdfaid:conformance>", "6.6.4"},
	{"", streamObject("/Type /Metadata /Subtype /XML ", []byte("<x/>")), "6.6.2.1"},
}

// TestRawBreaches changes bytes of the finished file.
func TestRawBreaches(t *testing.T) {
	good := string(assemble(goodObjects(), goodTrailer))
	for _, b := range []breach{
		{"%PDF-1.7", "%PDF-2.0", "6.1.2"},
		{"%\xE2\xE3\xCF\xD3", "%abcd", "6.1.2"},
		{"/ID [<01> <02>]", "/IE [<01> <02>]", "6.1.3"},
		{"/ID [<01> <02>]", "/ID [<01>     ]", "6.1.3"},
		{"/ID [<01> <02>]", "/ID [<> <02>]  ", "6.1.3"},
		{"%%EOF\n", "%%EOF\nmore", "6.1.3"},
		{"xref\n0 22\n", "xref 0 22\n", "6.1.4"},
		{"xref\n0 22\n", "xref\n0  22\n", "6.1.4"},
		{"2 0 obj\n", "2 0 obj ", "6.1.9"},
		{"2 0 obj\n<<", "2 0  obj<<", "6.1.9"},
		{"\nendobj\n2 0", " endobj\n2 0", "6.1.9"},
		{"2 0 obj", "3 0 obj", "6.1.9"},
	} {
		if !strings.Contains(good, b.old) {
			t.Fatalf("%q is not in the good file", b.old)
		}
		v := violations(t, []byte(strings.Replace(good, b.old, b.new, 1)))
		if !slices.ContainsFunc(v, func(v Violation) bool { return v.Clause == b.clause }) {
			t.Errorf("%q -> %q: want %s, have %v", b.old, b.new, b.clause, v)
		}
	}
	if v := violations(t, assemble(goodObjects(), goodTrailer+"/Encrypt << >> ")); len(v) == 0 || v[0].Clause != "6.1.3" {
		t.Errorf("encrypted: %v", v)
	}
}

// TestCorpusClaims: files of others that are known to be good or bad.
func TestCorpusClaims(t *testing.T) {
	dir := "../../../../shared/corpus"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("skipped: ../shared/corpus is not there")
	}
	for name, want := range map[string]string{
		"formats/ocrmypdf-graph_ocred-pdf.pdf":                      "",
		"formats/paperless-multi-page-digital-pdf.pdf":              "",
		"formats/opf-lorem-pdfa.pdf":                                "6.6.4", // PDF/A-1a, and nothing else is wrong
		"hostile/verapdf-veraPDF-test-suite-6-1-2-t01-fail-b.pdf":   "6.1.4", // shifted: nothing more can be read
		"hostile/verapdf-veraPDF-test-suite-6-1-3-t01-fail-a.pdf":   "6.1.3",
		"hostile/verapdf-veraPDF-test-suite-6-1-3-t01-fail-b.pdf":   "6.1.3",
		"hostile/verapdf-veraPDF-test-suite-6-1-5-t01-fail-j.pdf":   "6.6.4", // part 1; its fault is one in part 1 only
		"hostile/verapdf-veraPDF-test-suite-6-1-7-1-t02-fail-a.pdf": "6.1.7.1",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		v := violations(t, data)
		if want == "" && len(v) > 0 || want != "" && (len(v) != 1 || v[0].Clause != want) {
			t.Errorf("%s: want %q, have %v", name, want, v)
		}
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestUnreadableDiskIsNoVerdict(t *testing.T) {
	if r, err := Check(failing{}, 1000); err == nil {
		t.Errorf("%+v", r)
	}
}

func FuzzCheck(f *testing.F) {
	small := goodObjects() // the fonts have a target of their own
	small[4], small[12], small[20] = streamObject("/N 3 ", SRGB()[:200]), streamObject("", nil), streamObject("/N 4 ", CMYK()[:200])
	f.Add(assemble(small, goodTrailer))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Check(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Error(err) // a file in memory can be read
		}
		for _, v := range r.Violations {
			if strings.Contains(v.Sentence, "runtime error") {
				t.Error(v)
			}
		}
	})
}
