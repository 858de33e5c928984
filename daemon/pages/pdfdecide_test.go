package pages

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/klippa-app/go-pdfium/responses"

	"intray/daemon/document"
)

// onePagePDF is an A6 page (298 x 420 points) with the content, Helvetica as
// /F and a picture of black bars as /Im.
func onePagePDF(t testing.TB, content, extra string) string {
	t.Helper()
	bars := image.NewGray(image.Rect(0, 0, 300, 60))
	for i := range bars.Pix {
		bars.Pix[i] = 0xFF
		if x := i % 300; x%20 < 6 && i/300 > 15 && i/300 < 45 {
			bars.Pix[i] = 0
		}
	}
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, bars, nil); err != nil {
		t.Fatal(err)
	}
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 298 420] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> /XObject << /Im 6 0 R /Fm 7 0 R >> >> " + extra + " >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width 300 /Height 60 /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream",
			picture.Len(), picture.String()),
		"<< /Type /XObject /Subtype /Form /BBox [0 0 298 420] /Resources << /XObject << /Im 6 0 R >> >> /Length 41 >>\nstream\nq 200 0 0 40 40 300 cm /Im Do Q           \nendstream",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return write(t, "page.pdf", b.Bytes())
}

func TestDecisionsAboutOwnText(t *testing.T) {
	const (
		sentence = "BT /F 12 Tf 40 360 Td (The quick brown fox jumps over it) Tj ET\n"
		hidden   = "BT 3 Tr /F 12 Tf 40 200 Td (an earlier layer of words) Tj ET\n"
		scrap    = "BT /F 8 Tf 140 20 Td (Page 7) Tj ET\n"
		picture  = "q 200 0 0 40 40 300 cm /Im Do Q\n"
		whole    = "q 298 0 0 420 0 0 cm /Im Do Q\n"
		garbage  = "BT /F 12 Tf 40 360 Td (bcdf ghjk lmnp qrst vwxz bcdfg hjklm) Tj ET\n"
	)
	o := &Opener{CacheDir: sharedCache(t)}
	t.Cleanup(func() { _ = o.Close() })
	for name, c := range map[string]struct {
		mode, content string
		text, image   bool // what comes back
		treat, why    string
	}{
		"text":                         {TextKeep, sentence, true, false, "", "text of its own (27"},
		"nothing":                      {TextKeep, "", false, true, "", "no text of its own"},
		"picture":                      {TextKeep, whole, false, true, "", "no text of its own"},
		"text and picture":             {TextKeep, sentence + picture, true, true, "", "what its pictures say"},
		"text and a picture in a form": {TextKeep, sentence + "/Fm Do\n", true, true, "", "what its pictures say"},
		"text over its picture":        {TextKeep, picture + "BT /F 30 Tf 250 Tz 40 305 Td (Words all over) Tj ET\n", true, false, "", "kept as it is"},
		"scrap on a scan":              {TextKeep, whole + scrap, true, true, "", "what its pictures say"},
		"garbage":                      {TextKeep, garbage, false, true, "", "of no use"},
		"invisible garbage":            {TextKeep, "3 Tr " + garbage, false, true, treatRedo, "of no use"},
		"hidden layer, kept":           {TextKeep, sentence + hidden, true, false, "", "kept as it is"},
		"hidden layer, redone":         {TextRedo, whole + hidden, false, true, treatRedo, "earlier OCR is replaced"},
		"hidden among shown, redone":   {TextRedo, sentence + hidden, true, false, treatRedo, "text of its own (27"},
		"no hidden layer, redone":      {TextRedo, sentence, true, false, "", "kept as it is"},
		"forced":                       {TextForce, sentence + picture, false, true, treatForce, "force"},
		"outlines with a label":        {TextKeep, scrap + strings.Repeat("10 10 m 200 300 l S\n", manyPaths), true, true, "", "what its pictures say"},
	} {
		o.Text = c.mode
		d, err := o.Open(t.Context(), onePagePDF(t, c.content, ""), MIMEPDF)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Picture(t.Context(), 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if (p.Text != nil) != c.text || (p.Image != nil) != c.image || p.Treat != c.treat || !strings.Contains(p.Reason, c.why) {
			t.Errorf("%s: text %v, picture %v, treat %q, reason %q", name, p.Text != nil, p.Image != nil, p.Treat, p.Reason)
		}
		if err := d.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMixedPageShowsOnlyItsPictures: of a page whose text is kept, the engine
// sees the picture where it lies, and no letter of the text.
func TestMixedPageShowsOnlyItsPictures(t *testing.T) {
	o := &Opener{CacheDir: sharedCache(t)}
	t.Cleanup(func() { _ = o.Close() })
	content := "BT /F 24 Tf 40 360 Td (Shown and kept) Tj ET\nBT /F 24 Tf 60 310 Td (over) Tj ET\nq 200 0 0 40 40 300 cm /Im Do Q\n"
	d, err := o.Open(t.Context(), onePagePDF(t, content, ""), MIMEPDF)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := d.Picture(t.Context(), 1)
	if err != nil || p.Image == nil || p.Text == nil {
		t.Fatalf("%+v, %v", p.Reason, err)
	}
	inside, outside := 0, 0
	img := grey8(t, p)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if img.GrayAt(x, y).Y > 100 {
				continue
			}
			px, py := p.Geometry.ImageToPage.Apply(float64(x), float64(y))
			if px > 38 && px < 242 && py > 78 && py < 122 {
				inside++
			} else {
				outside++
			}
		}
	}
	if inside < 1000 || outside > 0 {
		t.Errorf("%d dark pixels in the picture's place, %d elsewhere", inside, outside)
	}
}

func TestJudge(t *testing.T) {
	for text, useful := range map[string]bool{
		"Invoice 2024-17": true, "7": true, "": false, " \r\n": false, "\uFFFD\uFFFDa": false, "\x01\x02\x03b": false,
		"\"7+%-": false, "Heading ......................... 4": true, "合計 1,234 円": true, "䴀甀氀琀椀挀漀氀漀爀": false,
		"bcdf ghjk lmnp qrst vwxz": false, "BCDF GHJK LMNP QRST VWXZ": true, "GmbH & Co. KG, HRB 1234": true, "Hello world, these are words": true, "السلام عليكم": true,
	} {
		var chars []*responses.GetPageTextStructuredChar
		for _, r := range text {
			chars = append(chars, &responses.GetPageTextStructuredChar{Text: string(r)})
		}
		if _, why := judge(chars, func(int) bool { return false }); (why == "") != useful {
			t.Errorf("%q: %q", text, why)
		}
	}
	one := []*responses.GetPageTextStructuredChar{{Text: "a"}, {Text: "b"}}
	if _, why := judge(one, func(int) bool { return true }); why == "" {
		t.Error("letters without a Unicode value count as text")
	}
}

// TestTurned: after each turn the black corner is where the geometry says, on
// the turned page.
func TestTurned(t *testing.T) {
	for _, degrees := range []int{0, 90, 180, 270} {
		p := picture(arrow(60, 40), look{orientation: 1, xdpi: 72, ydpi: 72})
		turned := p.Turned(degrees)
		w, h := 60.0, 40.0
		want := map[int][2]float64{0: {0, 0}, 90: {h, 0}, 180: {w, h}, 270: {0, w}}[degrees]
		if x, y := document.Turn(w, h, degrees).Apply(0, 0); x != want[0] || y != want[1] {
			t.Errorf("%d: the page's corner goes to %v,%v", degrees, x, y)
		}
		img := grey8(t, turned)
		found := false
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				if img.GrayAt(x, y).Y != 0 {
					continue
				}
				found = true
				px, py := turned.Geometry.ImageToPage.Apply(float64(x)+0.5, float64(y)+0.5)
				if math.Hypot(px-want[0], py-want[1]) > 25 {
					t.Fatalf("%d: ink at %v,%v of the page, far from %v", degrees, px, py, want)
				}
			}
		}
		if !found || turned.Geometry.Rotation != degrees || math.Abs(turned.Geometry.Width-float64(img.Rect.Dx())) > 1e-9 {
			t.Errorf("%d: %+v", degrees, turned.Geometry)
		}
	}
}

// TestThumbs: the picture that was read and the page drawn from a PDF agree; a
// word less, a word more and another place do not.
// TestThumbSize: a page has the same cells as it was reckoned and as it is written.
func TestThumbSize(t *testing.T) {
	for _, size := range []float64{1008, 841.88976, 595.275591} {
		reckoned, written := document.Geometry{Width: size + 1e-7, Height: size}, document.Geometry{Width: size, Height: math.Round(size*100) / 100}
		c1, r1 := thumbSize(reckoned)
		if c2, r2 := thumbSize(written); c1 != c2 || r1 != r2 {
			t.Errorf("%v: %d x %d, %d x %d", size, c1, r1, c2, r2)
		}
	}
}

func TestThumbs(t *testing.T) {
	o := &Opener{CacheDir: sharedCache(t)}
	t.Cleanup(func() { _ = o.Close() })
	thumb := func(content string) Thumb {
		d, err := o.Open(t.Context(), onePagePDF(t, content, ""), MIMEPDF)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		th, err := d.(Drawn).Thumb(t.Context(), 1, LookDPI)
		if err != nil {
			t.Fatal(err)
		}
		return th
	}
	scan := "q 298 0 0 420 0 0 cm /Im Do Q\n"
	d, err := o.Open(t.Context(), onePagePDF(t, scan, ""), MIMEPDF)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := d.Picture(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if lost, gained := p.Thumb().Difference(thumb(scan), Redrawn); lost > 0.03 || gained > 0.03 {
		t.Errorf("read and drawn: lost %.3f, gained %.3f", lost, gained)
	}
	words := "BT /F 12 Tf 40 360 Td (The quick brown fox jumps over it) Tj 0 -40 Td (and one word) Tj ET\n"
	full := thumb(words)
	if lost, gained := full.Difference(thumb(words), Exact); lost != 0 || gained != 0 {
		t.Errorf("the same twice: %v, %v", lost, gained)
	}
	if lost, _ := full.Difference(thumb(strings.Replace(words, "one word", "one", 1)), Exact); lost < 0.01 {
		t.Errorf("a word is lost and only %.4f of the ink", lost)
	}
	if _, gained := full.Difference(thumb(words+"BT /F 12 Tf 40 100 Td (more) Tj ET\n"), Exact); gained < 0.01 {
		t.Errorf("a word too many is only %.4f of the ink", gained)
	}
	if lost, gained := full.Difference(thumb("1 0 0 1 0 30 cm\n"+words), Exact); lost < 0.2 || gained < 0.2 {
		t.Errorf("moved: lost %.3f, gained %.3f", lost, gained)
	}
	if lost, gained := thumb("").Difference(thumb(""), Exact); lost != 0 || gained != 0 {
		t.Errorf("blank: %v, %v", lost, gained)
	}
}

// TestMissing finds what weighs too little for the page as a whole: a line of
// grey text, and one on a page that is half black.
func TestMissing(t *testing.T) {
	page := func(draw func(x, y int) uint8) Thumb {
		th := Thumb{Columns: 149, Rows: 210, Cells: make([]byte, 149*210)}
		for i := range th.Cells {
			th.Cells[i] = draw(i%149, i/149)
		}
		return th
	}
	// Text of 12 points in 50 % grey is some 5 % of a cell's black.
	line := func(x, y int) bool { return y >= 100 && y < 102 && x > 20 && x < 120 }
	grey := page(func(x, y int) uint8 {
		if line(x, y) {
			return 240
		}
		return 255
	})
	photo := page(func(x, y int) uint8 {
		if y < 90 {
			return 20
		}
		if line(x, y) {
			return 225
		}
		return 255
	})
	bare := page(func(int, int) uint8 { return 255 })
	without := page(func(_, y int) uint8 {
		if y < 90 {
			return 20
		}
		return 255
	})
	shifted := page(func(x, y int) uint8 {
		if line(x-1, y-1) {
			return 240
		}
		return 255
	})
	dithered := func(light uint8) Thumb {
		return page(func(x, y int) uint8 {
			if x%10 == 0 {
				return 255
			}
			return light
		})
	}
	for name, c := range map[string]struct {
		a, b Thumb
		want bool
	}{"dithered tint": {dithered(250), dithered(254), false}, "grey line gone": {grey, bare, true}, "line under a photo gone": {photo, without, true}, "same": {photo, photo, false},
		"moved by a cell": {grey, shifted, false}, "blank": {bare, bare, false}, "a line more is not missing": {bare, grey, false}} {
		if got := c.a.Missing(c.b); (got > 0) != c.want {
			t.Errorf("%s: %d places", name, got)
		}
	}
}

// sharedCache keeps PDFium's compiled code for the tests of this package.
func sharedCache(t testing.TB) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return dir + "/intray-test-pdfium"
}
