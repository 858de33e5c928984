package document

import "math"

// Matrix is an affine map in PDF order (ISO 32000-1, 8.3.4):
//
//	x' = a·x + c·y + e
//	y' = b·x + d·y + f
type Matrix [6]float64

// Identity maps every point to itself.
func Identity() Matrix { return Matrix{1, 0, 0, 1, 0, 0} }

// Scale maps (x, y) to (sx·x, sy·y).
func Scale(sx, sy float64) Matrix { return Matrix{sx, 0, 0, sy, 0, 0} }

// Apply maps one point.
func (m Matrix) Apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// Vector maps a direction: like Apply, without the translation.
func (m Matrix) Vector(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y, m[1]*x + m[3]*y
}

// Then is the map that applies m first and n second.
func (m Matrix) Then(n Matrix) Matrix {
	return Matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// Inverse undoes m; ok is false when m flattens the plane.
func (m Matrix) Inverse() (inv Matrix, ok bool) {
	det := m[0]*m[3] - m[1]*m[2]
	if math.Abs(det) < 1e-12 || math.IsNaN(det) || math.IsInf(det, 0) {
		return Matrix{}, false
	}
	return Matrix{
		m[3] / det, -m[1] / det, -m[2] / det, m[0] / det,
		(m[2]*m[5] - m[3]*m[4]) / det, (m[1]*m[4] - m[0]*m[5]) / det,
	}, true
}

// Box is the smallest upright box around the image of b.
func (m Matrix) Box(b Box) Box {
	out := Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, corner := range [4][2]float64{{b[0], b[1]}, {b[2], b[1]}, {b[2], b[3]}, {b[0], b[3]}} {
		x, y := m.Apply(corner[0], corner[1])
		out[0], out[1] = math.Min(out[0], x), math.Min(out[1], y)
		out[2], out[3] = math.Max(out[2], x), math.Max(out[3], y)
	}
	return out
}

// Straighten is the map that levels a page of the given size whose text leans
// by skew degrees, clockwise, turning it about its middle. In and out are
// points of the page, y down.
func Straighten(width, height, skew float64) Matrix {
	sin, cos := math.Sincos(-skew * math.Pi / 180)
	cx, cy := width/2, height/2
	return Matrix{cos, sin, -sin, cos, cx - cos*cx + sin*cy, cy - sin*cx - cos*cy}
}

// Turn is the map of a page of the given size, in points, turned clockwise by a
// multiple of 90 degrees. In and out are points of the page, y down.
func Turn(width, height float64, degrees int) Matrix {
	switch degrees {
	case 90:
		return Matrix{0, 1, -1, 0, height, 0}
	case 180:
		return Matrix{-1, 0, 0, -1, width, height}
	case 270:
		return Matrix{0, -1, 1, 0, 0, width}
	}
	return Identity()
}

// Geometry places a page's picture. The page is upright as a reader shows it,
// in points, origin at its top left, y down.
type Geometry struct {
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	// Rotation is the clockwise turn, in degrees, between the stored page and
	// the upright one: /Rotate of a PDF page, EXIF orientation of a photo.
	Rotation int `json:"rotation"`
	// Fixed is true for a page whose content may not be moved on it, because of
	// links or form fields over it; Locked for one that may not even be turned,
	// because of a signature.
	Fixed  bool `json:"fixed"`
	Locked bool `json:"locked"`
	// ImageToPage maps pixels of the picture that was read to the page.
	ImageToPage Matrix `json:"image_to_page"`
	// UserToPage maps the PDF page's own user space to the page.
	UserToPage Matrix `json:"user_to_page"`
}
