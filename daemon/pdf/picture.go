package pdf

import (
	"errors"
	"fmt"
	"image"
	"strings"
)

// Picture is one page made from a picture.
type Picture struct {
	// Stream is embedded as it is. Where it is nil, Pixels are stored without
	// loss; without either the page is empty.
	Stream *Stream
	Pixels image.Image
	// ICC is the colour profile of Stream or Pixels, checked to fit; nil for
	// the device's own colours.
	ICC []byte
	// Width and Height are the stored picture's size in pixels; Orientation
	// (1..8, as in TIFF) turns it upright by the page's matrix.
	Width, Height int
	Orientation   int
	// PageWidth and PageHeight are the upright page's size in points.
	PageWidth, PageHeight float64
}

// Stream is a picture's compressed stream in a coding that PDF knows
// (ISO 32000-1, 7.4).
type Stream struct {
	// Filter is DCTDecode, JPXDecode, CCITTFaxDecode or FlateDecode.
	Filter string
	Data   []byte
	// Colours is the number of channels (1, 3 or 4), Bits the size of each;
	// JPXDecode's stream says both itself.
	Colours, Bits int
	// Inverted says that the largest value is no light or full ink where it
	// usually is the least: CMYK as Adobe writes it, grey where 0 is white.
	Inverted bool
	// Palette makes the one channel an index; three bytes (RGB) a colour.
	Palette []byte
	// Predictor is Flate's (7.4.4.4): 0 or 1 for none, 2 TIFF's, 15 PNG's.
	Predictor int
	// K and BlackIs1 are the fax filter's (7.4.6): K < 0 is Group 4, 0 Group 3
	// of one dimension, > 0 of two.
	K        int
	BlackIs1 bool
}

// picture writes the page's picture, opacity as a soft mask, and returns its
// object number.
func (b *builder) picture(p Picture) (int, error) {
	if p.Stream != nil {
		return b.image(p.Stream, p.Width, p.Height, p.ICC, "")
	}
	pixels, alpha := rastersOf(p.Pixels, p.ICC != nil)
	more := ""
	if alpha != nil {
		mask, err := b.image(alpha.stream(), alpha.width, alpha.height, nil, "")
		if err != nil {
			return 0, err
		}
		more = fmt.Sprintf(" /SMask %d 0 R", mask)
	}
	return b.image(pixels.stream(), pixels.width, pixels.height, p.ICC, more)
}

// image writes an image XObject (ISO 32000-1, 8.9.5).
func (b *builder) image(s *Stream, width, height int, icc []byte, more string) (int, error) {
	entries := fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d", width, height)
	if s.Filter != "JPXDecode" {
		space, err := b.space(s.Colours, s.Palette, icc)
		if err != nil {
			return 0, err
		}
		entries += fmt.Sprintf(" /BitsPerComponent %d /ColorSpace %s", s.Bits, space)
	}
	number := b.take()
	return number, b.w.streamed(number, entries+s.decode()+s.filter(width, height)+more, s.Data)
}

// space is the colour space of a picture's samples.
func (b *builder) space(colours int, palette, icc []byte) (string, error) {
	if len(palette) > 0 {
		colours = 3
	}
	space, err := b.coloured(colours, icc)
	if err != nil || space == "" {
		return "", errors.Join(err, fmt.Errorf("picture with %d colour channels", colours))
	}
	if len(palette) > 0 {
		return fmt.Sprintf("[/Indexed %s %d <%X>]", space, len(palette)/3-1, palette), nil
	}
	return space, nil
}

// decode maps the samples of an inverted stream to what they mean.
func (s *Stream) decode() string {
	if !s.Inverted {
		return ""
	}
	return " /Decode [" + strings.TrimSpace(strings.Repeat("1 0 ", s.Colours)) + "]"
}

func (s *Stream) filter(width, height int) string {
	out := " /Filter /" + s.Filter
	switch {
	case s.Filter == "CCITTFaxDecode":
		out += fmt.Sprintf(" /DecodeParms << /K %d /Columns %d /Rows %d", s.K, width, height)
		if s.K > 0 { // the bit that tells a row's kind stands behind its line end
			out += " /EndOfLine true"
		}
		if s.BlackIs1 {
			out += " /BlackIs1 true"
		}
		out += " >>"
	case s.Filter == "FlateDecode" && s.Predictor > 1:
		out += fmt.Sprintf(" /DecodeParms << /Predictor %d /Colors %d /BitsPerComponent %d /Columns %d >>",
			s.Predictor, s.Colours, s.Bits, width)
	}
	return out
}
