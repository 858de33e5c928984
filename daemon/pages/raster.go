package pages

import (
	"fmt"
	"image"

	"intray/daemon/document"
)

// Stored is a page's picture as its file holds it, for embedding without loss.
type Stored struct {
	// Stream is the file's own compressed stream; nil when Pixels is set.
	Stream *Stream
	Pixels image.Image
	// ICC is the picture's colour profile, nil when it has none that fits.
	ICC []byte
	// Width and Height are the stored picture's size in pixels, before
	// Orientation (1..8, as in TIFF and Exif) is applied.
	Width, Height int
	Orientation   int
	// PageWidth and PageHeight are the upright page's size in points.
	PageWidth, PageHeight float64
}

// Stream is a picture's compressed stream in a coding that PDF knows
// (ISO 32000-1, 7.4). Its fields are those of the pdf room's Stream.
type Stream struct {
	// Filter is DCTDecode, JPXDecode, CCITTFaxDecode or FlateDecode.
	Filter string
	Data   []byte
	// Colours is the number of channels (1, 3 or 4), Bits the size of each.
	Colours, Bits int
	// Inverted says that the largest value is no light or full ink where it
	// usually is the least: CMYK as Adobe writes it, grey where 0 is white.
	Inverted bool
	// Palette makes the one channel an index; three bytes (RGB) a colour.
	Palette []byte
	// Predictor is Flate's: 0 or 1 for none, 2 TIFF's, 15 PNG's.
	Predictor int
	// K and BlackIs1 are the fax filter's: K < 0 is Group 4, 0 Group 3 of one
	// dimension, > 0 of two; BlackIs1 says that coded black is light.
	K        int
	BlackIs1 bool
}

// Pictures is a Document whose pages are stored pictures.
type Pictures interface {
	Document
	Stored(number int) (Stored, error)
}

// readingDPI is what Tesseract's models were trained near; finer scans are
// reduced towards it by whole factors, for reading only.
const readingDPI = 300

// resolution decides what a picture measures. Values that cannot be a scan's
// (72 dpi on a camera's photo, nothing at all) are replaced by the one that
// makes the long side that of an A4 sheet, and estimated is true.
func resolution(xdpi, ydpi float64, w, h int) (x, y float64, estimated bool) {
	credible := func(dpi float64, px int) bool {
		inches := float64(px) / dpi
		return dpi >= 50 && dpi <= 4800 && (dpi > 100 || inches <= 17)
	}
	if ydpi == 0 {
		ydpi = xdpi
	}
	if xdpi > 0 && credible(xdpi, w) && credible(ydpi, h) {
		return xdpi, ydpi, false
	}
	const a4 = 11.69 // inches
	dpi := min(max(float64(max(w, h))/a4, 70), 600)
	return dpi, dpi, true
}

// picture turns decoded pixels into what an engine reads.
func picture(img image.Image, xdpi, ydpi float64, orientation int) Picture {
	g := upright(grey(img), orientation)
	if orientation >= 5 {
		xdpi, ydpi = ydpi, xdpi
	}
	w, h := g.Rect.Dx(), g.Rect.Dy()
	x, y, estimated := resolution(xdpi, ydpi, w, h)
	geometry := document.Geometry{
		Width: float64(w) * 72 / x, Height: float64(h) * 72 / y, Rotation: orientationTurn(orientation),
	}
	// PDF user space has its origin at the bottom left.
	geometry.UserToPage = document.Matrix{1, 0, 0, -1, 0, geometry.Height}
	p := Picture{Ink: ink(g)}
	dpi := min(x, y)
	if estimated {
		dpi = 0
		p.Warnings = append(p.Warnings, document.Warning{Code: "resolution_estimated",
			Message: fmt.Sprintf("The file does not say how large the page is; its long side is taken to be A4 (%.0f dpi).", x)})
	} else if f := int(dpi / readingDPI); f >= 2 {
		g = shrink(g, f)
		dpi /= float64(f)
	}
	p.DPI = dpi
	p.Width, p.Height = g.Rect.Dx(), g.Rect.Dy()
	geometry.ImageToPage = document.Scale(geometry.Width/float64(p.Width), geometry.Height/float64(p.Height))
	p.Image, p.Geometry = encodePNM(g), geometry
	return p
}

// pageSize is the upright page's size in points for a stored picture.
func (s *Stored) pageSize(xdpi, ydpi float64) {
	w, h := s.Width, s.Height
	if s.Orientation >= 5 {
		w, h, xdpi, ydpi = h, w, ydpi, xdpi
	}
	x, y, _ := resolution(xdpi, ydpi, w, h)
	s.PageWidth, s.PageHeight = float64(w)*72/x, float64(h)*72/y
}
