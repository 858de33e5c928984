package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"

	"intray/daemon/document"
)

// View is a page as a person shall see it, and where its pixels lie on it.
type View struct {
	image  image.Image
	toPage document.Matrix
}

// viewDPI is what PDF pages are drawn at for a view: enough for a cut-out.
const viewDPI = 200

// View draws page number of a PDF in colour, annotations left out.
func (p *pdfFile) View(number int) (View, error) {
	s, err := p.inColour(number, viewDPI)
	if err != nil {
		return View{}, err
	}
	return View{s.Pixels, document.Scale(s.PageWidth/float64(s.Width), s.PageHeight/float64(s.Height))}, nil
}

// ViewOf is a page of any document as it was read: turned clockwise by so many
// degrees, and straightened by its skew.
func ViewOf(ctx context.Context, d Document, number, turn int, skew float64) (View, error) {
	if drawn, ok := d.(Drawn); ok {
		v, err := drawn.View(number)
		if err != nil {
			return v, err
		}
		width, height := v.size()
		v.toPage = v.toPage.Then(document.Turn(width, height, turn))
		return v.straightened(skew), nil
	}
	p, err := d.Picture(ctx, number)
	if err != nil {
		return View{}, err
	}
	if p = p.Turned(turn); p.Image == nil {
		return View{}, errors.New("the page has no picture")
	}
	pixels := &image.Gray{Pix: p.Image[len(p.Image)-p.Width*p.Height:], Stride: p.Width, Rect: image.Rect(0, 0, p.Width, p.Height)}
	return View{pixels, p.Geometry.ImageToPage}.straightened(skew), nil
}

// size is that of the page, in points.
func (v View) size() (width, height float64) {
	b := v.image.Bounds()
	box := v.toPage.Box(document.Box{0, 0, float64(b.Dx()), float64(b.Dy())})
	return box[2] - box[0], box[3] - box[1]
}

func (v View) straightened(skew float64) View {
	if skew != 0 {
		width, height := v.size()
		v.toPage = v.toPage.Then(document.Straighten(width, height, skew))
	}
	return v
}

// JPEG is the part of the page in box, in points, at so many dots per inch or
// fewer: no side has more than side pixels. Quality is 0..100.
func (v View) JPEG(box document.Box, dpi float64, side, quality int) ([]byte, error) {
	width, height := box[2]-box[0], box[3]-box[1]
	if !(width > 0 && height > 0) {
		return nil, fmt.Errorf("there is nothing in the box %v", box)
	}
	scale := min(dpi/72, float64(side)/max(width, height))
	out := image.NewRGBA(image.Rect(0, 0, max(int(width*scale), 1), max(int(height*scale), 1)))
	draw.Draw(out, out.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	m := v.toPage.Then(document.Matrix{scale, 0, 0, scale, -box[0] * scale, -box[1] * scale})
	draw.BiLinear.Transform(out, f64.Aff3{m[0], m[2], m[4], m[1], m[3], m[5]}, v.image, v.image.Bounds(), draw.Over, nil)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, out, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode view: %w", err)
	}
	return b.Bytes(), nil
}
