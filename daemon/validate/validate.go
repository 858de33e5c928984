// Package validate decides what becomes of a read document: released, released
// with warnings, or shown to a person first. Every check it made is in the
// verdict with a sentence: pages, the class's required fields, thresholds,
// types and rules, a business key seen before, and the sample that goes to a
// person anyway.
//
// It is pure: no disk, no clock, no network. It reads no pages, keeps no
// records and moves no files.
package validate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"intray/daemon/config"
	"intray/daemon/document"
)

// Kinds of findings, by which others tell them apart.
const (
	KindPages     = "pages"
	KindRequired  = "required"
	KindType      = "type"
	KindThreshold = "confidence"
	KindRule      = "rule"
	KindUnique    = "unique"
	KindSample    = "sample"
	// KindClass is a document that is none of the classes its folder takes.
	KindClass = "class"
	// KindDoubt is what extraction could not decide: a person's approval settles it.
	KindDoubt = "doubt"
)

// Finding is one check with what it is about. Field is "" for the document as a
// whole; Severe is true when failing it leads to review.
type Finding struct {
	document.Check
	Kind   string
	Field  string
	Severe bool
}

// Subject is what a document is checked against. The zero value checks its
// pages alone.
type Subject struct {
	// Pages is how many the original has.
	Pages int
	// Class is the document's; nil for one without.
	Class *Class
	// Among are the classes that the document must be one of; empty for any or none.
	Among []string
	// Earlier tells of the document that had the same business key before, in
	// words; "" if there is none.
	Earlier string
	// Sample is the share of passed documents, 0..1, that go to review anyway.
	Sample float64
}

// Report is all that was found.
type Report []Finding

// Document checks a document.
func Document(d document.Document, s Subject) Report {
	r := pages(d, s.Pages)
	if len(s.Among) > 0 {
		fits := slices.Contains(s.Among, d.Class.Name)
		message := fmt.Sprintf("It is of the class %s.", d.Class.Name)
		if !fits {
			message = fmt.Sprintf("It looks like none of what this folder takes: %s.", join(s.Among))
		}
		r = append(r, finding(KindClass, "", KindClass, fits, message))
	}
	if s.Class != nil {
		r = append(r, s.Class.check(d)...)
		if key := s.Class.Key(d); key != "" || s.Earlier != "" {
			message := "No earlier document has the same " + join(s.Class.config.Unique) + "."
			if s.Earlier != "" {
				message = fmt.Sprintf("An earlier document has the same %s: %s.", join(s.Class.config.Unique), s.Earlier)
			}
			r = append(r, finding(KindUnique, "", KindUnique, s.Earlier == "", message))
		}
	}
	if s.Sample > 0 && !r.failed() && sampled(d.Source, s.Sample) {
		r = append(r, finding(KindSample, "", KindSample, false, fmt.Sprintf(
			"Nothing is wrong with it: it is one of the %s %% of documents that a person looks at to measure how good the reading is.", percent(s.Sample))))
	}
	return r
}

// Validation is the report as it stands in the document.
func (r Report) Validation(warnings []document.Warning) document.Validation {
	v := document.Validation{Verdict: document.VerdictRelease}
	if worthTelling(warnings) {
		v.Verdict = document.VerdictWarnings
	}
	for _, f := range r {
		v.Checks = append(v.Checks, f.Check)
		if !f.Passed && !f.Severe {
			v.Verdict = document.VerdictWarnings
		}
	}
	if r.failed() {
		v.Verdict = document.VerdictReview
	}
	return v
}

// Failed are the findings that lead to review.
func (r Report) Failed() Report {
	return slices.DeleteFunc(slices.Clone(r), func(f Finding) bool { return f.Passed || !f.Severe })
}

func (r Report) failed() bool { return len(r.Failed()) > 0 }

func finding(kind, field, rule string, passed bool, message string) Finding {
	return Finding{Check: document.Check{Rule: rule, Passed: passed, Message: message}, Kind: kind, Field: field, Severe: true}
}

func pages(d document.Document, pages int) (r Report) {
	r = append(r, finding(KindPages, "", "page_count", len(d.Pages) == pages, fmt.Sprintf("%d of %d pages are in the result.", len(d.Pages), pages)))
	failed := 0
	for _, p := range d.Pages {
		if p.Decision == document.DecisionFailed {
			failed++
		}
	}
	r = append(r, finding(KindPages, "", "pages_read", failed == 0, counted(failed, pages, "could not be read", "Every page could be read.")))
	for _, w := range d.Warnings {
		switch w.Code {
		case "class_ambiguous", "xml_differs", "xml_unreadable", "check_digits", "read_by_sum", "label_conflict", "date_order", "total_alone":
			r = append(r, finding(KindDoubt, w.Field, w.Code, false, w.Message))
		}
	}
	damaged := map[int]bool{}
	for _, w := range d.Warnings {
		if w.Code == "fax_damaged" {
			damaged[w.Page] = true
		}
	}
	return append(r, finding(KindPages, "", "pages_whole", len(damaged) == 0,
		counted(len(damaged), pages, "came damaged by fax; parts of them may be missing", "No page came damaged by fax.")))
}

// counted says of how many pages something bad is so, or that all is good.
func counted(bad, pages int, what, good string) string {
	if bad == 0 {
		return good
	}
	return fmt.Sprintf("%d of %d pages %s.", bad, pages, what)
}

// sampled decides by the content alone: the same file is always in the sample
// or never. Parts of one file are decided each on its own, by their pages in it.
func sampled(source document.Source, share float64) bool {
	sum := sha256.Sum256(fmt.Appendf(nil, "intray sample %s %v", source.SHA256, source.ParentPages))
	return float64(binary.BigEndian.Uint64(sum[:8]))/math.MaxUint64 < share
}

// Sampled is true for a document that is in review as a sample only.
func (r Report) Sampled() bool {
	return slices.ContainsFunc(r, func(f Finding) bool { return f.Kind == KindSample && !f.Passed })
}

// worthTelling leaves out the notes that only say how a page was treated.
func worthTelling(warnings []document.Warning) bool {
	for _, w := range warnings {
		switch w.Code {
		case "kept_text", "mixed_page", "blank_page", "rotated", "not_straightened", "resolution_estimated", "not_pdfa", "read_again":
		default:
			return true
		}
	}
	return false
}

// check is the part of the report that the class asks for.
func (c *Class) check(d document.Document) (r Report) {
	r = append(r, c.checkPages(d)...)
	for _, spec := range c.config.Fields {
		r = append(r, checkField(d, spec)...)
	}
	v := valuesOf(d, c.types)
	for _, rule := range c.rules {
		r = append(r, rule.check(v))
	}
	return r
}

func (c *Class) checkPages(d document.Document) (r Report) {
	if least, most := c.config.MinPages, c.config.MaxPages; least > 0 || most > 0 {
		n := len(d.Pages)
		r = append(r, finding(KindPages, "", "class_pages", n >= least && (most == 0 || n <= most),
			fmt.Sprintf("It has %d pages; a document of class %s has %s.", n, c.config.Name, span(least, most))))
	}
	if c.config.MinConfidence > 0 {
		worst, at := 1.0, 0
		for _, p := range d.Pages {
			if p.Decision == document.DecisionOCR && p.WorstConfidence < worst {
				worst, at = p.WorstConfidence, p.Number
			}
		}
		message := fmt.Sprintf("Every line was read with a certainty of %s %% or more.", percent(c.config.MinConfidence))
		if worst < c.config.MinConfidence {
			message = fmt.Sprintf("A line on page %d was read with a certainty of only %s %%; at least %s %% are asked for.", at, percent(worst), percent(c.config.MinConfidence))
		}
		r = append(r, finding(KindThreshold, "", "worst_region", worst >= c.config.MinConfidence, message))
	}
	return r
}

// checkField checks one field: that it is there, is what it should be, and was
// read well enough.
func checkField(d document.Document, spec config.Field) (r Report) {
	at := slices.IndexFunc(d.Fields, func(f document.Field) bool { return f.Name == spec.Name && f.Value != "" })
	if spec.Required {
		message := fmt.Sprintf("%s was found.", spec.Name)
		if at < 0 {
			message = fmt.Sprintf("%s was not found, and it is needed.", spec.Name)
		}
		r = append(r, finding(KindRequired, spec.Name, KindRequired+"."+spec.Name, at >= 0, message))
	}
	if at < 0 {
		return r
	}
	f := d.Fields[at]
	if sentence := wrong(spec.Type, f.Value); sentence != "" {
		r = append(r, finding(KindType, spec.Name, KindType+"."+spec.Name, false, fmt.Sprintf("%s is %q; that is %s.", spec.Name, f.Value, sentence)))
	}
	if sentence := unproven(spec.Format, f.Value); sentence != "" && f.From == document.FromReview {
		r = append(r, finding(KindRule, spec.Name, "check_digits."+spec.Name, false, fmt.Sprintf("%s is %q; %s.", spec.Name, f.Value, sentence)))
	}
	if spec.MinConfidence > 0 {
		message := fmt.Sprintf("%s was read with a certainty of %s %%.", spec.Name, percent(f.Confidence))
		passed := f.Confidence >= spec.MinConfidence
		if !passed {
			message = fmt.Sprintf("%s was read with a certainty of only %s %%; at least %s %% are asked for.", spec.Name, percent(f.Confidence), percent(spec.MinConfidence))
		}
		r = append(r, finding(KindThreshold, spec.Name, KindThreshold+"."+spec.Name, passed, message))
	}
	return r
}

func span(least, most int) string {
	switch {
	case most == 0:
		return fmt.Sprintf("%d or more", least)
	case least == most:
		return fmt.Sprint(most)
	case least == 0:
		return fmt.Sprintf("%d at most", most)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// percent is a share as people write it: rounded down, so that what misses a
// threshold does not look as if it met it.
func percent(share float64) string {
	return fmt.Sprintf("%g", math.Floor(share*1000+1e-9)/10)
}

func join(names []string) string {
	out := ""
	for i, n := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			out += " and "
		default:
			out += ", "
		}
		out += n
	}
	return out
}
