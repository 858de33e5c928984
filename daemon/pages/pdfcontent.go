package pages

import (
	"errors"
	"fmt"
	"image"
	"math"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"intray/daemon/document"
)

// content is what stands on a PDF page, form XObjects included.
type content struct {
	// texts are shown, hidden are invisible ones (rendering mode 3: the layer of
	// an earlier OCR); others are paths and shadings.
	texts, hidden, others int
	images                []placedImage
}

// placedImage is an image on the page: its unit square in user space.
type placedImage struct {
	object references.FPDF_PAGEOBJECT
	matrix document.Matrix
	// direct is true for one that stands on the page itself, not in a form.
	direct bool
}

// alone is the page's only image where the page shows nothing else; nil for
// other pages.
func (c content) alone() *placedImage {
	if len(c.images) == 1 && c.texts == 0 && c.others == 0 && c.images[0].direct {
		return &c.images[0]
	}
	return nil
}

// Bounds on what is looked at: objects on a page, and forms within forms.
const (
	maxObjects = 200_000
	maxNesting = 12
)

func (p *pdfFile) inspect(number int) (content, error) {
	page := p.page(number)
	count, err := p.pdfium.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return content{}, fmt.Errorf("count objects: %w", err)
	}
	i := inspector{pdfium: p.pdfium, left: maxObjects}
	for n := range count.Count {
		object, err := p.pdfium.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: n})
		if err != nil {
			return i.content, fmt.Errorf("object %d: %w", n, err)
		}
		if err := i.look(object.PageObject, document.Identity(), 0); err != nil {
			return i.content, fmt.Errorf("object %d: %w", n, err)
		}
		if i.left <= 0 {
			break
		}
	}
	return i.content, nil
}

type inspector struct {
	pdfium  *engine
	content content
	left    int // how many objects may still be looked at
}

// look classifies one object; within maps the space it stands in to the page's
// user space.
func (i *inspector) look(object references.FPDF_PAGEOBJECT, within document.Matrix, depth int) error {
	i.left--
	kind, err := i.pdfium.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object})
	if err != nil {
		return fmt.Errorf("type: %w", err)
	}
	switch kind.Type {
	case enums.FPDF_PAGEOBJ_TEXT:
		mode, err := i.pdfium.FPDFTextObj_GetTextRenderMode(&requests.FPDFTextObj_GetTextRenderMode{PageObject: object})
		if err == nil && mode.TextRenderMode == enums.FPDF_TEXTRENDERMODE_INVISIBLE {
			i.content.hidden++
		} else {
			i.content.texts++
		}
	case enums.FPDF_PAGEOBJ_IMAGE:
		m, err := i.matrix(object)
		if err != nil {
			return err
		}
		i.content.images = append(i.content.images, placedImage{object: object, matrix: m.Then(within), direct: depth == 0})
	case enums.FPDF_PAGEOBJ_FORM:
		return i.form(object, within, depth)
	default:
		// Paths and shadings: whatever they draw is only seen by rendering.
		i.content.others++
	}
	return nil
}

func (i *inspector) form(object references.FPDF_PAGEOBJECT, within document.Matrix, depth int) error {
	count, err := i.pdfium.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: object})
	m, matrixErr := i.matrix(object)
	if err != nil || matrixErr != nil || depth == maxNesting {
		i.content.others++
		return nil
	}
	for n := 0; n < count.Count && i.left > 0; n++ {
		inner, err := i.pdfium.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: object, Index: uint64(n)})
		if err != nil {
			return fmt.Errorf("object %d of a form: %w", n, err)
		}
		if err := i.look(inner.PageObject, m.Then(within), depth+1); err != nil {
			return fmt.Errorf("object %d of a form: %w", n, err)
		}
	}
	return nil
}

func (i *inspector) matrix(object references.FPDF_PAGEOBJECT) (document.Matrix, error) {
	m, err := i.pdfium.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: object})
	if err != nil {
		return document.Matrix{}, fmt.Errorf("matrix: %w", err)
	}
	return document.Matrix{float64(m.Matrix.A), float64(m.Matrix.B), float64(m.Matrix.C),
		float64(m.Matrix.D), float64(m.Matrix.E), float64(m.Matrix.F)}, nil
}

// fromStream reads a page that is one image from the image itself, without
// rendering: no pixel is resampled. ok is false when the page must be rendered.
func (p *pdfFile) fromStream(number int, c content, g document.Geometry) (pic Picture, ok bool, err error) {
	only := c.alone()
	if only == nil {
		return Picture{}, false, nil
	}
	size, err := p.pdfium.FPDFImageObj_GetImagePixelSize(&requests.FPDFImageObj_GetImagePixelSize{ImageObject: only.object})
	if err != nil || size.Width < 8 || size.Height < 8 {
		return Picture{}, false, nil
	}
	if err := checkPixels(int(size.Width), int(size.Height), p.limits); err != nil {
		return Picture{}, false, err
	}
	stream, plain := p.singleImage(number, only.object)
	if !plain {
		return Picture{}, false, nil
	}
	img, err := stream.decodeJPEG(int(size.Width), int(size.Height))
	if err != nil {
		return Picture{}, false, corrupt(fmt.Sprintf("The picture on page %d is damaged or cut off.", number), err)
	}
	g8 := (*image.Gray)(nil)
	if img != nil {
		g8 = grey(img)
	} else if g8, err = p.bitmap(only.object); err != nil {
		return Picture{}, false, nil
	}
	return placed(g8, only.matrix, g), true, nil
}

// placed turns an image and its placement in user space into a Picture. The
// image's unit square has its origin at the bottom left (ISO 32000-1, 8.9.3).
func placed(g8 *image.Gray, matrix document.Matrix, g document.Geometry) Picture {
	unitToPage := matrix.Then(g.UserToPage)
	w, h := g8.Rect.Dx(), g8.Rect.Dy()
	wide := math.Hypot(unitToPage[0], unitToPage[1])
	high := math.Hypot(unitToPage[2], unitToPage[3])
	p := Picture{Ink: ink(g8)}
	dpi := min(float64(w)/wide, float64(h)/high) * 72
	if f := int(dpi / readingDPI); f >= 2 {
		g8 = shrink(g8, f)
		dpi /= float64(f)
	}
	g8, unitToPage = straighten(g8, unitToPage)
	p.Width, p.Height = g8.Rect.Dx(), g8.Rect.Dy()
	g.ImageToPage = document.Matrix{1 / float64(p.Width), 0, 0, -1 / float64(p.Height), 0, 1}.Then(unitToPage)
	if dpi >= 100 && dpi <= 2*readingDPI {
		p.DPI = dpi
	}
	p.Image, p.Geometry = encodePNM(g8), g
	return p
}

// straighten turns the pixels by quarter turns (and mirrors them) so that the
// picture is upright as the page shows it; angles below 45° stay.
func straighten(g8 *image.Gray, unitToPage document.Matrix) (*image.Gray, document.Matrix) {
	// In page coordinates y grows downwards, so an upright image has a > 0, d < 0.
	turns := []struct {
		orientation int
		unit        document.Matrix // maps the turned image's unit square to the stored one's
	}{
		{1, document.Identity()},
		{6, document.Matrix{0, 1, -1, 0, 1, 0}},
		{3, document.Matrix{-1, 0, 0, -1, 1, 1}},
		{8, document.Matrix{0, -1, 1, 0, 0, 1}},
		{2, document.Matrix{-1, 0, 0, 1, 1, 0}},
		{4, document.Matrix{1, 0, 0, -1, 0, 1}},
		{5, document.Matrix{0, -1, -1, 0, 1, 1}},
		{7, document.Matrix{0, 1, 1, 0, 0, 0}},
	}
	for _, t := range turns {
		m := t.unit.Then(unitToPage)
		if m[0] > 0 && m[3] < 0 && math.Abs(m[1]) <= math.Abs(m[0]) && math.Abs(m[2]) <= math.Abs(m[3]) {
			return upright(g8, t.orientation), m
		}
	}
	return g8, unitToPage
}

// bitmap decodes an image object with PDFium, whatever its filter.
func (p *pdfFile) bitmap(object references.FPDF_PAGEOBJECT) (*image.Gray, error) {
	made, err := p.pdfium.FPDFImageObj_GetBitmap(&requests.FPDFImageObj_GetBitmap{ImageObject: object})
	if err != nil {
		return nil, fmt.Errorf("decode image: %w", err)
	}
	defer func() {
		_, _ = p.pdfium.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: made.Bitmap})
	}()
	format, err1 := p.pdfium.FPDFBitmap_GetFormat(&requests.FPDFBitmap_GetFormat{Bitmap: made.Bitmap})
	width, err2 := p.pdfium.FPDFBitmap_GetWidth(&requests.FPDFBitmap_GetWidth{Bitmap: made.Bitmap})
	height, err3 := p.pdfium.FPDFBitmap_GetHeight(&requests.FPDFBitmap_GetHeight{Bitmap: made.Bitmap})
	stride, err4 := p.pdfium.FPDFBitmap_GetStride(&requests.FPDFBitmap_GetStride{Bitmap: made.Bitmap})
	buffer, err5 := p.pdfium.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: made.Bitmap})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, fmt.Errorf("read bitmap: %w", err)
	}
	depth := map[enums.FPDF_BITMAP_FORMAT]int{enums.FPDF_BITMAP_FORMAT_GRAY: 1, enums.FPDF_BITMAP_FORMAT_BGR: 3,
		enums.FPDF_BITMAP_FORMAT_BGRX: 4, enums.FPDF_BITMAP_FORMAT_BGRA: 4}[format.Format]
	if depth == 0 || len(buffer.Buffer) < stride.Stride*height.Height || stride.Stride < depth*width.Width {
		return nil, fmt.Errorf("bitmap format %d is not known", format.Format)
	}
	out := image.NewGray(image.Rect(0, 0, width.Width, height.Height))
	for y := range height.Height {
		row := buffer.Buffer[y*stride.Stride:]
		for x := range width.Width {
			px := row[x*depth:]
			if depth == 1 {
				out.Pix[y*out.Stride+x] = px[0]
			} else {
				out.Pix[y*out.Stride+x] = luma8(px[2], px[1], px[0])
			}
		}
	}
	return out, nil
}
