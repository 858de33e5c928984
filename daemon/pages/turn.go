package pages

import (
	"image"

	"intray/daemon/document"
)

// Turned is the picture turned clockwise by a multiple of 90 degrees, with the
// page it lies on: what is a page's top afterwards is its geometry's, too.
func (p Picture) Turned(degrees int) Picture {
	orientation, turns := map[int]int{90: 6, 180: 3, 270: 8}[degrees]
	if !turns || p.Image == nil {
		return p
	}
	w, h := p.Width, p.Height
	pixels := &image.Gray{Pix: p.Image[len(p.Image)-w*h:], Stride: w, Rect: image.Rect(0, 0, w, h)}
	turned := upright(pixels, orientation)
	p.Image, p.Width, p.Height = encodePNM(turned), turned.Rect.Dx(), turned.Rect.Dy()
	g := p.Geometry
	turnPage := document.Turn(g.Width, g.Height, degrees)
	back, _ := document.Turn(float64(w), float64(h), degrees).Inverse() // turns can be undone
	p.Geometry.ImageToPage = back.Then(g.ImageToPage).Then(turnPage)
	p.Geometry.UserToPage = g.UserToPage.Then(turnPage)
	p.Geometry.Rotation = (g.Rotation + degrees) % 360
	if degrees%180 == 90 {
		p.Geometry.Width, p.Geometry.Height = g.Height, g.Width
	}
	return p
}
