package daemon

import "encoding/binary"

// tiffOf writes a two-page TIFF: an uncompressed grey page, then one that only
// claims its size, with a single short strip.
func tiffOf(pix []byte, w, h, claimedW, claimedH uint32) []byte {
	le := binary.LittleEndian
	out := []byte("II*\x00\x00\x00\x00\x00")
	data := uint32(len(out))
	out = append(out, pix...)
	first := uint32(len(out))
	le.PutUint32(out[4:], first)
	directory := func(width, height, compression, offset, count, next uint32) {
		tags := [][4]uint32{{256, 4, 1, width}, {257, 4, 1, height}, {258, 3, 1, 8}, {259, 3, 1, compression}, {262, 3, 1, 1},
			{273, 4, 1, offset}, {277, 3, 1, 1}, {278, 4, 1, height}, {279, 4, 1, count}}
		out = le.AppendUint16(out, uint16(len(tags)))
		for _, tag := range tags {
			out = le.AppendUint16(out, uint16(tag[0]))
			out = le.AppendUint16(out, uint16(tag[1]))
			out = le.AppendUint32(out, tag[2])
			out = le.AppendUint32(out, tag[3])
		}
		out = le.AppendUint32(out, next)
	}
	const size = 2 + 9*12 + 4
	directory(w, h, 1, data, uint32(len(pix)), first+size)
	directory(claimedW, claimedH, 32773, data, uint32(len(pix)), 0)
	return out
}
