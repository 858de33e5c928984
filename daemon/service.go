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
	"time"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"intray/daemon/config"
	"intray/ledger"
)

// program is the daemon as the operating system's service manager sees it.
type program struct {
	keeper *keeper
	cfg    *config.Config // nil when it has errors, which why tells
	why    error

	cancel context.CancelFunc
	ended  chan struct{}
	err    error
	once   sync.Once
}

// Start returns soon; the work goes on behind it. With somebody watching it opens the
// house first, so that they see why it cannot.
func (p *program) Start(service.Service) error {
	k := p.keeper
	var h *house
	open := func() {
		if p.why == nil {
			h, p.why = k.open(p.cfg)
		}
	}
	if !k.service {
		if open(); p.why != nil {
			return p.why
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		if k.service {
			open()
		}
		p.err = k.run(ctx, h, p.why)
	}()
	return nil
}

// Stop ends the work in order. It may be called twice, and before Start.
func (p *program) Stop(service.Service) error {
	p.once.Do(func() {
		if p.ended == nil {
			return
		}
		p.cancel()
		<-p.ended
		p.keeper.log.Info("Stopped.")
	})
	return p.err
}

func (a *app) runCommand() *cobra.Command {
	var asService bool
	c := &cobra.Command{
		Use: "run", Short: "Watch the folders and work until stopped", Args: cobra.NoArgs,
		Long: "Watches the folders and works until stopped. A changed configuration is taken over once its file rests; one\n" +
			"with errors is told, and the one before stays in force.\n" +
			"With --service it does not end over a configuration with errors, or whatever else keeps it from working: it\n" +
			"says so in its log and on its page, waits, and goes on by itself when that is mended.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			k := &keeper{kinds: a.kinds, service: asService || runtime.GOOS == "windows" && !service.Interactive(), started: time.Now(),
				level: new(slog.LevelVar), asked: make(chan os.Signal, 1)}
			return a.runService(cmd.Context(), k)
		},
	}
	c.Flags().BoolVar(&asService, "service", false, "as the service manager runs it: wait for what is wrong to be mended")
	return c
}

// runService runs under the service manager, or in a terminal until a signal.
func (a *app) runService(ctx context.Context, k *keeper) error {
	p := &program{keeper: k}
	var err error
	var warnings []config.Warning
	if k.path, err = config.Find(a.configFile); err != nil {
		k.path, p.why = config.SystemFile(), usage(err)
	} else if k.path, err = filepath.Abs(k.path); err != nil {
		return fmt.Errorf("locate configuration: %w", err)
	} else {
		p.cfg, warnings, p.why = k.load()
	}
	k.logged = p.cfg
	if p.why != nil {
		if !k.service {
			return p.why
		}
		k.logged = config.Salvage(k.path)
	}
	k.out = &console{w: a.errs, terminal: k.logged.LogFormat == "text" && term.IsTerminal(int(os.Stderr.Fd()))}
	wait := service.KeyValue{"RunWait": func() {
		select {
		case <-ctx.Done():
		case <-p.ended:
		}
	}}
	s, err := service.New(p, &service.Config{Name: serviceName, Option: wait})
	noSystem := errors.Is(err, service.ErrNoServiceSystemDetected)
	if err != nil && !noSystem {
		return fmt.Errorf("meet the service manager: %w", err)
	}
	closeLog, err := k.openLog(s)
	if err != nil {
		return err
	}
	defer closeLog()
	k.warn(warnings)
	if !k.out.terminal {
		onHangup(k.asked)
	}
	if noSystem {
		if err := p.Start(nil); err != nil {
			return err
		}
		wait["RunWait"].(func())()
		return p.Stop(nil)
	}
	return s.Run()
}

// watchProgress shows how far the documents in hand are, on a terminal.
func watchProgress(h *house, out *console) {
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
		out.setStatus(strings.Join(parts, "   "))
	}
}

const serviceName = "intray"
