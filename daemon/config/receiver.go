package config

import (
	"fmt"
	"net/url"
	"slices"
)

// Receiver is somebody who is told by webhook what became of documents.
type Receiver struct {
	Name   string   `toml:"name"`
	URL    string   `toml:"url"`
	Secret Secret   `toml:"secret"`
	Events []string `toml:"events"`
}

// The events receivers are told of.
const (
	EventCompleted   = "document.completed"
	EventNeedsReview = "document.needs_review"
	EventFailed      = "document.failed"
)

// Events lists them.
func Events() []string { return []string{EventCompleted, EventNeedsReview, EventFailed} }

// Wants is true when the receiver asked for the event; one that asked for none
// gets all.
func (r Receiver) Wants(event string) bool {
	return len(r.Events) == 0 || slices.Contains(r.Events, event)
}

func (v *checker) receivers(all []Receiver) {
	for i, r := range all {
		key := fmt.Sprintf("receiver.%d", i)
		if !word.MatchString(r.Name) {
			v.add(key+".name", "receiver name %q: use letters, digits, blank, dot, dash and underscore", r.Name)
		}
		if slices.ContainsFunc(all[:i], func(o Receiver) bool { return o.Name == r.Name }) {
			v.add(key+".name", "two receivers are called %q", r.Name)
		}
		if u, err := url.Parse(r.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			v.add(key+".url", "receiver %q: url is %q; write an address such as \"https://erp.example.com/intray\"", r.Name, r.URL)
		}
		if r.Secret == (Secret{}) {
			v.add(key+".secret", "receiver %q needs a secret to sign with: secret = { env = \"NAME\" } or { file = \"PATH\" }", r.Name)
		}
		for _, e := range r.Events {
			v.oneOf(key+".events", e, Events()...)
		}
	}
}

// handOver checks where a folder's documents are told of.
func (v *checker) handOver(c *Config, key string, f Folder) {
	for _, hot := range c.Folders {
		if f.CSV != "" && within(f.CSV, hot.Path) {
			v.add(key+".csv", "csv of folder %q lies in the hot folder of %q: the table would be taken in as a scan", f.Name, hot.Name)
		}
	}
	if s := []rune(f.CSVSeparator); len(s) != 1 || !slices.Contains([]rune{',', ';', '\t', '|'}, s[0]) {
		v.add(key+".csv_separator", "folder %q: csv_separator is %q; it must be one of , ; | or a tab", f.Name, f.CSVSeparator)
	}
	if len(f.Hook) > 0 && f.Hook[0] == "" {
		v.add(key+".hook", "folder %q: hook begins with the program to run", f.Name)
	}
	v.longer(key+".hook_timeout", f.HookTimeout, 0)
}
