package pages

import (
	"context"
	"fmt"

	"github.com/klippa-app/go-pdfium/requests"
)

// Drawn is a Document whose pages are drawn by what their files say, and not by
// one stored picture each: a PDF.
type Drawn interface {
	Document
	// Thumb draws page number, from 1, in small. Errors are *engines.Error, or
	// the context's.
	Thumb(ctx context.Context, number int) (Thumb, error)
	// PlainText is the page's text as a reader extracts it.
	PlainText(ctx context.Context, number int) (string, error)
}

// lookDPI is what thumbs are drawn at.
const lookDPI = 72

func (p *pdfFile) Thumb(ctx context.Context, number int) (Thumb, error) {
	if err := checkNumber(number, p.info.Pages); err != nil {
		return Thumb{}, err
	}
	g, err := p.geometry(number)
	if err != nil {
		return Thumb{}, corrupt(fmt.Sprintf("Page %d of the PDF is damaged.", number), err)
	}
	img, _, err := p.draw(number, lookDPI, g)
	if err != nil {
		return Thumb{}, corrupt(fmt.Sprintf("Page %d of the PDF cannot be drawn.", number), err)
	}
	return thumbOf(img, g), ctx.Err()
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
