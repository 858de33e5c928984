package tesseract

import (
	"strings"
	"testing"

	"intray/engines"
)

// wordsOf is a line of words in a box each, of 20 pixels a character, with gaps
// before them.
func wordsOf(down bool, pairs ...any) engines.PageResult {
	at := 0.0
	line := engines.Line{}
	for i := 0; i < len(pairs); i += 2 {
		text := pairs[i].(string)
		x0 := at + float64(pairs[i+1].(int))
		at = x0 + 20*float64(len([]rune(text)))
		box := engines.Box{X0: x0, Y1: 20, X1: at}
		if down {
			box = engines.Box{Y0: x0, X1: 20, Y1: at}
		}
		line.Words = append(line.Words, engines.Word{Text: text, Box: box, Confidence: 0.5})
		line.Box = around(line.Box, box)
	}
	return engines.PageResult{Blocks: []engines.Block{{Lines: []engines.Line{line}}}}
}

func TestJoinAsPrinted(t *testing.T) {
	for name, c := range map[string]struct {
		result     engines.PageResult
		text, want string
	}{
		"Latin stays":             {wordsOf(false, "one", 0, "two", 1, "3", 0), "one two 3\n", "one two 3"},
		"spaces of the text":      {wordsOf(false, "既存", 0, "の", 9, "Debian", 2, "開発", 9, "者", 30), "既存の Debian 開発者\n", "既存の Debian 開発者"},
		"numbers inside":          {wordsOf(false, "2023", 0, "年", 5, "10", 5, "月", 5), "2023年10月\n", "2023年10月"},
		"signs":                   {wordsOf(false, "以下", 0, "(", 5, "附加", 5, ")", 5, ",", 5, "你", 20), "以下(附加),你\n", "以下(附加),你"},
		"by distance":             {wordsOf(false, "既存", 0, "の", 9, "Debian", 6, "開発", 1, "者", 25), "", "既存の Debian開発 者"},
		"downwards":               {wordsOf(true, "吾輩", 0, "は", 9, "猫", 9), "", "吾輩は猫"},
		"a word left out":         {wordsOf(false, "既存", 0, "の", 9), "既存 x の\n", "既存の"},
		"Thai":                    {wordsOf(false, "ภาษา", 0, "ไทย", 3), "ภาษาไทย", "ภาษาไทย"},
		"Korean words are spaced": {wordsOf(false, "한국어", 0, "문장", 0), "한국어 문장", "한국어 문장"},
	} {
		joinAsPrinted(&c.result, c.text)
		line := c.result.Blocks[0].Lines[0]
		var got []string
		for _, w := range line.Words {
			got = append(got, w.Text)
			if w.Confidence != 0.5 {
				t.Errorf("%s: confidence %v", name, w.Confidence)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if last := line.Words[len(line.Words)-1].Box; last.X1 != line.Box.X1 || last.Y1 != line.Box.Y1 {
			t.Errorf("%s: the last word ends at %v, the line at %v", name, last, line.Box)
		}
	}
}
