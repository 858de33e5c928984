//go:build bench

package daemon

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "golang.org/x/image/tiff"

	"intray/engines/enginetest"
)

// benchPage is one page: the stream that stands in the file, its pixels for the
// bare tesseract, and what is printed on it.
type benchPage struct {
	jpeg   []byte
	pixels *image.Gray
	colour bool
	dpi    int
	text   string
}

// benchFile is one document, as it is handed to everybody.
type benchFile struct {
	name  string
	data  []byte
	pages []benchPage // none where there is nothing to recognize
	text  string
	dpi   int
}

type benchCase struct {
	name  string
	files []benchFile
	// digital is true where all text is there already.
	digital bool
}

// benchCases are real pages where the shared corpus is beside this checkout,
// filled up with drawn ones. None of them is among the pages that the static
// library was trained with (enginetest.TestTrainingPages).
func benchCases(t *testing.T) []benchCase {
	t.Helper()
	shared := filepath.Join("..", "..", "shared", "corpus")
	real := realPages(t, filepath.Join(shared, "ocr"))
	t.Logf("%d real pages, the others drawn", len(real))
	single := benchCase{name: "24 documents of one page"}
	for i := range 24 {
		var page benchPage
		if i < len(real) {
			page = real[i]
		} else {
			page = drawnPage(t, []string{"letter", "statement", "slanted", "columns"}[i%4], 300, uint64(i))
		}
		single.files = append(single.files, scanFile(fmt.Sprintf("page-%02d.pdf", i), page))
	}
	long := make([]benchPage, 0, 24)
	for i := range 24 {
		if i%3 == 0 && i/3 < len(real) {
			long = append(long, real[i/3])
		} else {
			long = append(long, drawnPage(t, []string{"letter", "statement", "columns"}[i%3], 300, uint64(100+i)))
		}
	}
	return []benchCase{single, {name: "1 document of 24 pages", files: []benchFile{scanFile("long.pdf", long...)}},
		{name: "a receipt, photographed", files: []benchFile{receipt(t, filepath.Join(shared, "fields"))}},
		{name: "a page of 600 dpi", files: []benchFile{scanFile("fine.pdf", drawnPage(t, "letter", 600, 200))}},
		{name: "10 pages that have text", files: []benchFile{digitalFile(t)}, digital: true}}
}

func realPages(t *testing.T, dir string) []benchPage {
	t.Helper()
	var out []benchPage
	for name, dpi := range map[string]int{"eng-linn.png": 300, "eng-oldbook-c025.tiff": 300, "eng-oldbook-f035.tiff": 300,
		"eng-oldbook-j049.tiff": 300, "eng-print-otranto-p8.png": 300, "eng-typescript-EHRI-DR-19390125-US_06.jpg": 300,
		"eng-typescript-EHRI-DR-19421116-US_02.jpg": 300} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(name, filepath.Ext(name))+".gt.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(name) != ".jpg" {
			data = nil
		}
		out = append(out, pageOf(t, filepath.Join(dir, name), data, dpi, string(text)))
	}
	return out
}

// pageOf decodes a picture; stream is its JPEG, made here if there is none.
func pageOf(t *testing.T, file string, stream []byte, dpi int, text string) benchPage {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if stream == nil {
		return greyPage(t, withoutGaps(m), dpi, text)
	}
	_, isGrey := m.(*image.Gray)
	return benchPage{jpeg: stream, pixels: withoutGaps(m), colour: !isGrey, dpi: dpi, text: text}
}

// withoutGaps is the picture in grey, its rows one after the other.
func withoutGaps(m image.Image) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Src)
	return out
}

// greyPage is a page whose pixels are those that the JPEG left.
func greyPage(t *testing.T, m *image.Gray, dpi int, text string) benchPage {
	t.Helper()
	var stream bytes.Buffer
	if err := jpeg.Encode(&stream, m, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	decoded, err := jpeg.Decode(bytes.NewReader(stream.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return benchPage{jpeg: stream.Bytes(), pixels: withoutGaps(decoded), dpi: dpi, text: text}
}

func drawnPage(t *testing.T, kind string, dpi int, seed uint64) benchPage {
	t.Helper()
	scan, err := enginetest.DrawScan(kind, dpi, seed)
	if err != nil {
		t.Fatal(err)
	}
	return greyPage(t, scan.Image, dpi, scan.Text)
}

// receipt is a real photograph, as it came, or a drawn one.
func receipt(t *testing.T, dir string) benchFile {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "sroie-*.gt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, truth := range found {
		photo := strings.TrimSuffix(truth, ".gt.txt") + ".jpg"
		data, err := os.ReadFile(photo)
		if err != nil {
			continue
		}
		text, err := os.ReadFile(truth)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("receipt: %s", filepath.Base(photo))
		page := pageOf(t, photo, data, 200, string(text))
		return benchFile{name: "receipt.jpg", data: data, pages: []benchPage{page}, text: page.text, dpi: page.dpi}
	}
	page := drawnPage(t, "receipt", 200, 300)
	return benchFile{name: "receipt.jpg", data: page.jpeg, pages: []benchPage{page}, text: page.text, dpi: page.dpi}
}

// scanFile is a PDF as scanners write it: each page a JPEG.
func scanFile(name string, pages ...benchPage) benchFile {
	var w pdfWriter
	out := benchFile{name: name, pages: pages, dpi: pages[0].dpi}
	for _, p := range pages {
		size := p.pixels.Rect.Size()
		space := "/DeviceGray"
		if p.colour {
			space = "/DeviceRGB"
		}
		width, height := float64(size.X)*72/float64(p.dpi), float64(size.Y)*72/float64(p.dpi)
		picture := w.object("<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace%s/Filter/DCTDecode/Length %d>>\nstream\n%s\nendstream",
			size.X, size.Y, space, len(p.jpeg), p.jpeg)
		w.page(width, height, fmt.Sprintf("<</XObject<</I %d 0 R>>>>", picture), fmt.Sprintf("q %.3f 0 0 %.3f 0 0 cm /I Do Q", width, height))
		out.text += p.text + "\n"
	}
	out.data = w.finish()
	return out
}

// digitalFile is a PDF as a word processor writes it.
func digitalFile(t *testing.T) benchFile {
	t.Helper()
	var w pdfWriter
	out := benchFile{name: "digital.pdf", dpi: 300}
	font := w.object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
	for i := range 10 {
		scan, err := enginetest.DrawScan("letter", 72, uint64(400+i))
		if err != nil {
			t.Fatal(err)
		}
		content := "BT /F 9 Tf 14 TL 50 790 Td"
		for line := range strings.Lines(scan.Text) {
			content += fmt.Sprintf(" (%s) Tj T*", strings.TrimSpace(line))
		}
		w.page(595, 842, fmt.Sprintf("<</Font<</F %d 0 R>>>>", font), content+" ET")
		out.text += scan.Text
	}
	out.data = w.finish()
	return out
}

// pdfWriter writes what the pages above need (ISO 32000-1, 7.5), nothing else.
type pdfWriter struct {
	out     bytes.Buffer
	offsets []int
	kids    []string
}

func (w *pdfWriter) object(format string, args ...any) int {
	if w.out.Len() == 0 {
		w.out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
		w.offsets = make([]int, 2) // catalog and page tree come last
	}
	w.offsets = append(w.offsets, w.out.Len())
	fmt.Fprintf(&w.out, "%d 0 obj\n"+format+"\nendobj\n", append([]any{len(w.offsets)}, args...)...)
	return len(w.offsets)
}

func (w *pdfWriter) page(width, height float64, resources, content string) {
	stream := w.object("<</Length %d>>\nstream\n%s\nendstream", len(content), content)
	n := w.object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.3f %.3f]/Resources%s/Contents %d 0 R>>", width, height, resources, stream)
	w.kids = append(w.kids, fmt.Sprintf("%d 0 R", n))
}

func (w *pdfWriter) finish() []byte {
	w.offsets[0] = w.out.Len()
	w.out.WriteString("1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n")
	w.offsets[1] = w.out.Len()
	fmt.Fprintf(&w.out, "2 0 obj\n<</Type/Pages/Count %d/Kids[%s]>>\nendobj\n", len(w.kids), strings.Join(w.kids, " "))
	table := w.out.Len()
	fmt.Fprintf(&w.out, "xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, o := range w.offsets {
		fmt.Fprintf(&w.out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&w.out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, table)
	return w.out.Bytes()
}
