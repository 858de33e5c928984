package pages

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/document"
	"intray/engines"
)

// arrow is a picture whose way up can be told: its top left corner is black.
func arrow(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for y := range h / 4 {
		for x := range w / 4 {
			img.SetGray(x, y, color.Gray{})
		}
	}
	return img
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func encodeJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts an Exif block with orientation and resolution behind SOI.
func withExif(data []byte, orientation uint16, dpi uint32) []byte {
	be := binary.BigEndian
	block := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08")
	block = be.AppendUint16(block, 3)
	entry := func(tag, kind uint16, value uint32) {
		block = be.AppendUint16(block, tag)
		block = be.AppendUint16(block, kind)
		block = be.AppendUint32(block, 1)
		block = be.AppendUint32(block, value)
	}
	entry(tagOrientation, 3, uint32(orientation)<<16)
	const rational = 8 + 2 + 3*12 + 4
	entry(tagXResolution, 5, rational)
	entry(tagYResolution, 5, rational)
	block = be.AppendUint32(block, 0)
	block = be.AppendUint32(be.AppendUint32(block, dpi), 1)
	segment := be.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(block)+2))
	return bytes.Join([][]byte{data[:2], segment, block, data[2:]}, nil)
}

func pictureOf(t testing.TB, path, mime string, number int) Picture {
	t.Helper()
	o := &Opener{}
	defer o.Close()
	d, err := o.Open(context.Background(), path, mime)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := d.Picture(context.Background(), number)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// grey8 decodes what the engine gets.
func grey8(t testing.TB, p Picture) *image.Gray {
	t.Helper()
	i := bytes.Index(p.Image, []byte("\n255\n"))
	if i < 0 || len(p.Image)-i-5 != p.Width*p.Height {
		t.Fatalf("not a PNM of %d x %d", p.Width, p.Height)
	}
	return &image.Gray{Pix: p.Image[i+5:], Stride: p.Width, Rect: image.Rect(0, 0, p.Width, p.Height)}
}

// TestOrientations: all eight end with the black corner at the top left.
func TestOrientations(t *testing.T) {
	for orientation := 1; orientation <= 8; orientation++ {
		// Store the picture so that the orientation makes it upright again.
		stored := arrow(80, 120)
		if orientation >= 5 {
			stored = image.NewGray(image.Rect(0, 0, 120, 80))
		}
		want := arrow(80, 120)
		for y := range stored.Rect.Dy() {
			for x := range stored.Rect.Dx() {
				dx, dy := uprightPoint(x, y, stored.Rect.Dx(), stored.Rect.Dy(), orientation)
				stored.SetGray(x, y, want.GrayAt(dx, dy))
			}
		}
		p := pictureOf(t, write(t, "a.jpg", withExif(encodeJPEG(t, stored), uint16(orientation), 200)), MIMEJPEG, 1)
		if p.Width != 80 || p.Height != 120 || p.DPI != 200 {
			t.Errorf("%d: %d x %d at %v dpi", orientation, p.Width, p.Height, p.DPI)
			continue
		}
		got := grey8(t, p)
		if got.GrayAt(5, 5).Y > 60 || got.GrayAt(75, 5).Y < 200 || got.GrayAt(5, 115).Y < 200 {
			t.Errorf("%d: not upright", orientation)
		}
		if math.Abs(p.Geometry.Width-28.8) > 0.01 || math.Abs(p.Geometry.Height-43.2) > 0.01 {
			t.Errorf("%d: page of %v x %v points", orientation, p.Geometry.Width, p.Geometry.Height)
		}
	}
}

// TestStraightenQuarterTurns: whatever way a PDF places an image, the pixels
// handed out are upright as the page shows them, and the matrix still says
// where each lies.
func TestStraightenQuarterTurns(t *testing.T) {
	for name, m := range map[string]document.Matrix{
		"upright": {100, 0, 0, -150, 0, 150}, "right": {0, 150, 100, 0, 0, 0}, "down": {-100, 0, 0, 150, 100, 0}, "left": {0, -150, -100, 0, 100, 150},
		"mirrored": {-100, 0, 0, -150, 100, 150}, "flipped": {100, 0, 0, 150, 0, 0}, "transposed": {0, -150, 100, 0, 0, 150}, "slanted": {100, 5, -5, -150, 5, 150},
	} {
		stored := arrow(40, 60)
		if m[0] == 0 {
			stored = arrow(60, 40)
		}
		turned, placed := straighten(stored, m)
		if !(placed[0] > 0 && placed[3] < 0) {
			t.Errorf("%s: %v", name, placed)
		}
		// The black corner of the stored picture, followed both ways.
		x, y := m.Apply(0.05, 0.95)
		inverse, ok := placed.Inverse()
		u, v := inverse.Apply(x, y)
		px, py := int(u*float64(turned.Rect.Dx())), int((1-v)*float64(turned.Rect.Dy()))
		if !ok || turned.GrayAt(px, py).Y != 0 {
			t.Errorf("%s: the black corner is not at %d,%d", name, px, py)
		}
	}
}

func code(err error) string {
	e, _ := engines.AsError(err)
	if e == nil {
		return ""
	}
	return e.Code
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTransparentIsPaper(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for x := range 20 {
		img.SetNRGBA(x, 5, color.NRGBA{0, 0, 0, 255})
	}
	p := pictureOf(t, write(t, "a.png", encodePNG(t, img)), MIMEPNG, 1)
	if g := grey8(t, p); g.GrayAt(1, 5).Y != 0 || g.GrayAt(30, 30).Y != 255 {
		t.Errorf("ink %d, paper %d", g.GrayAt(1, 5).Y, g.GrayAt(30, 30).Y)
	}
}

// TestDamagedIsRefused: cut files, lying files, files too large, a TIFF that
// goes round in circles.
func TestDamagedIsRefused(t *testing.T) {
	whole := map[string][]byte{MIMEJPEG: encodeJPEG(t, arrow(400, 400)), MIMEPNG: encodePNG(t, arrow(400, 400))}
	o := &Opener{}
	for mime, data := range whole {
		for _, part := range []int{len(data) / 3, len(data) - 20} {
			d, err := o.Open(t.Context(), write(t, "cut", data[:part]), mime)
			if err == nil {
				_, err = d.Picture(t.Context(), 1)
			}
			if code(err) != engines.CodeBadImage {
				t.Errorf("%s cut at %d of %d: %v", mime, part, len(data), err)
			}
		}
		if _, err := (&Opener{Limits: Limits{MaxMegapixels: 0}}).Open(t.Context(), write(t, "whole", data), mime); err != nil {
			t.Errorf("%s: %v", mime, err)
		}
	}
	loop := []byte("II*\x00\x08\x00\x00\x00\x01\x00" + "\x00\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00" + "\x08\x00\x00\x00")
	if _, err := o.Open(t.Context(), write(t, "loop.tif", loop), MIMETIFF); code(err) != engines.CodeBadImage {
		t.Errorf("loop: %v", err)
	}
	big := encodePNG(t, image.NewGray(image.Rect(0, 0, 2000, 1000)))
	if _, err := (&Opener{Limits: Limits{MaxMegapixels: 1}}).Open(t.Context(), write(t, "big.png", big), MIMEPNG); code(err) != engines.CodeTooLarge {
		t.Errorf("big: %v", err)
	}
	if _, err := o.Open(t.Context(), write(t, "a.doc", []byte("x")), "application/msword"); code(err) != engines.CodeUnsupported {
		t.Errorf("unsupported: %v", err)
	}
}

func TestSniff(t *testing.T) {
	for head, want := range map[string]string{
		"%PDF-1.4\n": MIMEPDF, "\xEF\xBB\xBFjunk\n%PDF-2.0": MIMEPDF, "II*\x00": MIMETIFF, "MM\x00*": MIMETIFF, "\xFF\xD8\xFF\xE0": MIMEJPEG,
		"\x89PNG\r\n\x1a\n": MIMEPNG, "": "", "Dear Sir": "", "PK\x03\x04": "", strings.Repeat(" ", 2000) + "%PDF-": "",
	} {
		if got := Sniff([]byte(head)); got != want {
			t.Errorf("%.20q: %q, want %q", head, got, want)
		}
	}
}

func TestInkAndShrink(t *testing.T) {
	white := image.NewGray(image.Rect(0, 0, 100, 100))
	for i := range white.Pix {
		white.Pix[i] = 240
	}
	if v := ink(white); v != 0 {
		t.Errorf("white paper has ink %v", v)
	}
	if v := ink(arrow(100, 100)); math.Abs(v-1.0/16) > 0.001 {
		t.Errorf("a sixteenth is %v", v)
	}
	if s := shrink(arrow(101, 99), 4); s.Rect.Dx() != 25 || s.Rect.Dy() != 24 || s.GrayAt(0, 0).Y != 0 || s.GrayAt(24, 23).Y != 255 {
		t.Errorf("shrunk to %v", s.Rect)
	}
}
