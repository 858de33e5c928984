package mistral

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"intray/engines"
)

// longWait is from where on a rate limit is a quota.
const longWait = time.Hour

// call makes one call with the key and returns the body of a success.
func (p *Provider) call(ctx context.Context, method, path, mime string, body []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(p.options.Endpoint, "/")+"/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, internal(err)
	}
	if mime != "" {
		r.Header.Set("Content-Type", mime)
	}
	reply, err := p.caller.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if reply.Status < 200 || reply.Status > 299 {
		return nil, p.failure(reply)
	}
	return reply.Body, nil
}

// get asks for JSON; it can be repeated.
func (p *Provider) get(ctx context.Context, path string, into any) error {
	raw, err := p.call(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return engines.AskAgain(ctx, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nonsense(err)
	}
	return nil
}

// remove deletes what may be gone already.
func (p *Provider) remove(ctx context.Context, path string) error {
	_, err := p.call(ctx, http.MethodDelete, path, "", nil)
	if gone(err) {
		return nil
	}
	return engines.AskAgain(ctx, err)
}

func gone(err error) bool {
	e, ok := engines.AsError(err)
	return ok && e.Code == engines.CodeExpired
}

func internal(err error) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings, Sentence: "The request to Mistral cannot be made. Check the engine's settings.", Cause: err}
}

func nonsense(cause error) error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Mistral's answer makes no sense; it will be asked again.", Cause: cause}
}

func hollow() error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeHollow,
		Sentence: "Mistral says that it has read the document and returns nothing. Submit it again, or use another engine."}
}

// refusal is what an error's body may say; its form is not stable.
type refusal struct {
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"`
	Message json.RawMessage `json:"message"`
	Detail  json.RawMessage `json:"detail"`
}

// failure turns a refusal into our error.
func (p *Provider) failure(reply engines.Reply) *engines.Error {
	var said refusal
	// A body that is no JSON, as of a gateway, says nothing but its status.
	_ = json.Unmarshal(reply.Body, &said)
	e := &engines.Error{Kind: engines.Terminal, Cause: p.discreet(reply.Status, said), RetryAfter: engines.RetryAfter(reply.Header, time.Now())}
	switch status := reply.Status; {
	case status == 401 || status == 403:
		e.Code, e.Sentence = engines.CodeAuth, "Mistral does not accept the key. Check it, and that its workspace may use OCR."
	case status == 402, status == 429 && e.RetryAfter >= longWait:
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeQuota, "What Mistral was paid for is used up. Raise the limit at Mistral, or wait."
	case status == 429:
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeRate, "Mistral takes no more calls at the moment."
	case status == 404:
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeExpired, "Mistral does not know the job or its answer. The document has to be submitted again."
	case status == 413, said.Type == "document_parser_too_many_pages":
		e.Code, e.Sentence = engines.CodeTooLarge, "The document is too large for Mistral. Split it."
	case said.Type == "invalid_file" && strings.Contains(string(said.Code), "1901"):
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeService, "Mistral could not fetch the file it was given."
	case status == 422, strings.HasPrefix(said.Type, "document_parser_"), strings.HasPrefix(said.Type, "invalid_request_file"), said.Type == "invalid_file":
		e.Code, e.Sentence = engines.CodeContent, "Mistral does not take the document: it is damaged, has a password, or is of another type than it says."
	case engines.Unheard(status):
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeSubmitUnknown, "A gateway answered in Mistral's place, which it did not hear in time."
	case status >= 500 || status == 408:
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeService, "Mistral has trouble of its own."
	case status >= 300 && status < 400:
		e.Code, e.Sentence = engines.CodeForeignAddress, "Mistral's address leads elsewhere, and nothing was sent there. Check the endpoint in the engine's settings."
	default:
		e.Code, e.Sentence = engines.CodeBadRequest, "Mistral does not accept the request. Check the model in the engine's settings."
	}
	return e
}

// discreet is what Mistral says without the key, which some servers repeat.
func (p *Provider) discreet(status int, said refusal) error {
	text := fmt.Sprintf("status %d", status)
	// Details repeat the input, which is the document: only their messages count.
	var details []struct {
		Message string `json:"msg"`
	}
	_ = json.Unmarshal(said.Detail, &details)
	parts := []string{said.Type, string(said.Code), string(said.Message)}
	for _, d := range details {
		parts = append(parts, d.Message)
	}
	for _, part := range parts {
		if part != "" && part != "null" {
			text += " " + part
		}
	}
	return p.quote(text)
}

// quote is what Mistral says, as it may be kept: short, and without the key.
func (p *Provider) quote(text string) error {
	// Without a key the call would not have been made.
	key, _ := p.options.Key.Read()
	return errors.New(engines.Scrub(text, key))
}
