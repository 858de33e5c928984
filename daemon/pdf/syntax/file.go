package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// Limits of a file.
const (
	maxObjects  = 1 << 20 // ISO 19005-2, 6.1.13, allows eight times as many
	maxSections = 1024    // cross-reference sections, one an update
	maxObject   = 16 << 20
	maxCached   = 192 << 20 // bytes that the objects kept take, parsed
	window      = 16 << 10
)

// File is an opened PDF. It is not safe for concurrent use.
type File struct {
	r    io.ReaderAt
	size int64
	// Sections are the file's cross-reference sections, the newest first.
	Sections []Section
	entries  map[int]entry
	cache    map[int]*Indirect
	cached   int64
	unpacked int64           // bytes of object streams
	packed   map[int]*packed // object streams
	ahead    []byte          // the bytes read last
	aheadAt  int64
	reading  int // how deep streams' lengths refer to others
}

// Section is one cross-reference section with its trailer.
type Section struct {
	Offset  int64
	Stream  bool // a cross-reference stream
	Trailer Dict
	Faults  Faults
	// Number is the stream's own object number.
	Number int
}

// entry is where an object stands: at an offset, or as the index-th of the
// objects in an object stream.
type entry struct {
	free       bool
	offset     int64
	generation int
	container  int // 0: not in an object stream
	index      int
}

// Indirect is an indirect object and how it is written.
type Indirect struct {
	Object     Object
	Generation int
	Faults     Faults
	// Packed is true for an object in an object stream.
	Packed bool
}

// Open reads the cross-reference sections of a file of size bytes.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size, entries: map[int]entry{}, cache: map[int]*Indirect{}, packed: map[int]*packed{}}
	start, err := f.startXRef()
	if err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	queue := []int64{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if seen[at] {
			continue
		}
		if len(f.Sections) >= maxSections {
			return nil, fmt.Errorf("%w: too many cross-reference sections", ErrSyntax)
		}
		seen[at] = true
		s, err := f.section(at)
		if err != nil {
			return nil, err
		}
		f.Sections = append(f.Sections, s)
		// A hybrid file's stream comes before what is older (ISO 32000-1, 7.5.8.4).
		for _, key := range []Name{"XRefStm", "Prev"} {
			if o := s.Trailer[key]; o != nil && (key == "Prev" || !s.Stream) {
				next, ok := o.(int64)
				if !ok || next < 0 || next >= size {
					return nil, fmt.Errorf("%w: /%s of a trailer points nowhere", ErrSyntax, key)
				}
				queue = append(queue, next)
			}
		}
	}
	return f, nil
}

// Trailer is the newest trailer.
func (f *File) Trailer() Dict { return f.Sections[0].Trailer }

// Size is the file's size in bytes.
func (f *File) Size() int64 { return f.size }

// Numbers lists the objects in use, in rising order.
func (f *File) Numbers() []int {
	out := make([]int, 0, len(f.entries))
	for _, n := range slices.Sorted(maps.Keys(f.entries)) {
		if !f.entries[n].free {
			out = append(out, n)
		}
	}
	return out
}

// Bytes reads n bytes at offset; fewer at the end of the file.
func (f *File) Bytes(offset int64, n int) ([]byte, error) {
	if offset < 0 || offset > f.size {
		return nil, fmt.Errorf("%w: offset %d is outside of the file", ErrSyntax, offset)
	}
	n = int(min(int64(n), f.size-offset))
	if offset < f.aheadAt || offset+int64(n) > f.aheadAt+int64(len(f.ahead)) {
		buf := make([]byte, min(int64(max(n, window)), f.size-offset))
		got, err := f.r.ReadAt(buf, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		f.ahead, f.aheadAt = buf[:got], offset
		n = min(n, got)
	}
	at := int(offset - f.aheadAt)
	return f.ahead[at : at+n], nil
}

// startXRef finds the newest section.
func (f *File) startXRef() (int64, error) {
	n := min(f.size, 2048)
	tail, err := f.Bytes(f.size-n, int(n))
	if err != nil {
		return 0, err
	}
	i := bytes.LastIndex(tail, []byte("startxref"))
	if i < 0 {
		return 0, fmt.Errorf("%w: no startxref at the end", ErrSyntax)
	}
	l := lexer{data: tail[i+len("startxref"):]}
	o, err := l.next(1)
	at, ok := o.(int64)
	if err != nil || !ok || at <= 0 || at >= f.size {
		return 0, fmt.Errorf("%w: startxref points nowhere", ErrSyntax)
	}
	return at, nil
}

// section reads the section at an offset and enters its objects where no newer
// one has.
func (f *File) section(at int64) (Section, error) {
	head, err := f.Bytes(at, 4)
	if err != nil {
		return Section{}, err
	}
	if string(head) == "xref" {
		return f.table(at)
	}
	return f.crossStream(at)
}

func (f *File) enter(number int, e entry) error {
	if number < 0 || number > maxObjects {
		return fmt.Errorf("%w: object number %d", ErrSyntax, number)
	}
	if _, newer := f.entries[number]; !newer {
		f.entries[number] = e
	}
	return nil
}

// table reads a cross-reference table (ISO 32000-1, 7.5.4).
func (f *File) table(at int64) (Section, error) {
	s := Section{Offset: at}
	pos := at + 4
	for {
		line, err := f.Bytes(pos, 64)
		if err != nil {
			return s, err
		}
		l := lexer{data: line}
		eol := endOfLine(line)
		l.space()
		if bytes.HasPrefix(line[l.pos:], []byte("trailer")) {
			pos += int64(l.pos + len("trailer"))
			break
		}
		if pos == at+4 && eol != l.pos {
			s.Faults |= FaultXRefSpacing
		}
		first, count, n, tidy := subsection(line[l.pos:])
		if n == 0 {
			return s, fmt.Errorf("%w: cross-reference table at %d", ErrSyntax, at)
		}
		if !tidy {
			s.Faults |= FaultXRefSpacing
		}
		pos += int64(l.pos + n)
		if count > maxObjects || pos+int64(count)*20 > f.size+2 {
			return s, fmt.Errorf("%w: cross-reference table longer than the file", ErrSyntax)
		}
		if err := f.rows(pos, first, count); err != nil {
			return s, err
		}
		pos += int64(count) * 20
	}
	o, err := f.objectAt(pos)
	if err != nil {
		return s, fmt.Errorf("trailer: %w", err)
	}
	var ok bool
	if s.Trailer, ok = o.(Dict); !ok {
		return s, fmt.Errorf("%w: the trailer is no dictionary", ErrSyntax)
	}
	return s, nil
}

// subsection reads "first count" and the end of line; n is how much was read
// and tidy that single spaces and ends of line stand where they should.
func subsection(line []byte) (first, count, n int, tidy bool) {
	digits := func() (v int) {
		start := n
		for n < len(line) && line[n] >= '0' && line[n] <= '9' && n-start < 9 {
			v = v*10 + int(line[n]-'0')
			n++
		}
		if n == start {
			return -1
		}
		return v
	}
	first = digits()
	gap := n
	for n < len(line) && line[n] == ' ' {
		n++
	}
	tidy = n == gap+1
	count = digits()
	for n < len(line) && line[n] == ' ' {
		n++ // "0 5 \n" is common and harmless
	}
	eol := endOfLine(line[n:])
	if first < 0 || count < 0 || eol == 0 {
		return 0, 0, 0, false
	}
	return first, count, n + eol, tidy
}

// endOfLine is the length of the end-of-line marker at the start of b, 0 if
// there is none.
func endOfLine(b []byte) int {
	switch {
	case len(b) >= 2 && b[0] == '\r' && b[1] == '\n':
		return 2
	case len(b) >= 1 && (b[0] == '\r' || b[0] == '\n'):
		return 1
	}
	return 0
}

// rows reads entries of twenty bytes each.
func (f *File) rows(pos int64, first, count int) error {
	for count > 0 {
		n := min(count, 4096)
		b, err := f.Bytes(pos, n*20)
		if err != nil {
			return err
		}
		if len(b) < n*20 {
			return fmt.Errorf("%w: cross-reference table cut off", ErrSyntax)
		}
		for i := range n {
			row := b[i*20:][:20]
			offset, err1 := strconv.ParseInt(string(row[:10]), 10, 64)
			generation, err2 := strconv.Atoi(string(row[11:16]))
			if err1 != nil || err2 != nil || row[10] != ' ' || row[16] != ' ' || row[17] != 'n' && row[17] != 'f' || !white(row[18]) || !white(row[19]) {
				return fmt.Errorf("%w: cross-reference table: entry of object %d", ErrSyntax, first+i)
			}
			if err := f.enter(first+i, entry{free: row[17] == 'f', offset: offset, generation: generation}); err != nil {
				return err
			}
		}
		pos, first, count = pos+int64(n*20), first+n, count-n
	}
	return nil
}

// objectAt reads a direct object.
func (f *File) objectAt(at int64) (Object, error) {
	for n := window; ; n *= 4 {
		data, err := f.Bytes(at, n)
		if err != nil {
			return nil, err
		}
		l := lexer{data: data, refs: true, partial: at+int64(len(data)) < f.size}
		o, err := l.next(maxDepth)
		if !errors.Is(err, errEnd) || at+int64(n) >= f.size {
			return o, err
		}
		if n > maxObject {
			return nil, fmt.Errorf("%w: an object too large", ErrSyntax)
		}
	}
}
