package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"intray/daemon/document"
	"intray/daemon/durable"
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

// codeDoubted is the code of what did not pass its checks. Their sentences quote what
// was read.
const codeDoubted = "validation"

// doubtOf is why a document goes to review, for the ledger.
func doubtOf(r validate.Report) *engines.Error {
	var sentences []string
	for _, f := range r.Failed() {
		sentences = append(sentences, f.Message)
	}
	code := codeDoubted
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
// be corrected or confirmed in so many words. Nobody can confirm what nobody was
// told: that is objected to first.
func approved(r validate.Report, confirm bool, told told) (out validate.Report, objections []review.Objection, mayConfirm bool) {
	const seen = " A person confirmed it."
	for _, f := range r {
		switch {
		case f.Passed || !f.Severe:
		case f.Kind == validate.KindThreshold, f.Kind == validate.KindDoubt:
			f.Passed, f.Message = true, f.Message+seen
		case f.Kind == validate.KindPages:
			f.Severe, f.Message = false, f.Message+seen
		case confirmable(f) && confirm && told.of(f):
			f.Severe, f.Message = false, f.Message+seen
		default:
			sentence := f.Message
			if confirmable(f) {
				mayConfirm = true
				sentence += " Correct it, or write yes behind \"confirm =\" below if the document is right as it is."
				if confirm {
					sentence += " It came up only now: the yes that stands there counts when you approve once more."
				}
			}
			objections = append(objections, review.Objection{Field: f.Field, Sentence: sentence})
		}
		out = append(out, f)
	}
	return out, objections, mayConfirm
}

// told are the checks whose failing a person was told of. A check's message
// names the values it is about: with others it is another check.
type told []document.Check

func (t told) of(f validate.Finding) bool { return slices.Contains(t, f.Check) }

// toldFile keeps beside a document in review what was objected to last.
const toldFile = "objected.json"

// lastTold is the content of toldFile. Texts are the SHA-256 of the fields.txt
// that was objected to: while that is still the one in hand, the objections may
// not have reached anybody.
type lastTold struct {
	Texts  []string `json:"texts"`
	Checks told     `json:"checks"`
}

// told is what the bundle said when it was delivered and, if texts have gone
// back with it, what was objected to last.
func (a *attempt) told(before document.Document, texts []string) (told, error) {
	out := told(slices.DeleteFunc(slices.Clone(before.Validation.Checks), func(c document.Check) bool { return c.Passed }))
	data, err := os.ReadFile(filepath.Join(a.dir, toldFile))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	var last lastTold
	if err == nil {
		err = json.Unmarshal(data, &last)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was objected to: %w", err)
	}
	if slices.ContainsFunc(texts, func(sum string) bool { return slices.Contains(last.Texts, sum) }) {
		return out, nil
	}
	return append(out, last.Checks...), nil
}

// remember keeps what a person is told now, unless that is nothing new.
func (a *attempt) remember(r validate.Report, known told, texts []string) error {
	last := lastTold{Texts: texts}
	unknown := false
	for _, f := range r.Failed() {
		last.Checks = append(last.Checks, f.Check)
		unknown = unknown || !known.of(f)
	}
	if !unknown {
		return nil
	}
	data, err := json.Marshal(last)
	if err != nil {
		return fmt.Errorf("encode what is objected to: %w", err)
	}
	return durable.WriteFile(filepath.Join(a.dir, toldFile), data, 0o600)
}
