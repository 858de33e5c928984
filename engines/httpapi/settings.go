package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"intray/engines"
)

// Settings declare one HTTP API. Paths into JSON are GJSON's (a.b.0.c). In texts,
// {key} and the names under secrets stand for credentials, and in those of a
// submission {document_id}, {idempotency_key}, {callback_url}, {mime} and
// {file_name}; {job} is the job's id.
type Settings struct {
	// Endpoint is the service's address; nothing is sent to another host.
	Endpoint string                    `toml:"endpoint"`
	Key      engines.Secret            `toml:"key"`
	Secrets  map[string]engines.Secret `toml:"secrets"`
	// Headers go with every call.
	Headers map[string]string `toml:"headers"`
	// Types are the MIME types taken; empty is PDF, JPEG, PNG and TIFF.
	Types    []string `toml:"types"`
	MaxMB    int64    `toml:"max_mb"`
	MaxPages int      `toml:"max_pages"`
	// Split is true when a longer document may be sent in parts.
	Split   bool    `toml:"split"`
	Submit  Submit  `toml:"submit"`
	Status  Status  `toml:"status"`
	Result  Result  `toml:"result"`
	Delete  Delete  `toml:"delete"`
	Answer  Mapping `toml:"answer"`
	Webhook Webhook `toml:"webhook"`
}

// Submit is how a document is sent.
type Submit struct {
	Path string `toml:"path"`
	// Body is "multipart" (the default) or "json" with the file in base64.
	Body string `toml:"body"`
	// FileField is the part or the member for the file; "" is "file".
	FileField string `toml:"file_field"`
	// Fields are other parts, or members of the JSON; those that come out empty are
	// left out.
	Fields map[string]string `toml:"fields"`
	// IdempotencyHeader is where the service takes our key, with the promise that
	// the same key names the same job; "" where it does not.
	IdempotencyHeader string `toml:"idempotency_header"`
	// JobID and JobURL are paths into the answer; the second may be "".
	JobID  string `toml:"job_id"`
	JobURL string `toml:"job_url"`
}

// Status is how the service says how far a job is. A redirect counts as success.
type Status struct {
	// Path is asked where the submission named no address.
	Path string `toml:"path"`
	// State is the path to a word; those that are in no list count as running.
	State     string   `toml:"state"`
	Succeeded []string `toml:"succeeded"`
	Failed    []string `toml:"failed"`
	// Error is the path to why it failed, ResultURL that to the result's address.
	Error     string `toml:"error"`
	ResultURL string `toml:"result_url"`
}

// Result is where the result is if not at Status.ResultURL; "" is in the answer to
// the status itself.
type Result struct {
	Path string `toml:"path"`
}

// Delete is the path at which DELETE forgets the job; "" where there is none.
type Delete struct {
	Path string `toml:"path"`
}

// Mapping says where things are in the result. Only what is named is read; paths
// below pages, words and fields begin at one of them.
type Mapping struct {
	Text      string `toml:"text"`
	PageCount string `toml:"page_count"`
	Class     string `toml:"class"`
	Model     string `toml:"model"`
	Languages string `toml:"languages"`
	// Pages is a list. PageWidth and PageHeight are sizes in the boxes' unit; without
	// them boxes are shares of the page.
	Pages      string `toml:"pages"`
	PageText   string `toml:"page_text"`
	PageWidth  string `toml:"page_width"`
	PageHeight string `toml:"page_height"`
	// Words is a list in each page. A box is [x0, y0, x1, y1] or a polygon, flat or
	// of pairs.
	Words          string `toml:"words"`
	WordText       string `toml:"word_text"`
	WordBox        string `toml:"word_box"`
	WordConfidence string `toml:"word_confidence"`
	// Fields has our names and where each value is; AllFields is an object whose
	// members all are fields, named after themselves or as Names says.
	Fields    map[string]string `toml:"fields"`
	AllFields string            `toml:"all_fields"`
	Names     map[string]string `toml:"names"`
	// Types are those of fields by our name: text, amount, date, currency or code;
	// others follow from the value.
	Types           map[string]string `toml:"types"`
	FieldValue      string            `toml:"field_value"`
	FieldConfidence string            `toml:"field_confidence"`
	FieldPage       string            `toml:"field_page"`
	FieldBox        string            `toml:"field_box"`
	// FirstPage is the number of the first page in FieldPage: 0 or 1.
	FirstPage int `toml:"first_page"`
}

// Webhook is how a callback proves where it comes from.
type Webhook struct {
	// Scheme is "hmac-sha256-hex", "hmac-sha256-base64", "standard-webhooks" or ""
	// for a service that does not call.
	Scheme string `toml:"scheme"`
	// Header has the signature, after Prefix if there is one; not for Standard
	// Webhooks, which have their own.
	Header string `toml:"header"`
	Prefix string `toml:"prefix"`
	// Secrets are the signing keys: one, or two while one replaces the other.
	Secrets []engines.Secret `toml:"secrets"`
	// Tolerance is how far off a Standard Webhook's time may be; "" is "5m".
	Tolerance string `toml:"tolerance"`
	// JobID is the path to the job's id in the body.
	JobID string `toml:"job_id"`
}

func bad(format string, args ...any) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings, Sentence: fmt.Sprintf(format, args...)}
}

// check fills defaults and says what does not fit.
func (s *Settings) check() error {
	if len(s.Types) == 0 {
		s.Types = []string{"application/pdf", "image/jpeg", "image/png", "image/tiff"}
	}
	if s.Submit.Body == "" {
		s.Submit.Body = "multipart"
	}
	if s.Submit.FileField == "" {
		s.Submit.FileField = "file"
	}
	switch {
	case !slices.Contains([]string{"multipart", "json"}, s.Submit.Body):
		return bad("submit.body is %q; it may be multipart or json.", s.Submit.Body)
	case s.Submit.JobID == "" && s.Submit.JobURL == "":
		return bad("submit.job_id is missing: the path to the job's id in the answer, such as job.id.")
	case s.Submit.JobURL == "" && s.Status.Path == "":
		return bad("status.path is missing: where to ask about a job, such as /jobs/{job}.")
	case s.Status.State == "" || len(s.Status.Succeeded) == 0:
		return bad("status.state and status.succeeded are missing: the path to the word for a job's state, and the words for success.")
	case s.MaxMB < 0 || s.MaxPages < 0:
		return bad("max_mb and max_pages must not be below 0.")
	case s.Answer.FirstPage != 0 && s.Answer.FirstPage != 1:
		return bad("answer.first_page is 0 or 1.")
	}
	for _, path := range []string{s.Submit.Path, s.Status.Path, s.Result.Path, s.Delete.Path} {
		if path != "" && !strings.HasPrefix(path, "/") {
			return bad("The path %q must begin with /; the address before it is endpoint.", path)
		}
	}
	for name, kind := range s.Answer.Types {
		if !slices.Contains([]string{"text", "amount", "date", "currency", "code"}, kind) {
			return bad("answer.types.%s is %q; it may be text, amount, date, currency or code.", name, kind)
		}
	}
	return s.Webhook.check()
}

func (w *Webhook) check() error {
	schemes := []string{"hmac-sha256-hex", "hmac-sha256-base64", "standard-webhooks"}
	if w.Tolerance == "" {
		w.Tolerance = "5m"
	}
	d, err := time.ParseDuration(w.Tolerance)
	switch {
	case w.Scheme == "":
		return nil
	case !slices.Contains(schemes, w.Scheme):
		return bad("webhook.scheme is %q; it may be %s.", w.Scheme, strings.Join(schemes, ", "))
	case w.Scheme != "standard-webhooks" && w.Header == "":
		return bad("webhook.header is missing: the header with the signature.")
	case len(w.Secrets) == 0:
		return bad("webhook.secrets is missing: a list of where the signing keys are.")
	case w.JobID == "":
		return bad("webhook.job_id is missing: the path to the job's id in the callback.")
	case err != nil || d <= 0:
		return bad("webhook.tolerance must be a time such as 5m.")
	}
	return nil
}
