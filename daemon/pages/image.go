package pages

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"os"

	"intray/engines"
)

// single is a file that holds one picture: JPEG or PNG.
type single struct {
	mime   string
	data   []byte
	header jpegHeader
	img    image.Image // decoded once, for Picture and Stored
}

func openImage(path, mime string, limits Limits) (Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal,
			Sentence: "The stored original could not be read.", Cause: err}
	}
	s := &single{mime: mime, data: data, header: jpegHeader{orientation: 1}}
	if mime == MIMEJPEG {
		if s.header, err = parseJPEG(data); err != nil {
			return nil, corrupt("The file starts like a JPEG but is damaged.", err)
		}
	} else {
		config, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return nil, corrupt("The file starts like a PNG but is damaged.", err)
		}
		s.header.width, s.header.height = config.Width, config.Height
		s.header.xdpi, s.header.ydpi = pngResolution(data)
	}
	if err := checkPixels(s.header.width, s.header.height, limits); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *single) Info() Info   { return Info{MIME: s.mime, Pages: 1} }
func (s *single) Close() error { return nil }

// decode reads every pixel, which is also the proof that the file is whole: a
// JPEG cut in the middle looks fine to more forgiving decoders.
func (s *single) decode() (image.Image, error) {
	if s.img != nil {
		return s.img, nil
	}
	var err error
	if s.mime == MIMEJPEG {
		s.img, err = jpeg.Decode(bytes.NewReader(s.data))
	} else {
		s.img, err = png.Decode(bytes.NewReader(s.data))
	}
	if err != nil {
		return nil, corrupt("The picture is damaged or cut off.", err)
	}
	return s.img, nil
}

func (s *single) Picture(ctx context.Context, number int) (Picture, error) {
	if err := checkNumber(number, 1); err != nil {
		return Picture{}, err
	}
	img, err := s.decode()
	if err != nil {
		return Picture{}, err
	}
	return picture(img, s.header.xdpi, s.header.ydpi, s.header.orientation), ctx.Err()
}

func (s *single) Stored(number int) (Stored, error) {
	if err := checkNumber(number, 1); err != nil {
		return Stored{}, err
	}
	img, err := s.decode()
	if err != nil {
		return Stored{}, err
	}
	out := Stored{Width: s.header.width, Height: s.header.height, Orientation: s.header.orientation}
	out.pageSize(s.header.xdpi, s.header.ydpi)
	if s.mime == MIMEJPEG {
		out.Stream = &Stream{Filter: "DCTDecode", Data: s.data, Colours: s.header.components, Bits: 8,
			Inverted: s.header.adobe && s.header.components == 4}
	} else {
		out.Pixels = img
	}
	return out, nil
}

// pngResolution reads the pHYs chunk (PNG specification, 11.3.4.3) in dots per
// inch; zero when there is none.
func pngResolution(data []byte) (x, y float64) {
	for pos := 8; pos+12 <= len(data); {
		size := int(binary.BigEndian.Uint32(data[pos:]))
		kind := string(data[pos+4 : pos+8])
		if kind == "IDAT" || size < 0 || pos+12+size > len(data) {
			return 0, 0
		}
		body := data[pos+8 : pos+8+size]
		if kind == "pHYs" && size == 9 && body[8] == 1 { // per metre
			return float64(binary.BigEndian.Uint32(body)) * 0.0254, float64(binary.BigEndian.Uint32(body[4:])) * 0.0254
		}
		pos += 12 + size
	}
	return 0, 0
}
