package pages

import (
	"fmt"
	"image"
	"image/color"
)

// canvas takes rows of samples and makes a picture of them, of the kind that
// holds them without loss where Go has one.
type canvas struct {
	l   layout
	img image.Image
	// write takes the samples of row y; rows come in order.
	write func(y int, samples []uint16)
}

// colours is the palette of a page; nil when it has none.
func (t *tiffReader) colours(l layout, fields []field) color.Palette {
	table := t.ints(fields, tagColorMap)
	n := 1 << l.bits
	if l.photometric != palette || len(table) < 3*n {
		return nil
	}
	wide := uint16(0) // 16 bits as it should be, or 8 as some programs write
	for _, v := range table[:3*n] {
		if v > 255 {
			wide = 8
		}
	}
	out := make(color.Palette, n)
	for i := range out {
		out[i] = color.RGBA{R: uint8(table[i] >> wide), G: uint8(table[n+i] >> wide), B: uint8(table[2*n+i] >> wide), A: 255}
	}
	return out
}

func newCanvas(l layout, colours color.Palette) (*canvas, error) {
	c := &canvas{l: l}
	rect := image.Rect(0, 0, l.width, l.height)
	switch {
	case l.photometric == palette:
		if colours == nil {
			return nil, fmt.Errorf("no palette for %d bits", l.bits)
		}
		c.paletted(image.NewPaletted(rect, colours))
	case l.photometric == separated:
		c.cmyk(image.NewCMYK(rect))
	case l.alpha && l.bits == 16:
		c.deepAlpha(rect)
	case l.alpha:
		c.alpha(rect)
	case l.colours == 1 && l.bits == 16:
		c.grey16(image.NewGray16(rect))
	case l.colours == 1:
		c.grey(image.NewGray(rect))
	case l.bits == 16:
		c.rgb16(image.NewRGBA64(rect))
	default:
		c.rgb(image.NewRGBA(rect))
	}
	return c, nil
}

// scale is the table from samples of up to 8 bits to 0..255.
func (l layout) scale() (table [256]uint8) {
	most := 1<<l.bits - 1
	for v := range min(most, 255) + 1 {
		table[v] = uint8(v * 255 / min(most, 255))
		if l.photometric == whiteIsZero {
			table[v] = 255 - table[v]
		}
	}
	return table
}

func (c *canvas) paletted(img *image.Paletted) {
	c.img = img
	c.write = func(y int, samples []uint16) {
		for x, row := 0, img.Pix[y*img.Stride:]; x < c.l.width; x++ {
			row[x] = uint8(samples[x*c.l.samples])
		}
	}
}

// cmyk keeps 8 bits of 16: there is no picture of more, and no printer either.
func (c *canvas) cmyk(img *image.CMYK) {
	c.img = img
	shift, table := 0, c.l.scale()
	if c.l.bits == 16 {
		shift = 8
	}
	c.write = func(y int, samples []uint16) {
		for x, row := 0, img.Pix[y*img.Stride:]; x < c.l.width; x++ {
			for i, v := range samples[x*c.l.samples:][:4] {
				row[4*x+i] = table[v>>shift]
			}
		}
	}
}

func (c *canvas) grey(img *image.Gray) {
	c.img = img
	table := c.l.scale()
	c.write = func(y int, samples []uint16) {
		for x, row := 0, img.Pix[y*img.Stride:]; x < c.l.width; x++ {
			row[x] = table[samples[x*c.l.samples]]
		}
	}
}

func (c *canvas) grey16(img *image.Gray16) {
	c.img = img
	var flip uint16
	if c.l.photometric == whiteIsZero {
		flip = 0xFFFF
	}
	c.write = func(y int, samples []uint16) {
		for x, row := 0, img.Pix[y*img.Stride:]; x < c.l.width; x++ {
			v := samples[x*c.l.samples] ^ flip
			row[2*x], row[2*x+1] = uint8(v>>8), uint8(v)
		}
	}
}

// colour is a pixel's red, green and blue, of 8 bits.
func (l layout) colour(s []uint16, table *[256]uint8) (r, g, b uint8) {
	r = table[s[0]]
	if l.colours == 1 {
		return r, r, r
	}
	if g, b = table[s[1]], table[s[2]]; l.photometric == yCbCr {
		return color.YCbCrToRGB(r, g, b)
	}
	return r, g, b
}

func (c *canvas) rgb(img *image.RGBA) {
	c.img = img
	table := c.l.scale()
	c.write = func(y int, samples []uint16) {
		for x, row := 0, img.Pix[y*img.Stride:]; x < c.l.width; x++ {
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2] = c.l.colour(samples[x*c.l.samples:], &table)
			p[3] = 255
		}
	}
}

func (c *canvas) rgb16(img *image.RGBA64) {
	c.img = img
	c.write = func(y int, samples []uint16) {
		for x := range c.l.width {
			s := samples[x*c.l.samples:]
			img.SetRGBA64(x, y, color.RGBA64{R: s[0], G: s[1], B: s[2], A: 0xFFFF})
		}
	}
}

// alpha keeps opacity. A page on which nothing at all is opaque does not mean
// it so.
func (c *canvas) alpha(rect image.Rectangle) {
	img := image.NewNRGBA(rect)
	c.img = img
	table := c.l.scale()
	opaque, seen := layout{bits: c.l.bits, photometric: blackIsZero}.scale(), false
	c.write = func(y int, samples []uint16) {
		for x, row := 0, img.Pix[y*img.Stride:]; x < c.l.width; x++ {
			s, p := samples[x*c.l.samples:], row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2] = c.l.colour(s, &table)
			p[3] = opaque[s[c.l.colours]]
			seen = seen || p[3] != 0
		}
		if y != c.l.height-1 {
			return
		}
		if !seen {
			for i := 3; i < len(img.Pix); i += 4 {
				img.Pix[i] = 255
			}
		} else if c.l.premultiplied {
			c.img = (*image.RGBA)(img)
		}
	}
}

func (c *canvas) deepAlpha(rect image.Rectangle) {
	img := image.NewNRGBA64(rect)
	c.img = img
	seen := false
	c.write = func(y int, samples []uint16) {
		for x := range c.l.width {
			s := samples[x*c.l.samples:]
			v := color.NRGBA64{R: s[0], G: s[0], B: s[0], A: s[c.l.colours]}
			if c.l.colours == 3 {
				v.G, v.B = s[1], s[2]
			} else if c.l.photometric == whiteIsZero {
				v.R, v.G, v.B = ^v.R, ^v.G, ^v.B
			}
			img.SetNRGBA64(x, y, v)
			seen = seen || v.A != 0
		}
		if y != c.l.height-1 {
			return
		}
		if !seen {
			for i := 6; i < len(img.Pix); i += 8 {
				img.Pix[i], img.Pix[i+1] = 255, 255
			}
		} else if c.l.premultiplied {
			c.img = (*image.RGBA64)(img)
		}
	}
}
