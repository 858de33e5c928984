package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"intray/daemon/config"
	"intray/daemon/handover"
	"intray/daemon/web"
	"intray/ledger"
)

// request is one question to the running daemon.
type request struct {
	method string // "" is GET
	path   string
	body   any // sent as JSON; nil is none
	// into takes the answer's JSON; save, if set, takes its bytes instead.
	into any
	save func(*http.Response) error
	// long is for what may take its time.
	long bool
	// writes has the ledger opened for writing when no daemon runs.
	writes bool
}

// patience with the daemon's answer; a backup of a large ledger takes its time.
const (
	answerPatience = 30 * time.Second
	savePatience   = time.Hour
	startPatience  = 5 * time.Second
	lockPatience   = 500 * time.Millisecond
)

// ask asks the running daemon, which owns the ledger, and uses the ledger
// itself when no daemon runs. The header is nil in that case. A daemon that is
// just starting or stopping holds the ledger and does not answer: it is given
// a few seconds.
func ask(ctx context.Context, cfg *config.Config, r request, direct func(*ledger.Ledger) error) (http.Header, error) {
	file := filepath.Join(cfg.DataDir, "ledger.db")
	for began := time.Now(); ; {
		header, err := askDaemon(ctx, cfg, r)
		asked := err
		if !nobodyThere(err) && !errors.Is(err, errNoDaemon) && !errors.Is(err, errDegraded) && !errors.Is(err, errStranger) {
			return header, err
		}
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			return nil, &exitError{exitUnreachable, fmt.Errorf("no daemon runs and there is no ledger in %s yet", cfg.DataDir)}
		}
		l, err := ledger.Open(file, ledger.Options{ReadOnly: !r.writes, LockTimeout: lockPatience, Messages: handover.Messages(cfg)})
		if errors.Is(err, ledger.ErrLocked) {
			if time.Since(began) < startPatience && ctx.Err() == nil {
				continue
			}
			if errors.Is(asked, errDegraded) {
				return nil, asked
			}
			return nil, &exitError{exitUnreachable, unanswered(cfg, asked)}
		}
		if err != nil && errors.Is(asked, errDegraded) {
			return nil, asked // an older ledger that could not be brought up to date, say
		}
		if err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
		defer l.Close()
		err = direct(l)
		var coded *exitError
		if errors.Is(asked, errDegraded) && errors.As(err, &coded) && coded.code == exitUnreachable {
			return nil, asked // a daemon runs, and says what is wrong
		}
		return nil, err
	}
}

// unanswered says why the daemon that holds the ledger cannot be asked; err is what
// asking it came to.
func unanswered(cfg *config.Config, err error) error {
	if errors.Is(err, errStranger) {
		return fmt.Errorf("a daemon holds the ledger, but what answers on %q (web.listen) is not it: another program or another Intray has the address, "+
			"or the file api-token was changed since the daemon started; mend that and restart the daemon", cfg.Web.Listen)
	}
	if _, err := os.Stat(tokenPath(cfg)); cfg.Web.Listen != "" && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("a daemon holds the ledger, but its file %s is gone; restart the daemon, which makes a new one", tokenPath(cfg))
	}
	return fmt.Errorf("a daemon holds the ledger but does not answer on %q (web.listen)", cfg.Web.Listen)
}

// dialable is an address under which a listener on this machine is reached: one
// that listens everywhere is spoken to here.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		if ip != nil && ip.To4() == nil {
			return net.JoinHostPort("::1", port)
		}
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// nobodyThere is true when nothing listens at the daemon's address. Windows has
// a number of its own for that (WSAECONNREFUSED).
func nobodyThere(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || runtime.GOOS == "windows" && errors.Is(err, syscall.Errno(10061))
}

func scheme(w config.Web) string {
	if w.TLSCert != "" {
		return "https://"
	}
	return "http://"
}

// clientFor speaks to the daemon and nobody else: it is reached by this machine's
// address, for which its certificate need not be, so it must show the very
// certificate that is configured.
func clientFor(w config.Web) (*http.Client, error) {
	transport := &http.Transport{}
	if w.TLSCert != "" {
		pair, err := certificateIn(w.TLSCert)
		if err != nil {
			return nil, usage(fmt.Errorf("web.tls_cert: %w", err))
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // compared as a whole below
			VerifyConnection: func(c tls.ConnectionState) error {
				if len(c.PeerCertificates) == 0 || !bytes.Equal(c.PeerCertificates[0].Raw, pair.Raw) {
					return errors.New("whoever answers there does not show the certificate of web.tls_cert")
				}
				return nil
			}}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// certificateIn reads the first certificate of a PEM file.
func certificateIn(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, fmt.Errorf("%s holds no certificate", path)
}

var (
	errNoDaemon = errors.New("no daemon")
	// errStranger is for an answer that this Intray's daemon does not give to one who has
	// its token: something else listens at its address.
	errStranger = errors.New("another program answers")
	// errDegraded is for a daemon that cannot work; it holds no ledger.
	errDegraded = errors.New("the daemon cannot work")
)

func askDaemon(ctx context.Context, cfg *config.Config, r request) (http.Header, error) {
	token, err := os.ReadFile(tokenPath(cfg))
	if cfg.Web.Listen == "" || errors.Is(err, os.ErrNotExist) {
		return nil, errNoDaemon
	}
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("read API token (only the service's user may): %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read API token: %w", err)
	}
	patience := answerPatience
	if r.save != nil || r.long {
		patience = savePatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var body io.Reader
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("ask daemon: %w", err)
		}
		body = bytes.NewReader(data)
	}
	q, err := http.NewRequestWithContext(ctx, r.method, scheme(cfg.Web)+dialable(cfg.Web.Listen)+r.path, body)
	if err != nil {
		return nil, fmt.Errorf("ask daemon: %w", err)
	}
	q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	client, err := clientFor(cfg.Web)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	answer, err := client.Do(q)
	if err != nil {
		if said, degraded, elsewhere := readinessAt(ctx, cfg.Web.Local()); elsewhere == nil && degraded {
			err = fmt.Errorf("%w: %s", errDegraded, said)
		}
		return nil, &exitError{exitUnreachable, fmt.Errorf("ask daemon: %w", err)}
	}
	defer answer.Body.Close()
	err = r.read(answer, cfg.Web.Listen)
	if err != nil && answer.Header.Get(web.DegradedHeader) != "" {
		err = fmt.Errorf("%w: %w", errDegraded, err)
	}
	return answer.Header, err
}

// read takes the answer, or says what it means that there is none.
func (r request) read(answer *http.Response, from string) error {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")) // "" is a stranger's, too
	switch {
	case answer.StatusCode == http.StatusOK && r.save != nil:
		return r.save(answer)
	case answer.StatusCode == http.StatusUnauthorized, kind != "application/json" && kind != "application/problem+json":
		return fmt.Errorf("%w: %s says %s", errStranger, from, answer.Status)
	case answer.StatusCode == http.StatusOK:
		if err := json.NewDecoder(answer.Body).Decode(r.into); err != nil {
			return fmt.Errorf("read daemon's answer: %w", err)
		}
		return nil
	case answer.StatusCode == http.StatusNotFound:
		return ledger.ErrNotFound
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10)) // the status says enough without
	var said struct{ Error string }
	if err := json.Unmarshal(text, &said); err != nil || said.Error == "" {
		said.Error = strings.TrimSpace(string(text))
	}
	switch answer.StatusCode {
	case http.StatusConflict:
		return &exitError{exitRefused, errors.New(said.Error)}
	case http.StatusBadRequest:
		return usage(errors.New(said.Error))
	case http.StatusServiceUnavailable:
		if answer.Header.Get(web.DegradedHeader) == "" { // it answers others just now
			return &exitError{exitRetryLater, errors.New(said.Error)}
		}
	}
	return &exitError{exitUnreachable, fmt.Errorf("the daemon on %s answered %s: %s", from, answer.Status, said.Error)}
}
