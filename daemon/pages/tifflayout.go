package pages

import (
	"errors"
	"fmt"
)

// unusual says what a TIFF page has that is not read here.
type unusual string

func (u unusual) Error() string { return string(u) }

// The values that are read of some tags (TIFF 6.0, section 8 and later; 7 is of
// Adobe's TIFF Technical Note 2, 8 of its Photoshop notes).
const (
	compressionNone       = 1
	compressionRLE        = 2 // fax rows without line ends
	compressionG3         = 3
	compressionG4         = 4
	compressionLZW        = 5
	compressionOldJPEG    = 6
	compressionJPEG       = 7
	compressionDeflate    = 8
	compressionOldDeflate = 32946
	compressionPackBits   = 32773

	whiteIsZero = 0
	blackIsZero = 1
	rgb         = 2
	palette     = 3
	maskOnly    = 4
	separated   = 5 // CMYK
	yCbCr       = 6
)

const (
	// maxExtra is how many samples a pixel may have besides its colours.
	maxExtra = 4
	// maxBand is how many bytes may be decoded at once, all planes together.
	maxBand = 2 << 30
)

// layout is how a page's samples are stored.
type layout struct {
	width, height int
	compression   int
	photometric   int
	bits          int
	// samples is the number a pixel has, colours those that are no extra ones.
	samples, colours int
	// alpha is true where the sample after the colours is opacity;
	// premultiplied where the colours have been multiplied by it.
	alpha, premultiplied bool
	planar               bool // each sample has pieces of its own
	reversed             bool // FillOrder 2: the lowest bit comes first
	predictor            int
	// The pieces: strips as wide as the page, or tiles.
	tiled                   bool
	pieceWidth, pieceHeight int
	offsets, counts         []int64
	// Chroma is stored once for so many pixels across and down.
	across, down int
	t4           int
}

// planes is how many times the page is covered by pieces.
func (l layout) planes() int {
	if l.planar {
		return l.samples
	}
	return 1
}

// perPlane is the number of samples a pixel has in each plane.
func (l layout) perPlane() int { return l.samples / l.planes() }

// stride is the length in bytes of a row of n pixels in a piece.
func (l layout) stride(n int) int { return (n*l.perPlane()*l.bits + 7) / 8 }

func (l layout) columns() int { return (l.width + l.pieceWidth - 1) / l.pieceWidth }
func (l layout) rows() int    { return (l.height + l.pieceHeight - 1) / l.pieceHeight }

// layout reads what the fields say about the samples. Errors are unusual where
// they are well said but not read here.
func (t *tiffReader) layout(d directory, fields []field) (layout, error) {
	bits := t.ints(fields, tagBits)
	l := layout{width: d.width, height: d.height,
		compression: t.int(fields, tagCompression, compressionNone),
		bits:        1, samples: t.int(fields, tagSamples, max(len(bits), 1)),
		planar:    t.int(fields, tagPlanar, 1) == 2,
		reversed:  t.int(fields, tagFillOrder, 1) == 2,
		predictor: t.int(fields, tagPredictor, 1),
		t4:        t.int(fields, tagT4Options, 0),
		across:    1, down: 1,
	}
	if l.width <= 0 || l.height <= 0 {
		return l, errors.New("no width or no height")
	}
	for i, b := range bits {
		if i == 0 {
			l.bits = int(b)
		} else if i < l.samples && int(b) != l.bits {
			return l, unusual(fmt.Sprintf("samples of %d and %d bits", l.bits, b))
		}
	}
	switch l.bits {
	case 1, 2, 4, 8, 16:
	default:
		return l, unusual(fmt.Sprintf("samples of %d bits", l.bits))
	}
	for _, format := range t.ints(fields, tagSampleFormat) {
		if format != 1 && format != 4 { // unsigned, or not said
			return l, unusual("samples that are not whole numbers from 0")
		}
	}
	if l.samples < 1 || l.samples > 32 {
		return l, fmt.Errorf("%d samples a pixel", l.samples)
	}
	if err := l.meaning(t, fields); err != nil {
		return l, err
	}
	if l.samples > l.colours+maxExtra {
		return l, unusual(fmt.Sprintf("%d samples a pixel", l.samples))
	}
	l.planar = l.planar && l.samples > 1
	return l, l.pieces(t, fields)
}

// meaning finds out what the samples stand for.
func (l *layout) meaning(t *tiffReader, fields []field) error {
	otherwise := blackIsZero
	switch {
	case l.samples >= 3:
		otherwise = rgb
	case l.compression >= compressionRLE && l.compression <= compressionG4:
		otherwise = whiteIsZero
	}
	l.photometric = t.int(fields, tagPhotometric, otherwise)
	switch l.photometric {
	case whiteIsZero, blackIsZero, palette, maskOnly:
		l.colours = 1
	case rgb, yCbCr:
		l.colours = 3
	case separated:
		l.colours = 4
		if t.int(fields, tagInkSet, 1) != 1 {
			return unusual("inks other than cyan, magenta, yellow and black")
		}
	default:
		return unusual(fmt.Sprintf("colours of kind %d", l.photometric))
	}
	if l.samples < l.colours {
		return fmt.Errorf("%d samples a pixel for colours of kind %d", l.samples, l.photometric)
	}
	if l.photometric == palette && l.bits > 8 {
		return unusual("a palette of more than 256 colours")
	}
	if l.samples > l.colours && l.photometric != palette && l.photometric != separated {
		// libtiff, and so most programs, takes an extra sample that is not
		// explained for opacity that the colours are multiplied by.
		extra := t.int(fields, tagExtraSamples, 0)
		l.alpha = extra == 1 || extra == 2 || l.colours == 3
		l.premultiplied = extra != 2
	}
	if l.photometric == yCbCr {
		if l.bits != 8 {
			return unusual(fmt.Sprintf("brightness and chroma of %d bits", l.bits))
		}
		l.across, l.down = 2, 2
		if s := t.ints(fields, tagSubsampling); len(s) == 2 {
			l.across, l.down = int(s[0]), int(s[1])
		}
		if l.across != 1 && l.across != 2 && l.across != 4 || l.down != 1 && l.down != 2 && l.down != 4 {
			return fmt.Errorf("chroma of one in %d x %d", l.across, l.down)
		}
	}
	return nil
}

// pieces finds the strips or tiles.
func (l *layout) pieces(t *tiffReader, fields []field) error {
	l.pieceWidth, l.pieceHeight = l.width, t.int(fields, tagRowsPerStrip, l.height)
	l.offsets, l.counts = t.ints(fields, tagStripOffsets), t.ints(fields, tagStripCounts)
	if w := t.int(fields, tagTileWidth, 0); w > 0 {
		l.tiled = true
		l.pieceWidth, l.pieceHeight = w, t.int(fields, tagTileHeight, 0)
		if o := t.ints(fields, tagTileOffsets); o != nil {
			l.offsets, l.counts = o, t.ints(fields, tagTileCounts)
		}
	}
	if !l.tiled && (l.pieceHeight <= 0 || l.pieceHeight > l.height) {
		l.pieceHeight = l.height
	}
	// Tiles may reach over the page's edges, but not by whole tiles.
	if l.pieceHeight <= 0 || l.tiled && (l.pieceWidth > l.width+4096 || l.pieceHeight > l.height+4096) {
		return fmt.Errorf("tiles of %d x %d", l.pieceWidth, l.pieceHeight)
	}
	if l.tiled && l.pieceWidth*l.perPlane()*l.bits%8 != 0 {
		return unusual(fmt.Sprintf("tiles %d pixels wide", l.pieceWidth))
	}
	band := int64(l.planes()) * int64(l.pieceHeight) * int64(max(l.stride(l.width), l.stride(l.pieceWidth)))
	if band > maxBand {
		return unusual(fmt.Sprintf("pieces of %d million bytes", band/1_000_000))
	}
	want := l.planes() * l.columns() * l.rows()
	if len(l.offsets) < want {
		return fmt.Errorf("%d pieces for a page of %d", len(l.offsets), want)
	}
	if len(l.counts) < want {
		if len(l.counts) > 0 || want > 1 && l.compression != compressionNone {
			return fmt.Errorf("lengths of %d pieces for a page of %d", len(l.counts), want)
		}
		l.counts = nil // all that is left, cut to what is needed
	}
	return nil
}
