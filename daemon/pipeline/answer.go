package pipeline

import (
	"context"
	"fmt"
	"path"
	"slices"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/extract"
	"intray/daemon/normalize"
	"intray/daemon/pages"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// resultsFolder is the folder of raw answers in data_dir.
const resultsFolder = "results"

// unsaid is the confidence of a field of which a provider does not say how sure it is.
const unsaid = 0.9

// fromProvider gets what the attempt's cloud engine says of the document; done is
// true when the attempt ends with that.
func (a *attempt) fromProvider(ctx context.Context, info pages.Info) (next ledger.Document, done bool, err error) {
	s := a.service
	switch {
	case !sent(a.doc, s.Name):
		next, err = a.Ledger.Apply(a.doc.ID, ledger.HandOn(a.id, s.Name, fmt.Sprintf("%d pages go to %s", info.Pages, s.Name)).WithPages(info.Pages))
		return next, true, err
	case !a.doc.AnsweredBy(s.Name) && a.doc.Submission.Unknown:
		next, err = a.unread(ctx, lost(s))
		return next, true, err
	}
	if err := a.fetch(ctx); err != nil {
		next, err = a.notFetched(ctx, err)
		return next, true, err
	}
	if !a.doc.AnsweredBy(s.Name) {
		next, err = a.nextSubmission()
		return next, true, err
	}
	a.raw = a.rawOf(a.doc.AnswersOf(s.Name), info.Pages)
	q := worker.AnswerRequest{Engine: a.engine, Raw: a.raw}
	if err := a.call(ctx, worker.Answer, a.Config.PageTimeout.Std(), q, &a.answer); err != nil {
		e := asError(err)
		// The same answer will make no more sense the next time.
		if ctx.Err() == nil && (e.Kind != engines.Retryable || e.Code == engines.CodeService || a.doc.Attempts >= flagAfter && pagesFault(e)) {
			next, err = a.unread(ctx, e)
		} else {
			next, err = a.failed(ctx, "normalize", e)
		}
		return next, true, err
	}
	if why := a.answer.Incomplete; why != "" {
		a.distrust = &engines.Error{Kind: engines.Review, Code: engines.CodePagesMissing, Sentence: s.Name + ": " + why}
	}
	return a.doc, false, nil
}

// rawOf are the files of kept answers, each with how many pages it must have.
func (a *attempt) rawOf(kept []ledger.Answer, all int) (out []worker.RawAnswer) {
	for _, k := range kept {
		r := worker.RawAnswer{Path: a.Results.Path(a.doc.ID, k.File), Pages: all}
		if n := k.Range.Pages(); n > 0 {
			r.Pages = n
		}
		out = append(out, r)
	}
	return out
}

// hollow is true for an answer that has all pages and nothing on them, though one at
// least is not blank.
func (a *attempt) hollow(doc document.Document) bool {
	if r := a.answer.Result; len(r.Fields)+len(r.Tables) > 0 {
		return false
	}
	inked, empty := 0, 0
	for _, p := range doc.Pages {
		if p.Decision != document.DecisionBlank {
			inked++
		}
	}
	for _, w := range doc.Warnings {
		if w.Code == normalize.WarnNoText {
			empty++
		}
	}
	return inked > 0 && inked == empty
}

// unread brings a document before a person of which nothing was read, with the
// reason.
func (a *attempt) unread(ctx context.Context, e *engines.Error) (ledger.Document, error) {
	var info pages.Info
	if err := a.call(ctx, worker.Inspect, a.Config.PageTimeout.Std(), a.source(), &info); err != nil {
		return a.failed(ctx, "open", asError(err))
	}
	readings := make([]reading, info.Pages)
	for i := range readings {
		readings[i].err = e
	}
	return a.doubt(ctx, a.document(info, readings), e, false)
}

// doubted marks a document that a person must see whatever its rules say.
func doubted(doc *document.Document, e *engines.Error) {
	doc.Validation.Verdict = document.VerdictReview
	doc.Validation.Checks = append(doc.Validation.Checks, document.Check{Rule: e.Code, Message: e.Sentence})
}

// classOf is the class that the provider names, where the folder leaves it open.
func (a *attempt) classOf(asked string, among []string) string {
	name := a.answer.Result.Class
	known := slices.ContainsFunc(a.Config.Classes, func(c config.Class) bool { return c.Name == name })
	if asked != extract.Auto || !known || len(among) > 0 && !slices.Contains(among, name) {
		return asked
	}
	return name
}

// adopt puts what the provider found into the document, before what was found on
// the pages here, and behind both what an earlier engine had found.
func (a *attempt) adopt(doc *document.Document) error {
	r := a.answer.Result
	doc.Engine.Model = r.Model
	a.sources(doc)
	if len(r.Languages) > 0 {
		doc.Languages = r.Languages
	}
	for _, w := range r.Warnings {
		doc.Warnings = append(doc.Warnings, document.Warning{Code: w.Code, Message: w.Sentence, Page: min(max(w.Page, 0), len(doc.Pages))})
	}
	if a.Extractor != nil && a.folder.Class == extract.None {
		return nil
	}
	if doc.Class.Name == r.Class && r.Class != "" && r.ClassConfidence > 0 {
		doc.Class.Confidence = min(r.ClassConfidence, 1)
	}
	var fields []document.Field
	for _, f := range r.Fields {
		fields = append(fields, a.field(f))
	}
	doc.Fields = withMissing(fields, doc.Fields)
	// Doubts about what was found on the pages here say nothing of the provider's.
	doc.Warnings = slices.DeleteFunc(doc.Warnings, func(w document.Warning) bool {
		return slices.ContainsFunc(fields, func(f document.Field) bool { return f.Value != "" && f.Name == w.Field })
	})
	earlier, err := a.earlier()
	if err != nil {
		return err
	}
	doc.Fields = withMissing(doc.Fields, earlier)
	if len(r.Tables) > 0 {
		doc.Tables = nil
		for _, t := range r.Tables {
			doc.Tables = append(doc.Tables, a.table(t))
		}
	}
	return nil
}

// sources says which answers the document is made of, and of one that was sent in
// parts what that may have done to it.
func (a *attempt) sources(doc *document.Document) {
	kept := a.doc.AnswersOf(a.service.Name)
	for i, k := range kept {
		raw := ""
		if !a.Impatient { // a command keeps nothing but its results
			raw = path.Join(resultsFolder, a.doc.ID, k.File)
		}
		if i == 0 {
			doc.Engine.ProviderJobID, doc.Files.Raw = k.Job, raw
		}
		if len(kept) > 1 {
			doc.Engine.Parts = append(doc.Engine.Parts, document.EnginePart{Pages: [2]int{k.Range.First, k.Range.Last}, ProviderJobID: k.Job, Raw: raw})
		}
	}
	if len(kept) < 2 {
		return
	}
	tell := document.Warning{Code: "split_for_provider", Message: fmt.Sprintf(
		"The document was sent to %s in %d parts, since it is too long for one. Each was read on its own: of a field that several have, the first is taken, and what runs from one part into the next may be torn.",
		a.service.Name, len(kept))}
	doc.Warnings = append(doc.Warnings, tell)
}

// withMissing adds the fields of which there is no value yet.
func withMissing(have, more []document.Field) []document.Field {
	out := slices.Clone(have)
	for _, f := range more {
		same := func(o document.Field) bool { return o.Name == f.Name }
		if i := slices.IndexFunc(out, same); i < 0 {
			out = append(out, f)
		} else if out[i].Value == "" {
			out[i] = f
		}
	}
	return out
}

func (a *attempt) field(f engines.Field) document.Field {
	out := document.Field{Name: f.Name, Value: f.Value, Raw: f.Raw, Type: f.Type, Confidence: min(max(f.Confidence, 0), 1), From: a.service.Name}
	if !slices.Contains([]string{"text", "amount", "date", "currency", "code"}, f.Type) {
		out.Type = "text"
	}
	if !f.HasConfidence {
		out.Confidence = unsaid
	}
	if out.Value == "" && out.Type == "text" {
		out.Value = f.Raw
	}
	out.Page, out.Box = a.lies(f.Page, f.Box)
	return out
}

func (a *attempt) table(t engines.Table) document.Table {
	out := document.Table{Name: t.Name, Columns: t.Columns, Rows: [][]document.Cell{}}
	if out.Columns == nil {
		out.Columns = []string{}
	}
	out.Page, out.Box = a.lies(t.Page, t.Box)
	for _, row := range t.Rows {
		cells := []document.Cell{}
		for _, c := range row {
			cell := document.Cell{Text: c.Text, Confidence: min(max(c.Confidence, 0), 1), RowSpan: max(c.RowSpan, 1), ColSpan: max(c.ColSpan, 1)}
			_, cell.Box = a.lies(t.Page, c.Box)
			cells = append(cells, cell)
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// lies maps a box of the provider's page to points of ours, as it is delivered.
// One on no page of ours, or without a size, lies nowhere.
func (a *attempt) lies(page int, b engines.Box) (int, document.Box) {
	if page < 1 {
		return 0, document.Box{}
	}
	if a.places == nil {
		a.places = map[int]document.Matrix{}
	}
	place, known := a.places[page]
	if !known {
		kept, err := a.pageFile(page)
		if err != nil {
			return 0, document.Box{}
		}
		place = kept.Place
		if p := kept.Layer.Page; p.Skew != 0 {
			place = place.Then(document.Straighten(p.Width, p.Height, p.Skew))
		}
		a.places[page] = place
	}
	if b.X1 <= b.X0 || b.Y1 <= b.Y0 {
		return page, document.Box{}
	}
	return page, rounded(place.Box(document.Box{b.X0, b.Y0, b.X1, b.Y1}))
}
