package syntax

import (
	"bytes"
	"errors"
	"fmt"
)

// maxSteps is how long a chain of references may be.
const maxSteps = 32

// Resolve follows references; an object that does not exist is nil
// (ISO 32000-1, 7.3.10).
func (f *File) Resolve(o Object) (Object, error) {
	for range maxSteps {
		ref, ok := o.(Ref)
		if !ok {
			return o, nil
		}
		i, err := f.Indirect(ref.Number)
		if err != nil {
			return nil, err
		}
		if i == nil || i.Generation != ref.Generation {
			return nil, nil
		}
		o = i.Object
	}
	return nil, fmt.Errorf("%w: references go round in circles", ErrSyntax)
}

// Indirect reads the object number; nil when there is none.
func (f *File) Indirect(number int) (*Indirect, error) {
	if i, ok := f.cache[number]; ok {
		return i, nil
	}
	e, ok := f.entries[number]
	if !ok || e.free {
		return nil, nil
	}
	if e.container != 0 {
		return f.unpack(number, e)
	}
	i, cost, err := f.indirectAt(number, e)
	if err != nil {
		return nil, fmt.Errorf("object %d: %w", number, err)
	}
	f.keep(number, i, cost)
	return i, nil
}

// keep remembers an object; cost is about what it takes in memory. Reading it
// has failed where that would be more than may be kept.
func (f *File) keep(number int, i *Indirect, cost int64) {
	f.cached += cost
	f.cache[number] = i
}

// indirectAt reads "N G obj … endobj"; cost is about what it takes in memory.
func (f *File) indirectAt(number int, e entry) (i *Indirect, cost int64, err error) {
	for n := window / 4; ; n *= 4 {
		i, cost, err = f.tryIndirect(number, e, n)
		if !errors.Is(err, errEnd) || e.offset+int64(n) >= f.size {
			return i, cost, err
		}
		if n > maxObject {
			return nil, 0, fmt.Errorf("%w: too large", ErrSyntax)
		}
	}
}

func (f *File) tryIndirect(number int, e entry, n int) (*Indirect, int64, error) {
	if e.offset < 1 {
		return nil, 0, fmt.Errorf("%w: at the start of the file", ErrSyntax)
	}
	data, err := f.Bytes(e.offset-1, n)
	if err != nil {
		return nil, 0, err
	}
	i := &Indirect{Generation: e.generation}
	before := f.cached
	l := &lexer{data: data, refs: true, cost: before, partial: e.offset-1+int64(len(data)) < f.size}
	if l.pos, err = opening(data, number, e.generation, i); err != nil {
		return nil, 0, err
	}
	if i.Object, err = l.next(maxDepth); err != nil {
		return nil, 0, err
	}
	if k, odd := i.Object.(keyword); odd { // an empty object counts as null
		if k != "endobj" {
			return nil, 0, l.complain("%.20q where an object belongs", string(k))
		}
		i.Object = nil
		i.Faults |= FaultSpacing
		return i, l.cost - before, nil
	}
	i.Faults |= l.faults
	end := l.pos
	word, err := l.next(1)
	if err != nil {
		return nil, 0, err
	}
	switch word {
	case keyword("endobj"):
		closing(data, end, l.pos, i)
		return i, l.cost - before, nil
	case keyword("stream"):
		d, ok := i.Object.(Dict)
		if !ok {
			return nil, 0, l.complain("a stream without a dictionary")
		}
		return i, l.cost - before, f.stream(i, d, data, l.pos, e.offset-1)
	}
	return nil, 0, l.complain("no endobj")
}

// opening checks "N G obj" after the byte that precedes it (ISO 19005-2,
// 6.1.9), and returns where the object starts.
func opening(data []byte, number, generation int, i *Indirect) (int, error) {
	if len(data) == 0 || data[0] != '\n' && data[0] != '\r' {
		i.Faults |= FaultSpacing
	}
	l := &lexer{data: data, pos: 1}
	if l.pos < len(data) && white(data[l.pos]) {
		i.Faults |= FaultSpacing
	}
	for k, want := range []Object{int64(number), int64(generation), keyword("obj")} {
		if k > 0 && (l.pos+1 >= len(data) || !white(data[l.pos]) || white(data[l.pos+1])) {
			i.Faults |= FaultSpacing
		}
		got, err := l.next(1)
		if err != nil {
			return 0, err
		}
		if word, ok := got.(keyword); ok && k == 2 && word != "obj" && bytes.HasPrefix([]byte(word), []byte("obj")) {
			return 0, l.complain("no white space after obj")
		}
		if got != want {
			return 0, l.complain("object %d is not where the cross-reference table says", number)
		}
	}
	if endOfLine(data[l.pos:]) == 0 {
		i.Faults |= FaultSpacing
	}
	return l.pos, nil
}

// closing checks the ends of line around endobj, which ends at pos.
func closing(data []byte, end, pos int, i *Indirect) {
	before := pos - len("endobj")
	if before <= end || data[before-1] != '\n' && data[before-1] != '\r' {
		i.Faults |= FaultSpacing
	}
	if endOfLine(data[pos:]) == 0 {
		i.Faults |= FaultSpacing
	}
}

// stream finds a stream's bytes: data[pos:] follows the keyword stream and data
// starts at base in the file.
func (f *File) stream(i *Indirect, d Dict, data []byte, pos int, base int64) error {
	if len(data) < pos+2 {
		return errEnd
	}
	switch eol := endOfLine(data[pos:]); {
	case data[pos] == '\r' && eol == 1:
		i.Faults |= FaultStreamKeyword
		pos++
	case eol == 0:
		return fmt.Errorf("%w: no end of line after stream", ErrSyntax)
	default:
		pos += eol
	}
	s := &Stream{Dict: d, Offset: base + int64(pos)}
	length, err := f.length(d["Length"])
	if err != nil {
		return err
	}
	s.Length = length
	if s.Offset+s.Length > f.size {
		return fmt.Errorf("%w: a stream longer than the file", ErrSyntax)
	}
	i.Object = s
	tail, err := f.Bytes(s.Offset+s.Length, 64)
	if err != nil {
		return err
	}
	l := &lexer{data: tail}
	eol := endOfLine(tail)
	if eol == 0 {
		i.Faults |= FaultStreamKeyword
	}
	if !bytes.HasPrefix(tail[eol:], []byte("endstream")) {
		i.Faults |= FaultStreamLength
		return nil
	}
	l.pos = eol + len("endstream")
	end := l.pos
	if word, err := l.next(1); err != nil || word != keyword("endobj") {
		return fmt.Errorf("%w: no endobj after a stream", ErrSyntax)
	}
	closing(tail, end, l.pos, i)
	return nil
}

// length is the value of a stream's Length, which may be an object of its own.
func (f *File) length(o Object) (int64, error) {
	if _, indirect := o.(Ref); indirect {
		if f.reading > 0 {
			return 0, fmt.Errorf("%w: the length of a stream is a stream", ErrSyntax)
		}
		f.reading++
		defer func() { f.reading-- }()
		var err error
		if o, err = f.Resolve(o); err != nil {
			return 0, err
		}
	}
	n, ok := o.(int64)
	if !ok || n < 0 {
		return 0, fmt.Errorf("%w: a stream without a length", ErrSyntax)
	}
	return n, nil
}
