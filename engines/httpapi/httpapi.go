// Package httpapi reads with any HTTP service that can be declared in the
// configuration: a document is posted, the answer names a job, the job is asked
// about until it has ended, and the result is JSON.
// What differs between services, from headers to where a total stands, is data.
package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"intray/engines"
)

// Provider is one declared service. It is safe for parallel use.
type Provider struct {
	settings Settings
	caller   *engines.Caller
	now      func() time.Time
}

// Factory describes the engine.
func Factory() engines.Factory {
	return engines.Factory{Kind: "httpapi", NewProvider: func(s engines.Settings) (engines.Provider, error) {
		var own Settings
		if s.Decode != nil {
			if err := s.Decode(&own); err != nil {
				return nil, err
			}
		}
		return New(own)
	}}
}

// New checks the settings; errors are terminal with engines.CodeBadSettings.
func New(s Settings) (*Provider, error) {
	base, err := engines.ServiceAddress("endpoint", s.Endpoint)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	p := &Provider{settings: s, caller: &engines.Caller{Base: base}, now: time.Now}
	p.caller.Authorize = func(r *http.Request) error {
		credentials, err := p.credentials()
		if err != nil {
			return err
		}
		for name, text := range s.Headers {
			r.Header.Set(name, fill(text, credentials))
		}
		return nil
	}
	return p, nil
}

// Capabilities are as declared.
func (p *Provider) Capabilities() engines.Capabilities {
	s := p.settings
	return engines.Capabilities{Kind: "httpapi", Types: slices.Clone(s.Types), MaxBytes: s.MaxMB << 20, MaxPages: s.MaxPages, Cloud: true, Split: s.Split,
		IdempotentSubmit: s.Submit.IdempotencyHeader != "", Webhook: s.Webhook.Scheme != "", Delete: s.Delete.Path != ""}
}

// Close does nothing: connections are shared and end by themselves.
func (p *Provider) Close() error { return nil }

// credentials are read anew for each call, by the name that stands for them.
func (p *Provider) credentials() (map[string]string, error) {
	all := map[string]string{}
	places := map[string]engines.Secret{"key": p.settings.Key}
	for name, place := range p.settings.Secrets {
		places[name] = place
	}
	for name, place := range places {
		if place.IsZero() {
			continue
		}
		text, err := place.Read()
		if err != nil {
			return nil, err
		}
		all[name] = text
	}
	return all, nil
}

// fill puts values in the place of {name}.
func fill(text string, values map[string]string) string {
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Submit posts the document. A lost or senseless answer is
// engines.CodeSubmitUnknown.
func (p *Provider) Submit(ctx context.Context, doc engines.Document, idempotencyKey string) (engines.Job, error) {
	if err := ctx.Err(); err != nil {
		return engines.Job{}, err
	}
	body, kind, err := p.body(doc, idempotencyKey)
	if err != nil {
		return engines.Job{}, badCall(err)
	}
	r, err := p.request(ctx, http.MethodPost, p.settings.Submit.Path, "", body)
	if err != nil {
		return engines.Job{}, err
	}
	r.Header.Set("Content-Type", kind)
	if name := p.settings.Submit.IdempotencyHeader; name != "" {
		r.Header.Set(name, idempotencyKey)
		r.GetBody = nil // else Go's client repeats what has such a key by itself
	}
	reply, err := p.caller.Do(ctx, r)
	if err != nil {
		return engines.Job{}, err
	}
	if reply.Status >= 300 {
		return engines.Job{}, p.refused(r, reply, true)
	}
	job := engines.Job{ID: at(reply.Body, p.settings.Submit.JobID), URL: at(reply.Body, p.settings.Submit.JobURL), Wait: engines.RetryAfter(reply.Header, p.now())}
	if !json.Valid(reply.Body) || job.ID == "" && p.settings.Submit.JobID != "" || job.URL == "" && p.settings.Submit.JobURL != "" {
		return engines.Job{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown,
			Sentence: "The service answered without naming a job. Look at submit.job_id, and whether a proxy answers in its place.",
			Cause:    fmt.Errorf("HTTP %d with Content-Type %q", reply.Status, reply.Header.Get("Content-Type"))}
	}
	if job.ID == "" {
		job.ID = job.URL
	}
	if err := p.own(job.URL); err != nil {
		return engines.Job{}, err
	}
	return job, nil
}

// own refuses an address at another host before it is remembered.
func (p *Provider) own(address string) error {
	u, err := p.caller.Base.Parse(address)
	if err == nil && u.Scheme == p.caller.Base.Scheme && u.Host == p.caller.Base.Host {
		return nil
	}
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeForeignAddress,
		Sentence: "The service took the document, but says that the result will be at another host than endpoint. Nothing was sent there."}
}

// body is the submission and its content type.
func (p *Provider) body(doc engines.Document, idempotencyKey string) (*bytes.Reader, string, error) {
	name := "document" + map[string]string{"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/tiff": ".tif"}[doc.MIME]
	values := map[string]string{"document_id": doc.ID, "idempotency_key": idempotencyKey, "callback_url": doc.CallbackURL, "mime": doc.MIME, "file_name": name}
	fields := map[string]string{}
	for field, text := range p.settings.Submit.Fields {
		if value := fill(text, values); value != "" {
			fields[field] = value
		}
	}
	if p.settings.Submit.Body == "json" {
		fields[p.settings.Submit.FileField] = base64.StdEncoding.EncodeToString(doc.Content)
		data, err := json.Marshal(fields)
		return bytes.NewReader(data), "application/json", err
	}
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	for field, value := range fields {
		if err := form.WriteField(field, value); err != nil {
			return nil, "", err
		}
	}
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Type": {doc.MIME},
		"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, p.settings.Submit.FileField, name)}})
	if err == nil {
		_, err = part.Write(doc.Content)
	}
	err = errors.Join(err, form.Close()) // which writes the end
	return bytes.NewReader(out.Bytes()), form.FormDataContentType(), err
}

// request is a call to a path below the endpoint, with {job} filled in.
func (p *Provider) request(ctx context.Context, method, path, job string, body io.Reader) (*http.Request, error) {
	path = strings.ReplaceAll(path, "{job}", url.PathEscape(job))
	r, err := http.NewRequestWithContext(ctx, method, p.caller.Base.String()+path, body)
	if err != nil {
		return nil, badCall(err)
	}
	return r, nil
}

func badCall(cause error) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadRequest,
		Sentence: "The service cannot be asked: the address makes no sense. Look at the paths in this engine's settings.", Cause: cause}
}

// at is the text at a path; "" for none.
func at(body []byte, path string) string {
	if path == "" {
		return ""
	}
	return gjson.GetBytes(body, path).String()
}
