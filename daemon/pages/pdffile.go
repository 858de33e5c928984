package pages

import (
	"fmt"
	"math"

	"github.com/klippa-app/go-pdfium/requests"

	"intray/daemon/document"
)

func (p *pdfFile) page(number int) requests.Page {
	return requests.Page{ByIndex: &requests.PageByIndex{Document: p.doc, Index: number - 1}}
}

// unit is how many points a unit of the page's user space has; PDFium takes it
// for one.
func (p *pdfFile) unit(number int) float64 {
	if unit, ok := p.units[number]; ok {
		return unit
	}
	return 1
}

// geometry computes how user space maps to the upright page (ISO 32000-1,
// 8.3.2.3 and 14.11.2): the crop box in points, turned by /Rotate.
func (p *pdfFile) geometry(number int) (document.Geometry, error) {
	box, err := p.pdfium.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: p.page(number)})
	if err != nil {
		return document.Geometry{}, fmt.Errorf("page box: %w", err)
	}
	turn, err := p.pdfium.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: p.page(number)})
	if err != nil {
		return document.Geometry{}, fmt.Errorf("page rotation: %w", err)
	}
	x0, y0 := float64(box.Rect.Left), float64(min(box.Rect.Bottom, box.Rect.Top))
	x1, y1 := float64(box.Rect.Right), float64(max(box.Rect.Bottom, box.Rect.Top))
	if !(x1 > x0 && y1 > y0) || math.IsInf(x1-x0, 0) || math.IsInf(y1-y0, 0) {
		return document.Geometry{}, fmt.Errorf("page box [%g %g %g %g] has no area", x0, y0, x1, y1)
	}
	g := document.Geometry{Rotation: int(turn.PageRotation) * 90 % 360, Width: x1 - x0, Height: y1 - y0, Fixed: p.info.Signed, Locked: p.info.Signed}
	if notes, err := p.pdfium.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: p.page(number)}); err != nil || notes.Count > 0 {
		g.Fixed = true // links would stay behind when the content is turned
	}
	switch g.Rotation {
	case 0:
		g.UserToPage = document.Matrix{1, 0, 0, -1, -x0, y1}
	case 90:
		g.UserToPage = document.Matrix{0, 1, 1, 0, -y0, -x0}
	case 180:
		g.UserToPage = document.Matrix{-1, 0, 0, 1, x1, -y0}
	case 270:
		g.UserToPage = document.Matrix{0, -1, -1, 0, y1, x1}
	}
	if g.Rotation%180 == 90 {
		g.Width, g.Height = g.Height, g.Width
	}
	unit := p.unit(number)
	g.Width, g.Height, g.UserToPage = unit*g.Width, unit*g.Height, g.UserToPage.Then(document.Scale(unit, unit))
	return g, nil
}
