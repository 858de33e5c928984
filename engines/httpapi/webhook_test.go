package httpapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"testing"
	"time"

	"intray/engines"
)

// vectorSecret and the rest are the example of the Standard Webhooks' own texts.
const (
	vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorBody   = `{"test": 2432232314}`
	vectorTime   = 1614265330
)

func vectorHeader(signatures string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", signatures)
	return h
}

func wantForged(t *testing.T, name string, p *Provider, body []byte, h http.Header) {
	t.Helper()
	_, err := p.VerifyWebhook(body, h)
	if failure, ok := engines.AsError(err); !ok || failure.Code != engines.CodeForged || failure.Kind != engines.Terminal {
		t.Errorf("%s: %v", name, err)
	}
}

func isCode(err error, code string) bool {
	e, ok := engines.AsError(err)
	return ok && err != nil && e.Code == code
}

func TestStandardWebhooks(t *testing.T) {
	t.Setenv("INTRAY_TEST_HOOK", vectorSecret)
	t.Setenv("INTRAY_TEST_HOOK_OLD", "whsec_"+base64.StdEncoding.EncodeToString([]byte("the one before, which still is valid")))
	s := declared(t, plain)
	s.Webhook.JobID = "test"
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	p.now = func() time.Time { return time.Unix(vectorTime+200, 0) }
	const right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	const wrong = "v1,AAAM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	for _, header := range []string{right, wrong + " " + right, "v1a,xx " + right + " v2,yy"} {
		if job, err := p.VerifyWebhook([]byte(vectorBody), vectorHeader(header)); err != nil || job != "2432232314" {
			t.Errorf("%s: %q, %v", header, job, err)
		}
	}
	wantForged(t, "wrong", p, []byte(vectorBody), vectorHeader(wrong))
	for _, gone := range []string{"", "no base64!", "whsec_"} { // the end of an exchange of keys
		t.Setenv("INTRAY_TEST_HOOK_OLD", gone)
		if job, err := p.VerifyWebhook([]byte(vectorBody), vectorHeader(right)); err != nil || job != "2432232314" {
			t.Errorf("old key %q: %q, %v", gone, job, err)
		}
		if _, err := p.VerifyWebhook([]byte(vectorBody), vectorHeader(wrong)); !isCode(err, engines.CodeAuth) {
			t.Errorf("old key %q: %v", gone, err)
		}
	}
	t.Setenv("INTRAY_TEST_HOOK_OLD", vectorSecret)
	t.Setenv("INTRAY_TEST_HOOK", "whsec_") // nothing is no key
	empty := hmac.New(sha256.New, nil)
	empty.Write([]byte("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + vectorBody))
	if _, err := p.VerifyWebhook([]byte(vectorBody), vectorHeader("v1,"+base64.StdEncoding.EncodeToString(empty.Sum(nil)))); err == nil {
		t.Error("a callback signed with nothing was believed")
	}
	t.Setenv("INTRAY_TEST_HOOK", vectorSecret)
	wantForged(t, "altered", p, []byte(vectorBody+" "), vectorHeader(right))
	wantForged(t, "none", p, []byte(vectorBody), http.Header{})
	for name, change := range map[string]func(http.Header){
		"another id":   func(h http.Header) { h.Set("webhook-id", "msg_2") },
		"a dot":        func(h http.Header) { h.Set("webhook-id", "msg.p5j") },
		"another time": func(h http.Header) { h.Set("webhook-timestamp", "1614265331") },
		"no time":      func(h http.Header) { h.Set("webhook-timestamp", "now") },
	} {
		h := vectorHeader(right)
		change(h)
		wantForged(t, name, p, []byte(vectorBody), h)
	}
	for _, off := range []int64{-301, 301} {
		p.now = func() time.Time { return time.Unix(vectorTime+off, 0) }
		wantForged(t, "clock", p, []byte(vectorBody), vectorHeader(right))
	}
	// The secret was exchanged: the old one still counts, a third does not.
	p.now = func() time.Time { return time.Unix(vectorTime, 0) }
	t.Setenv("INTRAY_TEST_HOOK_OLD", vectorSecret)
	t.Setenv("INTRAY_TEST_HOOK", "whsec_"+base64.StdEncoding.EncodeToString([]byte("the new one that nobody has used yet")))
	if _, err := p.VerifyWebhook([]byte(vectorBody), vectorHeader(right)); err != nil {
		t.Errorf("during rotation: %v", err)
	}
}

// TestHMAC: hex as Mindee has it, base64, and hex behind a prefix as Rossum has it.
func TestHMAC(t *testing.T) {
	t.Setenv("INTRAY_TEST_HOOK", "geheim")
	body := []byte(`{"inference":{"id":"j-1"}}`)
	mac := hmac.New(sha256.New, []byte("geheim"))
	mac.Write(body)
	sum := mac.Sum(nil)
	for _, c := range []struct{ scheme, prefix, signature string }{
		{"hmac-sha256-hex", "", hex.EncodeToString(sum)},
		{"hmac-sha256-base64", "", base64.StdEncoding.EncodeToString(sum)},
		{"hmac-sha256-hex", "sha256=", "sha256=" + hex.EncodeToString(sum)},
	} {
		p := provider(t, mindee, "")
		p.settings.Webhook.Scheme, p.settings.Webhook.Prefix = c.scheme, c.prefix
		if job, err := p.VerifyWebhook(body, http.Header{"X-Signature": {c.signature}}); err != nil || job != "j-1" {
			t.Errorf("%+v: %q, %v", c, job, err)
		}
		wantForged(t, "altered", p, append(body, ' '), http.Header{"X-Signature": {c.signature}})
		wantForged(t, "cut", p, body, http.Header{"X-Signature": {c.signature[:len(c.signature)-8]}})
		wantForged(t, "none", p, body, http.Header{})
	}
	if _, err := provider(t, plain, "").VerifyWebhook(body, vectorHeader("v1,AAAA")); err == nil {
		t.Error("old callback accepted")
	}
}

// TestMindeeVectors: signatures that Mindee publishes with its clients. Their
// documents are not part of this project.
func TestMindeeVectors(t *testing.T) {
	t.Setenv("INTRAY_TEST_HOOK", "ogNjY44MhvKPGTtVsI8zG82JqWQa68woYQH")
	p := provider(t, mindee, "")
	for name, v := range map[string]struct{ path, header, jobID, signature string }{
		"v1": {"v1-webhook-empty-document.json", "X-Mindee-Hmac-Signature", "job.id|document.id", "5ed1673e34421217a5dbfcad905ee62261a3dd66c442f3edd19302072bbf70d0"},
		"v2": {"v2-financial-document.inference.json", "X-Signature", "inference.id", "79dd6572f8a97822fb12f2f72bc84ecdc7c968dede712cf23a256ac3eac593d4"},
	} {
		data, err := os.ReadFile("../../../shared/cloud/mindee/" + v.path)
		if err != nil {
			t.Skip("no vectors of Mindee on this machine")
		}
		data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r"), nil), []byte("\n"), nil)
		p.settings.Webhook.Header, p.settings.Webhook.JobID = v.header, v.jobID
		if _, err := p.VerifyWebhook(data, http.Header{http.CanonicalHeaderKey(v.header): {v.signature}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVerifyWebhook(f *testing.F) {
	f.Setenv("INTRAY_TEST_HOOK", vectorSecret)
	f.Setenv("INTRAY_TEST_HOOK_OLD", vectorSecret)
	one, two := provider(f, mindee, ""), provider(f, plain, "")
	f.Add([]byte(vectorBody), "msg_1", "1614265330", "v1,AAAA v1a,x")
	f.Fuzz(func(t *testing.T, body []byte, id, stamp, signature string) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}, "X-Signature": {signature}}
		for _, p := range []*Provider{one, two} {
			if job, err := p.VerifyWebhook(body, h); err == nil {
				t.Errorf("forged a callback for %q", job)
			}
		}
	})
}
