package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// keyLines finds the line of every key, "folder.0.path" for those in the first
// [[folder]]. It is a scan by lines, good enough to point at: multi-line values
// hold no keys of ours.
func keyLines(data []byte) map[string]int {
	out := map[string]int{}
	section := ""
	tables := map[string]int{}
	for i, raw := range bytes.Split(data, []byte("\n")) {
		line := strings.TrimSpace(string(raw))
		switch {
		case strings.HasPrefix(line, "[[") && strings.Contains(line, "]]"):
			name := expand(strings.TrimSpace(line[2:strings.Index(line, "]]")]), tables)
			section = name + "." + strconv.Itoa(tables[name])
			tables[name]++
			out[section] = i + 1
		case strings.HasPrefix(line, "[") && strings.Contains(line, "]"):
			section = expand(strings.TrimSpace(line[1:strings.Index(line, "]")]), tables)
			out[section] = i + 1
		case line != "" && line[0] != '#' && strings.Contains(line, "="):
			key := strings.Trim(strings.TrimSpace(line[:strings.Index(line, "=")]), `"'`)
			if section != "" {
				key = section + "." + key
			}
			if _, seen := out[key]; !seen {
				out[key] = i + 1
			}
			_, value, _ := strings.Cut(line, "=")
			for _, inner := range inline(value) {
				out[key+"."+inner] = i + 1
			}
		}
	}
	return out
}

// inline are the keys of a table on one line, such as { engine = "azure" }. A comma
// in a text only names a key that nobody asks for.
func inline(value string) (keys []string) {
	value = strings.TrimSpace(value)
	if !strings.HasPrefix(value, "{") {
		return nil
	}
	for part := range strings.SplitSeq(strings.Trim(value, "{} "), ",") {
		if key, _, ok := strings.Cut(part, "="); ok {
			keys = append(keys, strings.TrimSpace(key))
		}
	}
	return keys
}

// expand puts the index of the current element into a nested table's name:
// class.field belongs to the last [[class]].
func expand(name string, tables map[string]int) string {
	parent, rest, nested := strings.Cut(name, ".")
	if n := tables[parent]; nested && n > 0 {
		return parent + "." + strconv.Itoa(n-1) + "." + rest
	}
	return name
}

// plain drops the indexes from a key: folder.0.path is folder.path.
func plain(key string) string {
	parts := slices.DeleteFunc(strings.Split(key, "."), func(p string) bool {
		_, err := strconv.Atoi(p)
		return err == nil
	})
	return strings.Join(parts, ".")
}

// unknownKeys names each key that is none of ours, with the nearest that is.
func unknownKeys(file string, meta toml.MetaData, lines map[string]int) []Problem {
	var out []Problem
	known := knownKeys(reflect.TypeFor[Config](), "")
	for _, key := range meta.Undecoded() {
		name := key.String()
		if strings.HasPrefix(name, "engine.") || strings.HasPrefix(name, "folder.split.") {
			continue // the engine's own keys, see ownKeys; a rule knows its own
		}
		out = append(out, unknown(file, name, known, lines))
	}
	return out
}

func unknown(file, name string, known []string, lines map[string]int) Problem {
	sentence := fmt.Sprintf("unknown key %q", name)
	if near := Nearest(name, known); near != "" {
		sentence += fmt.Sprintf("; did you mean %q?", near)
	}
	line := 0
	for key, at := range lines {
		// The decoder does not say in which element of a list it stands: the
		// last one is where a line was added most likely.
		if plain(key) == name && at > line {
			line = at
		}
	}
	return Problem{File: file, Line: line, Key: name, Sentence: sentence}
}

// knownKeys lists the keys a struct has, sections included.
func knownKeys(t reflect.Type, prefix string) []string {
	var out []string
	for f := range fieldsOf(t) {
		tag := f.Tag.Get("toml")
		if tag == "" {
			continue
		}
		key := prefix + tag
		out = append(out, key)
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			out = append(out, knownKeys(inner, key+".")...)
		}
	}
	return out
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// Nearest is the known key with the fewest edits, if they are few enough to be
// a slip of the finger or of the place.
func Nearest(name string, known []string) string {
	best, edits := "", len(name)/2+1
	for _, k := range known {
		if d := distance(name, k); d < edits {
			best, edits = k, d
		}
	}
	return best
}

// distance is Levenshtein's, with a swap of neighbours as one edit.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
