package pdf

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"intray/daemon/pdf/objects"
	"intray/daemon/pdf/syntax"
)

// Text that some other program put over a scan is taken out of a page's content:
// what is shown in rendering mode 3, and in mode 7 where no clipping comes of it
// (ISO 32000-1, 9.3.6). Only the operators that show it go; every other byte
// stays, and streams and forms without such text are not touched at all.

const (
	maxContent   = 64 << 20 // bytes of one decoded content stream
	maxFormDepth = 8
)

// cut is bytes [start, end) of a content to be replaced by with.
type cut struct {
	start, end int
	with       string
}

// stripper follows a content's text state.
type stripper struct {
	u         *update
	resources objects.Dict
	depth     int
	state     textState
	saved     []textState
	cuts      []cut
	// loose are cuts whose text moves what is shown after it until the position
	// is set anew; clips are those that may clip until the state is restored.
	loose, clips []pending
	forms        map[string]objects.Value // forms that changed, by name
	seen         map[string]int           // the mode in which each form was drawn
}

type textState struct {
	mode int64
	// drawn is true for a font that is drawn in every mode: Type 3 (9.3.6).
	drawn bool
}

type pending struct {
	cut   int // index in cuts
	level int // of saved states
}

// strip finds what to cut out of a content. Forms that change are written, and
// listed in s.forms.
func (s *stripper) strip(content []byte) ([]cut, error) {
	c := syntax.NewContent(content)
	for {
		op, err := c.Next()
		if err != nil {
			// The end, or what no reader understands: it stays.
			s.keep(&s.clips, 0)
			break
		}
		if err := s.operation(op); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(s.cuts, func(c cut) bool { return c.end == 0 }), nil
}

// keep gives up the cuts of a list made at level or above it.
func (s *stripper) keep(list *[]pending, level int) {
	*list = slices.DeleteFunc(*list, func(p pending) bool {
		if p.level < level {
			return false
		}
		s.cuts[p.cut].end = 0
		return true
	})
}

func (s *stripper) operation(op syntax.Operation) error {
	switch op.Operator {
	case "q":
		s.saved = append(s.saved, s.state)
	case "Q":
		if n := len(s.saved); n > 0 {
			s.state, s.saved = s.saved[n-1], s.saved[:n-1]
			// What was clipped is no more.
			s.clips = slices.DeleteFunc(s.clips, func(p pending) bool { return p.level > len(s.saved) })
		}
	case "Tr":
		if n, ok := operand(op, 0).(int64); ok {
			s.state.mode = n
		}
	case "Tf":
		name, _ := operand(op, 0).(syntax.Name)
		return s.font(string(name))
	case "gs":
		name, _ := operand(op, 0).(syntax.Name)
		return s.graphicsState(string(name))
	case "Td", "TD", "Tm", "T*", "BT", "ET":
		s.loose = nil
	case "Tj", "TJ":
		s.show(op, "")
	case "'":
		s.loose = nil
		s.show(op, "T*")
	case "\"":
		s.loose = nil
		s.show(op, fmt.Sprintf("%v Tw %v Tc T*", operand(op, 0), operand(op, 1)))
	case "Do":
		name, _ := operand(op, 0).(syntax.Name)
		s.keep(&s.clips, 0)
		return s.form(string(name))
	case "S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "sh", "BI":
		s.keep(&s.clips, 0)
	}
	return nil
}

func operand(op syntax.Operation, i int) syntax.Object {
	if i < len(op.Operands) {
		return op.Operands[i]
	}
	return nil
}

// show cuts an operator that shows text nobody sees; with is what else it does.
func (s *stripper) show(op syntax.Operation, with string) {
	if s.state.mode != 3 && s.state.mode != 7 || s.state.drawn {
		s.keep(&s.loose, 0)
		if s.state.mode != 7 {
			s.keep(&s.clips, 0)
		}
		return
	}
	p := pending{cut: len(s.cuts), level: len(s.saved)}
	s.cuts = append(s.cuts, cut{op.Start, op.End, with})
	s.loose = append(s.loose, p)
	if s.state.mode == 7 {
		s.clips = append(s.clips, p)
	}
}

func (s *stripper) font(name string) error {
	fonts, err := s.u.src.Dict(s.resources.Get("Font"))
	if err != nil {
		return err
	}
	font, err := s.u.src.Dict(fonts.Get(name))
	s.state.drawn = font == nil || font.Get("Subtype").Name() == "Type3"
	return err
}

// graphicsState: one that sets a font sets one that is not looked at.
func (s *stripper) graphicsState(name string) error {
	states, err := s.u.src.Dict(s.resources.Get("ExtGState"))
	if err != nil {
		return err
	}
	state, err := s.u.src.Dict(states.Get(name))
	if state.Get("Font") != nil {
		s.state.drawn = true
	}
	return err
}

// form looks into a form that is drawn. It begins in the state it is drawn in
// (8.10.1); one drawn in two is left alone.
func (s *stripper) form(name string) error {
	list, err := s.u.src.Dict(s.resources.Get("XObject"))
	if err != nil {
		return err
	}
	ref, ok := list.Get(name).Ref()
	if !ok || s.depth >= maxFormDepth {
		return nil
	}
	if mode, again := s.seen[name]; again {
		if int64(mode) != s.state.mode {
			delete(s.forms, name)
		}
		return nil
	}
	s.seen[name] = int(s.state.mode)
	o, err := s.u.src.Object(ref.Number)
	if err != nil || o.Stream == nil {
		return err
	}
	d, _ := o.Value.Dict()
	if d.Get("Subtype").Name() != "Form" {
		return nil
	}
	content, err := s.u.src.Decode(o, maxContent)
	if err != nil {
		return nil // what cannot be read shows nothing that could be taken out
	}
	resources, err := s.u.src.Dict(d.Get("Resources"))
	if err != nil {
		return err
	}
	if resources == nil {
		resources = s.resources
	}
	inner := s.u.stripper(resources, s.depth+1)
	inner.state = s.state
	cuts, err := inner.strip(content)
	if err != nil || len(cuts)+len(inner.forms) == 0 {
		return err
	}
	if len(inner.forms) > 0 {
		if resources, err = s.u.withForms(resources, inner.forms); err != nil {
			return err
		}
		d = d.With("Resources", resources.Value())
	}
	number := s.u.take()
	s.forms[name] = objects.Value(objects.Ref{Number: number}.String())
	entries := d.Without("Length", "Filter", "DecodeParms").Entries()
	return s.u.w.object(object{number: number, body: stream(string(entries), apply(content, cuts))})
}

func (u *update) stripper(resources objects.Dict, depth int) *stripper {
	return &stripper{u: u, resources: resources, depth: depth, forms: map[string]objects.Value{}, seen: map[string]int{}}
}

// withForms puts forms in the places of those of the same names.
func (u *update) withForms(resources objects.Dict, forms map[string]objects.Value) (objects.Dict, error) {
	list, err := u.src.Dict(resources.Get("XObject"))
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		list = list.With(name, forms[name])
	}
	return resources.With("XObject", list.Value()), nil
}

// apply makes the cuts. A blank keeps apart what stood on both sides.
func apply(content []byte, cuts []cut) []byte {
	var out bytes.Buffer
	at := 0
	for _, c := range cuts {
		out.Write(content[at:c.start])
		out.WriteString(" " + c.with + " ")
		at = c.end
	}
	out.Write(content[at:])
	return out.Bytes()
}

// redo takes the invisible text out of a page's content: the streams with such
// text are written anew, as are the forms.
func (u *update) redo(c *pageContent) error {
	var all []byte
	ends := make([]int, len(c.contents)) // of each stream in all
	for i, v := range c.contents {
		ref, _ := v.Ref()
		o, err := u.src.Object(ref.Number)
		if err != nil {
			return err
		}
		data, err := u.src.Decode(o, maxContent)
		if err != nil || len(all)+len(data) > maxContent {
			return nil // it cannot be read: it stays
		}
		all = append(append(all, data...), '\n') // streams are one content (7.8.2)
		ends[i] = len(all)
	}
	s := u.stripper(c.resources, 0)
	cuts, err := s.strip(all)
	if err != nil {
		return err
	}
	c.changed = len(cuts)+len(s.forms) > 0
	c.contents = slices.Clone(c.contents)
	start := 0
	for i, end := range ends {
		if these := within(cuts, start, end-1); len(these) > 0 {
			number := u.take()
			c.contents[i] = objects.Value(objects.Ref{Number: number}.String())
			if err := u.w.object(object{number: number, body: stream("", apply(all[start:end-1], these))}); err != nil {
				return err
			}
		}
		start = end
	}
	if len(s.forms) > 0 {
		c.resources, err = u.withForms(c.resources, s.forms)
	}
	return err
}

// within are the parts of cuts in bytes [start, end), counted from start.
func within(cuts []cut, start, end int) (out []cut) {
	for _, c := range cuts {
		if c.end <= start || c.start >= end {
			continue
		}
		part := cut{max(c.start, start) - start, min(c.end, end) - start, c.with}
		if c.start < start {
			part.with = "" // said at the end of the stream before
		}
		out = append(out, part)
	}
	return out
}
