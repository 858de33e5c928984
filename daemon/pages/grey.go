package pages

import (
	"fmt"
	"image"
	"image/color"
)

// grey flattens a picture onto white and drops its colour: what an OCR engine
// looks at, in one byte a pixel.
func grey(img image.Image) *image.Gray {
	b := img.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	switch src := img.(type) {
	case *image.Gray:
		for y := range b.Dy() {
			copy(out.Pix[y*out.Stride:], src.Pix[y*src.Stride:y*src.Stride+b.Dx()])
		}
	case *image.YCbCr:
		// JFIF's Y is full range: it is the grey value.
		for y := range b.Dy() {
			copy(out.Pix[y*out.Stride:], src.Y[y*src.YStride:y*src.YStride+b.Dx()])
		}
	case *image.Paletted:
		greyPaletted(out, src)
	case *image.RGBA:
		greyBytes(out, src.Pix, src.Stride, true)
	case *image.NRGBA:
		greyBytes(out, src.Pix, src.Stride, false)
	case *image.Gray16:
		for y := range b.Dy() {
			for x := range b.Dx() {
				out.Pix[y*out.Stride+x] = src.Pix[y*src.Stride+2*x]
			}
		}
	case *image.CMYK:
		greyInk(out, src)
	case image.RGBA64Image:
		greyDeep(out, src)
	default:
		greyAny(out, img)
	}
	return out
}

// greyInk takes ink as what it leaves of the light (as image/color does).
func greyInk(out *image.Gray, src *image.CMYK) {
	for y := range out.Rect.Dy() {
		row := out.Pix[y*out.Stride:][:out.Rect.Dx()]
		in := src.Pix[y*src.Stride:]
		for x := range row {
			p := in[4*x : 4*x+4 : 4*x+4]
			row[x] = uint8(uint32(luma8(255-p[0], 255-p[1], 255-p[2])) * uint32(255-p[3]) / 255)
		}
	}
}

func greyDeep(out *image.Gray, src image.RGBA64Image) {
	b := src.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := src.RGBA64At(b.Min.X+x, b.Min.Y+y)
			v := (299*uint32(c.R)+587*uint32(c.G)+114*uint32(c.B))/1000 + 0xFFFF - uint32(c.A)
			out.Pix[y*out.Stride+x] = uint8(min(v, 0xFFFF) >> 8)
		}
	}
}

func greyPaletted(out *image.Gray, src *image.Paletted) {
	var table [256]uint8
	for i, c := range src.Palette {
		if i < len(table) {
			table[i] = luminance(c)
		}
	}
	for y := range out.Rect.Dy() {
		row := out.Pix[y*out.Stride:][:out.Rect.Dx()]
		for x, p := range src.Pix[y*src.Stride:][:len(row)] {
			row[x] = table[p]
		}
	}
}

// greyBytes reads 4 bytes a pixel, colour already multiplied by alpha or not.
func greyBytes(out *image.Gray, pix []uint8, stride int, premultiplied bool) {
	for y := range out.Rect.Dy() {
		row := out.Pix[y*out.Stride:][:out.Rect.Dx()]
		in := pix[y*stride:]
		for x := range row {
			p := in[4*x : 4*x+4 : 4*x+4]
			v, a := uint32(luma8(p[0], p[1], p[2])), uint32(p[3])
			if !premultiplied {
				v = v * a / 255
			}
			row[x] = uint8(min(v+255-a, 255))
		}
	}
}

func greyAny(out *image.Gray, img image.Image) {
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Pix[y*out.Stride+x] = luminance(img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
}

// luminance is c on white paper.
func luminance(c color.Color) uint8 {
	r, g, b, a := c.RGBA()
	v := (299*r+587*g+114*b)/1000 + 0xFFFF - a
	return uint8(min(v, 0xFFFF) >> 8)
}

// luma8 is ITU-R BT.601's weighting.
func luma8(r, g, b uint8) uint8 {
	return uint8((299*uint32(r) + 587*uint32(g) + 114*uint32(b) + 500) / 1000)
}

// upright applies an EXIF/TIFF orientation (1..8, TIFF 6.0 section 8) so that
// row 0 is the visual top.
func upright(src *image.Gray, orientation int) *image.Gray {
	if orientation < 2 || orientation > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewGray(image.Rect(0, 0, h, w))
	}
	for y := range h {
		row := src.Pix[y*src.Stride:][:w]
		for x, v := range row {
			dx, dy := uprightPoint(x, y, w, h, orientation)
			out.Pix[dy*out.Stride+dx] = v
		}
	}
	return out
}

func uprightPoint(x, y, w, h, orientation int) (int, int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}

// orientationTurn is the clockwise turn in degrees that an orientation asks
// for, leaving mirror images aside.
func orientationTurn(orientation int) int {
	switch orientation {
	case 3, 4:
		return 180
	case 5, 6:
		return 90
	case 7, 8:
		return 270
	}
	return 0
}

// shrink averages factor x factor pixels into one.
func shrink(src *image.Gray, factor int) *image.Gray {
	if factor < 2 {
		return src
	}
	w, h := max(src.Rect.Dx()/factor, 1), max(src.Rect.Dy()/factor, 1)
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			sum, n := 0, 0
			for sy := y * factor; sy < min((y+1)*factor, src.Rect.Dy()); sy++ {
				for _, v := range src.Pix[sy*src.Stride+x*factor:][:min(factor, src.Rect.Dx()-x*factor)] {
					sum += int(v)
					n++
				}
			}
			out.Pix[y*out.Stride+x] = uint8(sum / n)
		}
	}
	return out
}

// ink is the share of dark pixels, 0..1: darker than halfway between black and
// the paper, which is taken to be the brightest common value.
func ink(img *image.Gray) float64 {
	return float64(darkPixels(img)) / float64(max(img.Rect.Dx()*img.Rect.Dy(), 1))
}

func darkPixels(img *image.Gray) int {
	var histogram [256]int
	for y := range img.Rect.Dy() {
		for _, v := range img.Pix[y*img.Stride:][:img.Rect.Dx()] {
			histogram[v]++
		}
	}
	total := img.Rect.Dx() * img.Rect.Dy()
	paper, seen := 255, 0
	for ; paper > 0 && seen < total/4; paper-- {
		seen += histogram[paper]
	}
	paper = max(paper, 128) // a page that is dark all over is not blank
	dark := 0
	for v := range paper / 2 {
		dark += histogram[v]
	}
	return dark
}

// encodePNM writes the picture as a binary portable greymap (netpbm "P5").
func encodePNM(img *image.Gray) []byte {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := fmt.Appendf(make([]byte, 0, w*h+32), "P5\n%d %d\n255\n", w, h)
	for y := range h {
		out = append(out, img.Pix[y*img.Stride:][:w]...)
	}
	return out
}
