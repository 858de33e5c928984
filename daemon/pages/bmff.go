package pages

import (
	"encoding/binary"
	"errors"
)

// box is a part of a file in the ISO base media format (ISO/IEC 14496-12, 4.2),
// which HEIC, AVIF and JPEG 2000 use.
type box struct {
	kind string
	body []byte
	// cut is true where the box says it is longer than what is left.
	cut bool
}

// maxBoxes bounds the boxes in one other.
const maxBoxes = 4096

// boxes takes apart what stands side by side in data.
func boxes(data []byte) (out []box) {
	for len(data) >= 8 && len(out) < maxBoxes {
		size, head := uint64(binary.BigEndian.Uint32(data)), uint64(8)
		switch {
		case size == 0: // to the end
			size = uint64(len(data))
		case size == 1:
			if len(data) < 16 {
				return out
			}
			size, head = binary.BigEndian.Uint64(data[8:]), 16
		}
		b := box{kind: string(data[4:8])}
		if size < head {
			return out
		}
		if size > uint64(len(data)) {
			b.cut, size = true, uint64(len(data))
		}
		b.body = data[head:size]
		out = append(out, b)
		data = data[size:]
	}
	return out
}

func findBox(in []box, kind string) (box, bool) {
	for _, b := range in {
		if b.kind == kind {
			return b, true
		}
	}
	return box{}, false
}

// heifInfo is what the boxes of a HEIC or AVIF file say (ISO/IEC 23008-12).
type heifInfo struct {
	// width and height are the shown picture's, cropWidth and cropHeight what is
	// seen of it (0: all).
	width, height         int
	cropWidth, cropHeight int
	// turns are quarter turns to the left of the shown picture (6.5.10), mirror
	// is 0 for none, 1 for left and right changed, 2 for top and bottom (6.5.12).
	// placed is true where the container says either, be it that nothing turns.
	turns, mirror int
	placed        bool
	// squeezed is true for colours that do not use the whole range of values.
	squeezed bool
	icc      []byte
	exif     []byte
}

var errHEIF = errors.New("no picture is described")

func parseHEIF(data []byte) (h heifInfo, err error) {
	outer := boxes(data)
	meta, ok := findBox(outer, "meta")
	if !ok || len(meta.body) < 4 {
		if _, film := findBox(outer, "moov"); film {
			return h, unusual("a film without a still picture")
		}
		return h, errHEIF
	}
	parts := boxes(meta.body[4:])
	properties, _ := findBox(parts, "iprp")
	inner := boxes(properties.body)
	list, _ := findBox(inner, "ipco")
	all := boxes(list.body)
	largest := 0
	for _, p := range all {
		if w, hgt := extent(p); w > 0 {
			largest = max(largest, w*hgt)
		}
	}
	primary, _ := findBox(parts, "pitm")
	links, _ := findBox(inner, "ipma")
	for _, i := range associated(links.body, itemID(primary.body)) {
		if i >= 1 && i <= len(all) {
			h.property(all[i-1])
		}
	}
	// Thumbnails and tiles are smaller: what a decoder needs is bounded by what
	// is shown.
	if h.width == 0 || largest > 2*h.width*h.height+1<<20 {
		return h, errHEIF
	}
	h.exif = exifItem(data, parts)
	return h, nil
}

// extent is a picture's size in an "ispe" box, 0 in others.
func extent(p box) (width, height int) {
	if p.kind != "ispe" || len(p.body) < 12 {
		return 0, 0
	}
	w, h := binary.BigEndian.Uint32(p.body[4:]), binary.BigEndian.Uint32(p.body[8:])
	if w > 1<<20 || h > 1<<20 {
		return 0, 0
	}
	return int(w), int(h)
}

func (h *heifInfo) property(p box) {
	switch {
	case p.kind == "ispe":
		h.width, h.height = extent(p)
	case p.kind == "clap" && len(p.body) >= 16:
		ratio := func(i int) int {
			return int(binary.BigEndian.Uint32(p.body[i:]) / max(binary.BigEndian.Uint32(p.body[i+4:]), 1))
		}
		h.cropWidth, h.cropHeight = ratio(0), ratio(8)
	case p.kind == "irot" && len(p.body) >= 1:
		h.turns, h.placed = int(p.body[0]&3), true
	case p.kind == "imir" && len(p.body) >= 1:
		h.mirror, h.placed = 2-int(p.body[0]&1), true // axis 0 is horizontal: top and bottom change
	case p.kind == "colr" && len(p.body) >= 4 && (string(p.body[:4]) == "prof" || string(p.body[:4]) == "rICC"):
		h.icc = p.body[4:]
	case p.kind == "colr" && len(p.body) >= 11 && string(p.body[:4]) == "nclx":
		h.squeezed = p.body[10]&0x80 == 0
	}
}

// itemID is the shown item's number in a "pitm" box.
func itemID(body []byte) int {
	switch {
	case len(body) >= 6 && body[0] == 0:
		return int(binary.BigEndian.Uint16(body[4:]))
	case len(body) >= 8:
		return int(binary.BigEndian.Uint32(body[4:]))
	}
	return 0
}

// associated lists the properties of an item (8.11.14, "ipma").
func associated(body []byte, item int) (out []int) {
	r := byteReader{data: body}
	version, flags := r.uint(1), r.uint(3)
	idSize, linkSize := 2, 1
	if version > 0 {
		idSize = 4
	}
	if flags&1 != 0 {
		linkSize = 2
	}
	for range r.uint(4) {
		id, n := r.uint(idSize), r.uint(1)
		for range n {
			link := r.uint(linkSize) & (1<<(8*linkSize-1) - 1)
			if id == item {
				out = append(out, link)
			}
		}
		if r.short {
			break
		}
	}
	return out
}

// byteReader reads numbers, highest byte first; past the end they are 0.
type byteReader struct {
	data  []byte
	short bool
}

func (r *byteReader) uint(n int) (v int) {
	if len(r.data) < n {
		r.short, r.data = true, nil
		return 0
	}
	for _, b := range r.data[:n] {
		v = v<<8 | int(b)
	}
	r.data = r.data[n:]
	return v
}

// exifItem is the Exif block of the file, nil when it has none that stands in
// the file itself (8.11.3 "iloc", 8.11.6 "iinf"; ISO/IEC 23008-12, annex A).
func exifItem(data []byte, parts []box) []byte {
	item := 0
	infos, _ := findBox(parts, "iinf")
	if len(infos.body) < 8 {
		return nil
	}
	skip := 6
	if infos.body[0] > 0 {
		skip = 8
	}
	for _, info := range boxes(infos.body[skip:]) {
		r := byteReader{data: info.body}
		version := r.uint(1)
		r.uint(3)
		id := r.uint(map[int]int{2: 2, 3: 4}[version])
		r.uint(2)
		if info.kind == "infe" && r.uint(4) == 0x45786966 { // "Exif"
			item = id
		}
	}
	places, _ := findBox(parts, "iloc")
	offset, length := location(places.body, item)
	if item == 0 || length < 8 || offset < 0 || offset > len(data)-length {
		return nil
	}
	block := data[offset : offset+length]
	if start := 4 + int(binary.BigEndian.Uint32(block)); start > 0 && start < len(block) {
		return block[start:]
	}
	return nil
}

// location is where an item of one extent stands in the file.
func location(body []byte, item int) (offset, length int) {
	r := byteReader{data: body}
	version := r.uint(1)
	r.uint(3)
	sizes := r.uint(2)
	offsetSize, lengthSize, baseSize, indexSize := sizes>>12&15, sizes>>8&15, sizes>>4&15, sizes&15
	idSize := 2
	if version == 2 {
		idSize = 4
	}
	if version == 0 {
		indexSize = 0
	}
	if max(offsetSize, lengthSize, baseSize, indexSize) > 8 {
		return 0, 0
	}
	for range r.uint(idSize) {
		id, method := r.uint(idSize), 0
		if version > 0 {
			method = r.uint(2) & 15
		}
		r.uint(2)
		base, extents := r.uint(baseSize), r.uint(2)
		for range extents {
			r.uint(indexSize)
			at, n := r.uint(offsetSize), r.uint(lengthSize)
			if id == item && method == 0 && extents == 1 {
				return base + at, n
			}
			if r.short {
				return 0, 0
			}
		}
		if r.short {
			return 0, 0
		}
	}
	return 0, 0
}

// orientation is what the turn and the mirror come to (1..8, as in TIFF). The
// mirror comes after the turn.
func (h heifInfo) orientation() int {
	turned := [4]int{1, 8, 3, 6}[h.turns]
	switch h.mirror {
	case 1:
		return map[int]int{1: 2, 8: 7, 3: 4, 6: 5}[turned]
	case 2:
		return map[int]int{1: 4, 8: 5, 3: 2, 6: 7}[turned]
	}
	return turned
}
