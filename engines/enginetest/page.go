// Package enginetest holds every engine to the same promises: one conformance
// suite, a fake to test others with, and faults to wrap around engines.
//
// It is for tests only. The servers of cloud providers that engines are held
// against are in package servers; each engine's own tests say how it reads.
package enginetest

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// PageDPI is the resolution of pages drawn here, in dots per inch.
const PageDPI = 300

// Size of drawn pages, in pixels.
const (
	pageWidth  = 1800
	pageHeight = 900
)

// DrawPage draws lines of text, black on white, as a PNG of 1800 by 900 pixels.
func DrawPage(lines ...string) ([]byte, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("parse font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 14, DPI: PageDPI})
	if err != nil {
		return nil, fmt.Errorf("size font: %w", err)
	}
	page := image.NewGray(image.Rect(0, 0, pageWidth, pageHeight))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	pen := font.Drawer{Dst: page, Src: image.Black, Face: face}
	for i, text := range lines {
		pen.Dot = fixed.P(120, 160+i*100)
		pen.DrawString(text)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, page); err != nil {
		return nil, fmt.Errorf("encode page: %w", err)
	}
	return b.Bytes(), nil
}
