// Package all is the one list of engines this program is built with. Adding an
// engine is one line here; nothing registers itself.
package all

import (
	"intray/engines"
	"intray/engines/azure"
	"intray/engines/documentai"
	"intray/engines/httpapi"
	"intray/engines/mistral"
	"intray/engines/tesseract"
	"intray/engines/textract"
)

// Factories lists every engine.
func Factories() []engines.Factory {
	return []engines.Factory{
		azure.Factory(),
		documentai.Factory(),
		httpapi.Factory(),
		mistral.Factory(),
		tesseract.Factory(),
		textract.Factory(),
	}
}

// ByKind finds an engine by the "kind" of its section.
func ByKind(kind string) (engines.Factory, bool) {
	for _, f := range Factories() {
		if f.Kind == kind {
			return f, true
		}
	}
	return engines.Factory{}, false
}
