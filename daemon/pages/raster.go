package pages

import (
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
	// Colours is the number of channels (1, 3 or 4), Bits the size of each;
	// JPXDecode's stream says both itself.
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

// picture turns decoded pixels into what an engine reads.
func picture(img image.Image, l look) Picture {
	g := upright(grey(img), l.orientation)
	w, h := g.Rect.Dx(), g.Rect.Dy()
	m := resolution(l.upright(), w, h)
	geometry := document.Geometry{
		Width: float64(w) * 72 / m.x, Height: float64(h) * 72 / m.y, Rotation: orientationTurn(l.orientation),
	}
	// PDF user space has its origin at the bottom left.
	geometry.UserToPage = document.Matrix{1, 0, 0, -1, 0, geometry.Height}
	p := Picture{Ink: ink(g)}
	if m.estimated {
		p.Warnings = append(p.Warnings, m.warning(l))
	}
	if !m.estimated || m.sure {
		p.DPI = min(m.x, m.y)
		if f := int(p.DPI / readingDPI); f >= 2 {
			g = shrink(g, f)
			p.DPI /= float64(f)
		}
	}
	p.Width, p.Height = g.Rect.Dx(), g.Rect.Dy()
	geometry.ImageToPage = document.Scale(geometry.Width/float64(p.Width), geometry.Height/float64(p.Height))
	p.Image, p.Geometry = encodePNM(g), geometry
	return p
}

// place says how the stored picture stands on its page.
func (s *Stored) place(l look) {
	s.Orientation = l.orientation
	w, h := s.Width, s.Height
	if l.orientation >= 5 {
		w, h = h, w
	}
	m := resolution(l.upright(), w, h)
	s.PageWidth, s.PageHeight = float64(w)*72/m.x, float64(h)*72/m.y
}
