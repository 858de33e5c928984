package azure

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"intray/engines"
)

// problem is the service's error object; the innermost code says most.
type problem struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Target  string    `json:"target"`
	Details []problem `json:"details"`
	Inner   *problem  `json:"innererror"`
}

func (p problem) innermost() problem {
	for p.Inner != nil && p.Inner.Code != "" {
		p = *p.Inner
	}
	return p
}

// meaning is what a code of the service says to us.
type meaning struct {
	kind     engines.Kind
	code     string
	sentence string
}

// meanings are by inner code, or outer where there is no other.
func meanings(code string) (meaning, bool) {
	content := func(code, sentence string) meaning { return meaning{engines.Terminal, code, sentence} }
	m, ok := map[string]meaning{
		"InvalidContent":             content(engines.CodeContent, "Azure cannot read the file: it is damaged, has a password, or is of a type that Azure does not take."),
		"UnsupportedContent":         content(engines.CodeContent, "Azure does not take this kind of content."),
		"InvalidContentSourceFormat": content(engines.CodeContent, "Azure does not take this kind of file."),
		"UnsupportedMediaType":       content(engines.CodeUnsupported, "Azure does not take this type of file."),
		"InvalidContentLength":       content(engines.CodeTooLarge, "The file is too large for Azure: 500 MB, or 4 MB in the free tier. Split it, or scan with a lower resolution."),
		"InvalidContentDimensions":   content(engines.CodeTooLarge, "The pages' pictures are too large or too small for Azure: from 50 by 50 to 10,000 by 10,000 pixels. Scan with another resolution."),
		"InvalidParameter":           content(engines.CodeBadRequest, "Azure does not know a value of this engine's settings, or one does not suit its model. Look at model and features."),
		"ParameterMissing":           content(engines.CodeBadRequest, "Azure wants a parameter that was not sent. Look at model: it may need another version."),
		"InvalidParameterLength":     content(engines.CodeBadRequest, "A value of this engine's settings is too long for Azure. Look at model and features."),
		"InvalidArgument":            content(engines.CodeBadRequest, "Azure does not take what this engine's settings ask for. Look at model and features."),
		"NotSupportedApiVersion":     content(engines.CodeBadRequest, "Azure does not offer interface version "+apiVersion+" at this endpoint. Create the resource in a region that has it."),
		"ModelNotFound":              content(engines.CodeBadRequest, "Azure has no model of that name. Look at model in this engine's settings, and whether endpoint is the resource it was made in."),
		"ModelNotReady":              {engines.Retryable, engines.CodeService, "Azure is still building the model. It will be tried again."},
		"OperationNotFound":          {engines.Retryable, engines.CodeExpired, "Azure no longer has the result: results are kept for 24 hours. The document must be sent again."},
		"AuthorizationFailed":        content(engines.CodeAuth, "Azure does not let this application read documents. Give it the role Cognitive Services User on the resource."),
		"OutboundAccessForbidden":    content(engines.CodeAuth, "Azure's resource is not allowed to do this. Look at its network settings in the portal."),
		"PermissionDenied":           content(engines.CodeAuth, "Azure does not let this application read documents. Give it the role Cognitive Services User on the resource."),
		"InvalidRequest":             content(engines.CodeContent, "Azure does not take this document."),
		"MethodNotAllowed":           content(engines.CodeBadRequest, "Azure does not understand the call. Look whether endpoint is that of a Document Intelligence resource."),
	}[code]
	return m, ok
}

// refused explains an answer that is not a success.
func (p *Provider) refused(r *http.Request, reply engines.Reply) error {
	var body struct {
		Error problem `json:"error"`
	}
	_ = json.Unmarshal(reply.Body, &body) // what is no JSON has no code
	e := explain(reply.Status, body.Error)
	e.RetryAfter = engines.RetryAfter(reply.Header, p.now())
	if e.Code == engines.CodeRate && e.RetryAfter >= time.Hour {
		e.Code, e.Sentence = engines.CodeQuota, quotaSentence
	}
	if reply.Status == http.StatusUnauthorized && p.tokens != nil {
		p.tokens.forget()
	}
	message := body.Error.innermost().Message
	if message == "" {
		message = http.StatusText(reply.Status)
	}
	e.Cause = fmt.Errorf("HTTP %d: %s", reply.Status, engines.Scrub(message, r.Header.Get("Ocp-Apim-Subscription-Key"),
		strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	return e
}

const quotaSentence = "The quota of the Azure resource is used up. Wait, or choose a larger pricing tier in the portal."

// explain maps status and error object; Cause and RetryAfter are the caller's.
func explain(status int, outer problem) *engines.Error {
	inner := outer.innermost()
	is := func(kind engines.Kind, code, sentence string) *engines.Error {
		return &engines.Error{Kind: kind, Code: code, Sentence: sentence}
	}
	switch {
	case status == http.StatusForbidden && strings.Contains(strings.ToLower(inner.Message), "quota"):
		return is(engines.Retryable, engines.CodeQuota, quotaSentence)
	case status == http.StatusUnauthorized:
		return is(engines.Terminal, engines.CodeAuth, "Azure does not accept the credential. Look whether the key is that of the resource at endpoint, and of its region.")
	case status == http.StatusTooManyRequests:
		return is(engines.Retryable, engines.CodeRate, "Azure is asked too often at the moment. It will be tried again.")
	case status >= 500:
		return is(engines.Retryable, engines.CodeService, "Azure has a fault of its own. It will be tried again.")
	}
	for _, code := range []string{inner.Code, outer.Code} {
		if m, ok := meanings(code); ok {
			return is(m.kind, m.code, m.sentence)
		}
	}
	switch status {
	case http.StatusForbidden:
		return is(engines.Terminal, engines.CodeAuth, "Azure refuses access. Look at the resource's network settings and at the application's role.")
	case http.StatusNotFound:
		return is(engines.Retryable, engines.CodeExpired, "Azure no longer has the result, or there is nothing at endpoint.")
	case http.StatusRequestEntityTooLarge:
		return is(engines.Terminal, engines.CodeTooLarge, "The file is too large for Azure.")
	case http.StatusUnsupportedMediaType:
		return is(engines.Terminal, engines.CodeUnsupported, "Azure does not take this type of file.")
	case http.StatusRequestTimeout, http.StatusConflict:
		return is(engines.Retryable, engines.CodeService, "Azure could not do it at the moment. It will be tried again.")
	}
	if status < 400 {
		return is(engines.Terminal, engines.CodeBadRequest, "Azure sends us to another address, which is not followed. Look at endpoint.")
	}
	return is(engines.Terminal, engines.CodeBadRequest, "Azure does not understand what this engine's settings ask for. Look at endpoint and model.")
}

// jobError explains a job that failed, which is an answer of status 200.
func jobError(a answer) *engines.Error {
	e := explain(http.StatusOK, a.Error)
	inner := a.Error.innermost()
	switch {
	case a.Error.Code == "InternalServerError" || a.Error.Code == "ServiceUnavailable" || inner.Code == "Unknown":
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeService, "Azure broke down over the document. It will be tried again."
	case a.Status != "failed":
		e.Kind, e.Code, e.Sentence = engines.Retryable, engines.CodeService, "Azure ended the analysis without a result. It will be tried again."
	case e.Code == engines.CodeBadRequest && a.Error.Code != "InvalidArgument":
		e.Code, e.Sentence = engines.CodeContent, "Azure could not read the document."
	}
	places := []string{engines.Scrub(inner.Code+" "+inner.Message, "")}
	for _, d := range a.Error.Details {
		places = append(places, engines.Scrub(d.Target+" "+d.innermost().Message, ""))
	}
	e.Cause = fmt.Errorf("the job failed: %s", strings.Join(places, "; "))
	return e
}
