package pdf

import (
	"image"
	"image/color"
)

// raster is a decoded picture as rows of samples, in as few channels and bits
// as hold it without loss.
type raster struct {
	width, height int
	colours, bits int
	palette       []byte // three bytes (RGB) a colour
	// row fills dst with row y's samples, packed, the highest byte first.
	row func(y int, dst []byte)
	// bilevel is true where a sample is 0 or 1; darkIsOne says which is ink.
	bilevel, darkIsOne bool
}

// stride is a row's length in bytes.
func (r raster) stride() int { return (r.width*r.colours*r.bits + 7) / 8 }

// rastersOf takes a picture apart into its colours and its opacity; alpha is
// nil where all of it is opaque. Coloured pixels that are all grey become grey
// unless keepColours is set, as a colour profile for three channels demands.
func rastersOf(img image.Image, keepColours bool) (pixels raster, alpha *raster) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	switch src := img.(type) {
	case *image.Gray:
		return greyRaster(w, h, func(y int) []byte { return src.Pix[y*src.Stride:][:w] }), nil
	case *image.Gray16:
		return raster{width: w, height: h, colours: 1, bits: 16, row: copyRows(src.Pix, src.Stride)}, nil
	case *image.CMYK:
		return raster{width: w, height: h, colours: 4, bits: 8, row: copyRows(src.Pix, src.Stride)}, nil
	case *image.Paletted:
		if opaque(src.Palette) && len(src.Palette) > 0 && len(src.Palette) <= 256 {
			return palettedRaster(src), nil
		}
	case *image.RGBA64, *image.NRGBA64:
		return deep(img)
	}
	return shallow(img, keepColours)
}

func copyRows(pix []byte, stride int) func(int, []byte) {
	return func(y int, dst []byte) { copy(dst, pix[y*stride:]) }
}

// greyRaster has one bit a pixel where all are black or white.
func greyRaster(w, h int, row func(y int) []byte) raster {
	for y := range h {
		for _, v := range row(y) {
			if v != 0 && v != 255 {
				return raster{width: w, height: h, colours: 1, bits: 8, row: func(y int, dst []byte) { copy(dst, row(y)) }}
			}
		}
	}
	return raster{width: w, height: h, colours: 1, bits: 1, bilevel: true,
		row: func(y int, dst []byte) { pack(dst, row(y), 1, 0x80) }}
}

// pack puts the lowest bits of samples side by side; mask is what of a sample
// of 8 bits counts as set when there is one bit.
func pack(dst, samples []byte, bits int, mask byte) {
	clear(dst)
	per := 8 / bits
	for x, v := range samples {
		if bits == 1 && v&mask != 0 {
			v = 1
		}
		dst[x/per] |= v & (1<<bits - 1) << (8 - bits - x%per*bits)
	}
}

func palettedRaster(src *image.Paletted) raster {
	r := raster{width: src.Rect.Dx(), height: src.Rect.Dy(), colours: 1, bits: 8}
	for _, c := range src.Palette {
		red, green, blue, _ := c.RGBA()
		r.palette = append(r.palette, byte(red>>8), byte(green>>8), byte(blue>>8))
	}
	for _, bits := range []int{4, 2, 1} {
		if len(src.Palette) <= 1<<bits {
			r.bits = bits
		}
	}
	r.bilevel = r.bits == 1
	r.darkIsOne = len(src.Palette) == 2 && luminance(r.palette[3:]) < luminance(r.palette)
	r.row = func(y int, dst []byte) {
		row := src.Pix[y*src.Stride:][:r.width]
		if r.bits == 8 {
			copy(dst, row)
			return
		}
		pack(dst, row, r.bits, 0xFF)
	}
	return r
}

func luminance(rgb []byte) int { return 299*int(rgb[0]) + 587*int(rgb[1]) + 114*int(rgb[2]) }

func opaque(p color.Palette) bool {
	for _, c := range p {
		if _, _, _, a := c.RGBA(); a != 0xFFFF {
			return false
		}
	}
	return true
}

// shallow is for pictures of 8 bits a channel.
func shallow(img image.Image, keepColours bool) (raster, *raster) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	pixel := nrgba(img)
	grey, solid := true, true
	for y := range h {
		for x := range w {
			c := pixel(x, y)
			grey = grey && c.R == c.G && c.G == c.B
			solid = solid && c.A == 255
		}
	}
	var alpha *raster
	if !solid {
		a := greyRaster(w, h, gather(w, func(x, y int) byte { return pixel(x, y).A }))
		alpha = &a
	}
	if grey && !keepColours {
		return greyRaster(w, h, gather(w, func(x, y int) byte { return pixel(x, y).R })), alpha
	}
	return raster{width: w, height: h, colours: 3, bits: 8, row: func(y int, dst []byte) {
		for x := range w {
			c := pixel(x, y)
			dst[3*x], dst[3*x+1], dst[3*x+2] = c.R, c.G, c.B
		}
	}}, alpha
}

// gather makes rows of single samples; a row is valid until the next.
func gather(w int, sample func(x, y int) byte) func(y int) []byte {
	row := make([]byte, w)
	return func(y int) []byte {
		for x := range row {
			row[x] = sample(x, y)
		}
		return row
	}
}

// nrgba reads pixels of a picture whose origin may lie anywhere, without the
// cost of an interface for those that are usual.
func nrgba(img image.Image) func(x, y int) color.NRGBA {
	b := img.Bounds()
	switch src := img.(type) {
	case *image.NRGBA:
		return func(x, y int) color.NRGBA { return src.NRGBAAt(b.Min.X+x, b.Min.Y+y) }
	case *image.RGBA:
		return func(x, y int) color.NRGBA {
			c := src.RGBAAt(b.Min.X+x, b.Min.Y+y)
			if c.A == 255 || c.A == 0 {
				return color.NRGBA(c)
			}
			// Colours above their opacity, which some files have, are full.
			undo := func(v uint8) uint8 { return uint8(min(uint32(v)*255/uint32(c.A), 255)) }
			return color.NRGBA{R: undo(c.R), G: undo(c.G), B: undo(c.B), A: c.A}
		}
	case *image.YCbCr:
		return func(x, y int) color.NRGBA {
			c := src.YCbCrAt(b.Min.X+x, b.Min.Y+y)
			r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
			return color.NRGBA{R: r, G: g, B: b, A: 255}
		}
	}
	return func(x, y int) color.NRGBA {
		return color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
	}
}

// deep is for pictures of 16 bits a channel.
func deep(img image.Image) (raster, *raster) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	pixel := func(x, y int) color.NRGBA64 {
		return color.NRGBA64Model.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA64)
	}
	solid := true
	for y := 0; y < h && solid; y++ {
		for x := range w {
			solid = solid && pixel(x, y).A == 0xFFFF
		}
	}
	pixels := raster{width: w, height: h, colours: 3, bits: 16, row: func(y int, dst []byte) {
		for x := range w {
			c := pixel(x, y)
			for i, v := range [3]uint16{c.R, c.G, c.B} {
				dst[6*x+2*i], dst[6*x+2*i+1] = byte(v>>8), byte(v)
			}
		}
	}}
	if solid {
		return pixels, nil
	}
	return pixels, &raster{width: w, height: h, colours: 1, bits: 16, row: func(y int, dst []byte) {
		for x := range w {
			a := pixel(x, y).A
			dst[2*x], dst[2*x+1] = byte(a>>8), byte(a)
		}
	}}
}
