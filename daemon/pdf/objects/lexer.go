package objects

import (
	"errors"
	"io"
)

// Kind is what a token is.
type Kind byte

// The kinds of tokens (7.2, 7.3). Keyword is every word that is none of the
// others: obj, true, R, an operator of a content stream.
const (
	End Kind = iota
	Bad      // a string or a bracket that does not end or begin
	Number
	Name
	String
	HexString
	ArrayOpen
	ArrayClose
	DictOpen
	DictClose
	Keyword
)

// Token is a piece of Lexer.Data: Data[Start:End].
type Token struct {
	Kind       Kind
	Start, End int
}

// Lexer cuts bytes into tokens. It serves files and content streams alike.
type Lexer struct {
	Data []byte
	Pos  int
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isDelimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

// skip passes white space and comments (7.2.3).
func (l *Lexer) skip() {
	for l.Pos < len(l.Data) {
		c := l.Data[l.Pos]
		switch {
		case c == '%':
			for l.Pos < len(l.Data) && l.Data[l.Pos] != '\n' && l.Data[l.Pos] != '\r' {
				l.Pos++
			}
		case isSpace(c):
			l.Pos++
		default:
			return
		}
	}
}

// Next is the next token. It always moves on; at the end it is End for ever.
func (l *Lexer) Next() Token {
	l.skip()
	start := l.Pos
	if start >= len(l.Data) {
		return Token{End, start, start}
	}
	c := l.Data[start]
	l.Pos++
	one := func(k Kind) Token { return Token{k, start, l.Pos} }
	switch c {
	case '(':
		return Token{l.literal(), start, l.Pos}
	case '<':
		if l.at('<') {
			return one(DictOpen)
		}
		return Token{l.hex(), start, l.Pos}
	case '>':
		if l.at('>') {
			return one(DictClose)
		}
		return one(Bad)
	case '[':
		return one(ArrayOpen)
	case ']':
		return one(ArrayClose)
	case ')':
		return one(Bad)
	case '{', '}': // only in PostScript functions, which are streams
		return one(Keyword)
	}
	for l.Pos < len(l.Data) && !isSpace(l.Data[l.Pos]) && !isDelimiter(l.Data[l.Pos]) {
		l.Pos++
	}
	switch {
	case c == '/':
		return one(Name)
	case c == '+', c == '-', c == '.', c >= '0' && c <= '9':
		return one(Number)
	}
	return one(Keyword)
}

func (l *Lexer) at(c byte) bool {
	if l.Pos < len(l.Data) && l.Data[l.Pos] == c {
		l.Pos++
		return true
	}
	return false
}

// literal passes the rest of a string in parentheses (7.3.4.2).
func (l *Lexer) literal() Kind {
	for depth := 1; l.Pos < len(l.Data); l.Pos++ {
		switch l.Data[l.Pos] {
		case '\\':
			l.Pos++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.Pos++
				return String
			}
		}
	}
	l.Pos = len(l.Data)
	return Bad
}

func (l *Lexer) hex() Kind {
	for l.Pos < len(l.Data) {
		c := l.Data[l.Pos]
		l.Pos++
		if c == '>' {
			return HexString
		}
	}
	return Bad
}

// maxDepth bounds arrays and dictionaries within each other.
const maxDepth = 100

// ErrSyntax is an object that cannot be told from its bytes. Where more bytes
// might help, the error is io.ErrUnexpectedEOF.
var ErrSyntax = errors.New("not a PDF object")

// Value passes one object.
func (l *Lexer) Value() (Value, error) {
	var open []Kind // the brackets that are to be closed
	first := -1
	for {
		t := l.Next()
		if first < 0 {
			first = t.Start
		}
		switch t.Kind {
		case End:
			return nil, io.ErrUnexpectedEOF
		case Bad:
			if l.Pos >= len(l.Data) {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, ErrSyntax
		case ArrayOpen, DictOpen:
			if open = append(open, t.Kind+1); len(open) > maxDepth {
				return nil, ErrSyntax
			}
			continue
		case ArrayClose, DictClose:
			if len(open) == 0 || open[len(open)-1] != t.Kind {
				return nil, ErrSyntax
			}
			open = open[:len(open)-1]
		case Keyword:
			// Objects end where these stand; a bracket was left open.
			if word := string(l.Data[t.Start:t.End]); word == "endobj" || word == "stream" || word == "obj" {
				return nil, ErrSyntax
			}
		case Number:
			if len(open) == 0 {
				l.reference(t)
			}
		}
		if len(open) == 0 {
			return Value(l.Data[first:l.Pos:l.Pos]), nil
		}
	}
}

// reference passes the rest of a reference that begins with number, if it is one.
func (l *Lexer) reference(number Token) {
	generation := l.Next()
	mark := l.Next()
	if generation.Kind == Number && mark.Kind == Keyword && mark.End-mark.Start == 1 && l.Data[mark.Start] == 'R' {
		return
	}
	l.Pos = number.End
}
