// Package mistral reads documents with Mistral's OCR, which answers with Markdown:
// text and tables, but no places of words.
//
// As a batch (the default) a document is a job at Mistral that outlives this
// process; our idempotency key is in the job's metadata, and Submit first looks
// whether a job with it is there. Otherwise one call brings the answer, which is kept
// in memory until it is deleted: what is lost with the process must be paid
// again.
//
// Sources: Mistral's API reference and recorded answers.
package mistral

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"intray/engines"
)

// Kind is the factory's name in the configuration.
const Kind = "mistral"

// Limits of Mistral (its API reference); bytes and pages.
const (
	maxBytes = 50 << 20
	maxPages = 1000
)

// options are the keys of [engine.NAME] that only this engine has.
type options struct {
	Endpoint string         `toml:"endpoint"`
	Key      engines.Secret `toml:"key"`
	// Model is Mistral's name for it.
	Model string `toml:"model"`
	// Batch makes each document a job; see the package.
	Batch bool `toml:"batch"`
}

// Factory is the engine's entry in the list of all engines.
func Factory() engines.Factory {
	return engines.Factory{Kind: Kind, NewProvider: func(s engines.Settings) (engines.Provider, error) { return New(s) }}
}

// Provider is Mistral's OCR. It is safe for parallel use.
type Provider struct {
	options options
	caller  engines.Caller

	answers engines.Answers
}

// New reads the settings. It calls nobody.
func New(s engines.Settings) (*Provider, error) {
	o := options{Endpoint: "https://api.mistral.ai", Model: "mistral-ocr-latest", Batch: true}
	bad := func(problem string, cause error) error {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
			Sentence: fmt.Sprintf("The settings of engine %q %s.", s.Name, problem), Cause: cause}
	}
	if s.Decode != nil {
		if err := s.Decode(&o); err != nil {
			return nil, bad("cannot be read", err)
		}
	}
	base, err := engines.ServiceAddress("endpoint", o.Endpoint)
	switch {
	case err != nil:
		return nil, err
	case o.Key.IsZero():
		return nil, bad(`lack the key: key = { env = "NAME" } or { file = "PATH" }`, nil)
	case o.Model == "":
		return nil, bad("lack the model", nil)
	}
	return &Provider{options: o, caller: engines.Caller{Base: base, Authorize: func(r *http.Request) error {
		key, err := o.Key.Read()
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}}}, nil
}

// Capabilities are constant. Only a batch knows our key.
func (p *Provider) Capabilities() engines.Capabilities {
	return engines.Capabilities{Kind: Kind, Version: p.options.Model, Types: []string{"application/pdf", "image/jpeg", "image/png"},
		MaxBytes: maxBytes, MaxPages: maxPages, Cloud: true, Split: true, IdempotentSubmit: p.options.Batch, Delete: true}
}

// Close forgets the answers in memory. It may be called twice.
func (p *Provider) Close() error {
	p.answers.Clear()
	return nil
}

// Submit starts a batch of one document or finds the one with the same key; or it
// reads the document and keeps the answer. A lost answer is CodeSubmitUnknown.
func (p *Provider) Submit(ctx context.Context, doc engines.Document, idempotencyKey string) (engines.Job, error) {
	if !slices.Contains(p.Capabilities().Types, doc.MIME) {
		return engines.Job{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
			Sentence: fmt.Sprintf("Mistral does not take %s; it takes PDF, JPEG and PNG.", doc.MIME)}
	}
	if len(doc.Content) > maxBytes || doc.Pages > maxPages {
		return engines.Job{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: "The document is larger than Mistral takes: 50 MB and 1000 pages. Split it."}
	}
	if p.options.Batch {
		return p.submitBatch(ctx, doc, idempotencyKey)
	}
	request := p.request(doc)
	request["model"] = p.options.Model
	body, err := json.Marshal(request)
	if err != nil {
		return engines.Job{}, internal(err)
	}
	raw, err := p.call(ctx, http.MethodPost, "v1/ocr", "application/json", body)
	if err != nil {
		return engines.Job{}, err
	}
	if !json.Valid(raw) {
		return engines.Job{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown, Sentence: "Mistral's answer is no JSON."}
	}
	return p.answers.Keep(raw), nil
}

// request is the body of one OCR call without its model.
func (p *Provider) request(doc engines.Document) map[string]any {
	kind := "document_url"
	if strings.HasPrefix(doc.MIME, "image/") {
		kind = "image_url"
	}
	return map[string]any{
		"document":             map[string]any{"type": kind, kind: "data:" + doc.MIME + ";base64," + base64.StdEncoding.EncodeToString(doc.Content)},
		"include_image_base64": false, "table_format": "html", "confidence_scores_granularity": "word",
	}
}

// Status asks for the batch; an answer in memory is there or lost.
func (p *Provider) Status(ctx context.Context, job engines.Job) (engines.JobStatus, error) {
	if engines.InMemory(job) {
		if _, err := p.answers.Get("Mistral", job); err != nil {
			return engines.JobStatus{}, err
		}
		return engines.JobStatus{State: engines.JobSucceeded}, nil
	}
	b, err := p.batch(ctx, job)
	if err != nil {
		return engines.JobStatus{}, err
	}
	return p.status(b), nil
}

// Fetch returns the OCR answer as Mistral sent it.
func (p *Provider) Fetch(ctx context.Context, job engines.Job) ([]byte, error) {
	if engines.InMemory(job) {
		return p.answers.Get("Mistral", job)
	}
	return p.fetchBatch(ctx, job)
}

// Delete removes a batch and its files, or the answer in memory. What is gone is no
// error.
func (p *Provider) Delete(ctx context.Context, job engines.Job) error {
	if !engines.InMemory(job) {
		return p.deleteBatch(ctx, job)
	}
	p.answers.Forget(job)
	return nil
}
