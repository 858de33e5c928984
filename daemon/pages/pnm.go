package pages

import (
	"errors"
	"fmt"
	"image"
	"image/color"
)

// pnmInfo is the header of a portable bitmap, greymap or pixmap (netpbm's pbm,
// pgm and ppm, plain and raw).
type pnmInfo struct {
	kind          byte // '1' to '6'
	width, height int
	most          int    // the largest sample
	raster        []byte // what follows
}

var errPNM = errors.New("not a portable bitmap")

func parsePNM(data []byte) (p pnmInfo, err error) {
	if !isPNM(data) {
		return p, errPNM
	}
	p.kind, p.most = data[1], 1
	s := pnmScanner{data: data[2:]}
	numbers := []*int{&p.width, &p.height, &p.most}
	if p.kind == '1' || p.kind == '4' {
		numbers = numbers[:2]
	}
	for _, n := range numbers {
		if *n, err = s.number(); err != nil {
			return p, err
		}
	}
	if p.most < 1 || p.most > 65535 || len(s.data) == 0 || !isSpace(s.data[0]) {
		return p, errPNM
	}
	p.raster = s.data[1:]
	return p, nil
}

// pnmScanner reads numbers between white space and comments.
type pnmScanner struct{ data []byte }

func (s *pnmScanner) skip() {
	for len(s.data) > 0 && (isSpace(s.data[0]) || s.data[0] == '#') {
		if s.data[0] == '#' {
			for len(s.data) > 0 && s.data[0] != '\n' && s.data[0] != '\r' {
				s.data = s.data[1:]
			}
			continue
		}
		s.data = s.data[1:]
	}
}

func (s *pnmScanner) number() (int, error) {
	s.skip()
	n, digits := 0, 0
	for ; len(s.data) > 0 && s.data[0] >= '0' && s.data[0] <= '9'; digits++ {
		if n = 10*n + int(s.data[0]-'0'); n > 1<<24 {
			return 0, fmt.Errorf("%w: a number is too large", errPNM)
		}
		s.data = s.data[1:]
	}
	if digits == 0 {
		return 0, errCut
	}
	return n, nil
}

// bit is a plain bitmap's next pixel; they need no space between them.
func (s *pnmScanner) bit() (int, error) {
	s.skip()
	if len(s.data) == 0 || s.data[0] != '0' && s.data[0] != '1' {
		return 0, errCut
	}
	v := int(s.data[0] - '0')
	s.data = s.data[1:]
	return v, nil
}

func pnmHeader(data []byte) (header, error) {
	p, err := parsePNM(data)
	return header{width: p.width, height: p.height, look: look{orientation: 1}}, err
}

func decodePNM(data []byte) (image.Image, error) {
	p, err := parsePNM(data)
	if err != nil {
		return nil, err
	}
	read, err := p.reader()
	if err != nil {
		return nil, err
	}
	img, set := p.canvas()
	channels := 1
	if p.colour() {
		channels = 3
	}
	for y := range p.height {
		for x := range p.width {
			var v [3]int
			for i := range channels {
				if v[i], err = read(x, y); err != nil {
					return nil, fmt.Errorf("row %d: %w", y, err)
				}
			}
			set(x, y, v)
		}
	}
	return img, nil
}

func (p pnmInfo) colour() bool { return p.kind == '3' || p.kind == '6' }

// canvas is a picture that holds the samples without loss, and what sets one
// of its pixels.
func (p pnmInfo) canvas() (image.Image, func(x, y int, v [3]int)) {
	rect := image.Rect(0, 0, p.width, p.height)
	deep := func(v int) uint16 { return uint16(min(v, p.most) * 0xFFFF / p.most) }
	shallow := func(v int) uint8 { return uint8(min(v, p.most) * 255 / p.most) }
	switch {
	case p.colour() && p.most > 255:
		img := image.NewRGBA64(rect)
		return img, func(x, y int, v [3]int) {
			img.SetRGBA64(x, y, color.RGBA64{R: deep(v[0]), G: deep(v[1]), B: deep(v[2]), A: 0xFFFF})
		}
	case p.colour():
		img := image.NewRGBA(rect)
		return img, func(x, y int, v [3]int) {
			img.SetRGBA(x, y, color.RGBA{R: shallow(v[0]), G: shallow(v[1]), B: shallow(v[2]), A: 255})
		}
	case p.most > 255:
		img := image.NewGray16(rect)
		return img, func(x, y int, v [3]int) { img.SetGray16(x, y, color.Gray16{Y: deep(v[0])}) }
	}
	img := image.NewGray(rect)
	return img, func(x, y int, v [3]int) { img.Pix[y*img.Stride+x] = shallow(v[0]) }
}

// reader gives one sample after another; 0 is black but in bitmaps, whose 1 is
// turned here.
func (p pnmInfo) reader() (func(x, y int) (int, error), error) {
	s := pnmScanner{data: p.raster}
	size := 1
	if p.most > 255 {
		size = 2
	}
	switch p.kind {
	case '1':
		return func(int, int) (int, error) { v, err := s.bit(); return 1 - v, err }, nil
	case '2', '3':
		return func(int, int) (int, error) { return s.number() }, nil
	case '4':
		stride := (p.width + 7) / 8
		if len(p.raster) < stride*p.height {
			return nil, errCut
		}
		return func(x, y int) (int, error) { return 1 - int(p.raster[y*stride+x/8]>>(7-x%8)&1), nil }, nil
	}
	samples := p.width * p.height * size
	if p.kind == '6' {
		samples *= 3
	}
	if len(p.raster) < samples {
		return nil, errCut
	}
	return func(int, int) (v int, err error) {
		for range size {
			v, s.data = v<<8|int(s.data[0]), s.data[1:]
		}
		return v, nil
	}, nil
}
