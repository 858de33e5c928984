package pipeline

import (
	"context"
	"fmt"
	"path"
	"slices"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/extract"
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
	_, answered := a.doc.AnswerOf(s.Name)
	switch {
	case !sent(a.doc, s.Name):
		next, err = a.Ledger.Apply(a.doc.ID, ledger.HandOn(a.id, s.Name, fmt.Sprintf("%d pages go to %s", info.Pages, s.Name)).WithPages(info.Pages))
		return next, true, err
	case !answered && a.doc.Submission.Unknown:
		next, err = a.unread(ctx, lost(s))
		return next, true, err
	}
	if err := a.fetch(ctx); err != nil {
		next, err = a.notFetched(ctx, err)
		return next, true, err
	}
	kept, _ := a.doc.AnswerOf(s.Name)
	a.raw = a.Results.Path(a.doc.ID, kept.File)
	q := worker.AnswerRequest{Engine: a.engine, Raw: a.raw}
	if err := a.call(ctx, worker.Answer, a.Config.PageTimeout.Std(), q, &a.answer); err != nil {
		e := asError(err)
		if ctx.Err() == nil && (e.Kind != engines.Retryable || a.doc.Attempts >= flagAfter && pagesFault(e)) {
			next, err = a.unread(ctx, e)
		} else {
			next, err = a.failed(ctx, "normalize", e)
		}
		return next, true, err
	}
	if n := a.answer.Pages; n != info.Pages {
		a.distrust = &engines.Error{Kind: engines.Review, Code: engines.CodePagesMissing,
			Sentence: fmt.Sprintf("%d pages were sent to %s and %d came back. Please look at it.", info.Pages, s.Name, n)}
	}
	return a.doc, false, nil
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
	kept, _ := a.doc.AnswerOf(a.service.Name)
	doc.Engine.Model, doc.Engine.ProviderJobID = r.Model, kept.Job
	if !a.Impatient { // a command keeps nothing but its results
		doc.Files.Raw = path.Join(resultsFolder, a.doc.ID, kept.File)
	}
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
