package engines

import (
	"context"
	"errors"
	"fmt"
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
