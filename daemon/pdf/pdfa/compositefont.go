package pdfa

import (
	"encoding/binary"
	"errors"

	"intray/daemon/pdf/syntax"
)

// Fonts of character identifiers (ISO 32000-1, 9.7).

func (f *fontCheck) compositeFont() {
	descendants := f.array(f.u.dict["DescendantFonts"])
	if len(descendants) != 1 {
		f.complain("6.2.11.3.1", "is damaged")
		return
	}
	d := f.dict(descendants[0])
	kind := f.name(d["Subtype"])
	if f.name(d["Type"]) != "Font" || !oneOf(kind, "CIDFontType0", "CIDFontType2") || f.name(d["BaseFont"]) == "" {
		f.complain("6.2.11.2", "is damaged")
		return
	}
	if f.u.unmapped != nil {
		f.complain("6.2.11.3.3", "cannot be checked: %v", f.u.unmapped)
		return
	}
	if f.u.odd {
		f.complain("6.2.11.4.1", "is used with half a character")
	}
	f.counted(d)
	descriptor := f.dict(d["FontDescriptor"])
	o, key := f.fontFile(descriptor)
	if key == "" {
		f.complain("6.2.11.4.1", "is not embedded")
		return
	}
	data := f.decode(o, "6.2.11.4.1", "The font "+f.u.title+f.on())
	if data == nil {
		return
	}
	g, cids, err := f.cidGlyphs(d, kind, key, f.name(f.dict(o)["Subtype"]), data)
	if err != nil {
		f.complain("6.2.11.4.1", "cannot be checked: %v", err)
		return
	}
	if descriptor["CIDSet"] != nil {
		f.cidSet(descriptor["CIDSet"], cids)
	}
	width, ok := f.cidWidths(d)
	if !ok {
		f.complain("6.2.11.5", "has damaged widths")
		return
	}
	f.compare(g, width)
}

// counted checks what a font's characters are counted by (6.2.11.3.1).
func (f *fontCheck) counted(d syntax.Dict) {
	info := f.dict(d["CIDSystemInfo"])
	registry, ok1 := f.resolve(info["Registry"]).(syntax.String)
	ordering, ok2 := f.resolve(info["Ordering"]).(syntax.String)
	supplement, ok3 := f.integer(info["Supplement"])
	if !ok1 || !ok2 || !ok3 {
		f.complain("6.2.11.3.1", "does not say what its characters are counted by")
	}
	if m := f.u.cmap; m != nil && (m.registry != registry || m.ordering != ordering || int64(supplement) < m.supply) {
		f.complain("6.2.11.3.1", "counts its characters in two ways")
	}
}

// cidSet: where there is one, it lists every character of the program
// (6.2.11.4.2).
func (f *fontCheck) cidSet(o syntax.Object, cids []int) {
	data := f.decode(o, "6.2.11.4.2", "A list of characters")
	for _, cid := range cids {
		if cid>>3 >= len(data) || data[cid>>3]&(0x80>>(cid&7)) == 0 {
			f.complain("6.2.11.4.2", "has an incomplete list of its characters")
			return
		}
	}
}

// cidGlyphs finds out which glyph each identifier shows, and lists those that
// the program has.
func (f *fontCheck) cidGlyphs(d syntax.Dict, kind, key, subtype syntax.Name, data []byte) (g glyphs, cids []int, err error) {
	var program *cff
	switch {
	case key == "FontFile2" && kind == "CIDFontType2", key == "FontFile3" && subtype == "OpenType":
		p, err := parseSFNT(data)
		if err != nil {
			return nil, nil, err
		}
		if kind == "CIDFontType2" {
			return f.cidTrueType(p, d)
		}
		program = p.cff
	case key == "FontFile3" && subtype == "CIDFontType0C" && kind == "CIDFontType0":
		if program, err = parseCFF(data); err != nil {
			return nil, nil, err
		}
	}
	if program == nil {
		return nil, nil, errors.New("its program is of another kind")
	}
	g, cids = cidCFF(program)
	return g, cids, nil
}

// cidTrueType goes through CIDToGIDMap (6.2.11.3.2).
func (f *fontCheck) cidTrueType(p *sfnt, d syntax.Dict) (_ glyphs, cids []int, err error) {
	gid := func(cid int) int { return cid }
	last := p.glyphs - 1
	switch v := f.resolve(d["CIDToGIDMap"]).(type) {
	case syntax.Name:
		if v != "Identity" {
			return nil, nil, errors.New("its CIDToGIDMap is damaged")
		}
	case *syntax.Stream:
		table := f.decode(v, "6.2.11.3.2", "The font "+f.u.title)
		last = len(table)/2 - 1
		gid = func(cid int) int {
			if cid > last {
				return 0
			}
			return int(binary.BigEndian.Uint16(table[2*cid:]))
		}
	default:
		f.complain("6.2.11.3.2", "does not map its characters to glyphs")
		return nil, nil, errors.New("its CIDToGIDMap is missing")
	}
	for cid := 1; cid <= min(last, 0xFFFF); cid++ {
		if gid(cid) != 0 {
			cids = append(cids, cid)
		}
	}
	return func(cid int) (bool, float64, bool) {
		g := gid(cid)
		w, ok := p.width(g)
		return g > 0 && ok, w, ok
	}, cids, nil
}

// cidCFF: a program that is not of character identifiers counts its glyphs.
func cidCFF(p *cff) (_ glyphs, cids []int) {
	byCID := map[int]int{}
	for g, cid := range p.charset {
		if !p.cid {
			cid = g
		}
		if byCID[cid] = g; g > 0 {
			cids = append(cids, cid)
		}
	}
	return func(cid int) (bool, float64, bool) {
		g := byCID[cid]
		if g == 0 {
			return false, 0, false
		}
		w, err := p.width(g)
		return true, w, err == nil
	}, cids
}

// cidWidths reads DW and W (ISO 32000-1, 9.7.4.3).
func (f *fontCheck) cidWidths(d syntax.Dict) (func(cid int) float64, bool) {
	usual := 1000.0
	if d["DW"] != nil {
		var ok bool
		if usual, ok = f.number(d["DW"]); !ok {
			return nil, false
		}
	}
	widths := map[int]float64{}
	budget := 1 << 20 // ranges may overlap
	for w := f.array(d["W"]); len(w) > 0; {
		from, ok := f.integer(w[0])
		if !ok || len(w) < 2 || from < 0 || from > 0xFFFF {
			return nil, false
		}
		if list := f.resolve(w[1]); list != nil {
			if a, is := list.(syntax.Array); is {
				for i, v := range f.numbers(a) {
					widths[from+i] = v
				}
				w = w[2:]
				continue
			}
		}
		to, ok1 := f.integer(w[1])
		if len(w) < 3 || !ok1 || to > 0xFFFF {
			return nil, false
		}
		v, ok2 := f.number(w[2])
		if budget -= max(0, to-from); !ok2 || budget < 0 {
			return nil, false
		}
		for cid := from; cid <= to; cid++ {
			widths[cid] = v
		}
		w = w[3:]
	}
	return func(cid int) float64 {
		if v, ok := widths[cid]; ok {
			return v
		}
		return usual
	}, true
}
