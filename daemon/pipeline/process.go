package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	textlanguage "golang.org/x/text/language"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/fault"
	"intray/daemon/normalize"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/daemon/validate"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// attempt is one run of a document through an engine.
type attempt struct {
	*Pipeline
	doc    ledger.Document
	id     string
	folder config.Folder
	engine worker.EngineSpec
	dir    string // page results and the PDF while it is made
	start  time.Time
	report validate.Report // what was found wrong with it, once that is known
	// nothingLeft is true for a file whose pages would all have been left out.
	nothingLeft bool

	// Of a cloud engine: the engine, the files of its raw answers, what that says but
	// for its pages, where its pages lie on ours, and why it is not to be believed.
	service  *Service
	raw      []worker.RawAnswer
	again    bool // its last submission may have been taken
	answer   worker.AnswerAnswer
	places   map[int]document.Matrix
	distrust *engines.Error
	class    string // once it is known

	// calls is how many calls to workers are in hand: each has a time limit of
	// its own and is a sign of life. sign is the last other one, in nanoseconds
	// since 1970.
	calls, sign atomic.Int64
}

// call asks a worker.
func (a *attempt) call(ctx context.Context, name string, timeout time.Duration, request, answer any) error {
	a.calls.Add(1)
	defer func() {
		a.alive()
		a.calls.Add(-1)
	}()
	return a.Workers.Call(ctx, a.doc.ID, name, timeout, request, answer)
}

func (a *attempt) alive() { a.sign.Store(time.Now().UnixNano()) }

// process runs one attempt under a lease that is kept alive while it works.
func (p *Pipeline) process(ctx context.Context, doc ledger.Document) (ledger.Document, error) {
	folder, err := p.folder(doc.Folder)
	if err != nil {
		return doc, err
	}
	a := &attempt{Pipeline: p, doc: doc, id: ledger.NewID(), folder: folder, start: time.Now(),
		dir: filepath.Join(p.WorkDir, doc.ID)}
	name, known := p.choose(doc, folder)
	a.engine, a.service = p.Engines[name], p.Services[name]
	lease := p.Config.Lease.Std()
	if a.doc, err = p.Ledger.Apply(doc.ID, ledger.Start(a.id, name, p.Owner, time.Now().Add(lease))); err != nil {
		return doc, err
	}
	fault.Point("pipeline.started")
	a.alive()
	if a.doc.Delivery != nil {
		next, err := p.finish(a.doc)
		return a.settle(ctx, "its folder", next, err)
	}
	return a.guarded(ctx, func(ctx context.Context) (ledger.Document, error) {
		if refusal := p.contract(doc); refusal != nil { // it was asked for again
			return a.failed(ctx, "receive", refusal)
		}
		if !known {
			return a.failed(ctx, "route", &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
				Sentence: fmt.Sprintf("None of the folder's engines takes files of type %s.", doc.MIME)})
		}
		return a.run(ctx)
	})
}

// heartbeat extends the lease while the attempt shows signs of life: up to the
// length of a lease after the last one. Losing it ends the attempt.
func (a *attempt) heartbeat(ctx context.Context, cancel context.CancelCauseFunc, lease time.Duration) (stop func()) {
	tick := time.NewTicker(lease / 3)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-tick.C:
				if a.calls.Load() > 0 {
					a.alive()
				}
				until := time.Unix(0, a.sign.Load()).Add(lease)
				if err := a.Ledger.ExtendLease(a.doc.ID, a.id, until); errors.Is(err, ledger.ErrConflict) {
					cancel(err)
				}
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { tick.Stop(); close(done); <-ended }
}

// ErrNoFolder is for documents whose folder was taken out of the configuration.
var ErrNoFolder = errors.New("the document's folder has to be in the configuration")

func (p *Pipeline) folder(name string) (config.Folder, error) {
	for _, f := range p.Config.Folders {
		if f.Name == name {
			return f, nil
		}
	}
	return config.Folder{}, fmt.Errorf("%w: folder %q is not; its documents wait until its section is back", ErrNoFolder, name)
}

func (a *attempt) source() worker.Source { return a.sourceOf(a.original(a.doc), a.doc.MIME) }

func (a *attempt) sourceOf(path, mime string) worker.Source {
	return worker.Source{Path: path, MIME: mime, Text: a.folder.Text,
		Limits: pages.Limits{MaxPages: a.Config.Limits.MaxPages, MaxMegapixels: a.Config.Limits.MaxMegapixels}}
}

// run is the middle of the journey: look, read, normalize, extract, validate,
// deliver.
func (a *attempt) run(ctx context.Context) (ledger.Document, error) {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return a.failed(ctx, "read", asError(fmt.Errorf("make work folder: %w", err)))
	}
	if err := a.cut(ctx); err != nil {
		return a.failed(ctx, "cut", asError(err))
	}
	var info pages.Info
	if err := a.call(ctx, worker.Inspect, a.Config.PageTimeout.Std(), a.source(), &info); err != nil {
		return a.failed(ctx, "open", asError(err))
	}
	if next, done, err := a.pair(info); done || err != nil {
		return next, err
	}
	if next, done, err := a.split(ctx, info); done || err != nil {
		return next, err
	}
	if refusal := tooLong(a.folder, info.Pages); refusal != nil {
		return a.failed(ctx, "open", refusal)
	}
	if a.service != nil {
		if next, done, err := a.fromProvider(ctx, info); done || err != nil {
			return next, err
		}
	}
	read, err := a.readPages(ctx, info.Pages)
	if e := asError(err); err != nil && e.Kind == engines.Review && ctx.Err() == nil {
		return a.unread(ctx, e)
	}
	if err != nil {
		return a.failed(ctx, "read", asError(err))
	}
	return a.conclusion(ctx, info, read)
}

// conclusion makes a document of pages that were read.
func (a *attempt) conclusion(ctx context.Context, info pages.Info, read []reading) (ledger.Document, error) {
	doc := a.document(info, read)
	if err := a.extract(ctx, info, &doc); err != nil {
		return a.failed(ctx, "extract", asError(err))
	}
	if next, why := a.onward(doc); next != "" {
		next, err := a.handOn(doc, next, why)
		return a.settle(ctx, "the folder of results", next, err)
	}
	if a.service != nil && a.distrust == nil && a.hollow(doc) {
		a.distrust = &engines.Error{Kind: engines.Review, Code: engines.CodeHollow, Sentence: a.service.Name +
			" says that it has read the document, and found nothing on any page, though there is something on them. Look at it, and have it read again if there is text."}
	}
	answer, err := a.assemble(ctx, info, read)
	if err == nil && answer.Reason == "" {
		err = a.verify(ctx, info, read)
	}
	if e := asError(err); err != nil {
		// What kills its worker again and again is for a person to see, with what
		// was read.
		if e.Kind == engines.Review || ctx.Err() == nil && pagesFault(e) && a.doc.Attempts >= flagAfter {
			return a.doubt(ctx, doc, e, false)
		}
		return a.failed(ctx, "assemble", e)
	}
	doc.Files.Conformance = answer.Outcome.Conformance
	doc.Warnings = append(doc.Warnings, a.aboutPDF(answer)...)
	if a.report, err = a.judge(doc, a.folder.Sample); err != nil {
		return a.failed(ctx, "validate", asError(err))
	}
	doc.Validation = a.report.Validation(doc.Warnings)
	if a.distrust != nil {
		doubted(&doc, a.distrust)
		return a.doubt(ctx, doc, a.distrust, true)
	}
	if doc.Validation.Verdict == document.VerdictReview {
		return a.doubt(ctx, doc, doubtOf(a.report), true)
	}
	return a.release(ctx, doc)
}

// growthSlack is how much a PDF may grow in bytes whatever the ratio: the text
// layer of a page with next to nothing on it is larger than the page.
const growthSlack = 64 << 10

// aboutPDF tells what a person should know of the searchable PDF.
func (a *attempt) aboutPDF(answer worker.AssembleAnswer) (out []document.Warning) {
	tell := func(code, format string, args ...any) {
		out = append(out, document.Warning{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	out = append(out, answer.Warnings...)
	if !a.doc.HalfUntil.IsZero() && len(a.doc.Pieces) == 0 {
		tell("no_other_side", "No file with the other sides of its %d pages came within %s; it is taken as it is.", a.doc.Pages, a.folder.CollateWithin)
	}
	if answer.Reason != "" {
		tell("delivered_unchanged", "%s", answer.Reason)
	}
	if answer.Outcome.Why != "" && a.folder.PDFA == pdf.PDFAAuto {
		tell("not_pdfa", "The PDF is not known to be PDF/A. %s", answer.Outcome.Why)
	}
	if info, err := os.Stat(a.pdf()); err == nil {
		ratio := float64(info.Size()) / float64(max(a.doc.Size, 1))
		if ratio > a.Config.PDF.MaxGrowth && info.Size()-a.doc.Size > growthSlack {
			tell("pdf_grew", "The searchable PDF is %.1f times as large as the original (%d kB instead of %d kB).",
				ratio, info.Size()>>10, a.doc.Size>>10)
		}
	}
	return out
}

// assemble has a worker write the searchable PDF from the pages' files.
func (a *attempt) assemble(ctx context.Context, info pages.Info, readings []reading) (worker.AssembleAnswer, error) {
	q := worker.AssembleRequest{Source: a.source(), Pages: a.dir, Out: a.pdf(), Options: pdf.Options{
		Producer: a.Producer, Language: language(a.languages()), PDFA: a.folder.PDFA,
		LinearizeAbove: int64(a.Config.PDF.LinearizeAboveMB) << 20}, Unread: unread(readings)}
	var answer worker.AssembleAnswer
	// The whole file is written in one call: it may take as long as its pages.
	timeout := a.Config.PageTimeout.Std() * time.Duration(1+info.Pages/10)
	err := a.call(ctx, worker.Assemble, timeout, q, &answer)
	return answer, err
}

func (a *attempt) pdf() string { return filepath.Join(a.dir, "out.pdf") }

func (a *attempt) outputDir() string {
	return filepath.Join(a.folder.Output, deliver.SafePath(path.Dir(a.doc.FilePath())))
}

// document is the JSON as far as reading goes; validation and delivery follow.
// Its pages are in short: their words and the text stay on disk.
func (a *attempt) document(info pages.Info, read []reading) document.Document {
	d := document.Document{
		Schema: document.Schema, Version: 1, DocumentID: a.doc.ID, AttemptID: a.id, CreatedAt: a.doc.ReceivedAt,
		Source:    a.documentSource(info),
		Engine:    document.Engine{Name: a.engine.Name, Kind: a.engine.Kind},
		Languages: a.languages(),
		Files:     document.Files{Original: a.doc.SHA256},
		Warnings:  info.Warnings,
	}
	if a.nothingLeft {
		d.Warnings = append(d.Warnings, document.Warning{Code: "nothing_but_blank",
			Message: "All pages of the file are blank or separator sheets; it is delivered whole, as it came."})
	}
	for _, kept := range a.doc.Answers {
		if kept.Why != "" && kept.Engine != a.engine.Name {
			d.Warnings = append(d.Warnings, document.Warning{Code: "read_again",
				Message: fmt.Sprintf("It was read by %s first, and then by %s: %s.", kept.Engine, a.engine.Name, kept.Why)})
		}
	}
	for i, r := range read {
		number := i + 1
		if r.err != nil {
			page, warning := normalize.Failed(number, a.engine.Name, r.err)
			d.Pages, d.Warnings = append(d.Pages, page), append(d.Warnings, warning)
			continue
		}
		d.Engine.Version = max(d.Engine.Version, r.version)
		d.Pages, d.Warnings = append(d.Pages, r.page), append(d.Warnings, r.warnings...)
	}
	return d
}

// languages are the folder's, or those the engine reads when the folder names none.
func (a *attempt) languages() []string {
	if len(a.folder.Languages) > 0 {
		return a.folder.Languages
	}
	return a.Config.Engines[a.engine.Name].Languages
}

// language is the BCP 47 name of the first of Tesseract's models whose language
// is known; "" if there is none.
func language(models []string) string {
	for _, m := range models {
		base, _, _ := strings.Cut(m, "_")
		if tag, err := textlanguage.Parse(base); err == nil {
			return tag.String()
		}
	}
	return ""
}

// record is what the ledger keeps of a delivery in hand.
type record struct {
	Plan    deliver.Plan    `json:"plan"`
	Outcome ledger.State    `json:"outcome"`
	Failure *ledger.Failure `json:"failure,omitempty"`
	// Frame is the document without pages and text, for those who are told of it.
	Frame json.RawMessage `json:"frame,omitempty"`
	// Decision is set when a person led to the outcome.
	Decision *ledger.Decision `json:"decision,omitempty"`
	// Tallies are counted with the outcome.
	Tallies []ledger.Tally `json:"tallies,omitempty"`
	// Compare is the engine that reads the document for comparison afterwards.
	Compare string `json:"compare,omitempty"`
	// Pages is how many the document has; 0 when that is not known.
	Pages int `json:"pages,omitempty"`
}

func (r record) encode() (json.RawMessage, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode delivery plan: %w", err)
	}
	return raw, nil
}

// outcome is where the delivery in hand leads; "" when there is none.
func outcome(doc ledger.Document) ledger.State {
	var rec record
	if doc.Delivery == nil || json.Unmarshal(doc.Delivery, &rec) != nil {
		return ""
	}
	return rec.Outcome
}

func asError(err error) *engines.Error {
	if err == nil {
		return nil
	}
	e, ok := engines.AsError(err)
	if !ok { // a bare cancellation; failed asks the context itself
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal, Sentence: "The work was interrupted.", Cause: err}
	}
	return e
}
