package pdf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"

	"intray/daemon/document"
)

// Picture is one page made from a picture.
type Picture struct {
	// JPEG is embedded as it is; Components is its number of colour channels
	// and Inverted says that 0 is full ink (CMYK as Adobe writes it). Where it
	// is nil, Pixels are stored without loss; without either the page is empty.
	JPEG       []byte
	Components int
	Inverted   bool
	Pixels     image.Image
	// Width and Height are the stored picture's size in pixels; Orientation
	// (1..8, as in TIFF) turns it upright by the page's matrix.
	Width, Height int
	Orientation   int
	// PageWidth and PageHeight are the upright page's size in points.
	PageWidth, PageHeight float64
}

// FromPictures writes a new searchable PDF of n pages. page is asked for one
// page after another, so that one picture at a time is in memory.
func FromPictures(out string, n int, layers Layers, o Options, page func(number int) (Picture, error)) (_ Outcome, err error) {
	f, err := os.Create(out)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := &writer{w: buffered}
	if err := w.write([]byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")); err != nil {
		return Outcome{}, err
	}
	b := &builder{w: w, codes: newCodes(), next: 4 + fontObjectCount, font: 4}
	var kids bytes.Buffer
	for number := 1; number <= n; number++ {
		p, err := page(number)
		if err != nil {
			return Outcome{}, fmt.Errorf("page %d: %w", number, err)
		}
		layer, err := layers.of(number)
		if err != nil {
			return Outcome{}, err
		}
		kid, err := b.page(p, layer, !layer.empty())
		if err != nil {
			return Outcome{}, fmt.Errorf("page %d: %w", number, err)
		}
		fmt.Fprintf(&kids, "%d 0 R ", kid)
	}
	objects := append([]object{
		{number: 1, body: []byte("<< /Type /Catalog /Pages 2 0 R >>")},
		{number: 2, body: fmt.Appendf(nil, "<< /Type /Pages /Count %d /Kids [%s] >>", n, bytes.TrimSpace(kids.Bytes()))},
		{number: 3, body: fmt.Appendf(nil, "<< /Producer %s >>", literal(o.Producer))},
	}, b.codes.fontObjects(b.font)...)
	for _, o := range objects {
		if err := w.object(o); err != nil {
			return Outcome{}, err
		}
	}
	if err := w.table(fmt.Sprintf("/Size %d /Root 1 0 R /Info 3 0 R", b.next), true); err != nil {
		return Outcome{}, err
	}
	return Outcome{}, buffered.Flush()
}

// literal writes a string object of ASCII text.
func literal(s string) string {
	var b bytes.Buffer
	b.WriteByte('(')
	for _, c := range []byte(s) {
		if c == '(' || c == ')' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte(')')
	return b.String()
}

type builder struct {
	w          *writer
	codes      *codes
	next, font int
}

func (b *builder) take() int {
	b.next++
	return b.next - 1
}

// page writes one page and returns its object number.
func (b *builder) page(p Picture, l Layer, hasText bool) (int, error) {
	if p.JPEG == nil && p.Pixels == nil {
		return b.blank(p)
	}
	picture, err := b.picture(p)
	if err != nil {
		return 0, err
	}
	var content bytes.Buffer
	m, width, height := turnedPlacement(p, l.Turn)
	l.UserToPage = document.Matrix{1, 0, 0, -1, 0, height}
	if straight, ok := l.straighten(); ok && hasText {
		m = m.Then(straight)
	}
	content.WriteString("q\n" + concat(m) + "/Im0 Do\nQ\n")
	fonts := ""
	if hasText {
		if err := l.write(&content, b.codes, "Intray"); err != nil {
			return 0, err
		}
		fonts = fmt.Sprintf("/Font << /Intray %d 0 R >> ", b.font)
	}
	contents, page := b.take(), b.take()
	return page, errors.Join(
		b.w.object(object{number: contents, body: stream("", content.Bytes())}),
		b.w.object(object{number: page, body: fmt.Appendf(nil,
			"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s %s] /Resources << %s/XObject << /Im0 %d 0 R >> >> /Contents %d 0 R >>",
			number(width), number(height), fonts, picture, contents)}))
}

// blank writes an empty page.
func (b *builder) blank(p Picture) (int, error) {
	page := b.take()
	return page, b.w.object(object{number: page, body: fmt.Appendf(nil,
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s %s] /Resources << >> >>", number(p.PageWidth), number(p.PageHeight))})
}

// placement maps the image's unit square to the upright page, undoing the
// stored orientation.
func placement(p Picture) document.Matrix {
	turn := map[int]document.Matrix{
		2: {-1, 0, 0, 1, 1, 0},
		3: {-1, 0, 0, -1, 1, 1},
		4: {1, 0, 0, -1, 0, 1},
		5: {0, -1, -1, 0, 1, 1},
		6: {0, -1, 1, 0, 0, 1},
		7: {0, 1, 1, 0, 0, 0},
		8: {0, 1, -1, 0, 1, 0},
	}
	m, turned := turn[p.Orientation]
	if !turned {
		m = document.Identity()
	}
	return m.Then(document.Scale(p.PageWidth, p.PageHeight))
}

func (b *builder) picture(p Picture) (int, error) {
	if p.JPEG != nil {
		space := map[int]string{1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}[p.Components]
		if space == "" {
			return 0, fmt.Errorf("JPEG with %d colour channels", p.Components)
		}
		decode := ""
		if p.Inverted {
			decode = " /Decode [1 0 1 0 1 0 1 0]"
		}
		number := b.take()
		return number, b.w.object(object{number: number, body: rawStream(imageEntries(p.Width, p.Height, 8, space)+
			decode+" /Filter /DCTDecode", p.JPEG)})
	}
	return b.pixels(p.Pixels)
}

func imageEntries(w, h, bits int, space string) string {
	return fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d /ColorSpace %s", w, h, bits, space)
}

// pixels stores a decoded picture without loss, in as few bits as it needs,
// transparency as a soft mask.
func (b *builder) pixels(img image.Image) (int, error) {
	bounds := img.Bounds()
	s := samplesOf(img)
	entries := imageEntries(bounds.Dx(), bounds.Dy(), s.bits, s.space)
	if s.alpha != nil {
		mask := b.take()
		if err := b.w.object(object{number: mask, body: stream(imageEntries(bounds.Dx(), bounds.Dy(), s.bits, "/DeviceGray"), s.alpha)}); err != nil {
			return 0, err
		}
		entries += fmt.Sprintf(" /SMask %d 0 R", mask)
	}
	number := b.take()
	return number, b.w.object(object{number: number, body: stream(entries, s.data)})
}

type samples struct {
	space       string
	bits        int
	data, alpha []byte
}

func samplesOf(img image.Image) samples {
	b := img.Bounds()
	switch src := img.(type) {
	case *image.Gray:
		if s, ok := bilevel(src); ok {
			return s
		}
		return samples{space: "/DeviceGray", bits: 8, data: rows(src.Pix, src.Stride, b.Dx(), b.Dy())}
	case *image.Gray16:
		return samples{space: "/DeviceGray", bits: 16, data: rows(src.Pix, src.Stride, 2*b.Dx(), b.Dy())}
	case *image.Paletted:
		if opaque(src.Palette) && len(src.Palette) > 0 {
			return samples{space: indexed(src.Palette), bits: 8, data: rows(src.Pix, src.Stride, b.Dx(), b.Dy())}
		}
	case *image.CMYK:
		return samples{space: "/DeviceCMYK", bits: 8, data: rows(src.Pix, src.Stride, 4*b.Dx(), b.Dy())}
	case *image.RGBA64, *image.NRGBA64:
		return deep(img)
	}
	return colour(img)
}

func rows(pix []byte, stride, width, height int) []byte {
	out := make([]byte, 0, width*height)
	for y := range height {
		out = append(out, pix[y*stride:][:width]...)
	}
	return out
}

// bilevel packs a picture of only black and white into one bit a pixel.
func bilevel(src *image.Gray) (samples, bool) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	stride := (w + 7) / 8
	out := make([]byte, stride*h)
	for y := range h {
		for x, v := range src.Pix[y*src.Stride:][:w] {
			switch v {
			case 0:
			case 255:
				out[y*stride+x/8] |= 0x80 >> (x % 8)
			default:
				return samples{}, false
			}
		}
	}
	return samples{space: "/DeviceGray", bits: 1, data: out}, true
}

func opaque(p color.Palette) bool {
	for _, c := range p {
		if _, _, _, a := c.RGBA(); a != 0xFFFF {
			return false
		}
	}
	return true
}

// indexed is a colour space of the palette's own (ISO 32000-1, 8.6.6.3).
func indexed(p color.Palette) string {
	var table bytes.Buffer
	for _, c := range p {
		r, g, b, _ := c.RGBA()
		fmt.Fprintf(&table, "%02X%02X%02X", r>>8, g>>8, b>>8)
	}
	return fmt.Sprintf("[/Indexed /DeviceRGB %d <%s>]", len(p)-1, table.Bytes())
}

// colour stores 8 bits a channel.
func colour(img image.Image) samples {
	b := img.Bounds()
	s := samples{space: "/DeviceRGB", bits: 8, data: make([]byte, 0, 3*b.Dx()*b.Dy())}
	alpha, solid := make([]byte, 0, b.Dx()*b.Dy()), true
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			s.data = append(s.data, c.R, c.G, c.B)
			alpha = append(alpha, c.A)
			solid = solid && c.A == 255
		}
	}
	if !solid {
		s.alpha = alpha
	}
	return s
}

// deep stores 16 bits a channel.
func deep(img image.Image) samples {
	b := img.Bounds()
	s := samples{space: "/DeviceRGB", bits: 16, data: make([]byte, 0, 6*b.Dx()*b.Dy())}
	alpha, solid := make([]byte, 0, 2*b.Dx()*b.Dy()), true
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBA64Model.Convert(img.At(x, y)).(color.NRGBA64)
			for _, v := range []uint16{c.R, c.G, c.B} {
				s.data = binary.BigEndian.AppendUint16(s.data, v)
			}
			alpha = binary.BigEndian.AppendUint16(alpha, c.A)
			solid = solid && c.A == 0xFFFF
		}
	}
	if !solid {
		s.alpha = alpha
	}
	return s
}
