package httpapi

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"intray/engines"
	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
)

// mindee is a whole section for a service like Mindee's second interface.
const mindee = `
endpoint = "https://api-v2.mindee.net"
key = { env = "INTRAY_TEST_KEY" }
max_mb = 50
[headers]
Authorization = "{key}"
[submit]
path = "/v2/products/extraction/enqueue"
job_id = "job.id"
job_url = "job.polling_url"
[submit.fields]
model_id = "0a1b2c3d"
alias = "{idempotency_key}"
webhook_ids = "{callback_url}"
[status]
state = "job.status"
succeeded = ["Processed"]
failed = ["Failed"]
error = "job.error.detail"
result_url = "job.result_url"
[answer]
pages = "inference.result.pages"
page_text = "content"
words = "words"
word_text = "content"
word_box = "polygon"
page_count = "inference.file.page_count"
model = "inference.model.id"
all_fields = "inference.result.fields"
field_confidence = "confidence"
field_page = "locations.0.page"
field_box = "locations.0.polygon"
[answer.names]
date = "issue_date"
total_amount = "gross_total"
supplier_name = "seller_name"
total_price = "line_total"
[answer.types]
invoice_number = "code"
[webhook]
scheme = "hmac-sha256-hex"
header = "X-Signature"
secrets = [{ env = "INTRAY_TEST_HOOK" }]
job_id = "inference.id"
`

// plain is one for a service with JSON, an idempotency key and Standard Webhooks.
const plain = `
endpoint = "https://ocr.example.com"
key = { env = "INTRAY_TEST_KEY" }
types = ["application/pdf"]
[headers]
Authorization = "Bearer {key}"
[submit]
path = "/jobs"
body = "json"
file_field = "document"
idempotency_header = "Idempotency-Key"
job_id = "id"
[submit.fields]
callback = "{callback_url}"
[status]
path = "/jobs/{job}"
state = "state"
succeeded = ["done"]
failed = ["error"]
error = "reason"
[delete]
path = "/jobs/{job}"
[answer]
text = "text"
[answer.fields]
total = "fields.total"
currency = "fields.currency"
[answer.types]
total = "amount"
[webhook]
scheme = "standard-webhooks"
secrets = [{ env = "INTRAY_TEST_HOOK" }, { env = "INTRAY_TEST_HOOK_OLD" }]
job_id = "data.id"
`

func declared(t testing.TB, section string) Settings {
	t.Helper()
	var s Settings
	meta, err := toml.Decode(section, &s)
	if err != nil || len(meta.Undecoded()) > 0 {
		t.Fatalf("%v, unknown %v", err, meta.Undecoded())
	}
	return s
}

func provider(t testing.TB, section, endpoint string) *Provider {
	t.Helper()
	s := declared(t, section)
	if endpoint != "" {
		s.Endpoint = endpoint
	}
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	p.caller.MaxAnswer = servers.HugeBody / 4
	return p
}

func TestMindeeLikeConforms(t *testing.T) {
	t.Setenv("INTRAY_TEST_KEY", servers.Secret)
	enginetest.ProviderSuite{
		Service: func() servers.Service { return servers.MindeeService{} },
		New: func(t *testing.T, lab *servers.Lab) engines.Provider {
			return provider(t, mindee, lab.URL)
		},
	}.Run(t)
}

func TestPlainConforms(t *testing.T) {
	t.Setenv("INTRAY_TEST_KEY", servers.Secret)
	enginetest.ProviderSuite{
		Service: func() servers.Service { return servers.PlainService{} },
		New: func(t *testing.T, lab *servers.Lab) engines.Provider {
			return provider(t, plain, lab.URL)
		},
		NoAddresses: true,
	}.Run(t)
}

// TestMindeeLikeAnswer: fields, their places and the line items are all there.
func TestMindeeLikeAnswer(t *testing.T) {
	t.Setenv("INTRAY_TEST_KEY", servers.Secret)
	lab := enginetest.StartLab(t, servers.MindeeService{})
	p := provider(t, mindee, lab.URL)
	job, err := p.Submit(t.Context(), engines.Document{MIME: "application/pdf", Content: []byte("/Type /Page >>/Type /Page >>")}, "k-1")
	if err != nil {
		t.Fatal(err)
	}
	if lab.AcceptedByKey()["k-1"] != 1 {
		t.Errorf("submissions %v", lab.AcceptedByKey())
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
	if err := engines.CheckPages(r, 2); err != nil || enginetest.AnswerText(r) != "Invoice 4711\n\fInvoice 4711\n" {
		t.Errorf("%v: %q", err, enginetest.AnswerText(r))
	}
	var got []string
	for _, f := range r.Fields {
		got = append(got, f.Name+"="+f.Value+" "+f.Type)
	}
	if text := strings.Join(got, "; "); text != "issue_date=2026-01-31 date; invoice_number=4711 code; gross_total=119.50 amount" {
		t.Errorf("fields %s", text)
	}
	if n := r.Fields[1]; n.Page != 1 || n.HasConfidence || n.Box.X0 != 2500 || r.Pages[0].Width != 10000 {
		t.Errorf("field %+v on a page %d wide", n, r.Pages[0].Width)
	}
	if len(r.Warnings) != 1 || r.Warnings[0].Code != "low_confidence" {
		t.Errorf("warnings %+v", r.Warnings)
	}
	if len(r.Tables) != 1 || r.Tables[0].Name != "line_items" || strings.Join(r.Tables[0].Columns, " ") != "description line_total" ||
		r.Tables[0].Rows[1][1].Text != "19.5" || r.Tables[0].Rows[1][1].Confidence != 0.5 {
		t.Errorf("tables %+v", r.Tables)
	}
}

func TestSettings(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"endpoint": func(s *Settings) { s.Endpoint = "ftp://x" },
		"body":     func(s *Settings) { s.Submit.Body = "xml" },
		"job":      func(s *Settings) { s.Submit.JobID, s.Submit.JobURL = "", "" },
		"status":   func(s *Settings) { s.Status.Path = "" },
		"words":    func(s *Settings) { s.Status.Succeeded = nil },
		"path":     func(s *Settings) { s.Delete.Path = "jobs" },
		"type":     func(s *Settings) { s.Answer.Types = map[string]string{"total": "money"} },
		"scheme":   func(s *Settings) { s.Webhook.Scheme = "md5" },
		"header":   func(s *Settings) { s.Webhook.Scheme = "hmac-sha256-hex" },
		"secrets":  func(s *Settings) { s.Webhook.Secrets = nil },
		"hook job": func(s *Settings) { s.Webhook.JobID = "" },
		"time":     func(s *Settings) { s.Webhook.Tolerance = "soon" },
	} {
		s := declared(t, plain)
		change(&s)
		_, err := New(s)
		if failure, ok := engines.AsError(err); !ok || failure.Code != engines.CodeBadSettings || !strings.HasSuffix(failure.Sentence, ".") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add([]byte(`{"text":"a\fb","fields":{"total":"1.50"}}`))
	f.Add([]byte(`{"inference":{"file":{"page_count":2},"result":{"pages":[{"words":[{"content":"a","polygon":[[0,0],[1,1]]}]}],"fields":{"date":{"value":"2026-01-31","locations":[{"page":0,"polygon":[0,0,1,1]}]},"line_items":{"items":[{"fields":{"x":{"value":1}}}]}}}}}`))
	one, two := provider(f, mindee, ""), provider(f, plain, "")
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, p := range []*Provider{one, two} {
			if r, err := p.Normalize(raw); err == nil {
				enginetest.CheckAnswer(t, r)
			} else if failure, ok := engines.AsError(err); !ok || failure.Code == engines.CodeInternal {
				t.Errorf("got %v", err)
			}
		}
	})
}
