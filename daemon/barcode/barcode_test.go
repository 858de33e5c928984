package barcode_test

import (
	"context"
	"image"
	"math/rand/v2"
	"os"
	"testing"

	"intray/daemon/barcode"
	"intray/daemon/barcode/barcodetest"
)

// cacheVariable names the folder of compiled code that the tests share.
const cacheVariable = "INTRAY_TEST_BARCODE_CACHE"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "intray-barcode-*")
	if err == nil {
		err = os.Setenv(cacheVariable, dir)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// sheet is white paper with a barcode on it.
func sheet(t testing.TB, text string) *image.Gray {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 600, 400))
	for i := range img.Pix {
		img.Pix[i] = 0xFF
	}
	if _, err := barcodetest.Code39(img, text, 60, 80, 2, 90); err != nil {
		t.Fatal(err)
	}
	return img
}

func reader(t testing.TB) *barcode.Reader {
	r := &barcode.Reader{CacheDir: os.Getenv(cacheVariable)}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// turned is the picture a quarter clockwise.
func turned(img *image.Gray) *image.Gray {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			out.Pix[out.PixOffset(h-1-y, x)] = img.Pix[img.PixOffset(x, y)]
		}
	}
	return out
}

func TestReadsInAnyPosition(t *testing.T) {
	r, img := reader(t), sheet(t, "INTRAY-39")
	for i := range 4 {
		found, err := r.Read(context.Background(), img.Pix, img.Rect.Dx(), img.Rect.Dy())
		if err != nil || len(found) != 1 || found[0].Text != "INTRAY-39" || found[0].Format != "Code39" {
			t.Fatalf("turned %d times: %+v, %v", i, found, err)
		}
		if c := found[0].Corners[0]; i == 0 && (c.X < 50 || c.X > 75 || c.Y < 70 || c.Y > 95) {
			t.Errorf("it begins at %v", c)
		}
		img = turned(img)
	}
}

func TestReadsNothingWhereNothingIs(t *testing.T) {
	r := reader(t)
	white := make([]byte, 150*100)
	for i := range white {
		white[i] = 0xFF
	}
	noise := make([]byte, len(white))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = uint8(random.Uint32())
	}
	for name, grey := range map[string][]byte{"white": white, "black": make([]byte, len(white)), "noise": noise} {
		if found, err := r.Read(context.Background(), grey, 150, 100); err != nil || len(found) != 0 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	for _, size := range [][2]int{{0, 0}, {-1, -1}, {150, 101}, {1, 1 << 40}} {
		if _, err := r.Read(context.Background(), white, size[0], size[1]); err == nil {
			t.Errorf("%v: taken", size)
		}
	}
	for _, size := range [][2]int{{1, 1}, {9000, 1}, {1, 9000}, {3, 3000}} {
		if _, err := r.Read(context.Background(), noise[:size[0]*size[1]], size[0], size[1]); err != nil {
			t.Errorf("%v: %v", size, err)
		}
	}
}

func TestStopsWhenAsked(t *testing.T) {
	r, img := reader(t), sheet(t, "A")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Read(ctx, img.Pix, img.Rect.Dx(), img.Rect.Dy()); err == nil {
		t.Error("went on")
	}
	if found, err := r.Read(context.Background(), img.Pix, img.Rect.Dx(), img.Rect.Dy()); err != nil || len(found) != 1 {
		t.Errorf("afterwards: %v, %v", found, err)
	}
}

// FuzzRead: whatever the pixels, the reader ends well.
func FuzzRead(f *testing.F) {
	img := sheet(f, "FUZZ")
	f.Add(img.Pix, 600)
	f.Add([]byte{0, 255}, 1)
	r := reader(f)
	f.Fuzz(func(t *testing.T, grey []byte, width int) {
		if width < 1 || width > 2000 || len(grey) < width || len(grey) > 1<<20 {
			return
		}
		height := len(grey) / width
		if _, err := r.Read(context.Background(), grey[:width*height], width, height); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkPage is an A4 page of 300 dpi with one barcode and as many strokes as
// a page of print has.
func BenchmarkPage(b *testing.B) {
	img := image.NewGray(image.Rect(0, 0, 2480, 3508))
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(250 + rnd.IntN(6))
	}
	for range 6000 {
		x, y := 100+rnd.IntN(2250), 800+60*rnd.IntN(43)
		for dy := range 10 + rnd.IntN(25) {
			for dx := range 4 + rnd.IntN(4) {
				img.Pix[img.PixOffset(x+dx, y+dy)] = 20
			}
		}
	}
	if _, err := barcodetest.Code39(img, "INTRAY", 300, 400, 4, 200); err != nil {
		b.Fatal(err)
	}
	r := reader(b)
	if _, err := r.Read(b.Context(), img.Pix[:2480*100], 2480, 100); err != nil { // it is compiled once
		b.Fatal(err)
	}
	for b.Loop() {
		if found, err := r.Read(b.Context(), img.Pix, 2480, 3508); err != nil || len(found) != 1 {
			b.Fatalf("%v, %v", found, err)
		}
	}
}
