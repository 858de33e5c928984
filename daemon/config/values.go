package config

import (
	"encoding"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Value is one key as it holds, for people to read. Section is such as "web",
// `folder "desk"` or "engine.local", "" for the keys above all sections. Line is
// where it stands in the file, 0 for a default. Secrets are named by where they
// lie, never shown.
type Value struct {
	Section, Key, Text string
	Line               int
}

// Values lists the configuration as it was read. Classes are named only: their
// fields and rules fill pages.
func (c *Config) Values() []Value {
	var out []Value
	out = append(out, c.valuesOf("", "", reflect.ValueOf(*c))...)
	for _, s := range []struct {
		name string
		of   any
	}{{"retry", c.Retry}, {"limits", c.Limits}, {"pdf", c.PDF}, {"web", c.Web}, {"webhooks", c.Webhooks}} {
		out = append(out, c.valuesOf(s.name, s.name+".", reflect.ValueOf(s.of))...)
	}
	for i, f := range c.Folders {
		out = append(out, c.valuesOf(fmt.Sprintf("folder %q", f.Name), fmt.Sprintf("folder.%d.", i), reflect.ValueOf(f))...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Engines)) {
		out = append(out, c.engineValues(name)...)
	}
	for i, r := range c.Receivers {
		out = append(out, c.valuesOf(fmt.Sprintf("receiver %q", r.Name), fmt.Sprintf("receiver.%d.", i), reflect.ValueOf(r))...)
	}
	var names []string
	for _, class := range c.Classes {
		names = append(names, class.Name)
	}
	return append(out, Value{Section: "class", Key: "name", Text: strings.Join(names, ", "), Line: c.lines["class.0"]})
}

// valuesOf lists the plain keys of one section; those that are sections have
// their own.
func (c *Config) valuesOf(section, prefix string, v reflect.Value) (out []Value) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("toml")
		if tag == "" {
			continue
		}
		text, ok := plainText(v.Field(i).Interface())
		if !ok {
			continue
		}
		out = append(out, Value{Section: section, Key: tag, Text: text, Line: c.lines[prefix+tag]})
	}
	return out
}

func (c *Config) engineValues(name string) []Value {
	e, section := c.Engines[name], "engine."+name
	out := []Value{{section, "kind", e.Kind, c.lines[section+".kind"]}, {section, "languages", strings.Join(e.Languages, ", "), c.lines[section+".languages"]}}
	if !e.Cloud.IsZero() {
		out = append(out, c.valuesOf(section, section+".", reflect.ValueOf(e.Cloud.Completed()))...)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Own)) {
		out = append(out, Value{section, key, ownText(e.Own[key]), c.lines[section+"."+key]})
	}
	return out
}

// plainText is a value on one line; ok is false for sections.
func plainText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case Secret:
		return v.Place(), true
	case string:
		return withoutSecrets(v), true
	case []string:
		return strings.Join(v, ", "), true
	case EngineList:
		return strings.Join(v, ", "), true
	case encoding.TextMarshaler:
		data, err := v.MarshalText()
		return string(data), err == nil
	case bool, int, int64, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}

// Place says where a secret lies, not what it is.
func (s Secret) Place() string {
	switch {
	case s.env != "":
		return "environment variable " + s.env
	case s.file != "":
		return "file " + s.file
	}
	return ""
}

// ownText is a value of a key that only the engine knows. What may be a secret
// is named by its place.
func ownText(v any) string {
	switch v := v.(type) {
	case string:
		return withoutSecrets(v)
	case map[string]any:
		if s := secretIn(v); s != (Secret{}) {
			return s.Place()
		}
		return strconv.Itoa(len(v)) + " keys: " + strings.Join(slices.Sorted(maps.Keys(v)), ", ")
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, ownText(one))
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprint(v)
}

// MissingSecrets says, a sentence each, which of the credentials the engine's own
// keys name cannot be read now. It names places and never a credential.
func (e Engine) MissingSecrets() []string { return missingIn(e.Own) }

func missingIn(v any) (out []string) {
	eachSecret(v, func(_ map[string]any, s Secret) {
		if _, err := s.Reveal(); err != nil {
			out = append(out, err.Error())
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// withoutSecrets hides what an address may carry beside the address.
func withoutSecrets(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	if u.User != nil {
		u.User = url.User("hidden")
	}
	if u.RawQuery != "" {
		u.RawQuery = "hidden"
	}
	return u.String()
}
