package objects

import (
	"bytes"
	"fmt"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
)

// maxFilters is how many filters may stand one after another.
const maxFilters = 8

// Decode undoes a stream's filters (7.4). Those of pictures, and data that gives
// more than limit bytes, are errors.
func (p *File) Decode(o Object, limit int64) ([]byte, error) {
	if p.Encrypted() && p.crypt == nil {
		return nil, ErrEncrypted
	}
	return p.decode(o, limit)
}

// decode is Decode for what is never encrypted: cross-reference streams (7.5.8.2).
func (p *File) decode(o Object, limit int64) (_ []byte, err error) {
	defer func() {
		if r := recover(); r != nil { // a filter met something it did not expect
			err = damaged("stream of object %d: %v", o.Ref.Number, r)
		}
	}()
	d, _ := o.Value.Dict()
	if o.Stream == nil || d == nil {
		return nil, damaged("object %d is no stream", o.Ref.Number)
	}
	if o.Stream.Length > limit {
		return nil, damaged("stream of object %d: more than %d bytes", o.Ref.Number, limit)
	}
	data, err := p.raw(o)
	if err != nil {
		return nil, err
	}
	names, parms, err := p.filters(d)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if data, err = unpack(name, parms[i], data, limit); err != nil {
			return nil, fmt.Errorf("%w: stream of object %d: %w", ErrDamaged, o.Ref.Number, err)
		}
	}
	return data, nil
}

// Filters lists the names of a stream's filters in the order of decoding.
func (p *File) Filters(d Dict) ([]string, error) {
	names, _, err := p.filters(d)
	return names, err
}

// filters lists a stream's filters with their parameters.
func (p *File) filters(d Dict) (names []string, parms []map[string]int, err error) {
	list := func(key string) ([]Value, error) {
		v, err := p.Resolve(d.Get(key))
		if a, ok := v.Array(); ok {
			return a, err
		}
		if v == nil {
			return nil, err
		}
		return []Value{v}, err
	}
	fs, err := list("Filter")
	if err != nil {
		return nil, nil, err
	}
	ps, err := list("DecodeParms")
	if err != nil || len(fs) > maxFilters {
		return nil, nil, damaged("filters: %v", err)
	}
	for i, f := range fs {
		name, err := p.Resolve(f)
		if err != nil {
			return nil, nil, err
		}
		set := map[string]int{}
		if i < len(ps) {
			given, err := p.Dict(ps[i])
			if err != nil {
				return nil, nil, err
			}
			for _, e := range given {
				if v, err := p.Resolve(e.Value); err == nil {
					if n, ok := v.Int(); ok {
						set[e.Key] = int(n)
					}
				}
			}
		}
		names, parms = append(names, name.Name()), append(parms, set)
	}
	return names, parms, nil
}

// maxRow is how many bits a row of samples under a predictor may have.
const maxRow = 1 << 27

func unpack(name string, parms map[string]int, data []byte, limit int64) ([]byte, error) {
	switch name {
	case filter.Flate, filter.LZW:
		row := int64(1)
		for _, key := range []string{"Columns", "Colors", "BitsPerComponent"} {
			n := int64(max(parms[key], 1))
			if n > maxRow || row*n > maxRow {
				return nil, fmt.Errorf("/DecodeParms: a row of more than %d bits", maxRow)
			}
			row *= n
		}
	case filter.ASCII85, filter.ASCIIHex, filter.RunLength:
	default:
		return nil, fmt.Errorf("filter %q is not for text", name)
	}
	f, err := filter.NewFilter(name, parms, limit)
	if err != nil {
		return nil, err
	}
	r, err := f.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(out)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return out, err
}

// fromPack reads an object out of object stream number stream (7.5.7).
func (p *File) fromPack(number, stream int) (Object, error) {
	o := Object{Ref: Ref{Number: number}}
	s, err := p.pack(stream)
	if err != nil {
		return o, err
	}
	at, found := s.at[number]
	if !found {
		return o, damaged("object %d is not in object stream %d", number, stream)
	}
	o.Value, err = (&Lexer{Data: s.data[at[0]:at[1]]}).Value()
	if err != nil {
		return o, damaged("object %d in object stream %d: %w", number, stream, err)
	}
	return o, nil
}

// pack decodes an object stream and keeps it, since its objects are mostly
// asked for one after another.
func (p *File) pack(number int) (pack, error) {
	if s, found := p.packed[number]; found {
		return s, nil
	}
	e := p.entries[number]
	if e.stream > 0 || e.free || e.offset == 0 {
		return pack{}, damaged("object stream %d stands nowhere", number)
	}
	o, err := p.objectAt(e.offset)
	if err != nil {
		return pack{}, fmt.Errorf("object stream %d: %w", number, err)
	}
	if o.Ref.Number != number {
		return pack{}, damaged("object %d stands where object stream %d should", o.Ref.Number, number)
	}
	data, err := p.Decode(o, maxPacked)
	if err != nil {
		return pack{}, err
	}
	s, err := splitPack(o, data)
	if err != nil {
		return pack{}, err
	}
	for p.kept+s.cost() > maxPacked && len(p.order) > 0 {
		p.kept -= p.packed[p.order[0]].cost()
		delete(p.packed, p.order[0])
		p.order = p.order[1:]
	}
	p.packed[number], p.order, p.kept = s, append(p.order, number), p.kept+s.cost()
	return s, nil
}

// cost is about what a pack takes in memory, in bytes.
func (s pack) cost() int { return len(s.data) + 64*len(s.at) }

func splitPack(o Object, data []byte) (pack, error) {
	d, _ := o.Value.Dict()
	n, ok1 := d.Get("N").Int()
	first, ok2 := d.Get("First").Int()
	if !ok1 || !ok2 || n < 0 || first < 0 || first > int64(len(data)) || n > maxEntries || n > (first+1)/4 { // at least "1 0 " each
		return pack{}, damaged("object stream %d: /N, /First", o.Ref.Number)
	}
	l := Lexer{Data: data[:first]}
	word := func() int {
		t := l.Next()
		v, ok := Value(data[t.Start:t.End]).Int()
		if !ok || v < 0 || v > int64(len(data)) && v > MaxNumber {
			return -1
		}
		return int(v)
	}
	s := pack{data: data, at: map[int][2]int{}}
	for range n {
		number, offset := word(), word()
		if number < 0 || offset < 0 || int(first)+offset > len(data) {
			return pack{}, damaged("object stream %d: its list of objects", o.Ref.Number)
		}
		// Objects may stand in any order: each reaches to the data's end.
		if _, twice := s.at[number]; !twice {
			s.at[number] = [2]int{int(first) + offset, len(data)}
		}
	}
	return s, nil
}
