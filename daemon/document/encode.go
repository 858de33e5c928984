package document

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
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
	complete(reflect.ValueOf(&d).Elem())
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	return b.Bytes(), nil
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
