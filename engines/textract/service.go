package textract

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/textract"
	"github.com/aws/aws-sdk-go-v2/service/textract/types"

	"intray/engines"
)

const (
	// withdrawTime bounds the removal of a document whose job did not start.
	withdrawTime = 10 * time.Second
	// credentialTime is for how long a credential is not read again.
	credentialTime = time.Minute
)

// service is the two clients. Each call is made once.
type service struct {
	textract *textract.Client
	s3       *s3.Client
	options  options
	// limit bounds one answer in bytes; 0 is the usual.
	limit int64
}

func connect(o options) (service, error) {
	c := aws.Config{Region: o.Region, Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(o.credentials))}
	if o.AccessKey.IsZero() {
		var err error
		if c, err = config.LoadDefaultConfig(context.Background(), config.WithRegion(o.Region)); err != nil {
			return service{}, err
		}
	}
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	c.RetryMaxAttempts = 0
	c.BaseEndpoint = nil
	if o.Endpoint != "" {
		c.BaseEndpoint = &o.Endpoint
	}
	return service{options: o, textract: textract.NewFromConfig(c),
		s3: s3.NewFromConfig(c, func(s *s3.Options) { s.UsePathStyle = o.Endpoint != "" })}, nil
}

// credentials reads both keys where the settings say.
func (o options) credentials(context.Context) (aws.Credentials, error) {
	id, err := o.AccessKey.Read()
	if err != nil {
		return aws.Credentials{}, err
	}
	secret, err := o.SecretKey.Read()
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, Source: "settings", CanExpire: true, Expires: time.Now().Add(credentialTime)}, nil
}

// call makes one of the SDK's calls as our own are made: once, bounded, without
// redirects, and with an error that says whether anything was sent. It keeps both
// answer and error, because the SDK passes on neither whole.
type call struct {
	limit int64
	body  []byte
	err   error
}

// Do makes the call to the address that the SDK made of region and endpoint.
func (c *call) Do(r *http.Request) (*http.Response, error) {
	reply, err := (&engines.Caller{Base: r.URL, MaxAnswer: c.limit}).Do(r.Context(), r)
	if err != nil {
		c.err = err
		return nil, err
	}
	c.body = reply.Body
	return &http.Response{StatusCode: reply.Status, Status: http.StatusText(reply.Status), Header: reply.Header, Request: r,
		Body: io.NopCloser(bytes.NewReader(reply.Body)), ContentLength: int64(len(reply.Body))}, nil
}

func (s service) call() *call { return &call{limit: s.limit} }

func (c *call) textract(o *textract.Options) { o.HTTPClient = c }

func (c *call) s3(o *s3.Options) { o.HTTPClient = c }

// put stores the document, encrypted with S3's own key. Sending it twice does no
// harm, so that a lost answer is no question.
func (s service) put(ctx context.Context, w where, doc engines.Document) error {
	c := s.call()
	_, err := s.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &w.bucket, Key: &w.key, Body: bytes.NewReader(doc.Content),
		ContentType: &doc.MIME, ServerSideEncryption: s3types.ServerSideEncryptionAes256}, c.s3)
	return engines.AskAgain(ctx, s.failure(ctx, c, err, "store the document in the bucket "+w.bucket))
}

func (s service) remove(ctx context.Context, w where) error {
	if w.key == "" {
		return nil
	}
	c := s.call()
	_, err := s.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &w.key}, c.s3)
	return engines.AskAgain(ctx, s.failure(ctx, c, err, "remove the document from the bucket "+w.bucket))
}

// start starts the job for one object and returns its id.
func (s service) start(ctx context.Context, w where, token string) (string, error) {
	location := &types.DocumentLocation{S3Object: &types.S3Object{Bucket: &w.bucket, Name: &w.key}}
	var channel *types.NotificationChannel
	if s.options.TopicARN != "" {
		channel = &types.NotificationChannel{SNSTopicArn: &s.options.TopicARN, RoleArn: &s.options.RoleARN}
	}
	var id *string
	var err error
	c := s.call()
	switch w.mode {
	case modeAnalysis:
		var out *textract.StartDocumentAnalysisOutput
		out, err = s.textract.StartDocumentAnalysis(ctx, &textract.StartDocumentAnalysisInput{DocumentLocation: location,
			ClientRequestToken: &token, NotificationChannel: channel,
			FeatureTypes: []types.FeatureType{types.FeatureTypeTables, types.FeatureTypeForms, types.FeatureTypeLayout}}, c.textract)
		if err == nil {
			id = out.JobId
		}
	case modeExpense:
		var out *textract.StartExpenseAnalysisOutput
		out, err = s.textract.StartExpenseAnalysis(ctx, &textract.StartExpenseAnalysisInput{DocumentLocation: location,
			ClientRequestToken: &token, NotificationChannel: channel}, c.textract)
		if err == nil {
			id = out.JobId
		}
	default:
		var out *textract.StartDocumentTextDetectionOutput
		out, err = s.textract.StartDocumentTextDetection(ctx, &textract.StartDocumentTextDetectionInput{DocumentLocation: location,
			ClientRequestToken: &token, NotificationChannel: channel}, c.textract)
		if err == nil {
			id = out.JobId
		}
	}
	return aws.ToString(id), s.failure(ctx, c, err, "start reading the document")
}

// maxResults is how much one call may return: blocks, or pages of an expense.
func maxResults(mode string) int32 {
	if mode == modeExpense {
		return 20
	}
	return 1000
}

// get returns one body of the answer as it was sent, and the token of the next.
func (s service) get(ctx context.Context, mode, id, token string, limit int32) (raw []byte, next string, err error) {
	var from, following *string
	if token != "" {
		from = &token
	}
	c := s.call()
	switch mode {
	case modeAnalysis:
		var out *textract.GetDocumentAnalysisOutput
		out, err = s.textract.GetDocumentAnalysis(ctx, &textract.GetDocumentAnalysisInput{JobId: &id, NextToken: from, MaxResults: &limit}, c.textract)
		if err == nil {
			following = out.NextToken
		}
	case modeExpense:
		var out *textract.GetExpenseAnalysisOutput
		out, err = s.textract.GetExpenseAnalysis(ctx, &textract.GetExpenseAnalysisInput{JobId: &id, NextToken: from, MaxResults: &limit}, c.textract)
		if err == nil {
			following = out.NextToken
		}
	default:
		var out *textract.GetDocumentTextDetectionOutput
		out, err = s.textract.GetDocumentTextDetection(ctx, &textract.GetDocumentTextDetectionInput{JobId: &id, NextToken: from, MaxResults: &limit}, c.textract)
		if err == nil {
			following = out.NextToken
		}
	}
	return c.body, aws.ToString(following), engines.AskAgain(ctx, s.failure(ctx, c, err, "hand out the answer"))
}
