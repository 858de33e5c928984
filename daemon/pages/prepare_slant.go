package pages

import (
	"image"
	"math"

	"intray/daemon/document"
)

// Engines find few lines on a page that leans by more than some four degrees.
// How much it leans is seen in its projection profile: summed up along the
// lines of text, ink and gaps between lines alternate most sharply (H. S. Baird,
// The Skew Angle of Printed Documents, 1987).

const (
	// slantDPI, or rather the pixels for an A4 page at it, is what is looked at.
	slantDPI = 75
	// leastSlant is in degrees: less an engine reads as it is. mostSlant is more
	// than any feeder does.
	leastSlant, mostSlant = 3.0, 17.0
	// slantStep is the first look's; a twelfth of it the second's.
	slantStep = 0.25
	// sharper is how much sharper the profile must be than near 0 degrees.
	sharper = 3
	// fewestDark pixels make a profile, most are enough for one.
	fewestDark, mostDark = 500, 30000
)

// level turns a picture whose lines lean about its middle so that they are
// level, on a canvas that holds all of it. back maps its pixels to those of img.
func level(img *image.Gray) (out *image.Gray, back document.Matrix) {
	angle := slant(img)
	if math.Abs(angle) < leastSlant {
		return img, document.Identity()
	}
	w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	sin, cos := math.Sincos(angle * math.Pi / 180)
	width, height := math.Ceil(w*cos+h*math.Abs(sin)), math.Ceil(h*cos+w*math.Abs(sin))
	if width*height > maxRender {
		return img, document.Identity()
	}
	back = document.Matrix{cos, sin, -sin, cos, w/2 - cos*width/2 + sin*height/2, h/2 - sin*width/2 - cos*height/2}
	out = image.NewGray(image.Rect(0, 0, int(width), int(height)))
	for y := range out.Rect.Dy() {
		sx, sy := back.Apply(0.5, float64(y)+0.5)
		levelRow(out.Pix[y*out.Stride:][:out.Rect.Dx()], img, sx-0.5, sy-0.5, cos, sin)
	}
	return out, back
}

// levelRow fills a row with the greys at x, y and, from there on, dx, dy further
// for each pixel, white where that is not on the picture.
func levelRow(row []uint8, img *image.Gray, x, y, dx, dy float64) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for i := range row {
		fx, fy := x+float64(i)*dx, y+float64(i)*dy
		ix, iy := int(math.Floor(fx)), int(math.Floor(fy))
		if ix < 0 || iy < 0 || ix+1 >= w || iy+1 >= h {
			row[i] = 0xFF
			continue
		}
		at := iy*img.Stride + ix
		ax, ay := fx-float64(ix), fy-float64(iy)
		top := float64(img.Pix[at])*(1-ax) + float64(img.Pix[at+1])*ax
		bottom := float64(img.Pix[at+img.Stride])*(1-ax) + float64(img.Pix[at+img.Stride+1])*ax
		row[i] = uint8(top*(1-ay) + bottom*ay + 0.5)
	}
}

// slant is the angle in degrees, clockwise, by which the lines of text lean; 0
// where that is not plain to see.
func slant(img *image.Gray) float64 {
	xs, ys := darkPoints(img)
	if len(xs) < fewestDark {
		return 0
	}
	var best, straight, angle float64
	for a := -mostSlant; a <= mostSlant; a += slantStep {
		s := sharpness(xs, ys, a)
		if math.Abs(a) < leastSlant {
			straight = max(straight, s)
		}
		if s > best {
			best, angle = s, a
		}
	}
	if math.Abs(angle) < leastSlant || math.Abs(angle) >= mostSlant || best < sharper*straight {
		return 0
	}
	for a, middle := angle-slantStep, angle; a <= middle+slantStep; a += slantStep / 12 {
		if s := sharpness(xs, ys, a); s > best {
			best, angle = s, a
		}
	}
	return angle
}

// darkPoints are where the picture, made smaller, is dark, about its middle.
func darkPoints(img *image.Gray) (xs, ys []float32) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	const small = slantDPI * slantDPI * 8.3 * 11.7
	f := max(int(math.Round(math.Sqrt(float64(w*h)/small))), 1)
	cols, rows := w/f, h/f
	sums := make([]uint16, cols*rows)
	var n greys
	for y := range rows {
		for x := range cols {
			sum := 0
			for dy := range f {
				for _, v := range img.Pix[(y*f+dy)*img.Stride+x*f:][:f] {
					sum += int(v)
				}
			}
			v := sum / (f * f)
			sums[y*cols+x] = uint16(v)
			n[v]++
		}
	}
	limit := uint16(n.split())
	for y := range rows {
		for x := range cols {
			if sums[y*cols+x] < limit {
				xs, ys = append(xs, float32(x-cols/2)), append(ys, float32(y-rows/2))
			}
		}
	}
	if len(xs) > cols*rows/4 { // a dark page, or a photo
		return nil, nil
	}
	if every := (len(xs) + mostDark - 1) / mostDark; every > 1 {
		kept := 0
		for i := 0; i < len(xs); i += every {
			xs[kept], ys[kept] = xs[i], ys[i]
			kept++
		}
		xs, ys = xs[:kept], ys[:kept]
	}
	return xs, ys
}

// sharpness is the sum of the squared differences between neighbours in the
// profile along lines that lean by so many degrees.
func sharpness(xs, ys []float32, degrees float64) float64 {
	s, c := math.Sincos(degrees * math.Pi / 180)
	sin, cos := float32(s), float32(c)
	const half = 1024
	var profile [2 * half]int32
	for i, x := range xs {
		at := int(ys[i]*cos-x*sin) + half
		if at >= 0 && at < len(profile) {
			profile[at]++
		}
	}
	var sum float64
	for i := 1; i < len(profile); i++ {
		d := float64(profile[i] - profile[i-1])
		sum += d * d
	}
	return sum
}
