package engines

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestCheckPages(t *testing.T) {
	whole := Result{Pages: make([]AnswerPage, 2)}
	if err := CheckPages(whole, 2); err != nil {
		t.Error(err)
	}
	failed := Result{Pages: []AnswerPage{{}, {Failed: "Too dark."}}}
	for name, err := range map[string]error{"fewer": CheckPages(whole, 3), "more": CheckPages(whole, 1), "failed": CheckPages(failed, 2)} {
		var e *Error
		if !errors.As(err, &e) || e.Kind != Review || e.Code != CodePagesMissing || !strings.HasSuffix(e.Sentence, ".") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAskAgain(t *testing.T) {
	lost := &Error{Kind: Retryable, Code: CodeSubmitUnknown, Sentence: "The answer was lost."}
	var e *Error
	if err := AskAgain(t.Context(), lost); !errors.As(err, &e) || e.Code != CodeNetwork || e.Kind != Retryable {
		t.Errorf("got %v", err)
	}
	other := &Error{Kind: Terminal, Code: CodeForeignAddress}
	if err := AskAgain(t.Context(), other); err != error(other) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := AskAgain(ctx, lost); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestScrub(t *testing.T) {
	const secret = `a/b+c"d&e=`
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	message := strings.Join([]string{"plain", secret, string(quoted), url.QueryEscape(secret), url.PathEscape(secret), `a\/b+c"d&e=`}, "\n")
	if got := Scrub(message, "", secret); got != `plain … "…" … … …` {
		t.Errorf("got %q", got)
	}
	if got := Scrub(strings.Repeat("ä", 500)); len([]rune(got)) != 301 {
		t.Errorf("%d characters", len([]rune(got)))
	}
}

func TestServiceAddress(t *testing.T) {
	for text, ok := range map[string]bool{"https://a.example/": true, "http://127.0.0.1:8080": true, "http://[::1]:1": true, "http://a.example": false,
		"": false, "a.example": false, "https://user:pw@a.example": false, "https://a.example?x=1": false, "ftp://localhost": false} {
		if _, err := ServiceAddress("endpoint", text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
