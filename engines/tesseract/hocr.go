package tesseract

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"intray/engines"
)

// parseHOCR reads hOCR (kba.github.io/hocr-spec/1.2) as Tesseract writes it:
// pages, areas, paragraphs, lines and words as classes, their properties in
// title attributes. Boxes are clamped to the page; words without text or
// without area are left out.
func parseHOCR(r io.Reader) (engines.PageResult, error) {
	d := xml.NewDecoder(r)
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	p := &parser{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return engines.PageResult{}, fmt.Errorf("read hOCR: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := p.start(t); err != nil {
				return engines.PageResult{}, err
			}
		case xml.EndElement:
			p.end()
		case xml.CharData:
			if p.word != nil {
				p.text.Write(t)
			}
		}
	}
	if !p.page {
		return engines.PageResult{}, errors.New("read hOCR: there is no page in it")
	}
	p.closeBlock()
	return p.result, nil
}

type parser struct {
	result engines.PageResult
	page   bool
	block  *engines.Block
	line   *engines.Line
	word   *engines.Word
	text   strings.Builder
	rtl    bool // direction of the paragraph
	// wordRTL is the direction of the open word, rtlWords how many words of the
	// open line have it. Tesseract marks a word that differs from its paragraph.
	wordRTL  bool
	rtlWords int
	// open is the class of every element that is open.
	open []string
}

func (p *parser) start(e xml.StartElement) error {
	class, title, dir := "", "", ""
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "class":
			class = a.Value
		case "title":
			title = a.Value
		case "dir":
			dir = a.Value
		}
	}
	p.open = append(p.open, class)
	props := properties(title)
	switch class {
	case "ocr_page":
		return p.startPage(props)
	case "ocr_carea":
		p.closeBlock()
		p.block = &engines.Block{Kind: engines.BlockText, Box: p.box(props)}
	case "ocr_par":
		p.rtl = dir == "rtl"
	case "ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat":
		p.startLine(class, props)
	case "ocrx_word":
		p.closeWord()
		p.word = &engines.Word{Box: p.box(props), Confidence: confidence(props["x_wconf"])}
		p.wordRTL = dir == "rtl" || dir == "" && p.rtl
	}
	return nil
}

func (p *parser) end() {
	if len(p.open) == 0 {
		return
	}
	class := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	switch class {
	case "ocrx_word":
		p.closeWord()
	case "ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat":
		p.closeLine()
	case "ocr_carea":
		p.closeBlock()
	}
}

func (p *parser) startPage(props map[string][]float64) error {
	if p.page {
		return errors.New("read hOCR: more than one page")
	}
	b := props["bbox"]
	if len(b) != 4 || !(b[2] > 0 && b[3] > 0) || b[2] > math.MaxInt32 || b[3] > math.MaxInt32 {
		return errors.New("read hOCR: the page has no size")
	}
	p.page = true
	p.result.Width, p.result.Height = int(b[2]), int(b[3])
	return nil
}

// steepest is a baseline's slope beyond which it belongs to no line of text.
const steepest = 2

func (p *parser) startLine(class string, props map[string][]float64) {
	p.closeLine()
	l := &engines.Line{Box: p.box(props)}
	if b, box := props["baseline"], props["bbox"]; len(b) == 2 && l.Box != (engines.Box{}) {
		// The offset counts from the box as it was before it was clamped.
		l.HasBaseline, l.Slope = true, b[0]
		l.Offset = b[1] + box[3] - l.Box.Y1 + b[0]*(l.Box.X0-box[0])
	}
	l.Angle = math.Mod(first(props["textangle"])+360, 360)
	l.Size, l.Descenders = first(props["x_size"]), first(props["x_descenders"])
	// The baseline of a column is all but upright: Tesseract says nothing else of
	// its direction.
	l.Downwards = l.Angle == 0 && math.Abs(l.Slope) > steepest && l.Box.Y1-l.Box.Y0 > l.Box.X1-l.Box.X0
	if l.Angle != 0 || l.Downwards {
		l.HasBaseline, l.Slope, l.Offset = false, 0, 0
	}
	p.line, p.rtlWords = l, 0
	if p.block == nil {
		p.block = &engines.Block{Kind: engines.BlockText, Box: l.Box}
	}
	if len(p.block.Lines) == 0 {
		p.block.Kind = map[string]string{"ocr_header": engines.BlockHeading, "ocr_caption": engines.BlockCaption}[class]
		if p.block.Kind == "" {
			p.block.Kind = engines.BlockText
		}
	}
}

func (p *parser) closeWord() {
	if p.word == nil {
		return
	}
	w := *p.word
	w.Text = strings.Join(strings.Fields(p.text.String()), " ")
	p.word = nil
	p.text.Reset()
	if p.line != nil && w.Text != "" && w.Box.X1 > w.Box.X0 && w.Box.Y1 > w.Box.Y0 {
		p.line.Words = append(p.line.Words, w)
		if p.wordRTL {
			p.rtlWords++
		}
	}
}

// closeLine keeps a line with words; its box and its block's hold them all.
func (p *parser) closeLine() {
	p.closeWord()
	if p.line != nil && len(p.line.Words) > 0 && p.block != nil {
		for _, w := range p.line.Words {
			grow(p.line, w.Box)
		}
		words := len(p.line.Words)
		p.line.RightToLeft = 2*p.rtlWords > words || 2*p.rtlWords == words && p.rtl
		p.block.Lines = append(p.block.Lines, *p.line)
		p.block.Box = around(p.block.Box, p.line.Box)
	}
	p.line = nil
}

func (p *parser) closeBlock() {
	p.closeLine()
	if p.block != nil && len(p.block.Lines) > 0 {
		p.result.Blocks = append(p.result.Blocks, *p.block)
	}
	p.block = nil
}

// box is the bbox clamped to the page. A missing or inverted one is the zero
// Box, which stands for "unknown" here.
func (p *parser) box(props map[string][]float64) engines.Box {
	b := props["bbox"]
	if len(b) != 4 || b[0] > b[2] || b[1] > b[3] {
		return engines.Box{}
	}
	w, h := float64(p.result.Width), float64(p.result.Height)
	return engines.Box{X0: min(max(b[0], 0), w), Y0: min(max(b[1], 0), h), X1: min(max(b[2], 0), w), Y1: min(max(b[3], 0), h)}
}

// grow makes a line hold a word. The baseline stays where it is, though it is
// told relative to the box's corner.
func grow(l *engines.Line, word engines.Box) {
	before := l.Box
	l.Box = around(before, word)
	if l.HasBaseline {
		l.Offset += before.Y1 - l.Box.Y1 + l.Slope*(l.Box.X0-before.X0)
	}
}

func around(a, b engines.Box) engines.Box {
	if a == (engines.Box{}) {
		return b
	}
	return engines.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

// properties splits a title attribute: names, each with numbers, separated by
// semicolons. Values that are not all numbers are left out, and so is what
// stands in quotes: a file name may look like a property.
func properties(title string) map[string][]float64 {
	var bare strings.Builder
	for i, part := range strings.Split(title, `"`) {
		if i%2 == 0 {
			bare.WriteString(part)
		}
	}
	out := map[string][]float64{}
	for part := range strings.SplitSeq(bare.String(), ";") {
		fields := strings.Fields(part)
		if len(fields) < 2 {
			continue
		}
		var values []float64
		for _, f := range fields[1:] {
			v, err := strconv.ParseFloat(f, 64)
			// Beyond any page; sums of such numbers must stay finite.
			if err != nil || !(math.Abs(v) <= 1e9) {
				values = nil
				break
			}
			values = append(values, v)
		}
		if values != nil {
			out[fields[0]] = values
		}
	}
	return out
}

func first(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return values[0]
}

func confidence(percent []float64) float64 {
	return min(max(first(percent)/100, 0), 1)
}
