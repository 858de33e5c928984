package review

import (
	"fmt"
	"slices"
	"strings"

	"intray/daemon/document"
)

// FromReview is where a field comes from that a person typed.
const FromReview = "review"

// Amend is a document with a clerk's edits: values as documents have them, of
// confidence 1. changes says what changed, as history does. A line that is left
// out changes nothing; an empty one takes the field away.
func Amend(d document.Document, specs []Spec, edits []Edit) (out document.Document, changes []string, objections []Objection) {
	out = d
	out.Fields = slices.Clone(d.Fields)
	for _, e := range edits {
		kind, known := kindOf(out, specs, e.Name)
		if !known {
			objections = append(objections, Objection{Line: e.Line, Field: e.Name, Sentence: unknown(out, specs, e.Name)})
			continue
		}
		change, err := amendField(&out, kind, e)
		if err != nil {
			objections = append(objections, Objection{Line: e.Line, Field: e.Name, Sentence: err.Error()})
		} else if change != "" {
			changes = append(changes, change)
		}
	}
	return out, changes, objections
}

func kindOf(d document.Document, specs []Spec, name string) (string, bool) {
	for _, s := range specs {
		if s.Name == name {
			return s.Type, true
		}
	}
	if at := find(d.Fields, name); at >= 0 {
		return d.Fields[at].Type, true
	}
	return "", false
}

func amendField(d *document.Document, kind string, e Edit) (change string, err error) {
	at := find(d.Fields, e.Name)
	old := ""
	if at >= 0 {
		old = d.Fields[at].Value
	}
	if e.Value == written(old) {
		return "", nil
	}
	if e.Value == "" {
		d.Fields = slices.DeleteFunc(d.Fields, func(f document.Field) bool { return f.Name == e.Name })
		return fmt.Sprintf("%s: %s -> (none)", e.Name, written(old)), nil
	}
	value, err := typed(kind, e.Value, old, d.Languages)
	if err != nil || value == old {
		return "", err
	}
	if at < 0 {
		d.Fields = append(d.Fields, document.Field{Name: e.Name, Type: kind})
		at = len(d.Fields) - 1
	}
	f := &d.Fields[at]
	f.Value, f.Raw, f.Confidence, f.From = value, e.Value, 1, FromReview
	if old == "" {
		old = "(none)"
	}
	return fmt.Sprintf("%s: %s -> %s", e.Name, written(old), written(value)), nil
}

// unknown says that there is no such field, and which there are.
func unknown(d document.Document, specs []Spec, name string) string {
	var names []string
	for _, f := range (Sheet{Document: d, Specs: specs}).lines() {
		names = append(names, f.Name)
	}
	if len(names) == 0 {
		return fmt.Sprintf("There is no field %q: this kind of document has no fields. Remove the line.", name)
	}
	const most = 30
	return fmt.Sprintf("There is no field %q. There are: %s.", name, strings.Join(names[:min(len(names), most)], ", "))
}
