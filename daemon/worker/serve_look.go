package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"intray/daemon/barcode"
	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/engines"
)

// LookRequest asks what stands out on a page, numbered from 1, without reading
// its text.
type LookRequest struct {
	Source   Source `json:"source"`
	Number   int    `json:"number"`
	Barcodes bool   `json:"barcodes"`
}

// LookAnswer says it. Ink is the share of dark pixels, 0..1; Text is true for a
// page that brings text along.
type LookAnswer struct {
	Ink      float64            `json:"ink"`
	Text     bool               `json:"text"`
	Barcodes []document.Barcode `json:"barcodes"`
}

// look sees the page as a whole.
func (r *Reader) look(ctx context.Context, q LookRequest) (LookAnswer, error) {
	d, err := r.open(ctx, q.Source)
	if err != nil {
		return LookAnswer{}, err
	}
	picture, err := d.Picture(ctx, q.Number)
	if err != nil {
		return LookAnswer{}, err
	}
	answer := LookAnswer{Ink: picture.Ink, Text: picture.Text != nil}
	if q.Barcodes {
		answer.Barcodes, err = r.barcodesOf(ctx, d, q.Number, picture, 0)
	}
	return answer, err
}

// barcodesOf reads the barcodes of a page that is turned by so many degrees
// afterwards. A page that keeps its text is drawn for it.
func (r *Reader) barcodesOf(ctx context.Context, d pages.Document, number int, p pages.Picture, turn int) ([]document.Barcode, error) {
	if drawn, ok := d.(pages.Drawn); ok && (p.Image == nil || p.Text != nil) {
		var err error
		if p, err = drawn.Whole(ctx, number); err != nil {
			return nil, err
		}
	}
	if p.Image == nil || p.Width*p.Height > len(p.Image) {
		return nil, nil
	}
	r.barcodes.CacheDir = r.CacheDir
	grey, width, height, scale := halved(p.Image[len(p.Image)-p.Width*p.Height:], p.Width, p.Height)
	found, err := r.barcodes.Read(ctx, grey, width, height)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed,
			Sentence: fmt.Sprintf("The barcodes of page %d could not be looked for.", number), Cause: err}
	}
	toPage := document.Scale(scale, scale).Then(p.Geometry.ImageToPage).Then(document.Turn(p.Geometry.Width, p.Geometry.Height, turn))
	out := make([]document.Barcode, len(found))
	for i, b := range found {
		out[i] = document.Barcode{Format: b.Format, Text: b.Text, Box: toPage.Box(around(b))}
		for j := range out[i].Box {
			out[i].Box[j] = math.Round(out[i].Box[j]*100) / 100
		}
	}
	return out, nil
}

func around(b barcode.Barcode) document.Box {
	box := document.Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, c := range b.Corners {
		box = document.Box{min(box[0], c.X), min(box[1], c.Y), max(box[2], c.X), max(box[3], c.Y)}
	}
	return box
}

// mostPixels is how large a picture barcodes are looked for in: A3 at 300 dpi
// and a little more. Larger ones are halved until they fit.
const mostPixels = 20_000_000

func halved(grey []byte, width, height int) (out []byte, w, h int, scale float64) {
	scale = 1
	for width*height > mostPixels {
		w, h := width/2, height/2
		small := make([]byte, w*h)
		for y := range h {
			upper, lower := grey[2*y*width:], grey[(2*y+1)*width:]
			for x := range w {
				small[y*w+x] = uint8((int(upper[2*x]) + int(upper[2*x+1]) + int(lower[2*x]) + int(lower[2*x+1])) / 4)
			}
		}
		grey, width, height, scale = small, w, h, 2*scale
	}
	return grey, width, height, scale
}

// Piece is some pages, from 1, of an original.
type Piece struct {
	Source Source `json:"source"`
	Pages  []int  `json:"pages"`
}

// CutRequest asks for a PDF of the pieces' pages, one after the other. Out is
// written anew; pages stay as they are stored.
type CutRequest struct {
	Pieces  []Piece     `json:"pieces"`
	Out     string      `json:"out"`
	Options pdf.Options `json:"options"`
}

// CutAnswer says how many pages were written.
type CutAnswer struct {
	Pages int `json:"pages"`
}

// cut writes pictures into PDFs of their own first, and then joins pages.
func (r *Reader) cut(ctx context.Context, q CutRequest) (answer CutAnswer, err error) {
	written := map[string]string{} // original -> PDF of all its pages
	defer func() {
		for _, path := range written {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	var joined []pages.Piece
	for _, piece := range q.Pieces {
		d, err := r.open(ctx, piece.Source)
		if err != nil {
			return answer, err
		}
		path := piece.Source.Path
		if pictures, ok := d.(pages.Pictures); ok {
			if path, ok = written[piece.Source.Path]; !ok {
				path = fmt.Sprintf("%s.%d", q.Out, len(written))
				written[piece.Source.Path] = path
				if _, err := pdf.FromPictures(path, d.Info().Pages, nil, q.Options, func(number int) (pdf.Picture, error) {
					s, err := pictures.Stored(number)
					return pictureFrom(s), err
				}); err != nil {
					return answer, notWritten(err)
				}
			}
		}
		joined = append(joined, pages.Piece{Path: path, Pages: piece.Pages})
		answer.Pages += len(piece.Pages)
	}
	if err := r.closeDocument(); err != nil {
		return answer, err
	}
	if err := r.readyOpener().Join(ctx, joined, q.Out); err != nil {
		return answer, notWritten(err)
	}
	return answer, nil
}
