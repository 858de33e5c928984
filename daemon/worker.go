package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/worker"
	"intray/engines"
	"intray/engines/all"
)

// workerCommand is the hidden command that worker processes run.
func (a *app) workerCommand() *cobra.Command {
	var cache, models string
	c := &cobra.Command{
		Use: "worker", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			reader := &worker.Reader{CacheDir: cache, NewRecognizer: func(spec worker.EngineSpec) (engines.Recognizer, error) {
				return newRecognizer(spec, cache, models)
			}, NewProvider: a.kinds.provider}
			code := worker.ChildMain(reader.Handlers())
			_ = reader.Close() // the process ends here anyway
			if code != exitDone {
				return &exitError{code, fmt.Errorf("worker ended with %d", code)}
			}
			return nil
		},
	}
	c.Flags().StringVar(&cache, "cache", "", "folder for what can be made anew")
	c.Flags().StringVar(&models, "models", "", "folder of language models that were added")
	return c
}

// newRecognizer builds a local engine in a worker process; cache is the folder
// for what it can make anew, models that of the language models that were added.
func newRecognizer(spec worker.EngineSpec, cache, models string) (engines.Recognizer, error) {
	factory, ok := all.ByKind(spec.Kind)
	if !ok || factory.NewRecognizer == nil {
		return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
			Sentence: fmt.Sprintf("Engine %q has kind %q, which cannot read pages on this machine.", spec.Name, spec.Kind)}
	}
	settings, err := config.DecodeSettings(spec.Name, spec.Settings)
	if err != nil {
		return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
			Sentence: fmt.Sprintf("The settings of engine %q cannot be used.", spec.Name), Cause: err}
	}
	settings.CacheDir, settings.ModelDir = cache, models
	settings.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return factory.NewRecognizer(settings)
}

// checkEngines builds each local engine once, so that a slip in its section is told
// at the start, with file and line. An engine that is not installed yet is only
// warned of: scans are taken in and wait. missing is the languages that are not.
func checkEngines(cfg *config.Config, cache string, known kinds, log *slog.Logger) (missing []demand, err error) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Engines)) {
		factory, ok := known.of(cfg.Engines[name].Kind)
		if ok && factory.NewProvider != nil {
			continue // services checks it
		}
		if !ok || factory.NewRecognizer == nil {
			return nil, usage(fmt.Errorf("[engine.%s]: there is no engine of kind %q in this program", name, cfg.Engines[name].Kind))
		}
		settings, err := cfg.EngineSettings(name)
		if err != nil {
			return nil, usage(err)
		}
		settings.CacheDir = cache
		engine, err := factory.NewRecognizer(settings)
		var problems *config.Problems
		failure, _ := engines.AsError(err)
		switch {
		case err == nil:
			missing = append(missing, lacking(cfg, name, engine.Capabilities().Languages)...)
			_ = engine.Close() // nothing was read with it
		case errors.As(err, &problems), failure != nil && failure.Code == engines.CodeBadSettings:
			return nil, usage(err)
		default:
			log.Error("An engine cannot be used now; scans wait for it.", "engine", name, "error", err)
		}
	}
	return missing, nil
}

// newPool starts no process yet; workers come with the first work.
func newPool(cfg *config.Config, cache string, log *slog.Logger) (*worker.Pool, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program file: %w", err)
	}
	return worker.NewPool(worker.Options{
		Command:  []string{self, "worker", "--cache", cache, "--models", cfg.ModelDir()},
		Size:     workers(cfg),
		MemoryMB: cfg.WorkerMemoryMB,
		First:    []string{worker.Assemble, worker.Verify},
		Idle:     cfg.WorkerIdle.Std(),
		Log:      log,
	}), nil
}

func workers(cfg *config.Config) int {
	if cfg.Workers > 0 {
		return cfg.Workers
	}
	return runtime.NumCPU()
}

// engineSpecs lists the configured engines for the worker processes.
func engineSpecs(cfg *config.Config) (map[string]worker.EngineSpec, error) {
	out := map[string]worker.EngineSpec{}
	for name, e := range cfg.Engines {
		text, err := cfg.EncodeSettings(name)
		if err != nil {
			return nil, fmt.Errorf("settings of engine %s: %w", name, err)
		}
		out[name] = worker.EngineSpec{Name: name, Kind: e.Kind, Settings: text}
	}
	return out, nil
}
