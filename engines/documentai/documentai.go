// Package documentai reads documents with a processor of Google Document AI.
//
// As a batch (the default) a document waits in a bucket of Cloud Storage, Google
// writes its answer beside it, and Delete removes both. Google knows no idempotency
// key: a submission whose answer was lost may be paid twice. Without batch one call
// brings the answer, which is kept in memory until it is deleted; it takes 15
// pages.
//
// Sources: Google's API references of Document AI and Cloud Storage, and recorded
// answers.
package documentai

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"intray/engines"
)

// Kind is the factory's name in the configuration.
const Kind = "documentai"

// Limits of Google (its quotas page); bytes and pages. Processors may take less.
const (
	onlineBytes = 40 << 20
	onlinePages = 15
	batchBytes  = 1 << 30
	batchPages  = 500
)

// options are the keys of [engine.NAME] that only this engine has.
type options struct {
	// Processor is projects/P/locations/L/processors/ID, with
	// /processorVersions/V for a certain version.
	Processor string `toml:"processor"`
	// Credentials is a service account's key file, as JSON.
	Credentials engines.Secret `toml:"credentials"`
	// Endpoint, StorageEndpoint and TokenEndpoint are where Google is called;
	// the first is "" for the processor's own region.
	Endpoint        string `toml:"endpoint"`
	StorageEndpoint string `toml:"storage_endpoint"`
	TokenEndpoint   string `toml:"token_endpoint"`
	// Batch makes each document a job; Bucket and Prefix are where it waits.
	Batch  bool   `toml:"batch"`
	Bucket string `toml:"bucket"`
	Prefix string `toml:"prefix"`
}

// Factory is the engine's entry in the list of all engines.
func Factory() engines.Factory {
	return engines.Factory{Kind: Kind, NewProvider: func(s engines.Settings) (engines.Provider, error) { return New(s) }}
}

// Provider is one processor. It is safe for parallel use.
type Provider struct {
	options options
	api     engines.Caller
	storage engines.Caller
	tokens  *tokens

	answers engines.Answers
}

// New reads the settings. It calls nobody.
func New(s engines.Settings) (*Provider, error) {
	o := options{Batch: true, StorageEndpoint: "https://storage.googleapis.com", TokenEndpoint: "https://oauth2.googleapis.com/token"}
	bad := func(problem string, cause error) error {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
			Sentence: fmt.Sprintf("The settings of engine %q %s.", s.Name, problem), Cause: cause}
	}
	if s.Decode != nil {
		if err := s.Decode(&o); err != nil {
			return nil, bad("cannot be read", err)
		}
	}
	processor := regexp.MustCompile(`^projects/[^/?#]+/locations/([a-z0-9-]+)/processors/[^/?#]+(/processorVersions/[^/?#]+)?$`).FindStringSubmatch(o.Processor)
	switch {
	case processor == nil:
		return nil, bad("lack the processor: projects/P/locations/L/processors/ID", nil)
	case o.Credentials.IsZero():
		return nil, bad(`lack the credentials: credentials = { file = "KEY.json" }`, nil)
	case o.Batch && o.Bucket == "":
		return nil, bad("lack the bucket for documents on their way; or say batch = false", nil)
	}
	if o.Endpoint == "" {
		o.Endpoint = "https://" + processor[1] + "-documentai.googleapis.com"
	}
	o.Prefix = strings.Trim(o.Prefix, "/")
	p := &Provider{options: o}
	p.tokens = &tokens{credentials: o.Credentials}
	for _, place := range []struct {
		key, text string
		into      **url.URL
	}{{"endpoint", o.Endpoint, &p.api.Base}, {"storage_endpoint", o.StorageEndpoint, &p.storage.Base}, {"token_endpoint", o.TokenEndpoint, &p.tokens.caller.Base}} {
		base, err := engines.ServiceAddress(place.key, place.text)
		if err != nil {
			return nil, err
		}
		*place.into = base
	}
	p.api.Authorize, p.storage.Authorize = p.tokens.authorize, p.tokens.authorize
	return p, nil
}

// Capabilities are constant.
func (p *Provider) Capabilities() engines.Capabilities {
	c := engines.Capabilities{Kind: Kind, Types: []string{"application/pdf", "image/tiff", "image/jpeg", "image/png", "image/gif", "image/bmp", "image/webp"},
		MaxBytes: batchBytes, MaxPages: batchPages, Cloud: true, Split: true, Delete: true}
	if !p.options.Batch {
		c.MaxBytes, c.MaxPages = onlineBytes, onlinePages
	}
	return c
}

// Close forgets the answers in memory. It may be called twice.
func (p *Provider) Close() error {
	p.answers.Clear()
	return nil
}

// Submit starts a batch of one document, or reads the document and keeps the
// answer. A lost answer is CodeSubmitUnknown.
func (p *Provider) Submit(ctx context.Context, doc engines.Document, idempotencyKey string) (engines.Job, error) {
	caps := p.Capabilities()
	if !slices.Contains(caps.Types, doc.MIME) {
		return engines.Job{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
			Sentence: fmt.Sprintf("Document AI does not take %s; it takes PDF, TIFF, JPEG, PNG, GIF, BMP and WebP.", doc.MIME)}
	}
	if int64(len(doc.Content)) > caps.MaxBytes || doc.Pages > caps.MaxPages {
		return engines.Job{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: fmt.Sprintf("The document is larger than Document AI takes: %d MB and %d pages. Split it.", caps.MaxBytes>>20, caps.MaxPages)}
	}
	if p.options.Batch {
		sum := sha256.Sum256([]byte(idempotencyKey))
		return p.submitBatch(ctx, doc, hex.EncodeToString(sum[:]))
	}
	ask := map[string]any{"rawDocument": map[string]any{"content": base64.StdEncoding.EncodeToString(doc.Content), "mimeType": doc.MIME},
		"skipHumanReview": true, "imagelessMode": true}
	if len(doc.Languages) > 0 {
		ask["processOptions"] = map[string]any{"ocrConfig": map[string]any{"hints": map[string]any{"languageHints": doc.Languages}}}
	}
	raw, err := p.call(ctx, &p.api, http.MethodPost, "v1/"+p.options.Processor+":process", "application/json", encode(ask))
	if err != nil {
		return engines.Job{}, err
	}
	if !json.Valid(raw) {
		return engines.Job{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown, Sentence: "Document AI's answer is no JSON."}
	}
	return p.answers.Keep(raw), nil
}

// encode writes what can always be written: maps of texts.
func encode(v any) []byte {
	var out bytes.Buffer
	_ = json.NewEncoder(&out).Encode(v)
	return out.Bytes()
}

// Status asks for the batch; an answer in memory is there or lost.
func (p *Provider) Status(ctx context.Context, job engines.Job) (engines.JobStatus, error) {
	if engines.InMemory(job) {
		if _, err := p.answers.Get("Document AI", job); err != nil {
			return engines.JobStatus{}, err
		}
		return engines.JobStatus{State: engines.JobSucceeded}, nil
	}
	o, err := p.operation(ctx, job)
	if err != nil {
		return engines.JobStatus{}, err
	}
	return o.status(), nil
}

// Fetch returns a list of the answer's shards as Google wrote them, by their
// numbers; or the online answer.
func (p *Provider) Fetch(ctx context.Context, job engines.Job) ([]byte, error) {
	if engines.InMemory(job) {
		return p.answers.Get("Document AI", job)
	}
	return p.fetchBatch(ctx, job)
}

// Delete removes the document and its answer from the bucket, or from memory.
// What is gone is no error; the operation's name stays at Google for a time.
func (p *Provider) Delete(ctx context.Context, job engines.Job) error {
	if !engines.InMemory(job) {
		return p.deleteBatch(ctx, job)
	}
	p.answers.Forget(job)
	return nil
}
