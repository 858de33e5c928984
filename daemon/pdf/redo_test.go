package pdf

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/pdf/objects"
	"intray/daemon/pdf/pdftest"
)

// odd is a page of 200 by 300 points with the content, Helvetica as /F, a Type 3
// font as /T, a form with the form's content as /Fm, and the streams' further
// parts.
func odd(t *testing.T, form string, contents ...string) string {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>", "",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 10 10] /FontMatrix [0.1 0 0 0.1 0 0] /FirstChar 97 /LastChar 97 /Widths [10] /CharProcs << /a 6 0 R >> /Encoding << /Differences [97 /a] >> /Resources << >> >>",
		plainStream("10 0 d0 0 0 10 10 re f"),
		pdftest.Stream("/Type /XObject /Subtype /Form /BBox [0 0 200 300] /Resources << /Font << /F 4 0 R >> >>", form),
		"<< /Font 4 0 R >>"}
	list := ""
	for _, c := range contents {
		objects = append(objects, plainStream(c))
		list += fmt.Sprintf("%d 0 R ", len(objects))
	}
	objects[2] = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 300] /Contents [" + list + "] /Resources << /Font << /F 4 0 R /T 5 0 R >> /XObject << /Fm 7 0 R >> >> >>"
	return build(t, objects...)
}

// TestRedo: text that nobody sees goes, and what is seen stays where it is.
func TestRedo(t *testing.T) {
	const set = "/F 12 Tf 20 200 Td "
	for name, c := range map[string]struct {
		form     string
		contents []string
		text     string // what is left
	}{
		"a plain layer":              {"", []string{"BT 3 Tr " + set + "(Old) Tj ET BT 0 Tr " + set + "(Seen) Tj ET"}, "Seen"},
		"mode restored":              {"", []string{"q 3 Tr BT " + set + "(Old) Tj ET Q BT " + set + "(Seen) Tj ET"}, "Seen"},
		"mode outlives its text":     {"", []string{"BT 3 Tr " + set + "[(O) 20 (ld)] TJ ET BT /F 12 Tf 20 100 Td (Old) Tj ET"}, ""},
		"set in another stream":      {"", []string{"3 Tr", "BT " + set + "(Old) Tj ET", "BT 0 Tr " + set + "(Seen) Tj ET"}, "Seen"},
		"cut within an operation":    {"", []string{"3 Tr BT " + set + "(Old)", "Tj ET 0 Tr BT " + set + "(Seen) Tj ET"}, "Seen"},
		"text that moves other text": {"", []string{"BT " + set + "3 Tr (Blank) Tj 0 Tr (Seen) Tj ET"}, "BlankSeen"},
		"moved on purpose":           {"", []string{"BT " + set + "3 Tr (Old) Tj 0 Tr 0 20 Td (Seen) Tj ET"}, "Seen"},
		"next line":                  {"", []string{"BT 14 TL " + set + "3 Tr (Old) ' 0 0 (Old) \" 0 Tr T* (Seen) Tj ET"}, "Seen"},
		"a clip nobody sees":         {"", []string{"q BT 7 Tr " + set + "(Old) Tj ET Q BT " + set + "(Seen) Tj ET"}, "Seen"},
		"a clip that is seen":        {"", []string{"q BT 7 Tr /F 40 Tf 20 200 Td (Seen) Tj ET 0 0 200 300 re f Q"}, "Seen"},
		"a font drawn in every mode": {"", []string{"BT 3 Tr /T 12 Tf 20 200 Td (a) Tj ET"}, "a"},
		"in a form":                  {"BT 3 Tr " + set + "(Old) Tj ET", []string{"q /Fm Do Q BT " + set + "(Seen) Tj ET"}, "Seen"},
		"mode handed to a form":      {"BT " + set + "(Old) Tj ET", []string{"q 3 Tr /Fm Do Q BT " + set + "(Seen) Tj ET"}, "Seen"},
		"a form drawn in two modes":  {"BT " + set + "(Seen) Tj ET", []string{"q 3 Tr /Fm Do Q /Fm Do"}, "Seen Seen"},
		"not readable after all":     {"", []string{"BT 3 Tr " + set + "(Old) Tj ET BT 0 Tr " + set + "(Seen) Tj ET ] >> ("}, "Seen"},
		"an inline picture":          {"", []string{"q 50 0 0 50 10 10 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q BT 3 Tr " + set + "(Old) Tj ET"}, ""},
	} {
		in := odd(t, c.form, c.contents...)
		out := filepath.Join(t.TempDir(), "out.pdf")
		l := Layer{Page: onePage(1, 200, 300, markLine()), UserToPage: flip(300), Treat: TreatRedo}
		if _, err := AddText(in, out, 1, listed(l), Options{PDFA: PDFAOff}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name != "not readable after all" {
			tool(t, "qpdf", "--check", out)
		}
		text := strings.Join(strings.Fields(string(tool(t, "pdftotext", "-raw", out, "-"))), " ")
		if want := strings.TrimSpace("Hill " + c.text); text != want {
			t.Errorf("%s: text %q, want %q", name, text, want)
		}
		if n := unlike(rendered(t, in), rendered(t, out)); n > 0 {
			t.Errorf("%s: %d pixels changed", name, n)
		}
	}
}

// unlike counts the pixels that differ.
func unlike(a, b *image.Gray) (n int) {
	for i := range a.Pix {
		if a.Pix[i] != b.Pix[i] {
			n++
		}
	}
	return n
}

// TestRedoLeavesTheRestAlone: pages without a layer keep their streams.
func TestRedoLeavesTheRestAlone(t *testing.T) {
	in := odd(t, "BT /F 12 Tf (x) Tj ET", "q", "BT /F 12 Tf 20 100 Td (Seen) Tj ET", "Q /Fm Do")
	out := filepath.Join(t.TempDir(), "out.pdf")
	l := Layer{Page: onePage(1, 200, 300), UserToPage: flip(300), Treat: TreatRedo}
	if _, err := AddText(in, out, 1, listed(l), Options{PDFA: PDFAOff}, nil); err != nil {
		t.Fatal(err)
	}
	different, err := pdftest.Differences(t, in, out)
	if err != nil || len(different) > 0 {
		t.Errorf("%v, %v", different, err)
	}
	if content := string(tool(t, "qpdf", "--show-object=3", out)); !strings.Contains(content, "/Contents [ 9 0 R 10 0 R 11 0 R ]") {
		t.Errorf("page %s", content)
	}
}

func FuzzRedo(f *testing.F) {
	f.Add("q 3 Tr BT /F 12 Tf (a) Tj ET Q 0 0 1 1 re f")
	f.Add("BT 7 Tr /F 1 Tf [(a) 1] TJ (b) ' 1 2 (c) \" ET /Fm Do Q Q q")
	src, err := objects.Open(build(f, "<< /Type /Catalog >>", "<< /Type /Font /Subtype /Type1 >>"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { src.Close() })
	resources, _ := objects.Value("<< /Font << /F 2 0 R >> >>").Dict()
	f.Fuzz(func(t *testing.T, content string) {
		cuts, err := (&update{src: src}).stripper(resources).strip([]byte(content))
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, c := range cuts {
			if c.start < at || c.end <= c.start || c.end > len(content) {
				t.Fatalf("cuts %v in %d bytes", cuts, len(content))
			}
			at = c.end
		}
		apply([]byte(content), cuts)
	})
}

// TestRedoForms: forms that refer to one another are looked into once each, a
// form that cannot be read is told, and numbers are written as PDF has them.
func TestRedoForms(t *testing.T) {
	const depth, fan = 8, 12
	bodies := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>", "",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", plainStream("3 Tr /A0 Do"), ""}
	for level := range depth {
		names, content := "", "BT /F 12 Tf 0.00001 0 (Old) \" (Old) \" ET "
		for i := range fan {
			names += fmt.Sprintf("/A%d %d 0 R ", i, 7+(level+1)%depth)
			content += fmt.Sprintf("/A%d Do ", i)
		}
		bodies = append(bodies, pdftest.Stream("/Type /XObject /Subtype /Form /BBox [0 0 200 300] /Resources << /Font << /F 4 0 R >> /XObject << "+names+">> >>", content))
	}
	bodies[2] = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 300] /Contents 5 0 R /Resources << /XObject << /A0 7 0 R >> >> >>"
	bodies[5] = "<< /Type /XObject /Subtype /Form /Filter /FlateDecode /Length 3 >>\nstream\nxyz\nendstream"
	l := Layer{Page: onePage(1, 200, 300, markLine()), UserToPage: flip(300), Treat: TreatRedo}
	out := filepath.Join(t.TempDir(), "out.pdf")
	outcome, err := AddText(build(t, bodies...), out, 1, listed(l), Options{PDFA: PDFAOff}, nil)
	if err != nil || len(outcome.Warnings) != 1 { // an operand is missing
		t.Fatalf("%v, %v", outcome.Warnings, err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "/Subtype /Form"); n > 1+2*depth {
		t.Errorf("%d forms", n)
	}
	if text := string(tool(t, "qpdf", "--qdf", "--object-streams=disable", out, "-")); !strings.Contains(text, "0 Tw 0 Tc T*") || strings.Contains(text, "1e-05 Tw") {
		t.Errorf("written %.2000s", text)
	}
	bodies[2] = strings.Replace(bodies[2], "7 0 R", "6 0 R", 1)
	outcome, err = AddText(build(t, bodies...), out, 1, listed(l), Options{PDFA: PDFAOff}, nil)
	if err != nil || len(outcome.Warnings) != 1 || outcome.Warnings[0].Code != "redo_incomplete" || outcome.Warnings[0].Page != 1 {
		t.Errorf("a form that cannot be read: %v, %v", outcome.Warnings, err)
	}
}
