package pages

import (
	"fmt"
	"image"
	"math"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/requests"

	"intray/daemon/document"
)

// maxRender bounds a rendered page, in pixels: an A2 sheet at 300 dpi.
const maxRender = 36_000_000

// draw renders the page as a reader shows it, at most at dpi dots per inch and
// at fewer when it would have more than maxRender pixels.
func (p *pdfFile) draw(number int, dpi float64, g document.Geometry) (*image.Gray, float64, error) {
	dpi = drawingDPI(dpi, g)
	rendered, err := p.pdfium.RenderPageInDPI(&requests.RenderPageInDPI{
		Page: p.page(number), DPI: p.pdfiumDPI(number, dpi), ImageFormat: requests.RenderImageFormatGrayscale,
		RenderFlags: enums.FPDF_RENDER_FLAG_ANNOT,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("render: %w", err)
	}
	defer rendered.Cleanup()
	return grey(rendered.Result.RenderedImage), dpi, nil // a copy: the original is PDFium's
}

// pdfiumDPI is what PDFium calls a number of dots per inch.
func (p *pdfFile) pdfiumDPI(number int, dpi float64) int { return max(int(dpi*p.unit(number)), 1) }

// drawingDPI is dpi, or less for a page that would have more than maxRender
// pixels.
func drawingDPI(dpi float64, g document.Geometry) float64 {
	return max(math.Min(dpi, math.Floor(math.Sqrt(maxRender/(g.Width*g.Height))*72)), 1)
}

func (p *pdfFile) render(number int, g document.Geometry) (Picture, error) {
	g8, dpi, err := p.draw(number, readingDPI, g)
	if err != nil {
		return Picture{}, err
	}
	return drawn(g8, dpi, g), nil
}

// drawn turns a rendered page into a Picture.
func drawn(g8 *image.Gray, dpi float64, g document.Geometry) Picture {
	pic := Picture{Width: g8.Rect.Dx(), Height: g8.Rect.Dy(), Ink: ink(g8), Image: encodePNM(g8)}
	if dpi >= 100 {
		pic.DPI = dpi
	}
	g.ImageToPage = document.Scale(g.Width/float64(pic.Width), g.Height/float64(pic.Height))
	pic.Geometry = g
	return pic
}
