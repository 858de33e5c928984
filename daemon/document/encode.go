package document

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"time"
)

//go:embed schema.json
var schemaJSON []byte

// SchemaJSON is the published JSON Schema (draft 2020-12) of a document.
func SchemaJSON() []byte { return slices.Clone(schemaJSON) }

// Encode writes a document as JSON: indented for reading, no null in place of
// an empty list, times in UTC.
func Encode(d Document) ([]byte, error) {
	return encode(&d, "")
}

// encode is the JSON of what v points to; all lines but the first begin with
// prefix.
func encode(v any, prefix string) ([]byte, error) {
	complete(reflect.ValueOf(v).Elem())
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	return b.Bytes(), nil
}

// Body is what grows with a document's length. Each sequence may be asked for
// more than once.
type Body struct {
	Pages iter.Seq2[Page, error]
	// Text is the whole text in pieces.
	Text iter.Seq2[string, error]
}

// Write is Encode for a document of any length: its pages and its text come
// from body, piece by piece, and d's own are not looked at.
func Write(w io.Writer, d Document, body Body) error {
	d.Pages, d.Text = nil, ""
	frame, err := Encode(d)
	if err != nil {
		return err
	}
	// Strings hold no line breaks in JSON: these lines are the document's own keys.
	const pagesKey, textKey = "\n  \"pages\": [", "\n  \"text\": \""
	beforePages, rest, ok1 := bytes.Cut(frame, []byte(pagesKey))
	between, after, ok2 := bytes.Cut(rest, []byte(textKey))
	if !ok1 || !ok2 {
		return errors.New("encode document: its frame has no place for pages and text")
	}
	out := &sequence{w: w}
	out.put(beforePages, []byte(pagesKey))
	if err := out.pages(body.Pages); err != nil {
		return err
	}
	out.put(between, []byte(textKey))
	if err := out.text(body.Text); err != nil {
		return err
	}
	out.put(after)
	return out.err
}

// sequence writes until something fails.
type sequence struct {
	w   io.Writer
	err error
}

func (s *sequence) pages(all iter.Seq2[Page, error]) error {
	if all == nil {
		return nil
	}
	separator, end := "\n    ", ""
	for page, err := range all {
		if err != nil {
			return err
		}
		data, err := encode(&page, "    ")
		if err != nil {
			return err
		}
		s.put([]byte(separator), bytes.TrimRight(data, " \n"))
		separator, end = ",\n    ", "\n  "
	}
	s.put([]byte(end))
	return nil
}

// text writes the inside of a JSON string.
func (s *sequence) text(all iter.Seq2[string, error]) error {
	if all == nil {
		return nil
	}
	for text, err := range all {
		if err != nil {
			return err
		}
		data, err := encode(&text, "")
		if err != nil {
			return err
		}
		data = bytes.TrimRight(data, "\n")
		s.put(data[1 : len(data)-1])
	}
	return nil
}

func (s *sequence) put(parts ...[]byte) {
	for _, p := range parts {
		if s.err == nil {
			_, s.err = s.w.Write(p)
		}
	}
}

// Decode reads a document; one of another schema is an error.
func Decode(data []byte) (Document, error) {
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("decode document: %w", err)
	}
	if d.Schema != Schema {
		return d, fmt.Errorf("decode document: its schema is %q, not %q", d.Schema, Schema)
	}
	return d, nil
}

// complete replaces nil slices with empty ones and moves times to UTC. It
// copies slices before it changes their elements.
func complete(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			*t = t.UTC()
			return
		}
		for i := range v.NumField() {
			complete(v.Field(i))
		}
	case reflect.Slice:
		clone := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(clone, v)
		v.Set(clone)
		for i := range v.Len() {
			complete(v.Index(i))
		}
	}
}
