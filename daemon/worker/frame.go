package worker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"intray/engines"
)

// Layout of a frame's header; the package comment describes it.
const (
	magic           = "ITWK"
	protocolVersion = 1
	headerSize      = len(magic) + 2 + 4
	// maxFrame bounds a payload, in bytes.
	maxFrame = 256 << 20
)

// Types of frames.
const (
	frameRequest byte = 'Q'
	frameAnswer  byte = 'A'
)

// errFrame marks bytes that are not our protocol.
var errFrame = errors.New("bad frame")

// request is the payload of a frameRequest.
type request struct {
	ID   uint64          `json:"id"`
	Name string          `json:"name"`
	Body json.RawMessage `json:"body"`
}

// answer is the payload of a frameAnswer. Exactly one of Body and Error counts.
// Last announces that the child ends after it, Worn that it should be ended.
type answer struct {
	ID    uint64          `json:"id"`
	Body  json.RawMessage `json:"body,omitempty"`
	Error *failure        `json:"error,omitempty"`
	Last  bool            `json:"last,omitempty"`
	Worn  bool            `json:"worn,omitempty"`
}

// failure is an *engines.Error on its way to the parent.
type failure struct {
	Kind     engines.Kind `json:"kind"`
	Code     string       `json:"code"`
	Sentence string       `json:"sentence"`
	Cause    string       `json:"cause,omitempty"`
}

// toFailure packs err; an error that is no *engines.Error becomes an internal one.
func toFailure(err error) *failure {
	e, ok := engines.AsError(err)
	if !ok { // a bare cancellation: of no meaning to the parent, which kills instead
		e = &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal,
			Sentence: "The work was interrupted inside a worker process.", Cause: err}
	}
	f := &failure{Kind: e.Kind, Code: e.Code, Sentence: e.Sentence}
	if e.Kind == engines.Retryable && engines.Environment(err) {
		f.Code = engines.CodeEnvironment // the parent cannot ask the cause, which becomes text
	}
	switch {
	case err != error(e) && e.Cause != err:
		f.Cause = err.Error() // e was wrapped: keep what was being done
	case e.Cause != nil:
		f.Cause = e.Cause.Error()
	}
	return f
}

// err unpacks a failure. Kinds are a closed set: an unknown one is retryable.
func (f *failure) err() *engines.Error {
	e := &engines.Error{Kind: f.Kind, Code: f.Code, Sentence: f.Sentence}
	switch f.Kind {
	case engines.Retryable, engines.Terminal, engines.Review:
	default:
		e.Kind = engines.Retryable
	}
	if f.Cause != "" {
		e.Cause = errors.New(f.Cause)
	}
	return e
}

// writeFrame writes one frame. A payload past maxFrame is refused with an
// errFrame before the first byte.
func writeFrame(w io.Writer, kind byte, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("%w: %d bytes are more than the limit of %d", errFrame, len(payload), maxFrame)
	}
	header := append(make([]byte, 0, headerSize), magic...)
	header = append(header, protocolVersion, kind)
	header = binary.BigEndian.AppendUint32(header, uint32(len(payload)))
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("write frame header: %w", err)
	}
	if _, err := w.Write(payload); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// readFrame reads the payload of one frame of the wanted kind. It returns io.EOF
// when r ends between frames and an errFrame for anything that is not a frame.
// Memory grows with the bytes that arrive, not with the length a header claims.
func readFrame(r io.Reader, kind byte) ([]byte, error) {
	var header [headerSize]byte
	if n, err := io.ReadFull(r, header[:]); errors.Is(err, io.EOF) {
		return nil, io.EOF
	} else if err != nil {
		return nil, fmt.Errorf("read frame header %q: %w", header[:n], err)
	}
	if string(header[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it starts with %q", errFrame, header[:])
	}
	if version := header[len(magic)]; version != protocolVersion {
		return nil, fmt.Errorf("%w: version %d instead of %d", errFrame, version, protocolVersion)
	}
	if got := header[len(magic)+1]; got != kind {
		return nil, fmt.Errorf("%w: type %q instead of %q", errFrame, got, kind)
	}
	length := binary.BigEndian.Uint32(header[len(magic)+2:])
	if length > maxFrame {
		return nil, fmt.Errorf("%w: it claims %d bytes, the limit is %d", errFrame, length, maxFrame)
	}
	var payload bytes.Buffer
	if n, err := io.CopyN(&payload, r, int64(length)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read frame: %d of %d bytes came: %w", n, length, err)
	}
	return payload.Bytes(), nil
}
