package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/bits"
	"slices"
)

// bmpHeaders are the lengths of the headers that Windows and OS/2 wrote.
var bmpHeaders = []uint32{12, 16, 40, 52, 56, 64, 108, 124}

// bmpInfo is a bitmap's header (Windows' BITMAPINFOHEADER and its relatives).
type bmpInfo struct {
	width, height int
	topDown       bool
	bits          int
	compression   uint32
	xdpi, ydpi    float64
	colours       color.Palette
	masks         [4]uint32 // red, green, blue, opacity
	pixels        int       // where they begin
}

// The compressions (0 none).
const (
	bmpRLE8      = 1
	bmpRLE4      = 2
	bmpMasks     = 3
	bmpMasksWith = 6 // opacity too
)

var errBMP = errors.New("not a bitmap header")

func parseBMP(data []byte) (b bmpInfo, err error) {
	le := binary.LittleEndian
	if len(data) < 26 {
		return b, errBMP
	}
	b.pixels = int(le.Uint32(data[10:]))
	size := int(le.Uint32(data[14:]))
	if !slices.Contains(bmpHeaders, uint32(size)) || 14+size > len(data) || b.pixels < 14+size || b.pixels > len(data) {
		return b, errBMP
	}
	h := data[14 : 14+size]
	entry, used := 4, 0
	if size == 12 {
		b.width, b.height, b.bits, entry = int(le.Uint16(h[4:])), int(le.Uint16(h[6:])), int(le.Uint16(h[10:])), 3
	} else {
		b.width, b.height, b.bits = int(int32(le.Uint32(h[4:]))), int(int32(le.Uint32(h[8:]))), int(le.Uint16(h[14:]))
	}
	if size >= 40 {
		b.compression, used = le.Uint32(h[16:]), int(int32(le.Uint32(h[32:])))
		b.xdpi, b.ydpi = float64(int32(le.Uint32(h[24:])))*0.0254, float64(int32(le.Uint32(h[28:])))*0.0254
	}
	if b.height < 0 {
		b.topDown, b.height = true, -b.height
	}
	if b.bits > 8 {
		return b, b.findMasks(data, size)
	}
	if used <= 0 || used > 1<<b.bits {
		used = 1 << b.bits
	}
	for i := 0; i < used && 14+size+entry*i+3 <= b.pixels; i++ {
		c := data[14+size+entry*i:]
		b.colours = append(b.colours, color.RGBA{R: c[2], G: c[1], B: c[0], A: 255})
	}
	return b, nil
}

// findMasks says which bits of a pixel are which colour; size is the header's.
func (b *bmpInfo) findMasks(data []byte, size int) error {
	if b.compression != bmpMasks && b.compression != bmpMasksWith {
		b.masks = [4]uint32{0xFF0000, 0xFF00, 0xFF} // of 32 bits the fourth byte is not used
		if b.bits == 16 {
			b.masks = [4]uint32{0x7C00, 0x3E0, 0x1F}
		}
		return nil
	}
	n := 3
	if size >= 56 || b.compression == bmpMasksWith {
		n = 4
	}
	if 54+4*n > len(data) { // behind the first 40 bytes, inside a longer header or after it
		return errBMP
	}
	for i := range n {
		b.masks[i] = binary.LittleEndian.Uint32(data[54+4*i:])
	}
	return nil
}

func bmpHeader(data []byte) (header, error) {
	b, err := parseBMP(data)
	return header{width: b.width, height: b.height, look: look{orientation: 1, xdpi: b.xdpi, ydpi: b.ydpi}}, err
}

func decodeBMP(data []byte) (image.Image, error) {
	b, err := parseBMP(data)
	if err != nil {
		return nil, err
	}
	pixels := data[b.pixels:]
	switch {
	case b.compression == bmpRLE8 && b.bits == 8 || b.compression == bmpRLE4 && b.bits == 4:
		return b.runs(pixels)
	case b.compression != 0 && b.compression != bmpMasks && b.compression != bmpMasksWith:
		return nil, unusual(fmt.Sprintf("compression %d", b.compression))
	}
	stride := (b.width*b.bits + 31) / 32 * 4
	if len(pixels) < stride*b.height {
		// The last row's padding is often left out.
		if len(pixels) < stride*(b.height-1)+(b.width*b.bits+7)/8 {
			return nil, errCut
		}
		pixels = append(slices.Clone(pixels), 0, 0, 0)
	}
	row := func(y int) []byte {
		if !b.topDown {
			y = b.height - 1 - y
		}
		return pixels[y*stride:]
	}
	switch b.bits {
	case 1, 2, 4, 8:
		return b.indexed(row)
	case 16, 24, 32:
		return b.direct(row), nil
	}
	return nil, unusual(fmt.Sprintf("%d bits a pixel", b.bits))
}

func (b bmpInfo) indexed(row func(int) []byte) (image.Image, error) {
	if len(b.colours) == 0 {
		return nil, errors.New("no colours")
	}
	out := image.NewPaletted(image.Rect(0, 0, b.width, b.height), b.colours)
	samples := make([]uint16, b.width)
	for y := range b.height {
		unpack(samples, row(y), b.bits, b.width, 1)
		for x, v := range samples {
			if int(v) >= len(b.colours) {
				return nil, fmt.Errorf("colour %d of %d", v, len(b.colours))
			}
			out.Pix[y*out.Stride+x] = uint8(v)
		}
	}
	return out, nil
}

// direct reads pixels that are colours themselves.
func (b bmpInfo) direct(row func(int) []byte) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, b.width, b.height))
	for y := range b.height {
		in := row(y)
		for x := range b.width {
			p := out.Pix[y*out.Stride+4*x:][:4]
			p[3] = 255
			if b.bits == 24 {
				p[0], p[1], p[2] = in[3*x+2], in[3*x+1], in[3*x]
				continue
			}
			v := uint32(in[x*b.bits/8]) | uint32(in[x*b.bits/8+1])<<8
			if b.bits == 32 {
				v |= uint32(in[4*x+2])<<16 | uint32(in[4*x+3])<<24
			}
			for i, mask := range b.masks {
				if mask != 0 {
					p[i] = masked(v, mask)
				}
			}
		}
	}
	if b.masks[3] != 0 && transparent(out) { // opacity that nobody filled in
		for i := 3; i < len(out.Pix); i += 4 {
			out.Pix[i] = 255
		}
	}
	return out
}

// masked is the part of v under the mask, scaled to 8 bits.
func masked(v, mask uint32) uint8 {
	shift := bits.TrailingZeros32(mask)
	return uint8(uint64(v&mask>>shift) * 255 / uint64(mask>>shift))
}

// transparent is true where nothing at all is to be seen.
func transparent(img *image.NRGBA) bool {
	for i := 3; i < len(img.Pix); i += 4 {
		if img.Pix[i] != 0 {
			return false
		}
	}
	return true
}

// runs undoes the run-length encodings, which are always bottom up.
func (b bmpInfo) runs(data []byte) (image.Image, error) {
	if len(b.colours) == 0 {
		return nil, errors.New("no colours")
	}
	out := image.NewPaletted(image.Rect(0, 0, b.width, b.height), b.colours)
	x, y := 0, b.height-1
	// put writes the i-th of the pixels packed from data on.
	put := func(data []byte, i int) {
		v := data[i*b.bits/8]
		if b.bits == 4 {
			v = v >> (4 - i%2*4) & 15
		}
		if x < b.width {
			out.Pix[y*out.Stride+x] = min(v, byte(len(b.colours)-1))
		}
		x++
	}
	for len(data) >= 2 && y >= 0 {
		n, v := int(data[0]), data[1]
		rest := data[2:]
		switch {
		case n > 0: // of 4 bits, two pixels in turn
			both := bytes.Repeat(data[1:2], n)
			for i := range n {
				put(both, i)
			}
		case v == 0: // end of row
			x, y = 0, y-1
		case v == 1: // end of picture
			return out, nil
		case v == 2 && len(rest) >= 2: // go on elsewhere
			x, y, rest = x+int(rest[0]), y-int(rest[1]), rest[2:]
		default: // so many pixels as they are, padded to two bytes
			padded := ((int(v)*b.bits+7)/8 + 1) &^ 1
			if v == 2 || len(rest) < padded {
				return nil, errCut
			}
			for i := range int(v) {
				put(rest, i)
			}
			rest = rest[padded:]
		}
		data = rest
	}
	if y < 0 {
		return out, nil
	}
	return nil, errCut
}
