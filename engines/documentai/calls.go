package documentai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"intray/engines"
)

// longWait is from where on a rate limit is a quota.
const longWait = time.Hour

// call makes one call with a token and returns the body of a success.
func (p *Provider) call(ctx context.Context, to *engines.Caller, method, path, mime string, body []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(to.Base.String(), "/")+"/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings, Sentence: "The request to Google cannot be made. Check the engine's settings.", Cause: err}
	}
	if mime != "" {
		r.Header.Set("Content-Type", mime)
	}
	reply, err := to.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if reply.Status == http.StatusUnauthorized {
		p.tokens.forget()
	}
	if reply.Status < 200 || reply.Status > 299 {
		return nil, refused(reply, r.Header.Get("Authorization"))
	}
	return reply.Body, nil
}

// get asks for JSON; it can be repeated.
func (p *Provider) get(ctx context.Context, to *engines.Caller, path string, into any) error {
	raw, err := p.call(ctx, to, http.MethodGet, path, "", nil)
	if err != nil {
		return engines.AskAgain(ctx, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nonsense(err)
	}
	return nil
}

func gone(err error) bool {
	e, ok := engines.AsError(err)
	return ok && e.Code == engines.CodeExpired
}

func nonsense(cause error) error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Google's answer makes no sense; it will be asked again.", Cause: cause}
}

func hollow() *engines.Error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeHollow,
		Sentence: "Document AI says that it has read the document and returns nothing. Submit it again, or use another engine."}
}

// rpcStatus is google.rpc.Status, alone or in the body of an error.
type rpcStatus struct {
	// Code is gRPC's in an operation and HTTP's in an error's body.
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Details []struct {
		Reason string `json:"reason"`
		Delay  string `json:"retryDelay"`
	} `json:"details"`
}

// grpcNames are the names of gRPC's codes.
var grpcNames = map[int]string{1: "CANCELLED", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND", 7: "PERMISSION_DENIED",
	8: "RESOURCE_EXHAUSTED", 9: "FAILED_PRECONDITION", 13: "INTERNAL", 14: "UNAVAILABLE", 16: "UNAUTHENTICATED"}

// refused turns a refusal into our error; authorization must not be in it, which
// some servers repeat.
func refused(reply engines.Reply, authorization string) error {
	var body struct {
		Error rpcStatus `json:"error"`
	}
	// A body that is no JSON, as of a gateway, says nothing but its status.
	_ = json.Unmarshal(reply.Body, &body)
	body.Error.Message = engines.Scrub(body.Error.Message, strings.TrimPrefix(authorization, "Bearer "))
	body.Error.Code = 0
	e := body.Error.failure(reply.Status, "do what it was asked")
	if after := engines.RetryAfter(reply.Header, time.Now()); after > 0 {
		e.RetryAfter = after
	}
	if e.Code == engines.CodeRate && e.RetryAfter >= longWait {
		e.Code, e.Sentence = engines.CodeQuota, "Google's quota for the project is used up. Ask Google for more, or wait."
	}
	return e
}

// failure explains a status; http is 0 for one of an operation, and doing is what
// Google did not.
func (s rpcStatus) failure(http int, doing string) *engines.Error {
	name := s.Status
	if name == "" {
		name = grpcNames[s.Code]
	}
	e := &engines.Error{Kind: engines.Terminal, Cause: fmt.Errorf("status %d %s", http, engines.Scrub(name+" "+s.Message))}
	for _, d := range s.Details {
		if seconds, err := strconv.ParseFloat(strings.TrimSuffix(d.Delay, "s"), 64); err == nil && seconds > 0 && seconds < 1e8 {
			e.RetryAfter = time.Duration(seconds * float64(time.Second))
		}
	}
	set := func(kind engines.Kind, code, sentence string) *engines.Error {
		e.Kind, e.Code, e.Sentence = kind, code, "Google did not "+doing+": "+sentence
		return e
	}
	switch {
	case s.says("PAGE_LIMIT_EXCEEDED", "exceeds the limit", "exceed the limit") || http == 413:
		return set(engines.Terminal, engines.CodeTooLarge, "the document is too large for the processor. Split it, or use a batch.")
	case name == "UNAUTHENTICATED" || http == 401:
		return set(engines.Terminal, engines.CodeAuth, "the service account is not accepted. Check its key file, and the clock of this machine.")
	case name == "PERMISSION_DENIED" || http == 403:
		return set(engines.Terminal, engines.CodeAuth, "the service account has no right to. Give it the roles of a Document AI API user and, for the bucket, of a storage object admin.")
	case name == "RESOURCE_EXHAUSTED" && s.says("per day", "daily"), http == 402:
		return set(engines.Retryable, engines.CodeQuota, "the project's quota is used up. Ask Google for more, or wait.")
	case name == "RESOURCE_EXHAUSTED" || http == 429:
		return set(engines.Retryable, engines.CodeRate, "it takes no more calls at the moment.")
	case (name == "NOT_FOUND" || http == 404) && s.says("processor"):
		return set(engines.Terminal, engines.CodeBadSettings, "it does not know the processor. Check processor and endpoint in the engine's settings.")
	case name == "NOT_FOUND" || http == 404:
		return set(engines.Retryable, engines.CodeExpired, "it does not know the job, or its files are gone. The document has to be submitted again.")
	case name == "INVALID_ARGUMENT" || name == "FAILED_PRECONDITION":
		return s.argument(http, set)
	case name == "" && engines.Unheard(http): // Google itself gives its errors a name
		return set(engines.Retryable, engines.CodeSubmitUnknown, "a gateway answered in its place, which it did not hear in time.")
	case http >= 300 && http < 400:
		return set(engines.Terminal, engines.CodeForeignAddress, "its address leads elsewhere, and nothing was sent there. Check the endpoint in the engine's settings.")
	case http >= 400 && http < 500 && http != 408 && http != 409 && http != 499:
		return set(engines.Terminal, engines.CodeBadRequest, "it does not accept the request. Check the engine's settings.")
	}
	return set(engines.Retryable, engines.CodeService, "it has trouble of its own.")
}

// argument tells a document that is not taken from a request that is wrong.
func (s rpcStatus) argument(http int, set func(engines.Kind, string, string) *engines.Error) *engines.Error {
	if http == 0 || s.says("document", "content", "file", "pdf", "image", "password") {
		return set(engines.Terminal, engines.CodeContent, "it does not take the document: it is damaged, has a password, or is of another type than it says.")
	}
	return set(engines.Terminal, engines.CodeBadRequest, "it does not accept the request. Check the processor in the engine's settings.")
}

// says looks for one of the words in what Google says.
func (s rpcStatus) says(words ...string) bool {
	text := strings.ToLower(s.Message)
	for _, d := range s.Details {
		text += " " + strings.ToLower(d.Reason)
	}
	for _, w := range words {
		if strings.Contains(text, strings.ToLower(w)) {
			return true
		}
	}
	return false
}

// errNoKey is for a key file without what it should have.
var errNoKey = errors.New("client_email and private_key are not in it")
