package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The TIFF tags that are read here (TIFF 6.0, section 8; Exif 2.32 uses the same).
const (
	tagWidth          = 256
	tagHeight         = 257
	tagPhotometric    = 262
	tagOrientation    = 274
	tagSamples        = 277
	tagXResolution    = 282
	tagYResolution    = 283
	tagResolutionUnit = 296
)

const (
	maxDirectories = 65535
	maxEntries     = 4096
)

// directory is one image file directory: the tags above, and where it stands.
type directory struct {
	offset        int64
	width, height int
	orientation   int
	xdpi, ydpi    float64
	photometric   int // what the samples mean
	samples       int // a pixel
}

// decodable is false for pixels the decoder would take for others: grey or
// palette pictures with extra samples come out garbled instead of refused.
func (d directory) decodable() bool {
	switch d.photometric {
	case 0, 1, 3: // grey, palette
		return d.samples == 1
	case 2: // RGB
		return d.samples == 3 || d.samples == 4
	}
	return true
}

// walkDirectories lists the directories of a TIFF (or of an Exif block, which
// is one). It stops with an error at a loop or at anything out of bounds, and
// returns what it had until then.
func walkDirectories(r io.ReaderAt, limit int) ([]directory, error) {
	var head [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("read TIFF header: %w", err)
	}
	var order binary.ByteOrder
	switch string(head[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return nil, errors.New("not a TIFF header")
	}
	var out []directory
	seen := map[int64]bool{}
	for offset := int64(order.Uint32(head[4:])); offset != 0; {
		if seen[offset] {
			return out, fmt.Errorf("directory at %d is named twice: the file goes round in circles", offset)
		}
		seen[offset] = true
		dir, next, err := readDirectory(r, order, offset)
		if err != nil {
			return out, fmt.Errorf("directory at %d: %w", offset, err)
		}
		out = append(out, dir)
		if len(out) > min(limit, maxDirectories) {
			return out, nil
		}
		offset = next
	}
	return out, nil
}

func readDirectory(r io.ReaderAt, order binary.ByteOrder, offset int64) (dir directory, next int64, err error) {
	var count [2]byte
	if _, err := r.ReadAt(count[:], offset); err != nil {
		return dir, 0, fmt.Errorf("read number of entries: %w", err)
	}
	n := int(order.Uint16(count[:]))
	if n == 0 || n > maxEntries {
		return dir, 0, fmt.Errorf("%d entries", n)
	}
	buf := make([]byte, n*12+4)
	if got, err := r.ReadAt(buf, offset+2); err != nil && (!errors.Is(err, io.EOF) || got < n*12) {
		return dir, 0, fmt.Errorf("read entries: %w", err)
	}
	dir = directory{offset: offset, orientation: 1, samples: 1}
	unit := 2
	for i := range n {
		e := buf[i*12 : i*12+12]
		switch order.Uint16(e) {
		case tagWidth:
			dir.width = shortOrLong(order, e)
		case tagHeight:
			dir.height = shortOrLong(order, e)
		case tagOrientation:
			dir.orientation = shortOrLong(order, e)
		case tagPhotometric:
			dir.photometric = shortOrLong(order, e)
		case tagSamples:
			dir.samples = shortOrLong(order, e)
		case tagResolutionUnit:
			unit = shortOrLong(order, e)
		case tagXResolution:
			dir.xdpi = rational(r, order, e)
		case tagYResolution:
			dir.ydpi = rational(r, order, e)
		}
	}
	if dir.orientation < 1 || dir.orientation > 8 { // TIFF 6.0, section 8 has no others
		dir.orientation = 1
	}
	switch unit {
	case 1: // no absolute unit: the numbers give the aspect ratio only
		dir.xdpi, dir.ydpi = 0, 0
	case 3: // dots per centimetre
		dir.xdpi, dir.ydpi = dir.xdpi*2.54, dir.ydpi*2.54
	}
	return dir, int64(order.Uint32(buf[n*12:])), nil
}

func shortOrLong(order binary.ByteOrder, entry []byte) int {
	if order.Uint16(entry[2:]) == 3 {
		return int(order.Uint16(entry[8:]))
	}
	return int(order.Uint32(entry[8:]))
}

func rational(r io.ReaderAt, order binary.ByteOrder, entry []byte) float64 {
	var b [8]byte
	if _, err := r.ReadAt(b[:], int64(order.Uint32(entry[8:]))); err != nil {
		return 0
	}
	den := order.Uint32(b[4:])
	if den == 0 {
		return 0
	}
	return float64(order.Uint32(b[:])) / float64(den)
}
