// Package route picks the engine that reads a document, out of those its
// folder names.
//
// It is pure: it knows neither the engines themselves nor disk, clock or
// network; whether an engine works is found out by asking it.
package route

import "slices"

// Engine is what the decision needs to know of an engine.
type Engine struct {
	Name  string
	Types []string
	// Cloud is true when pages leave this machine.
	Cloud bool
}

// Pick returns the first engine in order that takes documents of the type. A
// recognizer reads pictures of pages, whatever the document's type is, and is
// therefore described with the types the pages room opens.
func Pick(order []string, known map[string]Engine, mime string) (string, bool) {
	for _, name := range order {
		if e, ok := known[name]; ok && slices.Contains(e.Types, mime) {
			return name, true
		}
	}
	return "", false
}
