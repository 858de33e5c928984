// Package worker runs everything that decodes untrusted bytes, PDFs, images,
// OCR, in child processes: the same program under a hidden command.
//
// A child stays warm between requests, has a time limit and a memory limit,
// and is replaced when it dies; a file that kills its child costs that request
// and nothing else. The package knows how to run requests and which there are.
// It does not decide what is read, and it never tries a request again.
//
// Parent and child speak frames over the child's standard input and output: 4
// bytes magic "inty", 1 byte version, 4 bytes length (big-endian), then that
// many bytes of JSON. One request at a time, one answer each. The end of input
// means that the parent is gone.
package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"intray/engines"
)

const (
	frameMagic   = "inty"
	frameVersion = 1
	frameLimit   = 256 << 20
	headerLength = 9
)

type request struct {
	Name string          `json:"name"`
	Body json.RawMessage `json:"body"`
}

type answer struct {
	Body  json.RawMessage `json:"body,omitempty"`
	Error *wireError      `json:"error,omitempty"`
}

// wireError is an engines.Error on its way between processes.
type wireError struct {
	Kind     engines.Kind `json:"kind"`
	Code     string       `json:"code"`
	Sentence string       `json:"sentence"`
	Cause    string       `json:"cause"`
}

func toWire(err error) *wireError {
	e, ok := engines.AsError(err)
	if !ok { // a cancellation inside the child: the parent knows why
		e = &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal, Sentence: "The work was interrupted.", Cause: err}
	}
	w := &wireError{Kind: e.Kind, Code: e.Code, Sentence: e.Sentence}
	if e.Cause != nil {
		w.Cause = e.Cause.Error()
	}
	return w
}

func (w *wireError) error() *engines.Error {
	e := &engines.Error{Kind: w.Kind, Code: w.Code, Sentence: w.Sentence}
	if w.Cause != "" {
		e.Cause = errors.New(w.Cause)
	}
	return e
}

func writeFrame(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	if len(body) > frameLimit {
		return fmt.Errorf("frame of %d bytes is too large", len(body))
	}
	frame := make([]byte, 0, headerLength+len(body))
	frame = append(frame, frameMagic...)
	frame = append(frame, frameVersion)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(body)))
	if _, err := w.Write(append(frame, body...)); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// readFrame returns io.EOF, and nothing else does, when the other side ended
// between two frames. Memory grows with what arrives, not with what a header
// promises.
func readFrame(r io.Reader, into any) error {
	var header [headerLength]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read frame: %w", err)
	}
	if string(header[:4]) != frameMagic || header[4] != frameVersion {
		return fmt.Errorf("read frame: %q is no header", header[:5])
	}
	n := binary.BigEndian.Uint32(header[5:])
	if n > frameLimit {
		return fmt.Errorf("read frame: %d bytes are too many", n)
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(body) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read frame: %w", err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("decode frame: %w", err)
	}
	return nil
}
