package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
)

var errJPEG = errors.New("not a JPEG header")

// jpegFileHeader reads the markers up to the first scan (ITU-T T.81, JFIF 1.02,
// Exif 2.32, ICC.1:2010 B.4).
func jpegFileHeader(data []byte) (header, error) {
	h := header{look: look{orientation: 1}}
	p, err := splitJPEG(data)
	if err != nil {
		return h, err
	}
	f, err := p.frame()
	if err != nil {
		return h, err
	}
	h.width, h.height, h.colours = f.width, f.height, f.components
	var profile [256][]byte
	for _, s := range p.segments {
		switch {
		case s.marker == markAPP0 && len(s.body) >= 12 && bytes.HasPrefix(s.body, []byte("JFIF\x00")) && h.xdpi == 0:
			h.xdpi, h.ydpi = float64(binary.BigEndian.Uint16(s.body[8:])), float64(binary.BigEndian.Uint16(s.body[10:]))
			switch s.body[7] {
			case 2: // dots per centimetre
				h.xdpi, h.ydpi = h.xdpi*2.54, h.ydpi*2.54
			case 0: // aspect ratio only, says the specification
				h.unitless = true
			}
		case s.marker == markAPP0+1 && bytes.HasPrefix(s.body, []byte("Exif\x00\x00")):
			if exif, ok := readExif(s.body); ok {
				h.orientation, h.photo = exif.orientation, exif.photo
				if exif.xdpi > 0 {
					h.xdpi, h.ydpi, h.unitless = exif.xdpi, exif.ydpi, exif.unitless
				}
			}
		case s.marker == markAPP0+2 && len(s.body) > 14 && bytes.HasPrefix(s.body, []byte("ICC_PROFILE\x00")):
			profile[s.body[12]] = s.body[14:]
		}
	}
	h.icc = bytes.Join(profile[:], nil)
	return h, nil
}

// adobe is true where Adobe's marker says that four channels are inverted ink.
func (p jpegParts) adobe() bool {
	for _, s := range p.segments {
		if s.marker == markAPPE && bytes.HasPrefix(s.body, []byte("Adobe")) {
			return true
		}
	}
	return false
}

func decodeJPEGFile(data []byte) (image.Image, error) {
	if p, err := splitJPEG(data); err == nil && !p.adobe() {
		if f, err := p.frame(); err == nil && f.components == 4 {
			return decodeJPEG(p.withColours(0))
		}
	}
	return jpeg.Decode(bytes.NewReader(data))
}

func jpegStream(data []byte, h header) *Stream {
	p, err := splitJPEG(data)
	if err != nil {
		return nil
	}
	switch h.colours {
	case 1, 3, 4:
		return &Stream{Filter: "DCTDecode", Data: data, Colours: h.colours, Bits: 8, Inverted: h.colours == 4 && p.adobe()}
	}
	return nil
}
