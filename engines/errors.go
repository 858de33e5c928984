package engines

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what an error means for the document. The set is closed.
type Kind string

// Kinds of Error. An error that carries none counts as Retryable; the ledger
// bounds how often.
const (
	// Retryable may pass: time-out, 429, 5xx, disk full, engine crash.
	Retryable Kind = "retryable"
	// Terminal will not pass: unsupported type, corrupt, password needed,
	// authentication, bad request.
	Terminal Kind = "terminal"
	// Review was read but should not be trusted without a person.
	Review Kind = "review"
)

// Error has three audiences: Kind is for code, Sentence for a person, Cause for
// the developer. Code is a stable word such as "needs_password".
type Error struct {
	Kind     Kind
	Code     string
	Sentence string
	Cause    error
	// RetryAfter is how long a service asked us to wait before we try again; 0 if
	// it did not say.
	RetryAfter time.Duration
}

// Error returns the whole chain; show Sentence to people instead.
func (e *Error) Error() string {
	if e.Cause == nil {
		return fmt.Sprintf("%s: %s", e.Code, e.Sentence)
	}
	return fmt.Sprintf("%s: %s: %v", e.Code, e.Sentence, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Codes of errors that more than one engine or room reports.
const (
	CodeTimeout      = "timeout"
	CodeCrashed      = "engine_crashed"
	CodeOutOfMemory  = "out_of_memory"
	CodeUnavailable  = "engine_unavailable"
	CodeBadImage     = "corrupt"
	CodeUnsupported  = "unsupported_type"
	CodeTooLarge     = "too_large"
	CodeBadSettings  = "bad_settings"
	CodeNoLanguage   = "language_missing"
	CodeNeedPassword = "needs_password"
	CodeEmpty        = "empty_file"
	CodeInternal     = "internal"
)

// Codes of errors of cloud services. What a service is asked must not be asked
// again before RetryAfter for rate and quota; authentication and quota concern
// every document of the engine.
const (
	CodeAuth           = "authentication"   // wrong key, or one for another region
	CodeRate           = "rate_limited"     // too many calls for the moment
	CodeQuota          = "quota_exhausted"  // no more for hours or days
	CodeNetwork        = "network"          // nothing of the request was sent
	CodeSubmitUnknown  = "submit_unknown"   // it may have been taken: the answer is lost
	CodeService        = "service_failed"   // 5xx and answers that make no sense
	CodeContent        = "content_refused"  // the service does not take the document
	CodeBadRequest     = "bad_request"      // what we asked for is wrong: settings
	CodeExpired        = "result_expired"   // the job or its answer is gone
	CodePagesMissing   = "pages_missing"    // fewer pages came back than were sent
	CodePartsDiffer    = "parts_differ"     // parts of a document say different things
	CodeHollow         = "hollow_success"   // it says it succeeded and has nothing
	CodeForeignAddress = "foreign_address"  // it names a host that is not its own
	CodeForged         = "webhook_unproven" // a callback whose signature does not hold
)

// AsError finds the *Error in err's chain. A bare context error is returned as
// nil, false: a stop is not a failure of the document.
func AsError(err error) (*Error, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e, true
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return nil, false
	}
	return &Error{Kind: Retryable, Code: CodeInternal,
		Sentence: "Something unexpected went wrong inside Intray; it will be tried again.", Cause: err}, true
}
