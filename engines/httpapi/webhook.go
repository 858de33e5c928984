package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"intray/engines"
)

// VerifyWebhook checks a callback's signature over its raw body with each of the
// secrets, and says which job it is about. An error is terminal: CodeForged for one
// that proves nothing, CodeAuth where our own secret is missing. It is safe for
// parallel use.
func (p *Provider) VerifyWebhook(body []byte, header http.Header) (string, error) {
	w := p.settings.Webhook
	if w.Scheme == "" {
		return "", forged("The service is not declared to call back.", nil)
	}
	signed, signatures, err := w.claim(body, header, p.now())
	if err != nil {
		return "", forged("The callback's signature cannot be checked: look at webhook in this engine's settings, and at the clock.", err)
	}
	proven := false
	var missing error
	for _, place := range w.Secrets {
		secret, err := place.Read()
		if err != nil { // the other may do: one of two goes at the end of an exchange
			missing = err
			continue
		}
		key := []byte(secret)
		if w.Scheme == "standard-webhooks" {
			if key, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")); err != nil || len(key) == 0 {
				missing = &engines.Error{Kind: engines.Terminal, Code: engines.CodeAuth, Sentence: "The signing key is not in base64: " + place.String() + "."}
				continue
			}
		}
		mac := hmac.New(sha256.New, key)
		mac.Write(signed)
		sum := mac.Sum(nil)
		for _, s := range signatures {
			proven = hmac.Equal(sum, s) || proven
		}
	}
	if !proven && missing != nil {
		return "", missing
	}
	if !proven {
		return "", forged("The callback is not signed with the secret of this engine's settings. It was ignored.", nil)
	}
	if !json.Valid(body) || at(body, w.JobID) == "" {
		return "", forged("The callback is signed, but names no job. Look at webhook.job_id.", nil)
	}
	return at(body, w.JobID), nil
}

func forged(sentence string, cause error) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeForged, Sentence: sentence, Cause: cause}
}

// claim is what was signed, and the signatures that claim to be it.
func (w Webhook) claim(body []byte, header http.Header, now time.Time) ([]byte, [][]byte, error) {
	if w.Scheme == "standard-webhooks" {
		return w.standardClaim(body, header, now)
	}
	text, ok := strings.CutPrefix(header.Get(w.Header), w.Prefix)
	if !ok || text == "" {
		return nil, nil, errors.New("no signature")
	}
	decode := base64.StdEncoding.DecodeString
	if w.Scheme == "hmac-sha256-hex" {
		decode = hex.DecodeString
	}
	signature, err := decode(text)
	return body, [][]byte{signature}, err
}

// standardClaim follows Standard Webhooks 1.0.0: signed are id, time and body with
// dots between; any of the listed signatures of version v1 counts.
func (w Webhook) standardClaim(body []byte, header http.Header, now time.Time) ([]byte, [][]byte, error) {
	id, stamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || strings.Contains(id, ".") || err != nil {
		return nil, nil, errors.New("no id or time")
	}
	tolerance, err := time.ParseDuration(w.Tolerance)
	if err != nil {
		return nil, nil, err
	}
	if age := now.Sub(time.Unix(seconds, 0)); age.Abs() > tolerance {
		return nil, nil, errors.New("its time is too far off")
	}
	var signatures [][]byte
	for _, entry := range strings.Fields(header.Get("webhook-signature")) {
		if text, ok := strings.CutPrefix(entry, "v1,"); ok {
			if signature, err := base64.StdEncoding.DecodeString(text); err == nil {
				signatures = append(signatures, signature)
			}
		}
	}
	if len(signatures) == 0 {
		return nil, nil, errors.New("no signature of version v1")
	}
	return append([]byte(id+"."+stamp+"."), body...), signatures, nil
}
