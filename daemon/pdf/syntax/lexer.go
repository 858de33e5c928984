package syntax

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// Parse reads one direct object, such as the value of an entry.
func Parse(data []byte) (Object, error) {
	l := lexer{data: data, refs: true}
	o, err := l.next(maxDepth)
	if _, word := o.(keyword); word {
		return nil, l.complain("no object")
	}
	return o, err
}

// lexer reads objects from data.
type lexer struct {
	data   []byte
	pos    int
	faults Faults
	// refs says that "1 0 R" is a reference: in files, not in content streams.
	refs bool
	// partial says that more bytes follow those in data: a word that touches
	// their end may be cut.
	partial bool
}

// keyword is a word that is no object: an operator, "endobj" and so on.
type keyword string

// closing are the delimiters that end an array or dictionary.
const (
	closeArray keyword = "]"
	closeDict  keyword = ">>"
)

// Character classes (ISO 32000-1, 7.2.2).
func white(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0 || c == '\f'
}

func delimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

func regular(c byte) bool { return !white(c) && !delimiter(c) }

// space skips white space and comments.
func (l *lexer) space() {
	for l.pos < len(l.data) {
		switch c := l.data[l.pos]; {
		case white(c):
			l.pos++
		case c == '%':
			for l.pos < len(l.data) && l.data[l.pos] != '\n' && l.data[l.pos] != '\r' {
				l.pos++
			}
		default:
			return
		}
	}
}

func (l *lexer) complain(format string, args ...any) error {
	return fmt.Errorf("%w at %d: %s", ErrSyntax, l.pos, fmt.Sprintf(format, args...))
}

// next reads an object or a keyword. depth is how deep it may nest yet.
func (l *lexer) next(depth int) (Object, error) {
	o, err := l.read(depth)
	if l.partial && l.pos >= len(l.data) {
		return nil, errEnd
	}
	return o, err
}

func (l *lexer) read(depth int) (Object, error) {
	l.space()
	if l.pos >= len(l.data) {
		return nil, errEnd
	}
	switch c := l.data[l.pos]; {
	case c == '/':
		return l.name()
	case c == '(':
		return l.literal()
	case c == '<':
		if l.pos+1 >= len(l.data) {
			return nil, errEnd
		}
		if l.data[l.pos+1] == '<' {
			l.pos += 2
			return l.dict(depth)
		}
		return l.hex()
	case c == '[':
		l.pos++
		return l.array(depth)
	case c == ']':
		l.pos++
		return closeArray, nil
	case c == '>':
		if l.pos+1 < len(l.data) && l.data[l.pos+1] == '>' {
			l.pos += 2
			return closeDict, nil
		}
		return nil, l.complain("a lone >")
	case c == '+' || c == '-' || c == '.' || c >= '0' && c <= '9':
		return l.numberOrRef()
	case regular(c):
		return l.word(), nil
	default: // { } )
		l.pos++
		return keyword(c), nil
	}
}

func (l *lexer) word() Object {
	start := l.pos
	for l.pos < len(l.data) && regular(l.data[l.pos]) {
		l.pos++
	}
	w := l.data[start:l.pos]
	switch string(w) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if known, ok := operators[string(w)]; ok {
		return known
	}
	return keyword(w)
}

func (l *lexer) name() (Object, error) {
	l.pos++
	start := l.pos
	escaped := false
	for l.pos < len(l.data) && regular(l.data[l.pos]) {
		escaped = escaped || l.data[l.pos] == '#'
		l.pos++
	}
	raw := l.data[start:l.pos]
	if len(raw) > 127 {
		l.faults |= FaultName
	}
	if !escaped {
		return Name(raw), nil
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' {
			if i+2 < len(raw) && hexValue(raw[i+1]) >= 0 && hexValue(raw[i+2]) >= 0 {
				out = append(out, byte(hexValue(raw[i+1])<<4|hexValue(raw[i+2])))
				i += 2
				continue
			}
			l.faults |= FaultName
		}
		out = append(out, raw[i])
	}
	return Name(out), nil
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func (l *lexer) hex() (Object, error) {
	l.pos++
	end := bytes.IndexByte(l.data[l.pos:], '>')
	if end < 0 {
		l.pos = len(l.data)
		return nil, errEnd
	}
	out := make([]byte, 0, (end+1)/2)
	digits, half := 0, 0
	for ; l.pos < len(l.data); l.pos++ {
		c := l.data[l.pos]
		if c == '>' {
			l.pos++
			if digits%2 == 1 {
				l.faults |= FaultHexOdd
				out = append(out, byte(half<<4))
			}
			return l.stringOf(out), nil
		}
		v := hexValue(c)
		if v < 0 {
			if !white(c) {
				l.faults |= FaultHexDigit
			}
			continue
		}
		if digits%2 == 1 {
			out = append(out, byte(half<<4|v))
		}
		half = v
		digits++
	}
	return nil, errEnd
}

func (l *lexer) stringOf(b []byte) String {
	if len(b) > 32767 {
		l.faults |= FaultString
	}
	return String(b)
}

// literal reads a string in parentheses (ISO 32000-1, 7.3.4.2).
func (l *lexer) literal() (Object, error) {
	l.pos++
	var out []byte
	for depth := 1; l.pos < len(l.data); {
		c := l.data[l.pos]
		l.pos++
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return l.stringOf(out), nil
			}
		case '\\':
			b, ok := l.escape()
			if !ok {
				return nil, errEnd
			}
			out = append(out, b...)
			continue
		case '\r':
			if l.pos < len(l.data) && l.data[l.pos] == '\n' {
				l.pos++
			}
			c = '\n'
		}
		out = append(out, c)
	}
	return nil, errEnd
}

// escape reads what follows a backslash.
func (l *lexer) escape() ([]byte, bool) {
	if l.pos >= len(l.data) {
		return nil, false
	}
	c := l.data[l.pos]
	l.pos++
	switch c {
	case 'n':
		return []byte{'\n'}, true
	case 'r':
		return []byte{'\r'}, true
	case 't':
		return []byte{'\t'}, true
	case 'b':
		return []byte{'\b'}, true
	case 'f':
		return []byte{'\f'}, true
	case '\n':
		return nil, true
	case '\r':
		if l.pos < len(l.data) && l.data[l.pos] == '\n' {
			l.pos++
		}
		return nil, true
	}
	if c < '0' || c > '7' {
		return []byte{c}, true
	}
	v := int(c - '0')
	for range 2 {
		if l.pos < len(l.data) && l.data[l.pos] >= '0' && l.data[l.pos] <= '7' {
			v = v<<3 | int(l.data[l.pos]-'0')
			l.pos++
		}
	}
	return []byte{byte(v)}, true
}

func (l *lexer) array(depth int) (Object, error) {
	if depth <= 0 {
		return nil, l.complain("nested too deeply")
	}
	out := Array{}
	for {
		o, err := l.next(depth - 1)
		if err != nil {
			return nil, err
		}
		if k, ok := o.(keyword); ok {
			if k == closeArray {
				return out, nil
			}
			return nil, l.complain("%.20q in an array", string(k))
		}
		if len(out) >= maxElements {
			return nil, l.complain("an array with too many elements")
		}
		out = append(out, o)
	}
}

func (l *lexer) dict(depth int) (Object, error) {
	if depth <= 0 {
		return nil, l.complain("nested too deeply")
	}
	out := Dict{}
	for {
		k, err := l.next(depth - 1)
		if err != nil {
			return nil, err
		}
		if k == closeDict {
			return out, nil
		}
		key, ok := k.(Name)
		if !ok {
			return nil, l.complain("a key of a dictionary is no name")
		}
		v, err := l.next(depth - 1)
		if err != nil {
			return nil, err
		}
		if w, ok := v.(keyword); ok {
			return nil, l.complain("%.20q in a dictionary", string(w))
		}
		if _, twice := out[key]; twice {
			l.faults |= FaultDuplicateKey
		}
		if len(out) >= maxElements {
			return nil, l.complain("a dictionary with too many entries")
		}
		out[key] = v
	}
}

// numberOrRef reads a number, and in files a reference where two more words
// make it one.
func (l *lexer) numberOrRef() (Object, error) {
	start := l.pos
	o, err := l.number()
	n, whole := o.(int64)
	if err != nil || !l.refs || !whole || n < 0 || n > math.MaxInt32 || l.data[start] == '+' {
		return o, err
	}
	after := l.pos
	generation, ok := l.plain()
	if !ok {
		l.pos = after
		return o, nil
	}
	l.space()
	if l.pos >= len(l.data) && l.partial {
		return nil, errEnd
	}
	if l.pos < len(l.data) && l.data[l.pos] == 'R' && (l.pos+1 == len(l.data) || !regular(l.data[l.pos+1])) {
		l.pos++
		return Ref{int(n), generation}, nil
	}
	l.pos = after
	return o, nil
}

// plain reads a generation number.
func (l *lexer) plain() (int, bool) {
	l.space()
	v, start := 0, l.pos
	for l.pos < len(l.data) && l.data[l.pos] >= '0' && l.data[l.pos] <= '9' {
		if l.pos-start >= 5 {
			return 0, false
		}
		v = v*10 + int(l.data[l.pos]-'0')
		l.pos++
	}
	return v, l.pos > start && l.pos < len(l.data) && !regular(l.data[l.pos])
}

// number reads an integer or a real number (ISO 32000-1, 7.3.3).
func (l *lexer) number() (Object, error) {
	start := l.pos
	digits, dots, strange := 0, 0, false
	whole := int64(0)
	for ; l.pos < len(l.data) && regular(l.data[l.pos]); l.pos++ {
		switch c := l.data[l.pos]; {
		case c >= '0' && c <= '9':
			if digits++; dots == 0 && whole < math.MaxInt64/20 {
				whole = whole*10 + int64(c-'0')
			}
		case c == '.':
			dots++
		case (c == '+' || c == '-') && l.pos == start:
		default:
			strange = true
		}
	}
	text := l.data[start:l.pos]
	if digits == 0 || dots > 1 || strange {
		l.faults |= FaultNumber
		if digits == 0 && dots == 0 || strange && !numeric(text) {
			return keyword(text), nil // such as "-foo", which is no number at all
		}
		v, _ := strconv.ParseFloat(string(firstNumber(text)), 64)
		return v, nil
	}
	if dots == 1 {
		v, err := strconv.ParseFloat(string(text), 64)
		if err != nil || math.Abs(v) > 3.403e38 {
			l.faults |= FaultReal
		}
		return v, nil
	}
	if text[0] == '-' {
		whole = -whole
	}
	if whole > math.MaxInt32 || whole < math.MinInt32 {
		l.faults |= FaultInteger
	}
	return whole, nil
}

// numeric is true for text of signs, digits and points, such as "12-3".
func numeric(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// firstNumber is the number that text begins with, doubled signs left out.
func firstNumber(text []byte) []byte {
	i, dot := 0, false
	for i+1 < len(text) && (text[i] == '-' || text[i] == '+') && (text[i+1] == '-' || text[i+1] == '+') {
		i++
	}
	text = text[i:]
	for i = 0; i < len(text); i++ {
		c := text[i]
		if c == '.' && !dot {
			dot = true
		} else if (c < '0' || c > '9') && i > 0 {
			return text[:i]
		}
	}
	return text
}
