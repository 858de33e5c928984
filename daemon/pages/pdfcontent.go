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

// content is what stands on a PDF page.
type content struct {
	texts, images, others int
	// image is the only image object, its placement in user space; set when
	// images is 1 and it stands directly on the page.
	image       references.FPDF_PAGEOBJECT
	imageMatrix document.Matrix
	// covered is the share of the page under its largest image, 0..1.
	covered float64
}

// alone is true for a page that is nothing but one image.
func (c content) alone() bool {
	return c.images == 1 && c.texts == 0 && c.others == 0 && c.image != ""
}

const maxObjects = 200_000

func (p *pdfFile) inspect(number int) (content, error) {
	var c content
	page := p.page(number)
	count, err := p.pdfium.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return c, fmt.Errorf("count objects: %w", err)
	}
	box, err := p.pdfium.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: page})
	if err != nil {
		return c, fmt.Errorf("page box: %w", err)
	}
	area := math.Abs(float64(box.Rect.Right-box.Rect.Left) * float64(box.Rect.Top-box.Rect.Bottom))
	for i := range min(count.Count, maxObjects) {
		object, err := p.pdfium.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: i})
		if err != nil {
			return c, fmt.Errorf("object %d: %w", i, err)
		}
		if err := p.classify(&c, object.PageObject, area); err != nil {
			return c, fmt.Errorf("object %d: %w", i, err)
		}
	}
	return c, nil
}

func (p *pdfFile) classify(c *content, object references.FPDF_PAGEOBJECT, pageArea float64) error {
	kind, err := p.pdfium.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object})
	if err != nil {
		return fmt.Errorf("type: %w", err)
	}
	switch kind.Type {
	case enums.FPDF_PAGEOBJ_TEXT:
		c.texts++
	case enums.FPDF_PAGEOBJ_IMAGE:
		m, err := p.pdfium.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: object})
		if err != nil {
			return fmt.Errorf("matrix: %w", err)
		}
		c.images++
		c.image = object
		c.imageMatrix = document.Matrix{float64(m.Matrix.A), float64(m.Matrix.B), float64(m.Matrix.C),
			float64(m.Matrix.D), float64(m.Matrix.E), float64(m.Matrix.F)}
		covered := math.Abs(c.imageMatrix[0]*c.imageMatrix[3]-c.imageMatrix[1]*c.imageMatrix[2]) / pageArea
		c.covered = max(c.covered, min(covered, 1))
	default:
		// Paths, shadings and forms: whatever they draw is only seen by rendering.
		c.others++
	}
	return nil
}

// fromStream reads a page that is one image from the image itself, without
// rendering: no pixel is resampled. ok is false when the page must be rendered.
func (p *pdfFile) fromStream(number int, c content, g document.Geometry) (pic Picture, ok bool, err error) {
	if !c.alone() {
		return Picture{}, false, nil
	}
	size, err := p.pdfium.FPDFImageObj_GetImagePixelSize(&requests.FPDFImageObj_GetImagePixelSize{ImageObject: c.image})
	if err != nil || size.Width < 8 || size.Height < 8 {
		return Picture{}, false, nil
	}
	if err := checkPixels(int(size.Width), int(size.Height), p.limits); err != nil {
		return Picture{}, false, err
	}
	stream, plain := p.streams.singleImage(number)
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
	} else if g8, err = p.bitmap(c.image); err != nil {
		return Picture{}, false, nil
	}
	return placed(g8, c.imageMatrix, g), true, nil
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

// maxRender bounds a rendered page, in pixels: an A2 sheet at 300 dpi.
const maxRender = 36_000_000

func (p *pdfFile) render(number int, g document.Geometry) (Picture, error) {
	dpi := math.Min(readingDPI, math.Floor(math.Sqrt(maxRender/(g.Width*g.Height))*72))
	rendered, err := p.pdfium.RenderPageInDPI(&requests.RenderPageInDPI{
		Page: p.page(number), DPI: int(max(dpi, 1)), ImageFormat: requests.RenderImageFormatGrayscale,
		RenderFlags: enums.FPDF_RENDER_FLAG_ANNOT,
	})
	if err != nil {
		return Picture{}, fmt.Errorf("render: %w", err)
	}
	defer rendered.Cleanup()
	g8 := grey(rendered.Result.RenderedImage)
	pic := Picture{Width: g8.Rect.Dx(), Height: g8.Rect.Dy(), Ink: ink(g8), Image: encodePNM(g8)}
	if dpi >= 100 {
		pic.DPI = dpi
	}
	g.ImageToPage = document.Scale(g.Width/float64(pic.Width), g.Height/float64(pic.Height))
	pic.Geometry = g
	return pic, nil
}
