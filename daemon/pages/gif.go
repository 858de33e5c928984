package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"image/gif"
)

func gifHeader(data []byte) (header, error) {
	if len(data) < 13 {
		return header{}, errors.New("too short")
	}
	h := header{width: int(binary.LittleEndian.Uint16(data[6:])), height: int(binary.LittleEndian.Uint16(data[8:])), look: look{orientation: 1}}
	if gifFrames(data) > 1 {
		// An animation's frames are no pages.
		h.warnings = append(h.warnings, firstOnly("an animation"))
	}
	return h, nil
}

// gifFrames counts up to two frames without decoding them (GIF89a, sections 19
// to 25).
func gifFrames(data []byte) (n int) {
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	pos := 13 + table(data[10])
	for n < 2 && pos < len(data) {
		switch data[pos] {
		case 0x21: // extension
			pos += 2
		case 0x2C: // image
			if pos+10 > len(data) {
				return n
			}
			n++
			pos += 11 + table(data[pos+9])
		default:
			return n
		}
		for pos < len(data) && data[pos] != 0 { // sub-blocks
			pos += int(data[pos]) + 1
		}
		pos++
	}
	return n
}

// decodeGIF decodes the first frame and lays it on the screen it is part of.
func decodeGIF(data []byte) (image.Image, error) {
	img, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	screen := image.Rect(0, 0, config.Width, config.Height)
	if err != nil || img.Bounds() == screen {
		return img, err
	}
	out := image.NewNRGBA(screen)
	draw.Draw(out, img.Bounds(), img, img.Bounds().Min, draw.Src)
	return out, nil
}
