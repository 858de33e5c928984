package pdfa

import (
	"errors"
	"io"

	"intray/daemon/pdf/syntax"
)

// maxNesting is how deep forms, patterns and glyphs may stand in one another.
const maxNesting = 16

// visit names what need not be looked at twice.
type visit struct {
	number int
	what   string
	under  *resources // whose default colour spaces count
}

// graphics is the part of the graphics state that matters here.
type graphics struct {
	font *fontUse
	mode int // text rendering mode
}

// reader walks one content stream.
type reader struct {
	*checker
	r       *resources
	state   graphics
	saved   []graphics
	nesting int
}

// content checks the operators of a content stream and all they use.
func (c *checker) content(data []byte, r *resources, what string) {
	c.nested(data, r, what, 0)
}

func (c *checker) nested(data []byte, r *resources, what string, nesting int) {
	w := &reader{checker: c, r: r, nesting: nesting}
	if nesting > maxNesting {
		c.add("6.2.2", "The content%s is nested too deeply to be checked.", c.on())
		return
	}
	content := syntax.NewContent(data)
	painted := false
	for {
		op, err := content.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.unreadable("6.2.2", what+c.on(), err)
			break
		}
		c.spend(16)
		if !syntax.Known(op.Operator) {
			c.add("6.2.2", "There is an operator that PDF does not have%s (%s).", c.on(), plain(syntax.Name(op.Operator)))
			continue
		}
		painted = painted || paints(op.Operator)
		w.operation(op)
	}
	if painted && c.intent == "" { // the colour at the start is DeviceGray
		c.device("DeviceGray", r, 0)
	}
	if f := content.Faults(); f != 0 {
		c.add("6.1.13", "A number, string or name%s is written wrongly or too long.", c.on())
	}
}

func paints(op string) bool {
	return oneOf(op, "f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "Tj", "TJ", "'", "\"")
}

func (w *reader) operation(op syntax.Operation) {
	switch op.Operator {
	case "q":
		if w.saved = append(w.saved, w.state); len(w.saved) > 28 {
			w.add("6.1.13", "The graphics state%s is saved more than 28 times over.", w.on())
			w.saved = w.saved[:28]
		}
	case "Q":
		if n := len(w.saved); n > 0 {
			w.state, w.saved = w.saved[n-1], w.saved[:n-1]
		}
	case "g", "G":
		w.device("DeviceGray", w.r, 0)
	case "rg", "RG":
		w.device("DeviceRGB", w.r, 0)
	case "k", "K":
		w.device("DeviceCMYK", w.r, 0)
	case "cs", "CS":
		w.named(last(op))
	case "sc", "scn", "SC", "SCN":
		if name, ok := last(op).(syntax.Name); ok {
			w.pattern(w.find(w.r, "Pattern", name))
		}
	case "sh":
		name, _ := last(op).(syntax.Name)
		w.shading(w.find(w.r, "Shading", name))
	case "ri":
		w.renderingIntent(last(op))
	case "gs":
		name, _ := last(op).(syntax.Name)
		w.state.apply(w.checker, w.find(w.r, "ExtGState", name), w.r, w.nesting)
	case "Do":
		name, _ := last(op).(syntax.Name)
		w.xobject(w.find(w.r, "XObject", name), w.r, w.nesting)
	case "BI":
		w.inlineImage(op.Image, w.r)
	default:
		w.textOperation(op)
	}
}

func (w *reader) textOperation(op syntax.Operation) {
	switch op.Operator {
	case "Tf":
		if len(op.Operands) == 2 {
			name, _ := op.Operands[0].(syntax.Name)
			w.state.font = w.use(w.find(w.r, "Font", name))
		}
	case "Tr":
		mode, _ := last(op).(int64)
		w.state.mode = int(mode)
	case "Tj", "'", "\"":
		if s, ok := last(op).(syntax.String); ok {
			w.show(s)
		}
	case "TJ":
		a, _ := last(op).(syntax.Array)
		for _, o := range a {
			if s, ok := o.(syntax.String); ok {
				w.show(s)
			}
		}
	}
}

func last(op syntax.Operation) syntax.Object {
	if len(op.Operands) == 0 {
		return nil
	}
	return op.Operands[len(op.Operands)-1]
}

// show notes which codes of which font are shown, and how.
func (w *reader) show(s syntax.String) {
	if w.state.font == nil {
		w.add("6.2.11.2", "There is text without a font%s.", w.on())
		return
	}
	w.state.font.show(s, w.state.mode == 3, w.where)
}

// named checks a colour space a content stream selects by name.
func (w *reader) named(o syntax.Object) {
	name, _ := o.(syntax.Name)
	switch name {
	case "DeviceGray", "DeviceRGB", "DeviceCMYK", "Pattern":
		w.space(name, w.r, 0)
	default:
		w.space(w.find(w.r, "ColorSpace", name), w.r, 0)
	}
}

func (c *checker) renderingIntent(o syntax.Object) {
	if o == nil {
		return
	}
	if n := c.name(o); !oneOf(n, "RelativeColorimetric", "AbsoluteColorimetric", "Perceptual", "Saturation") {
		c.add("6.2.6", "There is a rendering intent %s%s, which does not exist.", plain(n), c.on())
	}
}

// pattern checks a tiling or shading pattern.
func (w *reader) pattern(o syntax.Object) {
	ref, _ := o.(syntax.Ref)
	d := w.dict(o)
	if kind, _ := w.integer(d["PatternType"]); kind == 2 {
		w.shading(d["Shading"])
		if d["ExtGState"] != nil {
			(&graphics{}).apply(w.checker, d["ExtGState"], w.r, w.nesting)
		}
		return
	}
	w.stream(o, ref, d, "A pattern", w.nesting)
}

// stream checks a stream with resources of its own, such as a form, once.
func (c *checker) stream(o syntax.Object, ref syntax.Ref, d syntax.Dict, what string, nesting int) {
	key := visit{number: ref.Number, what: what}
	if ref.Number != 0 && c.visited[key] {
		return
	}
	c.visited[key] = true
	if data := c.decode(o, "6.2.2", what+c.on()); data != nil {
		c.nested(data, c.resources(d["Resources"]), what, nesting+1)
	}
}

func (w *reader) shading(o syntax.Object) {
	if d := w.dict(o); d != nil {
		w.space(d["ColorSpace"], w.r, 0)
	}
}

// apply checks a dictionary of graphics state parameters (6.2.5, 6.2.10).
func (g *graphics) apply(c *checker, o syntax.Object, r *resources, nesting int) {
	d := c.dict(o)
	if a := c.array(d["Font"]); len(a) == 2 {
		g.font = c.use(a[0])
	}
	if d["TR"] != nil {
		c.add("6.2.5", "There is a transfer function%s.", c.on())
	}
	if d["TR2"] != nil && c.name(d["TR2"]) != "Default" {
		c.add("6.2.5", "There is a transfer function%s.", c.on())
	}
	if d["HTP"] != nil {
		c.add("6.2.5", "There is a halftone phase%s.", c.on())
	}
	c.halftone(d["HT"], 0)
	c.renderingIntent(d["RI"])
	if mode, _ := c.integer(d["OPM"]); mode == 1 {
		stroke, _ := c.resolve(d["OP"]).(bool)
		fill, _ := c.resolve(d["op"]).(bool)
		c.overprint = c.overprint || stroke || fill
	}
	for _, key := range []syntax.Name{"CA", "ca"} {
		if v, ok := c.number(d[key]); ok && v != 1 {
			c.transparent()
		}
	}
	c.blendMode(d["BM"])
	if mask := c.dict(d["SMask"]); mask != nil {
		c.transparent()
		c.xobject(mask["G"], r, nesting)
	}
}

func (c *checker) halftone(o syntax.Object, depth int) {
	d := c.dict(o)
	if d == nil {
		return
	}
	if depth > 4 {
		c.add("6.2.5", "A halftone%s is nested too deeply to be checked.", c.on())
		return
	}
	kind, _ := c.integer(d["HalftoneType"])
	if kind != 1 && kind != 5 || d["HalftoneName"] != nil {
		c.add("6.2.5", "There is a halftone%s of a kind PDF/A does not allow.", c.on())
	}
	if d["TransferFunction"] != nil {
		c.add("6.2.5", "There is a halftone with a transfer function%s.", c.on())
	}
	if kind == 5 { // one for each ink
		for _, o := range d {
			c.halftone(o, depth+1)
		}
	}
}

func (c *checker) blendMode(o syntax.Object) {
	modes := c.array(o)
	if modes == nil && o != nil {
		modes = syntax.Array{o}
	}
	for _, m := range modes {
		n := c.name(m)
		switch n {
		case "Normal", "Compatible":
			continue
		case "Multiply", "Screen", "Overlay", "Darken", "Lighten", "ColorDodge", "ColorBurn", "HardLight", "SoftLight",
			"Difference", "Exclusion", "Hue", "Saturation", "Color", "Luminosity":
		default:
			c.add("6.2.10", "There is a blend mode %s%s, which does not exist.", plain(n), c.on())
		}
		c.transparent()
	}
}
