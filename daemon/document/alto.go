package document

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
)

// place is a box as ALTO's attributes, in 1/1200 inch.
func place(b Box) string {
	u := func(v float64) int { return int(math.Round(v * 1200 / 72)) }
	return fmt.Sprintf(`HPOS="%d" VPOS="%d" WIDTH="%d" HEIGHT="%d"`, u(b[0]), u(b[1]), max(u(b[2])-u(b[0]), 0), max(u(b[3])-u(b[1]), 0))
}

// WriteALTO writes the pages' words as ALTO 4.4
// (https://www.loc.gov/standards/alto/v4), page by page.
func WriteALTO(w io.Writer, d Document, pages iter.Seq2[Page, error]) error {
	m := &markup{w: bufio.NewWriter(w)}
	m.put(`<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">
 <Description>
  <MeasurementUnit>inch1200</MeasurementUnit>
  <sourceImageInformation>
   <fileName>%s</fileName>
  </sourceImageInformation>
  <Processing ID="processing_1">
   <processingSoftware>
    <softwareCreator>Intray</softwareCreator>
    <softwareName>%s</softwareName>
    <softwareVersion>%s</softwareVersion>
   </processingSoftware>
  </Processing>
 </Description>
 <Layout>
`, escaped(d.Source.Name), escaped(d.Engine.Kind), escaped(d.Engine.Version))
	for page, err := range pages {
		if err != nil {
			return err
		}
		m.altoPage(page)
	}
	return m.end(" </Layout>\n</alto>\n")
}

func (m *markup) altoPage(p Page) {
	n := p.Number
	sheet := Box{0, 0, p.Width, p.Height}
	size := place(sheet)
	m.put("  <Page ID=\"page_%d\" PHYSICAL_IMG_NR=\"%d\" %s>\n   <PrintSpace %s>\n", n, n, size[strings.Index(size, "WIDTH"):], size)
	lines, words := 0, 0
	for i, b := range p.Blocks {
		m.put("    <TextBlock ID=\"block_%d_%d\" %s>\n", n, i+1, place(b.Box))
		for _, l := range b.Lines {
			lines++
			m.put("     <TextLine ID=\"line_%d_%d\" %s>\n", n, lines, place(l.Box))
			for j, w := range l.Words {
				words++
				if j > 0 {
					m.put("      <SP/>\n")
				}
				m.put("      <String ID=\"word_%d_%d\" %s CONTENT=\"%s\" WC=\"%.2f\"/>\n", n, words, place(w.Box), escaped(w.Text), w.Confidence)
			}
			m.put("     </TextLine>\n")
		}
		m.put("    </TextBlock>\n")
	}
	m.put("   </PrintSpace>\n  </Page>\n")
}
