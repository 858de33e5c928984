package pages

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"slices"
)

// The JPEG markers that matter here (ITU-T T.81, table B.1).
const (
	markSOF0 = 0xC0
	markDHT  = 0xC4
	markSOI  = 0xD8
	markEOI  = 0xD9
	markSOS  = 0xDA
	markDQT  = 0xDB
	markDRI  = 0xDD
	markAPP0 = 0xE0
	markAPPE = 0xEE // Adobe's: which colours the channels are
)

// jpegParts is a JPEG taken apart.
type jpegParts struct {
	segments []jpegSegment
	// scan is all that follows the header of the first scan, as it is.
	scan []byte
}

type jpegSegment struct {
	marker byte
	body   []byte
}

func isFrame(marker byte) bool {
	return marker >= markSOF0 && marker <= 0xCF && marker != markDHT && marker != 0xC8 && marker != 0xCC
}

// splitJPEG takes data apart up to its first scan; a stream of tables alone has
// none. Bytes before SOI are refused.
func splitJPEG(data []byte) (jpegParts, error) {
	var p jpegParts
	if len(data) < 4 || data[0] != 0xFF || data[1] != markSOI {
		return p, errJPEG
	}
	for pos := 2; pos+4 <= len(data); {
		marker := data[pos+1]
		switch {
		case data[pos] != 0xFF:
			return p, errJPEG
		case marker == 0xFF: // fill byte
			pos++
			continue
		case marker == markEOI:
			return p, nil
		case marker == 0x01 || marker >= 0xD0 && marker <= markSOI: // stand alone
			pos += 2
			continue
		}
		size := int(binary.BigEndian.Uint16(data[pos+2:]))
		if size < 2 || pos+2+size > len(data) {
			return p, errJPEG
		}
		p.segments = append(p.segments, jpegSegment{marker, data[pos+4 : pos+2+size]})
		pos += 2 + size
		if marker == markSOS {
			p.scan = data[pos:]
			break
		}
	}
	return p, nil
}

// join puts the parts together again.
func (p jpegParts) join() []byte {
	out := []byte{0xFF, markSOI}
	for _, s := range p.segments {
		out = binary.BigEndian.AppendUint16(append(out, 0xFF, s.marker), uint16(len(s.body)+2))
		out = append(out, s.body...)
	}
	return append(out, p.scan...)
}

// find is the first segment with the marker; its body is nil when there is none.
func (p jpegParts) find(match func(byte) bool) jpegSegment {
	for _, s := range p.segments {
		if match(s.marker) {
			return s
		}
	}
	return jpegSegment{}
}

// frame is what a JPEG's frame header says.
type frame struct {
	marker        byte
	width, height int
	components    int
	// mcuWidth and mcuHeight are the size in pixels of what is coded as one.
	mcuWidth, mcuHeight int
}

func (p jpegParts) frame() (frame, error) {
	s := p.find(isFrame)
	if len(s.body) < 6 || len(s.body) < 6+3*int(s.body[5]) || s.body[5] == 0 {
		return frame{}, errJPEG
	}
	f := frame{marker: s.marker, height: int(binary.BigEndian.Uint16(s.body[1:])), width: int(binary.BigEndian.Uint16(s.body[3:])),
		components: int(s.body[5]), mcuWidth: 8, mcuHeight: 8}
	for i := 0; i < f.components && f.components > 1; i++ {
		f.mcuWidth = max(f.mcuWidth, 8*int(s.body[7+3*i]>>4))
		f.mcuHeight = max(f.mcuHeight, 8*int(s.body[7+3*i]&15))
	}
	return f, nil
}

// withColours replaces what the segments say of the colours by Adobe's marker:
// transform 0 for channels as they are, 1 for YCbCr. Without one, decoders
// guess, and Go's refuses four channels.
func (p jpegParts) withColours(transform byte) jpegParts {
	out := jpegParts{scan: p.scan}
	out.segments = append(out.segments, jpegSegment{markAPPE, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), transform)})
	for _, s := range p.segments {
		if s.marker != markAPPE && s.marker != markAPP0 {
			out.segments = append(out.segments, s)
		}
	}
	return out
}

// tables are the segments that a decoder keeps for what follows.
func (p jpegParts) tables() (out []jpegSegment) {
	for _, s := range p.segments {
		if s.marker == markDQT || s.marker == markDHT {
			out = append(out, s)
		}
	}
	return out
}

// withTables puts tables before the parts' own, except those they have too.
func (p jpegParts) withTables(tables []jpegSegment) jpegParts {
	out := jpegParts{scan: p.scan}
	for _, t := range tables {
		if !slices.ContainsFunc(p.segments, func(s jpegSegment) bool { return s.marker == t.marker && bytes.Equal(s.body, t.body) }) {
			out.segments = append(out.segments, t)
		}
	}
	out.segments = append(out.segments, p.segments...)
	return out
}

// decodeJPEG decodes a JPEG whose four channels, if it has so many, are as they
// are: Go's decoder takes them for inverted ones and turns them.
func decodeJPEG(p jpegParts) (image.Image, error) {
	img, err := jpeg.Decode(bytes.NewReader(p.join()))
	if four, ok := img.(*image.CMYK); ok && err == nil {
		for i, v := range four.Pix {
			four.Pix[i] = ^v
		}
	}
	return img, err
}
