package worker

import (
	"context"
	"fmt"
	"os"

	"intray/daemon/document"
	"intray/daemon/pages"
)

// ShowRequest asks for JPEG pictures of one page for a person to look at.
type ShowRequest struct {
	Source Source `json:"source"`
	// PDF is the searchable PDF, whose pages are upright; "" if there is none:
	// then the original's page is turned and straightened as it was read.
	PDF    string  `json:"pdf"`
	Number int     `json:"number"`
	Turn   int     `json:"turn"`
	Skew   float64 `json:"skew"`
	// Width and Height are the page's, in points.
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	// Out is where the page's picture is written, CutOuts parts of the page.
	Out     string   `json:"out"`
	CutOuts []CutOut `json:"cuts"`
	// Sharp asks for a picture that is fit to be enlarged.
	Sharp bool `json:"sharp"`
}

// CutOut is one part of a page, box in points, and where its picture is written.
type CutOut struct {
	Box document.Box `json:"box"`
	Out string       `json:"out"`
}

// How large pictures for a person become: dots per inch, the longest side in
// pixels, and JPEG's quality, 0..100.
const (
	shownDPI, shownSide, shownQuality = 110, 1400, 60
	sharpDPI, sharpSide, sharpQuality = 170, 2200, 68
	cutDPI, cutSide, cutQuality       = 160, 900, 75
	// cutMargin is shown around a part, in points.
	cutMargin = 5
)

func (r *Reader) show(ctx context.Context, q ShowRequest) (struct{}, error) {
	view, err := r.view(ctx, q)
	if err != nil {
		return struct{}{}, err
	}
	write := func(path string, box document.Box, dpi float64, side, quality int) error {
		data, err := view.JPEG(box, dpi, side, quality)
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("show page %d: %w", q.Number, err)
		}
		return nil
	}
	dpi, side, quality := float64(shownDPI), shownSide, shownQuality
	if q.Sharp {
		dpi, side, quality = sharpDPI, sharpSide, sharpQuality
	}
	if err := write(q.Out, document.Box{0, 0, q.Width, q.Height}, dpi, side, quality); err != nil {
		return struct{}{}, err
	}
	for _, c := range q.CutOuts {
		box := document.Box{max(c.Box[0]-cutMargin, 0), max(c.Box[1]-cutMargin, 0), min(c.Box[2]+cutMargin, q.Width), min(c.Box[3]+cutMargin, q.Height)}
		if box[2]-box[0] < 1 || box[3]-box[1] < 1 {
			continue
		}
		if err := write(c.Out, box, cutDPI, cutSide, cutQuality); err != nil {
			return struct{}{}, err
		}
	}
	return struct{}{}, nil
}

func (r *Reader) view(ctx context.Context, q ShowRequest) (pages.View, error) {
	if q.PDF == "" {
		d, err := r.open(ctx, q.Source)
		if err != nil {
			return pages.View{}, err
		}
		return pages.ViewOf(ctx, d, q.Number, q.Turn, q.Skew)
	}
	d, err := r.openOutput(ctx, q.PDF)
	if err != nil {
		return pages.View{}, err
	}
	defer d.Close()
	return pages.ViewOf(ctx, d, q.Number, 0, 0)
}
