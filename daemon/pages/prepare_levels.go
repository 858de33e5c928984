package pages

import (
	"image"
	"math"
)

// tile is the side, in pixels, of the squares in which the paper's grey is
// measured: larger than letters, smaller than shadows and folds.
const tile = 64

// contrast divides by the paper around each pixel, so that shadows, folds and
// yellow paper become white, and stretches what is left so that ink is black.
func contrast(img *image.Gray) *image.Gray {
	p, ok := shadowed(img)
	if !ok {
		return img
	}
	out := image.NewGray(img.Rect)
	p.each(img, func(i int, v uint8, paper uint32) {
		out.Pix[i] = uint8(min(uint32(v)*255/paper, 255))
	})
	flat := count(out)
	ink := min(flat.below(0.005), 180)
	white := 235 // paper has grain
	var table [256]uint8
	for v := range table {
		table[v] = uint8(min(max((v-ink)*255/(white-ink), 0), 255))
	}
	for i, v := range out.Pix {
		out.Pix[i] = table[v]
	}
	return out
}

// leastShadow is the share of the page that must lie in a shadow for something
// to be done about it.
const leastShadow = 0.02

// palePrint is by how much, of 255, the grey that parts ink from paper on the sheet
// must exceed that of the whole picture for the print to be lost: beside a black
// corner or the lid's shadow, pale print counts as paper.
const palePrint = 40

// ground is the grey of the empty sheet, measured in tiles.
type ground struct {
	columns, rows int
	greys         []uint32
}

// shadowed measures the paper: the bright end of every tile, but never less than
// half of what most of the page is, since dark pictures stay dark. It is true
// where a good part of the paper is darker than what, over the whole page, parts
// ink from paper: there an engine that looks for one threshold sees no letters.
// Pages on even paper, however yellow or faint, are read as well without help.
func shadowed(img *image.Gray) (ground, bool) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	p := ground{columns: (w + tile - 1) / tile, rows: (h + tile - 1) / tile}
	p.greys = make([]uint32, p.columns*p.rows)
	var all greys
	byPaper := make([]greys, 256) // all pixels, by the grey of their tile's paper
	for i := range p.greys {
		tx, ty := i%p.columns*tile, i/p.columns*tile
		var n greys
		for y := ty; y < min(ty+tile, h); y += 2 { // every other row says as much
			for _, v := range img.Pix[y*img.Stride+tx : y*img.Stride+min(tx+tile, w)] {
				n[v]++
			}
		}
		p.greys[i] = uint32(n.below(0.8))
		all.add(&n)
		byPaper[p.greys[i]].add(&n)
	}
	if all.bilevel() {
		return ground{}, false
	}
	threshold := all.split()
	least := uint32(max(all.below(0.9)/2, 1))
	dark := 0
	for i, v := range p.greys {
		if v > least && v < uint32(threshold) {
			dark++
		}
		p.greys[i] = max(v, least)
	}
	var sheet greys // without what lies around it
	for v := int(least) + 1; v < len(byPaper); v++ {
		sheet.add(&byPaper[v])
	}
	pale := sheet.split() >= threshold+palePrint
	return p, pale || float64(dark) >= leastShadow*float64(len(p.greys))
}

// each calls fn with every pixel and the paper there, interpolated between the
// middles of the tiles.
func (p ground) each(img *image.Gray, fn func(i int, v uint8, paper uint32)) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	line := make([]uint32, p.columns) // the row's paper, times tile
	for y := range h {
		r0, r1, fy := neighbours(y, p.rows)
		for c := range line {
			line[c] = p.greys[r0*p.columns+c]*(tile-fy) + p.greys[r1*p.columns+c]*fy
		}
		for x := range w {
			c0, c1, fx := neighbours(x, p.columns)
			i := y*w + x
			fn(i, img.Pix[i], (line[c0]*(tile-fx)+line[c1]*fx)/(tile*tile))
		}
	}
}

// neighbours names the tiles around a pixel and how far, of tile, it is on the way
// from the middle of the first to that of the second.
func neighbours(at, n int) (first, second int, part uint32) {
	at -= tile / 2
	if at < 0 {
		return 0, 0, 0
	}
	first = at / tile
	return min(first, n-1), min(first+1, n-1), uint32(at % tile)
}

// Sauvola's binarization (Pattern Recognition 33, 2000): a pixel is ink when it
// is darker than mean·(1 + k·(deviation/R - 1)) of the window around it.
const (
	sauvolaRadius = 25
	sauvolaK      = 0.2
	sauvolaR      = 128
)

func binarize(img *image.Gray) *image.Gray {
	if _, ok := shadowed(img); !ok {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewGray(img.Rect)
	// Sums of each column over the window's rows; the window then slides along.
	sums, squares := make([]uint32, w), make([]uint32, w)
	add := func(y int, sign uint32) {
		for x, v := range img.Pix[y*w : y*w+w] {
			sums[x] += sign * uint32(v)
			squares[x] += sign * uint32(v) * uint32(v)
		}
	}
	for y := range min(sauvolaRadius, h) {
		add(y, 1)
	}
	for y := range h {
		if y+sauvolaRadius < h {
			add(y+sauvolaRadius, 1)
		}
		if y-sauvolaRadius-1 >= 0 {
			add(y-sauvolaRadius-1, ^uint32(0))
		}
		rows := min(y+sauvolaRadius, h-1) - max(y-sauvolaRadius, 0) + 1
		binarizeRow(out.Pix[y*w:y*w+w], img.Pix[y*w:y*w+w], sums, squares, rows)
	}
	return out
}

func binarizeRow(out, row []uint8, sums, squares []uint32, rows int) {
	w := len(row)
	var sum, square uint32
	for x := range min(sauvolaRadius, w) {
		sum += sums[x]
		square += squares[x]
	}
	for x, v := range row {
		if x+sauvolaRadius < w {
			sum += sums[x+sauvolaRadius]
			square += squares[x+sauvolaRadius]
		}
		if x-sauvolaRadius-1 >= 0 {
			sum -= sums[x-sauvolaRadius-1]
			square -= squares[x-sauvolaRadius-1]
		}
		n := float32(rows * (min(x+sauvolaRadius, w-1) - max(x-sauvolaRadius, 0) + 1))
		mean := float32(sum) / n
		deviation := float32(math.Sqrt(float64(max(float32(square)/n-mean*mean, 0))))
		if float32(v) > mean*(1+sauvolaK*(deviation/sauvolaR-1)) {
			out[x] = 255
		}
	}
}
