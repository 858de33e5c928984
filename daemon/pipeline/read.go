package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"

	"intray/daemon/document"
	"intray/daemon/durable"
	"intray/daemon/fault"
	"intray/daemon/normalize"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/daemon/worker"
	"intray/engines"
)

// reading is one page's answer in short, or why there is none. Words and boxes
// stay in the page's file.
type reading struct {
	page     document.Page // without its blocks
	warnings []document.Warning
	version  string // the engine's
	err      *engines.Error
}

// flagAfter is the counted attempts after which a page that may yet be read is
// given up, so that the others can be delivered: a page that killed its worker
// twice is not met by a third.
const flagAfter = 1

// readPages reads a document's pages side by side; the pool decides how many.
// Each answer is kept in the work folder at once, so that the next attempt
// reads only what is missing. The error is set when the document cannot go on
// in this attempt: a page may still succeed, or all of them failed.
func (a *attempt) readPages(ctx context.Context, n int) ([]reading, error) {
	out := make([]reading, n)
	var group sync.WaitGroup
	// More goroutines than workers keep the pool's queue filled; a 1000-page
	// file does not need 1000 of them.
	slots := make(chan struct{}, min(n, a.Parallel))
	var mu sync.Mutex
	done := 0
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			out[i] = a.readPage(ctx, i+1)
			mu.Lock()
			defer mu.Unlock()
			done++
			if a.Progress != nil && out[i].err == nil {
				a.Progress(a.doc, done, n)
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return out, a.verdict(out)
}

// verdict says whether to go on with the pages there are.
func (a *attempt) verdict(read []reading) error {
	failed, retryable := 0, (*engines.Error)(nil)
	var first *engines.Error
	for _, r := range read {
		if r.err == nil {
			continue
		}
		failed++
		if first == nil {
			first = r.err
		}
		if r.err.Kind == engines.Retryable && (retryable == nil || pagesFault(retryable)) {
			retryable = r.err
		}
	}
	if retryable != nil && (a.doc.Attempts < flagAfter || !pagesFault(retryable)) {
		return retryable
	}
	if failed == len(read) && failed > 0 {
		return first
	}
	return nil
}

// pagesFault is true for errors that the page itself may have caused.
func pagesFault(e *engines.Error) bool {
	return e.Code == engines.CodeTimeout || e.Code == engines.CodeCrashed || e.Code == engines.CodeOutOfMemory
}

func (a *attempt) readPage(ctx context.Context, number int) reading {
	q := asked{Program: a.Producer, Deskew: a.folder.Deskew, Read: worker.ReadRequest{Source: a.source(), Number: number, Engine: a.engine,
		Languages: a.folder.Languages, Prepare: a.folder.Prepare, Barcodes: a.folder.Barcodes, Raw: a.raw}}
	if a.folder.Rotate == "auto" {
		q.Read.Rotate = a.folder.RotateConfidence
	}
	if kept, err := a.pageFile(number); err == nil && kept.answers(q) {
		return kept.reading()
	}
	var answer worker.ReadAnswer
	if err := a.call(ctx, worker.Read, a.Config.PageTimeout.Std(), q.Read, &answer); err != nil {
		return reading{err: asError(err)}
	}
	fault.Point("pipeline.read")
	page, kept, warnings := normalize.Page(normalize.Reading{Number: number, Geometry: answer.Geometry, Own: answer.Own, Read: answer.Read,
		Result: answer.Result, Reason: answer.Reason, Orientation: answer.Orientation, Ink: answer.Ink, Engine: a.engine.Name,
		Deskew: a.folder.Deskew == "auto", Script: answer.Script, Doubtful: len(a.raw) == 0})
	page.Barcodes, page.Marks = straightened(answer.Barcodes, page), straightenedMarks(answer.Marks, page)
	result := pageResult{Asked: q, Place: answer.Place, Version: answer.EngineVersion, Thumb: answer.Thumb, Warnings: append(answer.Warnings, warnings...),
		Layer: pdf.Layer{Page: page, Kept: kept, UserToPage: answer.Geometry.UserToPage, Turn: answer.Turn, Treat: answer.Treat}}
	if err := a.keepPage(number, result); err != nil {
		return reading{err: asError(fmt.Errorf("keep page result: %w", err))}
	}
	return result.reading()
}

// asked is all that a page's result depends on: another program, engine,
// language or limit makes it worthless.
type asked struct {
	Program string             `json:"program"`
	Read    worker.ReadRequest `json:"read"`
	Deskew  string             `json:"deskew"`
}

// pageResult is a worker.PageFile: a page's result as it survives the process.
type pageResult struct {
	Asked    asked              `json:"asked"`
	Layer    pdf.Layer          `json:"layer"`
	Thumb    *pages.Thumb       `json:"thumb,omitempty"`
	Warnings []document.Warning `json:"warnings"`
	Version  string             `json:"version"`
	// Place maps a provider's units to points of the page before it was straightened.
	Place document.Matrix `json:"place,omitzero"`
}

func (r pageResult) reading() reading {
	short := reading{page: r.Layer.Page, warnings: r.Warnings, version: r.Version}
	short.page.Blocks, short.page.Barcodes, short.page.Marks = nil, nil, nil
	return short
}

// answers is true when the result is what would come out again.
func (r pageResult) answers(q asked) bool {
	now, err1 := json.Marshal(q)
	then, err2 := json.Marshal(r.Asked)
	return errors.Join(err1, err2) == nil && string(now) == string(then)
}

func (a *attempt) keepPage(number int, r pageResult) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode page result: %w", err)
	}
	return durable.WriteFile(worker.PageFile(a.dir, number), data, 0o600)
}

func (a *attempt) pageFile(number int) (r pageResult, err error) {
	data, err := os.ReadFile(worker.PageFile(a.dir, number))
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	return r, err
}

// pages gives the document's pages with their words, one at a time. Those that
// could not be read are as they are in short.
func (a *attempt) pages(short []document.Page) iter.Seq2[document.Page, error] {
	return func(yield func(document.Page, error) bool) {
		for i, page := range short {
			if page.Decision == document.DecisionFailed {
				if !yield(page, nil) {
					return
				}
				continue
			}
			kept, err := a.pageFile(i + 1)
			if err != nil {
				err = fmt.Errorf("read page result %d: %w", i+1, err)
			}
			if !yield(kept.Layer.Page, err) {
				return
			}
		}
	}
}

// text gives the document's text page by page.
func (a *attempt) text(short []document.Page) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for page, err := range a.pages(short) {
			if !yield(normalize.Text(page), err) {
				return
			}
		}
	}
}
