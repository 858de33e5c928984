package pipeline

import (
	"fmt"
	"strings"
	"time"

	"intray/daemon/document"
	"intray/daemon/extract"
	"intray/daemon/review"
	"intray/daemon/validate"
	"intray/engines"
	"intray/ledger"
)

// judge checks the document. Its business key is claimed in the ledger first:
// of two documents with the same one, only the first can pass.
func (a *attempt) judge(doc document.Document, sample float64) (validate.Report, error) {
	s := validate.Subject{Pages: doc.Source.Pages, Class: a.Classes[doc.Class.Name], Sample: sample}
	if a.Extractor != nil && a.folder.Class == extract.Auto {
		s.Among = a.folder.Classes
	}
	key := ""
	if s.Class != nil {
		key = s.Class.Key(doc)
	}
	if key != "" || a.doc.BusinessKey != "" {
		holder, err := a.Ledger.ClaimKey(a.doc.ID, key)
		if err != nil {
			return nil, fmt.Errorf("claim business key: %w", err)
		}
		if holder.ID != a.doc.ID {
			s.Earlier = fmt.Sprintf("%s, received %s (%s)", nameOf(holder), holder.ReceivedAt.Local().Format(time.DateOnly), holder.ID)
		}
	}
	return validate.Document(doc, s), nil
}

func nameOf(doc ledger.Document) string {
	if doc.Name == "" {
		return "one that was purged since"
	}
	return fmt.Sprintf("%q", doc.Name)
}

// doubtOf is why a document goes to review, for the ledger.
func doubtOf(r validate.Report) *engines.Error {
	var sentences []string
	for _, f := range r.Failed() {
		sentences = append(sentences, f.Message)
	}
	code := "validation"
	if r.Sampled() {
		code = "sample"
	}
	return &engines.Error{Kind: engines.Review, Code: code, Sentence: strings.Join(append(sentences, "Please look at it."), " ")}
}

// confirmable is true for findings that a person may overrule by saying so.
func confirmable(f validate.Finding) bool {
	switch f.Kind {
	case validate.KindRule, validate.KindRequired, validate.KindUnique, validate.KindClass:
		return true
	}
	return false
}

// approved is the report once a person has looked: what was read with doubt is
// confirmed by that, missing pages are told of, and what does not hold needs to
// be corrected or confirmed in so many words.
func approved(r validate.Report, confirm bool) (out validate.Report, objections []review.Objection, mayConfirm bool) {
	const seen = " A person confirmed it."
	for _, f := range r {
		switch {
		case f.Passed || !f.Severe:
		case f.Kind == validate.KindThreshold, f.Kind == validate.KindDoubt:
			f.Passed, f.Message = true, f.Message+seen
		case f.Kind == validate.KindPages:
			f.Severe, f.Message = false, f.Message+seen
		case confirmable(f) && confirm:
			f.Severe, f.Message = false, f.Message+seen
		default:
			sentence := f.Message
			if confirmable(f) {
				mayConfirm = true
				sentence += " Correct it, or write yes behind \"confirm =\" below if the document is right as it is."
			}
			objections = append(objections, review.Objection{Field: f.Field, Sentence: sentence})
		}
		out = append(out, f)
	}
	return out, objections, mayConfirm
}
