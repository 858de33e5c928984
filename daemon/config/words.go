package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// lineOf is the line of a key, or of the section it would stand in if it is not
// written; 0 for neither.
func lineOf(lines map[string]int, key string) int {
	for {
		if line := lines[key]; line > 0 {
			return line
		}
		at := strings.LastIndexByte(key, '.')
		if at < 0 {
			return 0
		}
		key = key[:at]
	}
}

// undecoded puts a decoding error into words.
func undecoded(file string, data []byte, err error) Problem {
	p := Problem{File: file, Sentence: strings.TrimPrefix(err.Error(), "toml: ")}
	var parse toml.ParseError
	if errors.As(err, &parse) {
		p.Line, p.Key = parse.Position.Line, parse.LastKey
		if parse.Message != "" {
			p.Sentence = parse.Message
		} else {
			p.Sentence = strings.TrimPrefix(parse.Error(), "toml: ")
		}
	} else if m := positioned.FindStringSubmatch(p.Sentence); m != nil {
		p.Line, _ = strconv.Atoi(m[1]) // digits by the pattern
		p.Key, p.Sentence = m[2], m[3]
	}
	line := ""
	if all := bytes.Split(data, []byte("\n")); p.Line > 0 && p.Line <= len(all) {
		line = strings.TrimSpace(string(all[p.Line-1]))
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 { // UTF-16 is full of zeros
		p.Sentence = "the file is not saved as UTF-8; save it anew with that encoding, which the editor's \"Save as\" offers"
		return p
	}
	said := inWords(p.Key, p.Sentence, line)
	if said == p.Sentence && p.Key != "" && !strings.Contains(said, p.Key) {
		said = p.Key + ": " + said
	}
	p.Sentence = said
	return p
}

var (
	// positioned is how the decoder reports a value of the wrong type.
	positioned = regexp.MustCompile(`(?s)^line (\d+) \(last key "(.+?)"\): (.*)$`)
	mistyped   = regexp.MustCompile(`^incompatible types: TOML value has type (\S+); destination has type (\S+)$`)
	twice      = regexp.MustCompile(`^Key '(.+)' has already been defined`)
)

// inWords is what the decoder says, as what to change; as it is when there are no
// better words. line is the one it is about.
func inWords(key, message, line string) string {
	name := key[strings.LastIndexByte(key, '.')+1:]
	if m := twice.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s stands twice in the same section; keep one of the two lines", m[1])
	}
	switch {
	case strings.HasPrefix(message, "invalid escape"):
		return fmt.Sprintf(`%s has a backslash in double quotes, where it has a meaning of its own; write paths of Windows in single quotes: %s = 'C:\Scans'`, key, name)
	case strings.Contains(message, "cannot contain newlines"):
		return fmt.Sprintf("%s begins with a quote that does not end in the same line", key)
	}
	if strings.HasPrefix(message, "type mismatch for ") {
		return fmt.Sprintf("%s must be a section of its own, [%s]", key, key)
	}
	m := mistyped.FindStringSubmatch(message)
	if m == nil {
		return message
	}
	switch m[2] {
	case "slice":
		if strings.HasPrefix(line, "[") {
			return fmt.Sprintf("there may be several %s sections, so each begins with two brackets: write [[%s]] and not [%s]", key, key, key)
		}
		if _, value, ok := strings.Cut(line, "="); ok && m[1] == "string" && !strings.Contains(value, "#") {
			return fmt.Sprintf("%s must be a list; write it in brackets: %s = [%s]", key, name, strings.TrimSpace(value))
		}
		return fmt.Sprintf("%s must be a list; write it in brackets, such as %s = [\"...\"]", key, name)
	case "integer":
		return fmt.Sprintf("%s must be a whole number without quotes, such as %s = 10", key, name)
	case "float":
		return fmt.Sprintf("%s must be a number without quotes, such as %s = 0.5", key, name)
	case "boolean":
		return fmt.Sprintf("%s must be true or false, without quotes", key)
	case "string":
		if _, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(strings.TrimSpace(value), "[") {
			return fmt.Sprintf("each entry of the list %s must be text in quotes", key)
		}
		return fmt.Sprintf("%s must be text in quotes, such as %s = \"...\"", key, name)
	}
	return fmt.Sprintf("%s has a value of the wrong kind", key)
}
