package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/pipeline"
	"intray/daemon/review"
	"intray/daemon/search"
	"intray/daemon/web"
	"intray/daemon/web/site"
	"intray/ledger"
)

// pages are what people see in a browser, with all that the house lets them do.
func (h *house) pages() (http.Handler, error) {
	s := site.Site{
		Ledger: h.ledger, Log: h.log,
		Hot:      h.hotFiles,
		Paused:   func() string { return h.room.Paused() },
		Away:     h.awayFolders,
		Held:     h.heldLines,
		Outdated: h.outdated,
		Upload:   h.uploadByPage,
		Retry: func(id, by, engine string) (ledger.Document, error) {
			doc, err := h.retry(id, by, engine)
			return doc, refusal(err)
		},
		May:     h.pipeline.EnginesFor,
		Orphan:  func(doc ledger.Document) bool { return orphaned(h.cfg, doc) },
		Tell:    func(ids []string) (int, error) { return tellAgain(h.ledger, ids) },
		Reading: h.readingByPage, Words: h.pipeline.PageWords, Draw: h.pipeline.DrawPage,
		Desk: func(doc ledger.Document) (site.Desk, error) { return deskOf(h.pipeline, doc) },
		Decide: func(ctx context.Context, d site.Decision) (site.Verdict, error) {
			return decideByPage(ctx, h.pipeline, d)
		},
		Engines: h.engineStates,
		Doctor:  h.examine,
	}
	for _, f := range h.cfg.Folders {
		s.Folders = append(s.Folders, f.Name)
	}
	if h.search != nil {
		s.Search = h.searchByPage
	}
	s.Settings = func() (out []site.Setting) {
		for _, v := range h.cfg.Values() {
			out = append(out, site.Setting{Section: v.Section, Key: v.Key, Value: v.Text, Line: v.Line})
		}
		return out
	}
	return s.Handler()
}

func pageRefusal(sentence string) error { return fmt.Errorf("%w: %s", site.ErrRefused, sentence) }

// refusal is an error of the API's as the pages know it.
func refusal(err error) error {
	if errors.Is(err, web.ErrRefused) {
		return pageRefusal(strings.TrimPrefix(err.Error(), web.ErrRefused.Error()+": "))
	}
	return err
}

// readingByPage is what a document was read as.
func (h *house) readingByPage(doc ledger.Document) (document.Document, error) {
	read, err := h.pipeline.Reading(doc)
	if errors.Is(err, pipeline.ErrTooLong) {
		err = fmt.Errorf("%w: %w", site.ErrTooLong, err)
	}
	return read, err
}

// searchByPage finds documents by what they say.
func (h *house) searchByPage(ctx context.Context, text string, q ledger.Query) (site.Found, error) {
	page, excerpts, err := h.find(ctx, search.Query{Query: q, Text: text})
	if errors.Is(err, search.ErrQuery) {
		err = fmt.Errorf("%w: %w", site.ErrRefused, err)
	}
	return site.Found{Documents: page.Documents, Next: page.Next, Excerpts: excerpts}, err
}

// uploadByPage takes a file in that was dropped onto the page.
func (h *house) uploadByPage(ctx context.Context, folder, name string, content io.Reader, by string) (string, error) {
	most := int64(0)
	for _, f := range uploadFolders(h.cfg) {
		if f.Name == folder {
			most = f.MaxBytes
		}
	}
	if !h.ready.Load() {
		return "", pageRefusal("Intray is starting or stopping; hand the file in again in a moment.")
	}
	name, err := web.FileName(name) // as the API has it
	if err != nil {
		return "", pageRefusal(err.Error())
	}
	body := http.MaxBytesReader(nil, io.NopCloser(content), most)
	taken, err := h.upload(ctx, web.Upload{Folder: folder, Name: name, Actor: by, Size: -1, Body: body})
	var tooLong *http.MaxBytesError
	var said *web.Said
	switch {
	case errors.As(err, &tooLong):
		return "", pageRefusal("The file is larger than its folder allows (max_file_mb).")
	case errors.As(err, &said):
		return "", pageRefusal(said.Sentence)
	}
	return taken.Document.ID, err
}

// deskOf is a document in review as it lies in the review folder.
func deskOf(p *pipeline.Pipeline, doc ledger.Document) (site.Desk, error) {
	sheet, err := p.Sheet(doc)
	if err != nil || len(doc.Outputs) == 0 {
		return site.Desk{Sheet: sheet}, err
	}
	order, _, err := review.OrderFor(doc.ID, doc.AttemptID, doc.Outputs[0], review.Approve, "")
	if errors.Is(err, review.ErrDecided) {
		return site.Desk{Sheet: sheet, Elsewhere: true}, nil
	}
	return site.Desk{Sheet: sheet, Edits: order.Edits, Confirm: order.Confirm, Reason: order.Reason, Text: strings.Join(order.Texts, " ")}, err
}

// decideByPage is decide for somebody who looked at the document a while ago:
// nothing is done if it, or what stands in its folder, has changed since.
func decideByPage(ctx context.Context, p *pipeline.Pipeline, d site.Decision) (site.Verdict, error) {
	same := func(doc ledger.Document, o review.Order) error {
		if doc.Events != d.Events || strings.Join(o.Texts, " ") != d.Text {
			return site.ErrChanged
		}
		return nil
	}
	q := web.DecisionRequest{Reason: d.Reason, Fields: d.Fields, Confirm: d.Confirm, Engine: d.Engine}
	doc, outcome, err := carryOut(ctx, p, d.DocumentID, d.Verb, d.By, q, same)
	return site.Verdict{Document: doc, Objections: outcome.Objections, MayConfirm: outcome.MayConfirm}, refusal(err)
}

// engineStates are the configured engines and how they are.
func (h *house) engineStates() ([]site.Engine, error) {
	cloud, err := cloudStatsOf(h.ledger, slices.Collect(maps.Keys(h.services)), h.services)
	if err != nil {
		return nil, err
	}
	var out []site.Engine
	now, pool := time.Now(), h.pool.Stats()
	for _, name := range slices.Sorted(maps.Keys(h.cfg.Engines)) {
		e := site.Engine{Name: name, Kind: h.cfg.Engines[name].Kind, Folders: foldersWith(h.cfg, name)}
		if s := h.services[name]; s != nil {
			stats := cloud[name]
			e.Cloud, e.Paused, e.Until, e.Waiting = true, stats.Paused, stats.Until, stats.Waiting
			e.Running, e.Most, e.CallsPerSecond = s.Status(now).InUse, s.Settings.CallsAtOnce, s.Settings.CallsPerSecond
			e.PagesToday, e.PagesMonth, e.MostToday, e.MostMonth = stats.PagesToday, stats.PagesMonth, s.Settings.MaxPagesPerDay, s.Settings.MaxPagesPerMonth
		} else {
			e.Running, e.Most, e.Waiting = pool.Running, pool.Size, pool.Waiting // the workers are shared by local engines
		}
		out = append(out, e)
	}
	for _, name := range slices.Sorted(maps.Keys(cloud)) { // taken out of the configuration, and still owing answers
		if _, known := h.cfg.Engines[name]; !known {
			out = append(out, site.Engine{Name: name, Cloud: true, Paused: cloud[name].Paused, Waiting: cloud[name].Waiting})
		}
	}
	return out, nil
}

func foldersWith(cfg *config.Config, engine string) (out []string) {
	for _, f := range cfg.Folders {
		if slices.Contains(f.Engine, engine) {
			out = append(out, f.Name)
		}
	}
	return out
}

// examine is what doctor can find out from inside the running daemon.
func (h *house) examine(context.Context) []site.Finding {
	found := append(checkFolders(h.cfg), checkSpace(h.cfg))
	if h.kinds != nil {
		found = append(findEngines(h.cfg, h.kinds), found...)
	}
	if why := h.outdated(); why != "" {
		found = append(found, finding{what: "configuration", problem: why})
	}
	if err := realLoops(h.cfg); err != nil {
		found = append(found, finding{what: "folders", problem: err.Error()})
	}
	if waiting, dead, err := h.ledger.CountMessages(); err == nil {
		f := finding{what: "hand-over", detail: fmt.Sprintf("messages given up: none, waiting: %d", waiting)}
		if dead > 0 {
			f = finding{what: "hand-over", problem: fmt.Sprintf("messages about documents given up: %d; the page Problems says why", dead)}
		}
		found = append(found, f)
	}
	var out []site.Finding
	for _, f := range found {
		out = append(out, site.Finding{What: f.what, Detail: f.detail, Problem: f.problem})
	}
	return out
}
