package handover

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/ledger"
)

// answerPatience bounds one try of one message.
const answerPatience = 15 * time.Second

// secretPrefix stands before the base64 of a key (Standard Webhooks, "Symmetric
// signature scheme").
const secretPrefix = "whsec_"

// Sign is the webhook-signature of a message (Standard Webhooks 1.0): HMAC-SHA256
// of "id.timestamp.body" under the key, in base64, after the version.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil || len(key) == 0 {
		return "", errors.New("a receiver's secret is \"whsec_\" and the key in base64")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// CheckSecrets says which receiver's secret cannot be read or is no key, so that
// it is told at the start and not with the first message.
func CheckSecrets(cfg *config.Config) error {
	var errs []error
	for _, r := range cfg.Receivers {
		secret, err := r.Secret.Reveal()
		if err == nil {
			_, err = Sign(secret, "", time.Unix(0, 0), nil)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("receiver %q: %w", r.Name, err))
		}
	}
	return errors.Join(errs...)
}

// post tells a receiver. Any answer but 2xx is a failure; redirects are not
// followed, since the signed message is for one address only.
func (d *Desk) post(ctx context.Context, r config.Receiver, m ledger.Message) error {
	body, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{m.Event, m.At.UTC(), m.Body})
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	secret, err := r.Secret.Reveal()
	if err != nil {
		return err
	}
	now := time.Now()
	signature, err := Sign(secret, m.ID, now, body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("address of receiver %q: %w", r.Name, err)
	}
	for key, value := range map[string]string{"Content-Type": "application/json", "User-Agent": "Intray",
		"webhook-id": m.ID, "webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-signature": signature} {
		q.Header.Set(key, value)
	}
	answer, err := d.client().Do(q)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // without the address, which may hold a secret
	}
	if err != nil {
		return fmt.Errorf("receiver %q: %w", r.Name, err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("receiver %q answered %s", r.Name, answer.Status)
	}
	return nil
}

func (d *Desk) client() *http.Client {
	client := http.Client{}
	if d.Client != nil {
		client = *d.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}
