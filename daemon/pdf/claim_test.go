package pdf

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"intray/daemon/pdf/pdfa"
	"intray/engines"
)

// writePDF writes a PDF of one page; catalog, page and extra objects (numbered
// from 5) are what the test is about. Its content is object 4.
func writePDF(t testing.TB, catalog, page, content string, extra ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.pdf")
	var b bytes.Buffer
	w := &writer{w: &b}
	bodies := append([]string{"<< /Type /Catalog /Pages 2 0 R " + catalog + " >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 4 0 R " + page + " >>", string(rawStream("", []byte(content)))}, extra...)
	_ = w.write([]byte("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n"))
	for i, body := range bodies {
		_ = w.object(object{number: i + 1, body: []byte(body)})
	}
	info := ""
	if len(extra) > 0 && strings.Contains(extra[0], "/Title") {
		info = "/Info 5 0 R "
	}
	_ = w.table("/Size "+number(float64(len(bodies)+1))+" /Root 1 0 R "+info, true)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// add writes one line of text over a page.
func add(t testing.TB, in string, o Options) (Outcome, string, error) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.pdf")
	outcome, err := AddText(in, out, 1, listed(Layer{Page: onePage(1, 300, 400, helloLine(50)), UserToPage: flip(400)}), o, nil)
	return outcome, out, err
}

func checked(t testing.TB, path string) pdfa.Report {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := pdfa.Check(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPicturesAreAlwaysPDFA: grey, colour, transparent and inked pictures.
func TestPicturesAreAlwaysPDFA(t *testing.T) {
	rect := image.Rect(0, 0, 40, 30)
	clear := image.NewNRGBA(rect)
	clear.Pix[3] = 7
	for name, p := range map[string]Picture{
		"grey": {Pixels: image.NewGray(rect)}, "deep": {Pixels: image.NewGray16(rect)}, "colour": {Pixels: image.NewRGBA(rect)},
		"transparent": {Pixels: clear}, "inks": {Pixels: image.NewCMYK(rect)}, "nothing": {},
	} {
		p.Width, p.Height, p.PageWidth, p.PageHeight = 40, 30, 300, 400
		out := filepath.Join(t.TempDir(), "out.pdf")
		layer := Layer{Page: onePage(1, 300, 400, helloLine(50)), UserToPage: flip(400)}
		outcome, err := FromPictures(out, 2, listed(layer), Options{Producer: "Größe (1)", Language: "de-AT"}, func(int) (Picture, error) { return p, nil })
		if err != nil || !reflect.DeepEqual(outcome, Outcome{Conformance: "PDF/A-2b"}) {
			t.Errorf("%s: %+v, %v", name, outcome, err)
			continue
		}
		tool(t, "qpdf", "--check", out)
		info, meta := string(tool(t, "pdfinfo", out)), string(tool(t, "pdfinfo", "-meta", out))
		if !strings.Contains(info, "Größe (1)") || !strings.Contains(meta, "<pdf:Producer>Größe (1)</pdf:Producer>") {
			t.Errorf("%s: producer in\n%s\n%s", name, info, meta)
		}
		if data, _ := os.ReadFile(out); !bytes.Contains(data, []byte("/Lang (de-AT)")) {
			t.Errorf("%s: no language", name)
		}
	}
	// Switched off, nothing is claimed.
	out := filepath.Join(t.TempDir(), "out.pdf")
	outcome, err := FromPictures(out, 1, nil, Options{PDFA: PDFAOff}, func(int) (Picture, error) { return Picture{PageWidth: 300, PageHeight: 400}, nil })
	if r := checked(t, out); err != nil || outcome.Conformance != "" || r.Part != "" {
		t.Errorf("off: %+v, %v, claims %q", outcome, err, r.Part)
	}
}

// TestClaims: where a claim can be true it is made, and nowhere else.
func TestClaims(t *testing.T) {
	image := string(rawStream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray", []byte("x")))
	const withImage = "/Resources << /XObject << /Im 5 0 R >> >>"
	const helvetica = "/Resources << /Font << /F 5 0 R >> >>"
	font := "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
	for name, c := range map[string]struct {
		in  string
		why string
	}{
		"scan":          {writePDF(t, "", withImage, "q 300 0 0 400 0 0 cm /Im Do Q", image), ""},
		"font":          {writePDF(t, "", helvetica, "BT /F 12 Tf (a) Tj ET", font), "The font Helvetica on page 1 is not embedded."},
		"unused font":   {writePDF(t, "", helvetica, "BT ET", font), ""},
		"hidden font":   {writePDF(t, "", helvetica, "BT 3 Tr /F 12 Tf (a) Tj ET", font), ""},
		"ink":           {writePDF(t, "", "", "0 0 0 1 k 0 0 9 9 re f"), "There are CMYK colours on page 1 without an output intent that says which."},
		"script":        {writePDF(t, "/OpenAction << /S /JavaScript /JS (x) >>", "", ""), "There is an action of the kind JavaScript."},
		"bad metadata":  {writePDF(t, "/Metadata 5 0 R", "", "", string(rawStream("/Type /Metadata /Subtype /XML", []byte("<x")))), "The PDF's metadata cannot be added to"},
		"other profile": {writePDF(t, "/OutputIntents [<< /S /GTS_PDFX /DestOutputProfile 5 0 R >>]", "", "1 0 0 rg 0 0 9 9 re f", string(rawStream("/N 3", pdfa.SRGB()))), ""},
	} {
		outcome, out, err := add(t, c.in, Options{PDFA: PDFAAuto, Language: "en"})
		if err != nil || (outcome.Conformance == "PDF/A-2b") != (c.why == "") || !strings.HasPrefix(outcome.Why, c.why) {
			t.Errorf("%s: %+v, %v", name, outcome, err)
			continue
		}
		if r := checked(t, out); (r.Part == "2") != (c.why == "") {
			t.Errorf("%s: the file claims %q", name, r.Part)
		}
		tool(t, "qpdf", "--check", out)
		before, _ := os.ReadFile(c.in)
		if after, _ := os.ReadFile(out); !bytes.HasPrefix(after, before) || !bytes.Contains(after[len(before):], []byte("/Lang (en)")) {
			t.Errorf("%s: the original is not kept, or has no language", name)
		}
		if text := string(tool(t, "pdftotext", out, "-")); !strings.Contains(text, "Größe of 😀-fish") {
			t.Errorf("%s: text %q", name, text)
		}
		_, _, err = add(t, c.in, Options{PDFA: PDFARequire})
		e, failed := engines.AsError(err)
		if failed != (c.why != "") || failed && (e.Kind != engines.Review || e.Code != "pdfa_not_possible" || !strings.Contains(e.Sentence, c.why)) {
			t.Errorf("%s: required: %v", name, err)
		}
	}
}

// TestClaimKeepsWhatTheFileSays: title, dates and foreign properties.
func TestClaimKeepsWhatTheFileSays(t *testing.T) {
	packet := `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<r:Description r:about="uuid:1" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Linz"/></r:RDF></x:xmpmeta><?xpacket end="w"?>`
	info := "<< /Title <FEFF00C4003C> /Author (J\\351r\\364me) /CreationDate (D:20200102030405+01'00') /ModDate (D:2021) >>"
	in := writePDF(t, "/Metadata 6 0 R /Lang (fr)", "", "", info, string(rawStream("/Type /Metadata /Subtype /XML", []byte(packet))))
	outcome, out, err := add(t, in, Options{PDFA: PDFAAuto, Language: "en"})
	if err != nil || outcome.Conformance == "" {
		t.Fatalf("%+v, %v", outcome, err)
	}
	meta := string(tool(t, "pdfinfo", "-meta", out))
	for _, want := range []string{`photoshop:City="Linz"`, "Ä&lt;", "Jérôme", "<xmp:CreateDate>2020-01-02T03:04:05+01:00</xmp:CreateDate>", "<xmp:ModifyDate>2021</xmp:ModifyDate>", `rdf:about="uuid:1"`, "<pdfaid:part>2<"} {
		if !strings.Contains(meta, want) {
			t.Errorf("%s is not in\n%s", want, meta)
		}
	}
	if data, _ := os.ReadFile(out); bytes.Contains(data, []byte("/Lang (en)")) || !bytes.Contains(data, []byte("/Lang (fr)")) {
		t.Error("the file's own language is not kept")
	}
	// What claims already is left to claim what it does, and once more.
	again, twice, err := add(t, out, Options{PDFA: PDFAAuto})
	if err != nil || !reflect.DeepEqual(again, outcome) || string(tool(t, "pdfinfo", "-meta", twice)) != meta {
		t.Errorf("once more: %+v, %v", again, err)
	}
	// A claim that is not true is not repeated; the file keeps it.
	false1 := writePDF(t, "/Metadata 6 0 R", "/Resources << /Font << /F 5 0 R >> >>", "BT /F 12 Tf (a) Tj ET",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", string(rawStream("/Type /Metadata /Subtype /XML", pdfa.Packet(pdfa.Info{}, true))))
	if outcome, _, err := add(t, false1, Options{PDFA: PDFAAuto}); err != nil || outcome.Conformance != "" || outcome.Why == "" {
		t.Errorf("false claim: %+v, %v", outcome, err)
	}
}

// TestPartOne: a claim to PDF/A-1 is left as it is, unless PDF/A is required,
// which part 2 then is.
func TestPartOne(t *testing.T) {
	packet := strings.Replace(string(pdfa.Packet(pdfa.Info{Title: "t"}, true)), "<pdfaid:part>2<", "<pdfaid:part>1<", 1)
	in := writePDF(t, "/Metadata 5 0 R /OutputIntents [<< /S /GTS_PDFA1 /DestOutputProfile 6 0 R >>]", "", "1 0 0 rg 0 0 9 9 re f",
		string(rawStream("/Type /Metadata /Subtype /XML", []byte(packet))), string(rawStream("/N 3", pdfa.SRGB())))
	for mode, want := range map[string][2]string{PDFAAuto: {"", "1"}, PDFARequire: {"PDF/A-2b", "2"}} {
		outcome, out, err := add(t, in, Options{PDFA: mode})
		if err != nil {
			t.Fatal(err)
		}
		if r := checked(t, out); outcome.Conformance != want[0] || r.Part != want[1] {
			t.Errorf("%s: %+v, claims %q", mode, outcome, r.Part)
		}
		if data, _ := os.ReadFile(out); bytes.Count(data, []byte("GTS_PDFA1")) != 2 { // the original's and the new catalog's
			t.Errorf("%s: %d output intents", mode, bytes.Count(data, []byte("GTS_PDFA1")))
		}
	}
}

// TestUntouchedPDF: without anything to add it stays as it is, unless PDF/A is
// required and can be had.
func TestUntouchedPDF(t *testing.T) {
	in := writePDF(t, "", "", "0 0 9 9 re f")
	before, _ := os.ReadFile(in)
	for mode, want := range map[string]Outcome{PDFAAuto: {Why: "The file has no metadata."}, PDFARequire: {Conformance: "PDF/A-2b"}} {
		out := filepath.Join(t.TempDir(), "out.pdf")
		outcome, err := AddText(in, out, 1, nil, Options{PDFA: mode}, nil)
		after, _ := os.ReadFile(out)
		if err != nil || !bytes.HasPrefix(after, before) || len(after) == len(before) != (mode == PDFAAuto) || outcome.Conformance != want.Conformance {
			t.Errorf("%s: %+v, %v", mode, outcome, err)
		}
	}
}

func TestDatesOfXMP(t *testing.T) {
	for in, want := range map[string]string{
		"D:20200102030405+01'30'": "2020-01-02T03:04:05+01:30", "D:20200102030405Z": "2020-01-02T03:04:05Z", "D:20200102030405": "2020-01-02T03:04:05Z",
		"D:2020": "2020", "20200102": "2020-01-02", "D:20200102030405-05": "2020-01-02T03:04:05-05:00", "yesterday": "", "D:202001020304+02'00'": "2020-01-02T03:04+02:00",
	} {
		if got := xmpDateOf(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
