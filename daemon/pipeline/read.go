package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"intray/daemon/durable"
	"intray/daemon/fault"
	"intray/daemon/worker"
	"intray/engines"
)

// reading is one page's answer, or why there is none.
type reading struct {
	answer worker.ReadAnswer
	err    *engines.Error
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
	return e.Code == engines.CodeTimeout || e.Code == engines.CodeCrashed || e.Code == worker.CodeOutOfMemory
}

func (a *attempt) readPage(ctx context.Context, number int) reading {
	var r reading
	path := filepath.Join(a.dir, fmt.Sprintf("page-%06d.json", number))
	request := worker.ReadRequest{Source: a.source(), Number: number, Engine: a.engine, Languages: a.folder.Languages}
	if checkpoint, err := os.ReadFile(path); err == nil && a.resume(checkpoint, request, &r.answer) {
		return r
	}
	if err := a.call(ctx, worker.Read, a.Config.PageTimeout.Std(), request, &r.answer); err != nil {
		r.err = asError(err)
		return r
	}
	fault.Point("pipeline.read")
	if err := a.checkpoint(path, request, r.answer); err != nil {
		a.Log.Warn("A page's result could not be kept for a restart.", "document", a.doc.ID, "page", number, "error", err)
	}
	return r
}

// checkpoint is a page's answer together with what was asked: another engine,
// language or limit makes it worthless.
type checkpoint struct {
	Request worker.ReadRequest `json:"request"`
	Answer  worker.ReadAnswer  `json:"answer"`
}

func (a *attempt) checkpoint(path string, q worker.ReadRequest, answer worker.ReadAnswer) error {
	data, err := json.Marshal(checkpoint{q, answer})
	if err != nil {
		return fmt.Errorf("encode page result: %w", err)
	}
	return durable.WriteFile(path, data, 0o600)
}

func (a *attempt) resume(data []byte, q worker.ReadRequest, answer *worker.ReadAnswer) bool {
	var c checkpoint
	if err := json.Unmarshal(data, &c); err != nil {
		return false
	}
	asked, err1 := json.Marshal(q)
	was, err2 := json.Marshal(c.Request)
	if errors.Join(err1, err2) != nil || string(asked) != string(was) {
		return false
	}
	*answer = c.Answer
	return true
}
