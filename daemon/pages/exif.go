package pages

import (
	"bytes"
)

// look is how a picture is to be seen, as far as its file says.
type look struct {
	orientation int // 1..8
	// xdpi and ydpi are 0 where there is no resolution; unitless says that the
	// numbers came without a unit, photo that a camera took the picture, whose
	// resolution says nothing about the paper before it.
	xdpi, ydpi      float64
	unitless, photo bool
}

// readExif reads an Exif block, a TIFF of its own (Exif 2.32, 4.5.2). What
// cannot be read is taken to be absent.
func readExif(block []byte) (out look, ok bool) {
	block = bytes.TrimPrefix(block, []byte("Exif\x00\x00"))
	t, err := newTIFFReader(bytes.NewReader(block), int64(len(block)))
	if err != nil {
		return look{orientation: 1}, false
	}
	fields, _, err := t.fields(t.first)
	if err != nil {
		return look{orientation: 1}, false
	}
	d := t.directory(t.first, fields)
	out = d.look()
	if inner, _, err := t.fields(int64(t.int(fields, tagExifDirectory, 0))); err == nil {
		out.photo = t.rational(inner, tagExposureTime) > 0 || t.rational(inner, tagFNumber) > 0
	}
	return out, true
}

func (d directory) look() look {
	return look{orientation: d.orientation, xdpi: d.xdpi, ydpi: d.ydpi, unitless: d.unitless}
}

// upright is the look of the picture once it is turned upright.
func (l look) upright() look {
	if l.orientation >= 5 {
		l.xdpi, l.ydpi = l.ydpi, l.xdpi
	}
	return l
}
