package pdf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
)

type samples struct {
	space       string
	bits        int
	data, alpha []byte
}

func samplesOf(img image.Image) samples {
	b := img.Bounds()
	switch src := img.(type) {
	case *image.Gray:
		if s, ok := bilevel(src); ok {
			return s
		}
		return samples{space: "/DeviceGray", bits: 8, data: rows(src.Pix, src.Stride, b.Dx(), b.Dy())}
	case *image.Gray16:
		return samples{space: "/DeviceGray", bits: 16, data: rows(src.Pix, src.Stride, 2*b.Dx(), b.Dy())}
	case *image.Paletted:
		if opaque(src.Palette) && len(src.Palette) > 0 {
			return samples{space: indexed(src.Palette), bits: 8, data: rows(src.Pix, src.Stride, b.Dx(), b.Dy())}
		}
	case *image.CMYK:
		return samples{space: "/DeviceCMYK", bits: 8, data: rows(src.Pix, src.Stride, 4*b.Dx(), b.Dy())}
	case *image.RGBA64, *image.NRGBA64:
		return deep(img)
	}
	return colour(img)
}

func rows(pix []byte, stride, width, height int) []byte {
	out := make([]byte, 0, width*height)
	for y := range height {
		out = append(out, pix[y*stride:][:width]...)
	}
	return out
}

// bilevel packs a picture of only black and white into one bit a pixel.
func bilevel(src *image.Gray) (samples, bool) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	stride := (w + 7) / 8
	out := make([]byte, stride*h)
	for y := range h {
		for x, v := range src.Pix[y*src.Stride:][:w] {
			switch v {
			case 0:
			case 255:
				out[y*stride+x/8] |= 0x80 >> (x % 8)
			default:
				return samples{}, false
			}
		}
	}
	return samples{space: "/DeviceGray", bits: 1, data: out}, true
}

func opaque(p color.Palette) bool {
	for _, c := range p {
		if _, _, _, a := c.RGBA(); a != 0xFFFF {
			return false
		}
	}
	return true
}

// indexed is a colour space of the palette's own (ISO 32000-1, 8.6.6.3).
func indexed(p color.Palette) string {
	var table bytes.Buffer
	for _, c := range p {
		r, g, b, _ := c.RGBA()
		fmt.Fprintf(&table, "%02X%02X%02X", r>>8, g>>8, b>>8)
	}
	return fmt.Sprintf("[/Indexed /DeviceRGB %d <%s>]", len(p)-1, table.Bytes())
}

// colour stores 8 bits a channel.
func colour(img image.Image) samples {
	b := img.Bounds()
	s := samples{space: "/DeviceRGB", bits: 8, data: make([]byte, 0, 3*b.Dx()*b.Dy())}
	alpha, solid := make([]byte, 0, b.Dx()*b.Dy()), true
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			s.data = append(s.data, c.R, c.G, c.B)
			alpha = append(alpha, c.A)
			solid = solid && c.A == 255
		}
	}
	if !solid {
		s.alpha = alpha
	}
	return s
}

// deep stores 16 bits a channel.
func deep(img image.Image) samples {
	b := img.Bounds()
	s := samples{space: "/DeviceRGB", bits: 16, data: make([]byte, 0, 6*b.Dx()*b.Dy())}
	alpha, solid := make([]byte, 0, 2*b.Dx()*b.Dy()), true
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBA64Model.Convert(img.At(x, y)).(color.NRGBA64)
			for _, v := range []uint16{c.R, c.G, c.B} {
				s.data = binary.BigEndian.AppendUint16(s.data, v)
			}
			alpha = binary.BigEndian.AppendUint16(alpha, c.A)
			solid = solid && c.A == 0xFFFF
		}
	}
	if !solid {
		s.alpha = alpha
	}
	return s
}
