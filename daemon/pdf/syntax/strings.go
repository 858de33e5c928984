package syntax

import "bytes"

// Names and strings (ISO 32000-1, 7.3.4 and 7.3.5).

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
