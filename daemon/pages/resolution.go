package pages

import (
	"fmt"
	"math"
	"slices"

	"intray/daemon/document"
)

// paper is a sheet that offices meet, upright, in millimetres.
type paper struct {
	name          string
	width, height float64
}

const (
	mmPerInch = 25.4
	a4Long    = 297.0
	// rollWidth is that of a receipt's paper.
	rollWidth = 80.0
)

// scanResolutions are those that scanners and programs write, the usual first.
var scanResolutions = []float64{300, 200, 150, 600, 400, 240, 100, 1200, 204, 96, 72}

// papers that a picture is compared with, the usual first.
var papers = []paper{
	{"A4", 210, a4Long}, {"Letter", 215.9, 279.4}, {"A5", 148, 210}, {"Legal", 215.9, 355.6}, {"A3", 297, 420},
	{"an ID card", 54, 85.6}, {"a business card", 55, 85}, {"a photo of 10 x 15 cm", 101.6, 152.4},
}

// measure is what a picture measures: dots per inch across and down.
type measure struct {
	x, y float64
	// estimated is true where the file says nothing that can be believed, sure
	// where the picture still fits a sheet at a usual resolution to the pixel.
	estimated, sure bool
	// paper is the sheet it is taken for.
	paper string
}

// resolution decides what a picture of w x h pixels measures. Values that
// cannot be a scan's (72 dpi on a camera's photo, nothing at all) are replaced
// by an estimate.
func resolution(l look, w, h int) measure {
	credible := func(dpi float64, px int) bool {
		inches := float64(px) / dpi
		return dpi >= 50 && dpi <= 4800 && (dpi > 100 || inches <= 17) &&
			(!l.unitless || slices.Contains(scanResolutions[:8], math.Round(dpi)))
	}
	xdpi, ydpi := l.xdpi, l.ydpi
	if xdpi == 0 || ydpi == 0 {
		xdpi, ydpi = max(xdpi, ydpi), max(xdpi, ydpi)
	}
	if !l.photo && xdpi > 0 && credible(xdpi, w) && credible(ydpi, h) {
		return measure{x: xdpi, y: ydpi}
	}
	return estimate(w, h)
}

// estimate takes the sheet that fits: to a hundredth at a usual resolution,
// else by its shape alone, else A4 by the picture's long side.
func estimate(w, h int) measure {
	short, long := float64(min(w, h)), float64(max(w, h))
	taken := func(name string, dpi float64, sure bool) measure {
		return measure{x: dpi, y: dpi, estimated: true, sure: sure, paper: name}
	}
	near := func(a, b, share float64) bool { return math.Abs(a-b) <= share*b }
	for _, dpi := range scanResolutions {
		for _, p := range papers {
			if near(short*mmPerInch/dpi, p.width, 0.01) && near(long*mmPerInch/dpi, p.height, 0.01) {
				return taken(p.name, dpi, true)
			}
		}
	}
	if roll := short * mmPerInch / rollWidth; h > w && long > 2.2*short && roll >= 100 && roll <= 650 {
		return taken(fmt.Sprintf("a receipt %.0f mm wide", rollWidth), roll, false)
	}
	for _, p := range papers[:4] { // cards and photos have the shape of too much else
		if dpi := long * mmPerInch / p.height; near(long/short, p.height/p.width, 0.03) && dpi >= 90 && dpi <= 650 {
			return taken(p.name, dpi, false)
		}
	}
	return taken("as long as A4", min(max(long*mmPerInch/a4Long, 70), 600), false)
}

// warning says what was assumed.
func (m measure) warning(l look) document.Warning {
	because := "The file does not say how large the page is"
	switch {
	case l.photo:
		because = "The picture is a photo, which does not tell how large the page was"
	case l.xdpi > 0 && !l.unitless:
		because = fmt.Sprintf("The file says %.0f dpi, which cannot be the page's", l.xdpi)
	}
	return document.Warning{Code: "resolution_estimated",
		Message: fmt.Sprintf("%s; it is taken to be %s at %.0f dpi.", because, m.paper, m.x)}
}
