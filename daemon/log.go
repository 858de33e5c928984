package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// lineHandler writes log records for people: time, level, a sentence, then
// what it is about. A status line, if one stands on the terminal, is cleared
// first.
type lineHandler struct {
	out   *console
	level slog.Level
	attrs []slog.Attr
	group string
}

func newLog(out *console, level slog.Level) *slog.Logger {
	return slog.New(&lineHandler{out: out, level: level})
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-5s %s", r.Time.Format(time.DateTime), r.Level, r.Message)
	write := func(a slog.Attr) bool {
		if value := fmt.Sprint(a.Value.Resolve().Any()); value != "" {
			// What is not printable could command the terminal or forge a line.
			if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(" \"=", r) }) {
				value = fmt.Sprintf("%q", value)
			}
			fmt.Fprintf(&b, "  %s%s=%s", h.group, a.Key, value)
		}
		return true
	}
	for _, a := range h.attrs {
		write(a)
	}
	r.Attrs(write)
	return h.out.line(b.String())
}

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.attrs = append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)
	return &out
}

func (h *lineHandler) WithGroup(name string) slog.Handler {
	out := *h
	out.group += name + "."
	return &out
}

// console is where log lines and, on a terminal, one status line below them go.
type console struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	status   string
}

func (c *console) line(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != "" {
		text = "\r\x1b[K" + text
	}
	_, err := fmt.Fprintf(c.w, "%s\n%s", text, c.status)
	return err
}

// setStatus replaces the status line; "" removes it. It does nothing where
// there is no terminal.
func (c *console) setStatus(text string) {
	if !c.terminal {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprint(c.w, "\r\x1b[K", text)
	c.status = text
}

// printable replaces what could command a terminal; names come from outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
