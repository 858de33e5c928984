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

// WithdrawFailed withdraws a failed bundle whose reason names the document.
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
	return Withdraw(bundle, append(r.Files, ReasonFile))
}
