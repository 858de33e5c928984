package textract

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"intray/engines"
)

const (
	// callbackTime bounds one call to SNS: it wants its answer within 15 s.
	callbackTime = 10 * time.Second
	// maxCertificate bounds a certificate file, in bytes; a chain has some 8 KiB.
	maxCertificate = 64 << 10
	// keptCertificates bounds the memory for them; SNS has one for each region
	// and changes it once a year.
	keptCertificates = 16
	// snsName is on SNS's signing certificates, whatever the region.
	snsName = "sns.amazonaws.com"
	// authorityHost serves the certificates of Amazon's own authorities.
	authorityHost = ".amazontrust.com"
)

// certificates fetches SNS's signing certificates, checks their chain and keeps
// them. It is safe for parallel use.
type certificates struct {
	http *http.Client
	// roots is nil for the machine's own.
	roots *x509.CertPool

	mu   sync.Mutex
	kept map[string]*x509.Certificate
	// Whoever knows the topic can have us ask SNS for a file that is not there.
	asked   int
	counted time.Time
}

// askedPerMinute bounds how often SNS is asked for certificates.
const askedPerMinute = 6

// mayAsk is true while fewer were asked for in this minute.
func (c *certificates) mayAsk(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := now.Sub(c.counted); age < 0 || age >= time.Minute {
		c.counted, c.asked = now, 0
	}
	c.asked++
	return c.asked <= askedPerMinute
}

// at returns the certificate at an address that was checked to be SNS's.
func (c *certificates) at(address *url.URL, now time.Time) (*x509.Certificate, error) {
	name := address.String()
	c.mu.Lock()
	kept := c.kept[name]
	c.mu.Unlock()
	if kept != nil && now.Before(kept.NotAfter) {
		return kept, nil
	}
	if !c.mayAsk(now) {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeNetwork,
			Sentence: "Callbacks in the name of SNS asked for too many certificates; it is asked for more in a minute."}
	}
	body, state, err := c.fetch(address)
	if err != nil {
		return nil, err
	}
	leaf, err := c.check(body, state, address.Hostname(), now)
	if err != nil {
		return nil, forged("its certificate does not hold", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= keptCertificates {
		c.kept = map[string]*x509.Certificate{}
	}
	c.kept[name] = leaf
	return leaf, nil
}

func (c *certificates) fetch(address *url.URL) ([]byte, *tls.ConnectionState, error) {
	status, answer, err := get(c.http, address)
	switch {
	case err != nil || status >= 500:
		return nil, nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeNetwork,
			Sentence: fmt.Sprintf("The certificate of SNS at %s cannot be had.", address.Host), Cause: err}
	case status != http.StatusOK:
		return nil, nil, forged(fmt.Sprintf("SNS has no such certificate (status %d)", status), nil)
	}
	return answer.body, answer.tls, nil
}

// check reads PEM and follows the chain to a root. SNS's file has the leaf alone,
// so that what is between comes from the connection that brought it, which has
// the same authority as a rule, or else from where the leaf says.
func (c *certificates) check(body []byte, state *tls.ConnectionState, host string, now time.Time) (*x509.Certificate, error) {
	var leaf *x509.Certificate
	between := x509.NewCertPool()
	for block, rest := pem.Decode(body); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if leaf == nil {
			leaf = cert
		} else {
			between.AddCert(cert)
		}
	}
	if leaf == nil {
		return nil, errors.New("there is none in the file")
	}
	if leaf.VerifyHostname(snsName) != nil && leaf.VerifyHostname(host) != nil {
		return nil, fmt.Errorf("it is not SNS's but of %q", leaf.DNSNames)
	}
	if state != nil {
		for _, cert := range state.PeerCertificates[min(1, len(state.PeerCertificates)):] {
			between.AddCert(cert)
		}
	}
	verify := func() error {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: c.roots, Intermediates: between, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}
	err := verify()
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) && c.issuer(leaf, between) {
		err = verify()
	}
	return leaf, err
}

// issuer adds the certificate of leaf's issuer to the pool. It comes without
// encryption, as usual: it proves itself by the chain.
func (c *certificates) issuer(leaf *x509.Certificate, between *x509.CertPool) bool {
	for _, text := range leaf.IssuingCertificateURL {
		address, err := url.Parse(text)
		if err != nil || !strings.HasSuffix(address.Host, authorityHost) {
			continue
		}
		status, answer, err := get(c.http, address)
		if err != nil || status != http.StatusOK {
			continue
		}
		if cert, err := x509.ParseCertificate(answer.body); err == nil {
			between.AddCert(cert)
			return true
		}
	}
	return false
}

type fetched struct {
	body []byte
	tls  *tls.ConnectionState
}

// get makes one call without a credential to an address that was checked; it
// follows no redirect.
func get(client *http.Client, address *url.URL) (status int, answer fetched, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callbackTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return 0, fetched{}, err
	}
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := direct.Do(r)
	if err != nil {
		// url.Error would show the query, in which a confirmation has its token.
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return 0, fetched{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxCertificate))
	return response.StatusCode, fetched{body, response.TLS}, err
}
