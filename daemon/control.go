package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/web"
)

// serviceCommand hands install, start and the like to the service manager.
func (a *app) serviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "service", Short: "Install or control the service", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, action := range []string{"install", "uninstall", "start", "stop", "restart", "status"} {
		c.AddCommand(&cobra.Command{Use: action, Short: strings.ToUpper(action[:1]) + action[1:] + " the service", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				switch action {
				case "install":
					return a.installService()
				case "status":
					return a.serviceStatus(cmd.Context())
				}
				return a.controlService(action)
			}})
	}
	return c
}

// systemdUnit is what `service install` writes (systemd.service(5)). The packages bring
// a stricter one with a user of its own; this one has to work with folders anywhere.
const systemdUnit = `[Unit]
Description={{Description}}
Documentation=man:intray(1)
After=network-online.target remote-fs.target
Wants=network-online.target

[Service]
ExecStart={{Path | cmdEscape}}{{range Arguments}} {{. | cmd}}{{end}}
ExecReload=/bin/sh -c 'kill -HUP "$MAINPID"'
Restart=always
RestartSec=10
TimeoutStopSec=60
Environment=OMP_THREAD_LIMIT=1
NoNewPrivileges=yes
ProtectSystem=full
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
`

func serviceConfig(arguments ...string) *service.Config {
	return &service.Config{Name: serviceName, DisplayName: "Intray", Description: "Intray turns scans in hot folders into searchable PDFs.",
		Arguments: arguments,
		Option: service.KeyValue{"SystemdScript": systemdUnit,
			"DelayedAutoStart": true, "OnFailure": "restart", "OnFailureDelayDuration": "10s", "OnFailureResetPeriod": int((24 * time.Hour).Seconds())}}
}

// packagedUnit is where a package keeps its unit, "" without one. A unit made by
// `service install` would stand before it, and outlive the package.
func packagedUnit() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	for _, dir := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
		path := filepath.Join(dir, serviceName+".service")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

func (a *app) installService() error {
	path, err := config.Find(a.configFile)
	if err != nil {
		return usage(err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("locate configuration: %w", err)
	}
	if unit := packagedUnit(); unit != "" {
		return &exitError{exitRefused, fmt.Errorf("the package installed the service already (%s), with a user of its own and fewer rights; "+
			"start that one: `intray service start`, or `systemctl enable --now intray`", unit)}
	}
	_, warnings, problem := config.Load(path)
	for _, w := range warnings {
		fmt.Fprintln(a.errs, "intray: warning:", w)
	}
	s, err := a.meet(serviceConfig("run", "--service", "--config", path))
	if err != nil {
		return err
	}
	if _, err := s.Status(); err == nil {
		return &exitError{exitRefused, errors.New("the service is installed already; `intray service uninstall` takes it out, and leaves folders and data alone")}
	}
	if err := service.Control(s, "install"); err != nil {
		return mayI("install", err)
	}
	if err := restartAlways(); err != nil {
		fmt.Fprintln(a.errs, "intray: warning: the service manager was not told to start Intray again after failures:", err)
	}
	fmt.Fprintf(a.out, "Installed; it starts with the machine. Start it now: intray service start\nConfiguration: %s\n", path)
	if problem != nil {
		fmt.Fprintf(a.errs, "intray: warning: the configuration has errors; the service will start and wait until they are mended:\n%v\n", problem)
	}
	return nil
}

// meet is the service as its manager knows it.
func (a *app) meet(cfg *service.Config) (service.Service, error) {
	s, err := service.New(&program{}, cfg)
	if err == nil && s.Platform() == "linux-systemd" {
		if _, missing := os.Stat("/run/systemd/system"); missing != nil { // sd_booted(3): systemctl alone controls nothing
			err = service.ErrNoServiceSystemDetected
		}
	}
	if errors.Is(err, service.ErrNoServiceSystemDetected) {
		return nil, &exitError{exitRefused, errors.New("there is no service manager here; start Intray with `intray run --service`")}
	}
	if err != nil {
		return nil, fmt.Errorf("meet the service manager: %w", err)
	}
	return s, nil
}

func (a *app) controlService(action string) error {
	s, err := a.meet(serviceConfig())
	if err != nil {
		return err
	}
	if unit := packagedUnit(); unit != "" && action == "uninstall" {
		return &exitError{exitRefused, fmt.Errorf("the service belongs to a package (%s); remove the package instead", unit)}
	}
	if _, err := s.Status(); errors.Is(err, service.ErrNotInstalled) {
		return notInstalled()
	}
	if err := service.Control(s, action); err != nil {
		return mayI(action, err)
	}
	return nil
}

func notInstalled() error {
	return &exitError{exitRefused, errors.New("the service is not installed; `intray service install` does it")}
}

// mayI says what most refusals of a service manager mean.
func mayI(action string, err error) error {
	if errors.Is(err, os.ErrPermission) || os.Geteuid() > 0 {
		who := "root (sudo)"
		if runtime.GOOS == "windows" {
			who = "an administrator"
		}
		return &exitError{exitRefused, fmt.Errorf("only %s may %s the service: %w", who, action, err)}
	}
	return fmt.Errorf("%s the service: %w", action, err)
}

// serviceStatus says whether the service runs, and what the daemon itself says.
func (a *app) serviceStatus(ctx context.Context) error {
	path, err := config.Find(a.configFile)
	if err != nil {
		path = config.SystemFile()
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("locate configuration: %w", err)
	}
	cfg, _, problem := config.Load(path)
	if problem != nil {
		cfg = config.Salvage(path)
	}
	trouble, at := readiness(ctx, cfg.Web)
	state := a.managedState()
	for began := time.Now(); at == nil && state == "running" && cfg.Web.Listen != "" && trouble == "" && time.Since(began) < startPatience; {
		select { // it is just starting, or reading its configuration anew
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPatience):
		}
		trouble, at = readiness(ctx, cfg.Web)
	}
	if at != nil {
		cfg.Web = *at
		if state != "running" {
			state = "running, but not as a service of this machine"
		}
	}
	fmt.Fprintln(a.out, state)
	if state == "not installed" {
		if problem != nil { // one that runs otherwise is found by its address alone
			return &exitError{exitRefused, fmt.Errorf("the service is not installed, and whether Intray runs otherwise cannot be known: %w", problem)}
		}
		return notInstalled()
	}
	if at == nil && state == "running" && trouble == "" && cfg.Web.Listen != "" {
		trouble = "it does not answer on " + cfg.Web.Listen + "; its log says why (journalctl -u intray, or the event log)"
	}
	var s stats
	if at != nil {
		if _, err := askDaemon(ctx, cfg, request{path: "/api/v1/stats", into: &s}); err != nil && !errors.Is(err, errDegraded) {
			fmt.Fprintln(a.errs, "intray: more is told to the service's user and to administrators:", err)
		}
	}
	if problem != nil && trouble == "" && (s.Configuration == nil || s.Configuration.Problem == "") {
		trouble = problem.Error()
	}
	a.describeService(path, cfg, s, trouble)
	return nil
}

// managedState is the service's state as the service manager has it.
func (a *app) managedState() string {
	s, err := a.meet(serviceConfig())
	if err != nil {
		return "not installed"
	}
	status, err := s.Status()
	switch {
	case status == service.StatusRunning:
		return "running"
	case status == service.StatusStopped:
		return "stopped"
	case s.Platform() == "linux-systemd" && !errors.Is(err, service.ErrNotInstalled): // it keeps failing
		return "failed"
	}
	return "not installed"
}

// readiness is what a daemon says of itself to anybody, and where it answers: nil
// without one. One that cannot work answers on this machine's own address, without
// https, whatever else it was told.
func readiness(ctx context.Context, w config.Web) (trouble string, at *config.Web) {
	if w.Listen == "" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	trouble, _, err := readinessAt(ctx, w)
	if err == nil {
		return trouble, &w
	}
	local := w.Local()
	if said, degraded, err := readinessAt(ctx, local); err == nil && degraded {
		return said, &local
	}
	if nobodyThere(err) || errors.Is(err, context.DeadlineExceeded) {
		return "", nil
	}
	return err.Error(), nil
}

// readinessAt asks one address; degraded is what a daemon says that cannot work.
func readinessAt(ctx context.Context, w config.Web) (trouble string, degraded bool, err error) {
	client, err := clientFor(w)
	if err != nil {
		return "", false, err
	}
	defer client.CloseIdleConnections()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme(w)+dialable(w.Listen)+"/readyz", nil)
	if err != nil {
		return "", false, err
	}
	answer, err := client.Do(q)
	if err != nil {
		return "", false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return "", false, nil
	}
	var said web.Problem
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&said); err != nil || said.Detail == "" {
		return "", false, fmt.Errorf("whoever answers on %s is not Intray", w.Listen)
	}
	return said.Detail, answer.Header.Get(web.DegradedHeader) != "", nil
}

// describeService prints what is known of a daemon; s is empty where it did not answer.
func (a *app) describeService(path string, cfg *config.Config, s stats, trouble string) {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	defer w.Flush() // to a terminal or a pipe: nobody to tell
	if c := s.Configuration; c != nil {
		fmt.Fprintf(w, "working since\t%s (%s)\n", c.Started.Local().Format(time.DateTime), time.Since(c.Started).Round(time.Second))
		if c.Problem != "" {
			trouble = strings.TrimSpace(c.Problem + "\n" + trouble)
		}
		path = c.File
	}
	fmt.Fprintf(w, "configuration\t%s\ndata folder\t%s\n", printable(path), printable(cfg.DataDir))
	for _, f := range cfg.Folders {
		fmt.Fprintf(w, "watches\t%s\t%s\n", printable(f.Name), printable(f.Path))
	}
	if cfg.Web.Listen != "" {
		fmt.Fprintf(w, "page\t%s/\n", pageAddress(cfg.Web))
	}
	for line := range strings.Lines(trouble) {
		fmt.Fprintf(w, "trouble\t%s\n", printable(strings.TrimSpace(line)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Cloud)) {
		if c := s.Cloud[name]; c.Paused != "" {
			fmt.Fprintf(w, "trouble\tengine %s: documents that wait for its answer: %d. %s\n", printable(name), c.Waiting, printable(c.Paused))
		}
	}
	if s.Intake == nil {
		return
	}
	for _, f := range cfg.Folders {
		if n := s.Intake.Waiting[f.Name]; n > 0 {
			fmt.Fprintf(w, "trouble\tfiles that wait in %s: %d; the log says why\n", printable(f.Path), n)
		}
	}
}
