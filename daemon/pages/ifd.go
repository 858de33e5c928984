package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The TIFF tags that are read here (TIFF 6.0, section 8 and 22; Exif 2.32 uses
// the same for what it shares).
const (
	tagSubfile         = 254
	tagOldSubfile      = 255
	tagWidth           = 256
	tagHeight          = 257
	tagBits            = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagMake            = 271
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamples         = 277
	tagRowsPerStrip    = 278
	tagStripCounts     = 279
	tagXResolution     = 282
	tagYResolution     = 283
	tagPlanar          = 284
	tagT4Options       = 292
	tagResolutionUnit  = 296
	tagPredictor       = 317
	tagColorMap        = 320
	tagTileWidth       = 322
	tagTileHeight      = 323
	tagTileOffsets     = 324
	tagTileCounts      = 325
	tagInkSet          = 332
	tagExtraSamples    = 338
	tagSampleFormat    = 339
	tagJPEGTables      = 347
	tagJPEGInterchange = 513
	tagJPEGLength      = 514
	tagJPEGRestart     = 515
	tagJPEGQTables     = 519
	tagJPEGDCTables    = 520
	tagJPEGACTables    = 521
	tagSubsampling     = 530
	tagExposureTime    = 33434
	tagFNumber         = 33437
	tagICC             = 34675
	tagExifDirectory   = 34665
)

const (
	maxDirectories = 65535
	maxEntries     = 4096
	// maxValues bounds the values of one entry: enough for the strips of any
	// page within the limits.
	maxValues = 1 << 22
)

// tiffReader reads the structure of a TIFF, or of an Exif block, which is one.
type tiffReader struct {
	r     io.ReaderAt
	size  int64 // of the whole, in bytes
	order binary.ByteOrder
	big   bool // BigTIFF: 64 bits where TIFF has 32
	first int64
}

// directory is one image file directory: where it stands and what says how its
// picture is to be seen.
type directory struct {
	offset        int64
	width, height int
	orientation   int
	// xdpi and ydpi are 0 where there is no resolution; unitless says that the
	// numbers came without a unit.
	xdpi, ydpi float64
	unitless   bool
	// thumbnail is true for a small copy of another picture, mask for one that
	// says what of another is seen.
	thumbnail, mask bool
}

// field is one entry: its values, or where they stand.
type field struct {
	tag, kind uint16
	count     int64
	value     [8]byte
}

func newTIFFReader(r io.ReaderAt, size int64) (*tiffReader, error) {
	head := make([]byte, 16)
	if n, err := r.ReadAt(head, 0); n < 8 {
		return nil, fmt.Errorf("read TIFF header: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	t := &tiffReader{r: r, size: size}
	switch string(head[:2]) {
	case "II":
		t.order = binary.LittleEndian
	case "MM":
		t.order = binary.BigEndian
	default:
		return nil, errors.New("not a TIFF header")
	}
	switch version := t.order.Uint16(head[2:]); {
	case version == 42:
		t.first = int64(t.order.Uint32(head[4:]))
	case version == 43 && t.order.Uint16(head[4:]) == 8:
		t.big, t.first = true, int64(t.order.Uint64(head[8:]))
	default:
		return nil, fmt.Errorf("TIFF version %d", version)
	}
	return t, nil
}

func (t *tiffReader) bigEndian() bool { return t.order.Uint16([]byte{0, 1}) == 1 }

// errManyDirectories says that a file has more directories than are followed.
var errManyDirectories = errors.New("too many directories")

// directories lists the directories in the file's chain. It stops with an error
// at a loop, at anything out of bounds, and past limit (errManyDirectories), and
// returns what it had until then.
func (t *tiffReader) directories(limit int) ([]directory, error) {
	var out []directory
	seen := map[int64]bool{}
	for offset := t.first; offset != 0; {
		if seen[offset] {
			return out, fmt.Errorf("directory at %d is named twice: the file goes round in circles", offset)
		}
		seen[offset] = true
		fields, next, err := t.fields(offset)
		if err != nil {
			return out, fmt.Errorf("directory at %d: %w", offset, err)
		}
		out = append(out, t.directory(offset, fields))
		if len(out) > min(limit, maxDirectories) {
			return out, errManyDirectories
		}
		offset = next
	}
	return out, nil
}

// fields reads the directory at offset and the offset of the next one.
func (t *tiffReader) fields(offset int64) (out []field, next int64, err error) {
	countSize, entrySize, wordSize := int64(2), int64(12), int64(4)
	if t.big {
		countSize, entrySize, wordSize = 8, 20, 8
	}
	head := make([]byte, 8)
	if offset < 0 || offset > t.size-countSize {
		return nil, 0, errors.New("it lies behind the end of the file")
	}
	if _, err := t.r.ReadAt(head[:countSize], offset); err != nil {
		return nil, 0, fmt.Errorf("read number of entries: %w", err)
	}
	n := int64(t.order.Uint16(head))
	if t.big {
		n = int64(t.order.Uint64(head))
	}
	if n <= 0 || n > maxEntries {
		return nil, 0, fmt.Errorf("%d entries", n)
	}
	buf := make([]byte, n*entrySize+wordSize)
	if got, err := t.r.ReadAt(buf, offset+countSize); int64(got) < n*entrySize {
		return nil, 0, fmt.Errorf("read entries: %w", err)
	}
	for i := range n {
		e := buf[i*entrySize:][:entrySize]
		f := field{tag: t.order.Uint16(e), kind: t.order.Uint16(e[2:]), count: t.word(e[4:])}
		copy(f.value[:], e[4+wordSize:])
		out = append(out, f)
	}
	return out, t.word(buf[n*entrySize:]), nil
}

// word is an offset or a count.
func (t *tiffReader) word(b []byte) int64 {
	if t.big {
		return int64(min(t.order.Uint64(b), math.MaxInt64))
	}
	return int64(t.order.Uint32(b))
}

// kindSize is the length of one value of a type (TIFF 6.0, section 2; the long
// ones are BigTIFF's); 0 for types that are not known.
func kindSize(kind uint16) int64 {
	switch kind {
	case 1, 2, 6, 7:
		return 1
	case 3, 8:
		return 2
	case 4, 9, 11, 13:
		return 4
	case 5, 10, 12, 16, 17, 18:
		return 8
	}
	return 0
}

// bytes are the raw values of a tag, at most most of them; nil when it is absent or
// its values are not in the file.
func (t *tiffReader) bytes(fields []field, tag uint16, most int64) (raw []byte, kind uint16) {
	for _, f := range fields {
		size := kindSize(f.kind)
		if f.tag != tag || size == 0 || f.count <= 0 || f.count > most {
			continue
		}
		inline, length := int64(4), size*f.count
		if t.big {
			inline = 8
		}
		if length <= inline {
			return f.value[:length], f.kind
		}
		offset := t.word(f.value[:])
		if offset < 0 || length > t.size || offset > t.size-length {
			return nil, 0
		}
		raw := make([]byte, length)
		if _, err := t.r.ReadAt(raw, offset); err != nil {
			return nil, 0
		}
		return raw, f.kind
	}
	return nil, 0
}

// ints are a tag's values as numbers; nil when it is absent or of another type.
func (t *tiffReader) ints(fields []field, tag uint16) []int64 {
	raw, kind := t.bytes(fields, tag, maxValues)
	size := kindSize(kind)
	if size == 0 {
		return nil
	}
	out := make([]int64, 0, int64(len(raw))/size)
	for ; len(raw) > 0; raw = raw[size:] {
		switch kind {
		case 1, 7:
			out = append(out, int64(raw[0]))
		case 3:
			out = append(out, int64(t.order.Uint16(raw)))
		case 4, 13:
			out = append(out, int64(t.order.Uint32(raw)))
		case 16, 18:
			out = append(out, int64(min(t.order.Uint64(raw), math.MaxInt64)))
		default:
			return nil
		}
	}
	return out
}

// int is a tag's first value, or otherwise.
func (t *tiffReader) int(fields []field, tag uint16, otherwise int) int {
	if v := t.ints(fields, tag); len(v) > 0 && v[0] <= math.MaxInt32 {
		return int(v[0])
	}
	return otherwise
}

func (t *tiffReader) rational(fields []field, tag uint16) float64 {
	raw, kind := t.bytes(fields, tag, 1)
	if kind != 5 {
		return 0
	}
	den := t.order.Uint32(raw[4:])
	if den == 0 {
		return 0
	}
	return float64(t.order.Uint32(raw)) / float64(den)
}

func (t *tiffReader) directory(offset int64, fields []field) directory {
	kind, old := t.int(fields, tagSubfile, 0), t.int(fields, tagOldSubfile, 0)
	d := directory{offset: offset,
		width: t.int(fields, tagWidth, 0), height: t.int(fields, tagHeight, 0),
		orientation: t.int(fields, tagOrientation, 1),
		xdpi:        t.rational(fields, tagXResolution), ydpi: t.rational(fields, tagYResolution),
		thumbnail: kind&1 != 0 || old == 2, mask: kind&4 != 0,
	}
	if d.orientation < 1 || d.orientation > 8 { // TIFF 6.0, section 8 has no others
		d.orientation = 1
	}
	switch t.int(fields, tagResolutionUnit, 2) {
	case 1:
		d.unitless = true
	case 3: // dots per centimetre
		d.xdpi, d.ydpi = d.xdpi*2.54, d.ydpi*2.54
	}
	return d
}
