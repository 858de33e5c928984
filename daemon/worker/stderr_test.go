package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestStderrTail(t *testing.T) {
	var lines []string
	tail := &stderrTail{line: func(s string) { lines = append(lines, s) }}
	for _, part := range []string{"one\ntw", "o\r\n\n", "fatal error: runtime: out of mem", "ory\n", "bad \xff byte\n"} {
		fmt.Fprint(tail, part)
	}
	for range 1000 { // the stacks that follow a crash push its reason out of the tail
		fmt.Fprint(tail, "goroutine 1 [running]: main.main()\n")
	}
	fmt.Fprint(tail, "no newline")
	crash, end, memory := tail.report()
	if crash != "fatal error: runtime: out of memory" || !memory {
		t.Errorf("crash is %q, memory %v", crash, memory)
	}
	if len(end) > tailSize || !strings.HasSuffix(end, "main.main()\nno newline") {
		t.Errorf("the tail has %d bytes and ends in %q", len(end), end[max(0, len(end)-40):])
	}
	want := []string{"one", "two", "fatal error: runtime: out of memory", "bad \uFFFD byte"}
	if !slices.Equal(lines[:4], want) || lines[len(lines)-1] != "no newline" || len(lines) != 1005 {
		t.Errorf("%d lines, first %q, last %q", len(lines), lines[:4], lines[len(lines)-1])
	}
	tail.reset()
	if crash, end, memory := tail.report(); crash+end != "" || memory {
		t.Errorf("after a reset: %q, %q, %v", crash, end, memory)
	}
}

func TestStderrWithoutNewlines(t *testing.T) {
	longest := 0
	tail := &stderrTail{line: func(s string) { longest = max(longest, len(s)) }}
	for range 100 {
		fmt.Fprint(tail, strings.Repeat("x", 1000))
	}
	if longest != tailSize || len(tail.partial) > tailSize {
		t.Errorf("longest line %d, kept %d, want at most %d", longest, len(tail.partial), tailSize)
	}
}

func TestOutOfMemoryWords(t *testing.T) {
	for text, want := range map[string]bool{
		"fatal error: runtime: out of memory":                                  true,
		"runtime: cannot allocate memory":                                      true,
		"terminate called after throwing an instance of 'std::bad_alloc'":      true,
		"runtime/cgo: pthread_create failed: Resource temporarily unavailable": true,
		"panic: runtime error: index out of range":                             false,
		"": false,
	} {
		if got := outOfMemory(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
