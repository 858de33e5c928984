package pipeline

import (
	"fmt"
	"strings"

	"intray/daemon/document"
	"intray/daemon/review"
	"intray/ledger"
)

// Groups of what is counted for the quality metrics, and what happens to their
// names. Fields are named CLASS/FIELD, confidences by tenths.
const (
	GroupClass      = "class"
	GroupSeller     = "seller"
	GroupLanguage   = "language"
	GroupField      = "field"
	GroupConfidence = "confidence"

	DidRead     = "read"
	DidReview   = "review" // not as a sample
	DidSample   = "sample"
	DidApprove  = "approved" // without a change
	DidCorrect  = "corrected"
	DidReject   = "rejected"
	DidAgain    = "again"
	SampleRight = "sample_right"
	SampleWrong = "sample_wrong"

	FieldExpected = "expected"
	FieldFound    = "found"
	FieldReviewed = "reviewed"
)

// NoName stands for a document without class or seller.
const NoName = "(none)"

// about are the names under which a document is counted.
func about(doc document.Document) []ledger.Tally {
	class, seller := doc.Class.Name, ""
	for _, name := range []string{"seller_name", "merchant_name", "bank_name"} {
		if seller == "" {
			seller = strings.Join(strings.Fields(doc.Value(name)), " ")
		}
	}
	out := []ledger.Tally{{Group: GroupClass, Name: class}, {Group: GroupSeller, Name: seller}, {Group: GroupLanguage, Name: strings.Join(doc.Languages, "+")}}
	for i := range out {
		if out[i].Name == "" {
			out[i].Name = NoName
		}
	}
	return out
}

func counted(doc document.Document, what string) []ledger.Tally {
	out := about(doc)
	for i := range out {
		out[i].What = what
	}
	return out
}

func fieldTally(doc document.Document, name, what string) ledger.Tally {
	class := doc.Class.Name
	if class == "" {
		class = NoName
	}
	return ledger.Tally{Group: GroupField, Name: class + "/" + name, What: what}
}

func confidenceTally(f document.Field, what string) ledger.Tally {
	tenth := min(max(int(f.Confidence*10), 0), 9)
	return ledger.Tally{Group: GroupConfidence, Name: fmt.Sprintf("0.%d", tenth), What: what}
}

// tallies are what is counted of a document that was read.
func (a *attempt) tallies(doc document.Document) []ledger.Tally {
	out := counted(doc, DidRead)
	if doc.State == string(ledger.NeedsHumanReview) {
		what := DidReview
		if a.report.Sampled() {
			what = DidSample
		}
		out = append(out, counted(doc, what)...)
	}
	known := map[string]bool{}
	for _, s := range a.specs(doc.Class.Name) {
		out = append(out, fieldTally(doc, s.Name, FieldExpected))
		known[s.Name] = true
	}
	for _, f := range doc.Fields {
		if known[f.Name] && f.Value != "" {
			out = append(out, fieldTally(doc, f.Name, FieldFound), confidenceTally(f, FieldFound))
		}
	}
	return out
}

// approvalTallies are what an approval says about the reading.
func approvalTallies(before, after document.Document) (out []ledger.Tally) {
	was, now := map[string]document.Field{}, map[string]string{}
	for _, f := range after.Fields {
		now[f.Name] = f.Value
	}
	changed := false
	for _, f := range before.Fields {
		was[f.Name] = f
		out = append(out, fieldTally(before, f.Name, FieldReviewed), confidenceTally(f, FieldReviewed))
		if now[f.Name] != f.Value {
			changed = true
			out = append(out, fieldTally(before, f.Name, DidCorrect), confidenceTally(f, DidCorrect))
		}
	}
	for _, f := range after.Fields {
		if _, there := was[f.Name]; !there {
			changed = true
			out = append(out, fieldTally(before, f.Name, FieldReviewed), fieldTally(before, f.Name, DidCorrect))
		}
	}
	what, sample := DidApprove, SampleRight
	if changed {
		what, sample = DidCorrect, SampleWrong
	}
	return append(out, verdictTallies(before, what, sample)...)
}

func verdictTallies(doc document.Document, what, sample string) []ledger.Tally {
	for _, c := range doc.Validation.Checks {
		if c.Rule == "sample" && !c.Passed { // it passed: only as a sample it says something
			return counted(doc, sample)
		}
	}
	return counted(doc, what)
}

// decisionTallies are what another decision says about it.
func (p *Pipeline) decisionTallies(id, verb string) []ledger.Tally {
	doc, err := p.readAs(id)
	if err != nil {
		return nil // nothing is known of it any more
	}
	if verb == review.Reject {
		return verdictTallies(doc, DidReject, SampleWrong)
	}
	return counted(doc, DidAgain)
}
