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
