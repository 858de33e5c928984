package pdfa

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// cff is a Compact Font Format program (Adobe Technical Note 5176), as far as
// glyphs and their widths go.
type cff struct {
	charStrings [][]byte
	global      [][]byte
	privates    []private
	choice      []byte // which of privates a glyph has; nil for the first
	charset     []int  // the string or character identifier of each glyph
	strings     [][]byte
	encoding    [256]int // the glyph of each code; only where custom is true
	custom      bool
	cid         bool
	scale       float64 // widths to thousandths of an em
}

// private are the parts of a Private DICT that widths need.
type private struct {
	usual, nominal float64
	local          [][]byte
}

var errCFF = errors.New("it is damaged")

// Operators of DICTs; two-byte ones have 12 in the high byte.
const (
	opCharset     = 15
	opEncoding    = 16
	opCharStrings = 17
	opPrivate     = 18
	opSubrs       = 19
	opUsualWidth  = 20
	opNominal     = 21
	opFontMatrix  = 12<<8 | 7
	opROS         = 12<<8 | 30
	opFDArray     = 12<<8 | 36
	opFDSelect    = 12<<8 | 37
)

func parseCFF(data []byte) (*cff, error) {
	if len(data) < 4 || data[0] != 1 || int(data[2]) > len(data) {
		return nil, errCFF
	}
	at := int(data[2])
	var tops [][]byte
	f := &cff{scale: 1}
	for _, into := range []*[][]byte{nil, &tops, &f.strings, &f.global} {
		items, next, err := cffIndex(data, at)
		if err != nil {
			return nil, err
		}
		if at = next; into != nil {
			*into = items
		}
	}
	if len(tops) != 1 {
		return nil, errCFF
	}
	top, err := cffDict(tops[0])
	if err != nil {
		return nil, err
	}
	if f.charStrings, err = indexAt(data, top[opCharStrings]); err != nil {
		return nil, err
	}
	if m := top[opFontMatrix]; len(m) == 6 && m[0] > 0 {
		f.scale = m[0] * 1000
	}
	_, f.cid = top[opROS]
	if err := f.readPrivates(data, top); err != nil {
		return nil, err
	}
	if err := f.readCharset(data, first(top[opCharset])); err != nil {
		return nil, err
	}
	return f, f.readEncoding(data, first(top[opEncoding]))
}

func first(v []float64) int {
	if len(v) == 0 {
		return 0
	}
	return int(v[0])
}

// cffIndex reads an INDEX; next is where it ends.
func cffIndex(data []byte, at int) (items [][]byte, next int, err error) {
	if at < 0 || at+2 > len(data) {
		return nil, 0, errCFF
	}
	count := int(binary.BigEndian.Uint16(data[at:]))
	if count == 0 {
		return nil, at + 2, nil
	}
	if at+3 > len(data) {
		return nil, 0, errCFF
	}
	size := int(data[at+2])
	base := at + 3 + size*(count+1) - 1
	if size < 1 || size > 4 || base+1 > len(data) {
		return nil, 0, errCFF
	}
	offset := func(i int) (v int) {
		for _, c := range data[at+3+i*size:][:size] {
			v = v<<8 | int(c)
		}
		return v
	}
	items = make([][]byte, count)
	for i := range items {
		from, to := base+offset(i), base+offset(i+1)
		if from < base+1 || to < from || to > len(data) {
			return nil, 0, errCFF
		}
		items[i] = data[from:to]
	}
	return items, base + offset(count), nil
}

func indexAt(data []byte, operands []float64) ([][]byte, error) {
	if len(operands) == 0 {
		return nil, errCFF
	}
	items, _, err := cffIndex(data, int(operands[len(operands)-1]))
	return items, err
}

// cffDict reads a DICT.
func cffDict(data []byte) (map[int][]float64, error) {
	out := map[int][]float64{}
	var stack []float64
	for len(data) > 0 {
		b := data[0]
		data = data[1:]
		switch {
		case b <= 21:
			op := int(b)
			if b == 12 {
				if len(data) == 0 {
					return nil, errCFF
				}
				op, data = 12<<8|int(data[0]), data[1:]
			}
			out[op], stack = stack, nil
			continue
		case b == 30:
			v, n := packedReal(data)
			stack, data = append(stack, v), data[n:]
		default:
			v, n := cffInteger(b, data, 29)
			if n < 0 {
				return nil, errCFF
			}
			stack, data = append(stack, v), data[n:]
		}
		if len(stack) > 48 {
			return nil, errCFF
		}
	}
	return out, nil
}

// cffInteger reads an integer that begins with b; n is how many bytes follow
// it, -1 for what is none. long is the byte of the longest form.
func cffInteger(b byte, rest []byte, long byte) (v float64, n int) {
	switch {
	case b >= 32 && b <= 246:
		return float64(b) - 139, 0
	case b >= 247 && b <= 250 && len(rest) >= 1:
		return (float64(b)-247)*256 + float64(rest[0]) + 108, 1
	case b >= 251 && b <= 254 && len(rest) >= 1:
		return -(float64(b)-251)*256 - float64(rest[0]) - 108, 1
	case b == 28 && len(rest) >= 2:
		return float64(int16(binary.BigEndian.Uint16(rest))), 2
	case b == long && len(rest) >= 4:
		v = float64(int32(binary.BigEndian.Uint32(rest)))
		if long == 255 { // a charstring's are fixed-point numbers
			v /= 65536
		}
		return v, 4
	}
	return 0, -1
}

// packedReal reads a real number of nibbles.
func packedReal(data []byte) (float64, int) {
	var text []byte
	for i, b := range data {
		for _, nibble := range []byte{b >> 4, b & 15} {
			switch {
			case nibble < 10:
				text = append(text, '0'+nibble)
			case nibble == 15:
				v, _ := strconv.ParseFloat(string(text), 64)
				return v, i + 1
			default:
				text = append(text, []string{".", "E", "E-", "", "-"}[nibble-10]...)
			}
		}
	}
	return 0, len(data)
}

func (f *cff) readPrivates(data []byte, top map[int][]float64) error {
	dicts := []map[int][]float64{top}
	if f.cid {
		items, err := indexAt(data, top[opFDArray])
		if err != nil {
			return err
		}
		dicts = nil
		for _, item := range items {
			d, err := cffDict(item)
			if err != nil {
				return err
			}
			if m := d[opFontMatrix]; len(m) == 6 && m[0] > 0 && len(top[opFontMatrix]) == 0 {
				f.scale = m[0] * 1000
			}
			dicts = append(dicts, d)
		}
		if err := f.readChoice(data, first(top[opFDSelect])); err != nil {
			return err
		}
	}
	for _, d := range dicts {
		var p private
		if at := d[opPrivate]; len(at) == 2 {
			size, from := int(at[0]), int(at[1])
			if size < 0 || from < 0 || from+size > len(data) || from+size < from {
				return errCFF
			}
			entries, err := cffDict(data[from : from+size])
			if err != nil {
				return err
			}
			p.usual, p.nominal = lastOf(entries[opUsualWidth]), lastOf(entries[opNominal])
			if subrs := entries[opSubrs]; len(subrs) > 0 {
				if p.local, _, err = cffIndex(data, from+int(subrs[0])); err != nil {
					return err
				}
			}
		}
		f.privates = append(f.privates, p)
	}
	if len(f.privates) == 0 {
		return errCFF
	}
	return nil
}

func lastOf(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return v[len(v)-1]
}

// readChoice reads an FDSelect table.
func (f *cff) readChoice(data []byte, at int) error {
	n := len(f.charStrings)
	if at <= 0 || at >= len(data) {
		return errCFF
	}
	d := data[at:]
	f.choice = make([]byte, n)
	switch {
	case d[0] == 0 && len(d) > n:
		copy(f.choice, d[1:])
	case d[0] == 3 && len(d) >= 5:
		ranges := int(binary.BigEndian.Uint16(d[1:]))
		if len(d) < 5+3*ranges {
			return errCFF
		}
		for i := range ranges {
			r := d[3+3*i:]
			for g := int(binary.BigEndian.Uint16(r)); g < min(n, int(binary.BigEndian.Uint16(r[3:]))); g++ {
				f.choice[g] = r[2]
			}
		}
	default:
		return errCFF
	}
	return nil
}

func (f *cff) readCharset(data []byte, at int) error {
	n := len(f.charStrings)
	f.charset = make([]int, n)
	switch {
	case at == 0 && !f.cid: // ISOAdobe
		for i := range f.charset {
			f.charset[i] = i
		}
		return nil
	case at <= 2 && !f.cid:
		return errors.New("it has a set of expert glyphs that is not known")
	case at <= 2 || at >= len(data):
		return errCFF
	}
	d := data[at+1:]
	kind := data[at]
	for g := 1; g < n; {
		size := map[byte]int{0: 2, 1: 3, 2: 4}[kind]
		if size == 0 || len(d) < size {
			return errCFF
		}
		id, left := int(binary.BigEndian.Uint16(d)), 0
		switch kind {
		case 1:
			left = int(d[2])
		case 2:
			left = int(binary.BigEndian.Uint16(d[2:]))
		}
		for k := 0; k <= left && g < n; k, g = k+1, g+1 {
			f.charset[g] = id + k
		}
		d = d[size:]
	}
	return nil
}

func (f *cff) readEncoding(data []byte, at int) error {
	if at <= 1 || f.cid { // the standard encoding, by name
		return nil
	}
	if at+2 > len(data) {
		return errCFF
	}
	f.custom = true
	kind, count, d := data[at]&0x7F, int(data[at+1]), data[at+2:]
	g := 1
	for range count {
		switch {
		case kind == 0 && len(d) >= 1:
			f.encoding[d[0]] = g
			g, d = g+1, d[1:]
		case kind == 1 && len(d) >= 2:
			for k := 0; k <= int(d[1]) && int(d[0])+k < 256; k++ {
				f.encoding[int(d[0])+k] = g
				g++
			}
			d = d[2:]
		default:
			return errCFF
		}
	}
	if data[at]&0x80 != 0 {
		return errors.New("its encoding has supplements, which are not read")
	}
	return nil
}
