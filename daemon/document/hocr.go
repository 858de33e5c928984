package document

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
)

// markup writes until something fails, and what it writes can stand in XML.
type markup struct {
	w   *bufio.Writer
	err error
}

func (m *markup) put(format string, args ...any) {
	if m.err == nil {
		_, m.err = fmt.Fprintf(m.w, format, args...)
	}
}

// escaped is text for XML: also without the characters XML 1.0 has no place for.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

func (m *markup) end(last string) error {
	m.put("%s", last)
	if m.err == nil {
		m.err = m.w.Flush()
	}
	return m.err
}

// hocrDPI is the resolution of the whole pixels hOCR counts in.
const hocrDPI = 300

// pixels is a box in hOCR's pixels.
func pixels(b Box) string {
	p := func(v float64) int { return int(math.Round(v * hocrDPI / 72)) }
	return fmt.Sprintf("%d %d %d %d", p(b[0]), p(b[1]), p(b[2]), p(b[3]))
}

// baselineOf is hOCR's baseline of an upright line: its slope, and how far it is
// from the box's lower left corner, in pixels (hOCR 1.2, "baseline").
func baselineOf(l Line) string {
	dx, dy := l.Baseline[2]-l.Baseline[0], l.Baseline[3]-l.Baseline[1]
	if dx <= 0 || math.Abs(dy) > dx {
		return ""
	}
	return fmt.Sprintf("; baseline %.4g %.0f", dy/dx, math.Round((l.Baseline[1]-l.Box[3])*hocrDPI/72))
}

// WriteHOCR writes the pages' words as hOCR 1.2
// (https://kba.github.io/hocr-spec/1.2), page by page.
func WriteHOCR(w io.Writer, d Document, pages iter.Seq2[Page, error]) error {
	m := &markup{w: bufio.NewWriter(w)}
	m.put(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
 <head>
  <title>%s</title>
  <meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
  <meta name="ocr-system" content="intray %s"/>
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_line ocrx_word"/>
 </head>
 <body>
`, escaped(d.Source.Name), escaped(strings.TrimSpace(d.Engine.Kind+" "+d.Engine.Version)))
	for page, err := range pages {
		if err != nil {
			return err
		}
		m.hocrPage(page)
	}
	return m.end(" </body>\n</html>\n")
}

func (m *markup) hocrPage(p Page) {
	n := p.Number
	m.put("  <div class='ocr_page' id='page_%d' title='bbox %s; ppageno %d; scan_res %d %d'>\n",
		n, pixels(Box{0, 0, p.Width, p.Height}), n-1, hocrDPI, hocrDPI)
	lines, words := 0, 0
	for i, b := range p.Blocks {
		m.put("   <div class='ocr_carea' id='block_%d_%d' title='bbox %s'>\n", n, i+1, pixels(b.Box))
		for _, l := range b.Lines {
			lines++
			m.put("    <span class='ocr_line' id='line_%d_%d' title='bbox %s%s'>", n, lines, pixels(l.Box), baselineOf(l))
			for j, w := range l.Words {
				words++
				if j > 0 {
					m.put(" ")
				}
				m.put("<span class='ocrx_word' id='word_%d_%d' title='bbox %s; x_wconf %.0f'>%s</span>",
					n, words, pixels(w.Box), 100*w.Confidence, escaped(w.Text))
			}
			m.put("</span>\n")
		}
		m.put("   </div>\n")
	}
	m.put("  </div>\n")
}
