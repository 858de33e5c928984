package tesseract

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
)

// handOver is the picture in the form in which the library gets it, in memory
// of its own: the caller may use its buffer again while we are still at it.
// Greymaps, which is what every page of a document is, become Leptonica's own
// format, for Leptonica reads them byte by byte, a tenth of a second for a page.
// Where decode is true, so does everything else; else Leptonica decodes it.
func handOver(data []byte, decode bool) ([]byte, error) {
	if w, h, pixels, ok := greymap(data); ok {
		return spix(w, h, w, pixels), nil
	}
	if !decode || bytes.HasPrefix(data, []byte("P")) {
		return bytes.Clone(data), nil
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	g, ok := m.(*image.Gray)
	if !ok {
		g = image.NewGray(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
		draw.Draw(g, g.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(g, g.Rect, m, m.Bounds().Min, draw.Over)
	}
	if g.Rect.Empty() {
		return nil, errors.New("it has no pixels")
	}
	return spix(g.Rect.Dx(), g.Rect.Dy(), g.Stride, g.Pix), nil
}

// greymap reads a raw portable greymap of 8 bits (netpbm.sourceforge.net/doc/
// pgm.html) in which no pixel is missing; pixels are within data.
func greymap(data []byte) (w, h int, pixels []byte, ok bool) {
	if !bytes.HasPrefix(data, []byte("P5")) {
		return 0, 0, nil, false
	}
	left := bytes.NewReader(data[2:])
	in := bufio.NewReader(left)
	var head [3]int // width, height, the value that is white
	for i := range head {
		n, err := pnmNumber(in)
		if err != nil {
			return 0, 0, nil, false
		}
		head[i] = n
	}
	if _, err := in.Discard(1); err != nil {
		return 0, 0, nil, false
	}
	w, h, pixels = head[0], head[1], data[len(data)-left.Len()-in.Buffered():]
	if w == 0 || h == 0 || head[2] != 255 || len(pixels)/w < h {
		return 0, 0, nil, false
	}
	return w, h, pixels, true
}

// spix writes Leptonica's serialized picture (pixSerializeToMemory in its
// spixio.c) of 8 bits a pixel: a head and rows of 32-bit words in the machine's
// order, in each of which the leftmost pixel is the most significant byte.
func spix(w, h, stride int, pixels []byte) []byte {
	words := (w + 3) / 4
	out := make([]byte, 0, 4*(7+words*h))
	out = append(out, "spix"...)
	for _, v := range []int{w, h, 8, words, 0, 4 * words * h} { // 0 colours in a palette
		out = binary.NativeEndian.AppendUint32(out, uint32(v))
	}
	for y := range h {
		row := pixels[y*stride:][:w]
		for ; len(row) >= 4; row = row[4:] {
			out = binary.NativeEndian.AppendUint32(out, binary.BigEndian.Uint32(row))
		}
		if len(row) > 0 {
			var last [4]byte
			copy(last[:], row)
			out = binary.NativeEndian.AppendUint32(out, binary.BigEndian.Uint32(last[:]))
		}
	}
	return out
}
