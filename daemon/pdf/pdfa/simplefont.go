package pdfa

import (
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"intray/daemon/pdf/syntax"
)

// Fonts of one-byte codes (ISO 32000-1, 9.6).

// encoding is a simple font's own: a base encoding and what differs from it.
type encoding struct {
	base        string // "" for the font program's own
	differences map[byte]string
}

func (f *fontCheck) encoding() (e encoding, ok bool) {
	switch v := f.resolve(f.u.dict["Encoding"]).(type) {
	case nil:
		return e, true
	case syntax.Name:
		e.base = string(v)
	case syntax.Dict:
		e.base = string(f.name(v["BaseEncoding"]))
		e.differences = map[byte]string{}
		code := 0
		for _, o := range f.array(v["Differences"]) {
			switch w := f.resolve(o).(type) {
			case int64:
				code = int(w)
			case syntax.Name:
				if code >= 0 && code < 256 {
					e.differences[byte(code)] = string(w)
				}
				code++
			}
		}
	default:
		return e, false
	}
	return e, oneOf(e.base, "", "WinAnsiEncoding", "MacRomanEncoding", "StandardEncoding")
}

func (f *fontCheck) simpleFont(kind syntax.Name) {
	d := f.u.dict
	descriptor := f.dict(d["FontDescriptor"])
	o, key := f.fontFile(descriptor)
	if key == "" {
		if f.u.rendered {
			f.complain("6.2.11.4.1", "is not embedded")
		} else {
			f.unseen()
		}
		return
	}
	width, ok := f.simpleWidths(descriptor)
	if !ok {
		f.complain("6.2.11.2", "does not say how wide its characters are")
		return
	}
	data := f.decode(o, "6.2.11.4.1", "The font "+f.u.title+f.on())
	if data == nil {
		return
	}
	e, ok := f.encoding()
	if !ok {
		f.complain("6.2.11.6", "has an encoding that cannot be checked")
		return
	}
	g, err := f.simpleGlyphs(kind, key, f.name(f.dict(o)["Subtype"]), data, e, descriptor)
	if err != nil {
		f.complain("6.2.11.4.1", "cannot be checked: %v", err)
		return
	}
	f.compare(g, width)
}

// unseen checks a font that is not embedded, which only invisible text may use:
// no code may be without a character (6.2.11.8).
func (f *fontCheck) unseen() {
	e, ok := f.encoding()
	if e.base == "" {
		e.base = "StandardEncoding"
	}
	f.u.hidden.each(func(code int) bool {
		name := e.differences[byte(code)]
		if name == "" {
			_, name, _ = f.names.encoded(e.base, byte(code))
		}
		if !ok || name == "" || name == ".notdef" {
			f.complain("6.2.11.8", "may lack a character that is used (code %d)", code)
			return false
		}
		return true
	})
}

// simpleWidths reads FirstChar, LastChar and Widths.
func (f *fontCheck) simpleWidths(descriptor syntax.Dict) (func(code int) float64, bool) {
	d := f.u.dict
	from, ok1 := f.integer(d["FirstChar"])
	to, ok2 := f.integer(d["LastChar"])
	widths := f.numbers(d["Widths"])
	missing, _ := f.number(descriptor["MissingWidth"])
	return func(code int) float64 {
		if code < from || code > to {
			return missing
		}
		return widths[code-from]
	}, ok1 && ok2 && from >= 0 && to < 256 && len(widths) == to-from+1
}

// simpleGlyphs finds out which glyph each code shows.
func (f *fontCheck) simpleGlyphs(kind, key, subtype syntax.Name, data []byte, e encoding, descriptor syntax.Dict) (glyphs, error) {
	switch {
	case key == "FontFile" && kind != "TrueType":
		p, err := parseType1(data)
		if err != nil {
			return nil, err
		}
		f.charSet(descriptor, slices.Concat(slices.Collect(maps.Keys(p.widths)), slices.Collect(maps.Keys(p.unknown))))
		return f.type1Glyphs(p, e), nil
	case key == "FontFile3" && subtype == "Type1C" && kind != "TrueType":
		p, err := parseCFF(data)
		if err != nil {
			return nil, err
		}
		var all []string
		for g := range p.charset {
			all = append(all, p.name(g, f.names))
		}
		f.charSet(descriptor, all)
		return f.cffGlyphs(p, e)
	case key == "FontFile3" && subtype == "OpenType" && kind != "TrueType":
		p, err := parseSFNT(data)
		if err != nil {
			return nil, err
		}
		if p.cff == nil {
			return nil, errors.New("its program is of another kind")
		}
		return f.cffGlyphs(p.cff, e)
	case (key == "FontFile2" || key == "FontFile3" && subtype == "OpenType") && kind == "TrueType":
		p, err := parseSFNT(data)
		if err != nil {
			return nil, err
		}
		flags, _ := f.integer(descriptor["Flags"])
		return f.trueTypeGlyphs(p, e, flags&4 != 0), nil
	}
	return nil, errors.New("its program is of another kind")
}

// charSet: where there is one, it lists every glyph of the program (6.2.11.4.2).
func (f *fontCheck) charSet(descriptor syntax.Dict, all []string) {
	s, ok := f.resolve(descriptor["CharSet"]).(syntax.String)
	if !ok {
		return
	}
	listed := map[string]bool{}
	for _, name := range strings.FieldsFunc(string(s), func(r rune) bool { return r == '/' || r == ' ' }) {
		listed[name] = true
	}
	for _, name := range all {
		if name != ".notdef" && !listed[name] {
			f.complain("6.2.11.4.2", "has an incomplete list of its characters")
			return
		}
	}
}

// glyphName is the name of the glyph a code shows; own is the program's own
// encoding.
func (f *fontCheck) glyphName(e encoding, code int, own func(code byte) string) string {
	if name, ok := e.differences[byte(code)]; ok {
		return name
	}
	if e.base == "" {
		return own(byte(code))
	}
	_, name, _ := f.names.encoded(e.base, byte(code))
	return name
}

func (f *fontCheck) type1Glyphs(p *type1, e encoding) glyphs {
	own := func(code byte) string {
		if p.encoding != nil {
			return p.encoding[code]
		}
		_, name, _ := f.names.encoded("StandardEncoding", code)
		return name
	}
	return func(code int) (bool, float64, bool) {
		name := f.glyphName(e, code, own)
		if name == "" || name == ".notdef" {
			return false, 0, false
		}
		w, known := p.widths[name]
		return known || p.unknown[name], w, known
	}
}

func (f *fontCheck) cffGlyphs(p *cff, e encoding) (glyphs, error) {
	if p.cid {
		return nil, errors.New("its program is of another kind")
	}
	byName := map[string]int{}
	for g := len(p.charset) - 1; g > 0; g-- {
		byName[p.name(g, f.names)] = g
	}
	own := func(code byte) string {
		if p.custom {
			return p.name(p.encoding[code], f.names)
		}
		_, name, _ := f.names.encoded("StandardEncoding", code)
		return name
	}
	return func(code int) (bool, float64, bool) {
		g := byName[f.glyphName(e, code, own)]
		if g == 0 {
			return false, 0, false
		}
		w, err := p.width(g)
		return true, w, err == nil
	}, nil
}

// trueTypeGlyphs follows ISO 32000-1, 9.6.6.4, and the rules of 6.2.11.6.
func (f *fontCheck) trueTypeGlyphs(p *sfnt, e encoding, symbolic bool) glyphs {
	unicode, roman, symbol := p.mapped(3, 1), p.mapped(1, 0), p.mapped(3, 0)
	lookup := func(code int) int {
		r, name, _ := f.names.encoded(e.base, byte(code))
		if different, ok := e.differences[byte(code)]; ok {
			name = different
			if r, ok = f.names.rune(name); !ok {
				return p.named(name)
			}
		}
		if name == "" || name == ".notdef" {
			return 0
		}
		if unicode != nil {
			return unicode.glyph(int(r))
		}
		for mac := range 256 {
			if other, _, ok := f.names.encoded("MacRomanEncoding", byte(mac)); ok && other == r {
				return roman.glyph(mac)
			}
		}
		return p.named(name)
	}
	if symbolic {
		if f.u.dict["Encoding"] != nil {
			f.complain("6.2.11.6", "has symbols and yet an encoding")
		}
		if len(p.cmaps) != 1 && symbol == nil {
			f.complain("6.2.11.6", "has symbols and several tables for them")
		}
		lookup = func(code int) int { return symbolGlyph(p, symbol, roman, code) }
	} else {
		if !oneOf(e.base, "WinAnsiEncoding", "MacRomanEncoding") {
			f.complain("6.2.11.6", "does not say which characters its codes are")
		}
		for _, name := range e.differences {
			if _, listed := f.names.rune(name); !listed && name != ".notdef" || unicode == nil {
				f.complain("6.2.11.6", "has characters under names that are not listed")
			}
		}
		if len(p.cmaps) == 0 {
			f.complain("6.2.11.6", "has no table of characters")
		}
	}
	return func(code int) (bool, float64, bool) {
		g := lookup(code)
		w, ok := p.width(g)
		return g > 0 && ok, w, ok
	}
}

// symbolGlyph is the glyph of a code in a symbolic font.
func symbolGlyph(p *sfnt, symbol, roman *charMap, code int) int {
	if symbol != nil {
		for _, base := range []int{0xF000, 0, 0xF100, 0xF200} {
			if g := symbol.glyph(base + code); g != 0 {
				return g
			}
		}
		return 0
	}
	if roman != nil {
		return roman.glyph(code)
	}
	if len(p.cmaps) == 1 {
		return p.cmaps[0].glyph(code)
	}
	return 0
}

// type3Font checks a font whose glyphs are content streams (ISO 32000-1, 9.6.5).
func (f *fontCheck) type3Font() {
	d := f.u.dict
	e, ok := f.encoding()
	width, widths := f.simpleWidths(nil)
	matrix := f.numbers(d["FontMatrix"])
	if !ok || !widths || len(matrix) != 6 || e.base != "" {
		f.complain("6.2.11.2", "is damaged")
		return
	}
	r := f.checker.resources(d["Resources"]) // not the page's (6.2.2)
	programs := f.dict(d["CharProcs"])
	f.compare(func(code int) (bool, float64, bool) {
		name := syntax.Name(e.differences[byte(code)])
		o, ok := programs[name]
		if !ok || name == "" {
			return false, 0, false
		}
		data := f.decode(o, "6.2.11.2", "A character of the font "+f.u.title)
		if ref, _ := o.(syntax.Ref); !f.visited[visit{number: ref.Number, what: "glyph"}] {
			f.visited[visit{number: ref.Number, what: "glyph"}] = true
			f.nested(data, r, "A character of the font "+f.u.title, 1)
		}
		w, known := ownWidth(data)
		// In thousandths of text space, as for other fonts.
		return true, w * matrix[0] * 1000, known
	}, func(code int) float64 { return math.Abs(width(code)) * matrix[0] * 1000 })
}

// ownWidth is what a glyph says in d0 or d1 at its start.
func ownWidth(data []byte) (float64, bool) {
	content := syntax.NewContent(data)
	for {
		op, err := content.Next()
		if errors.Is(err, io.EOF) || err != nil {
			return 0, false
		}
		if (op.Operator == "d0" || op.Operator == "d1") && len(op.Operands) > 0 {
			switch v := op.Operands[0].(type) {
			case int64:
				return math.Abs(float64(v)), true
			case float64:
				return math.Abs(v), true
			}
		}
	}
}
