package pdfa

import (
	"errors"
	"maps"
	"math/bits"
	"regexp"
	"slices"
	"unicode/utf8"

	"intray/daemon/pdf/syntax"
)

// Fonts (ISO 19005-2, 6.2.11). Which codes of a font are shown is gathered while
// the content streams are read; each font is checked once at the end.

// codeSet is a set of character codes of up to two bytes.
type codeSet struct{ words [1024]uint64 }

func (s *codeSet) add(code int) { s.words[code>>6&1023] |= 1 << (code & 63) }

// each calls f for the codes in rising order until it answers false.
func (s *codeSet) each(f func(code int) bool) {
	if s == nil {
		return
	}
	for i, w := range s.words {
		for ; w != 0; w &= w - 1 {
			if !f(i<<6 | bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}

// fontUse is a font and what is shown in it.
type fontUse struct {
	dict      syntax.Dict
	title     string
	where     string // the first page
	composite bool
	// wide says that codes have two bytes each and are identifiers; other
	// composite fonts have a CMap, or unmapped says why not.
	wide     bool
	cmap     *codeMap
	unmapped error
	odd      bool
	// shown are codes that can be seen, hidden those in rendering mode 3 only.
	shown, hidden *codeSet
	rendered      bool
	invisible     bool
	checked       bool
}

// use notes that a content stream selects a font.
func (c *checker) use(o syntax.Object) *fontUse {
	ref, indirect := o.(syntax.Ref)
	if u := c.fonts[ref.Number]; indirect && u != nil {
		return u
	}
	d := c.dict(o)
	if d == nil {
		if o != nil {
			c.add("6.2.11.2", "A font%s is missing.", c.on())
		}
		d = syntax.Dict{}
	}
	u := &fontUse{dict: d, title: title(c.name(d["BaseFont"])), where: c.where, composite: c.name(d["Subtype"]) == "Type0"}
	u.wide = u.composite && oneOf(c.name(d["Encoding"]), "Identity-H", "Identity-V")
	if u.composite && !u.wide {
		u.unmapped = errors.New("its encoding is not known here")
		if s, ok := c.resolve(d["Encoding"]).(*syntax.Stream); ok {
			u.cmap, u.unmapped = c.embeddedMap(s)
		}
	}
	if indirect {
		c.fonts[ref.Number] = u
	} else {
		c.loose = append(c.loose, u)
	}
	return u
}

var subsetTag = regexp.MustCompile(`^[A-Z]{6}\+`)

// title is a font's name for a person.
func title(n syntax.Name) string {
	if n == "" {
		return "without a name"
	}
	return plain(syntax.Name(subsetTag.ReplaceAllString(string(n), "")))
}

// show notes the codes of a string.
func (u *fontUse) show(s syntax.String, hidden bool, where string) {
	into := &u.shown
	if hidden {
		into, u.invisible = &u.hidden, u.invisible || len(s) > 0
	} else if len(s) > 0 && !u.rendered {
		u.rendered, u.where = true, where
	}
	if *into == nil {
		*into = &codeSet{}
	}
	switch {
	case !u.composite:
		for _, b := range []byte(s) {
			(*into).add(int(b))
		}
	case u.wide:
		u.odd = u.odd || len(s)%2 == 1
		for i := 0; i+1 < len(s); i += 2 {
			(*into).add(int(s[i])<<8 | int(s[i+1]))
		}
	case u.cmap != nil:
		u.odd = !u.cmap.split(s, (*into).add) || u.odd
	}
}

// checkFonts checks the fonts in use. The glyphs of Type 3 fonts are content
// streams that may use more of them.
func (c *checker) checkFonts() {
	names := newGlyphNames()
	for again := true; again && c.failure == nil; {
		again = false
		all := slices.Clone(c.loose)
		for _, n := range slices.Sorted(maps.Keys(c.fonts)) {
			all = append(all, c.fonts[n])
		}
		for _, u := range all {
			if !u.checked && (u.rendered || u.invisible) {
				u.checked, again = true, true
				c.where = u.where
				(&fontCheck{checker: c, u: u, names: names}).run()
				c.where = ""
			}
		}
	}
}

// fontCheck is the check of one font.
type fontCheck struct {
	*checker
	u     *fontUse
	names *glyphNames
}

func (f *fontCheck) complain(clause, format string, args ...any) {
	f.add(clause, "The font "+f.u.title+f.on()+" "+format+".", args...)
}

func (f *fontCheck) run() {
	d := f.u.dict
	kind := f.name(d["Subtype"])
	if f.name(d["Type"]) != "Font" {
		f.complain("6.2.11.2", "is not marked as a font")
	}
	if base := f.name(d["BaseFont"]); kind != "Type3" && (base == "" || !utf8.ValidString(string(base))) {
		f.complain("6.2.11.2", "has no name, or one that is no UTF-8")
	}
	switch kind {
	case "Type0":
		f.compositeFont()
	case "Type1", "MMType1", "TrueType":
		f.simpleFont(kind)
	case "Type3":
		f.type3Font()
	default:
		f.complain("6.2.11.2", "is of a kind that does not exist (%s)", plain(kind))
	}
}

// fontFile is the embedded program and the key it stands under; "" without one.
func (f *fontCheck) fontFile(descriptor syntax.Dict) (syntax.Object, syntax.Name) {
	for _, key := range []syntax.Name{"FontFile", "FontFile2", "FontFile3"} {
		if o := descriptor[key]; f.dict(o) != nil {
			return o, key
		}
	}
	return nil, ""
}

// widthTolerance is how far widths may differ, in thousandths of an em.
const widthTolerance = 1.0

// glyphs is what a font program says of a font's codes: the glyph each shows,
// 0 for none, and its width.
type glyphs func(code int) (present bool, width float64, known bool)

// compare checks that each code shows a glyph (6.2.11.4.1, 6.2.11.8) as wide as
// the dictionary says (6.2.11.5). Hidden codes may have any width.
func (f *fontCheck) compare(g glyphs, width func(code int) float64) {
	check := func(hidden bool) func(code int) bool {
		return func(code int) bool {
			present, w, known := g(code)
			switch {
			case !present:
				f.complain("6.2.11.4.1", "lacks a character that is used (code %d)", code)
			case hidden:
				return true
			case !known:
				f.complain("6.2.11.5", "has a character whose width cannot be checked (code %d)", code)
			default:
				if d := w - width(code); d > widthTolerance || d < -widthTolerance {
					f.complain("6.2.11.5", "has characters of another width than the file says (code %d)", code)
					return false
				}
				return true
			}
			return false
		}
	}
	f.u.shown.each(check(false))
	f.u.hidden.each(check(true))
}
