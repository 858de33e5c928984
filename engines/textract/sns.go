package textract

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // SNS's signature version 1 is made with it.
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"intray/engines"
)

// SNS tries for an hour at most to deliver what it was given; an older message is
// a replay. The other way it is the difference of two clocks.
const (
	oldestMessage = 2 * time.Hour
	futureMessage = 15 * time.Minute
)

// snsHost is who may sign and confirm (SNS developer guide, "Verifying the
// signatures of Amazon SNS messages").
var snsHost = regexp.MustCompile(`^sns\.[a-zA-Z0-9-]{3,}\.amazonaws\.com(\.cn)?$`)

// envelope is what SNS posts.
type envelope struct {
	Type             string
	MessageID        string `json:"MessageId"`
	TopicArn         string
	Subject          *string
	Message          string
	Timestamp        string
	Token            string
	SubscribeURL     string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

// Types of envelope.
const (
	notification = "Notification"
	subscription = "SubscriptionConfirmation"
	farewell     = "UnsubscribeConfirmation"
)

// topic verifies what comes from one SNS topic. It is safe for parallel use.
type topic struct {
	arn          string
	certificates *certificates
	// http makes the two calls that a callback can cause, to SNS alone.
	http *http.Client
	now  func() time.Time
}

func newTopic(arn string) *topic {
	client := &http.Client{Timeout: callbackTime}
	return &topic{arn: arn, certificates: &certificates{http: client}, http: client, now: time.Now}
}

// VerifyWebhook checks a callback of SNS for the configured topic and says which
// job it is about. A request to confirm the subscription is answered here, which
// calls SNS once, and is about no job: "" without an error. Every other fault is
// terminal with CodeForged, except CodeNetwork when SNS's certificate or its
// confirmation cannot be had: SNS sends again. It bounds its own calls to SNS at
// 10 s each.
func (p *Provider) VerifyWebhook(body []byte, _ http.Header) (jobID string, err error) {
	if p.topic == nil {
		return "", forged("no topic is configured", nil)
	}
	return p.topic.verify(body)
}

func forged(why string, cause error) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeForged,
		Sentence: fmt.Sprintf("A callback in the name of SNS was refused: %s.", why), Cause: cause}
}

func (t *topic) verify(body []byte) (string, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return "", forged("it is no SNS message. Switch raw message delivery off for the subscription", err)
	}
	if e.Type != notification && e.Type != subscription && e.Type != farewell {
		return "", forged("its type is not one of SNS's. Switch raw message delivery off for the subscription", nil)
	}
	// The topic is looked at before anything is fetched on the message's word.
	if e.TopicArn != t.arn {
		return "", forged("it is of another topic", nil)
	}
	if err := t.signed(e); err != nil {
		return "", err
	}
	sent, err := time.Parse(time.RFC3339, e.Timestamp)
	if now := t.now(); err != nil || now.Sub(sent) > oldestMessage || sent.Sub(now) > futureMessage {
		return "", forged("its time is not now: "+e.Timestamp, err)
	}
	if e.Type == notification {
		return jobOf(e.Message)
	}
	if e.Type == subscription {
		return "", t.confirm(e)
	}
	return "", nil
}

// jobOf reads Textract's own message, which stands as text inside SNS's.
func jobOf(message string) (string, error) {
	var m struct {
		JobID string `json:"JobId"`
	}
	if err := json.Unmarshal([]byte(message), &m); err != nil || m.JobID == "" {
		return "", forged("it is signed but names no job of Textract", err)
	}
	return m.JobID, nil
}

// signed checks the signature over the fields that its type has.
func (t *topic) signed(e envelope) error {
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil {
		return forged("its signature cannot be read", err)
	}
	hash := crypto.SHA256
	var sum []byte
	switch text := e.canonical(); e.SignatureVersion {
	case "1":
		s := sha1.Sum([]byte(text)) //nolint:gosec // as SNS does
		hash, sum = crypto.SHA1, s[:]
	case "2":
		s := sha256.Sum256([]byte(text))
		sum = s[:]
	default:
		return forged("its signature is of version "+e.SignatureVersion, nil)
	}
	address, err := snsAddress(e.SigningCertURL)
	if err != nil || !strings.HasSuffix(address.Path, ".pem") || address.RawQuery != "" {
		return forged("its certificate is not at SNS", err)
	}
	certificate, err := t.certificates.at(address, t.now())
	if err != nil {
		return err
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return forged("its certificate has no RSA key", nil)
	}
	if err := rsa.VerifyPKCS1v15(key, hash, sum, signature); err != nil {
		return forged("its signature does not hold", err)
	}
	return nil
}

// canonical is the text that is signed: names and values, a line each.
func (e envelope) canonical() string {
	var out strings.Builder
	put := func(name, value string) { out.WriteString(name + "\n" + value + "\n") }
	put("Message", e.Message)
	put("MessageId", e.MessageID)
	if e.Type == notification {
		if e.Subject != nil {
			put("Subject", *e.Subject)
		}
	} else {
		put("SubscribeURL", e.SubscribeURL)
	}
	put("Timestamp", e.Timestamp)
	if e.Type != notification {
		put("Token", e.Token)
	}
	put("TopicArn", e.TopicArn)
	put("Type", e.Type)
	return out.String()
}

// snsAddress is text's address if it leads to SNS and nowhere else.
func snsAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" || !snsHost.MatchString(u.Host) || u.User != nil {
		return nil, fmt.Errorf("%q is no address of SNS", u.Host)
	}
	return u, nil
}

// confirm subscribes to the configured topic, which the message's signature has
// shown to ask for it.
func (t *topic) confirm(e envelope) error {
	address, err := snsAddress(e.SubscribeURL)
	if err != nil {
		return forged("its confirmation is not at SNS", err)
	}
	status, _, err := get(t.http, address)
	if err != nil || status != http.StatusOK {
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeNetwork,
			Sentence: fmt.Sprintf("SNS did not take the confirmation of the subscription (status %d); it asks again.", status), Cause: err}
	}
	return nil
}
