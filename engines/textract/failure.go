package textract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"intray/engines"
)

// meaning is what an error code of AWS is for us.
type meaning struct {
	kind     engines.Kind
	code     string
	sentence string
	codes    []string
}

// meanings are the codes of Textract's and S3's references; the sentence ends what
// "AWS did not …:" begins.
var meanings = []meaning{
	{engines.Retryable, engines.CodeRate, "it takes no more calls at the moment.",
		[]string{"ThrottlingException", "ProvisionedThroughputExceededException", "Throttling", "SlowDown", "RequestLimitExceeded", "TooManyRequestsException"}},
	{engines.Retryable, engines.CodeRate, "too many jobs run at once; it goes on when some have ended.", []string{"LimitExceededException"}},
	{engines.Retryable, engines.CodeQuota, "the account's quota is used up. Ask AWS for a higher one.", []string{"ServiceQuotaExceededException"}},
	{engines.Terminal, engines.CodeAuth, "the access key is unknown, or its secret is another's. Check both keys, and the clock of this machine.",
		[]string{"UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch", "InvalidAccessKeyId", "IncompleteSignature",
			"MissingAuthenticationToken", "MissingAuthenticationTokenException", "ExpiredTokenException", "ExpiredToken", "InvalidToken", "InvalidClientTokenId"}},
	{engines.Terminal, engines.CodeAuth, "the clock of this machine is wrong. Set it.", []string{"RequestTimeTooSkewed", "RequestExpired"}},
	{engines.Terminal, engines.CodeAuth, "the account has no right to. Give its user or role textract:Start*, textract:Get* and, for the bucket, s3:PutObject, s3:GetObject and s3:DeleteObject.",
		[]string{"AccessDeniedException", "AccessDenied", "AllAccessDisabled", "OptInRequired", "NotAuthorized"}},
	{engines.Terminal, engines.CodeContent, "it does not take the document: it is damaged, has a password, or is no PDF, TIFF, JPEG or PNG.",
		[]string{"UnsupportedDocumentException", "BadDocumentException"}},
	{engines.Terminal, engines.CodeTooLarge, "the document is too large for it. Split it.", []string{"DocumentTooLargeException", "EntityTooLarge"}},
	{engines.Terminal, engines.CodeBadSettings, "it cannot read the bucket. Bucket and engine must be of one region; check bucket, region and the bucket's rights.",
		[]string{"InvalidS3ObjectException", "NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidBucketName"}},
	{engines.Terminal, engines.CodeBadSettings, "the encryption key of the bucket does not serve it.", []string{"InvalidKMSKeyException", "KMS.DisabledException"}},
	{engines.Retryable, engines.CodeExpired, "it does not know the job; it keeps answers for seven days. The document has to be submitted again.", []string{"InvalidJobIdException"}},
	{engines.Terminal, engines.CodeBadRequest, "the same document was submitted before with other settings.", []string{"IdempotentParameterMismatchException"}},
	{engines.Terminal, engines.CodeBadRequest, "it does not accept the request. Check the engine's settings, above all topic_arn and role_arn.",
		[]string{"InvalidParameterException", "ValidationException", "InvalidParameter", "InvalidRequest", "SerializationException", "UnknownOperationException"}},
}

// failure turns what the SDK says of c into our error; doing is what was tried, as
// after "did not". A context's error stays one.
func (s service) failure(ctx context.Context, c *call, err error, doing string) error {
	if err == nil {
		return nil
	}
	if c.err != nil {
		return c.err
	}
	var ours *engines.Error
	if errors.As(err, &ours) {
		return ours
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return ctx.Err()
	}
	out := &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Cause: s.discreet(ctx, err),
		Sentence: fmt.Sprintf("AWS did not %s, for a reason of its own.", doing)}
	status := 0
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) && answered.Response != nil && answered.Response.Response != nil {
		status = answered.HTTPStatusCode()
		out.RetryAfter = engines.RetryAfter(answered.Response.Header, time.Now())
	}
	if m, ok := meaningOf(err); ok {
		out.Kind, out.Code, out.Sentence = m.kind, m.code, fmt.Sprintf("AWS did not %s: %s", doing, m.sentence)
		return out
	}
	if status >= 200 && status < 300 {
		out.Code, out.Sentence = engines.CodeSubmitUnknown, fmt.Sprintf("AWS answered with nonsense when asked to %s.", doing)
		return out
	}
	byStatus(out, status, doing)
	return out
}

func meaningOf(err error) (meaning, bool) {
	var said smithy.APIError
	if !errors.As(err, &said) {
		return meaning{}, false
	}
	// A namespace before # may stand before the name.
	_, code, found := strings.Cut(said.ErrorCode(), "#")
	if !found {
		code = said.ErrorCode()
	}
	for _, m := range meanings {
		if slices.Contains(m.codes, code) {
			return m, true
		}
	}
	return meaning{}, false
}

// discreet is what AWS says without the keys, which some servers repeat.
func (s service) discreet(ctx context.Context, err error) error {
	// Without keys the call would not have been made.
	keys, _ := s.textract.Options().Credentials.Retrieve(ctx)
	return errors.New(engines.Scrub(err.Error(), keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken))
}

// byStatus is for codes that nobody wrote down.
func byStatus(out *engines.Error, status int, doing string) {
	switch {
	case status == 0 || status >= 500:
	case status == 429:
		out.Code, out.Sentence = engines.CodeRate, fmt.Sprintf("AWS did not %s: it takes no more calls at the moment.", doing)
	case status == 401 || status == 403:
		out.Kind, out.Code = engines.Terminal, engines.CodeAuth
		out.Sentence = fmt.Sprintf("AWS did not %s: the keys are not accepted. Check them and their rights.", doing)
	case status >= 300:
		out.Kind, out.Code = engines.Terminal, engines.CodeBadRequest
		out.Sentence = fmt.Sprintf("AWS did not %s: it does not accept the request. Check the engine's settings.", doing)
	}
}

// jobFailure explains a job that failed; message is AWS's own word, often a code.
func jobFailure(message string) *engines.Error {
	message = engines.Scrub(message)
	for _, m := range meanings {
		if slices.ContainsFunc(m.codes, func(code string) bool { return strings.Contains(message, code) }) {
			return &engines.Error{Kind: m.kind, Code: m.code, Sentence: "Textract did not read the document: " + m.sentence, Cause: errors.New(message)}
		}
	}
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeContent, Sentence: fmt.Sprintf("Textract could not read the document: %s", message)}
}

// nonsense is an answer that makes no sense; the next one may.
func nonsense(cause error) error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Textract's answer makes no sense; it will be asked again.", Cause: cause}
}
