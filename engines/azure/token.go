package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"intray/engines"
)

// tokenSource gets an application's tokens from Entra ID by client credentials
// (OAuth 2.0, RFC 6749, 4.4) and keeps the newest in memory until shortly before
// its end.
type tokenSource struct {
	settings Settings
	scope    string
	caller   *engines.Caller
	// turn is held by whoever reads or renews the token.
	turn  chan struct{}
	token string
	until time.Time
}

func newTokenSource(s Settings, endpoint *url.URL) (*tokenSource, error) {
	if s.Authority == "" {
		s.Authority = "https://login.microsoftonline.com"
	}
	base, err := engines.ServiceAddress("authority", s.Authority)
	if err != nil {
		return nil, err
	}
	scope := "https://cognitiveservices.azure.com/.default"
	for _, cloud := range []string{".azure.us", ".azure.cn"} { // the sovereign clouds
		if strings.HasSuffix(endpoint.Hostname(), cloud) {
			scope = "https://cognitiveservices" + cloud + "/.default"
		}
	}
	return &tokenSource{settings: s, scope: scope, caller: &engines.Caller{Base: base, MaxAnswer: 1 << 20}, turn: make(chan struct{}, 1)}, nil
}

// get is a token that is good for another minute at least.
func (t *tokenSource) get(ctx context.Context) (string, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if t.token != "" && time.Until(t.until) > time.Minute {
		return t.token, nil
	}
	token, lives, err := t.ask(ctx)
	if err != nil {
		return "", err
	}
	t.token, t.until = token, time.Now().Add(lives)
	return token, nil
}

// forget drops a token that was refused.
func (t *tokenSource) forget() {
	t.turn <- struct{}{}
	t.token = ""
	<-t.turn
}

func (t *tokenSource) ask(ctx context.Context) (string, time.Duration, error) {
	secret, err := t.settings.ClientSecret.Read()
	if err != nil {
		return "", 0, err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.settings.ClientID}, "client_secret": {secret}, "scope": {t.scope}}
	where := t.caller.Base.JoinPath(t.settings.Tenant, "oauth2", "v2.0", "token")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, where.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, badRequest(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := t.caller.Do(ctx, r)
	if err != nil {
		// Nothing was submitted, whatever became of this call.
		return "", 0, engines.AskAgain(ctx, err)
	}
	var answer struct {
		Token   string      `json:"access_token"`
		Expires json.Number `json:"expires_in"`
		Error   string      `json:"error"`
		Text    string      `json:"error_description"`
	}
	err = json.Unmarshal(reply.Body, &answer)
	lives, _ := answer.Expires.Float64() // without it the token serves once
	if reply.Status == http.StatusOK && err == nil && answer.Token != "" {
		return answer.Token, time.Duration(min(max(lives, 0), 1e6) * float64(time.Second)), nil
	}
	e := &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Entra ID gives no token at the moment. It will be tried again.",
		RetryAfter: engines.RetryAfter(reply.Header, time.Now()), Cause: fmt.Errorf("HTTP %d: %s", reply.Status, engines.Scrub(answer.Error+" "+answer.Text, secret))}
	switch {
	case reply.Status == http.StatusTooManyRequests:
		e.Code = engines.CodeRate
	case reply.Status >= 400 && reply.Status < 500:
		e.Kind, e.Code = engines.Terminal, engines.CodeAuth
		e.Sentence = "Entra ID does not accept the application. Look at tenant, client_id and client_secret, and whether the secret has expired."
	}
	return "", 0, e
}
