package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
)

// jpegPage decodes a page of JPEG strips or tiles. Where they can be put
// together to one JPEG without touching what is coded, that is its stream.
func (t *tiffReader) jpegPage(l layout, fields []field) (tiffPage, error) {
	if l.bits != 8 {
		return tiffPage{}, unusual(fmt.Sprintf("JPEG of %d bits", l.bits))
	}
	var tables []jpegSegment
	if shared, _ := t.bytes(fields, tagJPEGTables, 1<<20); shared != nil {
		p, err := splitJPEG(shared)
		if err != nil {
			return tiffPage{}, fmt.Errorf("shared tables: %w", err)
		}
		tables = p.tables()
	}
	whole, ok, err := t.wholeJPEG(l, fields, tables)
	if err != nil {
		return tiffPage{}, err
	}
	asIs := !l.alpha && l.photometric != whiteIsZero && l.photometric != palette
	if ok && asIs {
		return whole.page(l)
	}
	if l.compression == compressionOldJPEG {
		return tiffPage{}, unusual("old-style JPEG of such colours")
	}
	// Each piece is a JPEG of its own; the decoder undoes the chroma.
	l.across, l.down = 1, 1
	pieces := l
	if l.photometric == yCbCr && l.samples == 3 && !l.planar {
		pieces.photometric = rgb
	}
	page, err := t.sampledPage(pieces, fields, func(_ layout, i, rows, size int, _ *faxDamage) ([]byte, error) {
		p, err := t.jpegStrip(l, tables, i)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			tables = p.tables() // some programs write them once
		}
		return l.jpegPiece(p, i, rows, size)
	})
	return page, decoderSays(err)
}

// wholeJPEG puts the page's pieces together; ok is false where they have to be
// decoded one by one.
func (t *tiffReader) wholeJPEG(l layout, fields []field, tables []jpegSegment) (jpegParts, bool, error) {
	if l.compression == compressionOldJPEG {
		p, err := t.oldJPEG(l, fields)
		return p, err == nil, err
	}
	if l.tiled || l.planar || l.samples == 2 {
		return jpegParts{}, false, nil
	}
	strips := make([]jpegParts, l.rows())
	for i := range strips {
		p, err := t.jpegStrip(l, tables, i)
		if err != nil {
			return jpegParts{}, false, err
		}
		if strips[i] = p; i == 0 {
			tables = p.tables()
		}
	}
	if len(strips) == 1 {
		f, err := strips[0].frame()
		return strips[0], err == nil && f.width == l.width && f.height == l.height, nil
	}
	whole, ok := joinStrips(strips, l.width, l.height, l.pieceHeight)
	return whole, ok, nil
}

// joinStrips makes one JPEG of strips that use the same tables: what is coded
// stays, with a restart marker between two strips (ITU-T T.81, E.1.4). ok is
// false where the strips do not allow that.
func joinStrips(strips []jpegParts, width, height, stripHeight int) (out jpegParts, ok bool) {
	first, err := strips[0].frame()
	if err != nil || first.marker > markSOF0+1 || first.width != width || stripHeight%first.mcuHeight != 0 || height > 0xFFFF {
		return out, false
	}
	interval := (width + first.mcuWidth - 1) / first.mcuWidth * (stripHeight / first.mcuHeight)
	if interval > 0xFFFF || strips[0].find(func(m byte) bool { return m == markDRI }).body != nil {
		return out, false
	}
	for i, s := range strips {
		f, err := s.frame()
		rows := min(stripHeight, height-i*stripHeight)
		coded, clean := entropy(s.scan)
		if err != nil || !clean || !sameButHeight(s, strips[0]) ||
			(f.height+f.mcuHeight-1)/f.mcuHeight != (rows+f.mcuHeight-1)/f.mcuHeight {
			return jpegParts{}, false
		}
		if i > 0 {
			out.scan = append(out.scan, 0xFF, byte(0xD0+(i-1)%8))
		}
		out.scan = append(out.scan, coded...)
	}
	out.scan = append(out.scan, 0xFF, markEOI)
	for _, s := range strips[0].segments {
		if isFrame(s.marker) {
			s.body = bytes.Clone(s.body)
			binary.BigEndian.PutUint16(s.body[1:], uint16(height))
			out.segments = append(out.segments, s, jpegSegment{markDRI, binary.BigEndian.AppendUint16(nil, uint16(interval))})
			continue
		}
		out.segments = append(out.segments, s)
	}
	return out, true
}

// entropy is the coded data up to the end of the picture; clean is false when
// other markers stand among them.
func entropy(scan []byte) (coded []byte, clean bool) {
	for i := 0; i+1 < len(scan); i++ {
		if scan[i] != 0xFF || scan[i+1] == 0 {
			continue
		}
		return scan[:i], scan[i+1] == markEOI
	}
	return scan, false
}

// sameButHeight compares headers.
func sameButHeight(a, b jpegParts) bool {
	if len(a.segments) != len(b.segments) {
		return false
	}
	for i, s := range a.segments {
		x, y := s.body, b.segments[i].body
		if isFrame(s.marker) && len(x) > 3 && len(y) > 3 {
			x, y = append([]byte{x[0]}, x[3:]...), append([]byte{y[0]}, y[3:]...)
		}
		if s.marker != b.segments[i].marker || !bytes.Equal(x, y) {
			return false
		}
	}
	return true
}

// coloured says in the JPEG itself which colours the TIFF says it has.
func (l layout) coloured(p jpegParts) jpegParts {
	if l.photometric == yCbCr && l.samples == 3 {
		return p.withColours(1)
	}
	return p.withColours(0)
}

// page decodes a whole JPEG.
func (p jpegParts) page(l layout) (tiffPage, error) {
	f, err := p.frame()
	if err != nil {
		return tiffPage{}, err
	}
	if f.components != l.samples || f.width != l.width || f.height != l.height {
		return tiffPage{}, fmt.Errorf("a JPEG of %d x %d pixels and %d channels where the page says %d x %d and %d",
			f.width, f.height, f.components, l.width, l.height, l.samples)
	}
	stream := p
	if l.samples > 1 {
		stream = l.coloured(p)
	}
	img, err := decodeJPEG(stream)
	if err != nil {
		return tiffPage{}, decoderSays(err)
	}
	if l.samples == 4 {
		stream = p // readers of PDF may take Adobe's marker for "inverted"
	}
	return tiffPage{img: img, stream: &Stream{Filter: "DCTDecode", Data: stream.join(), Colours: l.samples, Bits: 8}}, nil
}

// jpegStrip takes one strip or tile apart and completes its tables.
func (t *tiffReader) jpegStrip(l layout, tables []jpegSegment, i int) (jpegParts, error) {
	data, err := t.raw(l, i)
	if err != nil {
		return jpegParts{}, err
	}
	p, err := splitJPEG(data)
	if err != nil {
		return jpegParts{}, fmt.Errorf("piece %d: %w", i, err)
	}
	return p.withTables(tables), nil
}

// jpegPiece decodes one strip or tile to samples side by side.
func (l layout) jpegPiece(p jpegParts, i, rows, size int) ([]byte, error) {
	f, err := p.frame()
	if err != nil {
		return nil, fmt.Errorf("piece %d: %w", i, err)
	}
	if f.components != l.perPlane() || f.width != l.pieceWidth || f.height < rows || f.height > l.pieceHeight {
		return nil, fmt.Errorf("piece %d: a JPEG of %d x %d pixels and %d channels", i, f.width, f.height, f.components)
	}
	if f.components > 1 {
		p = l.coloured(p)
	}
	img, err := decodeJPEG(p)
	if err != nil {
		return nil, fmt.Errorf("piece %d: %w", i, err)
	}
	return sideBySide(img, rows, size)
}

// sideBySide lists the samples of a decoded JPEG pixel by pixel.
func sideBySide(img image.Image, rows, size int) ([]byte, error) {
	w := img.Bounds().Dx()
	out := make([]byte, 0, size)
	for y := range rows {
		switch src := img.(type) {
		case *image.Gray:
			out = append(out, src.Pix[y*src.Stride:][:w]...)
		case *image.CMYK:
			out = append(out, src.Pix[y*src.Stride:][:4*w]...)
		case *image.RGBA:
			for x := range w {
				out = append(out, src.Pix[y*src.Stride+4*x:][:3]...)
			}
		case *image.YCbCr:
			for x := range w {
				c := src.YCbCrAt(x, y)
				r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
				out = append(out, r, g, b)
			}
		default:
			return nil, unusual(fmt.Sprintf("JPEG decoded to %T", img))
		}
	}
	return out, nil
}

// decoderSays makes unusual what Go's decoder does not know.
func decoderSays(err error) error {
	if e, ok := errors.AsType[jpeg.UnsupportedError](err); ok {
		return unusual(e.Error())
	}
	return err
}
