package enginetest

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/f64"
	"golang.org/x/image/math/fixed"
)

// Scan is a page as a scanner would bring it, drawn here.
type Scan struct {
	Name  string
	Image *image.Gray
	DPI   int
	Text  string // what was printed, line by line
}

// style is how a kind of Scan looks. Lengths are in points.
type style struct {
	name          string
	face          []byte
	size          float64
	width, height float64
	columns       int
	figures       bool    // columns of figures instead of sentences
	slant         float64 // degrees, clockwise
	turned        bool    // lies on its side
	noise         int     // amplitude of the grain, 0..255
	shade         float64 // how much darker the far corner is, 0..1
	banner        bool    // a line of white on black on top
}

func styles() []style {
	return []style{
		{name: "letter", face: goregular.TTF, size: 11, width: 595, height: 842, columns: 1, noise: 8},
		{name: "columns", face: goregular.TTF, size: 9, width: 595, height: 842, columns: 2, noise: 12},
		{name: "statement", face: gomono.TTF, size: 10, width: 595, height: 842, columns: 1, figures: true, noise: 8, banner: true},
		{name: "slanted", face: goitalic.TTF, size: 12, width: 595, height: 842, columns: 1, slant: 1.3, noise: 20},
		{name: "photo", face: gobold.TTF, size: 10, width: 595, height: 842, columns: 1, noise: 40, shade: 0.5, slant: -0.7},
		{name: "sideways", face: goregular.TTF, size: 12, width: 595, height: 842, columns: 1, turned: true, noise: 8},
		{name: "receipt", face: gomono.TTF, size: 8, width: 220, height: 560, columns: 1, figures: true, noise: 30, shade: 0.4, slant: 0.8},
	}
}

// ScanNames are the kinds that DrawScan draws.
func ScanNames() []string {
	var out []string
	for _, s := range styles() {
		out = append(out, s.name)
	}
	return out
}

// DrawScan draws a page of a kind, at a resolution in dots per inch. The same
// seed gives the same page, another seed other words.
func DrawScan(name string, dpi int, seed uint64) (Scan, error) {
	for _, s := range styles() {
		if s.name == name {
			return s.draw(dpi, rand.New(rand.NewPCG(seed, uint64(len(name)))))
		}
	}
	return Scan{}, fmt.Errorf("there is no scan called %q", name)
}

func (s style) draw(dpi int, dice *rand.Rand) (Scan, error) {
	parsed, err := opentype.Parse(s.face)
	if err != nil {
		return Scan{}, fmt.Errorf("parse font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: s.size, DPI: float64(dpi)})
	if err != nil {
		return Scan{}, fmt.Errorf("size font: %w", err)
	}
	px := func(points float64) int { return int(points * float64(dpi) / 72) }
	page := image.NewGray(image.Rect(0, 0, px(s.width), px(s.height)))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	pen := &font.Drawer{Dst: page, Src: image.NewUniform(color.Gray{Y: 30}), Face: face}
	margin, leading := s.width/12, s.size*1.4
	top := margin + leading
	var text strings.Builder
	if s.banner {
		draw.Draw(page, image.Rect(px(margin/2), px(margin), px(s.width-margin/2), px(margin+1.5*leading)), image.Black, image.Point{}, draw.Src)
		white := *pen
		white.Src, white.Dot = image.White, fixed.P(px(margin), px(margin+leading))
		line := sentence(dice, &white, px(s.width-2*margin), false)
		fmt.Fprintln(&text, line)
		white.DrawString(line)
		top += 2 * leading
	}
	gap := margin / 2
	wide := (s.width - 2*margin - gap*float64(s.columns-1)) / float64(s.columns)
	for column := range s.columns {
		for y := top; y < s.height-margin; y += leading {
			line := sentence(dice, pen, px(wide), s.figures)
			fmt.Fprintln(&text, line)
			pen.Dot = fixed.P(px(margin+float64(column)*(wide+gap)), px(y))
			pen.DrawString(line)
		}
	}
	return Scan{Name: s.name, Image: s.scan(page, dice), DPI: dpi, Text: text.String()}, nil
}

// scan is what the glass makes of a printed page.
func (s style) scan(page *image.Gray, dice *rand.Rand) *image.Gray {
	if s.slant != 0 {
		sin, cos := math.Sincos(s.slant * math.Pi / 180)
		x, y := float64(page.Rect.Dx())/2, float64(page.Rect.Dy())/2
		out := image.NewGray(page.Rect)
		draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
		draw.BiLinear.Transform(out, f64.Aff3{cos, -sin, x - cos*x + sin*y, sin, cos, y - sin*x - cos*y}, page, page.Rect, draw.Src, nil)
		page = out
	}
	w, h := page.Rect.Dx(), page.Rect.Dy()
	for i := range page.Pix {
		light := 1 - s.shade*float64(i%w+i/w)/float64(w+h)
		page.Pix[i] = uint8(max(0, float64(page.Pix[i])*light-float64(dice.IntN(s.noise+1))))
	}
	if !s.turned {
		return page
	}
	out := image.NewGray(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			out.Pix[(w-1-x)*out.Stride+y] = page.Pix[y*page.Stride+x]
		}
	}
	return out
}

// words that sentences are made of.
const words = `the of and a to in is that it was for on are with as his they be at one have this from by hot but some what
there we can out other were all your when up use word how said an each she which do their time if will way about many then them
would write like so these her long make thing see him two has look more day could go come did my sound no most number who over
know water than call first people may down side been now find any new work part take get place made live where after back little
only round man year came show every good me give our under name very through just form much great think say help low line before
turn cause same mean differ move right boy old too does tell sentence set three want air well also play small end put home read
hand port large spell add even land here must big high such follow act why ask men change went light kind off need house picture
try us again animal point mother world near build self earth father head stand own page should country found answer school grow
study still learn plant cover food sun four thought let keep eye never last door between city tree cross since hard start might
story saw far sea draw left late run don't while press close night real life few stop open seem together next white children begin
invoice delivery address payment quantity amount reference customer account balance transfer receipt department signature agreement
lighthouse harbour quarterly schedule purchase discount insurance warranty shipment laboratory conference engineer publication`

// sentence is a line of words, or of figures, that is at most wide pixels.
func sentence(dice *rand.Rand, pen *font.Drawer, wide int, figures bool) string {
	vocabulary := strings.Fields(words)
	line := ""
	for first := true; ; first = false {
		word := vocabulary[dice.IntN(len(vocabulary))]
		switch n := dice.IntN(12); {
		case figures && n < 5:
			word = fmt.Sprintf("%d.%02d", dice.IntN(2000), dice.IntN(100))
		case n == 0:
			word = fmt.Sprintf("%02d/%02d/%d", 1+dice.IntN(28), 1+dice.IntN(12), 1990+dice.IntN(40))
		case n == 1 || first:
			word = strings.ToUpper(word[:1]) + word[1:]
		case n == 2:
			word += ","
		case n == 3:
			word += "."
		}
		next := strings.TrimPrefix(line+" "+word, " ")
		if pen.MeasureString(next).Ceil() > wide {
			return line
		}
		line = next
	}
}
