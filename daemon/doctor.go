package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/durable"
	"intray/daemon/web"
)

// finding is one line of doctor: what was looked at, and what to do if it is not ok.
type finding struct {
	what, detail string
	problem      string
}

func (a *app) doctorCommand() *cobra.Command {
	var deep bool
	c := &cobra.Command{
		Use: "doctor", Short: "Check that everything is in place", Args: cobra.NoArgs,
		Long: "Checks the configuration, engines, folders, space, port and clock. With --deep it also reads the whole ledger\n" +
			"and every original, compares them with each other and with what was delivered, and says what differs.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := config.Find(a.configFile)
			if err != nil {
				return usage(err)
			}
			cfg, warnings, err := config.Load(path)
			if err != nil {
				return usage(err)
			}
			findings := []finding{{what: "configuration", detail: path}}
			for _, w := range warnings {
				findings = append(findings, finding{what: "configuration", problem: fmt.Sprint(w)})
			}
			if err := realLoops(cfg); err != nil {
				findings = append(findings, finding{what: "folders", problem: err.Error()})
			}
			if _, err := compileClasses(cfg); err != nil {
				findings = append(findings, finding{what: "classes", problem: err.Error()})
			}
			findings = append(findings, findEngines(cfg, a.kinds)...)
			findings = append(findings, checkFolders(cfg)...)
			findings = append(findings, a.checkUnit(cfg, path, dropInFile)...)
			findings = append(findings, checkDrives(cfg, lookAtDrive)...)
			findings = append(findings, checkSpace(cfg), checkPort(cfg), checkClock(path))
			findings = append(findings, checkPage(cfg)...)
			findings = append(findings, checkTold(cmd.Context(), cfg)...)
			if deep {
				found, err := deepCheck(cmd.Context(), cfg)
				if err != nil {
					return err
				}
				findings = append(findings, found...)
			}
			bad := 0
			for _, f := range findings {
				if f.problem != "" {
					bad++
					fmt.Fprintf(a.out, "%-14s PROBLEM  %s\n", f.what, f.problem)
					continue
				}
				fmt.Fprintf(a.out, "%-14s ok       %s\n", f.what, f.detail)
			}
			if bad > 0 {
				return &exitError{exitUnexpected, fmt.Errorf("problems found: %d", bad)}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&deep, "deep", false, "also check every record, original and result")
	return c
}

// findEngines starts each local engine and compares its languages with those
// that are asked of it.
func findEngines(cfg *config.Config, known kinds) []finding {
	var out []finding
	specs, err := engineSpecs(cfg)
	if err != nil {
		return []finding{{what: "engine", problem: err.Error()}}
	}
	// Not the daemon's own cache: what another user puts there it could not renew.
	cache, err := os.MkdirTemp("", "intray-doctor-*")
	if err != nil {
		return []finding{{what: "engine", problem: err.Error()}}
	}
	defer func() { _ = os.RemoveAll(cache) }()
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		spec := specs[name]
		what := "engine " + name
		factory, ok := known.of(spec.Kind)
		if ok && factory.NewProvider != nil {
			out = append(out, cloudFinding(cfg, known, name))
			continue
		}
		if !ok || factory.NewRecognizer == nil {
			out = append(out, finding{what: what, problem: fmt.Sprintf("kind %q is not in this program", spec.Kind)})
			continue
		}
		engine, err := newRecognizer(spec, cache, cfg.ModelDir())
		if err != nil {
			out = append(out, finding{what: what, problem: err.Error()})
			continue
		}
		caps := engine.Capabilities()
		_ = engine.Close()
		out = append(out, finding{what: what, detail: strings.TrimSpace(caps.Kind + " " + caps.Version)})
		out = append(out, checkLanguages(cfg, name, caps.Languages)...)
	}
	return out
}

// cloudFinding builds a cloud engine and sends nothing.
func cloudFinding(cfg *config.Config, known kinds, name string) finding {
	what := "engine " + name
	if _, err := services(cfg, known, slog.New(slog.DiscardHandler)); err != nil {
		return finding{what: what, problem: err.Error()}
	}
	if missing := cfg.Engines[name].MissingSecrets(); len(missing) > 0 {
		return finding{what: what, problem: strings.Join(missing, "; ") + "; nothing can be sent or proven with it"}
	}
	c := cfg.Engines[name].Cloud.Completed()
	return finding{what: what, detail: fmt.Sprintf("%s, a cloud engine (nothing was sent; on_unknown = %q)", cfg.Engines[name].Kind, c.OnUnknown)}
}

// checkLanguages compares what is asked of an engine with what there is.
func checkLanguages(cfg *config.Config, engine string, installed []string) []finding {
	var out []finding
	for _, d := range lacking(cfg, engine, installed) {
		out = append(out, finding{what: "languages", problem: fmt.Sprintf("%s asks for %s, which is not installed; there are: %s. %s",
			d.who(), strings.Join(d.Languages, ", "), strings.Join(installed, ", "), d.howToMend(cfg))})
	}
	if out != nil {
		return out
	}
	return []finding{{what: "languages", detail: strings.Join(languagesOf(asked(cfg, engine)), ", ")}}
}

func checkFolders(cfg *config.Config) []finding {
	data := writable("data", cfg.DataDir)
	switch why := strangers(cfg.DataDir); {
	case why == "" || data.problem != "":
	case os.Geteuid() == 0: // who may use it all the same, and may be the only user that Intray has here
		data.detail += " (" + why + ")"
	default:
		data.problem = why
	}
	out := []finding{data}
	for _, f := range cfg.Folders {
		out = append(out, hotFolder(f), writable("output", f.Output), writable("review", f.Review), writable("failed", f.Failed))
	}
	return out
}

// hotFolder need not be writable if its files stay in it.
func hotFolder(f config.Folder) finding {
	if f.After != "keep" {
		return writable("hot folder", f.Path)
	}
	if _, err := os.ReadDir(f.Path); err != nil {
		return finding{what: "hot folder", problem: fmt.Sprintf("%s cannot be read: %v", f.Path, err)}
	}
	return finding{what: "hot folder", detail: f.Path}
}

// writable tries what a folder is for, since rights can only be known by trying.
func writable(what, dir string) finding {
	f, err := os.CreateTemp(dir, ".intray-doctor-*.part")
	if errors.Is(err, fs.ErrNotExist) {
		if what == "hot folder" {
			return finding{what: what, problem: dir + " does not exist; make it, or mend its path in the configuration"}
		}
		return finding{what: what, detail: dir + " (will be made)"}
	}
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return finding{what: what, problem: fmt.Sprintf("%s cannot be written: %v; give the service's user the right to", dir, err)}
	}
	return finding{what: what, detail: dir}
}

func checkSpace(cfg *config.Config) finding {
	dir := cfg.DataDir
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err := durable.Free(dir)
	switch {
	case err != nil:
		return finding{what: "free space", problem: fmt.Sprintf("cannot be measured: %v", err)}
	case free < uint64(cfg.MinFreeMB)<<20:
		return finding{what: "free space", problem: fmt.Sprintf("%d MB where %s is; %d MB must stay free (min_free_mb): no file is taken in until there is room", free>>20, cfg.DataDir, cfg.MinFreeMB)}
	}
	return finding{what: "free space", detail: fmt.Sprintf("%d MB", free>>20)}
}

// checkPort is content with a running Intray, and with a port that is free for one.
func checkPort(cfg *config.Config) finding {
	if cfg.Web.Listen == "" {
		return finding{what: "port", detail: "off (web.listen is empty)"}
	}
	client, err := clientFor(cfg.Web)
	if err != nil {
		return finding{what: "port", problem: err.Error()}
	}
	client.Timeout = startPatience // a busy machine is no other program
	if answer, err := client.Get(scheme(cfg.Web) + dialable(cfg.Web.Listen) + "/healthz"); err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return whoListens(cfg)
		}
	}
	l, err := net.Listen("tcp", cfg.Web.Listen)
	if err != nil {
		return finding{what: "port", problem: fmt.Sprintf("%s is used by another program: %v; change web.listen", cfg.Web.Listen, err)}
	}
	_ = l.Close()
	return finding{what: "port", detail: cfg.Web.Listen + " (free)"}
}

// whoListens tells this Intray's daemon, which knows its token, from another's.
func whoListens(cfg *config.Config) finding {
	var documents []web.Summary
	_, err := askDaemon(context.Background(), cfg, request{path: "/api/v1/documents?limit=1", into: &documents})
	switch {
	case errors.Is(err, errStranger), errors.Is(err, errNoDaemon):
		return finding{what: "port", problem: cfg.Web.Listen + " is used by another program or another Intray, so this one's page and API are off; change web.listen"}
	case err != nil:
		return finding{what: "port", problem: err.Error()}
	}
	return finding{what: "port", detail: cfg.Web.Listen + " (Intray is running)"}
}

// checkPage looks at what the page needs besides its port: passwords that can be
// read and are worth the name, and a certificate that is good for a while.
func checkPage(cfg *config.Config) []finding {
	if cfg.Web.Listen == "" {
		return nil
	}
	var out []finding
	for _, u := range cfg.Web.Users {
		what := "user " + u.Name
		switch password, err := u.Password.Reveal(); {
		case err != nil:
			out = append(out, finding{what: what, problem: err.Error() + "; nobody can sign in as " + u.Name})
		case len(password) < shortestPassword:
			out = append(out, finding{what: what, problem: fmt.Sprintf("the password is shorter than %d letters", shortestPassword)})
		default:
			out = append(out, finding{what: what, detail: u.Role})
		}
	}
	if cfg.Web.TLSCert == "" {
		return out
	}
	if _, err := certificateOf(cfg.Web); err != nil {
		return append(out, finding{what: "certificate", problem: err.Error()})
	}
	certificate, err := certificateIn(cfg.Web.TLSCert)
	switch {
	case err != nil:
		return append(out, finding{what: "certificate", problem: err.Error()})
	case time.Until(certificate.NotAfter) < 0:
		return append(out, finding{what: "certificate", problem: "it ended on " + certificate.NotAfter.Format(time.DateOnly) + "; browsers refuse it"})
	}
	return append(out, finding{what: "certificate", detail: "good until " + certificate.NotAfter.Format(time.DateOnly)})
}

const shortestPassword = 8

// checkClock finds a clock that stands in the past: retries and leases go by it.
func checkClock(path string) finding {
	info, err := os.Stat(path)
	if err != nil {
		return finding{what: "clock", problem: err.Error()}
	}
	now := time.Now()
	if ahead := info.ModTime().Sub(now); ahead > time.Minute {
		return finding{what: "clock", problem: fmt.Sprintf("the clock says %s, but the configuration was changed %s later; set the clock",
			now.Format(time.DateTime), ahead.Round(time.Second))}
	}
	return finding{what: "clock", detail: now.Format("2006-01-02 15:04:05 MST") + ", configuration of " + info.ModTime().Format(time.DateTime)}
}
