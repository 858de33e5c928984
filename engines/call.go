package engines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// Caller makes single HTTP calls to one service. It sends nothing to any other
// host than the service's, follows no redirects, bounds answers and tries once. It
// is safe for parallel use.
type Caller struct {
	// Base is the service's address; its scheme and host are the only ones called.
	Base *url.URL
	// Authorize puts the credential on a request whose address was checked; nil
	// for calls without one.
	Authorize func(*http.Request) error
	// HTTP is nil for a client of its own. Its redirect policy is not used.
	HTTP *http.Client
	// MaxAnswer bounds a body in bytes, 0 is DefaultMaxAnswer.
	MaxAnswer int64
}

// DefaultMaxAnswer is the longest answer that is read, in bytes.
const DefaultMaxAnswer = 256 << 20

// Reply is a whole HTTP answer, whatever its status.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do makes the call. Errors are *Error or the context's: CodeForeignAddress
// (terminal) before anything is sent to another host; CodeNetwork (retryable)
// when nothing was sent; CodeSubmitUnknown (retryable) when the request may have
// been taken and its answer was lost, cut off or too long. A status of 400 or more
// is no error here.
func (c *Caller) Do(ctx context.Context, r *http.Request) (Reply, error) {
	if r.URL.Scheme != c.Base.Scheme || r.URL.Host != c.Base.Host {
		return Reply{}, &Error{Kind: Terminal, Code: CodeForeignAddress,
			Sentence: fmt.Sprintf("The service names an address at %s, which is not %s. Nothing was sent there.", r.URL.Host, c.Base.Host)}
	}
	if c.Authorize != nil {
		if err := c.Authorize(r); err != nil {
			return Reply{}, err
		}
	}
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	answer, err := c.client().Do(r.WithContext(traced))
	if err != nil {
		return Reply{}, c.lost(ctx, sent.Load(), err)
	}
	defer answer.Body.Close()
	limit := c.MaxAnswer
	if limit <= 0 {
		limit = DefaultMaxAnswer
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	if err != nil {
		return Reply{}, c.lost(ctx, true, err)
	}
	return Reply{Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}

func (c *Caller) client() *http.Client {
	client := http.Client{Transport: http.DefaultTransport}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// lost explains a call without an answer. url.Error would name the address with
// its query, in which some services carry a signature.
func (c *Caller) lost(ctx context.Context, sent bool, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctx.Err() != nil && !sent {
		return ctx.Err()
	}
	e := &Error{Kind: Retryable, Code: CodeNetwork, Sentence: fmt.Sprintf("The service at %s cannot be reached.", c.Base.Host), Cause: err}
	if sent {
		e.Code, e.Sentence = CodeSubmitUnknown, fmt.Sprintf("The answer of the service at %s was lost.", c.Base.Host)
	}
	return e
}

// Unheard is true for what a gateway says in the place of a service that it did not
// hear: nobody knows then whether that has taken a submission.
func Unheard(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusGatewayTimeout
}

const longestRetry = 31 * 24 * time.Hour

// RetryAfter reads the header of that name (RFC 9110, 10.2.3): seconds or a date,
// which counts from the answer's own Date, because the service's clock may be days
// off, and from now where there is none. It is 0 where nothing can be understood,
// and at most 31 days: quotas are renewed each month.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		return min(time.Duration(seconds*float64(time.Second)), longestRetry)
	}
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), longestRetry)
	}
	return 0
}
