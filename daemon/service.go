package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"intray/daemon/config"
	"intray/daemon/handover"
	"intray/ledger"
)

// program is the house as the operating system's service manager sees it.
type program struct {
	cfg   *config.Config
	log   *slog.Logger
	kinds kinds

	house  *house
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
	once   sync.Once
}

// Start opens the house and returns; the work goes on behind it.
func (p *program) Start(service.Service) error {
	if err := realLoops(p.cfg); err != nil {
		return err
	}
	if err := handover.CheckSecrets(p.cfg); err != nil {
		return usage(err)
	}
	h, err := openHouse(p.cfg, filepath.Join(p.cfg.DataDir, "cache"), p.kinds, p.log)
	if err != nil {
		return err
	}
	p.house = h
	watchProgress(h, p.log)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		p.err = h.run(ctx)
		if ctx.Err() == nil && runtime.GOOS == "windows" && !service.Interactive() {
			// The service manager would go on believing that it runs; it starts
			// again what ends like this.
			p.log.Error("Intray ends because it cannot go on.", "error", errors.Join(p.err, h.close()))
			os.Exit(exitUnexpected)
		}
	}()
	return nil
}

// Stop ends the work in order. It may be called twice, and before Start.
func (p *program) Stop(service.Service) error {
	p.once.Do(func() {
		if p.house == nil {
			return
		}
		p.cancel()
		<-p.ended
		p.err = errors.Join(p.err, p.house.close())
		p.log.Info("Stopped.")
	})
	return p.err
}

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Watch the folders and work until stopped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			return a.runService(cmd.Context(), cfg)
		},
	}
}

// runService runs under the service manager, or in a terminal until a signal.
func (a *app) runService(ctx context.Context, cfg *config.Config) error {
	out := &console{w: a.errs, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
	p := &program{cfg: cfg, kinds: a.kinds, log: newLog(out, level(cfg.LogLevel))}
	wait := service.KeyValue{"RunWait": func() {
		select {
		case <-ctx.Done():
		case <-p.ended:
		}
	}}
	s, err := service.New(p, &service.Config{Name: serviceName, Option: wait})
	if errors.Is(err, service.ErrNoServiceSystemDetected) {
		if err := p.Start(nil); err != nil {
			return err
		}
		wait["RunWait"].(func())()
		return p.Stop(nil)
	}
	if err != nil {
		return fmt.Errorf("meet the service manager: %w", err)
	}
	return s.Run()
}

func level(name string) slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(name)) // checked with the configuration
	return l
}

// watchProgress shows how far the documents in hand are, on a terminal.
func watchProgress(h *house, log *slog.Logger) {
	handler, ok := log.Handler().(*lineHandler)
	if !ok {
		return
	}
	var mu sync.Mutex
	far := map[string]string{}
	h.pipeline.Progress = func(doc ledger.Document, done, pages int) {
		mu.Lock()
		defer mu.Unlock()
		if done == pages {
			delete(far, doc.ID)
		} else {
			far[doc.ID] = fmt.Sprintf("%s: page %d of %d", doc.Name, done, pages)
		}
		parts := make([]string, 0, len(far))
		for _, text := range far {
			parts = append(parts, text)
		}
		handler.out.setStatus(strings.Join(parts, "   "))
	}
}

const serviceName = "intray"

// serviceCommand hands install, start and the like to the service manager.
func (a *app) serviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "service", Short: "Install or control the service", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, action := range []string{"install", "uninstall", "start", "stop", "restart", "status"} {
		c.AddCommand(&cobra.Command{Use: action, Short: strings.ToUpper(action[:1]) + action[1:] + " the service", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return a.controlService(action) }})
	}
	return c
}

func (a *app) controlService(action string) error {
	cfg := &service.Config{Name: serviceName, DisplayName: "Intray", Description: "Turns scans in hot folders into searchable PDFs."}
	if action == "install" {
		path, err := config.Find(a.configFile)
		if err != nil {
			return usage(err)
		}
		if path, err = filepath.Abs(path); err != nil {
			return fmt.Errorf("locate configuration: %w", err)
		}
		cfg.Arguments = []string{"run", "--config", path}
	}
	s, err := service.New(&program{}, cfg)
	if err != nil {
		return fmt.Errorf("meet the service manager: %w", err)
	}
	if action != "status" {
		return service.Control(s, action)
	}
	status, err := s.Status()
	if err != nil {
		return fmt.Errorf("ask the service manager: %w", err)
	}
	fmt.Fprintln(a.out, map[service.Status]string{service.StatusRunning: "running", service.StatusStopped: "stopped"}[status])
	return nil
}
