package objects

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// MaxNumber is the highest number of an object (Annex C).
const MaxNumber = 8_388_607

const (
	maxEntries = 2_000_000 // objects of one file
	maxObject  = 64 << 20  // bytes of one object, a stream's data not counted
	maxPacked  = 64 << 20  // bytes of an object stream, and of all that are kept
	maxRefs    = 32        // references to references
)

var (
	// ErrDamaged is a file whose cross-reference table does not fit its objects,
	// or an object that is not what it must be.
	ErrDamaged = errors.New("the PDF's structure is damaged")
	// ErrEncrypted is what cannot be read without decrypting.
	ErrEncrypted = errors.New("the PDF is encrypted")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// File is an opened PDF. It is not safe for parallel use.
type File struct {
	// Trailer is that of the last section, of a cross-reference stream its
	// dictionary (7.5.5, 7.5.8).
	Trailer Dict
	// Start is where the last section stands, counted from the header.
	Start int64
	// CrossStreams is true when the last section is a stream.
	CrossStreams bool
	// Base is where the header stands; offsets within the file count from it.
	Base int64
	// Size is the file's size in bytes.
	Size int64

	f       *os.File
	entries map[int]entry
	highest int
	packed  map[int]pack
	order   []int // of packed, the oldest first
	kept    int   // bytes in packed
	depth   int   // objects being read to read another
	crypt   *crypt
}

// entry says where an object stands: at an offset, or, where stream is set, in
// that object stream. A free one is remembered since it hides older ones.
type entry struct {
	offset     int64
	stream     int
	generation int
	free       bool
}

// pack is an object stream's content: objects by their numbers.
type pack struct {
	data []byte
	at   map[int][2]int // start and end
}

// Object is one indirect object. Stream says where its data stands.
type Object struct {
	Ref    Ref
	Value  Value
	Stream *Span
}

// Span is a part of a file.
type Span struct{ Offset, Length int64 }

// Open reads the cross-reference table of the PDF at path. A file that does not
// fit it gives ErrDamaged, at once or when the object is asked for.
func Open(path string) (_ *File, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p := &File{f: f, Size: info.Size(), entries: map[int]entry{}, packed: map[int]pack{}}
	if p.Base, err = p.header(); err != nil {
		return nil, err
	}
	if p.Start, err = p.startXRef(); err != nil {
		return nil, err
	}
	if err := p.readSections(); err != nil {
		return nil, err
	}
	return p, nil
}

// Close ends the use of the file.
func (p *File) Close() error { return p.f.Close() }

// header finds "%PDF-" in the first 1024 bytes (Annex H, note 13).
func (p *File) header() (int64, error) {
	head, err := p.bytes(0, 1024)
	if err != nil {
		return 0, err
	}
	at := bytes.Index(head, []byte("%PDF-"))
	if at < 0 {
		return 0, damaged("no header")
	}
	return int64(at), nil
}

// Version is what the header says: 17 for "%PDF-1.7"; 0 is unknown.
func (p *File) Version() int {
	head, err := p.bytes(p.Base, 8)
	if err != nil || len(head) < 8 || head[5] < '0' || head[5] > '9' || head[7] < '0' || head[7] > '9' {
		return 0
	}
	return int(head[5]-'0')*10 + int(head[7]-'0')
}

// bytes reads up to n bytes at an offset of the file itself.
func (p *File) bytes(at int64, n int) ([]byte, error) {
	if at < 0 || at >= p.Size {
		return nil, nil
	}
	b := make([]byte, min(int64(n), p.Size-at))
	got, err := p.f.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:got], nil
}

// Encrypted is true where strings and streams are not as they read.
func (p *File) Encrypted() bool { return p.Trailer.Get("Encrypt") != nil }

// Next is a number above those of all objects.
func (p *File) Next() int {
	next := p.highest + 1
	if size, ok := p.Trailer.Get("Size").Int(); ok && size <= MaxNumber {
		next = max(next, int(size))
	}
	return next
}

// Numbers lists the objects in use, in order.
func (p *File) Numbers() []int {
	out := make([]int, 0, len(p.entries))
	for n, e := range p.entries {
		if !e.free {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// Exists is true for a reference to an object in use.
func (p *File) Exists(r Ref) bool {
	e, found := p.entries[r.Number]
	return found && !e.free && e.generation == r.Generation
}

// Packed says that object number stands in an object stream.
func (p *File) Packed(number int) bool { return p.entries[number].stream > 0 }

// Object reads one object. One that does not exist has a nil Value (7.3.10).
func (p *File) Object(number int) (Object, error) {
	e, found := p.entries[number]
	if !found || e.free {
		return Object{Ref: Ref{Number: number}}, nil
	}
	// A stream's length or filter may be an object, and that a stream again.
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxRefs {
		return Object{}, damaged("objects that need themselves")
	}
	if e.stream > 0 {
		return p.fromPack(number, e.stream)
	}
	o, err := p.objectAt(e.offset)
	if err != nil {
		return o, fmt.Errorf("object %d: %w", number, err)
	}
	if o.Ref.Number != number || o.Ref.Generation != e.generation {
		return o, damaged("object %d stands where object %d should", o.Ref.Number, number)
	}
	return o, nil
}

// objectAt reads "number generation obj value", and where a stream's data lies.
func (p *File) objectAt(offset int64) (Object, error) {
	at := p.Base + offset
	for size := 2048; ; size *= 8 {
		data, err := p.bytes(at, size)
		if err != nil {
			return Object{}, err
		}
		o, end, err := parseObject(data)
		if errors.Is(err, io.ErrUnexpectedEOF) && len(data) == size && size < maxObject {
			continue
		}
		if err != nil {
			return o, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		o.Value = slices.Clip(o.Value)
		if end >= 0 {
			o.Stream = &Span{Offset: at + int64(end)}
			return o, p.measure(&o)
		}
		return o, nil
	}
}

// parseObject reads an object from bytes; data is where a stream's data begins,
// -1 for other objects.
func parseObject(b []byte) (o Object, data int, err error) {
	l := Lexer{Data: b}
	number, generation, word := l.Next(), l.Next(), l.Next()
	if word.Kind == End {
		return o, -1, io.ErrUnexpectedEOF
	}
	n, ok1 := Value(b[number.Start:number.End]).Int()
	g, ok2 := Value(b[generation.Start:generation.End]).Int()
	if !ok1 || !ok2 || n < 0 || n > MaxNumber || g < 0 || g > 65535 || string(b[word.Start:word.End]) != "obj" {
		return o, -1, ErrSyntax
	}
	o.Ref = Ref{int(n), int(g)}
	at := l.Pos
	if t := l.Next(); t.Kind == Keyword && string(b[t.Start:t.End]) == "endobj" {
		return o, -1, nil // an empty object is null
	}
	l.Pos = at
	if o.Value, err = l.Value(); err != nil {
		return o, -1, err
	}
	t := l.Next()
	switch {
	case t.Kind == End || t.End == len(b): // the word may go on
		return o, -1, io.ErrUnexpectedEOF
	case string(b[t.Start:t.End]) == "endobj":
		return o, -1, nil
	case string(b[t.Start:t.End]) != "stream":
		return o, -1, ErrSyntax
	}
	// The data begins after a line feed, with or without a carriage return (7.3.8.1).
	if b[t.End] == '\r' && t.End+1 == len(b) {
		return o, -1, io.ErrUnexpectedEOF
	}
	switch {
	case b[t.End] == '\n':
		return o, t.End + 1, nil
	case b[t.End] == '\r' && b[t.End+1] == '\n':
		return o, t.End + 2, nil
	}
	return o, -1, ErrSyntax
}

// measure finds the length of o's data and checks that it ends there.
func (p *File) measure(o *Object) error {
	d, ok := o.Value.Dict()
	if !ok {
		return damaged("a stream without a dictionary")
	}
	v, err := p.Resolve(d.Get("Length"))
	if err != nil {
		return err
	}
	n, ok := v.Int()
	if !ok || n < 0 || n > p.Size-o.Stream.Offset {
		return damaged("a stream without its length")
	}
	after, err := p.bytes(o.Stream.Offset+n, 16)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimLeft(after, "\r\n \t"), []byte("endstream")) {
		return damaged("a stream of another length than it says")
	}
	o.Stream.Length = n
	return nil
}

// Resolve follows v while it is a reference.
func (p *File) Resolve(v Value) (Value, error) {
	for range maxRefs {
		r, ok := v.Ref()
		if !ok {
			if string(v) == "null" {
				return nil, nil
			}
			return v, nil
		}
		o, err := p.Object(r.Number)
		if err != nil {
			return nil, err
		}
		if o.Ref.Generation != r.Generation {
			return nil, nil
		}
		v = o.Value
	}
	return nil, damaged("references in a circle")
}

// Dict resolves v to a dictionary; nil where it is none.
func (p *File) Dict(v Value) (Dict, error) {
	v, err := p.Resolve(v)
	d, _ := v.Dict()
	return d, err
}

// Raw reads a stream's data as it is stored.
func (p *File) Raw(s Span) *io.SectionReader { return io.NewSectionReader(p.f, s.Offset, s.Length) }
