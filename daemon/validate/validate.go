// Package validate decides what becomes of a read document: released, released
// with warnings, or shown to a person first. Every check it made is in the
// verdict with a sentence.
//
// It is pure: no disk, no clock, no network. It reads no pages and moves no
// files.
package validate

import (
	"fmt"

	"intray/daemon/document"
)

// Document checks a document as a whole. pages is how many pages the original has.
func Document(d document.Document, pages int) document.Validation {
	v := document.Validation{Verdict: document.VerdictRelease}
	check := func(rule string, passed bool, message string) {
		v.Checks = append(v.Checks, document.Check{Rule: rule, Passed: passed, Message: message})
		if !passed {
			v.Verdict = document.VerdictReview
		}
	}
	check("page_count", len(d.Pages) == pages, fmt.Sprintf("%d of %d pages are in the result.", len(d.Pages), pages))
	failed := 0
	for _, p := range d.Pages {
		if p.Decision == document.DecisionFailed {
			failed++
		}
	}
	check("pages_read", failed == 0, fmt.Sprintf("%d of %d pages could not be read.", failed, pages))
	damaged := map[int]bool{}
	for _, w := range d.Warnings {
		if w.Code == "fax_damaged" {
			damaged[w.Page] = true
		}
	}
	check("pages_whole", len(damaged) == 0, fmt.Sprintf("%d of %d pages came damaged by fax; parts of them may be missing.", len(damaged), pages))
	if v.Verdict == document.VerdictRelease && worthTelling(d.Warnings) {
		v.Verdict = document.VerdictWarnings
	}
	return v
}

// worthTelling leaves out the notes that only say how a page was treated.
func worthTelling(warnings []document.Warning) bool {
	for _, w := range warnings {
		switch w.Code {
		case "kept_text", "mixed_page", "blank_page", "rotated", "not_straightened", "resolution_estimated", "not_pdfa":
		default:
			return true
		}
	}
	return false
}
