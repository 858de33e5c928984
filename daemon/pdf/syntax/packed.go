package syntax

import (
	"errors"
	"fmt"
)

// Cross-reference streams and object streams.

// crossStream reads a cross-reference stream (ISO 32000-1, 7.5.8).
func (f *File) crossStream(at int64) (Section, error) {
	s := Section{Offset: at, Stream: true}
	head, err := f.Bytes(at, 32)
	if err != nil {
		return s, err
	}
	l := lexer{data: head}
	n, _ := l.next(1)
	number, ok := n.(int64)
	generation, _ := l.plain()
	if !ok || number <= 0 || number > maxObjects {
		return s, fmt.Errorf("%w: startxref or Prev points nowhere", ErrSyntax)
	}
	i, _, err := f.indirectAt(int(number), entry{offset: at, generation: generation})
	if err != nil {
		return s, err
	}
	stream, ok := i.Object.(*Stream)
	if !ok || stream.Dict["Type"] != Name("XRef") {
		return s, fmt.Errorf("%w: startxref or Prev points to something else", ErrSyntax)
	}
	s.Trailer, s.Faults, s.Number = stream.Dict, i.Faults, int(number)
	data, err := f.Decode(stream, maxTable)
	if err != nil {
		return s, err
	}
	return s, f.crossRows(stream.Dict, data)
}

func (f *File) crossRows(d Dict, data []byte) error {
	widths, _ := d["W"].(Array)
	var w [3]int
	for i := range w {
		v, ok := int64(-1), false
		if i < len(widths) {
			v, ok = widths[i].(int64)
		}
		if !ok || v < 0 || v > 8 {
			return fmt.Errorf("%w: /W of a cross-reference stream", ErrSyntax)
		}
		w[i] = int(v)
	}
	index, ok := d["Index"].(Array)
	if !ok {
		index = Array{int64(0), d["Size"]}
	}
	row := w[0] + w[1] + w[2]
	for len(index) >= 2 {
		first, ok1 := index[0].(int64)
		count, ok2 := index[1].(int64)
		index = index[2:]
		if !ok1 || !ok2 || row == 0 || count < 0 || count > int64(len(data)/row) || first < 0 || first > maxObjects {
			return fmt.Errorf("%w: /Index of a cross-reference stream", ErrSyntax)
		}
		for i := range int(count) {
			fields, rest := [3]int64{1, 0, 0}, data[i*row:]
			for k := range w {
				if w[k] > 0 {
					fields[k] = 0
				}
				for _, c := range rest[:w[k]] {
					fields[k] = fields[k]<<8 | int64(c)
				}
				rest = rest[w[k]:]
			}
			e := entry{free: fields[0] == 0, offset: fields[1], generation: int(fields[2])}
			if fields[0] == 2 {
				e = entry{container: int(fields[1]), index: int(fields[2])}
			}
			if err := f.enter(int(first)+i, e); err != nil {
				return err
			}
		}
		data = data[int(count)*row:]
	}
	return nil
}

// packed is a decoded object stream.
type packed struct {
	data    []byte
	numbers []int
	offsets []int
}

// unpack reads an object out of an object stream (ISO 32000-1, 7.5.7).
func (f *File) unpack(number int, e entry) (*Indirect, error) {
	p, err := f.container(e.container)
	if err != nil {
		return nil, fmt.Errorf("object stream %d: %w", e.container, err)
	}
	if e.index < 0 || e.index >= len(p.numbers) || p.numbers[e.index] != number {
		return nil, fmt.Errorf("%w: object %d is not in its object stream", ErrSyntax, number)
	}
	l := &lexer{data: p.data[p.offsets[e.index]:], refs: true, cost: f.cached}
	o, err := l.next(maxDepth)
	if _, odd := o.(keyword); odd || err != nil {
		return nil, fmt.Errorf("%w: object %d in an object stream: %w", ErrSyntax, number, err)
	}
	i := &Indirect{Object: o, Faults: l.faults, Packed: true}
	f.keep(number, i, l.cost-f.cached)
	return i, nil
}

func (f *File) container(number int) (*packed, error) {
	if p, ok := f.packed[number]; ok {
		return p, nil
	}
	if e := f.entries[number]; e.container != 0 {
		return nil, fmt.Errorf("%w: an object stream in an object stream", ErrSyntax)
	}
	i, err := f.Indirect(number)
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, fmt.Errorf("%w: missing", ErrSyntax)
	}
	s, ok := i.Object.(*Stream)
	if !ok || s.Dict["Type"] != Name("ObjStm") {
		return nil, fmt.Errorf("%w: it is something else", ErrSyntax)
	}
	n, ok1 := s.Dict["N"].(int64)
	first, ok2 := s.Dict["First"].(int64)
	data, err := f.Decode(s, maxTable)
	if err != nil {
		return nil, err
	}
	if !ok1 || !ok2 || n < 0 || first < 0 || first > int64(len(data)) || n > (first+1)/4 { // at least "1 0 " each
		return nil, fmt.Errorf("%w: its dictionary", ErrSyntax)
	}
	if f.unpacked += int64(len(data)) + 16*n; f.unpacked > 2*maxTable {
		return nil, errMany
	}
	p := &packed{data: data, numbers: make([]int, 0, n), offsets: make([]int, 0, n)}
	l := lexer{data: data[:first]}
	for range n {
		l.cost = 0 // none of them is kept
		a, err1 := l.next(1)
		b, err2 := l.next(1)
		num, ok1 := a.(int64)
		off, ok2 := b.(int64)
		if errors.Join(err1, err2) != nil || !ok1 || !ok2 || off < 0 || first+off > int64(len(data)) {
			return nil, fmt.Errorf("%w: its table", ErrSyntax)
		}
		p.numbers, p.offsets = append(p.numbers, int(num)), append(p.offsets, int(first+off))
	}
	f.packed[number] = p
	return p, nil
}
