package pdftest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Build writes a PDF of objects 1, 2, ... with a classic table; object 1 is the
// catalog. info, if not "", is the trailer's further entries.
func Build(t testing.TB, info string, bodies ...string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	table := "0000000000 65535 f \n"
	for i, body := range bodies {
		table += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	fmt.Fprintf(&b, "xref\n0 %d\n%strailer\n<< /Size %[1]d /Root 1 0 R %[4]s >>\nstartxref\n%[3]d\n%%%%EOF\n", len(bodies)+1, table, b.Len(), info)
	path := filepath.Join(t.TempDir(), "built.pdf")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Stream is a stream object's body, not compressed.
func Stream(entries, data string) string {
	return fmt.Sprintf("<< /Length %d %s >>\nstream\n%s\nendstream", len(data), entries, data)
}

// Rich is a PDF of three pages with everything that must survive: outlines,
// links, named destinations, page labels, attachments, XMP, a form, a structure
// tree, optional content, thumbnails, viewer preferences, inherited attributes.
func Rich(t testing.TB) string {
	t.Helper()
	page := func(n int, more string) string {
		return fmt.Sprintf("<< /Type /Page /Parent 2 0 R /Contents %d 0 R /StructParents %d /Group << /S /Transparency /CS /DeviceRGB >> %s >>", 11+n, n, more)
	}
	content := func(n int) string {
		return Stream("", fmt.Sprintf("/P << /MCID 0 >> BDC BT /F 12 Tf 50 %d Td (Page %d) Tj ET EMC\n/OC /Layer BDC q 60 0 0 60 100 100 cm /Im Do Q EMC", 300-n, n+1))
	}
	image := strings.Repeat("\x00\x7F\xFF\x33", 16)
	xmp := `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta><?xpacket end="w"?>`
	return Build(t, "/Info 33 0 R /ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]",
		`<< /Type /Catalog /Pages 2 0 R /Outlines 14 0 R /Names << /Dests 17 0 R /EmbeddedFiles << /Names [(notes.txt) 18 0 R] >> >>
 /PageLabels << /Nums [0 << /S /r >> 2 << /S /D /St 7 /P (A-) >>] >> /Metadata 20 0 R /AcroForm 21 0 R /StructTreeRoot 24 0 R /MarkInfo << /Marked true >>
 /OCProperties << /OCGs [29 0 R] /D << /Order [29 0 R] /ON [29 0 R] >> >> /ViewerPreferences << /DisplayDocTitle true /Direction /L2R >>
 /PageMode /UseOutlines /PageLayout /TwoColumnLeft /OpenAction [4 0 R /Fit] /Lang (de-DE) /URI << /Base (https://example.org/) >> >>`,
		"<< /Type /Pages /Count 3 /Kids [3 0 R 4 0 R 5 0 R] /MediaBox [0 0 300 400] /Resources << /Font << /F 6 0 R >> /XObject << /Im 7 0 R >> /Properties << /Layer 29 0 R >> >> >>",
		page(0, "/Annots [8 0 R 9 0 R 22 0 R] /Thumb 31 0 R"), page(1, "/Annots [10 0 R 23 0 R] /Rotate 90 /Tabs /S"), page(2, "/CropBox [10 10 290 390] /Thumb 32 0 R /Annots [35 0 R]"),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		Stream("/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 8 /ColorSpace /DeviceGray", image),
		"<< /Type /Annot /Subtype /Link /Rect [50 290 150 320] /Border [0 0 0] /A << /S /URI /URI (https://example.org/a) >> /P 3 0 R >>",
		"<< /Type /Annot /Subtype /Link /Rect [50 190 150 220] /Border [0 0 0] /Dest (chapter) >>",
		"<< /Type /Annot /Subtype /FileAttachment /Rect [10 10 30 30] /FS 18 0 R /Contents (see \\(this\\)) /Name /PushPin >>",
		content(0), content(1), content(2),
		"<< /Type /Outlines /First 15 0 R /Last 16 0 R /Count 2 >>",
		"<< /Title <FEFF00C4006200730063006806E9> /Parent 14 0 R /Next 16 0 R /Dest [3 0 R /XYZ 0 300 null] >>",
		"<< /Title (Two) /Parent 14 0 R /Prev 15 0 R /A << /S /GoTo /D (chapter) >> >>",
		"<< /Names [(chapter) [5 0 R /FitH 200]] >>",
		"<< /Type /Filespec /F (notes.txt) /UF (notes.txt) /EF << /F 19 0 R >> /Desc (Notes) >>",
		Stream("/Type /EmbeddedFile /Subtype /text#2Fplain /Params << /Size 5 /ModDate (D:20240102030405Z) >>", "notes"),
		Stream("/Type /Metadata /Subtype /XML", xmp),
		"<< /Fields [22 0 R 34 0 R] /NeedAppearances true /DA (/Helv 10 Tf 0 g) /DR << /Font << /Helv 6 0 R >> >> >>",
		"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada) /DV () /Rect [100 50 200 70] /P 3 0 R /F 4 /MK << /BC [0 0 0] >> >>",
		"<< /Type /Annot /Subtype /Widget /Parent 34 0 R /AS /Yes /Rect [10 50 20 60] /AP << /N << /Yes 30 0 R /Off 30 0 R >> >> /P 4 0 R >>",
		"<< /Type /StructTreeRoot /K [25 0 R] /ParentTree 26 0 R /RoleMap << /Absatz /P >> /ParentTreeNextKey 3 >>",
		"<< /Type /StructElem /S /Document /P 24 0 R /K [27 0 R 28 0 R] /Lang (en) >>",
		"<< /Nums [0 [27 0 R] 1 [28 0 R] 2 []] >>",
		"<< /Type /StructElem /S /P /P 25 0 R /Pg 3 0 R /K 0 /Alt (first) >>",
		"<< /Type /StructElem /S /Absatz /P 25 0 R /Pg 4 0 R /K << /Type /MCR /Pg 4 0 R /MCID 0 >> >>",
		"<< /Type /OCG /Name (Layer) /Intent /View >>",
		Stream("/Type /XObject /Subtype /Form /BBox [0 0 10 10]", "0 0 10 10 re f"),
		Stream("/Width 4 /Height 4 /BitsPerComponent 8 /ColorSpace /DeviceGray", image[:16]),
		Stream("/Width 4 /Height 4 /BitsPerComponent 8 /ColorSpace /DeviceGray", image[16:32]),
		"<< /Title (Rich) /Author <FEFF00C4> /CreationDate (D:20240102030405+01'00') /Custom (kept) /Trapped /False >>",
		"<< /FT /Btn /T (agree) /V /Yes /Kids [23 0 R] >>",
		"<< /Type /Annot /Subtype /Popup /Rect [0 0 50 50] /Open false >>")
}
