package tesseract

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"intray/engines"
)

// TestScript: the library and the command tell Cyrillic and Greek from Latin, and say
// whether the page's languages have it. An empty page has none.
func TestScript(t *testing.T) {
	for _, newReader := range []func(options) reader{newReader, newCommand} {
		e := open(t, newReader)
		defer e.Close()
		if !e.(*Recognizer).orients {
			t.Skip("the orientation model (osd) is not installed")
		}
		for name, c := range map[string]struct {
			text string
			want engines.Script
		}{
			"russian": {"Присутствовали председатель, секретарь и одиннадцать членов", engines.Script{Code: "Cyrl", Name: "Cyrillic"}},
			"greek":   {"Παρόντες ήταν ο πρόεδρος, ο γραμματέας και έντεκα μέλη\nΤα πρακτικά της προηγούμενης συνεδρίασης εγκρίθηκαν\nΑποφασίστηκε να επισκευαστεί η στέγη πριν από τον χειμώνα\nΤα έξοδα θα πληρωθούν από το ταμείο των κτιρίων", engines.Script{Code: "Grek", Name: "Greek"}},
			"english": {"Present were the chairman, the secretary and eleven members", engines.Script{Code: "Latn", Name: "Latin", Read: true}},
			"empty":   {"", engines.Script{}},
		} {
			page := engines.Page{Image: typed(t, c.text), DPI: 150, Languages: []string{"eng"}}
			if got, err := e.(engines.ScriptTeller).Script(t.Context(), page); err != nil || got != c.want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
}

func TestReadable(t *testing.T) {
	for _, c := range []struct {
		model, code string
		want        bool
	}{
		{"eng", "Latn", true}, {"eng", "Cyrl", false}, {"rus", "Cyrl", true}, {"srp", "Cyrl", true}, {"srp_latn", "Latn", true}, {"srp_latn", "Cyrl", false},
		{"chi_sim", "Hani", true}, {"chi_tra_vert", "Hani", true}, {"jpn", "Hani", true}, {"jpn", "Jpan", true}, {"jpn_vert", "Jpan", true}, {"kor", "Hang", true},
		{"script/Latin", "Latn", true}, {"script/Latin", "Grek", false}, {"script/Japanese_vert", "Jpan", true}, {"frk", "Latn", true}, {"deu_latf", "Latn", true},
		{"grc", "Grek", true}, {"our-own-model", "Cyrl", true}, {"heb", "Hebr", true}, {"ara", "Arab", true}, {"heb", "Arab", false},
	} {
		if got := readable([]string{c.model}, c.code); got != c.want {
			t.Errorf("%s reads %s: %v", c.model, c.code, got)
		}
	}
	if !readable([]string{"eng", "rus"}, "Cyrl") {
		t.Error("the second language does not count")
	}
}

// typed is a page with a text, a dozen lines of it, at 150 dots per inch.
func typed(t *testing.T, text string) []byte {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 12, DPI: 150})
	if err != nil {
		t.Fatal(err)
	}
	page := image.NewGray(image.Rect(0, 0, 1240, 700))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	for i := range 12 {
		d := font.Drawer{Dst: page, Src: image.Black, Face: face, Dot: fixed.P(100, 100+40*i)}
		lines := strings.Split(text, "\n")
		d.DrawString(lines[i%len(lines)])
	}
	var out bytes.Buffer
	if err := png.Encode(&out, page); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
