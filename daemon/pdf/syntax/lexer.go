package syntax

import "fmt"

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
	// words are the operators met so far, each made once.
	words map[string]Object
	// cost is about what the objects read take in memory, in bytes: up to
	// maxCached.
	cost int64
}

// What an object takes besides its own bytes, and a dictionary that is not empty
// besides its entries: about.
const (
	objectCost = 64
	mapCost    = 256
)

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
	if l.cost += objectCost; l.cost > maxCached {
		return nil, errMany
	}
	start := l.pos
	o, err := l.read(depth)
	switch o.(type) {
	case Name, String:
		l.cost += int64(l.pos - start)
	}
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
	if known, ok := l.words[string(w)]; ok {
		return known
	}
	word := keyword(w)
	if Known(string(w)) {
		if l.words == nil {
			l.words = map[string]Object{}
		}
		l.words[string(w)] = word
	}
	return word
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
		if len(out) == 0 {
			l.cost += mapCost
		}
		out[key] = v
	}
}
