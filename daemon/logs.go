package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kardianos/service"
	"gopkg.in/natefinch/lumberjack.v2"

	"intray/daemon/config"
)

// openLog opens the daemon's log: on the terminal or to the journal, in a file if one
// is configured, and in the event log of a Windows service. s is nil where there is
// no service manager. The function it returns ends the file. A service works without
// a file that cannot be written, and says so.
func (k *keeper) openLog(s service.Service) (finish func(), err error) {
	cfg := k.logged
	k.level.Set(level(cfg.LogLevel))
	windowsService := runtime.GOOS == "windows" && s != nil && !service.Interactive()
	handlers := []slog.Handler{streamHandler(cfg.LogFormat, k.out, k.level)}
	path := cfg.LogFile
	if path == "" && windowsService {
		path = filepath.Join(cfg.DataDir, "logs", "intray.log")
	}
	finish = func() {}
	var noFile error
	if path != "" {
		file, err := openLogFile(path, cfg)
		switch {
		case err != nil && !k.service:
			return nil, err
		case err != nil:
			noFile = err
		case cfg.LogFormat == "json":
			handlers = append(handlers, slog.NewJSONHandler(file, &slog.HandlerOptions{Level: k.level}))
		default:
			handlers = append(handlers, &lineHandler{out: &console{w: file}, level: k.level})
		}
		if file != nil {
			finish = func() { _ = file.Close() } // every line was written as it came
		}
	}
	if windowsService {
		events, err := s.Logger(nil)
		if err == nil {
			handlers = append(handlers, &eventHandler{lineHandler{level: worthAnEvent{k.level}}, events})
		}
	}
	k.log = slog.New(slog.NewMultiHandler(handlers...))
	if noFile != nil {
		k.log.Error("The log goes to no file until the next start.", "error", noFile)
	}
	return finish, nil
}

// openLogFile makes the file and its folder, for the service's user alone: it names
// the office's documents.
func openLogFile(path string, cfg *config.Config) (*lumberjack.Logger, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of log_file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, usage(fmt.Errorf("log_file cannot be written: %w", err))
	}
	return &lumberjack.Logger{Filename: path, MaxSize: cfg.LogFileMB, MaxBackups: cfg.LogFiles, LocalTime: true}, nil
}

func streamHandler(format string, out *console, least slog.Leveler) slog.Handler {
	line := lineHandler{out: out, level: least}
	switch {
	case format == "json":
		return slog.NewJSONHandler(out.w, &slog.HandlerOptions{Level: least})
	case os.Getenv("JOURNAL_STREAM") != "" && !out.terminal: // systemd.exec(5)
		return &journalHandler{line}
	}
	return &line
}

// worthAnEvent is the level of the Windows event log: warnings at the least.
type worthAnEvent struct{ log slog.Leveler }

func (w worthAnEvent) Level() slog.Level { return max(w.log.Level(), slog.LevelWarn) }

// eventHandler writes to the Windows event log.
type eventHandler struct {
	lineHandler
	events service.Logger
}

func (h *eventHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		return h.events.Error(h.sentence(r))
	}
	return h.events.Warning(h.sentence(r))
}

func (h *eventHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &eventHandler{*h.lineHandler.WithAttrs(attrs).(*lineHandler), h.events}
}

func (h *eventHandler) WithGroup(name string) slog.Handler {
	return &eventHandler{*h.lineHandler.WithGroup(name).(*lineHandler), h.events}
}

func level(name string) slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(name)) // checked with the configuration
	return l
}
