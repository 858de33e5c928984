package review

import (
	"fmt"
	"slices"
	"strings"

	"intray/daemon/document"
)

// Amend is a document with a clerk's edits: values as documents have them, of
// confidence 1. changes says what changed, as history does. A line that is left
// out changes nothing; an empty one takes the field away.
func Amend(d document.Document, specs []Spec, edits []Edit) (out document.Document, changes []string, objections []Objection) {
	out = d
	out.Fields = slices.Clone(d.Fields)
	for _, e := range edits {
		spec, known := specOf(out, specs, e.Name)
		if !known {
			objections = append(objections, Objection{Line: e.Line, Field: e.Name, Sentence: unknown(out, specs, e.Name)})
			continue
		}
		change, err := amendField(&out, spec, e)
		if err != nil {
			objections = append(objections, Objection{Line: e.Line, Field: e.Name, Sentence: err.Error()})
		} else if change != "" {
			changes = append(changes, change)
		}
	}
	return out, changes, objections
}

func specOf(d document.Document, specs []Spec, name string) (Spec, bool) {
	for _, s := range specs {
		if s.Name == name {
			return s, true
		}
	}
	if at := find(d.Fields, name); at >= 0 {
		return Spec{Name: name, Type: d.Fields[at].Type}, true
	}
	return Spec{}, false
}

func amendField(d *document.Document, spec Spec, e Edit) (change string, err error) {
	at := find(d.Fields, e.Name)
	old := ""
	if at >= 0 {
		old = d.Fields[at].Value
	}
	if e.Value == Written(old) {
		return "", nil
	}
	if e.Value == "" {
		d.Fields = slices.DeleteFunc(d.Fields, func(f document.Field) bool { return f.Name == e.Name })
		return fmt.Sprintf("%s: %s -> (none)", e.Name, Written(old)), nil
	}
	value, err := typed(spec.Type, e.Value, old, d.Languages)
	switch spec.Format {
	case "iban", "bic", "vat_id": // printed in groups, and one word in the document
		value = strings.ToUpper(strings.Join(strings.Fields(value), ""))
	}
	if err != nil || value == old {
		return "", err
	}
	if at < 0 {
		d.Fields = append(d.Fields, document.Field{Name: e.Name, Type: spec.Type})
		at = len(d.Fields) - 1
	}
	f := &d.Fields[at]
	f.Value, f.Raw, f.Confidence, f.From = value, e.Value, 1, document.FromReview
	if old == "" {
		old = "(none)"
	}
	return fmt.Sprintf("%s: %s -> %s", e.Name, Written(old), Written(value)), nil
}

// unknown says that there is no such field, and which there are.
func unknown(d document.Document, specs []Spec, name string) string {
	var names []string
	for _, f := range (Sheet{Document: d, Specs: specs}).Lines() {
		names = append(names, f.Name)
	}
	if len(names) == 0 {
		return fmt.Sprintf("There is no field %q: this kind of document has no fields. Remove the line.", name)
	}
	const most = 30
	return fmt.Sprintf("There is no field %q. There are: %s.", name, strings.Join(names[:min(len(names), most)], ", "))
}
