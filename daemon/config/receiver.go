package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"
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
	for _, other := range c.Folders {
		if other.Name == f.Name {
			break
		}
		if f.CSV != "" && f.CSV == other.CSV && (f.CSVSeparator != other.CSVSeparator || !slices.Equal(f.CSVFields, other.CSVFields)) {
			v.add(key+".csv", "the folders %q and %q share a table, so csv_fields and csv_separator must be the same in both; or give each a csv of its own", other.Name, f.Name)
		}
	}
	v.valueNames(c, key, f)
}

// valueNames checks the names by which a folder asks for what a document says:
// those of the fields of all classes, since a document may be of any.
func (v *checker) valueNames(c *Config, key string, f Folder) {
	types := map[string]string{}
	for _, who := range []string{"seller", "buyer"} { // electronic invoices say these, too
		for _, what := range []string{"address", "postcode", "city", "vat_id", "tax_number"} {
			types[who+"_"+what] = "text"
		}
	}
	for _, class := range c.Classes {
		for _, field := range class.Fields {
			types[field.Name] = field.Type
		}
	}
	hint := func(name string) string {
		if near := Nearest(name, slices.Sorted(maps.Keys(types))); near != "" {
			return fmt.Sprintf("; did you mean %q?", near)
		}
		return "; give it a [[class.field]]"
	}
	for _, name := range f.CSVFields {
		if types[name] == "" {
			v.add(key+".csv_fields", "csv_fields of folder %q names %q, which is a field of no class%s", f.Name, name, hint(name))
		}
	}
	for name, kind := range map[string]string{"class": "text", "folder": "text", "name": "text", "state": "text", "id": "text", "received": "date"} {
		types[name] = kind
	}
	for _, p := range f.DeliverAs.parts {
		switch kind := types[p.name]; {
		case p.name == "":
		case kind == "":
			v.add(key+".deliver_as", "deliver_as of folder %q has {%s}, which is a field of no class%s", f.Name, p.name, hint(p.name))
		case p.layout != "" && kind != "date":
			v.add(key+".deliver_as", "deliver_as of folder %q has {%s:%s}, but %q is no date; write {%s}", f.Name, p.name, p.layout, p.name, p.name)
		case p.layout != "" && !dated(p.layout):
			v.add(key+".deliver_as", "deliver_as of folder %q has {%s:%s}; write the date as the 2nd of January 2006 would be, such as {%s:2006-01}", f.Name, p.name, p.layout, p.name)
		}
	}
}

// dated is true for a layout that writes different days differently.
func dated(layout string) bool {
	one, other := time.Date(2019, 11, 23, 0, 0, 0, 0, time.UTC), time.Date(2034, 5, 16, 0, 0, 0, 0, time.UTC)
	return one.Format(layout) != other.Format(layout)
}
