package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"intray/engines"
)

// Submit posts the document. The service has no idempotency key; ours is sent for
// its support's eyes only. A lost answer is engines.CodeSubmitUnknown.
func (p *Provider) Submit(ctx context.Context, doc engines.Document, idempotencyKey string) (engines.Job, error) {
	if err := ctx.Err(); err != nil {
		return engines.Job{}, err
	}
	query := url.Values{"api-version": {apiVersion}, "stringIndexType": {"unicodeCodePoint"}}
	if len(p.settings.Features) > 0 {
		query.Set("features", strings.Join(p.settings.Features, ","))
	}
	address := p.caller.Base.JoinPath("documentintelligence", "documentModels", p.settings.Model+":analyze")
	address.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(doc.Content))
	if err != nil {
		return engines.Job{}, badRequest(err)
	}
	mime := doc.MIME
	if mime == "image/heic" {
		mime = "image/heif"
	}
	r.Header.Set("Content-Type", mime)
	r.Header.Set("x-ms-client-request-id", idempotencyKey)
	reply, err := p.caller.Do(ctx, r)
	if err != nil {
		return engines.Job{}, err
	}
	if engines.Unheard(reply.Status) {
		return engines.Job{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown,
			Sentence: "A gateway answered in Azure's place, which it did not hear in time.", Cause: fmt.Errorf("HTTP %d", reply.Status)}
	}
	if reply.Status >= 300 {
		return engines.Job{}, p.refused(r, reply)
	}
	where := reply.Header.Get("Operation-Location")
	if reply.Status != http.StatusAccepted || where == "" {
		return engines.Job{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown,
			Sentence: "Azure answered without saying where the result will be. Look whether a proxy answers in its place.",
			Cause:    fmt.Errorf("HTTP %d with Content-Type %q", reply.Status, reply.Header.Get("Content-Type"))}
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != p.caller.Base.Scheme || u.Host != p.caller.Base.Host {
		return engines.Job{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeForeignAddress,
			Sentence: "Azure took the document, but says that the result will be at another host than the endpoint. Nothing was sent there."}
	}
	return engines.Job{ID: path.Base(u.Path), URL: where, Wait: engines.RetryAfter(reply.Header, p.now())}, nil
}

// Status asks once. An unknown word counts as running; the caller has a deadline.
func (p *Provider) Status(ctx context.Context, job engines.Job) (engines.JobStatus, error) {
	reply, err := p.look(ctx, http.MethodGet, job)
	if err != nil {
		return engines.JobStatus{}, err
	}
	answer, err := readStatus(reply.Body)
	if err != nil {
		return engines.JobStatus{}, err
	}
	status := engines.JobStatus{State: engines.JobRunning, RetryAfter: engines.RetryAfter(reply.Header, p.now())}
	switch answer.Status {
	case "succeeded":
		status.State = engines.JobSucceeded
	case "failed", "canceled", "skipped":
		status.State, status.Err = engines.JobFailed, jobError(answer)
	}
	return status, nil
}

// Fetch returns the answer as it came, of a job that has succeeded.
func (p *Provider) Fetch(ctx context.Context, job engines.Job) ([]byte, error) {
	reply, err := p.look(ctx, http.MethodGet, job)
	if err != nil {
		return nil, err
	}
	answer, err := readStatus(reply.Body)
	switch {
	case err != nil:
		return nil, err
	case answer.Status == "succeeded":
		return reply.Body, nil
	case answer.Status == "failed":
		return nil, jobError(answer)
	}
	return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Azure has not finished reading the document.",
		RetryAfter: engines.RetryAfter(reply.Header, p.now())}
}

// Delete removes input and result at the service. What is gone already is fine.
func (p *Provider) Delete(ctx context.Context, job engines.Job) error {
	_, err := p.look(ctx, http.MethodDelete, job)
	if failure, ok := engines.AsError(err); ok && failure.Code == engines.CodeExpired {
		return nil
	}
	return err
}

// look makes a call about a job that exists; a lost answer can be asked for again.
func (p *Provider) look(ctx context.Context, method string, job engines.Job) (engines.Reply, error) {
	if err := ctx.Err(); err != nil {
		return engines.Reply{}, err
	}
	r, err := http.NewRequestWithContext(ctx, method, job.URL, nil)
	if err != nil {
		return engines.Reply{}, badRequest(err)
	}
	reply, err := p.caller.Do(ctx, r)
	if err != nil {
		return reply, engines.AskAgain(ctx, err)
	}
	if reply.Status >= 300 {
		return reply, p.refused(r, reply)
	}
	return reply, nil
}

// readStatus reads the outer part of an answer.
func readStatus(body []byte) (answer, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return a, nonsense(err)
	}
	if a.Status == "" {
		return a, nonsense(errors.New("it has no status"))
	}
	return a, nil
}

func nonsense(cause error) error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeService,
		Sentence: "Azure's answer makes no sense. Look whether a proxy or a firewall answers in its place.", Cause: cause}
}

func badRequest(cause error) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadRequest, Sentence: "Azure cannot be asked: the address makes no sense.", Cause: cause}
}
