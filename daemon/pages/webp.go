package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"slices"

	"golang.org/x/image/webp"
)

// chunk is a part of a RIFF file.
type chunk struct {
	kind string
	body []byte
}

// riffChunks takes apart what stands in a RIFF file or in one of its chunks
// (WebP container specification).
func riffChunks(data []byte) (out []chunk) {
	for len(data) >= 8 {
		size := int64(binary.LittleEndian.Uint32(data[4:]))
		if size > int64(len(data)-8) {
			return out
		}
		out = append(out, chunk{string(data[:4]), data[8 : 8+size]})
		data = data[min(8+size+size%2, int64(len(data))):]
	}
	return out
}

// webpChunks are the chunks of a file.
func webpChunks(data []byte) ([]chunk, error) {
	if len(data) < 12 {
		return nil, errors.New("too short")
	}
	return riffChunks(data[12:]), nil
}

func find(chunks []chunk, kind string) []byte {
	i := slices.IndexFunc(chunks, func(c chunk) bool { return c.kind == kind })
	if i < 0 {
		return nil
	}
	return chunks[i].body
}

func webpHeader(data []byte) (header, error) {
	h := header{look: look{orientation: 1}}
	chunks, err := webpChunks(data)
	if err != nil {
		return h, err
	}
	still, err := webpStill(data)
	if err != nil {
		return h, err
	}
	if len(still) > 0 && find(chunks, "ANMF") != nil {
		h.warnings = append(h.warnings, firstOnly("an animation"))
	}
	config, err := webp.DecodeConfig(bytes.NewReader(still))
	if err != nil {
		return h, err
	}
	h.width, h.height, h.icc = config.Width, config.Height, find(chunks, "ICCP")
	if exif, ok := readExif(find(chunks, "EXIF")); ok {
		h.look = exif
	}
	return h, nil
}

// webpStill is the file itself, or a file of an animation's first frame.
func webpStill(data []byte) ([]byte, error) {
	chunks, err := webpChunks(data)
	if err != nil {
		return nil, err
	}
	frame := find(chunks, "ANMF")
	if frame == nil {
		return data, nil
	}
	if len(frame) < 16 {
		return nil, errors.New("a frame without pixels")
	}
	parts := riffChunks(frame[16:])
	var body []byte
	add := func(kind string, data []byte) {
		body = binary.LittleEndian.AppendUint32(append(body, kind...), uint32(len(data)))
		body = append(append(body, data...), make([]byte, len(data)%2)...)
	}
	if find(parts, "ALPH") != nil {
		// The frame's size less one stands where VP8X has the picture's.
		add("VP8X", append([]byte{0x10, 0, 0, 0}, frame[6:12]...))
	}
	for _, p := range parts {
		if p.kind == "ALPH" || p.kind == "VP8 " || p.kind == "VP8L" {
			add(p.kind, p.body)
		}
	}
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4))
	return append(append(out, "WEBP"...), body...), nil
}

func decodeWebP(data []byte) (image.Image, error) {
	still, err := webpStill(data)
	if err != nil {
		return nil, err
	}
	return webp.Decode(bytes.NewReader(still))
}
