package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Template is where and under which name documents are delivered: a path below
// the output folder in which {name} stands for a value and {name:2006-01} for a
// date in Go's layout, such as
//
//	{class}/{issue_date:2006}/{seller_name}-{invoice_number}
type Template struct {
	text  string
	parts []placeholder
}

// placeholder is a text that stands as it is, and a value after it.
type placeholder struct{ text, name, layout string }

var place = regexp.MustCompile(`\{([a-z][a-z0-9_]*)(?::([^{}]+))?\}`)

// ParseTemplate reads one; the error says what is wrong with it.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	rest := text
	for _, m := range place.FindAllStringSubmatchIndex(text, -1) {
		at := m[0] - (len(text) - len(rest))
		p := placeholder{text: rest[:at], name: text[m[2]:m[3]]}
		if m[4] >= 0 {
			p.layout = text[m[4]:m[5]]
		}
		t.parts = append(t.parts, p)
		rest = text[m[1]:]
	}
	t.parts = append(t.parts, placeholder{text: rest})
	for _, p := range t.parts {
		if strings.ContainsAny(p.text, `{}\`) {
			return t, fmt.Errorf("%q: write a value as {name} or {name:2006-01-02}, and folders with /", text)
		}
	}
	if strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") || len(t.parts) == 1 {
		return t, fmt.Errorf("%q: it must be a path below output, with a value such as {name} in it, that ends in a file's name", text)
	}
	return t, nil
}

// Given is false for the template of a folder that has none.
func (t Template) Given() bool { return t.text != "" }

// UnmarshalText reads a template; "" is none.
func (t *Template) UnmarshalText(text []byte) (err error) {
	*t = Template{}
	if len(text) > 0 {
		*t, err = ParseTemplate(string(text))
	}
	return err
}

// MarshalText writes what UnmarshalText reads.
func (t Template) MarshalText() ([]byte, error) { return []byte(t.text), nil }

// unknown for a value that the document has not.
const noValue = "unknown"

// longestElement bounds a folder's or file's name, in bytes; endings and the hash
// of a taken name still fit.
const longestElement = 100

// Fill gives the folder, relative to output, and the name without ending. safe
// makes a name one that every system takes.
func (t Template) Fill(value, safe func(string) string) (dir, stem string) {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		if p.name == "" {
			continue
		}
		v := strings.TrimSpace(value(p.name))
		if p.layout != "" {
			if day, err := time.Parse(time.DateOnly, v); err == nil {
				v = day.Format(p.layout)
			} else {
				v = ""
			}
		}
		if v == "" {
			v = noValue
		}
		// A value is part of one name, whatever is in it.
		b.WriteString(strings.Map(func(r rune) rune {
			if r == '/' || r == '\\' {
				return '-'
			}
			return r
		}, v))
	}
	elements := strings.Split(b.String(), "/")
	for i, e := range elements {
		if e = strings.ToValidUTF8(e[:min(len(e), longestElement)], ""); strings.Trim(e, ". ") == "" {
			e = noValue
		}
		elements[i] = safe(e)
	}
	last := len(elements) - 1
	return filepath.Join(elements[:last]...), elements[last]
}
