package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
		if !nobodyThere(err) && !errors.Is(err, errNoDaemon) {
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
			return nil, &exitError{exitUnreachable, fmt.Errorf("a daemon holds the ledger but does not answer on %q (web.listen)", cfg.Web.Listen)}
		}
		if err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
		defer l.Close()
		return nil, direct(l)
	}
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

var errNoDaemon = errors.New("no daemon")

func askDaemon(ctx context.Context, cfg *config.Config, r request) (http.Header, error) {
	token, err := os.ReadFile(tokenPath(cfg))
	if cfg.Web.Listen == "" || errors.Is(err, os.ErrNotExist) {
		return nil, errNoDaemon
	}
	if err != nil {
		return nil, fmt.Errorf("read API token (only the service's user may): %w", err)
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
	q, err := http.NewRequestWithContext(ctx, r.method, "http://"+dialable(cfg.Web.Listen)+r.path, body)
	if err != nil {
		return nil, fmt.Errorf("ask daemon: %w", err)
	}
	q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, &exitError{exitUnreachable, fmt.Errorf("ask daemon: %w", err)}
	}
	defer answer.Body.Close()
	return answer.Header, r.read(answer, cfg.Web.Listen)
}

// read takes the answer, or says what it means that there is none.
func (r request) read(answer *http.Response, from string) error {
	switch {
	case answer.StatusCode == http.StatusOK && r.save != nil:
		return r.save(answer)
	case answer.StatusCode == http.StatusOK:
		if err := json.NewDecoder(answer.Body).Decode(r.into); err != nil {
			return fmt.Errorf("read daemon's answer: %w", err)
		}
		return nil
	case answer.StatusCode == http.StatusNotFound:
		return ledger.ErrNotFound
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000)) // the status says enough without
	var said struct{ Error string }
	if err := json.Unmarshal(text, &said); err != nil || said.Error == "" {
		said.Error = strings.TrimSpace(string(text))
	}
	switch answer.StatusCode {
	case http.StatusConflict:
		return &exitError{exitRefused, errors.New(said.Error)}
	case http.StatusBadRequest:
		return usage(errors.New(said.Error))
	}
	return &exitError{exitUnreachable, fmt.Errorf("the daemon on %s answered %s: %s", from, answer.Status, said.Error)}
}
