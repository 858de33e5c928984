package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
	maxRedone    = 4 * maxContent // bytes looked through for one page, forms and all
)

// cut is bytes [start, end) of a content to be replaced by with.
type cut struct {
	start, end int
	with       string
}

// stripper follows a content's text state.
type stripper struct {
	*redoing
	resources objects.Dict
	scope     int // the form the resources belong to; 0 is the page
	depth     int
	state     textState
	saved     []textState
	cuts      []cut
	// loose are cuts whose text moves what is shown after it until the position
	// is set anew; clips are those that may clip until the state is restored.
	loose, clips []pending
	forms        map[string]objects.Value // forms that changed, by name
	seen         map[string]textState     // in which each form was drawn
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
			s.incomplete = s.incomplete || !errors.Is(err, io.EOF)
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
		words, ok1 := float(operand(op, 0))
		chars, ok2 := float(operand(op, 1))
		if !ok1 || !ok2 { // what it does is for its readers to say
			s.keep(&s.clips, 0)
			s.incomplete = true
			break
		}
		s.show(op, fmt.Sprintf("%s Tw %s Tc T*", number(words), number(chars)))
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

func float(o syntax.Object) (float64, bool) {
	switch v := o.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
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
