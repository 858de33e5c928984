package engines

import "slices"

// Join makes one result of those of a document's parts, in their order. Pages keep
// their order, and whatever names a page names it in the whole. Of fields of one
// name the first stays; where a later part has another value, a warning says so.
// The class is that of the first part that has one.
func Join(parts []Result) Result {
	if len(parts) == 1 {
		return parts[0]
	}
	var out Result
	for _, p := range parts {
		before := len(out.Pages)
		place := func(page int) int {
			if page > 0 {
				page += before
			}
			return page
		}
		if out.Model == "" {
			out.Model = p.Model
		}
		if out.Partial == "" {
			out.Partial = p.Partial
		}
		if out.Class == "" {
			out.Class, out.ClassConfidence = p.Class, p.ClassConfidence
		}
		for _, f := range p.Fields {
			f.Page = place(f.Page)
			out.Warnings = append(out.Warnings, out.add(f)...)
		}
		for _, t := range p.Tables {
			t.Page = place(t.Page)
			out.Tables = append(out.Tables, t)
		}
		for _, l := range p.Languages {
			if !slices.Contains(out.Languages, l) {
				out.Languages = append(out.Languages, l)
			}
		}
		for _, w := range p.Warnings {
			w.Page = place(w.Page)
			out.Warnings = append(out.Warnings, w)
		}
		out.Pages = append(out.Pages, p.Pages...)
	}
	return out
}

// add takes a field whose name is new. Of one that is known with another value it
// is only told.
func (r *Result) add(f Field) []Warning {
	i := slices.IndexFunc(r.Fields, func(o Field) bool { return o.Name == f.Name })
	switch {
	case i < 0:
		r.Fields = append(r.Fields, f)
	case r.Fields[i].Value != f.Value:
		return []Warning{{Code: CodePartsDiffer, Page: f.Page,
			Sentence: "A later part of the document has another " + f.Name + ": " + f.Value + ". The first, " + r.Fields[i].Value + ", is taken."}}
	}
	return nil
}
