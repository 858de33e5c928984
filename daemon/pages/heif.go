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
	h.takeExif(info)
	return h, err
}

// takeExif takes from an Exif block what the container does not say. The
// container alone should say which way is up (ISO/IEC 23008-12, annex A), but
// some programs put the one of a JPEG into a HEIC and say nothing else.
func (h *header) takeExif(info heifInfo) {
	exif, ok := readExif(info.exif)
	if !ok {
		return
	}
	h.xdpi, h.ydpi, h.unitless, h.photo = exif.xdpi, exif.ydpi, exif.unitless, exif.photo
	if !info.placed {
		h.orientation = exif.orientation
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
	l, err := c.heifLayout()
	if err != nil {
		return nil, err
	}
	if l.width*l.height > info.width*info.height {
		return nil, fmt.Errorf("%d x %d pixels where the header says %d x %d", l.width, l.height, info.width, info.height)
	}
	total := uint64(l.sizes[0] + l.sizes[1] + l.sizes[2])
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
	img := l.image(pix, c.number(4) == 1)
	if planes, ok := img.(*image.YCbCr); ok && info.squeezed {
		stretch(planes)
	}
	return img, nil
}

// heifLayout is how libheif lays out a picture: planes, one after the other,
// whose rows begin at multiples of 16 bytes and are at least 64 samples long
// (libheif's pixelimage.cc, rounded_size).
type heifLayout struct {
	width, height, space int
	chromaWidth          int
	ratio                image.YCbCrSubsampleRatio
	sizes                [3]int
}

// stride is the length in bytes of a row of so many samples.
func stride(samples, bytes int) int { return (max(samples+samples&1, 64)*bytes + 15) &^ 15 }

// heifLayout reads what the decoder answered about the picture.
func (c *codec) heifLayout() (heifLayout, error) {
	l := heifLayout{width: c.number(0), height: c.number(1), space: c.number(2), ratio: image.YCbCrSubsampleRatio444}
	chroma := c.number(3)
	if l.width <= 0 || l.height <= 0 || l.width > 1<<20 || l.height > 1<<20 {
		return l, fmt.Errorf("%d x %d pixels", l.width, l.height)
	}
	l.chromaWidth = l.width
	chromaHeight := l.height
	switch {
	case l.space == heifRGB:
		l.sizes[0] = stride(l.width, 4) * l.height
	case l.space == heifGrey:
		l.sizes[0] = stride(l.width, 1) * l.height
	case l.space == heifYCbCr && chroma >= heif420 && chroma <= heif444:
		if chroma != heif444 {
			l.chromaWidth, l.ratio = (l.width+1)/2, image.YCbCrSubsampleRatio422
		}
		if chroma == heif420 {
			chromaHeight, l.ratio = (l.height+1)/2, image.YCbCrSubsampleRatio420
		}
		l.sizes = [3]int{stride(l.width, 1) * l.height, stride(l.chromaWidth, 1) * chromaHeight, stride(l.chromaWidth, 1) * chromaHeight}
	default:
		return l, unusual(fmt.Sprintf("colours of kind %d", l.space))
	}
	return l, nil
}

func (l heifLayout) image(pix []byte, premultiplied bool) image.Image {
	rect := image.Rect(0, 0, l.width, l.height)
	switch l.space {
	case heifRGB:
		img := &image.NRGBA{Pix: pix, Stride: stride(l.width, 4), Rect: rect}
		if premultiplied {
			return (*image.RGBA)(img)
		}
		return img
	case heifGrey:
		return &image.Gray{Pix: pix, Stride: stride(l.width, 1), Rect: rect}
	}
	blue, red := l.sizes[0], l.sizes[0]+l.sizes[1]
	return &image.YCbCr{Y: pix[:blue], Cb: pix[blue:red], Cr: pix[red:], YStride: stride(l.width, 1),
		CStride: stride(l.chromaWidth, 1), SubsampleRatio: l.ratio, Rect: rect}
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
	h.takeExif(info)
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
