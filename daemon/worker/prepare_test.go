package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/engines"
)

// markReader is an engine that finds one thing only: the largest black square.
type markReader struct{ width int }

func (m *markReader) Recognize(_ context.Context, page engines.Page) (engines.PageResult, error) {
	var r engines.PageResult
	header, rest, _ := bytes.Cut(page.Image[3:], []byte("\n"))
	w, h, _ := bytes.Cut(header, []byte(" "))
	_ = json.Unmarshal(w, &r.Width)
	_ = json.Unmarshal(h, &r.Height)
	pixels := rest[len("255\n"):]
	m.width = r.Width
	box := engines.Box{X0: math.Inf(1), Y0: math.Inf(1)}
	for y := r.Height / 2; y < r.Height; y++ { // below the letters
		for x := range r.Width {
			if pixels[y*r.Width+x] < 128 {
				box = engines.Box{X0: min(box.X0, float64(x)), Y0: min(box.Y0, float64(y)), X1: max(box.X1, float64(x+1)), Y1: max(box.Y1, float64(y+1))}
			}
		}
	}
	r.Blocks = []engines.Block{{Box: box, Lines: []engines.Line{{Box: box, Words: []engines.Word{{Text: "mark", Box: box, Confidence: 1}}}}}}
	return r, nil
}

func (m *markReader) Capabilities() engines.Capabilities { return engines.Capabilities{} }
func (m *markReader) Close() error                       { return nil }

// TestPreparedForReadingOnly: the engine gets the prepared picture; where a word
// lies and what the publish gate compares stay those of the page.
func TestPreparedForReadingOnly(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 600, 800))
	fill := func(r image.Rectangle, c uint8) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				img.SetGray(x, y, color.Gray{Y: c})
			}
		}
	}
	fill(img.Rect, 250)
	for y := 50; y < 350; y += 14 {
		for x := 50; x < 550; x += 9 {
			fill(image.Rect(x, y, x+5, y+6), 20)
		}
	}
	fill(image.Rect(400, 600, 430, 630), 20)
	var data bytes.Buffer
	if err := png.Encode(&data, img); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "page.png")
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := &markReader{}
	reader := &Reader{NewRecognizer: func(EngineSpec) (engines.Recognizer, error) { return engine, nil }}
	defer reader.Close()
	read := func(steps ...string) (ReadAnswer, document.Box, int) {
		a, err := reader.read(t.Context(), ReadRequest{Source: Source{Path: path, MIME: pages.MIMEPNG}, Number: 1, Prepare: steps})
		if err != nil {
			t.Fatal(err)
		}
		b := a.Result.Blocks[0].Box
		return a, a.Geometry.ImageToPage.Box(document.Box{b.X0, b.Y0, b.X1, b.Y1}), engine.width
	}
	plain, was, width := read()
	prepared, is, wider := read(pages.StepNormalizeDPI)
	if width != 600 || wider <= width {
		t.Fatalf("the engine saw %d and %d pixels", width, wider)
	}
	for i := range was {
		if math.Abs(was[i]-is[i]) > 0.5 {
			t.Errorf("the word lies at %.2f, prepared at %.2f", was, is)
			break
		}
	}
	if !bytes.Equal(plain.Thumb.Cells, prepared.Thumb.Cells) {
		t.Error("the thumb is made from the prepared picture")
	}
	if plain.Ink != prepared.Ink {
		t.Errorf("the ink was %f, prepared %f", plain.Ink, prepared.Ink)
	}
}

// twoMinds reads well what it is shown in one width only.
type twoMinds struct {
	markReader
	likes func(width int) bool
}

func (m *twoMinds) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	r, err := m.markReader.Recognize(ctx, page)
	w := &r.Blocks[0].Lines[0].Words[0]
	w.Text, w.Confidence = "a long enough mark", 0.3
	if m.likes(r.Width) {
		w.Confidence = 0.9
	}
	return r, err
}

// TestLevelIsDoubted: where the levelled picture makes no sense the page is read
// as it leans, too.
func TestLevelIsDoubted(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 600, 800))
	for i := range img.Pix {
		img.Pix[i] = 0xFF
		if x, y := i%600, i/600; x > 60 && x < 540 && y > 100 && y < 700 && (y-x/6)%30 < 10 && x%14 < 9 {
			img.Pix[i] = 20
		}
	}
	var data bytes.Buffer
	if err := png.Encode(&data, img); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "page.png")
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, levelIsBetter := range []bool{true, false} {
		engine := &twoMinds{likes: func(width int) bool { return (width != 600) == levelIsBetter }}
		reader := &Reader{NewRecognizer: func(EngineSpec) (engines.Recognizer, error) { return engine, nil }}
		a, err := reader.read(t.Context(), ReadRequest{Source: Source{Path: path, MIME: pages.MIMEPNG}, Number: 1, Prepare: []string{pages.StepLevel}})
		if err != nil {
			t.Fatal(err)
		}
		leans := a.Geometry.ImageToPage[1] != 0
		if leans != levelIsBetter || (a.Result.Width != 600) != levelIsBetter || a.Result.Blocks[0].Lines[0].Words[0].Confidence != 0.9 {
			t.Errorf("level is better %v: a picture %d wide was believed, mapped by %v", levelIsBetter, a.Result.Width, a.Geometry.ImageToPage)
		}
		reader.Close()
	}
}
