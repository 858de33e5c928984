package daemon

import (
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
			findings = append(findings, checkSpace(cfg), checkPort(cfg), checkClock(path))
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
				return &exitError{exitUnexpected, fmt.Errorf("%d problems found", bad)}
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
		engine, err := newRecognizer(spec, cache)
		if err != nil {
			out = append(out, finding{what: what, problem: err.Error()})
			continue
		}
		caps := engine.Capabilities()
		_ = engine.Close()
		out = append(out, finding{what: what, detail: strings.TrimSpace(caps.Kind + " " + caps.Version)},
			checkLanguages(cfg, name, caps.Languages))
	}
	return out
}

// cloudFinding builds a cloud engine and sends nothing.
func cloudFinding(cfg *config.Config, known kinds, name string) finding {
	what := "engine " + name
	if _, err := services(cfg, known, slog.New(slog.DiscardHandler)); err != nil {
		return finding{what: what, problem: err.Error()}
	}
	c := cfg.Engines[name].Cloud.Completed()
	return finding{what: what, detail: fmt.Sprintf("%s, a cloud engine (nothing was sent; on_unknown = %q)", cfg.Engines[name].Kind, c.OnUnknown)}
}

func checkLanguages(cfg *config.Config, engine string, installed []string) finding {
	wanted := slices.Clone(cfg.Engines[engine].Languages)
	for _, f := range cfg.Folders {
		if slices.Contains(f.Engine, engine) {
			wanted = append(wanted, f.Languages...)
		}
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	var missing []string
	for _, l := range wanted {
		if !slices.Contains(installed, l) {
			missing = append(missing, l)
		}
	}
	if len(missing) > 0 {
		return finding{what: "languages", problem: fmt.Sprintf("%s missing; install the model (Debian: tesseract-ocr-%s) or take it out of the configuration; there are: %s",
			strings.Join(missing, ", "), strings.ReplaceAll(missing[0], "_", "-"), strings.Join(installed, ", "))}
	}
	return finding{what: "languages", detail: strings.Join(wanted, ", ")}
}

func checkFolders(cfg *config.Config) []finding {
	out := []finding{writable("data", cfg.DataDir)}
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
	client := http.Client{Timeout: 2 * time.Second}
	if answer, err := client.Get("http://" + dialable(cfg.Web.Listen) + "/healthz"); err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return finding{what: "port", detail: cfg.Web.Listen + " (Intray is running)"}
		}
	}
	l, err := net.Listen("tcp", cfg.Web.Listen)
	if err != nil {
		return finding{what: "port", problem: fmt.Sprintf("%s is used by another program: %v; change web.listen", cfg.Web.Listen, err)}
	}
	_ = l.Close()
	return finding{what: "port", detail: cfg.Web.Listen + " (free)"}
}

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
