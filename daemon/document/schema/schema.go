// Package schema holds documents against the published JSON Schema within the
// program. It asserts no formats, such as that of a date; package documenttest does,
// for tests, by a library that would cost each start of the program and of its
// workers ten milliseconds and two megabytes.
package schema

import (
	"encoding/json"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"

	"intray/daemon/document"
)

// Checker checks documents. It may be used in parallel.
type Checker struct{ resolved *jsonschema.Resolved }

// New reads the schema that the program publishes.
func New() (*Checker, error) {
	var schema jsonschema.Schema
	if err := json.Unmarshal(document.SchemaJSON(), &schema); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return nil, fmt.Errorf("resolve schema: %w", err)
	}
	return &Checker{resolved}, nil
}

// Check says where a document's JSON departs from the schema.
func (c *Checker) Check(documentJSON []byte) error {
	var doc any
	if err := json.Unmarshal(documentJSON, &doc); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return c.resolved.Validate(doc)
}
