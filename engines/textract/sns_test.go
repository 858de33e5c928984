package textract

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"intray/engines"
)

const (
	testTopic = "arn:aws:sns:eu-central-1:123456789012:intray"
	testCert  = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"
	testTime  = "2026-11-24T12:00:00.000Z"
)

// fakeSNS signs as SNS does, with certificates of an authority of its own, and
// serves them at SNS's address: all connections of its client come here.
type fakeSNS struct {
	key       *rsa.PrivateKey
	topic     *topic
	fetched   atomic.Int32
	confirmed atomic.Int32
}

// newFakeSNS makes one whose signing certificate has that name and issuer.
func newFakeSNS(t testing.TB, name string, trusted bool) *fakeSNS {
	t.Helper()
	root, rootKey := authority(t, "Root", nil, nil)
	middle, middleKey := authority(t, "Middle", root, rootKey)
	f := &fakeSNS{}
	var err error
	if f.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	signing := issue(t, name, middle, middleKey, &f.key.PublicKey)
	serving := issue(t, "sns.eu-central-1.amazonaws.com", middle, middleKey, &f.key.PublicKey)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("Action") == "ConfirmSubscription" {
			f.confirmed.Add(1)
			return
		}
		f.fetched.Add(1)
		// The leaf alone, as SNS has it: what is between comes with the connection.
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: signing.Raw})
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{serving.Raw, middle.Raw}, PrivateKey: f.key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		}}}
	f.topic = newTopic(testTopic)
	f.topic.http, f.topic.certificates.http = client, client
	if trusted {
		f.topic.certificates.roots = roots
	}
	at, err := time.Parse(time.RFC3339, testTime)
	if err != nil {
		t.Fatal(err)
	}
	f.topic.now = func() time.Time { return at }
	return f
}

func authority(t testing.TB, name string, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC)}
	if parent == nil {
		parent, parentKey = template, key
	}
	return signedBy(t, template, parent, &key.PublicKey, parentKey), key
}

func issue(t testing.TB, name string, parent *x509.Certificate, parentKey crypto.Signer, key crypto.PublicKey) *x509.Certificate {
	t.Helper()
	return signedBy(t, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)}, parent, key, parentKey)
}

func signedBy(t testing.TB, template, parent *x509.Certificate, key crypto.PublicKey, parentKey crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// post is a message as SNS posts it; change is made before it is signed.
func (f *fakeSNS) post(t testing.TB, change func(*envelope)) []byte {
	t.Helper()
	e := envelope{Type: notification, MessageID: "m-1", TopicArn: testTopic, Timestamp: testTime, SignatureVersion: "2", SigningCertURL: testCert,
		Message: `{"JobId":"job-1","Status":"SUCCEEDED","API":"StartDocumentAnalysis","Timestamp":1536262134685}`}
	if change != nil {
		change(&e)
	}
	sum := sha256.Sum256([]byte(e.canonical()))
	hash, digest := crypto.SHA256, sum[:]
	if e.SignatureVersion == "1" {
		old := sha1.Sum([]byte(e.canonical()))
		hash, digest = crypto.SHA1, old[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	e.Signature = base64.StdEncoding.EncodeToString(signature)
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (f *fakeSNS) provider() *Provider { return &Provider{topic: f.topic} }

func TestWebhook(t *testing.T) {
	f := newFakeSNS(t, snsName, true)
	for _, version := range []string{"1", "2"} {
		for _, subject := range []*string{nil, new("Textract")} {
			id, err := f.provider().VerifyWebhook(f.post(t, func(e *envelope) { e.SignatureVersion, e.Subject = version, subject }), nil)
			if err != nil || id != "job-1" {
				t.Errorf("version %s: %q, %v", version, id, err)
			}
		}
	}
	if n := f.fetched.Load(); n != 1 {
		t.Errorf("the certificate was fetched %d times", n)
	}
	id, err := f.provider().VerifyWebhook(f.post(t, func(e *envelope) {
		e.Type, e.Token = subscription, "t"
		e.SubscribeURL = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
	}), nil)
	if err != nil || id != "" || f.confirmed.Load() != 1 {
		t.Errorf("confirmation: %q, %v, %d", id, err, f.confirmed.Load())
	}
}

func TestForgedWebhooks(t *testing.T) {
	f := newFakeSNS(t, snsName, true)
	altered := f.post(t, nil)
	altered = append([]byte(`{"MessageId":"m-2",`), altered[1:]...)
	bodies := map[string][]byte{"raw delivery": []byte(`{"JobId":"job-1","Status":"SUCCEEDED"}`), "noise": []byte("\x00"), "empty": nil}
	var e envelope
	if err := json.Unmarshal(altered, &e); err != nil {
		t.Fatal(err)
	}
	e.Message = `{"JobId":"job-2"}`
	bodies["altered"], _ = json.Marshal(e)
	foreignConfirm := "https://evil.example/?Action=ConfirmSubscription"
	for name, change := range map[string]func(*envelope){
		"other topic":          func(e *envelope) { e.TopicArn += "x" },
		"old":                  func(e *envelope) { e.Timestamp = "2026-11-24T01:00:00.000Z" },
		"future":               func(e *envelope) { e.Timestamp = "2026-11-24T13:00:00.000Z" },
		"no time":              func(e *envelope) { e.Timestamp = "" },
		"certificate abroad":   func(e *envelope) { e.SigningCertURL = "https://sns.eu-central-1.amazonaws.com.evil.example/c.pem" },
		"certificate plain":    func(e *envelope) { e.SigningCertURL = "http://sns.eu-central-1.amazonaws.com/c.pem" },
		"certificate by port":  func(e *envelope) { e.SigningCertURL = "https://sns.eu-central-1.amazonaws.com:8443/c.pem" },
		"certificate by user":  func(e *envelope) { e.SigningCertURL = "https://u@sns.eu-central-1.amazonaws.com/c.pem" },
		"certificate in S3":    func(e *envelope) { e.SigningCertURL = "https://sns.s3.amazonaws.com/c" },
		"version":              func(e *envelope) { e.SignatureVersion = "3" },
		"type":                 func(e *envelope) { e.Type = "Hello" },
		"no job":               func(e *envelope) { e.Message = "{}" },
		"confirmation abroad":  func(e *envelope) { e.Type, e.Token, e.SubscribeURL = subscription, "t", foreignConfirm },
		"confirmation of else": func(e *envelope) { e.Type, e.Token, e.TopicArn = subscription, "t", testTopic+"2" },
	} {
		bodies[name] = f.post(t, change)
	}
	for name, body := range bodies {
		id, err := f.provider().VerifyWebhook(body, nil)
		if e, _ := engines.AsError(err); id != "" || e == nil || e.Code != engines.CodeForged || e.Kind != engines.Terminal {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	if f.confirmed.Load() != 0 {
		t.Error("a subscription was confirmed")
	}
	for name, sns := range map[string]*fakeSNS{"another's certificate": newFakeSNS(t, "evil.example", true), "unknown authority": newFakeSNS(t, snsName, false)} {
		_, err := sns.provider().VerifyWebhook(sns.post(t, nil), nil)
		if e, _ := engines.AsError(err); e == nil || e.Code != engines.CodeForged {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&Provider{}).VerifyWebhook(f.post(t, nil), nil); err == nil {
		t.Error("verified without a topic")
	}
}

func FuzzVerifyWebhook(f *testing.F) {
	sns := newFakeSNS(f, snsName, true)
	f.Add(sns.post(f, nil))
	good := sns.post(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		if id, err := sns.provider().VerifyWebhook(body, nil); err == nil && id != "job-1" && string(body) != string(good) {
			t.Errorf("%q was believed: %s", body, id)
		}
	})
}
