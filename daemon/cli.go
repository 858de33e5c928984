// Package daemon is the house: it wires the rooms together, starts and stops
// them in order, and holds the commands a person types.
//
// It does no work on documents itself; the order of their journey is in
// package pipeline.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/private"
	"intray/engines"
	"intray/engines/all"
	"intray/ledger"
)

// Exit codes of the command line.
const (
	exitDone        = 0
	exitUnexpected  = 1
	exitUsage       = 2
	exitRefused     = 3
	exitRetryLater  = 4
	exitReview      = 5
	exitUnreachable = 6
)

// exitError carries an exit code and what to tell the person.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{exitUsage, err} }

// app is what every command needs.
type app struct {
	configFile string
	out, errs  io.Writer
	kinds      kinds
}

// Main runs the command line and returns the exit code.
func Main(args []string) int { return MainWith(args, all.Factories()) }

// MainWith is Main for a program with other engines.
func MainWith(args []string, factories []engines.Factory) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{out: os.Stdout, errs: os.Stderr, kinds: factories}
	root := a.root()
	root.SetArgs(args)
	return a.exitCode(root.ExecuteContext(ctx))
}

// exitCode is the one place where errors become exit codes and a sentence.
func (a *app) exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	var coded *exitError
	var problems *config.Problems
	code := exitUnexpected
	switch {
	case errors.As(err, &coded):
		code = coded.code
	case errors.As(err, &problems):
		code = exitUsage
	case errors.Is(err, ledger.ErrNotFound):
		code, err = exitUsage, errors.New("there is no such document; `intray list` shows those there are")
	}
	if err.Error() != "" {
		fmt.Fprintln(a.errs, "intray:", err)
	}
	return code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "intray",
		Short: "The OCR in-tray of an office",
		Long: "Intray watches folders for scans and turns each into a searchable PDF and a JSON.\n" +
			"It works on this machine only unless a cloud engine is configured.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "configuration file (default: ./config.toml, then the system's)")
	root.AddCommand(a.runCommand(), a.openCommand(), a.initCommand(), a.doctorCommand(), a.ocrCommand(), a.listCommand(), a.showCommand(),
		a.retryCommand(), a.approveCommand(), a.rejectCommand(), a.againCommand(), a.purgeCommand(), a.backupCommand(), a.statsCommand(), a.reportCommand(), a.statesCommand(), a.languagesCommand(), a.serviceCommand(), a.versionCommand(), a.workerCommand(), a.sampleCommand(), a.providerLabCommand(), a.manCommand())
	asUsage(root)
	return root
}

// asUsage makes wrong arguments a usage error, exit code 2.
func asUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath()))
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		asUsage(sub)
	}
}

// load finds and reads the configuration; warnings go to standard error.
func (a *app) load() (*config.Config, error) {
	path, err := config.Find(a.configFile)
	if err != nil {
		return nil, usage(err)
	}
	cfg, warnings, err := config.Load(path)
	if err != nil {
		return nil, usage(err)
	}
	for _, w := range warnings {
		fmt.Fprintln(a.errs, "intray: warning:", w)
	}
	return cfg, nil
}

func (a *app) versionCommand() *cobra.Command {
	var licenses bool
	c := &cobra.Command{
		Use: "version", Short: "Print the version, or the licences of all that is inside", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if licenses {
				return a.printLicenses()
			}
			_, err := fmt.Fprintln(a.out, "intray", version())
			return err
		},
	}
	c.Flags().BoolVar(&licenses, "licenses", false, "print the licences of everything in this program")
	return c
}

func (a *app) initCommand() *cobra.Command {
	var service bool
	c := &cobra.Command{
		Use: "init [DIR]", Short: "Write a small configuration and its folders", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if service && len(args) == 0 {
				return a.initService(dropInFile)
			}
			if service {
				return usage(errors.New("--service goes by the configuration, not by a folder; name it with --config"))
			}
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if err := a.ownTheMachines(dir); err != nil {
				return err
			}
			path, created, err := config.WriteInit(dir)
			if err != nil {
				return usage(err)
			}
			for _, c := range created {
				fmt.Fprintln(a.out, "created", c)
			}
			fmt.Fprintf(a.out, "\nStart it:      intray run --config %s\nCheck it:      intray doctor --config %s\nThen drop a scan into the folder \"in\".\n", path, path)
			return nil
		},
	}
	c.Flags().BoolVar(&service, "service", false, "instead, let the packages' systemd service reach what the configuration names")
	return c
}

// ownTheMachines sees that what the service will obey comes from an administrator,
// if dir is where the machine's configuration goes.
func (a *app) ownTheMachines(dir string) error {
	path, err := filepath.Abs(filepath.Join(dir, filepath.Base(config.SystemFile())))
	if err != nil || !strings.EqualFold(path, config.SystemFile()) {
		return err
	}
	before, err := private.Administered(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keep the configuration to administrators: %w", err)
	}
	if before {
		return nil
	}
	planted, err := private.Planted(path)
	if err != nil || !planted {
		return err
	}
	aside := path + ".not-by-an-administrator"
	fmt.Fprintf(a.errs, "intray: warning: %s was not put there by an administrator; it is now %s\n", path, filepath.Base(aside))
	return os.Rename(path, aside)
}

func (a *app) statesCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "states", Short: "Show the states a document goes through", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			write, ok := map[string]func() string{"mermaid": ledger.Mermaid, "dot": ledger.Dot, "text": ledger.Text}[format]
			if !ok {
				return usage(fmt.Errorf("format %q is not known; use mermaid, dot or text", format))
			}
			_, err := fmt.Fprint(a.out, write())
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "text", "mermaid, dot or text")
	return c
}
