package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// oldJPEG puts together the JPEG of a page in TIFF 6.0's own way of holding one
// (section 22, long withdrawn but written by scanners of the time): a whole
// JPEG somewhere in the file, or its tables here and its coded data there.
func (t *tiffReader) oldJPEG(l layout, fields []field) (jpegParts, error) {
	if l.tiled || l.planar {
		return jpegParts{}, unusual("old-style JPEG in tiles or planes")
	}
	var strips [][]byte
	for i := range l.rows() {
		data, err := t.raw(l, i)
		if err != nil {
			return jpegParts{}, err
		}
		strips = append(strips, data)
	}
	if p, ok := t.interchange(l, fields, strips); ok {
		return p, nil
	}
	if p, err := splitJPEG(strips[0]); err == nil && len(strips) == 1 && p.scan != nil {
		return p, nil
	}
	return t.fromTables(l, fields, strips)
}

// interchange is the JPEG that the file says it holds whole; its header may
// stand apart from what is coded.
func (t *tiffReader) interchange(l layout, fields []field, strips [][]byte) (jpegParts, bool) {
	offset := int64(t.int(fields, tagJPEGInterchange, 0))
	if offset <= 0 || offset >= t.size {
		return jpegParts{}, false
	}
	length := t.size - offset
	if said := int64(t.int(fields, tagJPEGLength, 0)); said > 0 {
		length = min(length, said)
	}
	data := make([]byte, length)
	if _, err := t.r.ReadAt(data, offset); err != nil {
		return jpegParts{}, false
	}
	p, err := splitJPEG(data)
	f, frameErr := p.frame()
	if err != nil || frameErr != nil || f.width != l.width || f.height != l.height {
		return jpegParts{}, false
	}
	if p.scan == nil || !bytes.Contains(p.scan, []byte{0xFF, markEOI}) {
		// The header alone: the strips hold the scan, with or without its header.
		if p.scan == nil && len(strips[0]) > 1 && strips[0][0] == 0xFF && strips[0][1] == markSOS {
			p, err = splitJPEG(append(p.join(), bytes.Join(strips, nil)...))
			return p, err == nil && p.scan != nil
		}
		if p.scan == nil {
			return jpegParts{}, false
		}
		p.scan = bytes.Join(strips, nil)
	}
	return p, true
}

// fromTables builds the header that the tags describe (section 22) around the
// coded data of the only strip.
func (t *tiffReader) fromTables(l layout, fields []field, strips [][]byte) (jpegParts, error) {
	var p jpegParts
	q, dc, ac := t.ints(fields, tagJPEGQTables), t.ints(fields, tagJPEGDCTables), t.ints(fields, tagJPEGACTables)
	if len(q) < l.samples || len(dc) < l.samples || len(ac) < l.samples || l.samples > 4 {
		return p, errors.New("neither a JPEG nor its tables")
	}
	if len(strips) > 1 {
		return p, unusual("old-style JPEG in pieces")
	}
	marker := byte(markSOF0)
	sof := []byte{8, byte(l.height >> 8), byte(l.height), byte(l.width >> 8), byte(l.width), byte(l.samples)}
	sos := []byte{byte(l.samples)}
	for i := range l.samples {
		// A table named twice is written once: baseline JPEG knows two of a kind.
		quant, direct, rest := slices.Index(q, q[i]), slices.Index(dc, dc[i]), slices.Index(ac, ac[i])
		if max(direct, rest) > 1 {
			marker = markSOF0 + 1
		}
		table, err := t.at(q[i], 64)
		if err != nil {
			return p, err
		}
		p.segments = append(p.segments, jpegSegment{markDQT, append([]byte{byte(quant)}, table...)})
		for class, offset := range []int64{dc[i], ac[i]} {
			table, err := t.huffman(offset)
			if err != nil {
				return p, err
			}
			p.segments = append(p.segments, jpegSegment{markDHT, append([]byte{byte(class<<4 | []int{direct, rest}[class])}, table...)})
		}
		sampling := byte(0x11)
		if i == 0 && l.photometric == yCbCr {
			sampling = byte(l.across<<4 | l.down)
		}
		sof = append(sof, byte(i+1), sampling, byte(quant))
		sos = append(sos, byte(i+1), byte(direct<<4|rest))
	}
	if restart := t.int(fields, tagJPEGRestart, 0); restart > 0 {
		p.segments = append(p.segments, jpegSegment{markDRI, binary.BigEndian.AppendUint16(nil, uint16(restart))})
	}
	p.segments = append(p.segments, jpegSegment{marker, sof}, jpegSegment{markSOS, append(sos, 0, 63, 0)})
	p.scan = strips[0]
	if !bytes.HasSuffix(p.scan, []byte{0xFF, markEOI}) {
		p.scan = append(bytes.Clone(p.scan), 0xFF, markEOI)
	}
	return p, nil
}

func (t *tiffReader) at(offset int64, n int) ([]byte, error) {
	out := make([]byte, n)
	if _, err := t.r.ReadAt(out, offset); err != nil {
		return nil, fmt.Errorf("read JPEG table at %d: %w", offset, err)
	}
	return out, nil
}

// huffman is a table of codes: 16 counts, then as many values.
func (t *tiffReader) huffman(offset int64) ([]byte, error) {
	counts, err := t.at(offset, 16)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, c := range counts {
		n += int(c)
	}
	return t.at(offset, 16+min(n, 256))
}
