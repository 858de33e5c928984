package deliver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"intray/daemon/durable"
)

// ReasonSchema is the value of "schema" in reason.json.
const ReasonSchema = "intray.reason/1"

// ReasonFile is what it is called in a bundle.
const ReasonFile = "reason.json"

// Reason is reason.json in a failed bundle: what happened, for a person and
// for programs.
type Reason struct {
	Schema     string `json:"schema"`
	DocumentID string `json:"document_id"`
	AttemptID  string `json:"attempt_id"`
	State      string `json:"state"`
	Kind       string `json:"kind"`
	Code       string `json:"code"`
	Stage      string `json:"stage"`
	Sentence   string `json:"sentence"`
	Detail     string `json:"detail"`
	Attempts   int    `json:"attempts"`
	Folder     string `json:"folder"`
	Path       string `json:"path"`
	SHA256     string `json:"sha256"`
	// Files are the names of the other files in the bundle.
	Files      []string  `json:"files"`
	Size       int64     `json:"size"`
	ReceivedAt time.Time `json:"received_at"`
	FailedAt   time.Time `json:"failed_at"`
}

// Encode writes the reason as JSON, indented for reading.
func (r Reason) Encode() ([]byte, error) {
	r.Schema = ReasonSchema
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode reason: %w", err)
	}
	return b.Bytes(), nil
}

// WithdrawFailed removes a failed bundle that a retry or a purge made obsolete,
// if its reason names the document: the reason and the original, but no file
// that is not what was delivered. A person may have mended the original there,
// then all stays, or put a note beside it, then that stays. A bundle that is
// gone is no error.
func WithdrawFailed(bundle, documentID string) error {
	data, err := os.ReadFile(filepath.Join(bundle, ReasonFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("withdraw bundle: %w", err)
	}
	var r Reason
	if err := json.Unmarshal(data, &r); err != nil || r.DocumentID != documentID {
		return nil // somebody put something else there
	}
	var ours []string
	for _, name := range r.Files {
		path := filepath.Join(bundle, name)
		sum, err := durable.SHA256(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("withdraw bundle: %w", err)
		case sum != r.SHA256 || !filepath.IsLocal(name):
			return nil
		default:
			ours = append(ours, path)
		}
	}
	for _, path := range append(ours, filepath.Join(bundle, ReasonFile)) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("withdraw bundle: %w", err)
		}
	}
	_ = os.Remove(bundle) // unless there is a note in it
	return nil
}
