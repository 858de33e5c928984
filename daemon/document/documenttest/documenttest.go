// Package documenttest checks documents against the published JSON Schema.
//
// It is for tests only and keeps the schema library out of the program.
package documenttest

import (
	"bytes"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"intray/daemon/document"
)

// Validate says where a document's JSON departs from the schema.
func Validate(documentJSON []byte) error {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(document.SchemaJSON()))
	if err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("document.json", schema); err != nil {
		return fmt.Errorf("add schema: %w", err)
	}
	compiled, err := c.Compile("document.json")
	if err != nil {
		return fmt.Errorf("compile schema: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(documentJSON))
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return compiled.Validate(doc)
}
