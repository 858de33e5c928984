package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"intray/engines"
)

// roleVariable makes the test binary play one of roles instead of testing.
const roleVariable = "INTRAY_WORKER_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		// The race detector lets each process sleep a second before it exits.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
		os.Exit(m.Run())
	}
	play, ok := roles[role]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such role:", role)
		os.Exit(97)
	}
	play()
	os.Exit(0)
}

// roles are the processes that tests need: a proper worker and bad ones.
var roles = map[string]func(){
	"worker":  func() { os.Exit(ChildMain(testHandlers())) },
	"exit":    func() { os.Exit(3) },
	"deaf":    func() { forever() },
	"garbage": func() { fmt.Println("Tesseract Open Source OCR Engine, hello!"); forever() },
	"giant": func() {
		fmt.Print(magic, string([]byte{protocolVersion, frameAnswer, 0xff, 0xff, 0xff, 0xff}))
		forever()
	},
	"eager":   func() { answerEach(`{"id":1}`, `{"id":2}`) },
	"liar":    func() { answerEach(`{"id":77}`) },
	"babbler": func() { answerEach(`{"id":`) },
	"parent":  playParent,
	"sleeper": func() { _ = dial(os.Getenv("SLEEPER_ADDRESS")); forever() },
}

// forever blocks the way a hanging library does: only a kill ends it. A timer
// keeps Go from calling it a deadlock.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// answerEach gives the same answers to every request.
func answerEach(answers ...string) {
	for {
		if _, err := readFrame(os.Stdin, frameRequest); err != nil {
			return
		}
		for _, text := range answers {
			_ = writeFrame(os.Stdout, frameAnswer, []byte(text))
		}
	}
}

// playParent is a daemon to be killed: a pool with one call that never ends.
func playParent() {
	p := NewPool(workerOptions(nil))
	address, _ := json.Marshal(os.Getenv("SLEEPER_ADDRESS"))
	fmt.Fprintln(os.Stderr, p.Call(context.Background(), "doc", "spawn", 0, json.RawMessage(address), nil))
}

// dial reports this process to the test: its id goes over the connection, and
// the connection's end tells of the process's end. It never closes it.
func dial(address string) net.Conn {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "dial the test:", err)
		os.Exit(98)
	}
	fmt.Fprintf(conn, "%8d", os.Getpid())
	return conn
}

// testHandlers are what the worker role can do.
func testHandlers() map[string]Handler {
	var kept []net.Conn // open until the process ends
	var labels []string
	var hoard []byte // likewise
	handlers := map[string]Handler{
		"echo": func(_ context.Context, q json.RawMessage) (any, error) { return q, nil },
		"pid":  func(context.Context, json.RawMessage) (any, error) { return os.Getpid(), nil },
		"env": func(_ context.Context, q json.RawMessage) (any, error) {
			return os.Getenv(text(q)), nil
		},
		"hold": func(_ context.Context, q json.RawMessage) (any, error) { // until the test says so
			conn := dial(text(q))
			kept = append(kept, conn)
			_, err := conn.Read(make([]byte, 1))
			return os.Getpid(), err
		},
		"report": func(_ context.Context, q json.RawMessage) (any, error) {
			kept = append(kept, dial(text(q)))
			return os.Getpid(), nil
		},
		"spawn": func(_ context.Context, q json.RawMessage) (any, error) {
			grandchild := exec.Command(os.Args[0])
			grandchild.Env = append(os.Environ(), roleVariable+"=sleeper", "SLEEPER_ADDRESS="+text(q))
			if err := grandchild.Start(); err != nil {
				return nil, err
			}
			kept = append(kept, dial(text(q)))
			forever()
			return nil, nil
		},
		"record": func(_ context.Context, q json.RawMessage) (any, error) {
			labels = append(labels, text(q))
			return labels, nil
		},
		"record first": func(_ context.Context, q json.RawMessage) (any, error) {
			labels = append(labels, text(q))
			return labels, nil
		},
		"print": func(_ context.Context, q json.RawMessage) (any, error) {
			fmt.Fprintln(os.Stdout, text(q))
			return nil, nil
		},
		"panic":     func(context.Context, json.RawMessage) (any, error) { panic("handler fell over") },
		"nil":       func(context.Context, json.RawMessage) (any, error) { var p *int; return *p, nil },
		"memory":    func(context.Context, json.RawMessage) (any, error) { panic("wasm: Out of Memory") },
		"exit":      func(context.Context, json.RawMessage) (any, error) { os.Exit(3); return nil, nil },
		"goroutine": func(context.Context, json.RawMessage) (any, error) { go panic("elsewhere"); forever(); return nil, nil },
		"hoard": func(context.Context, json.RawMessage) (any, error) {
			var err error
			hoard, err = takeMemory(160 << 20)
			return len(hoard), err
		},
		"hog": func(context.Context, json.RawMessage) (any, error) {
			var hoard [][]byte
			for range 128 { // 2 GiB
				block := make([]byte, 16<<20)
				for i := 0; i < len(block); i += 4096 {
					block[i] = 1
				}
				hoard = append(hoard, block)
			}
			return len(hoard), nil
		},
		"nan":  func(context.Context, json.RawMessage) (any, error) { return math.NaN(), nil },
		"fail": func(_ context.Context, q json.RawMessage) (any, error) { return nil, failures[text(q)] },
	}
	addFault(handlers)
	return handlers
}

// failures are errors that travel from child to parent.
var failures = map[string]error{
	"terminal": &engines.Error{Kind: engines.Terminal, Code: engines.CodeNeedPassword, Sentence: "It needs a password.", Cause: errors.New("pdf: encrypted")},
	"review":   &engines.Error{Kind: engines.Review, Code: "pdf_page_count", Sentence: "Pages are missing."},
	"wrapped": fmt.Errorf("read page 7: %w", &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadImage,
		Sentence: "The picture is damaged.", Cause: errors.New("bad marker")}),
	"plain":   errors.New("disk fell off"),
	"stopped": context.Canceled,
}

func text(q json.RawMessage) string {
	var s string
	if err := json.Unmarshal(q, &s); err != nil {
		return strings.TrimSpace(string(q))
	}
	return s
}
