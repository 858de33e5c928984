package pages

import (
	"bytes"
	"compress/zlib"
	"io"

	"intray/daemon/fax"
)

// ownStream is the page's compressed stream where PDF knows the coding and the
// page is one piece; nil otherwise. The page has been decoded without damage.
func (t *tiffReader) ownStream(l layout, fields []field) *Stream {
	if l.tiled || l.planar || l.rows() != 1 || l.samples != l.colours || l.photometric == yCbCr {
		return nil
	}
	data, err := t.raw(l, 0)
	if err != nil {
		return nil
	}
	s := &Stream{Data: data, Colours: l.colours, Bits: l.bits, Inverted: l.photometric == whiteIsZero}
	switch l.compression {
	case compressionG3, compressionG4:
		s.Filter, s.Inverted = "CCITTFaxDecode", false
		s.K = map[fax.Coding]int{fax.Group4: -1, fax.Group3: 0, fax.Group3TwoD: 4}[l.coding()]
		s.BlackIs1 = l.photometric == blackIsZero
		return s
	case compressionDeflate, compressionOldDeflate:
		if l.bits == 16 && !t.bigEndian() || !wholeZlib(data, l.height*l.stride(l.width)) {
			return nil
		}
		s.Filter, s.Predictor = "FlateDecode", l.predictor
		for _, c := range t.colours(l, fields) {
			r, g, b, _ := c.RGBA()
			s.Palette = append(s.Palette, byte(r>>8), byte(g>>8), byte(b>>8))
		}
		return s
	}
	return nil
}

// wholeZlib is true for data that end well (RFC 1950, checksum and all) after
// size bytes.
func wholeZlib(data []byte, size int) bool {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return false
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, io.LimitReader(r, int64(size)+1))
	return err == nil && n == int64(size)
}
