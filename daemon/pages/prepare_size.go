package pages

import (
	"image"
	"math"
)

// Letters below smallLetter pixels are enlarged to goodLetter; both are medians,
// which is about the height of an x. Larger ones gain nothing, and cost time.
const (
	smallLetter = 10.0
	goodLetter  = 16.0
	mostLarger  = 4.0
	// Pictures of at least fineDPI, or where that is unknown as many pixels as an
	// A4 page has then, are not even measured.
	fineDPI    = 200
	finePixels = 4_000_000
)

// enlarge brings small letters to the height they would have at 200 to 300 dpi.
func enlarge(img *image.Gray, dpi float64) *image.Gray {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if dpi >= fineDPI || w*h >= finePixels {
		return img
	}
	letter := letterHeight(img)
	if letter == 0 || letter >= smallLetter {
		return img
	}
	factor := min(goodLetter/letter, mostLarger, math.Sqrt(maxRender/float64(w*h)))
	return resample(img, int(float64(w)*factor), int(float64(h)*factor))
}

// letterHeight is the median height, in pixels, of what looks like a letter; 0
// when there are too few.
func letterHeight(img *image.Gray) float64 {
	n := count(img)
	var heights [200]int
	letters := 0
	blobs(img, uint8(n.split()), func(b blob) {
		bw, bh := b.x1-b.x0, b.y1-b.y0
		if bh >= 4 && bh < len(heights) && bw >= 2 && bw < 4*bh && bh < 6*bw && 5*b.area > bw*bh {
			heights[bh]++
			letters++
		}
	})
	if letters < 20 {
		return 0
	}
	seen := 0
	for height, c := range heights {
		if seen += c; 2*seen >= letters {
			return float64(height)
		}
	}
	return 0
}

// resample is bicubic (Catmull-Rom) interpolation in fixed point: the library's
// takes 30 times as long, since it computes in colours.
func resample(img *image.Gray, w, h int) *image.Gray {
	sw, sh := img.Rect.Dx(), img.Rect.Dy()
	across, down := cubic(sw, w), cubic(sh, h)
	out := image.NewGray(image.Rect(0, 0, w, h))
	var rows [4][]int16 // source rows, already widened, in eighths
	var have [4]int
	for i := range rows {
		rows[i], have[i] = make([]int16, w), -1
	}
	for y := range h {
		var r [4][]int16
		for i, sy := range down[y].at {
			if have[sy%4] != sy {
				resampleRow(rows[sy%4], img.Pix[sy*img.Stride:][:sw], across)
				have[sy%4] = sy
			}
			r[i] = rows[sy%4]
		}
		k := down[y].weight
		line := out.Pix[y*w : y*w+w]
		for x := range line {
			v := (int32(r[0][x])*k[0] + int32(r[1][x])*k[1] + int32(r[2][x])*k[2] + int32(r[3][x])*k[3] + 1<<14) >> 15
			line[x] = uint8(min(max(v, 0), 255))
		}
	}
	return out
}

func resampleRow(out []int16, row []uint8, taps []taps) {
	for x := range out {
		t := &taps[x]
		v := int32(row[t.at[0]])*t.weight[0] + int32(row[t.at[1]])*t.weight[1] + int32(row[t.at[2]])*t.weight[2] + int32(row[t.at[3]])*t.weight[3]
		out[x] = int16((v + 1<<8) >> 9)
	}
}

// taps are the source pixels that make a pixel, and their weights of 4096.
type taps struct {
	at     [4]int
	weight [4]int32
}

func cubic(from, to int) []taps {
	out := make([]taps, to)
	for i := range out {
		at := (float64(i)+0.5)*float64(from)/float64(to) - 0.5
		first := math.Floor(at)
		t := at - first
		weights := [4]float64{((-0.5*t+1)*t - 0.5) * t, (1.5*t-2.5)*t*t + 1, ((-1.5*t+2)*t + 0.5) * t, (0.5*t - 0.5) * t * t}
		for k, weight := range weights {
			out[i].at[k] = min(max(int(first)+k-1, 0), from-1)
			out[i].weight[k] = int32(math.Round(weight * 4096))
		}
	}
	return out
}
