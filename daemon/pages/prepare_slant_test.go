package pages

import (
	"image"
	"math"
	"testing"
)

// leaning is img turned clockwise about its middle, on the same canvas.
func leaning(img *image.Gray, degrees float64) *image.Gray {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	cx, cy := float64(img.Rect.Dx())/2, float64(img.Rect.Dy())/2
	out := image.NewGray(img.Rect)
	for y := range img.Rect.Dy() {
		dy := float64(y) - cy
		levelRow(out.Pix[y*out.Stride:][:img.Rect.Dx()], img, cx-cx*cos+dy*sin, cy+cx*sin+dy*cos, cos, -sin)
	}
	return out
}

// onCanvas puts a sheet into the middle of a larger one.
func onCanvas(img *image.Gray, w, h int) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, w, h))
	for i := range out.Pix {
		out.Pix[i] = 0xFF
	}
	x, y := (w-img.Rect.Dx())/2, (h-img.Rect.Dy())/2
	for row := range img.Rect.Dy() {
		copy(out.Pix[(y+row)*w+x:], img.Pix[row*img.Stride:][:img.Rect.Dx()])
	}
	return out
}

// TestLevel: lines that lean are made level, those that hardly do are left to
// the engine, and what is read lies where it did.
func TestLevel(t *testing.T) {
	sheet := onCanvas(printed(t, 900, 1200, 30), 1400, 1600)
	for _, degrees := range []float64{-15.5, -9, -4, -2, 0, 1, 2.5, 3.5, 6, 12.3} {
		leant := leaning(sheet, degrees)
		p := asPicture(leant, 300)
		got := p.Prepared([]string{StepLevel})
		if small := math.Abs(degrees) < leastSlant; got.Levelled == small {
			t.Errorf("%v degrees: levelled %v", degrees, got.Levelled)
			continue
		} else if small {
			if &got.Image[0] != &p.Image[0] || got.Geometry != p.Geometry {
				t.Errorf("%v degrees: another picture", degrees)
			}
			continue
		}
		if a := slant(leant); math.Abs(a-degrees) > 0.1 {
			t.Errorf("%v degrees: found %.2f", degrees, a)
		}
		if a := math.Abs(slant(pixelsOf(got))); a != 0 {
			t.Errorf("%v degrees: still leaning by %v", degrees, a)
		}
		checkPlaces(t, degrees, leant, got)
	}
}

// checkPlaces looks up pixels of the levelled picture on the page: they have the
// ink that the page had there, unless a letter's edge runs by.
func checkPlaces(t *testing.T, degrees float64, leant *image.Gray, got Picture) {
	t.Helper()
	level, dark, wrong := pixelsOf(got), 0, 0
	for y := 0; y < level.Rect.Dy(); y++ {
		for x := 0; x < level.Rect.Dx(); x++ {
			if level.Pix[y*level.Stride+x] > 20 {
				continue
			}
			px, py := got.Geometry.ImageToPage.Apply(float64(x)+0.5, float64(y)+0.5)
			ix, iy := int(px*300/72), int(py*300/72)
			dark++
			if leant.GrayAt(ix, iy).Y > 150 {
				wrong++
			}
		}
	}
	if dark < 1000 || wrong > dark/100 {
		t.Errorf("%v degrees: of %d dark pixels %d lie elsewhere", degrees, dark, wrong)
	}
}

// TestNothingToLevel: what is no text has no lines that lean.
func TestNothingToLevel(t *testing.T) {
	blank := image.NewGray(image.Rect(0, 0, 800, 1000))
	for i := range blank.Pix {
		blank.Pix[i] = 0xFF
	}
	photo := image.NewGray(blank.Rect)
	for i := range photo.Pix {
		photo.Pix[i] = uint8((i%800 + i/800) / 8)
	}
	stroke := image.NewGray(blank.Rect)
	copy(stroke.Pix, blank.Pix)
	for i := range 600 { // one thin line from a corner to the other
		stroke.Pix[(100+i)*800+100+i] = 0
	}
	for name, img := range map[string]*image.Gray{"blank": blank, "photo": photo, "stroke": stroke, "sheet": printed(t, 800, 1000, 30),
		"tiny": image.NewGray(image.Rect(0, 0, 3, 2)), "nothing": image.NewGray(image.Rect(0, 0, 1, 1))} {
		if a := slant(img); a != 0 {
			t.Errorf("%s leans by %v", name, a)
		}
	}
}
