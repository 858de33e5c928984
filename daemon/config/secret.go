package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// UnmarshalTOML takes a table with env or file, never the secret itself.
func (s *Secret) UnmarshalTOML(v any) error {
	table, ok := v.(map[string]any)
	if !ok {
		return errors.New(`a secret does not belong into this file; write { env = "NAME" } or { file = "PATH" }`)
	}
	for key, value := range table {
		text, ok := value.(string)
		if !ok || text == "" {
			return fmt.Errorf("a secret's %s must be a name", key)
		}
		switch key {
		case "env":
			s.env = text
		case "file":
			s.file = text
		default:
			return fmt.Errorf("a secret has env or file, not %q", key)
		}
	}
	if (s.env == "") == (s.file == "") {
		return errors.New("a secret has either env or file")
	}
	return nil
}

// within has a relative path begin at the configuration's folder, as all others do: a
// service has another working folder than whoever tries the file.
func (s *Secret) within(dir string) {
	if s.file != "" {
		s.file = absolute(s.file, dir)
	}
}

// secretIn is the secret that a table among an engine's own keys names, or none.
func secretIn(table map[string]any) (s Secret) {
	if env, ok := table["env"].(string); ok && len(table) == 1 {
		s.env = env
	} else if file, ok := table["file"].(string); ok && len(table) == 1 {
		s.file = file
	}
	return s
}

// eachSecret calls found for all secrets among an engine's own keys.
func eachSecret(v any, found func(table map[string]any, s Secret)) {
	switch v := v.(type) {
	case map[string]any:
		if s := secretIn(v); s != (Secret{}) {
			found(v, s)
			return
		}
		for key, one := range v {
			if key != "fields" && key != "names" && key != "types" { // words of the provider's
				eachSecret(one, found)
			}
		}
	case []map[string]any:
		for _, one := range v {
			eachSecret(one, found)
		}
	case []any:
		for _, one := range v {
			eachSecret(one, found)
		}
	}
}

// Reveal reads the secret now. Its errors name the place, never the content.
func (s Secret) Reveal() (string, error) {
	if s.env != "" {
		if v := os.Getenv(s.env); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("the environment variable %s is not set", s.env)
	}
	data, err := os.ReadFile(s.file)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if v := strings.TrimSpace(string(data)); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("the secret file %s is empty", s.file)
}
