package pages

import (
	"context"
	"fmt"
	"image"
	"image/draw"

	"github.com/klippa-app/go-pdfium/requests"

	"intray/daemon/document"
)

// Drawn is a Document whose pages are drawn by what their files say, and not by
// one stored picture each: a PDF.
type Drawn interface {
	Document
	// Thumb draws page number, from 1, at LookDPI or FineDPI and shrinks that.
	// Errors are *engines.Error, or the context's.
	Thumb(ctx context.Context, number int, dpi float64) (Thumb, error)
	// Whole is a picture of all of page number, whatever text it has.
	Whole(ctx context.Context, number int) (Picture, error)
	// PlainText is the page's text as a reader extracts it.
	PlainText(ctx context.Context, number int) (string, error)
	// Draw is the page's content as a picture of readingDPI or less, in colour,
	// without annotations.
	Draw(number int) (Stored, error)
	// View draws page number for a person.
	View(number int) (View, error)
}

// What thumbs are drawn at, in dots per inch. LookDPI is quick, but a renderer
// that shrinks a fine pattern, such as a dithered tint, shows more or less of it
// than there is.
const (
	LookDPI = 72
	FineDPI = readingDPI
)

func (p *pdfFile) Thumb(ctx context.Context, number int, dpi float64) (Thumb, error) {
	if err := checkNumber(number, p.info.Pages); err != nil {
		return Thumb{}, err
	}
	g, err := p.geometry(number)
	if err != nil {
		return Thumb{}, corrupt(fmt.Sprintf("Page %d of the PDF is damaged.", number), err)
	}
	img, _, err := p.draw(number, dpi, g)
	if err != nil {
		return Thumb{}, corrupt(fmt.Sprintf("Page %d of the PDF cannot be drawn.", number), err)
	}
	return thumbOf(img, g), ctx.Err()
}

func (p *pdfFile) Whole(ctx context.Context, number int) (Picture, error) {
	if err := checkNumber(number, p.info.Pages); err != nil {
		return Picture{}, err
	}
	g, err := p.geometry(number)
	if err != nil {
		return Picture{}, corrupt(fmt.Sprintf("Page %d of the PDF is damaged.", number), err)
	}
	pic, err := p.whole(number, content{others: 1}, g)
	if err == nil {
		err = ctx.Err()
	}
	return pic, err
}

func (p *pdfFile) Draw(number int) (Stored, error) {
	s, err := p.inColour(number, readingDPI)
	if err != nil {
		return s, err
	}
	return compact(s), nil
}

// inColour draws a page without annotations, at so many dots per inch or less.
func (p *pdfFile) inColour(number int, dpi float64) (Stored, error) {
	if err := checkNumber(number, p.info.Pages); err != nil {
		return Stored{}, err
	}
	g, err := p.geometry(number)
	if err != nil {
		return Stored{}, corrupt(fmt.Sprintf("Page %d of the PDF is damaged.", number), err)
	}
	rendered, err := p.pdfium.RenderPageInDPI(&requests.RenderPageInDPI{Page: p.page(number), DPI: p.pdfiumDPI(number, drawingDPI(dpi, g))})
	if err != nil {
		return Stored{}, corrupt(fmt.Sprintf("Page %d of the PDF cannot be drawn.", number), err)
	}
	defer rendered.Cleanup()
	return onPaper(rendered.Result.RenderedImage, g), nil
}

// onPaper copies a drawing, which is PDFium's, onto white.
func onPaper(drawing image.Image, g document.Geometry) Stored {
	b := drawing.Bounds()
	paper := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(paper, paper.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(paper, paper.Rect, drawing, b.Min, draw.Over)
	return Stored{Pixels: paper, Width: b.Dx(), Height: b.Dy(), Orientation: 1, PageWidth: g.Width, PageHeight: g.Height}
}

func (p *pdfFile) PlainText(ctx context.Context, number int) (string, error) {
	if err := checkNumber(number, p.info.Pages); err != nil {
		return "", err
	}
	text, err := p.pdfium.GetPageText(&requests.GetPageText{Page: p.page(number)})
	if err != nil {
		return "", corrupt(fmt.Sprintf("The text of page %d cannot be read.", number), err)
	}
	return text.Text, ctx.Err()
}
