package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Problem is one thing wrong with the configuration, in a sentence. Line is 0
// when it belongs to no line.
type Problem struct {
	File     string
	Line     int
	Key      string
	Sentence string
}

// String is FILE:LINE: sentence.
func (p Problem) String() string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Sentence)
	}
	return fmt.Sprintf("%s: %s", p.File, p.Sentence)
}

// Warning is worth saying, but nothing is wrong.
type Warning = Problem

// Problems is the error of Load: everything that is wrong, in the file's order.
type Problems struct{ All []Problem }

func (p *Problems) Error() string {
	lines := make([]string, len(p.All))
	for i, one := range p.All {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Find says which file to read: the one named, else INTRAY_CONFIG's, else
// config.toml here, else the system's.
func Find(explicit string) (string, error) {
	if explicit != "" {
		return explicit, nil
	}
	if env := os.Getenv("INTRAY_CONFIG"); env != "" {
		return env, nil
	}
	places := []string{"config.toml", SystemFile()}
	for _, path := range places {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no configuration: neither %s. Write one with `intray init DIR`, or name one with --config", strings.Join(places, " nor "))
}

// SystemFile is where the configuration of an installed service is.
func SystemFile() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "Intray", "config.toml")
	}
	return "/etc/intray/config.toml"
}

// largestFile is more than a configuration ever needs. Whatever else was put in its
// place shall not fill the memory of a daemon that works.
const largestFile = 4 << 20 // bytes

// Read is the file's bytes. A named pipe is none: it would be waited for without end.
func Read(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		return nil, errors.New("it is a pipe, not a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err == nil && len(data) > largestFile {
		err = fmt.Errorf("it is larger than %d MB, so it is something else", largestFile>>20)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Load reads, completes and checks the file at path. The error is *Problems.
func Load(path string) (*Config, []Warning, error) {
	cfg, warnings, _, err := LoadBytes(path)
	return cfg, warnings, err
}

// LoadBytes is Load and, for who wants to know later whether the file was changed, its
// bytes; nil when it could not be read.
func LoadBytes(path string) (*Config, []Warning, []byte, error) {
	data, err := Read(path)
	if err != nil {
		return nil, nil, nil, &Problems{[]Problem{{File: path, Sentence: fmt.Sprintf("the configuration cannot be read: %v", err)}}}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, data, fmt.Errorf("locate configuration: %w", err)
	}
	cfg, warnings, err := Parse(data, path, filepath.Dir(abs))
	return cfg, warnings, data, err
}

// Parse is Load on bytes: file is the name for messages, dir what relative
// paths are relative to.
func Parse(data []byte, file, dir string) (*Config, []Warning, error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")) // Windows editors
	cfg := Default()
	meta, err := toml.NewDecoder(bytes.NewReader(data)).Decode(&cfg)
	if err != nil {
		return nil, nil, &Problems{[]Problem{undecoded(file, data, err)}}
	}
	lines := keyLines(data)
	problems := unknownKeys(file, meta, lines)
	cfg.file, cfg.lines = file, lines
	empty := cfg.empty(lines)
	if err := cfg.mergeClasses(func(key string) bool { return lines[key] > 0 }); err != nil {
		return nil, nil, err
	}
	cfg.complete(dir)
	for _, p := range append(empty, cfg.Validate()...) {
		p.File, p.Line = file, lineOf(lines, p.Key)
		problems = append(problems, p)
	}
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, nil, &Problems{problems}
	}
	warnings := cfg.warnings()
	for i := range warnings {
		warnings[i].File, warnings[i].Line = file, lineOf(lines, warnings[i].Key)
	}
	return &cfg, warnings, nil
}

// empty finds values of folders that are written and say nothing: they would
// silently become the default.
func (c *Config) empty(lines map[string]int) []Problem {
	v := &checker{}
	for i, f := range c.Folders {
		for name, isEmpty := range map[string]bool{"path": f.Path == "", "output": f.Output == "", "review": f.Review == "",
			"failed": f.Failed == "", "archive": f.Archive == "", "notify": f.Notify == "", "after": f.After == "",
			"on_duplicate": f.OnDuplicate == "", "settle": f.Settle == 0, "settle_max": f.SettleMax == 0, "sweep": f.Sweep == 0,
			"claim_expiry": f.ClaimExpiry == 0, "text": f.Text == "", "pdfa": f.PDFA == "", "rotate": f.Rotate == "", "deskew": f.Deskew == "", "class": f.Class == "",
			"rotate_confidence": f.RotateConfidence == 0,
			"blank_pages":       f.BlankPages == "", "csv_separator": f.CSVSeparator == "", "hook_timeout": f.HookTimeout == 0,
			"collate": f.Collate == "", "collate_within": f.CollateWithin == 0} {
			key := fmt.Sprintf("folder.%d.%s", i, name)
			if _, written := lines[key]; written && isEmpty {
				v.add(key, "%s of folder %q is empty; give it a value or leave the line out", name, f.Name)
			}
		}
	}
	return v.problems
}

// complete fills what the file leaves out and makes paths absolute.
func (c *Config) complete(dir string) {
	for i := range c.Folders {
		if _, written := c.lines[fmt.Sprintf("folder.%d.escalate_below", i)]; !written {
			c.Folders[i].EscalateBelow = FolderDefaults("").EscalateBelow // 0 says something
		}
		c.Folders[i] = completeFolder(c.Folders[i], dir)
	}
	for i := range c.Classes {
		c.Classes[i] = completeClass(c.Classes[i])
	}
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	c.DataDir = absolute(c.DataDir, dir)
	c.modelDir = filepath.Join(c.DataDir, "tessdata")
	for _, path := range []*string{&c.LogFile, &c.Webhooks.TLSCert, &c.Webhooks.TLSKey, &c.Web.TLSCert, &c.Web.TLSKey} {
		if *path != "" {
			*path = absolute(*path, dir)
		}
	}
	for _, e := range c.Engines {
		if path, ok := e.Own["tessdata"].(string); ok && path != "" {
			e.Own["tessdata"] = absolute(path, dir)
		}
		eachSecret(e.Own, func(table map[string]any, s Secret) {
			if s.within(dir); s.file != "" {
				table["file"] = s.file
			}
		})
	}
	for i := range c.Receivers {
		c.Receivers[i].Secret.within(dir)
	}
	for i := range c.Web.Users {
		c.Web.Users[i].Password.within(dir)
	}
}

// completeFolder gives a folder its defaults.
func completeFolder(f Folder, dir string) Folder {
	d := FolderDefaults(f.Name)
	set := func(value *string, otherwise string) {
		if *value == "" {
			*value = otherwise
		}
		*value = absolute(*value, dir)
	}
	set(&f.Path, d.Path)
	set(&f.Output, d.Output)
	set(&f.Review, d.Review)
	set(&f.Failed, d.Failed)
	set(&f.Archive, d.Archive)
	if f.CSV != "" {
		f.CSV = absolute(f.CSV, dir)
	}
	for _, word := range []struct {
		value     *string
		otherwise string
	}{{&f.Notify, d.Notify}, {&f.After, d.After}, {&f.OnDuplicate, d.OnDuplicate},
		{&f.Text, d.Text}, {&f.PDFA, d.PDFA}, {&f.Rotate, d.Rotate}, {&f.Deskew, d.Deskew}, {&f.BlankPages, d.BlankPages},
		{&f.CSVSeparator, d.CSVSeparator}, {&f.Collate, d.Collate}, {&f.Class, d.Class}} {
		if *word.value == "" {
			*word.value = word.otherwise
		}
	}
	for _, keep := range []*Retention{&f.KeepOriginals, &f.KeepRaw, &f.KeepText} {
		if !keep.given {
			*keep = Forever()
		}
	}
	if f.CSVFields == nil {
		f.CSVFields = d.CSVFields
	}
	if f.Hook == nil {
		f.Hook = d.Hook
	}
	if f.Engine == nil {
		f.Engine = d.Engine
	}
	if f.Languages == nil {
		f.Languages = d.Languages
	}
	if f.Classes == nil {
		f.Classes = d.Classes
	}
	if f.Accept == nil {
		f.Accept = d.Accept
	}
	if f.EscalateOn == nil {
		f.EscalateOn = d.EscalateOn
	}
	if f.Prepare == nil {
		f.Prepare = d.Prepare
	}
	if f.RotateConfidence == 0 {
		f.RotateConfidence = d.RotateConfidence
	}
	for _, span := range []struct {
		value     *Duration
		otherwise Duration
	}{{&f.Settle, d.Settle}, {&f.SettleMax, d.SettleMax}, {&f.Sweep, d.Sweep}, {&f.ClaimExpiry, d.ClaimExpiry},
		{&f.HookTimeout, d.HookTimeout}, {&f.CollateWithin, d.CollateWithin}} {
		if *span.value == 0 {
			*span.value = span.otherwise
		}
	}
	return f
}

// completeClass: a field is text and a broken rule leads to review unless said
// otherwise.
func completeClass(c Class) Class {
	for i := range c.Fields {
		if c.Fields[i].Type == "" {
			c.Fields[i].Type = "text"
		}
	}
	for i := range c.Rules {
		if c.Rules[i].Severity == "" {
			c.Rules[i].Severity = "review"
		}
	}
	return c
}

func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

// defaultDataDir is the platform's place for a service's data.
func defaultDataDir() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "Intray")
	}
	if os.Geteuid() == 0 {
		return "/var/lib/intray"
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "intray")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = os.TempDir()
	}
	return filepath.Join(home, ".local", "state", "intray")
}
