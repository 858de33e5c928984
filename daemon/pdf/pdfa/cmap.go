package pdfa

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"intray/daemon/pdf/syntax"
)

// codeMap is an embedded CMap: how a string falls into codes, and which
// character identifiers they are (ISO 32000-1, 9.7.5 and 9.7.6.2).
type codeMap struct {
	spaces   []codeRange
	ranges   []codeRange // sorted by their start
	wMode    int64
	registry syntax.String
	ordering syntax.String
	supply   int64
}

// codeRange are codes of so many bytes each, and the identifier of the first.
type codeRange struct {
	size     int
	low, end uint32
	cid      int
}

// Limits of a CMap.
const (
	maxRanges = 1 << 17
	maxSpaces = 100
)

func parseCMap(data []byte) (*codeMap, error) {
	m := &codeMap{}
	content := syntax.NewCMap(data)
	for {
		op, err := content.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := m.operation(op); err != nil {
			return nil, err
		}
	}
	if len(m.spaces) == 0 {
		return nil, errors.New("its encoding has no codes")
	}
	sort.SliceStable(m.ranges, func(i, k int) bool { return m.ranges[i].key() < m.ranges[k].key() })
	return m, nil
}

// key orders ranges by the length of their codes and then their start.
func (r codeRange) key() uint64 { return uint64(r.size)<<32 | uint64(r.low) }

func (m *codeMap) operation(op syntax.Operation) error {
	o := op.Operands
	switch op.Operator {
	case "usecmap":
		return errors.New("its encoding builds on another")
	case "def":
		m.define(o)
	case "endcodespacerange":
		for ; len(o) >= 2; o = o[2:] {
			r, ok := rangeOf(o[0], o[1])
			if !ok || len(m.spaces) >= maxSpaces {
				return errors.New("its encoding is damaged")
			}
			m.spaces = append(m.spaces, r)
		}
	case "endcidrange":
		for ; len(o) >= 3; o = o[3:] {
			if err := m.add(o[0], o[1], o[2]); err != nil {
				return err
			}
		}
	case "endcidchar":
		for ; len(o) >= 2; o = o[2:] {
			if err := m.add(o[0], o[0], o[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *codeMap) define(o []syntax.Object) {
	if len(o) < 2 {
		return
	}
	value := o[len(o)-1]
	switch o[len(o)-2] {
	case syntax.Name("WMode"):
		m.wMode, _ = value.(int64)
	case syntax.Name("Registry"):
		m.registry, _ = value.(syntax.String)
	case syntax.Name("Ordering"):
		m.ordering, _ = value.(syntax.String)
	case syntax.Name("Supplement"):
		m.supply, _ = value.(int64)
	case syntax.Name("CIDSystemInfo"):
		if d, ok := value.(syntax.Dict); ok {
			m.registry, _ = d["Registry"].(syntax.String)
			m.ordering, _ = d["Ordering"].(syntax.String)
			m.supply, _ = d["Supplement"].(int64)
		}
	}
}

func (m *codeMap) add(low, end, cid syntax.Object) error {
	r, ok := rangeOf(low, end)
	n, whole := cid.(int64)
	if !ok || !whole || n < 0 || n+int64(r.end-r.low) > 0xFFFF || len(m.ranges) >= maxRanges {
		return errors.New("its encoding is damaged")
	}
	r.cid = int(n)
	m.ranges = append(m.ranges, r)
	return nil
}

func rangeOf(low, end syntax.Object) (r codeRange, ok bool) {
	a, ok1 := low.(syntax.String)
	b, ok2 := end.(syntax.String)
	if !ok1 || !ok2 || len(a) != len(b) || len(a) == 0 || len(a) > 4 {
		return r, false
	}
	r.size = len(a)
	for i := range r.size {
		r.low, r.end = r.low<<8|uint32(a[i]), r.end<<8|uint32(b[i])
	}
	return r, r.low <= r.end
}

// within compares byte by byte, as code space ranges do.
func (r codeRange) within(code uint32) bool {
	for shift := 0; shift < 8*r.size; shift += 8 {
		if b := code >> shift & 0xFF; b < r.low>>shift&0xFF || b > r.end>>shift&0xFF {
			return false
		}
	}
	return true
}

// split calls each for the identifiers of a string; 0 for codes without one.
// false says that the string ends within a code or has what is none.
func (m *codeMap) split(s syntax.String, each func(cid int)) bool {
	for len(s) > 0 {
		code, size := uint32(0), 0
		for n := 1; n <= min(4, len(s)) && size == 0; n++ {
			code = code<<8 | uint32(s[n-1])
			for _, space := range m.spaces {
				if space.size == n && space.within(code) {
					size = n
				}
			}
		}
		if size == 0 {
			return false
		}
		each(m.cid(size, code))
		s = s[size:]
	}
	return true
}

func (m *codeMap) cid(size int, code uint32) int {
	want := codeRange{size: size, low: code}.key()
	i := sort.Search(len(m.ranges), func(i int) bool { return m.ranges[i].key() > want }) - 1
	if i < 0 || m.ranges[i].size != size || code > m.ranges[i].end {
		return 0
	}
	return m.ranges[i].cid + int(code-m.ranges[i].low)
}

// embeddedMap reads a font's own CMap (6.2.11.3.3).
func (c *checker) embeddedMap(s *syntax.Stream) (*codeMap, error) {
	if s.Dict["UseCMap"] != nil {
		return nil, errors.New("its encoding builds on another")
	}
	data, err := c.f.Decode(s, maxPacket)
	if err != nil {
		return nil, fmt.Errorf("its encoding: %w", err)
	}
	m, err := parseCMap(data)
	if err != nil {
		return nil, err
	}
	if mode, _ := c.integer(s.Dict["WMode"]); int64(mode) != m.wMode {
		return nil, errors.New("its encoding says two things about the direction of writing")
	}
	return m, nil
}
