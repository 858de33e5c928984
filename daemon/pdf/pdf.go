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

// Layer is the text of one page and how the page's user space maps to the
// upright page in whose points the text is placed.
type Layer struct {
	Page       document.Page
	UserToPage document.Matrix
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

// empty is true when there is nothing to write over the page: no words, or
// words that the page shows already.
func (l Layer) empty() bool {
	if l.Page.Decision != document.DecisionOCR {
		return true
	}
	for _, b := range l.Page.Blocks {
		for _, line := range b.Lines {
			if len(line.Words) > 0 {
				return false
			}
		}
	}
	return true
}
