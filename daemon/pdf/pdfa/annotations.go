package pdfa

import "intray/daemon/pdf/syntax"

// Annotations and form fields (ISO 19005-2, 6.3 and 6.4).

// Flags of an annotation (ISO 32000-1, 12.5.3).
const (
	flagInvisible    = 1 << 0
	flagHidden       = 1 << 1
	flagPrint        = 1 << 2
	flagNoView       = 1 << 5
	flagToggleNoView = 1 << 8
)

func (c *checker) annotations(page syntax.Dict, r *resources) {
	for _, o := range c.array(page["Annots"]) {
		if d := c.dict(o); d != nil {
			c.annotation(d, r)
		}
	}
}

func (c *checker) annotation(d syntax.Dict, r *resources) {
	kind := c.name(d["Subtype"])
	switch kind {
	case "Text", "Link", "FreeText", "Line", "Square", "Circle", "Polygon", "PolyLine", "Highlight", "Underline", "Squiggly",
		"StrikeOut", "Stamp", "Caret", "Ink", "Popup", "FileAttachment", "Widget", "PrinterMark", "TrapNet", "Watermark", "Redact":
	default:
		c.add("6.3.1", "There is an annotation of the kind %s%s.", plain(kind), c.on())
	}
	if kind == "Widget" && d["A"] != nil {
		c.add("6.4.1", "A form field%s starts an action.", c.on())
	}
	flags, ok := c.integer(d["F"])
	if !ok && kind != "Popup" {
		c.add("6.3.2", "An annotation%s (%s) does not say whether it is printed.", c.on(), plain(kind))
	}
	if ok && (flags&flagPrint == 0 || flags&(flagInvisible|flagHidden|flagNoView|flagToggleNoView) != 0) {
		c.add("6.3.2", "An annotation%s (%s) is hidden or not printed.", c.on(), plain(kind))
	}
	if d["AP"] != nil {
		c.appearance(d, kind, r)
		return
	}
	rect := c.numbers(d["Rect"])
	empty := len(rect) == 4 && rect[0] == rect[2] && rect[1] == rect[3]
	if !empty && kind != "Popup" && kind != "Link" {
		c.add("6.3.3", "An annotation%s (%s) does not say what it looks like.", c.on(), plain(kind))
	}
}

// appearance checks what an annotation looks like (6.3.3).
func (c *checker) appearance(d syntax.Dict, kind syntax.Name, r *resources) {
	ap := c.dict(d["AP"])
	for key := range ap {
		if key != "N" {
			c.add("6.3.3", "An annotation%s (%s) looks different when it is pointed at.", c.on(), plain(kind))
		}
	}
	field := c.name(d["FT"])
	for parent, steps := c.dict(d["Parent"]), 0; field == "" && parent != nil && steps < 32; parent, steps = c.dict(parent["Parent"]), steps+1 {
		field = c.name(parent["FT"])
	}
	switch v := c.resolve(ap["N"]).(type) {
	case *syntax.Stream:
		if kind == "Widget" && field == "Btn" {
			c.add("6.3.3", "A button%s has one look for all its states.", c.on())
		}
		c.xobject(ap["N"], r, 0)
	case syntax.Dict:
		if kind != "Widget" || field != "Btn" {
			c.add("6.3.3", "An annotation%s (%s) has several looks.", c.on(), plain(kind))
		}
		for _, o := range v {
			if o != nil {
				c.xobject(o, r, 0)
			}
		}
	default:
		c.add("6.3.3", "An annotation%s (%s) does not say what it looks like.", c.on(), plain(kind))
	}
}

// annotationForms looks for fields that start actions (6.4.1); their widgets
// were looked at page by page, their AA by every object.
func (c *checker) annotationForms() {
	var walk func(o syntax.Object, depth int)
	count := 0
	walk = func(o syntax.Object, depth int) {
		if count++; depth > 32 || count > 100000 {
			c.add("6.4.1", "The form is nested too deeply to be checked.")
			return
		}
		d := c.dict(o)
		if d["A"] != nil {
			c.add("6.4.1", "A form field starts an action.")
		}
		for _, kid := range c.array(d["Kids"]) {
			walk(kid, depth+1)
		}
	}
	for _, o := range c.array(c.dict(c.root["AcroForm"])["Fields"]) {
		walk(o, 0)
	}
}
