// Package pdf writes searchable PDFs: the original page with an invisible text
// layer over it.
//
// A PDF is never rewritten when it can be extended: pages get their text by an
// incremental update (ISO 32000-1, 7.5.6), so every byte of the original,
// images, bookmarks, metadata and all, stays where it was. Pictures are wrapped
// into a new PDF with their compressed stream as it is, or without loss.
//
// The package parses untrusted PDFs and therefore runs only in worker
// processes. It recognizes nothing and knows no folders.
package pdf

import (
	"fmt"

	"intray/daemon/document"
)

// Layer is the text of one page and what else is done to it.
type Layer struct {
	Page document.Page `json:"page"`
	// UserToPage maps the page's user space to the upright page in whose points
	// the text is placed, Turn included.
	UserToPage document.Matrix `json:"user_to_page"`
	// Turn is the clockwise turn in degrees, a multiple of 90, that makes the
	// page upright on top of what the file itself says.
	Turn int `json:"turn,omitempty"`
	// Kept is how many of the page's first blocks the page shows already.
	Kept int `json:"kept,omitempty"`
	// Treat says what becomes of the page's own content; one of the Treat*
	// constants.
	Treat string `json:"treat,omitempty"`
}

// What becomes of a page's own content.
const (
	// TreatKeep leaves it as it is.
	TreatKeep = ""
	// TreatRedo takes an invisible text layer out and leaves the rest.
	TreatRedo = "redo"
	// TreatForce puts a picture of the page in its place.
	TreatForce = "force"
)

// Layers gives the layer of page number, from 1. It is asked for one page
// after another, possibly more than once; a page without anything to be done
// has an empty one. nil stands for empty ones only.
type Layers func(number int) (Layer, error)

func (l Layers) of(number int) (Layer, error) {
	if l == nil {
		return Layer{}, nil
	}
	layer, err := l(number)
	if err != nil {
		return Layer{}, fmt.Errorf("page %d: %w", number, err)
	}
	return layer, nil
}

// Values of Options.PDFA.
const (
	PDFAAuto    = "auto"    // claimed where it is true
	PDFARequire = "require" // an error where it cannot be true
	PDFAOff     = "off"     // not claimed
)

// Options concern the file as a whole.
type Options struct {
	// Producer is what the metadata of new files say about the program.
	Producer string `json:"producer"`
	// Language is the text's main language (BCP 47) for /Lang; "" is unknown.
	Language string `json:"language"`
	PDFA     string `json:"pdfa"`
	// LinearizeAbove is the size in bytes from which files are linearized; 0 is
	// never.
	LinearizeAbove int64 `json:"linearize_above"`
}

// Outcome tells what the written file is.
type Outcome struct {
	// Conformance is the standard the file claims and meets, "PDF/A-2b" or "";
	// Why says in a sentence why it claims none.
	Conformance string `json:"conformance"`
	Why         string `json:"why"`
	// Warnings are about single pages: "redo_incomplete" for old text that could
	// not be taken out.
	Warnings []document.Warning `json:"warnings,omitempty"`
}

// straighten maps the page's user space so that its content lies straight: the
// page's pixels are turned by its matrix and never resampled.
func (l Layer) straighten() (document.Matrix, bool) {
	back, ok := l.UserToPage.Inverse()
	if l.Page.Skew == 0 || !ok {
		return document.Identity(), false
	}
	return l.UserToPage.Then(document.Straighten(l.Page.Width, l.Page.Height, l.Page.Skew)).Then(back), true
}

// concat is the operator that applies a matrix to what follows.
func concat(m document.Matrix) string {
	return fmt.Sprintf("%s %s %s %s %s %s cm\n", coefficient(m[0]), coefficient(m[1]), coefficient(m[2]), coefficient(m[3]), number(m[4]), number(m[5]))
}

// untouched is true when the page stays as it is.
func (l Layer) untouched() bool {
	return l.empty() && l.Turn == 0 && l.Treat == TreatKeep
}

// empty is true when there is nothing to write over the page: no words, or
// words that the page shows already.
func (l Layer) empty() bool {
	if l.Page.Decision != document.DecisionOCR {
		return true
	}
	for _, b := range l.Page.Blocks[min(l.Kept, len(l.Page.Blocks)):] {
		for _, line := range b.Lines {
			if len(line.Words) > 0 {
				return false
			}
		}
	}
	return true
}
