package pages

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"github.com/klippa-app/go-pdfium/requests"

	"intray/engines"
)

// How a JP2 file and a bare JPEG 2000 codestream begin (ISO/IEC 15444-1, I.5.1
// and A.4.1).
const (
	jp2Signature    = "\x00\x00\x00\x0CjP  \r\n\x87\n"
	codestreamStart = "\xFF\x4F\xFF\x51"
)

var errJPX = errors.New("not a JPEG 2000 header")

// jpxHeader reads the codestream's size marker and what the boxes around it
// say. A codestream that ends early is refused here: decoders fill up what is
// missing.
func jpxHeader(data []byte) (header, error) {
	h := header{look: look{orientation: 1}}
	stream := data
	if len(data) > 12 && string(data[:12]) == jp2Signature {
		parts := boxes(data)
		c, ok := findBox(parts, "jp2c")
		if !ok || c.cut {
			return h, fmt.Errorf("%w: no whole codestream", errJPX)
		}
		stream = c.body
		outer, _ := findBox(parts, "jp2h")
		for _, b := range boxes(outer.body) {
			h.jp2Box(b)
		}
	}
	// SIZ (A.5.1): the reference grid and where the picture begins on it.
	if len(stream) < 42 || string(stream[:4]) != codestreamStart {
		return h, errJPX
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint32(stream[i:])) }
	w, hgt := at(8)-at(16), at(12)-at(20)
	if w <= 0 || hgt <= 0 || w > 1<<24 || hgt > 1<<24 {
		return h, errJPX
	}
	h.width, h.height, h.colours = int(w), int(hgt), int(binary.BigEndian.Uint16(stream[40:]))
	if !wholeCodestream(stream) {
		return h, fmt.Errorf("%w: the codestream ends early", errJPX)
	}
	return h, nil
}

// jp2Box takes the resolution (I.5.3.7; dots per metre).
func (h *header) jp2Box(b box) {
	if b.kind != "res " {
		return
	}
	for _, r := range boxes(b.body) {
		if (r.kind == "resc" || r.kind == "resd" && h.xdpi == 0) && len(r.body) >= 10 {
			value := func(i, exponent int) float64 {
				v := float64(binary.BigEndian.Uint16(r.body[i:])) / float64(max(binary.BigEndian.Uint16(r.body[i+2:]), 1))
				for e := int8(r.body[exponent]); e != 0; {
					if e > 0 {
						v, e = v*10, e-1
					} else {
						v, e = v/10, e+1
					}
				}
				return v * 0.0254
			}
			h.ydpi, h.xdpi = value(0, 8), value(4, 9)
		}
	}
}

// wholeCodestream walks the tile-parts, each of which says how long it is
// (A.4.2); the last may leave that to the end of the codestream.
func wholeCodestream(data []byte) bool {
	pos := 2
	for pos+4 <= len(data) { // the main header's segments
		marker := binary.BigEndian.Uint16(data[pos:])
		if marker == 0xFF90 { // SOT
			break
		}
		pos += 2 + int(binary.BigEndian.Uint16(data[pos+2:]))
	}
	for pos+12 <= len(data) && binary.BigEndian.Uint16(data[pos:]) == 0xFF90 {
		length := int(binary.BigEndian.Uint32(data[pos+6:]))
		if length == 0 {
			return data[len(data)-2] == 0xFF && data[len(data)-1] == markEOI
		}
		if length < 14 || length > len(data)-pos {
			return false
		}
		pos += length
	}
	return pos == len(data) || pos+2 <= len(data) && binary.BigEndian.Uint16(data[pos:]) == 0xFF00|markEOI
}

// jpxStream is the file itself; a bare codestream gets the boxes that PDF asks
// for (ISO 32000-1, 7.4.9) around it.
func jpxStream(data []byte, h header) *Stream {
	// Colours, depth and opacity are all said in the file.
	s := &Stream{Filter: "JPXDecode", Data: data, Bits: 8}
	if string(data[:4]) != codestreamStart {
		return s
	}
	be := binary.BigEndian
	wrap := func(kind string, body []byte) []byte {
		return append(append(be.AppendUint32(nil, uint32(len(body)+8)), kind...), body...)
	}
	ihdr := be.AppendUint32(be.AppendUint32(nil, uint32(h.height)), uint32(h.width))
	ihdr = append(be.AppendUint16(ihdr, uint16(h.colours)), data[42], 7, 0, 0)
	space := map[bool]uint32{true: 16, false: 17}[h.colours >= 3] // sRGB, grey
	colr := be.AppendUint32([]byte{1, 0, 0}, space)
	s.Data = append([]byte(jp2Signature), wrap("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 "))...)
	s.Data = append(s.Data, wrap("jp2h", append(wrap("ihdr", ihdr), wrap("colr", colr)...))...)
	s.Data = append(s.Data, wrap("jp2c", data)...)
	return s
}

// decodeJPX has PDFium decode the picture, in the smallest PDF around it. What
// comes out is grey, for reading: the PDF gets the stream itself.
func (o *Opener) decodeJPX(ctx context.Context, data []byte, h header) (image.Image, error) {
	if err := o.warmPDFium(); err != nil {
		return nil, err
	}
	file := pdfAround(jpxStream(data, h), h.width, h.height)
	opened, err := o.pdfium.OpenDocument(&requests.OpenDocument{File: &file})
	if err != nil {
		return nil, fmt.Errorf("open PDF around it: %w", err)
	}
	p := &pdfFile{pdfium: o.pdfium, doc: opened.Document}
	defer func() { _ = p.closeDocument() }()
	content, err := p.inspect(1)
	if err != nil {
		return nil, err
	}
	placed := content.alone()
	if placed == nil {
		return nil, errors.New("PDFium sees no picture")
	}
	img, err := p.bitmap(placed.object)
	return img, errors.Join(err, ctx.Err())
}

// warmPDFium starts PDFium if it does not run.
func (o *Opener) warmPDFium() (err error) {
	if o.pdfium != nil {
		return nil
	}
	if o.pdfium, err = startPDFium(o.CacheDir); err != nil {
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable,
			Sentence: "The picture decoder could not be started.", Cause: err}
	}
	return nil
}

// pdfAround is a PDF of one page that shows nothing but the picture.
func pdfAround(s *Stream, width, height int) []byte {
	const content = "1000 0 0 1000 0 0 cm /I Do"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1000 1000] /Resources << /XObject << /I 5 0 R >> >> /Contents 4 0 R >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width %d /Height %d /Filter /%s /Length %d >>\nstream\n%s\nendstream",
			width, height, s.Filter, len(s.Data), s.Data),
	}
	out := []byte("%PDF-1.5\n")
	table := "0000000000 65535 f \n"
	for i, body := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", len(out))
		out = fmt.Appendf(out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	return fmt.Appendf(out, "xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n",
		len(objects)+1, table, len(objects)+1, len(out))
}
