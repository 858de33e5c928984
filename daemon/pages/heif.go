package pages

import (
	"context"
	"fmt"
	"image"
)

// The colour spaces and samplings that libheif answers with (heif.h).
const (
	heifYCbCr, heifRGB, heifGrey = 0, 1, 2
	heif420, heif422, heif444    = 1, 2, 3
)

func heicHeader(data []byte) (header, error) {
	info, err := parseHEIF(data)
	h := header{width: info.width, height: info.height, look: look{orientation: 1}, icc: info.icc}
	if info.cropWidth > 0 && info.cropHeight > 0 { // the decoder crops and turns
		h.width, h.height = info.cropWidth, info.cropHeight
	}
	if info.turns%2 == 1 {
		h.width, h.height = h.height, h.width
	}
	h.exifResolution(info.exif)
	return h, err
}

// exifResolution takes from an Exif block what the container does not say. The
// container alone says which way is up (ISO/IEC 23008-12, annex A).
func (h *header) exifResolution(block []byte) {
	if exif, ok := readExif(block); ok {
		h.xdpi, h.ydpi, h.unitless, h.photo = exif.xdpi, exif.ydpi, exif.unitless, exif.photo
		if exif.orientation >= 5 && h.orientation == 1 && h.xdpi != h.ydpi {
			h.xdpi, h.ydpi = h.ydpi, h.xdpi
		}
	}
}

func (o *Opener) decodeHEIC(ctx context.Context, data []byte, _ header) (image.Image, error) {
	info, err := parseHEIF(data)
	if err != nil {
		return nil, err
	}
	c, err := o.startCodec(ctx, "heif", data)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	numbers := []uint64{c.at(0), c.at(1), c.at(2), c.at(3), c.at(4)}
	if err := c.decode(ctx, append(append([]uint64{1}, numbers...), 0)...); err != nil {
		return nil, err
	}
	w, h, space, chroma := c.number(0), c.number(1), c.number(2), c.number(3)
	if w <= 0 || h <= 0 || w*h > info.width*info.height {
		return nil, fmt.Errorf("%d x %d pixels", w, h)
	}
	rect := image.Rect(0, 0, w, h)
	aligned := func(n int) int { return (n + 15) &^ 15 } // libheif's rows
	var sizes [3]int
	chromaWidth, chromaHeight, ratio := w, h, image.YCbCrSubsampleRatio444
	switch {
	case space == heifRGB:
		sizes[0] = aligned(4*w) * h
	case space == heifGrey:
		sizes[0] = aligned(w) * h
	case space == heifYCbCr && chroma >= heif420 && chroma <= heif444:
		if chroma != heif444 {
			chromaWidth, ratio = (w+1)/2, image.YCbCrSubsampleRatio422
		}
		if chroma == heif420 {
			chromaHeight, ratio = (h+1)/2, image.YCbCrSubsampleRatio420
		}
		sizes = [3]int{aligned(w) * h, aligned(chromaWidth) * chromaHeight, aligned(chromaWidth) * chromaHeight}
	default:
		return nil, unusual(fmt.Sprintf("colours of kind %d", space))
	}
	total := uint64(sizes[0] + sizes[1] + sizes[2])
	out, err := c.alloc(ctx, total)
	if err != nil {
		return nil, err
	}
	if err := c.decode(ctx, append(append([]uint64{0}, numbers...), out)...); err != nil {
		return nil, err
	}
	pix, err := c.output(out, total)
	if err != nil {
		return nil, err
	}
	switch space {
	case heifRGB:
		img := &image.NRGBA{Pix: pix, Stride: aligned(4 * w), Rect: rect}
		if c.number(4) == 1 {
			return (*image.RGBA)(img), nil
		}
		return img, nil
	case heifGrey:
		return &image.Gray{Pix: pix, Stride: aligned(w), Rect: rect}, nil
	}
	img := &image.YCbCr{Y: pix[:sizes[0]], Cb: pix[sizes[0]:][:sizes[1]], Cr: pix[sizes[0]+sizes[1]:],
		YStride: aligned(w), CStride: aligned(chromaWidth), SubsampleRatio: ratio, Rect: rect}
	if info.squeezed {
		stretch(img)
	}
	return img, nil
}

// stretch widens colours of film range (16..235, 16..240) to 0..255.
func stretch(img *image.YCbCr) {
	widen := func(plane []uint8, from, most, centre int) {
		var table [256]uint8
		for v := range table {
			table[v] = uint8(min(max((v-from)*255/most+centre, 0), 255))
		}
		for i, v := range plane {
			plane[i] = table[v]
		}
	}
	widen(img.Y, 16, 219, 0)
	widen(img.Cb, 128, 224, 128)
	widen(img.Cr, 128, 224, 128)
}

func avifHeader(data []byte) (header, error) {
	info, err := parseHEIF(data)
	h := header{width: info.width, height: info.height, look: look{orientation: info.orientation()}, icc: info.icc}
	h.exifResolution(info.exif)
	return h, err
}

// decodeAVIF leaves turning to the header's orientation, as its decoder does.
func (o *Opener) decodeAVIF(ctx context.Context, data []byte, h header) (image.Image, error) {
	c, err := o.startCodec(ctx, "avif", data)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	numbers := []uint64{c.at(0), c.at(1), c.at(2), c.at(3)}
	if err := c.decode(ctx, append(append([]uint64{1, 0}, numbers...), 0, 0)...); err != nil {
		return nil, err
	}
	width, height, depth := c.number(0), c.number(1), c.number(2)
	if width != h.width || height != h.height {
		return nil, fmt.Errorf("%d x %d pixels where the header says %d x %d", width, height, h.width, h.height)
	}
	size := uint64(4 * width * height)
	if depth > 8 {
		size *= 2
	}
	out, err := c.alloc(ctx, size)
	if err != nil {
		return nil, err
	}
	if err := c.decode(ctx, append(append([]uint64{0, 0}, numbers...), c.at(6), out)...); err != nil {
		return nil, err
	}
	pix, err := c.output(out, size)
	if err != nil {
		return nil, err
	}
	rect := image.Rect(0, 0, width, height)
	if depth <= 8 {
		return &image.RGBA{Pix: pix, Stride: 4 * width, Rect: rect}, nil
	}
	for i := 0; i+1 < len(pix); i += 2 { // WebAssembly puts the little end first
		pix[i], pix[i+1] = pix[i+1], pix[i]
	}
	return &image.RGBA64{Pix: pix, Stride: 8 * width, Rect: rect}, nil
}
