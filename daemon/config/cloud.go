package config

import (
	"bytes"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/BurntSushi/toml"
)

// What becomes of a document when the answer to its submission was lost.
const (
	UnknownReview   = "review"
	UnknownResubmit = "resubmit"
)

// Cloud are the keys of an engine's section that all cloud engines share. Zero
// values are those that were not written; the methods say what holds.
type Cloud struct {
	OnUnknown        string   `toml:"on_unknown"`
	CallsAtOnce      int      `toml:"calls_at_once"`
	CallsPerSecond   float64  `toml:"calls_per_second"`
	CallTimeout      Duration `toml:"call_timeout"`
	PollEvery        Duration `toml:"poll_every"`
	JobDeadline      Duration `toml:"job_deadline"`
	MaxPagesPerDay   int      `toml:"max_pages_per_day"`
	MaxPagesPerMonth int      `toml:"max_pages_per_month"`
	// PagesPerJob and MBPerJob are less than the provider takes at once; longer
	// documents are sent in parts.
	PagesPerJob int `toml:"pages_per_job"`
	MBPerJob    int `toml:"mb_per_job"`
}

// Completed has the defaults where nothing was written.
func (c Cloud) Completed() Cloud {
	if c.OnUnknown == "" {
		c.OnUnknown = UnknownReview
	}
	if c.CallsAtOnce == 0 {
		c.CallsAtOnce = 4
	}
	if c.CallsPerSecond == 0 {
		c.CallsPerSecond = 5
	}
	for _, span := range []struct {
		value     *Duration
		otherwise time.Duration
	}{{&c.CallTimeout, 2 * time.Minute}, {&c.PollEvery, 5 * time.Second}, {&c.JobDeadline, 24 * time.Hour}} {
		if *span.value == 0 {
			*span.value = Duration(span.otherwise)
		}
	}
	return c
}

func cloudKeys() []string { return knownKeys(reflect.TypeFor[Cloud](), "") }

func isCloudKey(key string) bool { return slices.Contains(cloudKeys(), key) }

func (c *Cloud) fill(values map[string]any) error {
	if len(values) == 0 {
		return nil
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(values); err != nil {
		return fmt.Errorf("settings of a cloud engine: %w", err)
	}
	if _, err := toml.NewDecoder(&text).Decode(c); err != nil {
		return fmt.Errorf("settings of a cloud engine: %w", err)
	}
	return nil
}

// IsZero is true where none of the keys was written.
func (c Cloud) IsZero() bool { return c == Cloud{} }

func (v *checker) cloud(key, name string, c Cloud) {
	if c.OnUnknown != "" && c.OnUnknown != UnknownReview && c.OnUnknown != UnknownResubmit {
		v.add(key+".on_unknown", "[engine.%s]: on_unknown is %q; it must be %q or %q", name, c.OnUnknown, UnknownReview, UnknownResubmit)
	}
	for word, n := range map[string]float64{"calls_at_once": float64(c.CallsAtOnce), "calls_per_second": c.CallsPerSecond, "call_timeout": float64(c.CallTimeout),
		"poll_every": float64(c.PollEvery), "job_deadline": float64(c.JobDeadline),
		"max_pages_per_day": float64(c.MaxPagesPerDay), "max_pages_per_month": float64(c.MaxPagesPerMonth),
		"pages_per_job": float64(c.PagesPerJob), "mb_per_job": float64(c.MBPerJob)} {
		if !(n >= 0) {
			v.add(key+"."+word, "[engine.%s]: %s is below 0; leave it out for the default", name, word)
		}
	}
	if full := c.Completed(); full.PollEvery > full.JobDeadline {
		v.add(key+".job_deadline", "[engine.%s]: job_deadline (%s) is shorter than poll_every (%s)", name, full.JobDeadline, full.PollEvery)
	}
}

// restraint checks what a folder says of cloud engines.
func (v *checker) restraint(key string, f Folder) {
	if f.MaxPagesPerDay < 0 {
		v.add(key+".max_pages_per_day", "folder %q: max_pages_per_day is %d; it must be 0, for no limit, or more", f.Name, f.MaxPagesPerDay)
	}
	if f.MaxPagesPerMonth < 0 {
		v.add(key+".max_pages_per_month", "folder %q: max_pages_per_month is %d; it must be 0, for no limit, or more", f.Name, f.MaxPagesPerMonth)
	}
	if !(f.EscalateBelow >= 0 && f.EscalateBelow <= 1) {
		v.add(key+".escalate_below", "folder %q: escalate_below is %g; it is a confidence, from 0 to 1", f.Name, f.EscalateBelow)
	}
	for _, reason := range f.EscalateOn {
		v.oneOf(key+".escalate_on", reason, EscalateReasons()...)
	}
	if !(f.Compare.Share >= 0 && f.Compare.Share <= 1) || f.Compare.Share > 0 && f.Compare.Engine == "" {
		v.add(key+".compare.share", "folder %q: compare.share is %g; it is a share of documents, from 0 to 1, and needs compare.engine", f.Name, f.Compare.Share)
	}
	for i, name := range f.Engine {
		if slices.Contains(f.Engine[:i], name) {
			v.add(key+".engine", "folder %q names the engine %q twice", f.Name, name)
		}
	}
}

func (v *checker) webhooks(w Webhooks) {
	if (w.TLSCert == "") != (w.TLSKey == "") {
		v.add("webhooks.tls_cert", "webhooks.tls_cert and webhooks.tls_key belong together; give both or none")
	}
	if w.Listen == "" && (w.TLSCert != "" || w.PublicURL != "") {
		v.add("webhooks.listen", "webhooks.listen is empty, so nobody can call back; give it an address such as \"0.0.0.0:7424\"")
	}
	if w.PublicURL == "" {
		return
	}
	if u, err := url.Parse(w.PublicURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" {
		v.add("webhooks.public_url", "webhooks.public_url is %q; write the address that providers reach, such as \"https://scan.example.com\"", w.PublicURL)
	}
}
