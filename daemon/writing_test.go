package daemon

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// sheet is an A4 page at 150 dots per inch that tests write on.
type sheet struct {
	*image.Gray
	random *rand.Rand
}

func newSheet() sheet {
	s := sheet{image.NewGray(image.Rect(0, 0, 1240, 1754)), rand.New(rand.NewPCG(1, 2))}
	draw.Draw(s, s.Bounds(), image.White, image.Point{}, draw.Src)
	return s
}

// print sets lines in a font with Latin, Greek and Cyrillic letters, from y on.
func (s sheet) print(t testing.TB, y int, lines ...string) {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 12, DPI: 150})
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		d := font.Drawer{Dst: s, Src: image.Black, Face: face, Dot: fixed.P(120, y+40*i)}
		d.DrawString(line)
	}
}

// scrawl writes a line by hand: loops and sticks joined by a pen that wavers, on a
// baseline that wanders.
func (s sheet) scrawl(y float64) {
	x, drift, size := 120+s.random.Float64()*60, 0.0, 14+s.random.Float64()*6
	for x < 1050 {
		letters := 2 + s.random.IntN(8)
		px, py := x, y+drift
		for range letters {
			drift += s.random.Float64()*4 - 2
			height := size * (0.7 + 0.6*s.random.Float64())
			if s.random.IntN(4) == 0 {
				height *= 1.9
			}
			sign := -1.0
			if s.random.IntN(6) == 0 {
				sign = 0.8 // below the line
			}
			width, lean := size*(0.6+0.8*s.random.Float64()), 0.2+0.5*s.random.Float64()
			turns := 1 + 0.7*s.random.Float64()
			for i := 1; i <= 24; i++ {
				at := float64(i) / 24
				round := math.Sin(at * math.Pi * turns)
				nx := x + width*at - width*0.5*math.Sin(at*2*math.Pi*turns) + lean*height*round
				ny := y + drift + sign*height*round*round + s.random.Float64()*1.5
				s.stroke(px, py, nx, ny)
				px, py = nx, ny
			}
			x += width
		}
		x += size * (1 + s.random.Float64())
	}
}

func (s sheet) stroke(x0, y0, x1, y1 float64) {
	steps := int(math.Hypot(x1-x0, y1-y0)*2) + 1
	for i := range steps {
		at := float64(i) / float64(steps)
		x, y := x0+at*(x1-x0), y0+at*(y1-y0)
		for dy := -2.0; dy <= 2; dy++ {
			for dx := -2.0; dx <= 2; dx++ {
				if math.Hypot(dx, dy) <= 1.6 {
					s.Set(int(x+dx), int(y+dy), color.Gray{40})
				}
			}
		}
	}
}

func (s sheet) jpeg(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, s, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var english = []string{
	"The committee met on the third of May in the large hall.", "Present were the chairman, the secretary and eleven members.",
	"The minutes of the last meeting were read and approved.", "It was resolved to repair the roof before the winter comes.",
	"The costs will be paid out of the fund for buildings.", "Nobody had other business and the meeting was closed."}

var russian = []string{
	"Комитет собрался третьего мая в большом зале.", "Присутствовали председатель, секретарь и одиннадцать членов.",
	"Протокол прошлого собрания был прочитан и утверждён.", "Решено починить крышу до наступления зимы.",
	"Расходы будут оплачены из строительного фонда.", "Других вопросов не было, и собрание закрыли."}

var greek = []string{
	"Η επιτροπή συνεδρίασε στις τρεις Μαΐου στη μεγάλη αίθουσα.", "Παρόντες ήταν ο πρόεδρος, ο γραμματέας και έντεκα μέλη.",
	"Τα πρακτικά της προηγούμενης συνεδρίασης εγκρίθηκαν.", "Αποφασίστηκε να επισκευαστεί η στέγη πριν από τον χειμώνα.",
	"Τα έξοδα θα πληρωθούν από το ταμείο των κτιρίων.", "Δεν υπήρχαν άλλα θέματα και η συνεδρίαση έληξε."}
