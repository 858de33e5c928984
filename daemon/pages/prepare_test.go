package pages

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"intray/daemon/document"
)

// printed is a sheet of w x h pixels with lines of letters about size pixels high.
func printed(t testing.TB, w, h int, size float64) *image.Gray {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	d := font.Drawer{Dst: img, Src: image.NewUniform(color.Gray{}), Face: face}
	for y := 3 * size; y < float64(h)-2*size; y += 1.5 * size {
		d.Dot = fixed.P(int(2*size), int(y))
		d.DrawString("sphinx of black quartz, judge my vow")
	}
	return img
}

func asPicture(img *image.Gray, dpi float64) Picture {
	p := Picture{Image: encodePNM(img), Width: img.Rect.Dx(), Height: img.Rect.Dy(), DPI: dpi, Ink: ink(img)}
	p.Geometry.Width, p.Geometry.Height = float64(p.Width)*72/300, float64(p.Height)*72/300
	p.Geometry.ImageToPage = document.Scale(72.0/300, 72.0/300)
	return p
}

func pixelsOf(p Picture) *image.Gray {
	return &image.Gray{Pix: p.Image[len(p.Image)-p.Width*p.Height:], Stride: p.Width, Rect: image.Rect(0, 0, p.Width, p.Height)}
}

// shaded darkens the paper from left to right, down to least of its light.
func shaded(img *image.Gray, least float64) *image.Gray {
	out := image.NewGray(img.Rect)
	w := img.Rect.Dx()
	for i, v := range img.Pix {
		light := 1 - (1-least)*float64(i%w)/float64(w)
		out.Pix[i] = uint8((60 + float64(v)*0.6) * light)
	}
	return out
}

// differing is the share of pixels on different sides of the middle grey.
func differing(a, b *image.Gray) float64 {
	n := 0
	for i, v := range a.Pix {
		if (v < 128) != (b.Pix[i] < 128) {
			n++
		}
	}
	return float64(n) / float64(len(a.Pix))
}

// TestPreparedLevels: a page in a shadow comes out as it was printed.
func TestPreparedLevels(t *testing.T) {
	plain := printed(t, 900, 600, 40)
	dark := shaded(plain, 0.4)
	if d := differing(plain, dark); d < 0.3 {
		t.Fatalf("the page in the shadow is still plain to see: %.3f differs", d)
	}
	for _, step := range []string{StepContrast, StepBinarize} {
		got := pixelsOf(asPicture(dark, 300).Prepared([]string{step}))
		if d := differing(plain, got); d > 0.01 {
			t.Errorf("%s: %.3f of the pixels are on the wrong side", step, d)
		}
	}
	paper := pixelsOf(asPicture(dark, 300).Prepared([]string{StepContrast}))
	for _, x := range []int{10, 450, 860} { // beyond the last tile's middle the shadow deepens unseen
		if v := paper.GrayAt(x, 10).Y; v < 245 {
			t.Errorf("the paper at %d is %d after contrast", x, v)
		}
	}
	for i, v := range pixelsOf(asPicture(dark, 300).Prepared([]string{StepBinarize})).Pix {
		if v != 0 && v != 255 {
			t.Fatalf("pixel %d is %d after binarize", i, v)
		}
	}
}

// TestPreparedDenoise: salt is gone, every letter, dot and comma stays.
func TestPreparedDenoise(t *testing.T) {
	plain := image.NewGray(image.Rect(0, 0, 900, 900))
	for i := range plain.Pix {
		plain.Pix[i] = 255
	}
	copy(plain.Pix, printed(t, 900, 600, 40).Pix)
	salted := image.NewGray(plain.Rect)
	copy(salted.Pix, plain.Pix)
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		x, y := random.IntN(899), 600+random.IntN(299)
		for _, at := range []int{y*900 + x, y*900 + x + 1, (y+1)*900 + x} {
			salted.Pix[at] = min(salted.Pix[at], 30)
		}
	}
	got := pixelsOf(asPicture(salted, 300).Prepared([]string{StepDenoise}))
	before, after := differing(plain, salted), differing(plain, got)
	if after > before/10 {
		t.Errorf("%.5f of the pixels were salt, %.5f still are", before, after)
	}
	clean := asPicture(plain, 300)
	if got := clean.Prepared([]string{StepDenoise}); !bytes.Equal(got.Image, clean.Image) {
		t.Errorf("denoise changes a clean page: %.5f differs", differing(plain, pixelsOf(got)))
	}
}

// TestPreparedSize: small letters are enlarged, and what is found in the larger
// picture lies on the page where it did.
func TestPreparedSize(t *testing.T) {
	img := printed(t, 500, 400, 16)
	for y := 350; y < 370; y++ { // a mark to be found again
		for x := 400; x < 430; x++ {
			img.SetGray(x, y, color.Gray{})
		}
	}
	p := asPicture(img, 100)
	got := p.Prepared([]string{StepNormalizeDPI})
	if got.Width <= p.Width || got.Height <= p.Height || len(got.Image) < got.Width*got.Height {
		t.Fatalf("%d x %d became %d x %d", p.Width, p.Height, got.Width, got.Height)
	}
	if want := p.DPI * float64(got.Width) / float64(p.Width); math.Abs(got.DPI-want) > 1 {
		t.Errorf("dpi is %.0f, should be %.0f", got.DPI, want)
	}
	var mark blob
	blobs(pixelsOf(got), 128, func(b blob) {
		if b.area > mark.area {
			mark = b
		}
	})
	is := got.Geometry.ImageToPage.Box(document.Box{float64(mark.x0), float64(mark.y0), float64(mark.x1), float64(mark.y1)})
	was := p.Geometry.ImageToPage.Box(document.Box{400, 350, 430, 370})
	for i := range is {
		if math.Abs(is[i]-was[i]) > 0.25 {
			t.Errorf("the mark lay at %.2f and lies at %.2f", was, is)
			break
		}
	}
	large := asPicture(printed(t, 900, 600, 48), 300)
	if got := large.Prepared([]string{StepNormalizeDPI}); got.Width != large.Width {
		t.Errorf("letters large enough were enlarged to %d pixels", got.Width)
	}
}

// TestPreparedLimits: pictures of no use pass every step, and none becomes larger
// than is rendered.
func TestPreparedLimits(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 300}, {300, 1}, {63, 65}, {2000, 2000}} {
		for name, grey := range map[string]func(i int) uint8{
			"white": func(int) uint8 { return 255 }, "black": func(int) uint8 { return 0 }, "grey": func(int) uint8 { return 128 },
			"checkered": func(i int) uint8 { return uint8(i%2) * 255 }, "ramp": func(i int) uint8 { return uint8(i) },
		} {
			img := image.NewGray(image.Rectangle{Max: size})
			for i := range img.Pix {
				img.Pix[i] = grey(i)
			}
			p := asPicture(img, 72)
			for _, steps := range append([][]string{PrepareSteps(), {"no such step"}}, chunks(PrepareSteps())...) {
				got := p.Prepared(steps)
				if got.Width*got.Height > maxRender || len(got.Image) < got.Width*got.Height || got.Ink != p.Ink {
					t.Errorf("%s %v %v: %d x %d", name, size, steps, got.Width, got.Height)
				}
			}
		}
	}
	if got := (Picture{}).Prepared(PrepareSteps()); got.Image != nil {
		t.Error("a page without a picture got one")
	}
	wide := printed(t, 2000, 1999, 16)
	if got := asPicture(wide, 72).Prepared([]string{StepNormalizeDPI}); got.Width*got.Height > maxRender {
		t.Errorf("%d x %d pixels are more than %d", got.Width, got.Height, maxRender)
	}
}

func chunks(steps []string) (out [][]string) {
	for one := range slices.Chunk(steps, 1) {
		out = append(out, one)
	}
	return out
}

// BenchmarkPrepared tells what a step costs on an A4 page at 300 dpi that needs it.
func BenchmarkPrepared(b *testing.B) {
	p := asPicture(shaded(printed(b, 2480, 3508, 40), 0.5), 300)
	small := asPicture(shaded(printed(b, 1240, 1754, 20), 0.5), 150)
	for _, step := range PrepareSteps() {
		b.Run(step, func(b *testing.B) {
			for b.Loop() {
				if step == StepNormalizeDPI {
					small.Prepared([]string{step})
				} else {
					p.Prepared([]string{step})
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Millisecond), "ms/page")
		})
	}
}
