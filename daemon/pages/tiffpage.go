package pages

import (
	"errors"
	"fmt"

	"intray/daemon/document"
)

// page decodes the page of a directory. Errors are unusual for what is well
// said but not read here, others mean damage.
func (t *tiffReader) page(d directory) (tiffPage, error) {
	fields, _, err := t.fields(d.offset)
	if err != nil {
		return tiffPage{}, err
	}
	l, err := t.layout(d, fields)
	if err != nil {
		return tiffPage{}, err
	}
	var page tiffPage
	switch l.compression {
	case compressionJPEG, compressionOldJPEG:
		page, err = t.jpegPage(l, fields)
	default:
		page, err = t.sampledPage(l, fields, t.piece)
		if err == nil && len(page.warnings) == 0 {
			page.stream = t.ownStream(l, fields)
		}
	}
	if err != nil {
		return tiffPage{}, err
	}
	profile, _ := t.bytes(fields, tagICC, maxProfile)
	colours := l.colours
	if l.photometric == palette {
		colours = 3
	}
	page.icc = fittingProfile(profile, colours)
	return page, nil
}

// decodePiece decodes piece i, of rows rows and size bytes.
type decodePiece func(l layout, i, rows, size int, damage *faxDamage) ([]byte, error)

// sampledPage decodes band after band of pieces into a picture.
func (t *tiffReader) sampledPage(l layout, fields []field, decode decodePiece) (tiffPage, error) {
	if l.photometric == yCbCr && l.across*l.down > 1 && l.compression != compressionJPEG {
		if l.planar || l.tiled || l.bits != 8 || l.samples != 3 {
			return tiffPage{}, unusual("chroma apart from brightness")
		}
		decode = blocks(decode)
	}
	c, err := newCanvas(l, t.colours(l, fields))
	if err != nil {
		return tiffPage{}, err
	}
	var damage faxDamage
	samples := make([]uint16, l.width*l.samples)
	for band := range l.rows() {
		y := band * l.pieceHeight
		rows := min(l.pieceHeight, l.height-y)
		planes := make([][]byte, l.planes())
		for p := range planes {
			if planes[p], err = t.band(l, p, band, rows, decode, &damage); err != nil {
				return tiffPage{}, err
			}
		}
		stride := l.stride(l.width)
		for row := range rows {
			for p, data := range planes {
				unpack(samples[p:], data[row*stride:][:stride], l.bits, l.width*l.perPlane(), l.planes())
			}
			c.write(y+row, samples)
		}
	}
	page := tiffPage{img: c.img}
	page.warnings, err = damage.warnings(l.height)
	return page, err
}

// band decodes one plane of a band: a strip, or the tiles side by side.
func (t *tiffReader) band(l layout, plane, band, rows int, decode decodePiece, damage *faxDamage) ([]byte, error) {
	first := (plane*l.rows() + band) * l.columns()
	if !l.tiled {
		return decode(l, first, rows, rows*l.stride(l.width), damage)
	}
	stride, tileStride := l.stride(l.width), l.stride(l.pieceWidth)
	var out []byte
	for i := range l.columns() {
		tile, err := decode(l, first+i, l.pieceHeight, l.pieceHeight*tileStride, damage)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make([]byte, rows*stride)
		}
		for y := range rows {
			copy(out[y*stride+i*tileStride:(y+1)*stride], tile[y*tileStride:][:tileStride])
		}
	}
	return out, nil
}

// unpack spreads n samples over every step-th place of out.
func unpack(out []uint16, data []byte, bits, n, step int) {
	switch bits {
	case 8:
		for i := range n {
			out[i*step] = uint16(data[i])
		}
	case 16:
		for i := range n {
			out[i*step] = uint16(data[2*i])<<8 | uint16(data[2*i+1])
		}
	default:
		per, mask := 8/bits, byte(1<<bits-1)
		for i := range n {
			out[i*step] = uint16(data[i/per] >> (8 - bits - i%per*bits) & mask)
		}
	}
}

// blocks decodes pieces whose chroma is stored once for several pixels (TIFF
// 6.0, section 21): the brightness of a block, then its two chroma samples.
func blocks(decode decodePiece) decodePiece {
	return func(l layout, i, rows, size int, damage *faxDamage) ([]byte, error) {
		across, down := (l.width+l.across-1)/l.across, (rows+l.down-1)/l.down
		block := l.across*l.down + 2
		data, err := decode(l, i, rows, across*down*block, damage)
		if err != nil {
			return nil, err
		}
		out := make([]byte, size)
		for y := range rows {
			for x := range l.width {
				b := data[(y/l.down*across+x/l.across)*block:][:block]
				copy(out[3*(y*l.width+x):], []byte{b[y%l.down*l.across+x%l.across], b[block-2], b[block-1]})
			}
		}
		return out, nil
	}
}

// mostDamage is the share of damaged or missing rows past which a fax is no
// longer taken for the page that was sent: one in so many.
const mostDamage = 8

// someDamage is the share from which a person is to look at the page: words may
// be gone. One in so many.
const someDamage = 100

// warnings are "fax_damaged" for a page that is to be looked at, "fax_repaired"
// and "fax_short" for rows too few to matter.
func (d faxDamage) warnings(rows int) ([]document.Warning, error) {
	if (d.bad+d.missing)*mostDamage > rows {
		return nil, errors.New("most of the fax is damaged or missing")
	}
	repaired, short := "fax_repaired", "fax_short"
	if (d.bad+d.missing)*someDamage > rows {
		repaired, short = "fax_damaged", "fax_damaged"
	}
	var out []document.Warning
	if d.bad > 0 {
		out = append(out, document.Warning{Code: repaired,
			Message: fmt.Sprintf("%d of %d rows of the fax came damaged; each repeats the row above it.", d.bad, rows)})
	}
	if d.missing > 0 {
		out = append(out, document.Warning{Code: short,
			Message: fmt.Sprintf("The fax ended %d of %d rows before the page did; they are white.", d.missing, rows)})
	}
	return out, nil
}
