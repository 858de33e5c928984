package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
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
	level slog.Leveler
	attrs []slog.Attr
	group string
}

func newLog(out *console, level slog.Level) *slog.Logger {
	return slog.New(&lineHandler{out: out, level: level})
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	return h.out.line(fmt.Sprintf("%s %-5s %s", r.Time.Format(time.DateTime), r.Level, h.sentence(r)))
}

// sentence is a record without its time and level.
func (h *lineHandler) sentence(r slog.Record) string {
	var b strings.Builder
	b.WriteString(r.Message)
	write := func(group string, a slog.Attr) {
		if value := fmt.Sprint(a.Value.Resolve().Any()); value != "" {
			// What is not printable could command the terminal or forge a line.
			if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(" \"=", r) }) {
				value = fmt.Sprintf("%q", value)
			}
			fmt.Fprintf(&b, "  %s%s=%s", group, a.Key, value)
		}
	}
	for _, a := range h.attrs {
		write("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		write(h.group, a)
		return true
	})
	return b.String()
}

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		out.attrs = append(out.attrs, a)
	}
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

// journalHandler is lineHandler for the journal, which knows the time itself and
// reads the level from the line's beginning (sd-daemon(3): <PRIORITY>).
type journalHandler struct{ lineHandler }

func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	priority := 7 // debug
	switch {
	case r.Level >= slog.LevelError:
		priority = 3
	case r.Level >= slog.LevelWarn:
		priority = 4
	case r.Level >= slog.LevelInfo:
		priority = 6
	}
	return h.out.line(fmt.Sprintf("<%d>%s", priority, h.sentence(r)))
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{*h.lineHandler.WithAttrs(attrs).(*lineHandler)}
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{*h.lineHandler.WithGroup(name).(*lineHandler)}
}
