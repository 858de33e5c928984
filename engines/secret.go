package engines

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Secret is where a credential is found: never the credential itself, which is
// read when it is needed, so that it can be exchanged without a restart, and is
// kept nowhere. In the configuration it is { env = "NAME" } or { file = "PATH" }.
type Secret struct {
	Env  string
	File string
}

// UnmarshalTOML takes a table and refuses a credential written out.
func (s *Secret) UnmarshalTOML(v any) error {
	table, ok := v.(map[string]any)
	if !ok {
		return errors.New(`a secret is not written here; say where it is: { env = "NAME" } or { file = "PATH" }`)
	}
	for key, value := range table {
		text, ok := value.(string)
		switch {
		case !ok:
			return fmt.Errorf("%s must be a text", key)
		case key == "env":
			s.Env = text
		case key == "file":
			s.File = text
		default:
			return fmt.Errorf("%q is none of env and file", key)
		}
	}
	if (s.Env == "") == (s.File == "") {
		return errors.New("give one of env and file")
	}
	return nil
}

// IsZero is true where no place is given.
func (s Secret) IsZero() bool { return s == Secret{} }

// Read returns the credential without white space around it. An error is
// terminal, names the place and never the credential.
func (s Secret) Read() (string, error) {
	missing := func(where string, cause error) error {
		return &Error{Kind: Terminal, Code: CodeAuth, Sentence: "The credential is missing: " + where, Cause: cause}
	}
	if s.File != "" {
		data, err := os.ReadFile(s.File)
		if err != nil {
			return "", missing("the file "+s.File+" cannot be read.", err)
		}
		if text := strings.TrimSpace(string(data)); text != "" {
			return text, nil
		}
		return "", missing("the file "+s.File+" is empty.", nil)
	}
	if text := strings.TrimSpace(os.Getenv(s.Env)); text != "" {
		return text, nil
	}
	return "", missing("the environment variable "+s.Env+" is not set for the service.", nil)
}

// String names the place.
func (s Secret) String() string {
	if s.File != "" {
		return "file " + s.File
	}
	return "env " + s.Env
}
