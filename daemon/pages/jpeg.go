package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// jpegHeader is what a JPEG says before its first scan (ITU-T T.81, JFIF 1.02,
// Exif 2.32).
type jpegHeader struct {
	width, height int
	components    int
	orientation   int
	xdpi, ydpi    float64
	adobe         bool // an Adobe marker: CMYK is stored inverted
}

var errJPEG = errors.New("not a JPEG header")

// parseJPEG walks the markers up to the first scan.
func parseJPEG(data []byte) (jpegHeader, error) {
	h := jpegHeader{orientation: 1}
	if len(data) < 4 || data[0] != 0xFF || data[1] != 0xD8 {
		return h, errJPEG
	}
	for pos := 2; pos+4 <= len(data); {
		if data[pos] != 0xFF {
			return h, errJPEG
		}
		marker := data[pos+1]
		if marker == 0xFF { // fill byte
			pos++
			continue
		}
		if marker == 0x01 || marker >= 0xD0 && marker <= 0xD7 { // stand-alone
			pos += 2
			continue
		}
		size := int(binary.BigEndian.Uint16(data[pos+2:]))
		if size < 2 || pos+2+size > len(data) {
			return h, errJPEG
		}
		h.segment(marker, data[pos+4:pos+2+size])
		if marker == 0xDA { // start of scan
			break
		}
		pos += 2 + size
	}
	if h.width == 0 || h.height == 0 {
		return h, errJPEG
	}
	return h, nil
}

func (h *jpegHeader) segment(marker byte, body []byte) {
	switch {
	case marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC: // start of frame
		if len(body) >= 6 {
			h.height = int(binary.BigEndian.Uint16(body[1:]))
			h.width = int(binary.BigEndian.Uint16(body[3:]))
			h.components = int(body[5])
		}
	case marker == 0xE0 && len(body) >= 12 && bytes.HasPrefix(body, []byte("JFIF\x00")) && h.xdpi == 0:
		factor := map[byte]float64{1: 1, 2: 2.54}[body[7]] // dots per inch or per centimetre; 0 is aspect only
		h.xdpi = float64(binary.BigEndian.Uint16(body[8:])) * factor
		h.ydpi = float64(binary.BigEndian.Uint16(body[10:])) * factor
	case marker == 0xE1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
		dirs, _ := walkDirectories(bytes.NewReader(body[6:]), 1)
		if len(dirs) > 0 {
			h.orientation = dirs[0].orientation
			if dirs[0].xdpi > 0 {
				h.xdpi, h.ydpi = dirs[0].xdpi, dirs[0].ydpi
			}
		}
	case marker == 0xEE && bytes.HasPrefix(body, []byte("Adobe")):
		h.adobe = true
	}
}
