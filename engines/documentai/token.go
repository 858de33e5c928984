package documentai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"intray/engines"
)

// scope is what the service account's tokens are good for.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// early is how long before its end a token is exchanged.
const early = time.Minute

// tokens gets bearer tokens for a service account, with a signed assertion (RFC
// 7523), and keeps one until it ends. It is safe for parallel use.
type tokens struct {
	credentials engines.Secret
	caller      engines.Caller

	mu    sync.Mutex
	token *oauth2.Token
}

// authorize puts a token on the request.
func (t *tokens) authorize(r *http.Request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == nil || time.Now().Add(early).After(t.token.Expiry) {
		token, err := t.fetch(r.Context())
		if err != nil {
			return err
		}
		t.token = token
	}
	r.Header.Set("Authorization", "Bearer "+t.token.AccessToken)
	return nil
}

// forget drops a token that was not accepted.
func (t *tokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = nil
}

// fetch reads the key file anew, so that it can be exchanged. The file's own
// token_uri is not used: the assertion goes where the settings say.
func (t *tokens) fetch(ctx context.Context) (*oauth2.Token, error) {
	text, err := t.credentials.Read()
	if err != nil {
		return nil, err
	}
	var key struct {
		Email string `json:"client_email"`
		Key   string `json:"private_key"`
		ID    string `json:"private_key_id"`
	}
	wrong := func(sentence string, cause error) error {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeAuth, Sentence: sentence, Cause: cause}
	}
	if json.Unmarshal([]byte(text), &key) != nil || key.Email == "" || key.Key == "" {
		// What is wrong with the file is not quoted: it is a key.
		return nil, wrong("The credential at "+t.credentials.String()+" is no key file of a service account.", errNoKey)
	}
	config := jwt.Config{Email: key.Email, PrivateKey: []byte(key.Key), PrivateKeyID: key.ID, Scopes: []string{scope}, TokenURL: t.caller.Base.String()}
	once := &exchange{ctx: ctx, caller: &t.caller}
	token, err := config.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: once})).Token()
	switch {
	case once.err != nil:
		return nil, engines.AskAgain(ctx, once.err)
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case once.refused != nil:
		return nil, once.refused
	case err != nil && once.asked:
		return nil, nonsense(errors.New("the answer to the assertion has no token"))
	case err != nil:
		return nil, wrong("The service account's key cannot sign. Make a new key file at Google.", errors.New("the private key is not usable"))
	}
	return token, nil
}

// exchange makes the one call of the token source as our own are made, and keeps
// why it failed: the source's own errors show the answer.
type exchange struct {
	// ctx is here because the source gives its requests none.
	ctx     context.Context
	caller  *engines.Caller
	asked   bool
	err     error
	refused error
}

// RoundTrip sends the assertion.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	x.asked = true
	reply, err := x.caller.Do(x.ctx, r)
	if err != nil {
		x.err = err
		return nil, err
	}
	if reply.Status > 299 {
		x.refused = refusedToken(reply)
	}
	return &http.Response{StatusCode: reply.Status, Status: http.StatusText(reply.Status), Header: reply.Header, Request: r,
		Body: io.NopCloser(bytes.NewReader(reply.Body))}, nil
}

// refusedToken explains a refusal of the assertion (RFC 6749, 5.2), which is 400
// for a key that is unknown.
func refusedToken(reply engines.Reply) error {
	if reply.Status == http.StatusBadRequest {
		reply.Status = http.StatusUnauthorized
	}
	reply.Body = nil
	return refused(reply, "")
}
