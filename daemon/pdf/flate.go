package pdf

import (
	"bytes"
	"compress/zlib"

	"intray/daemon/fax"
)

// stream compresses a raster without loss: Group 4 for black and white, else
// Flate, after a predictor where neighbouring samples are alike.
func (r raster) stream() *Stream {
	s := &Stream{Colours: r.colours, Bits: r.bits, Palette: r.palette}
	if r.bilevel {
		s.Filter, s.K, s.BlackIs1 = "CCITTFaxDecode", -1, r.darkIsOne
		e := fax.NewEncoder(r.width)
		row := make([]byte, r.stride())
		for y := range r.height {
			r.row(y, row)
			if !r.darkIsOne { // the coder's black is 1
				for i := range row {
					row[i] = ^row[i]
				}
			}
			e.Row(row)
		}
		s.Data = e.Close()
		return s
	}
	s.Filter = "FlateDecode"
	predict := len(r.palette) == 0 && r.bits >= 8
	if predict {
		s.Predictor = 15
	}
	s.Data = r.flate(predict)
	return s
}

// flate compresses row after row, so that no second copy of the picture is
// made.
func (r raster) flate(predict bool) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out) // a bytes.Buffer does not fail
	row, above := make([]byte, r.stride()), make([]byte, r.stride())
	p := newPredictor(r.colours*r.bits/8, len(row))
	for y := range r.height {
		r.row(y, row)
		if predict {
			_, _ = z.Write(p.best(row, above))
			row, above = above, row
		} else {
			_, _ = z.Write(row)
		}
	}
	_ = z.Close()
	return out.Bytes()
}

// predictor writes rows as PNG's filters leave them (PNG specification, 9).
type predictor struct {
	pixel int // bytes from a sample to the same of the pixel before
	tries [5][]byte
}

func newPredictor(pixel, stride int) *predictor {
	p := &predictor{pixel: max(pixel, 1)}
	for kind := range p.tries {
		p.tries[kind] = make([]byte, 1+stride)
		p.tries[kind][0] = byte(kind)
	}
	return p
}

// best filters the row in the way that leaves the smallest differences, which
// is what the PNG specification recommends (12.8).
func (p *predictor) best(row, above []byte) []byte {
	n := p.pixel
	none, sub, up, average, paeth := p.tries[0][1:], p.tries[1][1:], p.tries[2][1:], p.tries[3][1:], p.tries[4][1:]
	for i, v := range row {
		var a, c byte
		if i >= n {
			a, c = row[i-n], above[i-n]
		}
		b := above[i]
		none[i], sub[i], up[i] = v, v-a, v-b
		average[i] = v - byte((int(a)+int(b))/2)
		paeth[i] = v - nearest(a, b, c)
	}
	best, least := 0, int(^uint(0)>>1)
	for kind, try := range p.tries {
		sum := 0
		for _, v := range try[1:] {
			sum += int(max(int8(v), -int8(v))) & 0xFF
		}
		if sum < least {
			best, least = kind, sum
		}
	}
	return p.tries[best]
}

// nearest is Paeth's predictor (9.4).
func nearest(a, b, c byte) byte {
	pa, pb, pc := abs(int(b)-int(c)), abs(int(a)-int(c)), abs(int(a)+int(b)-2*int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func abs(v int) int { return max(v, -v) }
