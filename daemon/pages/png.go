package pages

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"io"
)

// pngChunks calls f for every chunk up to the end of the file (PNG
// specification, 5.3). f returns false to stop.
func pngChunks(data []byte, f func(kind string, body []byte) bool) {
	for pos := 8; pos+12 <= len(data); {
		size := int(binary.BigEndian.Uint32(data[pos:]))
		if size < 0 || size > len(data)-pos-12 {
			return
		}
		if !f(string(data[pos+4:pos+8]), data[pos+8:pos+8+size]) {
			return
		}
		pos += 12 + size
	}
}

// pngHeader reads what stands before the pixels, and an Exif block wherever.
func pngHeader(data []byte) (header, error) {
	h := header{look: look{orientation: 1}}
	pngChunks(data, func(kind string, body []byte) bool {
		switch {
		case kind == "IHDR" && len(body) == 13:
			h.width, h.height = int(int32(binary.BigEndian.Uint32(body))), int(int32(binary.BigEndian.Uint32(body[4:])))
			h.colours = map[byte]int{0: 1, 2: 3, 3: 3, 4: 1, 6: 3}[body[9]]
		case kind == "pHYs" && len(body) == 9:
			factor := 1.0
			if h.unitless = body[8] != 1; !h.unitless { // per metre
				factor = 0.0254
			}
			h.xdpi, h.ydpi = float64(binary.BigEndian.Uint32(body))*factor, float64(binary.BigEndian.Uint32(body[4:]))*factor
		case kind == "iCCP":
			h.icc = pngProfile(body)
		case kind == "acTL":
			h.warnings = append(h.warnings, firstOnly("an animation"))
		case kind == "eXIf":
			if exif, ok := readExif(body); ok {
				h.orientation, h.photo = exif.orientation, exif.photo
			}
		}
		return true
	})
	if h.width == 0 {
		return h, errors.New("no image header")
	}
	return h, nil
}

// pngProfile unpacks iCCP: a name, a zero, the method 0, then zlib.
func pngProfile(body []byte) []byte {
	_, rest, found := bytes.Cut(body, []byte{0})
	if !found || len(rest) < 2 || rest[0] != 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(rest[1:]))
	if err != nil {
		return nil
	}
	defer z.Close()
	profile, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil {
		return nil
	}
	return profile
}

func decodePNG(data []byte) (image.Image, error) { return png.Decode(bytes.NewReader(data)) }

// pngStream is the picture's own Flate stream, whose rows are predicted as PDF
// knows it (ISO 32000-1, 7.4.4.4), unless they are interlaced or have opacity.
func pngStream(data []byte, h header) *Stream {
	s := &Stream{Filter: "FlateDecode", Predictor: 15}
	usable := false
	pngChunks(data, func(kind string, body []byte) bool {
		switch kind {
		case "IHDR":
			s.Bits = int(body[8])
			s.Colours = map[byte]int{0: 1, 2: 3, 3: 1}[body[9]]
			usable = s.Colours > 0 && body[12] == 0
		case "PLTE":
			if h.colours == 3 && s.Colours == 1 {
				s.Palette = body[:min(len(body)/3, 1<<s.Bits)*3]
			}
		case "tRNS":
			usable = false
		case "IDAT":
			s.Data = append(s.Data, body...)
		}
		return kind != "IEND"
	})
	if !usable {
		return nil
	}
	return s
}
