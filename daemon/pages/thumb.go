package pages

import (
	"image"
	"math"
	"slices"

	"intray/daemon/document"
)

// A Thumb is a page in small: the mean grey of every cell of 1/18 inch. It is
// coarse enough to be the same whoever draws the page, and fine enough for a
// word to be missed.
type Thumb struct {
	// Columns and Rows are the number of cells; Cells are their greys, 255 being
	// white, row by row.
	Columns int    `json:"columns"`
	Rows    int    `json:"rows"`
	Cells   []byte `json:"cells"`
}

const thumbDPI = 18

// maxThumbSide bounds a thumb for pages of any size, in cells.
const maxThumbSide = 2000

// thumbSize is the same for a page's size as it was reckoned and as a PDF has it,
// rounded.
func thumbSize(g document.Geometry) (columns, rows int) {
	const rounded = 0.01
	side := func(points float64) int {
		return min(max(int(math.Ceil(points*thumbDPI/72-rounded)), 1), maxThumbSide)
	}
	return side(g.Width), side(g.Height)
}

// Thumb is what the picture shows, where it lies on the page. What lies off the
// page is left out; the rest of the page is white.
func (p Picture) Thumb() Thumb {
	w, h := p.Width, p.Height
	columns, rows := thumbSize(p.Geometry)
	s := splat{columns: columns, rows: rows, sum: make([]uint32, columns*rows), n: make([]uint32, columns*rows)}
	m := p.Geometry.ImageToPage.Then(document.Scale(float64(columns)/p.Geometry.Width, float64(rows)/p.Geometry.Height))
	pixels := p.Image[len(p.Image)-w*h:]
	for y := range h {
		s.row(pixels[y*w:][:w], m, float64(y)+0.5)
	}
	return s.thumb()
}

// splat adds pixels up by the cell they lie in.
type splat struct {
	columns, rows int
	sum, n        []uint32
}

func (s *splat) row(row []byte, m document.Matrix, y float64) {
	x0, y0 := m.Apply(0.5, y)
	dx, dy := m[0], m[1]
	for i, v := range row {
		cx, cy := int(x0+float64(i)*dx), int(y0+float64(i)*dy)
		if cx < 0 || cy < 0 || cx >= s.columns || cy >= s.rows {
			continue
		}
		at := cy*s.columns + cx
		s.sum[at] += uint32(v)
		s.n[at]++
	}
}

func (s *splat) thumb() Thumb {
	t := Thumb{Columns: s.columns, Rows: s.rows, Cells: make([]byte, len(s.sum))}
	for i, n := range s.n {
		t.Cells[i] = 0xFF
		if n > 0 {
			t.Cells[i] = uint8(s.sum[i] / n)
		}
	}
	return t
}

// Straightened is the thumb of the page turned about its middle as
// document.Straighten does for a page that leans by skew degrees.
func (t Thumb) Straightened(skew float64) Thumb {
	back, ok := document.Straighten(float64(t.Columns), float64(t.Rows), skew).Inverse()
	if skew == 0 || !ok {
		return t
	}
	out := Thumb{Columns: t.Columns, Rows: t.Rows, Cells: make([]byte, len(t.Cells))}
	for y := range t.Rows {
		for x := range t.Columns {
			fx, fy := back.Apply(float64(x)+0.5, float64(y)+0.5)
			out.Cells[y*t.Columns+x] = uint8(t.at(fx-0.5, fy-0.5) + 0.5)
		}
	}
	return out
}

// Turned is the thumb of the page turned clockwise by a multiple of 90 degrees.
func (t Thumb) Turned(degrees int) Thumb {
	orientation, turns := map[int]int{90: 6, 180: 3, 270: 8}[degrees]
	if !turns {
		return t
	}
	img := upright(&image.Gray{Pix: t.Cells, Stride: t.Columns, Rect: image.Rect(0, 0, t.Columns, t.Rows)}, orientation)
	return Thumb{Columns: img.Rect.Dx(), Rows: img.Rect.Dy(), Cells: img.Pix}
}

// at is the grey between cells, white off the page.
func (t Thumb) at(x, y float64) float64 {
	cell := func(x, y int) float64 {
		if x < 0 || y < 0 || x >= t.Columns || y >= t.Rows {
			return 255
		}
		return float64(t.Cells[y*t.Columns+x])
	}
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := x-x0, y-y0
	ix, iy := int(x0), int(y0)
	return (cell(ix, iy)*(1-fx)+cell(ix+1, iy)*fx)*(1-fy) + (cell(ix, iy+1)*(1-fx)+cell(ix+1, iy+1)*fx)*fy
}

// Difference is how two thumbs of what should be the same page differ, as
// shares of the first one's ink: what it has and the second one lacks, and the
// other way round. Greys that differ by up to tolerated do not count; with more
// than exact, cells are compared with their neighbours, since a line that falls
// between two is drawn into either.
func (t Thumb) Difference(other Thumb, tolerated float64) (lost, gained float64) {
	if t.Columns != other.Columns || t.Rows != other.Rows {
		return 1, 1
	}
	a, b := t.greys(tolerated > Exact), other.greys(tolerated > Exact)
	ink := paperInk * float64(len(a))
	var less, more float64
	for i := range a {
		ink += 255 - a[i]
		switch d := b[i] - a[i]; {
		case d > tolerated:
			less += d - tolerated
		case d < -tolerated:
			more += -d - tolerated
		}
	}
	return less / ink, more / ink
}

const (
	// Exact is the difference of greys between two drawings by one reader,
	// Redrawn what other code and another filter make of it.
	Exact   = 2
	Redrawn = 20
	// paperInk is the ink, in greys, that an empty cell counts for, so that a
	// speck on a blank page is none.
	paperInk = 1
)

// A place is a square of placeCells cells, half an inch. It is missing when the
// other page has less than half of its ink there or a cell around it; less ink
// than placeInk, in greys a cell, says nothing: it is a hundredth of the place.
// Greys that differ from the paper by no more than tint are a tint or its
// dither, which each renderer rounds in its own way.
const (
	placeCells = 9
	placeInk   = 2.5
	tint       = 5
)

// Missing counts the places of the page whose ink the other one lacks. It finds
// light text, and a line on a page that is full of ink, which weigh too little
// to show in Difference.
func (t Thumb) Missing(other Thumb) (places int) {
	if t.Columns != other.Columns || t.Rows != other.Rows {
		return 1
	}
	step := placeCells / 2
	for y := 0; y < t.Rows; y += step {
		for x := 0; x < t.Columns; x += step {
			here := t.inkIn(x, y, x+placeCells, y+placeCells, tint)
			if here < placeInk*placeCells*placeCells {
				continue
			}
			if other.inkIn(x-1, y-1, x+placeCells+1, y+placeCells+1, 0) < here/2 {
				places++
			}
		}
	}
	return places
}

// inkIn is the ink in a part of the page, in greys: what is darker than the
// paper, one of the lightest cells there, since paper has a tint that whoever draws it sees
// otherwise. Cells that differ from it by no more than tint have none. The page's edge is left out: where a page is straightened, some of
// it comes to lie off the page, and white beside it.
func (t Thumb) inkIn(x0, y0, x1, y1 int, tint uint8) (sum float64) {
	const edge = 2
	x0, x1 = max(x0, edge), min(x1, t.Columns-edge)
	var cells []byte
	for y := max(y0, edge); y < min(y1, t.Rows-edge) && x0 < x1; y++ {
		cells = append(cells, t.Cells[y*t.Columns+x0:y*t.Columns+x1]...)
	}
	if len(cells) == 0 {
		return 0
	}
	slices.Sort(cells)
	paper := cells[len(cells)*19/20]
	for _, v := range cells {
		if ink := paper - min(v, paper); ink > tint {
			sum += float64(ink)
		}
	}
	return sum
}

// greys are the cells, or the means of each and its neighbours.
func (t Thumb) greys(smooth bool) []float64 {
	if smooth {
		return t.smooth()
	}
	out := make([]float64, len(t.Cells))
	for i, v := range t.Cells {
		out[i] = float64(v)
	}
	return out
}

// smooth is the mean of each cell and its neighbours.
func (t Thumb) smooth() []float64 {
	out := make([]float64, len(t.Cells))
	for y := range t.Rows {
		for x := range t.Columns {
			sum, n := 0, 0
			for ny := max(y-1, 0); ny <= min(y+1, t.Rows-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, t.Columns-1); nx++ {
					sum += int(t.Cells[ny*t.Columns+nx])
					n++
				}
			}
			out[y*t.Columns+x] = float64(sum) / float64(n)
		}
	}
	return out
}

// thumbOf shrinks a drawn page.
func thumbOf(img *image.Gray, g document.Geometry) Thumb {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	columns, rows := thumbSize(g)
	s := splat{columns: columns, rows: rows, sum: make([]uint32, columns*rows), n: make([]uint32, columns*rows)}
	m := document.Scale(float64(columns)/float64(w), float64(rows)/float64(h))
	for y := range h {
		s.row(img.Pix[y*img.Stride:][:w], m, float64(y)+0.5)
	}
	return s.thumb()
}
