// Package textract reads documents with Amazon Textract's asynchronous calls.
//
// A document goes to an S3 bucket first, encrypted there by S3 itself, and is
// read by a job that Textract is asked about or that SNS announces. Delete removes
// the document from the bucket; give the bucket a life-cycle rule of a few days as
// well, for documents whose fate was never learned. Textract itself keeps its
// answers seven days and cannot be told to forget them.
//
// Submitting again with the same key names the same job: Textract knows the token
// that is made of it.
//
// Sources: AWS's API references of Textract and S3, and recorded answers.
package textract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"intray/engines"
)

// Kind is the factory's name in the configuration.
const Kind = "textract"

// What a job looks for.
const (
	modeText     = "text"
	modeAnalysis = "analysis"
	modeExpense  = "expense"
)

// Limits of asynchronous jobs (Textract's quotas page), in bytes.
const (
	maxBytes      = 500 << 20
	maxImageBytes = 10 << 20
)

// options are the keys of [engine.NAME] that only this engine has.
type options struct {
	// Region is where the bucket is and the documents are read, such as
	// "eu-central-1".
	Region string `toml:"region"`
	// Bucket and Prefix are where documents wait for Textract.
	Bucket string `toml:"bucket"`
	Prefix string `toml:"prefix"`
	// Endpoint stands in for both services' own addresses; "" for AWS.
	Endpoint string `toml:"endpoint"`
	// Mode is text, analysis (tables, forms and layout) or expense (invoices and
	// receipts).
	Mode string `toml:"mode"`
	// TopicARN is the SNS topic that announces ends, RoleARN the role Textract
	// publishes with; both or none.
	TopicARN string `toml:"topic_arn"`
	RoleARN  string `toml:"role_arn"`
	// AccessKey and SecretKey are both or none; without them AWS's own places
	// are looked at: environment, shared files, the machine's role.
	AccessKey engines.Secret `toml:"access_key"`
	SecretKey engines.Secret `toml:"secret_key"`
	// DateOrder is "dmy" or "mdy", for dates like 3/4/2026 of which Textract does
	// not say which it is; "" leaves them to a person.
	DateOrder string `toml:"date_order"`
}

// Factory is the engine's entry in the list of all engines.
func Factory() engines.Factory {
	return engines.Factory{Kind: Kind, NewProvider: func(s engines.Settings) (engines.Provider, error) { return New(s) }}
}

// Provider is Textract in one region. It is safe for parallel use.
type Provider struct {
	options options
	service service
	topic   *topic
}

// New reads the settings. It calls nobody.
func New(s engines.Settings) (*Provider, error) {
	o := options{Mode: modeText}
	if s.Decode != nil {
		if err := s.Decode(&o); err != nil {
			return nil, badSettings(s.Name, "cannot be read", err)
		}
	}
	if problem := o.problem(); problem != "" {
		return nil, badSettings(s.Name, problem, nil)
	}
	if o.Endpoint != "" {
		if _, err := engines.ServiceAddress("endpoint", o.Endpoint); err != nil {
			return nil, err
		}
	}
	o.Prefix = strings.Trim(o.Prefix, "/")
	service, err := connect(o)
	if err != nil {
		return nil, badSettings(s.Name, "do not lead to AWS", err)
	}
	p := &Provider{options: o, service: service}
	if o.TopicARN != "" {
		p.topic = newTopic(o.TopicARN)
	}
	return p, nil
}

func badSettings(name, problem string, cause error) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
		Sentence: fmt.Sprintf("The settings of engine %q %s.", name, problem), Cause: cause}
}

func (o options) problem() string {
	switch {
	case o.Region == "":
		return "lack the region, such as eu-central-1"
	case o.Bucket == "":
		return "lack the bucket for documents on their way"
	case !slices.Contains([]string{modeText, modeAnalysis, modeExpense}, o.Mode):
		return "have a mode that is none of text, analysis and expense"
	case (o.TopicARN == "") != (o.RoleARN == ""):
		return "need topic_arn and role_arn together"
	case o.AccessKey.IsZero() != o.SecretKey.IsZero():
		return "need access_key and secret_key together"
	case !slices.Contains([]string{"", "dmy", "mdy"}, o.DateOrder):
		return "have a date_order that is neither dmy nor mdy"
	}
	return ""
}

// Capabilities are constant. Images may have at most 10 MiB, which Submit checks.
func (p *Provider) Capabilities() engines.Capabilities {
	return engines.Capabilities{Kind: Kind, Types: []string{"application/pdf", "image/tiff", "image/jpeg", "image/png"},
		MaxBytes: maxBytes, MaxPages: maxPages, Cloud: true, Split: true, IdempotentSubmit: true, Webhook: p.topic != nil, Delete: true}
}

// Close does nothing: no connection is kept for long.
func (p *Provider) Close() error { return nil }

// Submit puts the document into the bucket and starts the job. The same key names
// the same object and the same job. Where no job can have started with the key, the
// object is removed again.
func (p *Provider) Submit(ctx context.Context, doc engines.Document, idempotencyKey string) (engines.Job, error) {
	if !slices.Contains(p.Capabilities().Types, doc.MIME) {
		return engines.Job{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
			Sentence: fmt.Sprintf("Textract does not take %s; it takes PDF, TIFF, JPEG and PNG.", doc.MIME)}
	}
	if size := len(doc.Content); size > maxBytes || strings.HasPrefix(doc.MIME, "image/") && doc.MIME != "image/tiff" && size > maxImageBytes || doc.Pages > maxPages {
		return engines.Job{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: "The document is larger than Textract takes: 500 MB and 3000 pages, 10 MB for a JPEG or PNG. Split it."}
	}
	place := where{bucket: p.options.Bucket, mode: p.options.Mode}
	token := tokenOf(idempotencyKey, place.mode)
	place.key = path.Join(p.options.Prefix, token)
	if err := p.service.put(ctx, place, doc); err != nil {
		// What was not heard of may be there all the same.
		if _, failed := engines.AsError(err); failed && !doc.Again {
			p.withdraw(ctx, place)
		}
		return engines.Job{}, err
	}
	id, err := p.service.start(ctx, place, token)
	if err == nil && id == "" {
		err = &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown, Sentence: "Textract took the document and named no job."}
	}
	if err != nil {
		if !doc.Again && certainlyNone(err) {
			p.withdraw(ctx, place)
		}
		return engines.Job{}, err
	}
	return engines.Job{ID: id, URL: place.String()}, nil
}

// certainlyNone is true for an error that says that no job was started.
func certainlyNone(err error) bool {
	e, ok := engines.AsError(err)
	return ok && e.Code != engines.CodeSubmitUnknown && e.Code != engines.CodeService
}

// withdraw removes the object of a job that did not start. One that may have
// started, also by an earlier call with the same key, needs it.
func (p *Provider) withdraw(ctx context.Context, place where) {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTime)
	defer cancel()
	// The failure to start is what has to be told; the bucket's own rule removes
	// what stays.
	_ = p.service.remove(short, place)
}

// Status asks for one block of the answer only.
func (p *Provider) Status(ctx context.Context, job engines.Job) (engines.JobStatus, error) {
	place, err := p.whereIs(job)
	if err != nil {
		return engines.JobStatus{}, err
	}
	raw, _, err := p.service.get(ctx, place.mode, job.ID, "", 1)
	if err != nil {
		return engines.JobStatus{}, err
	}
	answers, err := parse(raw)
	if err != nil {
		return engines.JobStatus{}, nonsense(err)
	}
	return statusOf(answers[0]), nil
}

func statusOf(a answer) engines.JobStatus {
	switch a.JobStatus {
	case "SUCCEEDED", "PARTIAL_SUCCESS":
		return engines.JobStatus{State: engines.JobSucceeded}
	case "FAILED":
		return engines.JobStatus{State: engines.JobFailed, Err: jobFailure(a.StatusMessage)}
	default:
		return engines.JobStatus{State: engines.JobRunning}
	}
}

// Fetch returns all bodies of the answer as one JSON list, each as Textract sent
// it. A job that goes on is retryable, one that failed has Status's error.
func (p *Provider) Fetch(ctx context.Context, job engines.Job) ([]byte, error) {
	place, err := p.whereIs(job)
	if err != nil {
		return nil, err
	}
	out, token, seen := []byte{'['}, "", map[string]bool{}
	for {
		raw, next, err := p.service.get(ctx, place.mode, job.ID, token, maxResults(place.mode))
		if err != nil {
			return nil, err
		}
		if err := complete(raw); err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		if out = append(out, raw...); len(out) > engines.DefaultMaxAnswer {
			return nil, nonsense(fmt.Errorf("the answer is longer than %d bytes", engines.DefaultMaxAnswer))
		}
		if next == "" {
			return append(out, ']'), nil
		}
		if seen[next] {
			return nil, nonsense(fmt.Errorf("it names the same next part twice"))
		}
		token, seen[next] = next, true
	}
}

// complete is nil for a body of a job that has ended well.
func complete(raw []byte) error {
	answers, err := parse(raw)
	if err != nil {
		return nonsense(err)
	}
	switch s := statusOf(answers[0]); s.State {
	case engines.JobSucceeded:
		return nil
	case engines.JobFailed:
		return s.Err
	default:
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Textract is still reading the document."}
	}
}

// Delete removes the document from the bucket. One that is gone is no error.
func (p *Provider) Delete(ctx context.Context, job engines.Job) error {
	place, err := p.whereIs(job)
	if err != nil {
		return err
	}
	return p.service.remove(ctx, place)
}

// where is where a job's document lies and how it is read. It is kept as the job's
// URL, so that a change of settings does not lose jobs in hand.
type where struct{ bucket, key, mode string }

func (w where) String() string {
	return (&url.URL{Scheme: "s3", Host: w.bucket, Path: "/" + w.key, RawQuery: url.Values{"mode": {w.mode}}.Encode()}).String()
}

// whereIs reads a job's URL; one without (from a callback) is of the settings.
func (p *Provider) whereIs(job engines.Job) (where, error) {
	if job.URL == "" {
		return where{bucket: p.options.Bucket, mode: p.options.Mode}, nil
	}
	u, err := url.Parse(job.URL)
	if err != nil || u.Scheme != "s3" || u.Host != p.options.Bucket {
		return where{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeForeignAddress,
			Sentence: fmt.Sprintf("The job's document is not in the bucket %s of the settings. Set the former bucket again for jobs in hand.", p.options.Bucket), Cause: err}
	}
	return where{bucket: u.Host, key: strings.TrimPrefix(u.Path, "/"), mode: u.Query().Get("mode")}, nil
}

// tokenOf makes a ClientRequestToken: at most 64 of [a-zA-Z0-9-_]. The mode is in
// it, because Textract refuses a token that comes again with another question.
func tokenOf(key, mode string) string {
	sum := sha256.Sum256([]byte(mode + "\n" + key))
	return hex.EncodeToString(sum[:])
}
