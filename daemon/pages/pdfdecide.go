package pages

import (
	"context"
	"fmt"
	"image"

	"github.com/klippa-app/go-pdfium/responses"

	"intray/daemon/document"
)

// What is done with text that PDF pages bring along; values of Opener.Text.
const (
	// TextKeep keeps usable text and reads only what has none.
	TextKeep = "keep"
	// TextRedo reads a page again whose text is the invisible layer of an
	// earlier OCR, and is TextKeep for other pages.
	TextRedo = "redo"
	// TextForce reads everything from a picture of the page.
	TextForce = "force"
)

// What becomes of the page's own content in the searchable PDF; values of
// Picture.Treat.
const (
	treatRedo  = "redo"
	treatForce = "force"
)

// Picture decides about one page and makes ready what has to be read of it: a
// page that is one image comes from the image's own stream, others are drawn.
func (p *pdfFile) Picture(ctx context.Context, number int) (Picture, error) {
	if err := checkNumber(number, p.info.Pages); err != nil {
		return Picture{}, err
	}
	geometry, err := p.geometry(number)
	if err != nil {
		return Picture{}, corrupt(fmt.Sprintf("Page %d of the PDF is damaged.", number), err)
	}
	content, err := p.inspect(number)
	if err != nil {
		return Picture{}, corrupt(fmt.Sprintf("Page %d of the PDF is damaged.", number), err)
	}
	pic, err := p.decide(number, content, geometry)
	if err == nil {
		err = ctx.Err()
	}
	return pic, err
}

func (p *pdfFile) decide(number int, c content, g document.Geometry) (Picture, error) {
	if p.text == TextForce {
		pic, err := p.whole(number, content{others: 1}, g)
		pic.Treat, pic.Reason = treatForce, "Everything on the page is read again, as the folder's text = \"force\" asks."
		return pic, err
	}
	redo := p.text == TextRedo && c.hidden > 0
	own, err := p.ownText(number, c, redo)
	if err != nil {
		return Picture{}, corrupt(fmt.Sprintf("The text of page %d cannot be read.", number), err)
	}
	if own.why != "" {
		pic, err := p.whole(number, c, g)
		pic.Reason = own.why
		if redo {
			pic.Reason = "The invisible text of an earlier OCR is replaced, as the folder's text = \"redo\" asks."
		}
		if c.hidden > 0 { // nobody sees it, and searches would find it beside ours
			pic.Treat = treatRedo
		}
		return pic, err
	}
	result := textResult(own.chars, g)
	pic := Picture{Text: &result, Geometry: g,
		Reason: fmt.Sprintf("The page has text of its own (%d letters and digits), which is kept as it is.", own.letters)}
	if redo {
		pic.Treat = treatRedo
	}
	return p.unread(number, c, own, pic)
}

// whole makes the whole page ready for reading.
func (p *pdfFile) whole(number int, c content, g document.Geometry) (Picture, error) {
	if !g.Fixed { // else a stamp or a note may lie over the image
		if pic, ok, err := p.fromStream(number, c, g); err != nil || ok {
			return pic, err
		}
	}
	pic, err := p.render(number, g)
	if err != nil {
		return Picture{}, corrupt(fmt.Sprintf("Page %d of the PDF cannot be drawn.", number), err)
	}
	return pic, nil
}

// A picture on a page with text is looked at when it could hold a word: this
// large in points, or this share of the page.
const (
	leastRegionWidth, leastRegionHeight = 48, 10
	leastRegionShare                    = 0.015
)

// A region is read when more than leastUnread of its area is ink outside of the
// page's own text, and that is more than leastUnreadInk of its ink.
const (
	leastUnread    = 0.002
	leastUnreadInk = 0.3
)

const (
	// completeLayer is how many letters an earlier OCR's layer must have to be
	// taken for complete: ink outside of it is a picture then.
	completeLayer = 200
	// A page with as many paths and less text than that is writing turned into
	// outlines, or a drawing with labels: all of it is looked at.
	manyPaths, fewLetters = 300, 100
)

// unread adds the raster regions without text to a page whose own text is kept.
func (p *pdfFile) unread(number int, c content, own ownText, pic Picture) (Picture, error) {
	regions := regions(c, own, pic.Geometry)
	if len(regions) == 0 {
		return pic, nil
	}
	// A quick look first: most pictures on pages with text say nothing.
	const lookDPI = 100
	look, dpi, err := p.draw(number, lookDPI, pic.Geometry)
	if err != nil {
		return pic, corrupt(fmt.Sprintf("Page %d of the PDF cannot be drawn.", number), err)
	}
	boxes := boxesOf(own.chars, pic.Geometry)
	kept := regions[:0]
	for _, r := range regions {
		if hasUnreadInk(look, scaled(r, dpi), pixelBoxes(boxes, dpi)) {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return pic, nil
	}
	page, dpi, err := p.draw(number, readingDPI, pic.Geometry)
	if err != nil {
		return pic, corrupt(fmt.Sprintf("Page %d of the PDF cannot be drawn.", number), err)
	}
	// Nobody sees an invisible layer: it must not tear holes into what is read.
	mixed := drawn(only(page, kept, boxesOf(own.seen, pic.Geometry), dpi), dpi, pic.Geometry)
	mixed.Text, mixed.Treat = pic.Text, pic.Treat
	mixed.Reason = fmt.Sprintf("The page has text of its own (%d letters and digits), which is kept; what its pictures say (%d have ink and no text) is read.",
		own.letters, len(kept))
	return mixed, nil
}

// regions are the parts of the page that may hold text nobody can search, in
// points of the upright page.
func regions(c content, own ownText, g document.Geometry) []document.Box {
	if c.texts == 0 && own.letters >= completeLayer {
		return nil
	}
	page := document.Box{0, 0, g.Width, g.Height}
	if c.others >= manyPaths && own.letters < fewLetters {
		return []document.Box{page}
	}
	var out []document.Box
	for _, image := range c.images {
		b := image.matrix.Then(g.UserToPage).Box(document.Box{0, 0, 1, 1})
		b = document.Box{max(b[0], 0), max(b[1], 0), min(b[2], g.Width), min(b[3], g.Height)}
		w, h := b[2]-b[0], b[3]-b[1]
		if w > 0 && h > 0 && (w >= leastRegionWidth && h >= leastRegionHeight || w*h >= leastRegionShare*g.Width*g.Height) {
			out = append(out, b)
		}
	}
	return out
}

// hasUnreadInk counts the dark pixels of a region outside of the text's boxes.
func hasUnreadInk(page *image.Gray, region image.Rectangle, text []image.Rectangle) bool {
	region = region.Intersect(page.Rect)
	part := image.NewGray(image.Rect(0, 0, region.Dx(), region.Dy()))
	for y := range part.Rect.Dy() {
		copy(part.Pix[y*part.Stride:][:part.Rect.Dx()], page.Pix[page.PixOffset(region.Min.X, region.Min.Y+y):])
	}
	all := darkPixels(part)
	for _, b := range text {
		whiten(part, b.Sub(region.Min))
	}
	rest := darkPixels(part)
	area := region.Dx() * region.Dy()
	return float64(rest) > leastUnread*float64(area) && float64(rest) > leastUnreadInk*float64(all)
}

// only is the page with nothing but the regions, without the text in them.
func only(page *image.Gray, regions, text []document.Box, dpi float64) *image.Gray {
	out := image.NewGray(page.Rect)
	for i := range out.Pix {
		out.Pix[i] = 0xFF
	}
	for _, r := range regions {
		r := scaled(r, dpi).Intersect(page.Rect)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			copy(out.Pix[out.PixOffset(r.Min.X, y):][:r.Dx()], page.Pix[page.PixOffset(r.Min.X, y):])
		}
	}
	for _, b := range pixelBoxes(text, dpi) {
		whiten(out, b)
	}
	return out
}

func whiten(img *image.Gray, r image.Rectangle) {
	r = r.Intersect(img.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.PixOffset(r.Min.X, y):][:r.Dx()]
		for x := range row {
			row[x] = 0xFF
		}
	}
}

// scaled turns a box in points into one in pixels that holds it.
func scaled(b document.Box, dpi float64) image.Rectangle {
	f := dpi / 72
	return image.Rect(int(b[0]*f), int(b[1]*f), int(b[2]*f)+1, int(b[3]*f)+1)
}

// pixelBoxes are the text's boxes in pixels, with the edge that smooth drawing
// leaves around letters.
func pixelBoxes(boxes []document.Box, dpi float64) []image.Rectangle {
	out := make([]image.Rectangle, len(boxes))
	for i, b := range boxes {
		out[i] = scaled(b, dpi).Inset(-1)
	}
	return out
}

// boxesOf are those of the characters on the upright page, in points.
func boxesOf(chars []*responses.GetPageTextStructuredChar, g document.Geometry) []document.Box {
	var out []document.Box
	for _, ch := range chars {
		at := ch.PointPosition
		if b := g.UserToPage.Box(document.Box{at.Left, at.Bottom, at.Right, at.Top}); b[2] > b[0] && b[3] > b[1] {
			out = append(out, b)
		}
	}
	return out
}
