package pdf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pdf/objects"
	"intray/daemon/pdf/pdftest"
)

func tool(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("skipped: %s is not installed", name)
	}
	var errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, errs.String())
	}
	return out
}

// flip is the usual user space of a page: origin at the bottom left.
func flip(height float64) document.Matrix { return document.Matrix{1, 0, 0, -1, 0, height} }

func word(text string, x0, y0, x1, y1 float64) document.Word {
	return document.Word{Text: text, Box: document.Box{x0, y0, x1, y1}, Confidence: 1}
}

func onePage(number int, w, h float64, lines ...document.Line) document.Page {
	return document.Page{Number: number, Width: w, Height: h, Decision: document.DecisionOCR, Blocks: []document.Block{{Kind: "text", Lines: lines}}}
}

func greyJPEG(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(200 + i%50)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// listed are layers by their pages' numbers.
func listed(layers ...Layer) Layers {
	return func(number int) (Layer, error) {
		for _, l := range layers {
			if l.Page.Number == number {
				return l, nil
			}
		}
		return Layer{}, nil
	}
}

// scanOf writes an image-only PDF of n pages of 300 by 400 points.
func scanOf(t testing.TB, n int, layers ...Layer) (path string, stored []byte) {
	t.Helper()
	path, stored = filepath.Join(t.TempDir(), "scan.pdf"), greyJPEG(t, 600, 800)
	_, err := FromPictures(path, n, listed(layers...), Options{Producer: "Intray (test)"}, func(int) (Picture, error) {
		return Picture{Stream: &Stream{Filter: "DCTDecode", Data: stored, Colours: 1, Bits: 8}, Width: 600, Height: 800, PageWidth: 300, PageHeight: 400}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return path, stored
}

func helloLine(y float64) document.Line {
	return document.Line{Baseline: document.Box{50, y, 200, y}, Words: []document.Word{
		word("Größe", 50, y-12, 100, y), word("of", 105, y-12, 120, y), word("😀-fish", 125, y-12, 200, y+3)}}
}

func TestFromPictures(t *testing.T) {
	path, stored := scanOf(t, 2, Layer{Page: onePage(2, 300, 400, helloLine(100)), UserToPage: flip(400)})
	tool(t, "qpdf", "--check", path)
	if text := string(tool(t, "pdftotext", path, "-")); text != "\fGröße of 😀-fish\n\n\f" {
		t.Errorf("text %q", text)
	}
	prefix := filepath.Join(t.TempDir(), "image")
	tool(t, "pdfimages", "-all", "-l", "1", path, prefix)
	if got, err := os.ReadFile(prefix + "-000.jpg"); err != nil || !bytes.Equal(got, stored) {
		t.Errorf("the JPEG stream is not the one that was given: %v", err)
	}
	if info := string(tool(t, "pdfinfo", path)); !strings.Contains(info, "Intray (test)") || !strings.Contains(info, "300 x 400 pts") {
		t.Errorf("info %s", info)
	}
}

// TestAddTextKeepsEveryByte: the update begins with the original as it was.
func TestAddTextKeepsEveryByte(t *testing.T) {
	in, _ := scanOf(t, 3)
	streams := filepath.Join(t.TempDir(), "streams.pdf")
	tool(t, "qpdf", "--object-streams=generate", in, streams)
	for name, in := range map[string]string{"table": in, "cross-reference stream": streams} {
		out := filepath.Join(t.TempDir(), "out.pdf")
		layers := []Layer{{Page: onePage(1, 300, 400, helloLine(50)), UserToPage: flip(400)}, {Page: onePage(3, 300, 400, helloLine(300)), UserToPage: flip(400)}}
		if _, err := AddText(in, out, 3, listed(layers...), Options{}, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before, err1 := os.ReadFile(in)
		after, err2 := os.ReadFile(out)
		if err1 != nil || err2 != nil || !bytes.HasPrefix(after, before) {
			t.Errorf("%s: the original is not kept (%v, %v)", name, err1, err2)
		}
		tool(t, "qpdf", "--check", out)
		if text := string(tool(t, "pdftotext", out, "-")); text != "Größe of 😀-fish\n\n\f\fGröße of 😀-fish\n\n\f" {
			t.Errorf("%s: text %q", name, text)
		}
		again := filepath.Join(t.TempDir(), "again.pdf")
		if _, err := AddText(out, again, 3, listed(layers[:1]...), Options{}, nil); err != nil {
			t.Errorf("%s: once more: %v", name, err)
		}
		tool(t, "qpdf", "--check", again)
	}
}

func TestAddTextWithoutTextIsACopy(t *testing.T) {
	in, _ := scanOf(t, 1)
	out := filepath.Join(t.TempDir(), "out.pdf")
	kept := Layer{Page: onePage(1, 300, 400, helloLine(50)), UserToPage: flip(400)}
	kept.Page.Decision = document.DecisionKept
	if _, err := AddText(in, out, 1, listed(kept), Options{}, nil); err != nil {
		t.Fatal(err)
	}
	a, err1 := os.ReadFile(in)
	b, err2 := os.ReadFile(out)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("not a copy (%v, %v)", err1, err2)
	}
}

// TestAddTextRefusesWhatCannotBeExtended: a file with an owner's password, and
// one whose table does not fit. Rubbish before the header is left behind.
func TestAddTextRefusesWhatCannotBeExtended(t *testing.T) {
	in, _ := scanOf(t, 1)
	locked := filepath.Join(t.TempDir(), "locked.pdf")
	tool(t, "qpdf", "--encrypt", "", "owner", "256", "--", in, locked)
	data, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"rubbish in front": append([]byte("Content-Type: application/pdf\n\n"), data...),
		"rubbish within":   bytes.Replace(data, []byte("\n5 0 obj"), []byte("\n%% rubbish\n5 0 obj"), 1),
		"owner password":   nil,
	} {
		path := locked
		if data != nil {
			path = filepath.Join(t.TempDir(), "odd.pdf")
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out := filepath.Join(t.TempDir(), "out.pdf")
		l := Layer{Page: onePage(1, 300, 400, helloLine(50)), UserToPage: flip(400)}
		_, err := AddText(path, out, 1, listed(l), Options{}, nil)
		if name == "rubbish in front" {
			after, _ := os.ReadFile(out)
			if err != nil || !bytes.HasPrefix(after, data[bytes.Index(data, []byte("%PDF")):]) {
				t.Errorf("%s: %v", name, err)
			}
			tool(t, "qpdf", "--check", out)
		} else if !errors.Is(err, ErrRewrite) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type reported struct {
	X0   float64 `xml:"xMin,attr"`
	Y0   float64 `xml:"yMin,attr"`
	X1   float64 `xml:"xMax,attr"`
	Y1   float64 `xml:"yMax,attr"`
	Text string  `xml:",chardata"`
}

// TestWordsLieWhereTheyShould: level, turned by quarters, slanted.
func TestWordsLieWhereTheyShould(t *testing.T) {
	for name, line := range map[string]document.Line{
		"level":       {Baseline: document.Box{50, 200, 150, 200}, Words: []document.Word{word("Hill", 50, 188, 80, 200), word("some", 90, 191, 130, 200)}},
		"upwards":     {Baseline: document.Box{200, 300, 200, 100}, Words: []document.Word{word("Hill", 188, 270, 200, 300), word("some", 191, 220, 200, 260)}},
		"downwards":   {Baseline: document.Box{100, 100, 100, 300}, Words: []document.Word{word("Hill", 100, 100, 112, 130), word("some", 100, 140, 109, 180)}},
		"upside down": {Baseline: document.Box{250, 200, 50, 200}, Words: []document.Word{word("Hill", 220, 200, 250, 212), word("some", 170, 200, 210, 209)}},
		"slanted":     {Baseline: document.Box{50, 200, 250, 210}, Words: []document.Word{word("Hill", 50, 189, 80, 201), word("some", 200, 199, 240, 209.5)}},
	} {
		path, _ := scanOf(t, 1, Layer{Page: onePage(1, 300, 400, line), UserToPage: flip(400)})
		var doc struct {
			Words []reported `xml:"body>doc>page>word"`
		}
		if err := xml.Unmarshal(tool(t, "pdftotext", "-bbox", path, "-"), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Words) != len(line.Words) {
			t.Errorf("%s: %+v", name, doc.Words)
			continue
		}
		for _, want := range line.Words {
			found := false
			for _, got := range doc.Words {
				w := math.Min(got.X1, want.Box[2]) - math.Max(got.X0, want.Box[0])
				h := math.Min(got.Y1, want.Box[3]) - math.Max(got.Y0, want.Box[1])
				union := (got.X1-got.X0)*(got.Y1-got.Y0) + (want.Box[2]-want.Box[0])*(want.Box[3]-want.Box[1]) - w*h
				found = found || got.Text == want.Text && w > 0 && h > 0 && w*h/union >= 0.5
			}
			if !found {
				t.Errorf("%s: %q at %v is not in %+v", name, want.Text, want.Box, doc.Words)
			}
		}
	}
}

// TestStraightenedPictureKeepsItsStream: the page is turned by its matrix.
func TestStraightenedPictureKeepsItsStream(t *testing.T) {
	page := onePage(1, 300, 400, helloLine(100))
	page.Skew = 3
	path, stored := scanOf(t, 1, Layer{Page: page, UserToPage: flip(400)})
	prefix := filepath.Join(t.TempDir(), "image")
	tool(t, "pdfimages", "-all", path, prefix)
	if got, err := os.ReadFile(prefix + "-000.jpg"); err != nil || !bytes.Equal(got, stored) {
		t.Errorf("the stream changed: %v", err)
	}
	// A line that leans by 3° clockwise is level after the turn.
	m := document.Straighten(300, 400, 3)
	x0, y0 := m.Apply(50, 200)
	x1, y1 := m.Apply(250, 200+200*math.Tan(3*math.Pi/180))
	if math.Abs(y1-y0) > 1e-9 || x1 <= x0 {
		t.Errorf("from %v,%v to %v,%v", x0, y0, x1, y1)
	}
}

// TestPixelsWithoutLoss compares every kind of picture with what comes out.
func TestPixelsWithoutLoss(t *testing.T) {
	rect := image.Rect(0, 0, 13, 7)
	paint := func(set func(x, y int, c color.Color)) {
		for y := range 7 {
			for x := range 13 {
				set(x, y, color.NRGBA{uint8(x * 19), uint8(y * 36), uint8(x * y), 255})
			}
		}
	}
	grey, deep, rgb, nrgb := image.NewGray(rect), image.NewGray16(rect), image.NewRGBA(rect), image.NewNRGBA64(rect)
	pal := image.NewPaletted(rect, color.Palette{color.Black, color.White, color.NRGBA{200, 10, 10, 255}})
	bits := image.NewGray(rect)
	paint(grey.Set)
	paint(deep.Set)
	paint(rgb.Set)
	paint(nrgb.Set)
	paint(pal.Set)
	for i := range bits.Pix {
		bits.Pix[i] = uint8(i % 2 * 255)
	}
	for name, img := range map[string]image.Image{"grey": grey, "grey 16": deep, "rgb": rgb, "rgb 16": nrgb, "palette": pal, "bilevel": bits} {
		path := filepath.Join(t.TempDir(), "p.pdf")
		_, err := FromPictures(path, 1, listed(), Options{}, func(int) (Picture, error) {
			return Picture{Pixels: img, Width: 13, Height: 7, PageWidth: 13, PageHeight: 7}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		tool(t, "qpdf", "--check", path)
		prefix := filepath.Join(t.TempDir(), "image")
		tool(t, "pdfimages", "-png", path, prefix)
		f, err := os.Open(prefix + "-000.png")
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		for y := range 7 {
			for x := range 13 {
				if a, b := eightBit(img.At(x, y)), eightBit(got.At(x, y)); a != b {
					t.Fatalf("%s: pixel %d,%d is %v, want %v", name, x, y, b, a)
				}
			}
		}
	}
}

func eightBit(c color.Color) [3]uint8 {
	r, g, b, _ := c.RGBA()
	return [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", -0.00001: "0", 1.5: "1.5", 1e9: "1000000000", math.Inf(1): "0", math.NaN(): "0", -12.34567: "-12.3457"} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func FuzzAddText(f *testing.F) {
	path, _ := scanOf(f, 1)
	for _, path := range []string{path, pdftest.Rich(f)} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("%PDF-1.4\n%%EOF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.pdf"), filepath.Join(dir, "out.pdf")
		if err := os.WriteFile(in, data, 0o600); err != nil {
			t.Fatal(err)
		}
		l := Layer{Page: onePage(1, 300, 400, helloLine(50)), UserToPage: flip(400), Turn: 90, Treat: TreatRedo}
		// Whatever the bytes are: an error or a file that can be read, never a panic.
		_, err := AddText(in, out, 1, listed(l), Options{PDFA: PDFAOff, LinearizeAbove: 1}, nil)
		if err != nil {
			if strings.Contains(err.Error(), "parser failed") {
				t.Fatal(err)
			}
			return
		}
		src, err := objects.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if pages, err := src.Pages(1); err != nil || len(pages) != 1 {
			t.Fatalf("%d pages, %v", len(pages), err)
		}
	})
}
