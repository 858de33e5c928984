package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"intray/engines"
	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
)

// TestOffsets: a span is found in each unit, behind emoji and combining marks.
func TestOffsets(t *testing.T) {
	const text = "a👩‍👩‍👧 e\u0301té 日本 x"
	for kind, places := range map[string][3]span{
		"unicodeCodePoint": {{7, 4}, {12, 2}, {15, 1}},
		"utf16CodeUnit":    {{10, 4}, {15, 2}, {18, 1}},
		"textElements":     {{3, 3}, {7, 2}, {10, 1}},
		"":                 {{3, 3}, {7, 2}, {10, 1}},
	} {
		x := newIndexed(text, kind)
		for i, want := range []string{"e\u0301té", "日本", "x"} {
			if got := x.slice(places[i]); got != want {
				t.Errorf("%q %v: %q instead of %q", kind, places[i], got, want)
			}
		}
		for _, s := range []span{{-1, 2}, {0, 99}, {99, 1}, {0, -1}, {math.MaxInt, 1}, {1, math.MaxInt}} {
			if got := x.slice(s); got != "" {
				t.Errorf("%q %v: %q", kind, s, got)
			}
		}
	}
}

// TestHandMadeAnswer: what the recordings have none of.
func TestHandMadeAnswer(t *testing.T) {
	const raw = `{"status":"succeeded","analyzeResult":{"modelId":"prebuilt-layout","stringIndexType":"unicodeCodePoint","content":"👍 Grüße\nquer\n",
"pages":[{"pageNumber":2,"angle":270,"width":100,"height":50,"unit":"pixel","spans":[{"offset":0,"length":13}],
 "words":[{"content":"👍","polygon":[1,1,9,1,9,9,1,9],"confidence":0.5,"span":{"offset":0,"length":1}},
  {"content":"Grüße","polygon":[11,1,19,1,19,9,11,9],"confidence":1.5,"span":{"offset":2,"length":5}},
  {"content":"quer","polygon":[40,40,40,-3,50,-3,50,40],"confidence":0.9,"span":{"offset":8,"length":4}}],
 "lines":[{"content":"👍 Grüße","polygon":[1,1,19,1,19,9,1,9],"spans":[{"offset":0,"length":7}]},
  {"content":"quer","polygon":[40,40,40,0,50,0,50,40],"spans":[{"offset":8,"length":4}]}]}],
"paragraphs":[{"role":"title","spans":[{"offset":0,"length":7}]}],
"styles":[{"isHandwritten":true,"spans":[{"offset":8,"length":4}]}],
"languages":[{"locale":"en","spans":[{"offset":0,"length":1}]},{"locale":"de","spans":[{"offset":2,"length":5}]}],
"keyValuePairs":[{"key":{"content":"Kunden-Nr.:"},"value":{"content":"77"},"confidence":0.8},{"key":{"content":"Leer"},"confidence":0.8}],
"tables":[{"rowCount":1,"columnCount":3,"cells":[{"rowIndex":0,"columnIndex":0,"columnSpan":2,"kind":"columnHeader","content":"Grüße :selected:","spans":[{"offset":2,"length":5}]},{"rowIndex":0,"columnIndex":2,"content":""}]}]}}`
	r, err := (&Provider{}).Normalize([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	enginetest.CheckAnswer(t, r)
	if len(r.Pages) != 2 || r.Pages[0].Failed == "" || r.Pages[1].Angle != -90 {
		t.Fatalf("pages %+v", r.Pages)
	}
	blocks := r.Pages[1].Blocks
	if enginetest.Text(r.Pages[1].PageResult) != "👍 Grüße\nquer\n" || blocks[0].Kind != engines.BlockHeading || blocks[1].Lines[0].Angle != 90 {
		t.Errorf("blocks %+v", blocks)
	}
	if fmt.Sprint(r.Languages) != "[de en]" || len(r.Warnings) != 0 || fmt.Sprint(r.Pages[1].Languages) != "[de en]" {
		t.Errorf("languages %v, %v, warnings %+v", r.Languages, r.Pages[1].Languages, r.Warnings)
	}
	if blocks[0].Lines[0].Handwritten || !blocks[1].Lines[0].Handwritten {
		t.Errorf("what is handwritten: %+v", blocks)
	}
	if c := r.Tables[0].Rows[0][0]; c.Text != "Grüße ☒" || c.ColSpan != 2 || !c.Header || c.Confidence != 1 {
		t.Errorf("cell %+v", c)
	}
	if len(r.Fields) != 1 || r.Fields[0].Name != "kunden_nr" || r.Fields[0].Value != "77" {
		t.Errorf("fields %+v", r.Fields)
	}
	if err := engines.CheckPages(r, 2); err == nil {
		t.Error("a page was left out and nobody minds")
	}
}

func TestDecimals(t *testing.T) {
	for in, want := range map[string]string{"999.0": "999.00", "104.4": "104.40", "1e2": "100.00", "0.125": "0.125", "-3": "-3.00",
		"56651.49": "56651.49", "12345678901234567890.01": "12345678901234567890.01", "": "", "1e99": "1" + strings.Repeat("0", 99) + ".00"} {
		if got := decimal(json.Number(in), 2); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestPagesMissing(t *testing.T) {
	lab := enginetest.StartLab(t, servers.AzureService{})
	lab.EndJobs(servers.LosesPages)
	p := at(t, lab, nil)
	job, err := p.Submit(t.Context(), engines.Document{MIME: "application/pdf", Pages: 3, Content: []byte(strings.Repeat("/Type /Page >>", 3))}, "k")
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
	var failure *engines.Error
	if err := engines.CheckPages(r, 3); !errors.As(err, &failure) || failure.Code != engines.CodePagesMissing || failure.Kind != engines.Review {
		t.Errorf("got %v", err)
	}
}

// TestTokens: one token serves many calls, is renewed before its end and after a
// refusal; a wrong secret is explained and shown nowhere.
func TestTokens(t *testing.T) {
	lab := enginetest.StartLab(t, servers.AzureService{Entra: true})
	p := at(t, lab, entra(lab))
	submit := func() error {
		_, err := p.Submit(t.Context(), engines.Document{MIME: "application/pdf", Content: []byte("%PDF")}, "k")
		return err
	}
	if err := errors.Join(submit(), submit()); err != nil || lab.Calls(servers.CallToken) != 1 {
		t.Fatalf("%d tokens, %v", lab.Calls(servers.CallToken), err)
	}
	p.tokens.until = time.Now().Add(30 * time.Second)
	if err := submit(); err != nil || lab.Calls(servers.CallToken) != 2 {
		t.Errorf("%d tokens, %v", lab.Calls(servers.CallToken), err)
	}
	lab.Fail(servers.CallSubmit, servers.FaultAuth, 1)
	if err := errors.Join(submit(), submit()); err == nil || lab.Calls(servers.CallToken) != 3 {
		t.Errorf("%d tokens, %v", lab.Calls(servers.CallToken), err)
	}
	for fault, code := range map[servers.Fault]string{servers.FaultAuth: engines.CodeAuth, servers.FaultBusy: engines.CodeService,
		servers.FaultRateAfter: engines.CodeRate, servers.FaultLost: engines.CodeNetwork, servers.FaultNotJSON: engines.CodeService} {
		p.tokens.forget()
		lab.Fail(servers.CallToken, fault, 1)
		before := lab.Accepted()
		failure, _ := engines.AsError(submit())
		if failure == nil || failure.Code != code || strings.Contains(failure.Error(), servers.Secret) || lab.Accepted() != before {
			t.Errorf("%s: %v", fault, failure)
		}
	}
}

func TestSettings(t *testing.T) {
	key := engines.Secret{Env: "X"}
	good := Settings{Endpoint: "https://n.cognitiveservices.azure.com/", Key: key}
	if p, err := New(good); err != nil || p.settings.Model != "prebuilt-layout" {
		t.Errorf("got %v", err)
	}
	for name, change := range map[string]func(*Settings){
		"no endpoint": func(s *Settings) { s.Endpoint = "" },
		"plain http":  func(s *Settings) { s.Endpoint = "http://n.cognitiveservices.azure.com" },
		"model":       func(s *Settings) { s.Model = "a/b" },
		"two logins":  func(s *Settings) { s.Tenant = "t" },
		"no login":    func(s *Settings) { s.Key = engines.Secret{} },
		"feature":     func(s *Settings) { s.Features = []string{"magic"} },
	} {
		s := good
		change(&s)
		failure := &engines.Error{}
		if _, err := New(s); !errors.As(err, &failure) || failure.Code != engines.CodeBadSettings || !strings.HasSuffix(failure.Sentence, ".") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRedirect: a redirect is not followed, and no credential goes there.
func TestRedirect(t *testing.T) {
	var abroad atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { abroad.Add(1) }))
	defer other.Close()
	here := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer here.Close()
	p := at(t, &servers.Lab{URL: here.URL}, nil)
	_, err := p.Status(t.Context(), engines.Job{URL: here.URL + "/x"})
	if failure, ok := engines.AsError(err); !ok || failure.Kind != engines.Terminal || abroad.Load() > 0 {
		t.Errorf("%v, %d calls abroad", err, abroad.Load())
	}
}

func FuzzNormalize(f *testing.F) {
	for _, raw := range recordings(f) {
		if len(raw) < 20_000 { // larger ones are mutated too slowly
			f.Add(raw)
		}
	}
	f.Add([]byte(`{"status":"succeeded","analyzeResult":{"content":"a","pages":[{"pageNumber":1,"width":1,"height":1,"words":[{"content":"a","polygon":[0,0,1,1]}]}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := (&Provider{}).Normalize(raw); err == nil {
			enginetest.CheckAnswer(t, r)
		} else if failure, ok := engines.AsError(err); !ok || failure.Code == engines.CodeInternal {
			t.Errorf("got %v", err)
		}
	})
}
