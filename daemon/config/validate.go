package config

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Validate checks the settings against each other. Problems name keys such as
// "folder.0.output"; file and line are Load's to fill in.
func (c *Config) Validate() []Problem {
	v := &checker{}
	switch {
	case c.Version > Version:
		v.add("version", "the file has version %d, this Intray knows %d: it was written for a newer one", c.Version, Version)
	case c.Version != Version:
		v.add("version", "version must be %d", Version)
	}
	v.oneOf("log_level", c.LogLevel, "debug", "info", "warn", "error")
	v.oneOf("log_format", c.LogFormat, "text", "json")
	v.atLeast("log_file_mb", c.LogFileMB, 1)
	v.atLeast("log_files", c.LogFiles, 0)
	v.atLeast("workers", c.Workers, 0)
	v.atLeast("min_free_mb", c.MinFreeMB, 0)
	v.atLeast("worker_memory_mb", c.WorkerMemoryMB, 256)
	v.longer("page_timeout", c.PageTimeout, 0)
	v.longer("worker_idle", c.WorkerIdle, 0)
	v.longer("lease", c.Lease, 0)
	if c.Lease <= c.PageTimeout && c.PageTimeout > 0 {
		v.add("lease", "lease (%s) must be longer than page_timeout (%s): work in hand would be taken away", c.Lease, c.PageTimeout)
	}
	v.atLeast("limits.max_file_mb", c.Limits.MaxFileMB, 1)
	v.atLeast("limits.max_pages", c.Limits.MaxPages, 1)
	v.atLeast("limits.max_megapixels", c.Limits.MaxMegapixels, 1)
	v.atLeast("pdf.linearize_above_mb", c.PDF.LinearizeAboveMB, 0)
	if !(c.PDF.MaxGrowth >= 1) {
		v.add("pdf.max_growth", "pdf.max_growth is %g; it must be at least 1", c.PDF.MaxGrowth)
	}
	v.retry(c.Retry)
	v.listen("web.listen", c.Web.Listen)
	v.web(c.Web)
	v.listen("webhooks.listen", c.Webhooks.Listen)
	if c.Web.Listen != "" && c.Web.Listen == c.Webhooks.Listen {
		v.add("webhooks.listen", "web.listen and webhooks.listen are the same address; callbacks get one of their own")
	}
	v.webhooks(c.Webhooks)
	v.engines(c.Engines)
	v.folders(c)
	v.classes(c.Classes)
	v.receivers(c.Receivers)
	return v.problems
}

type checker struct{ problems []Problem }

func (v *checker) add(key, format string, args ...any) {
	v.problems = append(v.problems, Problem{Key: key, Sentence: fmt.Sprintf(format, args...)})
}

func (v *checker) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.add(key, "%s is %q; it must be one of %s", plain(key), value, strings.Join(allowed, ", "))
	}
}

func (v *checker) atLeast(key string, value, least int) {
	if value < least {
		v.add(key, "%s is %d; it must be at least %d", key, value, least)
	}
}

func (v *checker) longer(key string, value, than Duration) {
	if value <= than {
		v.add(key, "%s is %s; it must be longer than %s", plain(key), value, than)
	}
}

func (v *checker) retry(r Retry) {
	v.longer("retry.base", r.Base, 0)
	if r.Cap < r.Base {
		v.add("retry.cap", "retry.cap (%s) is shorter than retry.base (%s)", r.Cap, r.Base)
	}
	v.atLeast("retry.max_attempts", r.MaxAttempts, 1)
	if !(r.Jitter >= 0 && r.Jitter <= 1) {
		v.add("retry.jitter", "retry.jitter is %g; it must be from 0 to 1", r.Jitter)
	}
}

func (v *checker) listen(key, address string) {
	if address == "" {
		return
	}
	_, port, err := net.SplitHostPort(address)
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil || n < 0 || n > 65535 {
		v.add(key, "%s is %q; write an address and a port, such as \"127.0.0.1:7423\"", key, address)
	}
}

var (
	word     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]*$`)
	language = regexp.MustCompile(`^([a-z]+/)?[A-Za-z][A-Za-z0-9_]*$`)
)

func (v *checker) engines(all map[string]Engine) {
	for name, e := range all {
		key := "engine." + name
		if !word.MatchString(name) {
			v.add(key, "engine %q: use letters, digits, dot, dash and underscore in its name", name)
		}
		if e.Kind == "" {
			v.add(key, "[engine.%s] needs a kind, such as \"tesseract\"", name)
		}
		v.languages(key+".languages", e.Languages)
		v.cloud(key, name, e.Cloud)
	}
}

func (v *checker) languages(key string, list []string) {
	for _, l := range list {
		if !language.MatchString(l) {
			v.add(key, "%q is not a language; write model names such as \"eng\" or \"deu\"", l)
		}
	}
}

func (v *checker) folders(c *Config) {
	if len(c.Folders) == 0 {
		v.add("folder", "there is no [[folder]]: nothing would be watched")
	}
	for i, f := range c.Folders {
		key := fmt.Sprintf("folder.%d", i)
		if !word.MatchString(f.Name) {
			v.add(key+".name", "folder name %q: use letters, digits, blank, dot, dash and underscore", f.Name)
		}
		for j, other := range c.Folders[:i] {
			if other.Name == f.Name {
				v.add(key+".name", "two folders are called %q", f.Name)
			}
			if within(f.Path, other.Path) || within(other.Path, f.Path) {
				v.add(key+".path", "the hot folders %q and %q (number %d) share files", f.Name, other.Name, j+1)
			}
		}
		v.languages(key+".languages", f.Languages)
		if len(f.Engine) == 0 {
			v.add(key+".engine", "folder %q has no engine", f.Name)
		}
		for _, name := range f.Engine {
			if _, ok := c.Engines[name]; !ok {
				v.add(key+".engine", "folder %q uses engine %q, but there is no [engine.%s]", f.Name, name, name)
			}
		}
		if name := f.Compare.Engine; name != "" && c.Engines[name].Kind == "" {
			v.add(key+".compare.engine", "folder %q compares with engine %q, but there is no [engine.%s]", f.Name, name, name)
		}
		v.longer(key+".settle", f.Settle, 0)
		v.longer(key+".sweep", f.Sweep, 0)
		if f.SettleMax < f.Settle {
			v.add(key+".settle_max", "folder %q: settle_max (%s) is shorter than settle (%s)", f.Name, f.SettleMax, f.Settle)
		}
		v.oneOf(key+".text", f.Text, "keep", "redo", "force")
		for _, step := range f.Prepare {
			v.oneOf(key+".prepare", step, PrepareSteps()...)
		}
		v.oneOf(key+".pdfa", f.PDFA, "auto", "require", "off")
		v.oneOf(key+".rotate", f.Rotate, "auto", "off")
		v.oneOf(key+".deskew", f.Deskew, "auto", "off")
		if !(f.RotateConfidence > 0 && f.RotateConfidence <= 1) {
			v.add(key+".rotate_confidence", "folder %q: rotate_confidence is %g; it must be above 0 and at most 1", f.Name, f.RotateConfidence)
		}
		v.oneOf(key+".blank_pages", f.BlankPages, BlankKeep, BlankRemove)
		v.oneOf(key+".collate", f.Collate, "off", "duplex")
		v.longer(key+".collate_within", f.CollateWithin, 0)
		if f.Collate == "duplex" && len(f.Split) > 0 {
			v.add(key+".collate", "folder %q both splits and collates; give each a folder of its own", f.Name)
		}
		v.oneOf(key+".notify", f.Notify, "auto", "events", "poll")
		v.oneOf(key+".after", f.After, "remove", "archive", "keep")
		v.oneOf(key+".on_duplicate", f.OnDuplicate, "skip", "again")
		v.contract(c, key, f)
		v.longer(key+".claim_expiry", f.ClaimExpiry, 0)
		v.handOver(c, key, f)
		if !(f.Sample >= 0 && f.Sample <= 1) {
			v.add(key+".sample", "folder %q: sample is %g; it is a share, from 0 to 1 (0.05 is one in twenty)", f.Name, f.Sample)
		}
		v.restraint(key, f)
		v.loops(c, key, f)
	}
}

// PrepareSteps are the words of prepare; package pages knows what they do.
func PrepareSteps() []string {
	return []string{"contrast", "normalize_dpi", "level", "denoise", "binarize"}
}

// Words of escalate_on: why the next engine of a folder's list reads a document too.
const (
	EscalateFields      = "fields"      // a required one is missing
	EscalateConfidence  = "confidence"  // a page below escalate_below, or without a word
	EscalateHandwriting = "handwriting" // or what looks so
	EscalateScript      = "script"      // one that none of the languages has
)

// EscalateReasons are all of them.
func EscalateReasons() []string {
	return []string{EscalateFields, EscalateConfidence, EscalateHandwriting, EscalateScript}
}

// AcceptTypes are the words of accept; package pages knows their files.
func AcceptTypes() []string {
	return []string{"pdf", "tiff", "jpeg", "png", "bmp", "gif", "webp", "heic", "avif", "jp2", "pnm", "xml"}
}

// contract checks what a folder says of the documents it takes.
func (v *checker) contract(c *Config, key string, f Folder) {
	known := func(name string) bool {
		return slices.ContainsFunc(c.Classes, func(o Class) bool { return o.Name == name })
	}
	var names []string
	for _, o := range c.Classes {
		names = append(names, o.Name)
	}
	if f.Class != "auto" && f.Class != "none" && !known(f.Class) {
		v.add(key+".class", "folder %q has the class %q, but there is no [[class]] of that name; write \"auto\", \"none\" or one of %s", f.Name, f.Class, strings.Join(names, ", "))
	}
	for _, name := range f.Classes {
		if !known(name) {
			v.add(key+".classes", "folder %q may pick the class %q, but there is no [[class]] of that name; there are %s", f.Name, name, strings.Join(names, ", "))
		}
	}
	if f.Class != "auto" && len(f.Classes) > 0 {
		v.add(key+".classes", "folder %q has the class %q, so there is nothing to pick; leave classes out or write class = \"auto\"", f.Name, f.Class)
	}
	for _, word := range f.Accept {
		v.oneOf(key+".accept", word, AcceptTypes()...)
	}
	if f.MaxFileMB < 0 {
		v.add(key+".max_file_mb", "folder %q: max_file_mb is %d; it must be 0, for the general limit, or more", f.Name, f.MaxFileMB)
	}
	if f.MaxPages < 0 {
		v.add(key+".max_pages", "folder %q: max_pages is %d; it must be 0, for the general limit, or more", f.Name, f.MaxPages)
	}
}

// loops refuses results that would be taken in again.
func (v *checker) loops(c *Config, key string, f Folder) {
	places := f.Results()
	for i, p := range places {
		for _, hot := range c.Folders {
			if within(p.Path, hot.Path) || within(hot.Path, p.Path) {
				v.add(key+"."+p.Key, "%s of folder %q and the hot folder of %q lie within each other: results would be taken in as scans", p.Key, f.Name, hot.Name)
			}
		}
		for _, q := range places[:i] {
			if p.Path == q.Path {
				v.add(key+"."+p.Key, "%s and %s of folder %q are the same folder", q.Key, p.Key, f.Name)
			}
		}
	}
	for _, p := range places {
		if within(p.Path, c.DataDir) {
			v.add(key+"."+p.Key, "%s of folder %q lies in data_dir, which is Intray's own", p.Key, f.Name)
		}
		if p.Key != "review" && within(p.Path, f.Review) {
			v.add(key+"."+p.Key, "%s of folder %q lies in its review folder, where bundles wait for a decision", p.Key, f.Name)
		}
	}
	if within(c.DataDir, f.Path) || within(f.Path, c.DataDir) {
		v.add(key+".path", "the hot folder of %q and data_dir lie within each other", f.Name)
	}
}

// within is true when path is dir or below it.
func within(path, dir string) bool {
	if runtime.GOOS == "windows" {
		path, dir = strings.ToLower(path), strings.ToLower(dir)
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// warnings are settings that work and deserve a second look.
func (c *Config) warnings() []Warning {
	var out []Warning
	if !c.Web.loopback() && len(c.Web.Users) == 0 {
		out = append(out, Warning{Key: "web.listen",
			Sentence: fmt.Sprintf("web.listen is %q: other machines reach Intray's page, but nobody has a password there; add a [[web.user]]", c.Web.Listen)})
	}
	return out
}
