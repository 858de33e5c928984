package pages

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/image/tiff/lzw"

	"intray/daemon/fax"
)

var errCut = errors.New("a piece holds fewer pixels than it should")

// faxDamage counts what a fax machine may do to a page.
type faxDamage struct {
	bad     int // rows that came damaged
	missing int // rows that were never sent
}

// raw is piece i as it stands in the file.
func (t *tiffReader) raw(l layout, i int) ([]byte, error) {
	offset, count := l.offsets[i], t.size
	if l.counts != nil {
		count = l.counts[i]
	}
	if offset < 0 || offset >= t.size || count <= 0 {
		return nil, fmt.Errorf("piece %d lies outside the file", i)
	}
	rows := l.pieceHeight
	if l.compression == compressionNone && l.counts == nil {
		count = int64(l.stride(l.pieceWidth)) * int64(rows)
	}
	// A last piece said to be longer than the file may still be whole: that is
	// seen when it is decoded. No coding makes so much of a piece as the bound,
	// below which many pieces may share the same bytes.
	count = min(count, 16*int64(l.stride(l.pieceWidth))*int64(rows)+1<<16)
	data := make([]byte, min(count, t.size-offset))
	if _, err := t.r.ReadAt(data, offset); err != nil {
		return nil, fmt.Errorf("read piece %d: %w", i, err)
	}
	if l.reversed && l.compression != compressionJPEG && l.compression != compressionOldJPEG {
		for i, b := range data {
			data[i] = bits.Reverse8(b)
		}
	}
	return data, nil
}

// piece decodes piece i of rows rows and size bytes.
func (t *tiffReader) piece(l layout, i, rows, size int, damage *faxDamage) ([]byte, error) {
	data, err := t.raw(l, i)
	if err != nil {
		return nil, err
	}
	switch l.compression {
	case compressionNone:
	case compressionPackBits:
		data = unpackBits(data, size)
	case compressionLZW:
		r := lzw.NewReader(bytes.NewReader(data), lzw.MSB, 8)
		data, err = readPiece(r, size)
		r.Close()
	case compressionDeflate, compressionOldDeflate:
		var r io.ReadCloser
		if r, err = zlib.NewReader(bytes.NewReader(data)); err == nil {
			data, err = readPiece(r, size)
			r.Close()
		}
	case compressionRLE, compressionG3, compressionG4:
		data, err = l.fax(data, rows, damage)
	default:
		return nil, unusual(fmt.Sprintf("compression %d", l.compression))
	}
	if err != nil {
		return nil, fmt.Errorf("piece %d: %w", i, err)
	}
	if len(data) < size {
		return nil, fmt.Errorf("piece %d: %w", i, errCut)
	}
	data = data[:size]
	if l.bits == 16 && !t.bigEndian() {
		for i := 0; i+1 < len(data); i += 2 {
			data[i], data[i+1] = data[i+1], data[i]
		}
	}
	return data, l.unpredict(data)
}

func readPiece(r io.Reader, size int) ([]byte, error) {
	var data bytes.Buffer // grows with what is there
	data.Grow(min(size, 1<<20) + bytes.MinRead)
	n, err := data.ReadFrom(io.LimitReader(r, int64(size)))
	if errors.Is(err, io.ErrUnexpectedEOF) || err == nil && n < int64(size) {
		return nil, errCut
	}
	return data.Bytes(), err
}

// unpackBits undoes PackBits (TIFF 6.0, section 9).
func unpackBits(data []byte, size int) []byte {
	out := make([]byte, 0, min(size, 64*len(data))) // two bytes make 128 at most
	for len(data) > 1 && len(out) < size {
		n := int(int8(data[0]))
		data = data[1:]
		switch {
		case n >= 0:
			n = min(n+1, len(data))
			out = append(out, data[:n]...)
			data = data[n:]
		case n > -128:
			out = append(out, bytes.Repeat(data[:1], 1-n)...)
			data = data[1:]
		}
	}
	return out
}

// coding is the fax room's name for a compression.
func (l layout) coding() fax.Coding {
	switch {
	case l.compression == compressionRLE:
		return fax.Plain
	case l.compression == compressionG4:
		return fax.Group4
	case l.t4&1 != 0:
		return fax.Group3TwoD
	}
	return fax.Group3
}

// fax decodes a piece of a fax: coded black is 1.
func (l layout) fax(data []byte, rows int, damage *faxDamage) ([]byte, error) {
	if l.bits != 1 || l.perPlane() != 1 {
		return nil, unusual("a fax with more than black and white")
	}
	d, err := fax.Decode(data, l.coding(), l.pieceWidth, rows)
	if err != nil {
		return nil, err
	}
	damage.bad += d.Bad
	damage.missing += rows - d.Rows
	return append(d.Pix, make([]byte, (rows-d.Rows)*fax.Stride(l.pieceWidth))...), nil
}

// unpredict undoes horizontal differencing (TIFF 6.0, section 14), which LZW
// and Deflate may be preceded by.
func (l layout) unpredict(data []byte) error {
	if l.predictor == 1 || l.compression != compressionLZW && l.compression != compressionDeflate && l.compression != compressionOldDeflate {
		return nil
	}
	if l.predictor != 2 || l.bits < 8 {
		return unusual(fmt.Sprintf("predictor %d of %d bits", l.predictor, l.bits))
	}
	n, stride := l.perPlane(), l.stride(l.pieceWidth)
	for ; len(data) >= stride; data = data[stride:] {
		row := data[:stride]
		if l.bits == 8 {
			for x := n; x < len(row); x++ {
				row[x] += row[x-n]
			}
			continue
		}
		for x := 2 * n; x+1 < len(row); x += 2 {
			v := uint16(row[x])<<8 | uint16(row[x+1])
			v += uint16(row[x-2*n])<<8 | uint16(row[x-2*n+1])
			row[x], row[x+1] = byte(v>>8), byte(v)
		}
	}
	return nil
}
