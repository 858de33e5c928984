package documentai

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
)

const processor = "projects/p/locations/eu/processors/abc"

// keyFile is a service account's, whose name is the lab's credential.
func keyFile(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{"type": "service_account", "client_email": servers.Secret, "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "https://evil.example/token"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func provider(t testing.TB, address, file string, batch bool) *Provider {
	t.Helper()
	p, err := New(engines.Settings{Name: "google", Decode: func(into any) error {
		*into.(*options) = options{Processor: processor, Credentials: engines.Secret{File: file}, Endpoint: address, StorageEndpoint: address,
			TokenEndpoint: address + "/token", Batch: batch, Bucket: "in-tray", Prefix: "/intray/"}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	p.api.MaxAnswer, p.storage.MaxAnswer, p.tokens.caller.MaxAnswer = servers.HugeBody/4, servers.HugeBody/4, servers.HugeBody/4
	return p
}

// plain is a provider for Normalize alone.
func plain(t testing.TB) *Provider {
	t.Helper()
	return provider(t, "https://documentai.example", "none.json", true)
}

func TestSuite(t *testing.T) {
	file := keyFile(t)
	for name, batch := range map[string]bool{"batch": true, "online": false} {
		t.Run(name, func(t *testing.T) {
			enginetest.ProviderSuite{Service: servers.DocumentAIService, NoAddresses: !batch, Synchronous: !batch, KeepsAnswers: true,
				New: func(t *testing.T, lab *servers.Lab) engines.Provider { return provider(t, lab.URL, file, batch) }}.Run(t)
		})
	}
}

// TestShards: twelve shards, whose file names are in another order than they, come
// out in order.
func TestShards(t *testing.T) {
	lab := enginetest.StartLab(t, servers.DocumentAIService())
	p := provider(t, lab.URL, keyFile(t), true)
	doc := engines.Document{MIME: "application/pdf", Pages: 12, Content: []byte(strings.Repeat("/Type /Page \n", 12))}
	job, err := p.Submit(t.Context(), doc, "k")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.Fetch(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Normalize(raw)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.CheckAnswer(t, r)
	pages := strings.Split(enginetest.AnswerText(r), "\f")
	if len(pages) != 12 || pages[0] != "Page 1 read 🍐\n" || pages[9] != "Page 10 read 🍐\n" || pages[11] != "Page 12 read 🍐\n" {
		t.Errorf("pages %q", pages)
	}
	names := []string{"a/d-10.json", "a/d-9.json", "a/d-0.json", "a/d-2.json"}
	slices.SortFunc(names, byNumber)
	if !slices.Equal(names, []string{"a/d-0.json", "a/d-2.json", "a/d-9.json", "a/d-10.json"}) {
		t.Errorf("names %q", names)
	}
}

func TestMoney(t *testing.T) {
	for want, m := range map[string][2]int64{"9.50": {9, 500000000}, "140": {140, 0}, "-1.25": {-1, -250000000}, "-0.05": {0, -50000000},
		"0.000000001": {0, 1}, "0": {0, 0}} {
		if got := money(m[0], m[1]); got != want {
			t.Errorf("%v is %q, want %q", m, got, want)
		}
	}
}

func TestFailures(t *testing.T) {
	for body, want := range map[string]string{
		`400 {"error":{"code":400,"status":"INVALID_ARGUMENT","message":"x","details":[{"reason":"PAGE_LIMIT_EXCEEDED"}]}}`: engines.CodeTooLarge,
		`400 {"error":{"status":"INVALID_ARGUMENT","message":"Document size (34381195) exceeds the limit: 20971520."}}`:     engines.CodeTooLarge,
		`400 {"error":{"status":"INVALID_ARGUMENT","message":"Unsupported input file format."}}`:                            engines.CodeContent,
		`400 {"error":{"status":"INVALID_ARGUMENT","message":"Unknown name."}}`:                                             engines.CodeBadRequest,
		`403 {"error":{"status":"PERMISSION_DENIED"}}`:                                                                      engines.CodeAuth,
		`404 {"error":{"status":"NOT_FOUND","message":"Processor abc not found."}}`:                                         engines.CodeBadSettings,
		`429 {"error":{"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"3s"}]}}`:                                     engines.CodeRate,
		`504 <html>`: engines.CodeSubmitUnknown, // a gateway: it may have been taken
		`302 `:       engines.CodeForeignAddress,
	} {
		code, text, _ := strings.Cut(body, " ")
		var status int
		if err := json.Unmarshal([]byte(code), &status); err != nil {
			t.Fatal(err)
		}
		e, _ := engines.AsError(refused(engines.Reply{Status: status, Body: []byte(text)}, ""))
		if e.Code != want || strings.Contains(text, "3s") && e.RetryAfter.Seconds() != 3 {
			t.Errorf("%s: %v after %v", body, e, e.RetryAfter)
		}
	}
}

func TestSettings(t *testing.T) {
	for name, change := range map[string]func(*options){
		"processor":   func(o *options) { o.Processor = "abc" },
		"credentials": func(o *options) { o.Credentials = engines.Secret{} },
		"bucket":      func(o *options) { o.Bucket = "" },
		"endpoint":    func(o *options) { o.Endpoint = "here" },
	} {
		_, err := New(engines.Settings{Decode: func(into any) error {
			o := into.(*options)
			o.Processor, o.Credentials.File, o.Bucket = processor, "x", "b"
			change(o)
			return nil
		}})
		if e, _ := engines.AsError(err); e == nil || e.Code != engines.CodeBadSettings {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := New(engines.Settings{Decode: func(into any) error {
		o := into.(*options)
		o.Processor, o.Credentials.File, o.Bucket = processor, "none", "b"
		return nil
	}})
	if err != nil || p.options.Endpoint != "https://eu-documentai.googleapis.com" {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = p.Submit(t.Context(), engines.Document{MIME: "application/pdf", Content: []byte("x")}, "k")
	if e, _ := engines.AsError(err); e == nil || e.Code != engines.CodeAuth {
		t.Errorf("without a key file: %v", err)
	}
}

// TestOffsets: places in the text are counted in code points, behind emoji made of
// several and behind combining marks.
func TestOffsets(t *testing.T) {
	text := []rune("a👩‍👩‍👧 e\u0301té 日本 x\n")
	type part = map[string]any
	layout := func(from, to int) part {
		return part{"textAnchor": part{"textSegments": []part{{"startIndex": fmt.Sprint(from), "endIndex": fmt.Sprint(to)}}}, "confidence": 0.9}
	}
	token := func(from, to int, hand bool) part {
		return part{"layout": layout(from, to), "styleInfo": part{"handwritten": hand}}
	}
	raw, err := json.Marshal(part{"text": string(text), "pages": []part{{"pageNumber": 1,
		"detectedLanguages": []part{{"languageCode": "ja", "confidence": 0.2}, {"languageCode": "fr", "confidence": 0.7}, {"languageCode": "und"}},
		"lines":             []part{{"layout": layout(0, 12)}, {"layout": layout(12, 17)}},
		"tokens":            []part{token(0, 7, false), token(7, 12, false), token(12, 15, true), token(15, 17, true)}}},
		"entities": []part{{"type": "word", "mentionText": "é", "textAnchor": layout(7, 11)["textAnchor"]}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := plain(t).Normalize(raw)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	var hand []bool
	for _, b := range r.Pages[0].Blocks {
		for _, l := range b.Lines {
			hand = append(hand, l.Handwritten)
			for _, w := range l.Words {
				words = append(words, w.Text)
			}
		}
	}
	if want := []string{"a👩‍👩‍👧", "e\u0301té", "日本", "x"}; !slices.Equal(words, want) {
		t.Errorf("%q instead of %q", words, want)
	}
	if !slices.Equal(hand, []bool{false, true}) || !slices.Equal(r.Pages[0].Languages, []string{"fr", "ja"}) || !slices.Equal(r.Languages, []string{"fr", "ja"}) {
		t.Errorf("handwritten %v, languages %v and %v", hand, r.Pages[0].Languages, r.Languages)
	}
}
