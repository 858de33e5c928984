package worker

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestFrames(t *testing.T) {
	var wire bytes.Buffer
	payloads := []string{"", "{}", `{"id":1}`}
	for _, p := range payloads {
		if err := writeFrame(&wire, frameAnswer, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range payloads {
		got, err := readFrame(&wire, frameAnswer)
		if err != nil || string(got) != want {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
	if _, err := readFrame(&wire, frameAnswer); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestFrameCutShort(t *testing.T) {
	var wire bytes.Buffer
	if err := writeFrame(&wire, frameAnswer, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < wire.Len(); n++ {
		_, err := readFrame(bytes.NewReader(wire.Bytes()[:n]), frameAnswer)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
}

func TestBadFrames(t *testing.T) {
	for name, wire := range map[string]string{
		"magic":   "HTTP\x01A\x00\x00\x00\x00",
		"version": "ITWK\x02A\x00\x00\x00\x00",
		"type":    "ITWK\x01Q\x00\x00\x00\x00",
		"length":  "ITWK\x01A\x10\x00\x00\x01",
	} {
		if _, err := readFrame(bytes.NewReader([]byte(wire)), frameAnswer); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v, want a bad frame", name, err)
		}
	}
	var wire bytes.Buffer
	if err := writeFrame(&wire, frameAnswer, make([]byte, maxFrame+1)); !errors.Is(err, errFrame) || wire.Len() > 0 {
		t.Errorf("a giant was written: %v, %d bytes", err, wire.Len())
	}
}

// A header's claim must not cost memory before the bytes are there.
func TestClaimedLengthCostsNothing(t *testing.T) {
	wire := []byte("ITWK\x01A\x10\x00\x00\x00") // exactly the limit, then nothing
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := readFrame(bytes.NewReader(wire), frameAnswer); !errors.Is(err, io.ErrUnexpectedEOF) {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if got > 64<<10 {
		t.Errorf("an empty promise costs %d bytes", got)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("ITWK\x01A\x00\x00\x00\x02{}"))
	f.Add([]byte("ITWK\x01A\xff\xff\xff\xff"))
	f.Add([]byte("ITWK\x01"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := bytes.NewReader(wire)
		payload, err := readFrame(r, frameAnswer)
		if err != nil {
			if (err == io.EOF) != (len(wire) == 0) {
				t.Errorf("%d bytes give %v", len(wire), err)
			}
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, frameAnswer, payload); err != nil {
			t.Fatal(err)
		}
		if used := wire[:len(wire)-r.Len()]; !bytes.Equal(again.Bytes(), used) {
			t.Errorf("read from % x, written as % x", used, again.Bytes())
		}
	})
}
