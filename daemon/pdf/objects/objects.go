// Package objects reads the objects of a PDF as they stand in it: an object is
// the bytes between "obj" and "endobj", and whoever copies one copies those.
//
// Nothing is decoded that nobody asks for, so a file of a gigabyte takes as much
// memory as its cross-reference table. Nothing is repaired either: a file whose
// table does not fit its objects is refused, for another to rewrite it first. It
// writes nothing and knows nothing of what pages mean.
//
// It parses untrusted bytes and therefore runs only in worker processes. Clauses
// are those of ISO 32000-1.
package objects

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Ref names an indirect object (7.3.10).
type Ref struct{ Number, Generation int }

func (r Ref) String() string { return fmt.Sprintf("%d %d R", r.Number, r.Generation) }

// Value is an object as it is written: `12`, `(text)`, `<< /A 1 >>`, `5 0 R`.
// nil stands for an absent object and for null, which mean the same (7.3.9).
type Value []byte

// Ref is set for a reference.
func (v Value) Ref() (r Ref, ok bool) {
	l := Lexer{Data: v}
	number, generation, mark := l.Next(), l.Next(), l.Next()
	if number.Kind != Number || generation.Kind != Number || mark.Kind != Keyword || string(v[mark.Start:mark.End]) != "R" {
		return Ref{}, false
	}
	n, err1 := strconv.Atoi(string(v[number.Start:number.End]))
	g, err2 := strconv.Atoi(string(v[generation.Start:generation.End]))
	return Ref{n, g}, err1 == nil && err2 == nil && n > 0 && n <= MaxNumber && g >= 0 && g <= 65535
}

// Int is set for a whole number.
func (v Value) Int() (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimPrefix(string(v), "+"), 10, 64)
	return n, err == nil
}

// Float is set for any number.
func (v Value) Float() (float64, bool) {
	if len(v) == 0 || !bytes.ContainsRune([]byte("+-.0123456789"), rune(v[0])) || bytes.ContainsAny(v, "eExXpPiInN_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return f, err == nil
}

// Bool is true for the word true.
func (v Value) Bool() bool { return string(v) == "true" }

// Name is the name without its slash, #xx undone (7.3.5); "" is none.
func (v Value) Name() string {
	if len(v) == 0 || v[0] != '/' {
		return ""
	}
	name := v[1:]
	if bytes.IndexByte(name, '#') < 0 {
		return string(name)
	}
	var out []byte
	for i := 0; i < len(name); i++ {
		if name[i] == '#' && i+2 < len(name) {
			if b, err := strconv.ParseUint(string(name[i+1:i+3]), 16, 8); err == nil {
				out, i = append(out, byte(b)), i+2
				continue
			}
		}
		out = append(out, name[i])
	}
	return string(out)
}

// Array lists an array's elements; ok is false for anything else.
func (v Value) Array() (out []Value, ok bool) {
	l := Lexer{Data: v}
	if l.Next().Kind != ArrayOpen {
		return nil, false
	}
	for {
		at := l.Pos
		if l.Next().Kind == ArrayClose {
			return out, true
		}
		l.Pos = at
		element, err := l.Value()
		if err != nil {
			return nil, false
		}
		out = append(out, element)
	}
}

// Entry is a key of a dictionary with its value; raw is the key as written.
type Entry struct {
	Key   string
	Value Value
	raw   []byte
}

// Dict is a dictionary in the order of the file (7.3.7).
type Dict []Entry

// Dict reads a dictionary; ok is false for anything else.
func (v Value) Dict() (d Dict, ok bool) {
	l := Lexer{Data: v}
	if l.Next().Kind != DictOpen {
		return nil, false
	}
	for {
		t := l.Next()
		if t.Kind == DictClose {
			return d, true
		}
		if t.Kind != Name {
			return nil, false
		}
		value, err := l.Value()
		if err != nil {
			return nil, false
		}
		key := v[t.Start:t.End]
		d = append(d, Entry{Key: key.Name(), Value: value, raw: key})
	}
}

// Get is the value of key as it stands; nil where there is none or null. Of a
// key that stands twice the last counts, as for most readers.
func (d Dict) Get(key string) Value {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i].Key == key {
			if string(d[i].Value) == "null" {
				return nil
			}
			return d[i].Value
		}
	}
	return nil
}

// With is a copy of d in which key has the value.
func (d Dict) With(key string, v Value) Dict {
	return append(d.Without(key), Entry{Key: key, Value: v})
}

// Without is a copy of d without keys.
func (d Dict) Without(keys ...string) Dict {
	out := make(Dict, 0, len(d)+1)
next:
	for _, e := range d {
		for _, key := range keys {
			if e.Key == key {
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}

// Value writes the dictionary.
func (d Dict) Value() Value {
	return append(d.append([]byte("<<")), " >>"...)
}

// Entries writes the dictionary without its brackets.
func (d Dict) Entries() []byte { return bytes.TrimSpace(d.append(nil)) }

func (d Dict) append(out []byte) []byte {
	for _, e := range d {
		out = append(out, ' ')
		if e.raw != nil {
			out = append(out, e.raw...)
		} else {
			out = append(out, NameOf(e.Key)...)
		}
		out = append(append(out, ' '), e.Value...)
	}
	return out
}

// NameOf writes a name (7.3.5).
func NameOf(s string) Value {
	out := Value{'/'}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7F || c == '#' || isDelimiter(c) {
			out = fmt.Appendf(out, "#%02X", c)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// Refs calls f for every reference within v, however deep.
func (v Value) Refs(f func(Ref)) {
	v.eachRef(func(r Ref, _, _ int) { f(r) })
}

// Renumber writes v with every reference replaced by what to says; everything
// else stays byte for byte.
func (v Value) Renumber(to func(Ref) Value) Value {
	out, done := make(Value, 0, len(v)+16), 0
	v.eachRef(func(r Ref, start, end int) {
		out = append(append(out, v[done:start]...), to(r)...)
		done = end
	})
	return append(out, v[done:]...)
}

// eachRef finds "number generation R".
func (v Value) eachRef(f func(r Ref, start, end int)) {
	l := Lexer{Data: v}
	var a, b Token
	for t := l.Next(); t.Kind != End && t.Kind != Bad; t = l.Next() {
		if t.Kind == Keyword && t.End-t.Start == 1 && v[t.Start] == 'R' && a.Kind == Number && b.Kind == Number {
			if r, ok := v[a.Start:t.End].Ref(); ok {
				f(r, a.Start, t.End)
			}
		}
		a, b = b, t
	}
}

// Bytes are those of a string (7.3.4); nil for anything else.
func (v Value) Bytes() []byte {
	switch {
	case len(v) >= 2 && v[0] == '(':
		return literalBytes(v[1 : len(v)-1])
	case len(v) >= 2 && v[0] == '<' && v[1] != '<':
		digits := make([]byte, 0, len(v))
		for _, c := range v[1 : len(v)-1] {
			if !isSpace(c) {
				digits = append(digits, c)
			}
		}
		if len(digits)%2 == 1 {
			digits = append(digits, '0')
		}
		out, err := hex.AppendDecode(nil, digits)
		if err != nil {
			return nil
		}
		return out
	}
	return nil
}

// literalBytes undoes the escapes of a literal string (7.3.4.2).
func literalBytes(s []byte) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\r' { // an end of line is a line feed
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			out = append(out, '\n')
			continue
		}
		if c != '\\' || i+1 == len(s) {
			out = append(out, c)
			continue
		}
		i++
		switch c = s[i]; {
		case c >= '0' && c <= '7':
			n := 0
			for end := min(i+3, len(s)); i < end && s[i] >= '0' && s[i] <= '7'; i++ {
				n = n*8 + int(s[i]-'0')
			}
			i--
			out = append(out, byte(n))
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n':
			i++ // a line that goes on
		case c == '\r' || c == '\n':
		default:
			if at := bytes.IndexByte([]byte("nrtbf"), c); at >= 0 {
				c = "\n\r\t\b\f"[at]
			}
			out = append(out, c)
		}
	}
	return out
}
