package pages

import (
	"image"
	"image/color"
	"testing"
)

// TestDrawnPagesAreStoredAsTheirColoursAllow: print without loss and without
// colours it has not, pictures as JPEG.
func TestDrawnPagesAreStoredAsTheirColoursAllow(t *testing.T) {
	paint := func(at func(x, y int) color.RGBA) Stored {
		img := image.NewRGBA(image.Rect(0, 0, 64, 64))
		for y := range 64 {
			for x := range 64 {
				img.SetRGBA(x, y, at(x, y))
			}
		}
		return compact(Stored{Pixels: img, Width: 64, Height: 64})
	}
	print := paint(func(x, y int) color.RGBA {
		v := uint8(255)
		if x%8 == 0 {
			v = uint8(y)
		}
		return color.RGBA{v, v, v, 255}
	})
	if g, ok := print.Pixels.(*image.Gray); !ok || print.Stream != nil || g.GrayAt(8, 9).Y != 9 {
		t.Errorf("print is stored as %T, %+v", print.Pixels, print.Stream)
	}
	for name, c := range map[string]struct {
		at      func(x, y int) color.RGBA
		colours int
	}{
		"grey picture": {func(x, y int) color.RGBA { v := uint8(40 + x*2 + y); return color.RGBA{v, v, v, 255} }, 1},
		"red stamp":    {func(x, _ int) color.RGBA { return color.RGBA{255, uint8(255 * (x / 60)), uint8(255 * (x / 60)), 255} }, 3},
	} {
		if s := paint(c.at); s.Stream == nil || s.Pixels != nil || s.Stream.Colours != c.colours {
			t.Errorf("%s is stored as %T, %+v", name, s.Pixels, s.Stream)
		}
	}
}
