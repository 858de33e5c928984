package worker

import (
	"bytes"
	"strings"
	"sync"
)

// tailSize is how much of a child's stderr is kept, in bytes, and how long a
// line may get before it is forwarded in pieces.
const tailSize = 2 << 10

// crashMarks begin the line that tells why a process is about to die. A Go
// crash prints it first and may follow it with more than tailSize of stacks.
var crashMarks = []string{"fatal error: ", "panic: ", "terminate called", "unexpected fault address", "SIG"}

// memoryMarks are how Go, C++, C libraries and the operating systems word a
// lack of memory.
var memoryMarks = []string{"out of memory", "cannot allocate memory", "failed to allocate", "bad_alloc", "not enough memory",
	"pthread_create failed", "failed to create new os thread"} // a thread's stack had no room

// outOfMemory tells whether text speaks of a lack of memory.
func outOfMemory(text string) bool {
	text = strings.ToLower(text)
	for _, mark := range memoryMarks {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

// stderrTail is the writer behind a child's stderr. It hands whole lines to
// line and remembers what a crash report needs. Safe for parallel use.
type stderrTail struct {
	line func(string)

	mu      sync.Mutex
	partial []byte
	tail    []byte
	crash   string // the first line with a crash mark
	memory  bool   // a line spoke of a lack of memory
}

// Write never fails: losing a child's chatter must not stop the child.
func (t *stderrTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tail = append(t.tail, p...)
	if over := len(t.tail) - tailSize; over > 0 {
		t.tail = append(t.tail[:0], t.tail[over:]...)
	}
	t.partial = append(t.partial, p...)
	for {
		end := bytes.IndexByte(t.partial, '\n')
		if end < 0 {
			break
		}
		t.take(t.partial[:end])
		t.partial = t.partial[end+1:]
	}
	for len(t.partial) > tailSize {
		t.take(t.partial[:tailSize])
		t.partial = t.partial[tailSize:]
	}
	return len(p), nil
}

// take looks at one line; t.mu is held.
func (t *stderrTail) take(line []byte) {
	s := strings.TrimRight(strings.ToValidUTF8(string(line), "\uFFFD"), "\r")
	if s == "" {
		return
	}
	t.memory = t.memory || outOfMemory(s)
	if t.crash == "" {
		for _, mark := range crashMarks {
			if strings.HasPrefix(s, mark) {
				t.crash = s
			}
		}
	}
	t.line(s)
}

// reset forgets what was printed so far, so that a crash is not explained by
// an earlier request's messages.
func (t *stderrTail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tail, t.crash, t.memory = nil, "", false
}

// report ends the last line and returns what is known about the death.
func (t *stderrTail) report() (crash, tail string, memory bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take(t.partial)
	t.partial = nil
	return t.crash, strings.TrimSpace(strings.ToValidUTF8(string(t.tail), "\uFFFD")), t.memory
}
