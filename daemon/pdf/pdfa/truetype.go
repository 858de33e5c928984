package pdfa

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// sfnt is a TrueType or OpenType font program (OpenType 1.9), as far as glyphs
// and their widths go.
type sfnt struct {
	tables  map[string][]byte
	glyphs  int
	units   int
	metrics int // entries of hmtx with a width of their own
	cmaps   []charMap
	cff     *cff // of a font with PostScript outlines
}

// charMap is one table that maps character codes to glyphs.
type charMap struct {
	platform, encoding int
	data               []byte
}

var errCut = errors.New("it is cut off")

func parseSFNT(data []byte) (*sfnt, error) {
	be := binary.BigEndian
	if len(data) < 12 {
		return nil, errCut
	}
	f := &sfnt{tables: map[string][]byte{}}
	tag := string(data[:4])
	if tag != "\x00\x01\x00\x00" && tag != "true" && tag != "OTTO" {
		return nil, errors.New("it is no TrueType font")
	}
	if err := f.readTables(data); err != nil {
		return nil, err
	}
	required := []string{"head", "hhea", "hmtx", "maxp"}
	if tag == "OTTO" {
		required = append(required, "CFF ")
	} else {
		required = append(required, "loca", "glyf")
	}
	for _, name := range required {
		if f.tables[name] == nil {
			return nil, fmt.Errorf("its table %s is missing", name)
		}
	}
	head, hhea, maxp := f.tables["head"], f.tables["hhea"], f.tables["maxp"]
	if len(head) < 54 || len(hhea) < 36 || len(maxp) < 6 {
		return nil, errCut
	}
	f.units, f.metrics, f.glyphs = int(be.Uint16(head[18:])), int(be.Uint16(hhea[34:])), int(be.Uint16(maxp[4:]))
	if f.units == 0 || f.metrics == 0 || f.metrics > f.glyphs || len(f.tables["hmtx"]) < 4*f.metrics {
		return nil, errors.New("its widths are damaged")
	}
	if tag == "OTTO" {
		var err error
		if f.cff, err = parseCFF(f.tables["CFF "]); err != nil {
			return nil, err
		}
	} else if size := 2 << be.Uint16(head[50:]); size > 4 || len(f.tables["loca"]) < size*(f.glyphs+1) {
		return nil, errors.New("its list of glyphs is damaged")
	}
	return f, f.readMaps()
}

// readTables reads the table directory of a font of at least 12 bytes.
func (f *sfnt) readTables(data []byte) error {
	be := binary.BigEndian
	count := int(be.Uint16(data[4:]))
	if count > 200 || 12+16*count > len(data) {
		return errCut
	}
	for i := range count {
		t := data[12+16*i:]
		from, size := uint64(be.Uint32(t[8:])), uint64(be.Uint32(t[12:]))
		if from+size > uint64(len(data)) {
			return errCut
		}
		f.tables[string(t[:4])] = data[from : from+size]
	}
	return nil
}

func (f *sfnt) readMaps() error {
	be := binary.BigEndian
	data := f.tables["cmap"]
	if data == nil {
		return nil
	}
	if len(data) < 4 || len(data) < 4+8*int(be.Uint16(data[2:])) {
		return errCut
	}
	for i := range int(be.Uint16(data[2:])) {
		t := data[4+8*i:]
		from := uint64(be.Uint32(t[4:]))
		if from+6 > uint64(len(data)) {
			return errCut
		}
		f.cmaps = append(f.cmaps, charMap{int(be.Uint16(t)), int(be.Uint16(t[2:])), data[from:]})
	}
	return nil
}

// mapped finds the table for a platform and encoding.
func (f *sfnt) mapped(platform, encoding int) *charMap {
	for i := range f.cmaps {
		if m := &f.cmaps[i]; m.platform == platform && m.encoding == encoding {
			return m
		}
	}
	return nil
}

// glyph is the glyph of a character code; 0 for none.
func (m *charMap) glyph(code int) int {
	if m == nil || len(m.data) < 6 || code < 0 {
		return 0
	}
	be := binary.BigEndian
	switch d := m.data; be.Uint16(d) {
	case 0:
		if code < 256 && 6+code < len(d) {
			return int(d[6+code])
		}
	case 4:
		return m.segments(code)
	case 6:
		if len(d) >= 10 {
			first, count := int(be.Uint16(d[6:])), int(be.Uint16(d[8:]))
			if at := 10 + 2*(code-first); code >= first && code < first+count && at+2 <= len(d) {
				return int(be.Uint16(d[at:]))
			}
		}
	case 12:
		if len(d) >= 16 {
			for i := range min(int(be.Uint32(d[12:])), (len(d)-16)/12) {
				g := d[16+12*i:]
				if first, end := int(be.Uint32(g)), int(be.Uint32(g[4:])); code >= first && code <= end {
					return int(be.Uint32(g[8:])) + code - first
				}
			}
		}
	}
	return 0
}

// segments looks a code up in a table of format 4.
func (m *charMap) segments(code int) int {
	be := binary.BigEndian
	d := m.data
	if len(d) < 14 || code > 0xFFFF {
		return 0
	}
	double := int(be.Uint16(d[6:])) &^ 1
	if len(d) < 16+4*double {
		return 0
	}
	ends, starts, deltas, offsets := d[14:], d[16+double:], d[16+2*double:], d[16+3*double:]
	for i := 0; i < double; i += 2 {
		if int(be.Uint16(ends[i:])) < code {
			continue
		}
		start := int(be.Uint16(starts[i:]))
		if code < start {
			return 0
		}
		delta, offset := int(be.Uint16(deltas[i:])), int(be.Uint16(offsets[i:]))
		if offset == 0 {
			return (code + delta) & 0xFFFF
		}
		at := i + offset + 2*(code-start)
		if at+2 > len(offsets) {
			return 0
		}
		if g := int(be.Uint16(offsets[at:])); g != 0 {
			return (g + delta) & 0xFFFF
		}
		return 0
	}
	return 0
}

// width is a glyph's width in thousandths of an em; false without the glyph.
func (f *sfnt) width(glyph int) (float64, bool) {
	if glyph < 0 || glyph >= f.glyphs {
		return 0, false
	}
	at := 4 * min(glyph, f.metrics-1)
	return float64(binary.BigEndian.Uint16(f.tables["hmtx"][at:])) * 1000 / float64(f.units), true
}

// named finds a glyph by its name in the table post (format 2).
func (f *sfnt) named(name string) int {
	be := binary.BigEndian
	d := f.tables["post"]
	if len(d) < 34 || be.Uint32(d) != 0x00020000 {
		return 0
	}
	count := int(be.Uint16(d[32:]))
	if len(d) < 34+2*count {
		return 0
	}
	var names []string
	for rest := d[34+2*count:]; len(rest) > 0; {
		n := int(rest[0])
		if 1+n > len(rest) {
			break
		}
		names = append(names, string(rest[1:1+n]))
		rest = rest[1+n:]
	}
	const builtIn = 258 // names of the Macintosh's own order, which are not looked up
	for g := range count {
		if i := int(be.Uint16(d[34+2*g:])) - builtIn; i >= 0 && i < len(names) && names[i] == name {
			return g
		}
	}
	return 0
}
