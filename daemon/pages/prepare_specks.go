package pages

import "image"

// blob is a dark patch whose pixels touch, corners included; x1 and y1 are past
// its last pixel.
type blob struct{ x0, y0, x1, y1, area int }

// mostBlobs ends the search in pictures that are all noise.
const mostBlobs = 1 << 20

// run is a stretch of dark pixels in a row, part of a patch.
type run struct{ x0, x1, patch int32 }

// patches joins runs row by row.
type patches struct {
	blobs  []blob
	parent []int32
}

func (p *patches) find(i int32) int32 {
	for p.parent[i] != i {
		p.parent[i] = p.parent[p.parent[i]]
		i = p.parent[i]
	}
	return i
}

func (p *patches) join(a, b int32) int32 {
	a, b = p.find(a), p.find(b)
	if a == b {
		return a
	}
	if a > b {
		a, b = b, a
	}
	x, y := &p.blobs[a], p.blobs[b]
	*x = blob{min(x.x0, y.x0), min(x.y0, y.y0), max(x.x1, y.x1), max(x.y1, y.y1), x.area + y.area}
	p.parent[b] = a
	return a
}

// blobs calls fn with every patch of pixels darker than threshold; false when
// there are too many to be letters.
func blobs(img *image.Gray, threshold uint8, fn func(blob)) bool {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	p := &patches{}
	var above, here []run
	for y := range h {
		here = p.row(here[:0], above, img.Pix[y*img.Stride:][:w], threshold, y)
		if len(p.blobs) > mostBlobs {
			return false
		}
		above, here = here, above
	}
	for i, b := range p.blobs {
		if p.parent[i] == int32(i) {
			fn(b)
		}
	}
	return true
}

func (p *patches) row(here, above []run, row []uint8, threshold uint8, y int) []run {
	next := 0 // in above
	for x := 0; x < len(row); x++ {
		if row[x] >= threshold {
			continue
		}
		x0 := x
		for x < len(row) && row[x] < threshold {
			x++
		}
		r := run{int32(x0), int32(x), int32(len(p.blobs))}
		p.blobs = append(p.blobs, blob{x0, y, x, y + 1, x - x0})
		p.parent = append(p.parent, r.patch)
		for next < len(above) && above[next].x1 < r.x0 {
			next++
		}
		for i := next; i < len(above) && above[i].x0 <= r.x1; i++ {
			r.patch = p.join(above[i].patch, r.patch)
		}
		here = append(here, r)
	}
	return here
}

// A speck is at most speckSide pixels wide and high; a dot of an i or a full
// stop that small has something larger within speckReach pixels.
const (
	speckSide  = 3
	speckReach = 8
)

// denoise takes specks away that no letter is near, where there are more than
// half as many of them as of letters: fewer hurt nobody, and some are full stops.
func denoise(img *image.Gray) *image.Gray {
	n := count(img)
	threshold := uint8(n.split())
	var specks []blob
	letters := 0
	ok := blobs(img, threshold, func(b blob) {
		if b.x1-b.x0 <= speckSide && b.y1-b.y0 <= speckSide {
			specks = append(specks, b)
		} else {
			letters++
		}
	})
	if !ok || 2*len(specks) <= letters {
		return img
	}
	out := image.NewGray(img.Rect)
	copy(out.Pix, img.Pix)
	white := uint8(n.below(0.6))
	for _, b := range specks {
		b.around(img.Rect, 1, func(i int) { out.Pix[i] = max(out.Pix[i], white) })
	}
	for _, b := range specks {
		near := false
		b.around(img.Rect, speckReach, func(i int) { near = near || out.Pix[i] < threshold })
		if near {
			b.around(img.Rect, 1, func(i int) { out.Pix[i] = img.Pix[i] })
		}
	}
	return out
}

// around calls fn with every pixel of the blob and up to reach beside it, in a
// picture whose rows follow each other.
func (b blob) around(r image.Rectangle, reach int, fn func(i int)) {
	for y := max(b.y0-reach, 0); y < min(b.y1+reach, r.Dy()); y++ {
		for x := max(b.x0-reach, 0); x < min(b.x1+reach, r.Dx()); x++ {
			fn(y*r.Dx() + x)
		}
	}
}
