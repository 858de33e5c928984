package syntax

import (
	"math"
	"strconv"
)

// Numbers and references (ISO 32000-1, 7.3.3 and 7.3.10).

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
