// Package config reads the configuration file: TOML decoded over defaults,
// checked as a whole, every problem named with its file, line and key.
//
// It says what is configured and resolves paths; it opens no other file and
// starts nothing. The sections of engines are kept undecoded: each engine
// knows its own keys.
package config

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Version is the version of the file's format that this program writes.
const Version = 1

// Config is the whole configuration. Its toml tags are the keys.
type Config struct {
	Version        int      `toml:"version"`
	DataDir        string   `toml:"data_dir"`
	LogLevel       string   `toml:"log_level"`
	LogFormat      string   `toml:"log_format"`
	LogFile        string   `toml:"log_file"`
	LogFileMB      int      `toml:"log_file_mb"`
	LogFiles       int      `toml:"log_files"`
	Workers        int      `toml:"workers"`
	WorkerMemoryMB int      `toml:"worker_memory_mb"`
	WorkerIdle     Duration `toml:"worker_idle"`
	PageTimeout    Duration `toml:"page_timeout"`
	Lease          Duration `toml:"lease"`
	MinFreeMB      int      `toml:"min_free_mb"`

	Retry    Retry             `toml:"retry"`
	Limits   Limits            `toml:"limits"`
	PDF      PDF               `toml:"pdf"`
	Web      Web               `toml:"web"`
	Webhooks Webhooks          `toml:"webhooks"`
	Folders  []Folder          `toml:"folder"`
	Engines  map[string]Engine `toml:"engine"`
	Classes  []Class           `toml:"class"`

	Receivers []Receiver `toml:"receiver"`

	// Where keys stand in the file, for messages about them later on.
	file  string
	lines map[string]int
	// modelDir is a folder of data_dir.
	modelDir string
}

// Retry spaces the tries of a document that failed for now.
type Retry struct {
	Base        Duration `toml:"base"`
	Cap         Duration `toml:"cap"`
	MaxAttempts int      `toml:"max_attempts"`
	Jitter      float64  `toml:"jitter"`
}

// Limits protect against files that ask for too much.
type Limits struct {
	MaxFileMB     int `toml:"max_file_mb"`
	MaxPages      int `toml:"max_pages"`
	MaxMegapixels int `toml:"max_megapixels"`
}

// PDF says how searchable PDFs are written.
type PDF struct {
	LinearizeAboveMB int     `toml:"linearize_above_mb"`
	MaxGrowth        float64 `toml:"max_growth"`
}

// Web is the local page, API and metrics: the address listened on, the files of
// a certificate and its key, further names under which it is reached, and who may
// sign in with a password.
type Web struct {
	Listen  string   `toml:"listen"`
	TLSCert string   `toml:"tls_cert"`
	TLSKey  string   `toml:"tls_key"`
	Hosts   []string `toml:"hosts"`
	Users   []User   `toml:"user"`
}

// User is somebody who may sign in to the page.
type User struct {
	Name     string `toml:"name"`
	Role     string `toml:"role"`
	Password Secret `toml:"password"`
}

// Webhooks is where providers may call back: the address listened on, the files of
// its certificate and key, and the address under which providers reach it.
type Webhooks struct {
	Listen    string `toml:"listen"`
	TLSCert   string `toml:"tls_cert"`
	TLSKey    string `toml:"tls_key"`
	PublicURL string `toml:"public_url"`
}

// Compare has a share of documents, 0..1, read by a second engine after their
// delivery, to compare the two; "" for none.
type Compare struct {
	Engine string  `toml:"engine"`
	Share  float64 `toml:"share"`
}

// Folder is one hot folder and where its results go. Paths are absolute once
// loaded.
type Folder struct {
	Name   string     `toml:"name"`
	Path   string     `toml:"path"`
	Output string     `toml:"output"`
	Review string     `toml:"review"`
	Failed string     `toml:"failed"`
	Engine EngineList `toml:"engine"`

	NeverCloud       bool     `toml:"never_cloud"`
	MaxPagesPerDay   int      `toml:"max_pages_per_day"`
	MaxPagesPerMonth int      `toml:"max_pages_per_month"`
	EscalateBelow    float64  `toml:"escalate_below"`
	EscalateOn       []string `toml:"escalate_on"`
	Compare          Compare  `toml:"compare"`

	Languages   []string `toml:"languages"`
	Settle      Duration `toml:"settle"`
	SettleMax   Duration `toml:"settle_max"`
	Sweep       Duration `toml:"sweep"`
	SidecarText bool     `toml:"sidecar_text"`

	Text             string   `toml:"text"`
	Rotate           string   `toml:"rotate"`
	RotateConfidence float64  `toml:"rotate_confidence"`
	Deskew           string   `toml:"deskew"`
	Prepare          []string `toml:"prepare"`
	PDFA             string   `toml:"pdfa"`

	Barcodes   bool       `toml:"barcodes"`
	Split      SplitRules `toml:"split"`
	BlankPages string     `toml:"blank_pages"`

	Collate       string   `toml:"collate"`
	CollateWithin Duration `toml:"collate_within"`

	DeliverAs   Template `toml:"deliver_as"`
	SidecarHOCR bool     `toml:"sidecar_hocr"`
	SidecarALTO bool     `toml:"sidecar_alto"`

	CSV          string   `toml:"csv"`
	CSVFields    []string `toml:"csv_fields"`
	CSVSeparator string   `toml:"csv_separator"`
	Hook         []string `toml:"hook"`
	HookTimeout  Duration `toml:"hook_timeout"`

	Notify      string   `toml:"notify"`
	After       string   `toml:"after"`
	Archive     string   `toml:"archive"`
	OnDuplicate string   `toml:"on_duplicate"`
	ClaimExpiry Duration `toml:"claim_expiry"`

	Sample    float64  `toml:"sample"`
	Class     string   `toml:"class"`
	Classes   []string `toml:"classes"`
	Accept    []string `toml:"accept"`
	MaxFileMB int      `toml:"max_file_mb"`
	MaxPages  int      `toml:"max_pages"`

	KeepOriginals Retention `toml:"keep_originals"`
	KeepRaw       Retention `toml:"keep_raw"`
	KeepText      Retention `toml:"keep_text"`
}

// Engine is one [engine.NAME] section: what all engines share, and the rest as
// the engine's own.
type Engine struct {
	Kind      string
	Languages []string
	// Cloud are the keys that all cloud engines have.
	Cloud Cloud
	// Own are the keys only the engine knows.
	Own map[string]any
}

// Default is the configuration of an empty file: a local Tesseract that reads
// English, and no folder yet.
func Default() Config {
	return Config{
		Version:        Version,
		LogLevel:       "info",
		LogFormat:      "text",
		LogFileMB:      20,
		LogFiles:       10,
		WorkerMemoryMB: 2048,
		WorkerIdle:     Duration(5 * time.Minute),
		PageTimeout:    Duration(2 * time.Minute),
		Lease:          Duration(10 * time.Minute),
		MinFreeMB:      500,
		Retry:          Retry{Base: Duration(30 * time.Second), Cap: Duration(time.Hour), MaxAttempts: 5, Jitter: 0.2},
		Limits:         Limits{MaxFileMB: 1024, MaxPages: 5000, MaxMegapixels: 400},
		PDF:            PDF{LinearizeAboveMB: 1, MaxGrowth: 1.5},
		Web:            Web{Listen: "127.0.0.1:7423", Hosts: []string{}},
		Engines: map[string]Engine{"local": {Kind: "tesseract", Languages: []string{"eng"},
			Own: map[string]any{"tessdata": "", "page_segmentation": int64(1)}}},
	}
}

// FolderDefaults is a folder with only its name given.
func FolderDefaults(name string) Folder {
	return Folder{Name: name, Path: "in", Output: "out", Review: "review", Failed: "failed", Engine: EngineList{"local"}, EscalateBelow: 0.7, EscalateOn: EscalateReasons(),
		Languages: []string{}, Settle: Duration(2 * time.Second), SettleMax: Duration(10 * time.Minute), Sweep: Duration(30 * time.Second),
		Text: "keep", Rotate: "auto", RotateConfidence: 0.6, Deskew: "auto", Prepare: []string{"contrast", "normalize_dpi", "level"}, PDFA: "auto",
		Split: SplitRules{}, BlankPages: BlankKeep, Collate: "off", CollateWithin: Duration(10 * time.Minute),
		CSVFields: []string{}, CSVSeparator: ";", Hook: []string{}, HookTimeout: Duration(30 * time.Second),
		Notify: "auto", After: "remove", Archive: "archive", OnDuplicate: "skip", ClaimExpiry: Duration(10 * time.Minute),
		Class: "auto", Classes: []string{}, Accept: []string{},
		KeepOriginals: Forever(), KeepRaw: Forever(), KeepText: Forever()}
}

// Place is a folder on disk and the key that names it.
type Place struct{ Key, Path string }

// Results are where the files of a hot folder go: its output, review and failed
// folders, and its archive if it is used.
func (f Folder) Results() []Place {
	out := []Place{{"output", f.Output}, {"review", f.Review}, {"failed", f.Failed}}
	if f.After == "archive" {
		out = append(out, Place{"archive", f.Archive})
	}
	return out
}

// Duration is a time span written as "2s" or "10m".
type Duration time.Duration

// Std is the span as the standard library has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// UnmarshalText reads "1m30s".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a time span; write it like \"2s\", \"10m\" or \"1h\"", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes "1m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the span in words.
func (d Duration) String() string { return time.Duration(d).String() }

// Retention is how long something is kept. Its zero value says nothing.
type Retention struct {
	given bool
	span  time.Duration // negative: without end
}

// Forever is a retention without end.
func Forever() Retention { return Retention{given: true, span: -1} }

// Ends says how long something is kept; ok is false if it is without end.
func (r Retention) Ends() (span time.Duration, ok bool) { return r.span, r.given && r.span >= 0 }

const (
	day     = 24 * time.Hour
	forever = "forever"
	// longestDays is a hundred years.
	longestDays = 36500
)

// UnmarshalText reads "forever", "90d", or a span such as "36h".
func (r *Retention) UnmarshalText(text []byte) error {
	wrong := fmt.Errorf("%q is not how long to keep something; write \"forever\", or days like \"90d\"", text)
	if string(text) == forever {
		*r = Forever()
		return nil
	}
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > longestDays {
			return wrong
		}
		*r = Retention{true, time.Duration(n) * day}
		return nil
	}
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return wrong
	}
	*r = Retention{true, v}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (r Retention) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String is "forever", days, or a span.
func (r Retention) String() string {
	switch span, ends := r.Ends(); {
	case !ends:
		return forever
	case span%day == 0:
		return strconv.Itoa(int(span/day)) + "d"
	default:
		return span.String()
	}
}

// EngineList is one engine's name or a list of them, tried in order.
type EngineList []string

// UnmarshalTOML takes a string or a list of strings.
func (e *EngineList) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		*e = EngineList{v}
		return nil
	case []any:
		out := EngineList{}
		for _, one := range v {
			name, ok := one.(string)
			if !ok {
				return fmt.Errorf("engine must be a name or a list of names, not %v", v)
			}
			out = append(out, name)
		}
		*e = out
		return nil
	}
	return fmt.Errorf("engine must be a name or a list of names, not %v", v)
}

// UnmarshalTOML splits a section into what all engines share and its own keys.
func (e *Engine) UnmarshalTOML(v any) error {
	table, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("an engine is a section such as [engine.local], not %v", v)
	}
	e.Own = map[string]any{}
	cloud := map[string]any{}
	for key, value := range table {
		switch {
		case key == "kind":
			if e.Kind, ok = value.(string); !ok {
				return fmt.Errorf("kind must be a word such as \"tesseract\", not %v", value)
			}
		case key == "languages":
			if err := (*EngineList)(&e.Languages).UnmarshalTOML(value); err != nil {
				return fmt.Errorf("languages must be a list of names, not %v", value)
			}
		case isCloudKey(key):
			cloud[key] = value
		default:
			e.Own[key] = value
		}
	}
	return e.Cloud.fill(cloud)
}

// Secret is a password or key that lives outside the file: { env = "NAME" } or
// { file = "PATH" }. It prints as "[redacted]" however it is printed.
type Secret struct{ env, file string }

const redacted = "[redacted]"

// String hides the secret.
func (s Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return redacted }

// MarshalText hides the secret from TOML and JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
