package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/extract"
	"intray/daemon/originals"
	"intray/daemon/pipeline"
	"intray/daemon/webhooks"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// kinds are the engines this program is built with.
type kinds []engines.Factory

func (k kinds) of(kind string) (engines.Factory, bool) {
	i := slices.IndexFunc(k, func(f engines.Factory) bool { return f.Kind == kind })
	if i < 0 {
		return engines.Factory{}, false
	}
	return k[i], true
}

// provider builds a cloud engine from a worker's spec, to normalize with.
func (k kinds) provider(spec worker.EngineSpec) (engines.Provider, error) {
	bad := func(cause error) error {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
			Sentence: fmt.Sprintf("The settings of engine %q cannot be used.", spec.Name), Cause: cause}
	}
	factory, ok := k.of(spec.Kind)
	if !ok || factory.NewProvider == nil {
		return nil, bad(fmt.Errorf("kind %q is no cloud engine", spec.Kind))
	}
	settings, err := config.DecodeSettings(spec.Name, spec.Settings)
	if err != nil {
		return nil, bad(err)
	}
	settings.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return factory.NewProvider(settings)
}

// services opens the cloud engines. What is wrong with one's section is told now,
// and so is what the configuration asks for and cannot be had.
func services(cfg *config.Config, known kinds, log *slog.Logger) (map[string]*pipeline.Service, error) {
	out := map[string]*pipeline.Service{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Engines)) {
		factory, ok := known.of(cfg.Engines[name].Kind)
		switch {
		case ok && factory.NewProvider == nil && !cfg.Engines[name].Cloud.IsZero():
			return nil, usage(fmt.Errorf("[engine.%s] reads on this machine; keys of cloud engines, such as on_unknown or max_pages_per_day, say nothing there: take them out", name))
		case !ok || factory.NewProvider == nil:
			continue
		}
		settings, err := cfg.EngineSettings(name)
		if err != nil {
			return nil, usage(err)
		}
		settings.Log = log
		provider, err := factory.NewProvider(settings)
		if err != nil {
			return nil, usage(fmt.Errorf("[engine.%s]: %w", name, err))
		}
		s := &pipeline.Service{Name: name, Provider: provider, Settings: cfg.Engines[name].Cloud.Completed()}
		if caps := provider.Capabilities(); caps.Webhook && cfg.Webhooks.PublicURL != "" {
			s.CallbackURL = strings.TrimRight(cfg.Webhooks.PublicURL, "/") + "/webhooks/" + name
		}
		out[name] = s
	}
	return out, checkCloud(cfg, out)
}

// checkCloud finds folders whose wishes contradict each other.
func checkCloud(cfg *config.Config, cloud map[string]*pipeline.Service) error {
	locals := 0
	for name := range cfg.Engines {
		if cloud[name] == nil {
			locals++
		}
	}
	for _, f := range cfg.Folders {
		isCloud := func(name string) bool { return cloud[name] != nil }
		private := slices.ContainsFunc(cfg.Classes, func(c config.Class) bool {
			return c.NeverCloud && (f.Class == c.Name || f.Class == extract.Auto && (len(f.Classes) == 0 || slices.Contains(f.Classes, c.Name)))
		})
		fixed := f.Class != extract.Auto && f.Class != extract.None
		if f.NeverCloud && isCloud(f.Compare.Engine) {
			return usage(fmt.Errorf("folder %q compares with %q, and its documents must never leave this machine (never_cloud); take one of the two out", f.Name, f.Compare.Engine))
		}
		switch {
		case !slices.ContainsFunc(f.Engine, isCloud):
		case (f.NeverCloud || private && fixed) && !slices.ContainsFunc(f.Engine, func(n string) bool { return !isCloud(n) }):
			return usage(fmt.Errorf("folder %q has only cloud engines, and its documents must never leave this machine (never_cloud); give it a local engine, such as engine = \"local\"", f.Name))
		case private && locals == 0:
			return usage(fmt.Errorf("folder %q may get documents of a class with never_cloud; they are told apart by reading them here first, and there is no local engine", f.Name))
		}
	}
	return nil
}

func resultsOf(cfg *config.Config) *originals.Results {
	return originals.OpenResults(filepath.Join(cfg.DataDir, "results"))
}

// listenForCallbacks serves webhooks until ctx is done; it is nothing where none
// are configured.
func (h *house) listenForCallbacks(ctx context.Context, served chan<- error) error {
	w := h.cfg.Webhooks
	if w.Listen == "" {
		served <- nil
		return nil
	}
	server := &webhooks.Server{Ledger: h.ledger, Log: h.log, Verifiers: map[string]engines.WebhookVerifier{}}
	for name, s := range h.services {
		if v, ok := s.Provider.(engines.WebhookVerifier); ok && s.Provider.Capabilities().Webhook {
			server.Verifiers[name] = v
		}
	}
	var certificates *webhooks.Certificates
	if w.TLSCert != "" {
		var err error
		if certificates, err = webhooks.LoadCertificates(w.TLSCert, w.TLSKey); err != nil {
			return usage(fmt.Errorf("webhooks.tls_cert: %w", err))
		}
		certificates.Log = h.log
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", w.Listen)
	if err != nil {
		// Polling finds out all the same, only later.
		h.log.Error("Callbacks of cloud engines are off: the address cannot be used.", "listen", w.Listen, "error", err)
		served <- nil
		return nil
	}
	h.log.Info("Listening for callbacks.", "listen", l.Addr().String(), "engines", len(server.Verifiers))
	go func() { served <- server.Serve(ctx, l, certificates) }()
	return nil
}

// cloudStats is what stats says of a cloud engine.
type cloudStats struct {
	// Paused says why no calls are made; "" while they are, or no daemon runs.
	Paused     string         `json:"paused"`
	Until      time.Time      `json:"until,omitzero"`
	Waiting    int            `json:"waiting"`
	PagesToday int            `json:"pages_today"`
	PagesMonth int            `json:"pages_month"`
	Callbacks  map[string]int `json:"callbacks"`
}

// cloudStatsOf counts by engine; live adds what only the running daemon knows.
func cloudStatsOf(l *ledger.Ledger, names []string, live map[string]*pipeline.Service) (map[string]cloudStats, error) {
	out := map[string]cloudStats{}
	open, err := l.Owed()
	if err != nil {
		return nil, err
	}
	tallies, err := l.Tallies()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	configured := len(names)
	for _, doc := range open { // one that was taken out of the configuration must not be out of sight
		if doc.Engine != "" && !slices.Contains(names, doc.Engine) {
			names = append(slices.Clip(names), doc.Engine)
		}
	}
	for i, name := range names {
		c := cloudStats{Callbacks: map[string]int{}}
		if c.PagesToday, err = l.Used("engine "+name, now.Format(time.DateOnly)); err != nil {
			return nil, err
		}
		if c.PagesMonth, err = l.Used("engine "+name, now.Format("2006-01")); err != nil {
			return nil, err
		}
		for _, doc := range open {
			if doc.Engine == name {
				c.Waiting++
			}
		}
		for t, n := range tallies {
			if t.Group == ledger.GroupCallback && t.Name == name {
				c.Callbacks[t.What] = n
			}
		}
		if s := live[name]; s != nil {
			status := s.Status(now)
			c.Paused, c.Until = status.Paused, status.Until
		}
		if i >= configured {
			c.Paused = "It is not in the configuration any more: put its section back, so that its answers can be fetched. After job_deadline the documents are read anew."
		}
		out[name] = c
	}
	return out, nil
}

// orphaned is true for a document at an engine that the configuration has no more.
func orphaned(cfg *config.Config, doc ledger.Document) bool {
	_, known := cfg.Engines[doc.Engine]
	return doc.State == ledger.SubmittedToProvider && !known
}

// advice is what to do for a document to go on; "" for nothing.
func advice(cfg *config.Config, doc ledger.Document) string {
	if !orphaned(cfg, doc) {
		return ""
	}
	text := fmt.Sprintf("Engine %q has the document and is not in the configuration any more. Put [engine.%s] back, so that its answer can be fetched.", doc.Engine, doc.Engine)
	if doc.Submission != nil && !doc.Submission.Deadline.IsZero() {
		text += " Else the document is read anew after " + doc.Submission.Deadline.Local().Format(time.DateTime) + "."
	}
	return text
}

// cloudNames are the configured cloud engines.
func (a *app) cloudNames(cfg *config.Config) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Engines)) {
		if f, ok := a.kinds.of(cfg.Engines[name].Kind); ok && f.NewProvider != nil {
			out = append(out, name)
		}
	}
	return out
}
