package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/BurntSushi/toml"

	"intray/engines"
)

// EngineSettings is the section of one engine as its factory wants it. Its
// Decode reports keys the engine does not have as *Problems.
func (c *Config) EngineSettings(name string) (engines.Settings, error) {
	e, ok := c.Engines[name]
	if !ok {
		return engines.Settings{}, fmt.Errorf("there is no [engine.%s]", name)
	}
	return engines.Settings{Name: name, Languages: e.Languages, ModelDir: c.modelDir, Decode: func(into any) error {
		return decodeOwn(c.file, c.lines, name, e.Own, into)
	}}, nil
}

// ModelDir is where `intray languages add` puts models; "" where no file was loaded.
// It need not exist. It stays where it is for who works in another data folder.
func (c *Config) ModelDir() string { return c.modelDir }

// Complaint is a problem that was found later, about the value of a key such as
// "class.0.rule.1.check".
func (c *Config) Complaint(key, sentence string) *Problems {
	return &Problems{[]Problem{{File: c.file, Line: lineOf(c.lines, key), Key: key, Sentence: sentence}}}
}

func decodeOwn(file string, lines map[string]int, name string, own map[string]any, into any) error {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(own); err != nil {
		return fmt.Errorf("settings of engine %s: %w", name, err)
	}
	meta, err := toml.NewDecoder(&text).Decode(into)
	if err != nil {
		return &Problems{[]Problem{{File: file, Line: lines["engine."+name], Key: "engine." + name,
			Sentence: fmt.Sprintf("[engine.%s]: %s", name, undecoded(file, nil, err).Sentence)}}}
	}
	prefix := "engine." + name + "."
	known := append(knownKeys(reflect.TypeOf(into).Elem(), prefix), prefix+"kind", prefix+"languages")
	for _, key := range cloudKeys() {
		known = append(known, prefix+key)
	}
	var problems []Problem
	for _, key := range meta.Undecoded() {
		problems = append(problems, unknown(file, prefix+key.String(), known, lines))
	}
	if len(problems) > 0 {
		return &Problems{problems}
	}
	return nil
}

// EncodeSettings writes one engine's section as TOML, for a worker process.
func (c *Config) EncodeSettings(name string) (string, error) {
	e, ok := c.Engines[name]
	if !ok {
		return "", fmt.Errorf("there is no [engine.%s]", name)
	}
	section := maps.Clone(e.Own)
	if section == nil {
		section = map[string]any{}
	}
	section["kind"], section["languages"] = e.Kind, e.Languages
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(section); err != nil {
		return "", fmt.Errorf("encode settings of engine %s: %w", name, err)
	}
	return text.String(), nil
}

// DecodeSettings is the other end of EncodeSettings.
func DecodeSettings(name, text string) (engines.Settings, error) {
	var section map[string]any
	if _, err := toml.Decode(text, &section); err != nil {
		return engines.Settings{}, fmt.Errorf("settings of engine %s: %w", name, err)
	}
	var e Engine
	if err := e.UnmarshalTOML(section); err != nil {
		return engines.Settings{}, errors.Join(fmt.Errorf("settings of engine %s", name), err)
	}
	return (&Config{Engines: map[string]Engine{name: e}}).EngineSettings(name)
}
