package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"intray/engines"
)

// Status asks once. A redirect means that there is a result to go to.
func (p *Provider) Status(ctx context.Context, job engines.Job) (engines.JobStatus, error) {
	reply, err := p.ask(ctx, job)
	if err != nil {
		return engines.JobStatus{}, err
	}
	status := engines.JobStatus{State: engines.JobRunning, RetryAfter: engines.RetryAfter(reply.Header, p.now())}
	switch word := at(reply.Body, p.settings.Status.State); {
	case reply.Status >= 300 || slices.Contains(p.settings.Status.Succeeded, word):
		status.State = engines.JobSucceeded
	case slices.Contains(p.settings.Status.Failed, word):
		status.State, status.Err = engines.JobFailed, p.jobError(reply.Body)
	}
	return status, nil
}

func (p *Provider) jobError(body []byte) *engines.Error {
	secrets, _ := p.credentials() // without them there is nothing to hide
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeContent, Sentence: "The service could not read the document.",
		Cause: errors.New(scrub(at(body, p.settings.Status.Error), secrets))}
}

// Fetch returns the result as it came. Where its address is in the answer to the
// status, that is asked first.
func (p *Provider) Fetch(ctx context.Context, job engines.Job) ([]byte, error) {
	if p.settings.Result.Path != "" {
		reply, err := p.get(ctx, p.settings.Result.Path, job.ID)
		if err != nil {
			return nil, err
		}
		return p.result(reply)
	}
	reply, err := p.ask(ctx, job)
	if err != nil {
		return nil, err
	}
	where := at(reply.Body, p.settings.Status.ResultURL)
	if reply.Status >= 300 {
		where = reply.Header.Get("Location")
	}
	word := at(reply.Body, p.settings.Status.State)
	switch {
	case where != "":
		if reply, err = p.get(ctx, where, ""); err != nil {
			return nil, err
		}
	case slices.Contains(p.settings.Status.Failed, word):
		return nil, p.jobError(reply.Body)
	case !slices.Contains(p.settings.Status.Succeeded, word):
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "The service has not finished reading the document.",
			RetryAfter: engines.RetryAfter(reply.Header, p.now())}
	}
	return p.result(reply)
}

func (p *Provider) result(reply engines.Reply) ([]byte, error) {
	if reply.Status >= 300 {
		return nil, senseless(errors.New("a second redirect"))
	}
	return reply.Body, nil
}

// Delete asks the service to forget the job. What is gone already is fine.
func (p *Provider) Delete(ctx context.Context, job engines.Job) error {
	if p.settings.Delete.Path == "" {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := p.request(ctx, http.MethodDelete, p.settings.Delete.Path, job.ID, nil)
	if err != nil {
		return err
	}
	reply, err := p.caller.Do(ctx, r)
	if err != nil {
		return engines.AskAgain(ctx, err)
	}
	if reply.Status < 300 || reply.Status == http.StatusNotFound || reply.Status == http.StatusGone {
		return nil
	}
	return p.refused(r, reply, false)
}

// ask is the answer about a job: JSON or a redirect.
func (p *Provider) ask(ctx context.Context, job engines.Job) (engines.Reply, error) {
	if job.URL != "" {
		return p.get(ctx, job.URL, "")
	}
	return p.get(ctx, p.settings.Status.Path, job.ID)
}

// get asks a whole address, or a path for a job.
func (p *Provider) get(ctx context.Context, where, job string) (engines.Reply, error) {
	if err := ctx.Err(); err != nil {
		return engines.Reply{}, err
	}
	r, err := p.request(ctx, http.MethodGet, "", "", nil)
	if err == nil && strings.HasPrefix(where, "/") {
		r, err = p.request(ctx, http.MethodGet, where, job, nil)
	} else if err == nil {
		r, err = http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	}
	if err != nil {
		return engines.Reply{}, badCall(err)
	}
	reply, err := p.caller.Do(ctx, r)
	switch {
	case err != nil:
		return reply, engines.AskAgain(ctx, err)
	case reply.Status >= 300 && reply.Status < 400 && reply.Header.Get("Location") != "":
		return reply, nil
	case reply.Status >= 300:
		return reply, p.refused(r, reply, false)
	case !json.Valid(reply.Body):
		return reply, senseless(fmt.Errorf("no JSON, Content-Type %q", reply.Header.Get("Content-Type")))
	}
	return reply, nil
}

func senseless(cause error) error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeService,
		Sentence: "The service's answer makes no sense. Look whether a proxy or a firewall answers in its place.", Cause: cause}
}

// refused explains an answer that is no success by its status.
func (p *Provider) refused(r *http.Request, reply engines.Reply, submitting bool) error {
	e := &engines.Error{RetryAfter: engines.RetryAfter(reply.Header, p.now())}
	is := func(kind engines.Kind, code, sentence string) { e.Kind, e.Code, e.Sentence = kind, code, sentence }
	switch status := reply.Status; {
	case submitting && engines.Unheard(status):
		is(engines.Retryable, engines.CodeSubmitUnknown, "A gateway answered in the service's place, which it did not hear in time.")
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		is(engines.Terminal, engines.CodeAuth, "The service does not accept the credential. Look at key and headers in this engine's settings.")
	case status == http.StatusPaymentRequired || status == http.StatusTooManyRequests && e.RetryAfter >= time.Hour:
		is(engines.Retryable, engines.CodeQuota, "The quota at the service is used up. Wait, or extend the contract.")
	case status == http.StatusTooManyRequests:
		is(engines.Retryable, engines.CodeRate, "The service is asked too often at the moment. It will be tried again.")
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooEarly:
		is(engines.Retryable, engines.CodeService, "The service has a fault of its own. It will be tried again.")
	case !submitting && (status == http.StatusNotFound || status == http.StatusGone):
		is(engines.Retryable, engines.CodeExpired, "The service no longer has the job or its result. The document must be sent again.")
	case status == http.StatusRequestEntityTooLarge:
		is(engines.Terminal, engines.CodeTooLarge, "The file is too large for the service. Split it, or scan with a lower resolution.")
	case status == http.StatusUnsupportedMediaType:
		is(engines.Terminal, engines.CodeUnsupported, "The service does not take this type of file.")
	case status == http.StatusUnprocessableEntity:
		is(engines.Terminal, engines.CodeContent, "The service does not take the document, or a field that is sent with it. Look at submit.fields.")
	case status < 400:
		is(engines.Terminal, engines.CodeBadRequest, "The service sends us to another address, which is not followed. Look at endpoint.")
	default:
		is(engines.Terminal, engines.CodeBadRequest, "The service does not understand what it is asked. Look at the paths and fields in this engine's settings.")
	}
	secrets, _ := p.credentials() // they were read a moment ago
	e.Cause = fmt.Errorf("%s: HTTP %d: %s", r.Method, reply.Status, scrub(string(reply.Body), secrets))
	return e
}

func scrub(message string, secrets map[string]string) string {
	return engines.Scrub(message, slices.Collect(maps.Values(secrets))...)
}
