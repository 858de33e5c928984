package pages

import (
	"bytes"
	"image"
	"image/jpeg"
)

// A page that takes its own content's place is stored as its colours allow.
const (
	drawnQuality = 90 // of JPEG, 0..100
	// flat is the share of pure white and black from which a page is more print
	// than picture and is stored without loss.
	flat = 0.6
)

// compact replaces a drawn page's pixels by grey ones, where it has no colours,
// or a JPEG, where it is more picture than print: a drawn photo would be ten
// times as large without loss.
func compact(s Stored) Stored {
	colours := 3
	if g8 := grey(s.Pixels); colourless(s.Pixels) {
		s.Pixels, colours = g8, 1
		if pure(g8) >= flat {
			return s
		}
	}
	var b bytes.Buffer
	if jpeg.Encode(&b, s.Pixels, &jpeg.Options{Quality: drawnQuality}) == nil { // unless a side is too long for JPEG
		s.Stream = &Stream{Filter: "DCTDecode", Data: b.Bytes(), Colours: colours, Bits: 8}
		s.Pixels = nil
	}
	return s
}

// colourless is true where no pixel has a colour worth keeping.
func colourless(img image.Image) bool {
	rgba, ok := img.(*image.RGBA)
	if !ok {
		return false
	}
	for i := 0; i+3 < len(rgba.Pix); i += 4 {
		r, g, b := int(rgba.Pix[i]), int(rgba.Pix[i+1]), int(rgba.Pix[i+2])
		if max(r, g, b)-min(r, g, b) > 4 {
			return false
		}
	}
	return true
}

// pure is the share of pixels that are white or black, 0..1.
func pure(g8 *image.Gray) float64 {
	n := 0
	for _, v := range g8.Pix {
		if v == 0 || v == 255 {
			n++
		}
	}
	return float64(n) / float64(max(len(g8.Pix), 1))
}
