package syntax

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"errors"
	"fmt"
	"io"
)

// maxTable is the most a cross-reference or object stream may hold.
const maxTable = 64 << 20

// Raw reads a stream's bytes as they are in the file.
func (f *File) Raw(s *Stream) ([]byte, error) {
	out := make([]byte, s.Length)
	if _, err := f.r.ReadAt(out, s.Offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return out, nil
}

// ErrFilter is in the chain when a stream has a filter for pictures, or one that
// does not exist.
var ErrFilter = errors.New("filter not supported")

// Filters lists a stream's filters and their parameters (ISO 32000-1, 7.4);
// parameters are nil where there are none.
func (f *File) Filters(d Dict) (names []Name, parameters []Dict, err error) {
	filters, err := f.list(d["Filter"])
	if err != nil {
		return nil, nil, err
	}
	parms, err := f.list(d["DecodeParms"])
	if err != nil {
		return nil, nil, err
	}
	for i, o := range filters {
		n, ok := o.(Name)
		if !ok {
			return nil, nil, fmt.Errorf("%w: a filter is no name", ErrSyntax)
		}
		names = append(names, n)
		var p Dict
		if i < len(parms) {
			p, _ = parms[i].(Dict)
		}
		parameters = append(parameters, p)
	}
	return names, parameters, nil
}

// list resolves a value that may be one object or an array of them.
func (f *File) list(o Object) (Array, error) {
	o, err := f.Resolve(o)
	if err != nil || o == nil {
		return nil, err
	}
	a, ok := o.(Array)
	if !ok {
		return Array{o}, nil
	}
	if len(a) > 16 {
		return nil, fmt.Errorf("%w: too many filters", ErrSyntax)
	}
	out := make(Array, len(a))
	for i := range a {
		if out[i], err = f.Resolve(a[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Decode reads a stream's bytes and undoes its filters; more than limit bytes
// are an error.
func (f *File) Decode(s *Stream, limit int64) ([]byte, error) {
	names, parameters, err := f.Filters(s.Dict)
	if err != nil {
		return nil, err
	}
	if s.Length > limit {
		return nil, fmt.Errorf("%w: a stream too large", ErrSyntax)
	}
	data, err := f.Raw(s)
	for i := 0; i < len(names) && err == nil; i++ {
		data, err = decode(names[i], parameters[i], data, limit)
	}
	return data, err
}

func decode(filter Name, parameters Dict, data []byte, limit int64) ([]byte, error) {
	switch filter {
	case "FlateDecode", "Fl":
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
		}
		out, err := bounded(z, limit)
		if err != nil {
			return nil, err
		}
		return unpredict(out, parameters)
	case "ASCIIHexDecode", "AHx":
		l := lexer{data: append(append([]byte{'<'}, data...), '>')}
		o, err := l.hex()
		s, _ := o.(String)
		return []byte(s), err
	case "ASCII85Decode", "A85":
		data = bytes.TrimSpace(data)
		data = bytes.TrimPrefix(data, []byte("<~"))
		if i := bytes.Index(data, []byte("~>")); i >= 0 {
			data = data[:i]
		}
		return bounded(ascii85.NewDecoder(bytes.NewReader(data)), limit)
	case "RunLengthDecode", "RL":
		return runLength(data, limit)
	}
	return nil, fmt.Errorf("%w: %s", ErrFilter, filter)
}

func bounded(r io.Reader, limit int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if int64(len(out)) > limit {
		return nil, fmt.Errorf("%w: a stream too large", ErrSyntax)
	}
	return out, nil
}

func runLength(data []byte, limit int64) ([]byte, error) {
	var out []byte
	for i := 0; i < len(data) && data[i] != 128; {
		n := int(data[i])
		i++
		if n < 128 {
			if i+n+1 > len(data) {
				return nil, errEnd
			}
			out = append(out, data[i:i+n+1]...)
			i += n + 1
		} else {
			if i >= len(data) {
				return nil, errEnd
			}
			out = append(out, bytes.Repeat(data[i:i+1], 257-n)...)
			i++
		}
		if int64(len(out)) > limit {
			return nil, fmt.Errorf("%w: a stream too large", ErrSyntax)
		}
	}
	return out, nil
}

// unpredict undoes PNG's predictors (ISO 32000-1, 7.4.4.4). TIFF's is for
// pictures, which nobody reads here.
func unpredict(data []byte, d Dict) ([]byte, error) {
	number := func(key Name, otherwise int64) int64 {
		if v, ok := d[key].(int64); ok {
			return v
		}
		return otherwise
	}
	predictor := number("Predictor", 1)
	if predictor < 2 {
		return data, nil
	}
	colors, bits, columns := number("Colors", 1), number("BitsPerComponent", 8), number("Columns", 1)
	if predictor < 10 || colors < 1 || colors > 32 || bits < 1 || bits > 16 || columns < 1 || columns > 1<<20 {
		return nil, fmt.Errorf("%w: predictor %d", ErrFilter, predictor)
	}
	size := int(max(1, colors*bits/8))
	row := int((colors*bits*columns + 7) / 8)
	out := make([]byte, 0, len(data))
	above := make([]byte, row)
	for len(data) > 0 {
		kind := data[0]
		line := data[1:min(len(data), row+1)]
		data = data[1+len(line):]
		for i := range line {
			var left, corner byte
			if i >= size {
				left, corner = line[i-size], above[i-size]
			}
			switch kind {
			case 1:
				line[i] += left
			case 2:
				line[i] += above[i]
			case 3:
				line[i] += byte((int(left) + int(above[i])) / 2)
			case 4:
				line[i] += paeth(left, above[i], corner)
			}
		}
		out = append(out, line...)
		copy(above, line)
	}
	return out, nil
}

func paeth(a, b, c byte) byte {
	distance := func(x, y int) int { return max(x-y, y-x) }
	p := int(a) + int(b) - int(c)
	pa, pb, pc := distance(p, int(a)), distance(p, int(b)), distance(p, int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}
