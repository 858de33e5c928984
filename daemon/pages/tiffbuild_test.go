package pages

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"io"
	"math/bits"
	"slices"

	"intray/daemon/fax"
)

// deflater is used again and again: a new one takes a megabyte.
var deflater = zlib.NewWriter(io.Discard)

// tiffImage describes a page to be written in one of TIFF's many ways.
type tiffImage struct {
	width, height    int
	bits, samples    int
	photometric      int
	compression      int
	planar, reversed bool
	predictor        int
	pieceHeight      int // rows of a strip, or of a tile where pieceWidth is set
	pieceWidth       int
	orientation      int
	dpi              int
	// sample is one sample of a pixel.
	sample func(x, y, i int) uint16
	// pack replaces how a piece becomes bytes before compression.
	pack func(x0, y0, w, h, first, n int) []byte
	// encode replaces the compression.
	encode func(raw []byte, w, h int) []byte
	more   map[uint16][]uint32
	blobs  map[uint16][]byte
	// without are tags left out.
	without []uint16
}

type tiffWriter struct {
	order binary.AppendByteOrder
	bytes binary.ByteOrder
	big   bool
	out   []byte
}

// buildTIFF writes a whole file.
func buildTIFF(little, big bool, pages ...tiffImage) []byte {
	w := &tiffWriter{order: binary.BigEndian, bytes: binary.BigEndian, big: big}
	mark := "MM"
	if little {
		w.order, w.bytes, mark = binary.LittleEndian, binary.LittleEndian, "II"
	}
	w.out = append(w.out, mark...)
	if big {
		w.out = w.order.AppendUint16(w.order.AppendUint16(w.order.AppendUint16(w.out, 43), 8), 0)
	} else {
		w.out = w.order.AppendUint16(w.out, 42)
	}
	link := len(w.out)
	w.word(0)
	for _, p := range pages {
		link = w.page(p, link)
	}
	return w.out
}

func (w *tiffWriter) word(v int) {
	if w.big {
		w.out = w.order.AppendUint64(w.out, uint64(v))
	} else {
		w.out = w.order.AppendUint32(w.out, uint32(v))
	}
}

func (w *tiffWriter) putWord(at, v int) {
	if w.big {
		w.bytes.PutUint64(w.out[at:], uint64(v))
	} else {
		w.bytes.PutUint32(w.out[at:], uint32(v))
	}
}

// page appends a page's pieces and its directory, and links it; it returns
// where the next link goes.
func (w *tiffWriter) page(p tiffImage, link int) int {
	var offsets, counts []uint32
	for _, piece := range p.pieces(w.order) {
		offsets, counts = append(offsets, uint32(len(w.out))), append(counts, uint32(len(piece)))
		w.out = append(w.out, piece...)
	}
	values := map[uint16][]uint32{
		tagWidth: {uint32(p.width)}, tagHeight: {uint32(p.height)}, tagCompression: {uint32(p.compression)},
		tagPhotometric: {uint32(p.photometric)}, tagSamples: {uint32(p.samples)},
		tagPlanar: {1}, tagOrientation: {uint32(max(p.orientation, 1))}, tagPredictor: {uint32(max(p.predictor, 1))},
	}
	for range p.samples {
		values[tagBits] = append(values[tagBits], uint32(p.bits))
	}
	if p.planar {
		values[tagPlanar] = []uint32{2}
	}
	if p.reversed {
		values[tagFillOrder] = []uint32{2}
	}
	if p.pieceWidth > 0 {
		values[tagTileWidth], values[tagTileHeight] = []uint32{uint32(p.pieceWidth)}, []uint32{uint32(p.pieceHeight)}
		values[tagTileOffsets], values[tagTileCounts] = offsets, counts
	} else {
		values[tagRowsPerStrip] = []uint32{uint32(p.rows())}
		values[tagStripOffsets], values[tagStripCounts] = offsets, counts
	}
	for tag, v := range p.more {
		values[tag] = v
	}
	w.directory(p, values, link)
	return len(w.out) - map[bool]int{true: 8, false: 4}[w.big]
}

func (w *tiffWriter) directory(p tiffImage, values map[uint16][]uint32, link int) {
	type item struct {
		tag, kind uint16
		count     int
		raw       []byte
	}
	var items []item
	for tag, list := range values {
		it := item{tag: tag, kind: 4, count: len(list)}
		for _, v := range list {
			it.raw = w.order.AppendUint32(it.raw, v)
		}
		items = append(items, it)
	}
	for tag, raw := range p.blobs {
		items = append(items, item{tag, 7, len(raw), raw})
	}
	if p.dpi > 0 {
		raw := w.order.AppendUint32(w.order.AppendUint32(nil, uint32(p.dpi)), 1)
		items = append(items, item{tagXResolution, 5, 1, raw}, item{tagYResolution, 5, 1, raw})
	}
	items = slices.DeleteFunc(items, func(it item) bool { return slices.Contains(p.without, it.tag) })
	slices.SortFunc(items, func(a, b item) int { return int(a.tag) - int(b.tag) })
	room := map[bool]int{true: 8, false: 4}[w.big]
	places := make([]int, len(items))
	for i, it := range items {
		if len(it.raw) > room {
			places[i] = len(w.out)
			w.out = append(w.out, it.raw...)
		}
	}
	w.putWord(link, len(w.out))
	if w.big {
		w.word(len(items))
	} else {
		w.out = w.order.AppendUint16(w.out, uint16(len(items)))
	}
	for i, it := range items {
		w.out = w.order.AppendUint16(w.order.AppendUint16(w.out, it.tag), it.kind)
		w.word(it.count)
		if len(it.raw) > room {
			w.word(places[i])
		} else {
			w.out = append(append(w.out, it.raw...), make([]byte, room-len(it.raw))...)
		}
	}
	w.word(0)
}

func (p tiffImage) rows() int {
	if p.pieceHeight > 0 {
		return p.pieceHeight
	}
	return p.height
}

// pieces are the strips or tiles, compressed, plane after plane.
func (p tiffImage) pieces(order binary.AppendByteOrder) (out [][]byte) {
	pw, n, planes := p.width, p.samples, 1
	if p.pieceWidth > 0 {
		pw = p.pieceWidth
	}
	if p.planar {
		n, planes = 1, p.samples
	}
	for plane := range planes {
		for y := 0; y < p.height; y += p.rows() {
			for x := 0; x < p.width; x += pw {
				h := p.rows()
				if p.pieceWidth == 0 {
					h = min(h, p.height-y)
				}
				raw := p.packed(order, x, y, pw, h, plane, n)
				if p.encode != nil {
					raw = p.encode(raw, pw, h)
				} else {
					raw = p.compressed(raw, pw, h)
				}
				if p.reversed {
					raw = slices.Clone(raw)
					for i := range raw {
						raw[i] = bits.Reverse8(raw[i])
					}
				}
				out = append(out, raw)
			}
		}
	}
	return out
}

func (p tiffImage) packed(order binary.AppendByteOrder, x0, y0, w, h, first, n int) (out []byte) {
	if p.pack != nil {
		return p.pack(x0, y0, w, h, first, n)
	}
	for y := y0; y < y0+h; y++ {
		var row []byte
		filled := 0
		var before [8]uint16
		for x := x0; x < x0+w; x++ {
			for i := range n {
				v := p.sample(min(x, p.width-1), min(y, p.height-1), first+i)
				if p.predictor == 2 {
					v, before[i] = v-before[i], v
				}
				switch p.bits {
				case 16:
					row = order.AppendUint16(row, v)
				case 8:
					row = append(row, byte(v))
				default:
					if filled%8 == 0 {
						row = append(row, 0)
					}
					row[len(row)-1] |= byte(v) << (8 - p.bits - filled%8)
					filled += p.bits
				}
			}
		}
		out = append(out, row...)
	}
	return out
}

func (p tiffImage) compressed(raw []byte, w, h int) []byte {
	switch p.compression {
	case compressionPackBits:
		var out []byte
		for len(raw) > 0 { // a run where there is one, else single bytes
			n := 1
			for n < len(raw) && n < 128 && raw[n] == raw[0] {
				n++
			}
			out = append(out, byte(1-n), raw[0])
			raw = raw[n:]
		}
		return out
	case compressionDeflate, compressionOldDeflate:
		var b bytes.Buffer
		deflater.Reset(&b)
		_, _ = deflater.Write(raw)
		_ = deflater.Close()
		return b.Bytes()
	case compressionLZW:
		return lzwLiterals(raw)
	case compressionG4:
		e := fax.NewEncoder(w)
		for y := range h {
			e.Row(raw[y*fax.Stride(w):][:fax.Stride(w)])
		}
		return e.Close()
	}
	return raw
}

// lzwLiterals is LZW that never uses its table: clear codes keep the codes at
// nine bits.
func lzwLiterals(raw []byte) []byte {
	var out []byte
	acc, n := uint32(0), 0
	put := func(code uint32) {
		acc, n = acc<<9|code, n+9
		for ; n >= 8; n -= 8 {
			out = append(out, byte(acc>>(n-8)))
		}
	}
	for i, b := range raw {
		if i%200 == 0 {
			put(256)
		}
		put(uint32(b))
	}
	put(257)
	return append(out, byte(acc<<(8-n)))
}

// bitString turns "0101" into bytes.
func bitString(s string) []byte {
	out := make([]byte, (len(s)+7)/8)
	for i, c := range s {
		if c == '1' {
			out[i/8] |= 0x80 >> (i % 8)
		}
	}
	return out
}

// ycc is a picture whose planes are filled by f.
func ycc(w, h int, f func(x, y, i int) uint16) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio444)
	for y := range h {
		for x := range w {
			img.Y[y*img.YStride+x] = uint8(f(x, y, 0))
			img.Cb[y*img.CStride+x], img.Cr[y*img.CStride+x] = uint8(f(x, y, 1)), uint8(f(x, y, 2))
		}
	}
	return img
}
