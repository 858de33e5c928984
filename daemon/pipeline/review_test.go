package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/document/documenttest"
	"intray/daemon/pages"
	"intray/daemon/review"
	"intray/daemon/validate"
	"intray/engines"
	"intray/ledger"
)

// bills is a class with a rule and a business key.
func bills(t *testing.T) config.Class {
	t.Helper()
	return config.Class{Name: "bill", Unique: []string{"invoice_number"}, Fields: []config.Field{
		{Name: "invoice_number", Type: "code", Required: true}, {Name: "net_total", Type: "amount"}, {Name: "tax_total", Type: "amount"},
		{Name: "amount_due", Type: "amount", MinConfidence: 0.8}},
		Rules: []config.Rule{{Check: "amount_due == net_total + tax_total", Message: "The totals do not add up", Severity: "review"}}}
}

// inReview has the tray's document in review as a bill with these fields, as if
// they had been found.
func (tr *tray) inReview(t *testing.T, fields ...document.Field) ledger.Document {
	t.Helper()
	tr.Config.Folders[0].Sample = 1
	class := bills(t)
	tr.Config.Classes = []config.Class{class}
	compiled, err := validate.Compile(class)
	if err != nil {
		t.Fatal(err)
	}
	tr.Classes = map[string]*validate.Class{"bill": compiled}
	doc := tr.drain(t)
	if doc.State != ledger.NeedsHumanReview {
		t.Fatalf("%+v", doc)
	}
	path := filepath.Join(tr.waitingDir(doc.ID), documentFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	d.Class, d.Fields = document.Class{Name: "bill", Confidence: 1}, fields
	checks := validate.Document(d, validate.Subject{Pages: d.Source.Pages, Class: compiled}).Validation(d.Warnings).Checks
	d.Validation.Checks = append(d.Validation.Checks, checks...)
	if data, err = document.Encode(d); err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func field(name, kind, value string) document.Field {
	return document.Field{Name: name, Type: kind, Value: value, Raw: value, Confidence: 0.9, Page: 1, Box: document.Box{1, 1, 9, 9}, From: "text"}
}

func approval(doc ledger.Document, text string) review.Order {
	parsed := review.ParseFields([]byte(text))
	return review.Order{DocumentID: doc.ID, Verb: review.Approve, By: "anna", Edits: parsed.Edits, Confirm: parsed.Confirm, Bundles: []string{doc.Outputs[0]}}
}

// TestDoubtsOfFields: where several fields fail the same check, each has its own
// sentence beside it.
func TestDoubtsOfFields(t *testing.T) {
	doc := document.Document{Warnings: []document.Warning{{Code: "check_digits", Field: "iban", Message: "The IBAN does not hold."},
		{Code: "check_digits", Field: "seller_vat_id", Message: "The VAT number does not hold."}}}
	a := &attempt{Pipeline: &Pipeline{Config: &config.Config{}}, report: validate.Document(doc, validate.Subject{})}
	doc.Validation = a.report.Validation(doc.Warnings)
	if s := a.sheet(doc); len(s.Doubts) != 2 || s.Doubts[0] != (review.Doubt{Field: "iban", Sentence: "The IBAN does not hold."}) || s.Doubts[1].Field != "seller_vat_id" {
		t.Errorf("%+v", s.Doubts)
	}
}

// TestTypedAccount: an IBAN that a person typed is proven like any other, in
// whatever groups, and a doubt about the value that it replaced is gone.
func TestTypedAccount(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.inReview(t, field("invoice_number", "code", "7"), field("iban", "code", "DE88370400440532013000"))
	tr.Config.Classes[0].Fields = append(tr.Config.Classes[0].Fields, config.Field{Name: "iban", Type: "code", Format: "iban"})
	compiled, err := validate.Compile(tr.Config.Classes[0])
	if err != nil {
		t.Fatal(err)
	}
	tr.Classes["bill"] = compiled
	read, err := tr.readAs(doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	a := &attempt{Pipeline: tr.Pipeline, dir: tr.waitingDir(doc.ID)}
	read.Warnings = append(read.Warnings, document.Warning{Code: "check_digits", Field: "iban", Message: "It does not hold."})
	data, err := document.Encode(read)
	if err := errors.Join(err, a.keepAbout(read.Warnings), os.WriteFile(filepath.Join(a.dir, documentFile), data, 0o600)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"iban = DE87 3704 0044 0532 0130 00": "the check digits of this IBAN do not hold", "iban = none": "that is no IBAN"} {
		outcome, err := tr.Decide(t.Context(), approval(doc, text))
		if err != nil || len(outcome.Objections) != 1 || outcome.Objections[0].Field != "iban" || !strings.Contains(outcome.Objections[0].Sentence, want) || !outcome.MayConfirm {
			t.Errorf("%s: %+v, %v", text, outcome, err)
		}
	}
	if outcome, err := tr.Decide(t.Context(), approval(doc, "iban = de89 3704 0044 0532 0130 00")); err != nil || len(outcome.Objections) > 0 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	data, err = os.ReadFile(filepath.Join(tr.dir, "out", "a", "scan.json"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Decode(data)
	if err != nil || d.Value("iban") != "DE89370400440532013000" || strings.Contains(string(data), "does not hold") || strings.Contains(string(data), "check_digits") {
		t.Errorf("%s, %v", data, err)
	}
}

// TestCorrections: what does not hold comes back, what is corrected is checked
// again and delivered as a new version that says who changed what.
func TestCorrections(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.inReview(t, field("net_total", "amount", "10.00"), field("tax_total", "amount", "1.90"), field("amount_due", "amount", "12.90"))
	for text, want := range map[string]string{
		"invoice_number = 7":                     "The totals do not add up: amount_due is 12.90",
		"invoice_number = 7\namount_due = a lot": "This is no amount",
		"amount_due = 11,90":                     "invoice_number was not found",
	} {
		outcome, err := tr.Decide(t.Context(), approval(doc, text))
		if err != nil || len(outcome.Objections) != 1 || !strings.Contains(outcome.Objections[0].Sentence, want) {
			t.Errorf("%q: %+v, %v", text, outcome, err)
		}
	}
	outcome, err := tr.Decide(t.Context(), approval(doc, "invoice_number = 7\namount_due = 11,90"))
	if err != nil || outcome.Document.State != ledger.Completed || outcome.Document.Decision != nil {
		t.Fatalf("%+v, %v", outcome, err)
	}
	data, err := os.ReadFile(filepath.Join(tr.dir, "out", "a", "scan.json"))
	if err := errors.Join(err, documenttest.Validate(data)); err != nil {
		t.Fatal(err)
	}
	d, err := document.Decode(data)
	if err != nil || d.Version != 2 || d.State != "completed" || d.Validation.Verdict != document.VerdictRelease {
		t.Errorf("%+v, %v", d, err)
	}
	last := d.History[len(d.History)-1]
	if last.By != "anna" || last.Version != 2 || strings.Join(last.Changes, "; ") != "invoice_number: (none) -> 7; amount_due: 12.90 -> 11.90; approved" {
		t.Errorf("%+v", last)
	}
	for _, f := range d.Fields {
		if f.Name == "amount_due" && (f.Value != "11.90" || f.Confidence != 1 || f.From != "review" || f.Raw != "11,90") {
			t.Errorf("%+v", f)
		}
	}
	if _, err := os.Stat(doc.Outputs[0]); !os.IsNotExist(err) {
		t.Errorf("the bundle is still there: %v", err)
	}
	if _, err := tr.Decide(t.Context(), approval(doc, "")); !errors.Is(err, review.ErrDecided) {
		t.Errorf("decided twice: %v", err)
	}
	counts, err := tr.Ledger.Tallies()
	for tally, want := range map[ledger.Tally]int{
		{Group: GroupField, Name: "bill/amount_due", What: DidCorrect}: 1, {Group: GroupField, Name: "bill/net_total", What: DidCorrect}: 0,
		{Group: GroupField, Name: "bill/net_total", What: FieldReviewed}: 1, {Group: GroupField, Name: "bill/invoice_number", What: DidCorrect}: 1,
		{Group: GroupClass, Name: "bill", What: SampleWrong}: 1, {Group: GroupClass, Name: NoName, What: DidSample}: 1,
		{Group: GroupConfidence, Name: "0.9", What: DidCorrect}: 1,
	} {
		if counts[tally] != want {
			t.Errorf("%+v is %d: %v, %v", tally, counts[tally], counts, err)
		}
	}
}

// TestConfirmed: what does not hold is released when a person says so, with a
// warning.
func TestConfirmed(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.inReview(t, field("net_total", "amount", "10.00"), field("tax_total", "amount", "1.90"), field("amount_due", "amount", "12.90"))
	outcome, err := tr.Decide(t.Context(), approval(doc, "confirm: yes"))
	if err != nil || outcome.Document.State != ledger.CompletedWithWarnings {
		t.Fatalf("%+v, %v", outcome, err)
	}
	data, err := os.ReadFile(filepath.Join(tr.dir, "out", "a", "scan.json"))
	if err != nil || !strings.Contains(string(data), "A person confirmed it.") {
		t.Errorf("%v\n%s", err, data)
	}
}

// TestConfirmedUnseen: a yes does not count for what comes up only with the
// correction, until the person was told.
func TestConfirmedUnseen(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.inReview(t, field("invoice_number", "code", "7"), field("net_total", "amount", "10.00"), field("tax_total", "amount", "1.90"), field("amount_due", "amount", "11.90"))
	order := approval(doc, "amount_due = 119\nconfirm = yes")
	for _, round := range []struct {
		text string // the SHA-256 of fields.txt, as far as this is concerned
		told bool
	}{{"as typed", false}, {"as typed", false}, {"as given back", true}} {
		order.Texts = []string{round.text}
		outcome, err := tr.Decide(t.Context(), order)
		if err != nil || round.told != (len(outcome.Objections) == 0) || !round.told && !strings.Contains(outcome.Objections[0].Sentence, "amount_due is 119") {
			t.Fatalf("%+v: %+v, %v", round, outcome, err)
		}
	}
}

// TestBusinessKey: a number seen before is told with the earlier document, also
// when that was purged; a rejected document frees it.
func TestBusinessKey(t *testing.T) {
	tr := newTray(t, &workers{})
	number := field("invoice_number", "code", "RE 7")
	first := tr.inReview(t, number)
	if outcome, err := tr.Decide(t.Context(), approval(first, "")); err != nil || outcome.Document.State != ledger.Completed {
		t.Fatalf("%+v, %v", outcome, err)
	}
	next := func(content string) ledger.Document {
		t.Helper()
		blob, err := tr.Originals.Put(t.Context(), strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := tr.Ledger.Receive(ledger.Arrival{Folder: "desk", Path: content + ".pdf", Name: content + ".pdf", SHA256: blob.SHA256, Size: blob.Size, MIME: pages.MIMEPDF})
		if err != nil {
			t.Fatal(err)
		}
		tr.id = doc.ID
		return tr.inReview(t, field("invoice_number", "code", "re-7"))
	}
	second := next("second")
	outcome, err := tr.Decide(t.Context(), approval(second, ""))
	if err != nil || len(outcome.Objections) != 1 || !strings.Contains(outcome.Objections[0].Sentence, first.ID) || !outcome.MayConfirm {
		t.Errorf("%+v, %v", outcome, err)
	}
	if _, err := tr.Ledger.Apply(first.ID, ledger.Purge("test", "over")); err != nil {
		t.Fatal(err)
	}
	if outcome, err = tr.Decide(t.Context(), approval(second, "")); err != nil || len(outcome.Objections) != 1 || !strings.Contains(outcome.Objections[0].Sentence, "purged") {
		t.Errorf("%+v, %v", outcome, err)
	}
	if outcome, err = tr.Decide(t.Context(), approval(second, "invoice_number = 8")); err != nil || outcome.Document.State != ledger.Completed {
		t.Errorf("with another number: %+v, %v", outcome, err)
	}
	third := next("third") // number 7 is still the first one's
	reject := review.Order{DocumentID: third.ID, Verb: review.Reject, By: "anna", Reason: "twice", Bundles: third.Outputs}
	if outcome, err = tr.Decide(t.Context(), reject); err != nil || outcome.Document.State != ledger.Rejected || outcome.Document.Reason != "twice" {
		t.Errorf("%+v, %v", outcome, err)
	}
}

// TestDecisionOutlivesItsShare: a delivery that cannot be made now is made later,
// without the person.
func TestDecisionOutlivesItsShare(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.inReview(t, field("invoice_number", "code", "1"))
	out := tr.Config.Folders[0].Output
	if err := os.WriteFile(out, nil, 0o600); err != nil { // no folder can be made there
		t.Fatal(err)
	}
	if _, err := tr.Decide(t.Context(), approval(doc, "")); err == nil {
		t.Fatal("delivered into a file")
	}
	if now, err := tr.Ledger.Get(doc.ID); err != nil || now.State != ledger.NeedsHumanReview {
		t.Fatalf("%+v, %v", now, err)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	if outcome, err := tr.Decide(t.Context(), approval(doc, "")); err != nil || outcome.Document.State != ledger.Completed {
		t.Errorf("%+v, %v", outcome, err)
	}
	tr.Resume(context.Background())
	if left, err := tr.Ledger.Deciding(); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}

// TestBundleOfAClerk has all four files, and a PDF that did not pass the publish
// gate is neither in it nor approved: the original stands in.
func TestBundleOfAClerk(t *testing.T) {
	gate := &engines.Error{Kind: engines.Review, Code: "page_lost_ink", Sentence: "Page 1 of the searchable PDF lacks something."}
	tr := newTray(t, &workers{assemble: func() error { return gate }})
	doc := tr.drain(t)
	entries, err := os.ReadDir(doc.Outputs[0])
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "fields.txt review.html scan.json scan.pdf" {
		t.Errorf("the bundle has %s", got)
	}
	page, err := os.ReadFile(filepath.Join(doc.Outputs[0], review.PageFile))
	if err != nil || !strings.Contains(string(page), gate.Sentence) || strings.Contains(string(page), "<script") {
		t.Errorf("%v\n%s", err, page)
	}
	var head struct{ Files document.Files }
	data, err := os.ReadFile(filepath.Join(doc.Outputs[0], "scan.json"))
	if err := errors.Join(err, json.Unmarshal(data, &head)); err != nil || head.Files.Text != "" {
		t.Errorf("%+v, %v", head, err)
	}
	if _, err := tr.Decide(t.Context(), approval(doc, "")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(tr.dir, "out", "a", "scan.pdf")); err != nil || string(got) != "%PDF original" {
		t.Errorf("delivered %q, %v", got, err)
	}
}

// TestWaitingIsKept while the ledger cannot tell that it is over, and lists the
// bundle as it was before people could change it.
func TestWaitingIsKept(t *testing.T) {
	tr := newTray(t, &workers{})
	doc := tr.inReview(t)
	if m, err := tr.Manifest(doc.ID); err != nil || len(m.Sums) < 4 || m.Sums[review.FieldsFile] == "" {
		t.Errorf("%+v, %v", m, err)
	}
	gone := tr.waitingDir(ledger.NewID())
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := tr.sweepWaiting(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("kept of a document that is not known: %v", err)
	}
	if err := tr.Ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tr.sweepWaiting(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(tr.waitingDir(doc.ID), documentFile)); err != nil {
		t.Error(err)
	}
}

// TestPartInReview: what a clerk approves or rejects of a file that was taken
// apart is the part, not the whole file.
func TestPartInReview(t *testing.T) {
	for _, verb := range []string{review.Approve, review.Reject} {
		tr := newTray(t, &workers{})
		doc := tr.inReview(t, field("invoice_number", "code", "R-7"))
		const part = "the part alone"
		if err := os.WriteFile(filepath.Join(tr.waitingDir(doc.ID), partFile), []byte(part), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(tr.waitingDir(doc.ID), "out.pdf")); err != nil { // as if the publish gate had held it
			t.Fatal(err)
		}
		doc.Pieces, doc.Name = []ledger.Piece{{DocumentID: "parent", SHA256: doc.SHA256, Pages: []int{1}}}, "batch-1.pdf"
		a := &attempt{Pipeline: tr.Pipeline, doc: doc, id: doc.AttemptID, folder: tr.Config.Folders[0], dir: tr.waitingDir(doc.ID)}
		order := review.Order{DocumentID: doc.ID, Verb: verb, By: "anna"}
		var next ledger.Document
		var err error
		if verb == review.Reject {
			next, err = a.refuse(t.Context(), "not ours", tr.decision(doc, order))
		} else {
			var outcome review.Outcome
			outcome, err = a.approve(t.Context(), order, tr.decision(doc, order))
			next = outcome.Document
		}
		if err != nil || len(next.Outputs) == 0 {
			t.Fatalf("%s: %+v, %v", verb, next, err)
		}
		path := next.Outputs[0]
		if verb == review.Reject {
			path = filepath.Join(path, "batch-1.pdf")
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != part {
			t.Errorf("%s delivered %q as %s, %v", verb, got, path, err)
		}
	}
}
