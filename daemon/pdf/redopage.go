package pdf

import (
	"slices"

	"intray/daemon/document"
	"intray/daemon/pdf/objects"
)

// redoing is what the contents of one page, its forms and theirs, have in common
// while invisible text is taken out.
type redoing struct {
	u *update
	// done are the forms that have been looked into, or are just now: what to draw
	// instead, nil for the form itself.
	done  map[formUse]objects.Value
	bytes int // looked through so far
	// incomplete says that something could not be looked into.
	incomplete bool
}

// formUse is a form and what its content depends on besides.
type formUse struct {
	number int
	state  textState
	scope  int // whose resources it has; its own number, or where it is drawn
}

func (u *update) stripper(resources objects.Dict) *stripper {
	return (&redoing{u: u, done: map[formUse]objects.Value{}}).stripper(resources)
}

func (r *redoing) stripper(resources objects.Dict) *stripper {
	return &stripper{redoing: r, resources: resources, forms: map[string]objects.Value{}, seen: map[string]textState{}}
}

// form looks into a form that is drawn. It begins in the state it is drawn in
// (8.10.1); one drawn in two is left alone.
func (s *stripper) form(name string) error {
	list, err := s.u.src.Dict(s.resources.Get("XObject"))
	if err != nil {
		return err
	}
	ref, ok := list.Get(name).Ref()
	if !ok {
		return nil
	}
	if state, again := s.seen[name]; again {
		if state != s.state {
			_, changed := s.forms[name]
			s.incomplete = s.incomplete || changed
			delete(s.forms, name)
		}
		return nil
	}
	s.seen[name] = s.state
	o, err := s.u.src.Object(ref.Number)
	if err != nil || o.Stream == nil {
		return err
	}
	d, _ := o.Value.Dict()
	if d.Get("Subtype").Name() != "Form" {
		return nil
	}
	instead, err := s.redone(o, d)
	if instead != nil {
		s.forms[name] = instead
	}
	return err
}

// redone is what to draw in the place of a form; nil is the form itself.
func (s *stripper) redone(o objects.Object, d objects.Dict) (objects.Value, error) {
	resources, err := s.u.src.Dict(d.Get("Resources"))
	if err != nil {
		return nil, err
	}
	key := formUse{o.Ref.Number, s.state, o.Ref.Number}
	if resources == nil {
		resources, key.scope = s.resources, s.scope
	}
	if instead, known := s.done[key]; known {
		return instead, nil
	}
	if s.depth >= maxFormDepth {
		s.incomplete = true
		return nil, nil
	}
	s.done[key] = nil // for a form that draws itself
	content, err := s.u.src.Decode(o, maxContent)
	if s.bytes += len(content); err != nil || s.bytes > maxRedone {
		s.incomplete = true // it cannot be read: it stays
		return nil, nil
	}
	inner := s.redoing.stripper(resources)
	inner.state, inner.depth, inner.scope = s.state, s.depth+1, key.scope
	cuts, err := inner.strip(content)
	if err != nil || len(cuts)+len(inner.forms) == 0 {
		return nil, err
	}
	if len(inner.forms) > 0 {
		if resources, err = s.u.withForms(resources, inner.forms); err != nil {
			return nil, err
		}
		d = d.With("Resources", resources.Value())
	}
	number := s.u.take()
	s.done[key] = objects.Value(objects.Ref{Number: number}.String())
	entries := d.Without("Length", "Filter", "DecodeParms").Entries()
	return s.done[key], s.u.w.object(object{number: number, body: stream(string(entries), apply(content, cuts))})
}

// redo takes the invisible text out of the content of page number: the streams
// with such text are written anew, as are the forms. What cannot be read stays,
// with a warning.
func (u *update) redo(number int, c *pageContent) error {
	all, ends, err := u.joined(c.contents)
	if err != nil {
		return err
	}
	s := u.stripper(c.resources)
	cuts, err := s.strip(all)
	if err != nil {
		return err
	}
	if s.incomplete || ends == nil {
		u.warnings = append(u.warnings, document.Warning{Page: number, Code: "redo_incomplete",
			Message: "Part of the page cannot be read as PDF; the old text there may be left beside the new one."})
	}
	c.changed = len(cuts)+len(s.forms) > 0
	c.contents = slices.Clone(c.contents)
	if err := u.rewritten(c.contents, all, ends, cuts); err != nil {
		return err
	}
	if len(s.forms) > 0 {
		c.resources, err = u.withForms(c.resources, s.forms)
	}
	return err
}

// joined are the streams of a page's content, which are one (7.8.2), and where
// each ends, a line feed included. There are none where one cannot be read.
func (u *update) joined(contents []objects.Value) (all []byte, ends []int, err error) {
	ends = make([]int, len(contents))
	for i, v := range contents {
		ref, _ := v.Ref()
		o, err := u.src.Object(ref.Number)
		if err != nil {
			return nil, nil, err
		}
		data, err := u.src.Decode(o, maxContent)
		if err != nil || len(all)+len(data) > maxContent {
			return nil, nil, nil
		}
		all = append(append(all, data...), '\n')
		ends[i] = len(all)
	}
	return all, ends, nil
}

// rewritten writes the streams with cuts and puts the new ones into contents.
func (u *update) rewritten(contents []objects.Value, all []byte, ends []int, cuts []cut) error {
	start := 0
	for i, end := range ends {
		if these := within(cuts, start, end-1); len(these) > 0 {
			number := u.take()
			contents[i] = objects.Value(objects.Ref{Number: number}.String())
			if err := u.w.object(object{number: number, body: stream("", apply(all[start:end-1], these))}); err != nil {
				return err
			}
		}
		start = end
	}
	return nil
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
