package objects

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// maxSections bounds a file's updates.
const maxSections = 4096

var startXRef = regexp.MustCompile(`startxref\s+(\d+)`)

// startXRef finds the last cross-reference section (7.5.5).
func (p *File) startXRef() (int64, error) {
	const look = 2048
	tail, err := p.bytes(max(p.Size-look, 0), look)
	if err != nil {
		return 0, err
	}
	found := startXRef.FindAllSubmatch(tail, -1)
	if found == nil {
		return 0, damaged("no startxref at the end")
	}
	n, err := strconv.ParseInt(string(found[len(found)-1][1]), 10, 64)
	if err != nil {
		return 0, damaged("startxref %w", err)
	}
	return n, nil
}

// readSections reads the last section and those before it, to the first.
func (p *File) readSections() error {
	seen := map[int64]bool{}
	for next := p.Start; ; {
		if seen[next] || len(seen) > maxSections {
			return damaged("cross-reference sections in a circle")
		}
		seen[next] = true
		trailer, stream, err := p.section(next)
		if err != nil {
			return err
		}
		if p.Trailer == nil {
			p.Trailer, p.CrossStreams = trailer, stream
		}
		prev := trailer.Get("Prev")
		if prev == nil {
			return nil
		}
		at, ok := prev.Int()
		if !ok {
			return damaged("/Prev is no number")
		}
		next = at
	}
}

// section reads one section, a table or a stream.
func (p *File) section(at int64) (trailer Dict, stream bool, err error) {
	if at < 0 || at >= p.Size-p.Base {
		return nil, false, damaged("a cross-reference section at %d of %d bytes", at, p.Size)
	}
	head, err := p.bytes(p.Base+at, 32)
	if err != nil {
		return nil, false, err
	}
	trimmed := bytes.TrimLeft(head, "\x00\t\n\f\r ")
	if !bytes.HasPrefix(trimmed, []byte("xref")) {
		d, err := p.crossStream(at)
		return d, true, err
	}
	d, err := p.table(at + int64(len(head)-len(trimmed)+len("xref")))
	return d, false, err
}

// add remembers an entry unless a later section had one.
func (p *File) add(number int, e entry) error {
	if number < 0 || number > MaxNumber {
		return damaged("object number %d", number)
	}
	if _, found := p.entries[number]; found {
		return nil
	}
	if len(p.entries) >= maxEntries {
		return damaged("more than %d objects", maxEntries)
	}
	p.entries[number] = e
	if !e.free {
		p.highest = max(p.highest, number)
	}
	return nil
}

// table reads a classic section (7.5.4) from after its first word on. A
// hybrid's stream comes between the objects the table has and those it hides
// as free (7.5.8.4).
func (p *File) table(at int64) (Dict, error) {
	in := &words{r: bufio.NewReaderSize(io.NewSectionReader(p.f, p.Base+at, p.Size-p.Base-at), 1<<16)}
	type numbered struct {
		number int
		entry
	}
	var free []numbered
	for {
		first := in.next()
		if first == "trailer" {
			break
		}
		start, count := in.number(first), in.number(in.next())
		if in.err != nil || start < 0 || count < 0 || start+count > MaxNumber+1 {
			return nil, damaged("cross-reference table")
		}
		for i := range int(count) {
			offset, generation, kind := in.number(in.next()), in.number(in.next()), in.next()
			if in.err != nil || (kind != "n" && kind != "f") {
				return nil, damaged("cross-reference table, object %d", int(start)+i)
			}
			e := numbered{int(start) + i, entry{offset: offset, generation: int(generation)}}
			// An entry that points at the header is one nobody filled in.
			if kind == "f" || offset == 0 {
				e.free = true
				free = append(free, e)
			} else if err := p.add(e.number, e.entry); err != nil {
				return nil, err
			}
			if len(free) > maxEntries {
				return nil, damaged("more than %d objects", maxEntries)
			}
		}
	}
	trailer, err := p.dictAt(at + in.read)
	if err != nil {
		return nil, err
	}
	if hybrid, ok := trailer.Get("XRefStm").Int(); ok {
		if _, err := p.crossStream(hybrid); err != nil {
			return nil, err
		}
	}
	for _, e := range free {
		if err := p.add(e.number, e.entry); err != nil {
			return nil, err
		}
	}
	return trailer, nil
}

// dictAt reads a bare dictionary.
func (p *File) dictAt(offset int64) (Dict, error) {
	for size := 4096; ; size *= 8 {
		data, err := p.bytes(p.Base+offset, size)
		if err != nil {
			return nil, err
		}
		v, err := (&Lexer{Data: data}).Value()
		if errors.Is(err, io.ErrUnexpectedEOF) && len(data) == size && size < maxObject {
			continue
		}
		d, ok := v.Dict()
		if err != nil || !ok {
			return nil, damaged("trailer")
		}
		return d, nil
	}
}

// words reads a table word by word.
type words struct {
	r    *bufio.Reader
	read int64
	err  error
}

// next is the next word, at most 20 bytes long.
func (w *words) next() string {
	var word []byte
	for w.err == nil && len(word) <= 20 {
		c, err := w.r.ReadByte()
		if err != nil {
			w.err = err
			break
		}
		if isSpace(c) {
			w.read++
			if len(word) > 0 {
				break
			}
			continue
		}
		if isDelimiter(c) { // "trailer<<"
			_ = w.r.UnreadByte()
			break
		}
		w.read++
		word = append(word, c)
	}
	return string(word)
}

func (w *words) number(word string) int64 {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n
}

// crossStream reads a section that is a stream (7.5.8).
func (p *File) crossStream(at int64) (Dict, error) {
	o, err := p.objectAt(at)
	if err != nil {
		return nil, fmt.Errorf("cross-reference stream: %w", err)
	}
	d, _ := o.Value.Dict()
	if o.Stream == nil || d.Get("Type").Name() != "XRef" {
		return nil, damaged("startxref or /Prev points at object %d", o.Ref.Number)
	}
	var w [3]int
	widths, _ := d.Get("W").Array()
	for i := range w {
		if i >= len(widths) {
			return nil, damaged("cross-reference stream: /W")
		}
		n, ok := widths[i].Int()
		if !ok || n < 0 || n > 8 {
			return nil, damaged("cross-reference stream: /W")
		}
		w[i] = int(n)
	}
	size, _ := d.Get("Size").Int()
	index, ok := d.Get("Index").Array()
	if !ok {
		index = []Value{Value("0"), Value(strconv.FormatInt(size, 10))}
	}
	data, err := p.decode(o, maxEntries*int64(1+w[0]+w[1]+w[2]))
	if err != nil {
		return nil, fmt.Errorf("cross-reference stream: %w", err)
	}
	return d, p.addStream(data, w, index)
}

func (p *File) addStream(data []byte, w [3]int, index []Value) error {
	step := w[0] + w[1] + w[2]
	field := func(at, n int) (v int64) {
		for _, b := range data[at : at+n] {
			v = v<<8 | int64(b)
		}
		return v
	}
	at := 0
	for i := 0; i+1 < len(index); i += 2 {
		start, ok1 := index[i].Int()
		count, ok2 := index[i+1].Int()
		if !ok1 || !ok2 || start < 0 || count < 0 || start+count > MaxNumber+1 || step == 0 {
			return damaged("cross-reference stream: /Index")
		}
		for number := int(start); number < int(start+count) && at+step <= len(data); number++ {
			kind := int64(1)
			if w[0] > 0 {
				kind = field(at, w[0])
			}
			second, third := field(at+w[0], w[1]), field(at+w[0]+w[1], w[2])
			at += step
			e := entry{free: true}
			switch {
			case kind == 1 && second > 0:
				e = entry{offset: second, generation: int(third)}
			case kind == 2 && second > 0 && second <= MaxNumber:
				e = entry{stream: int(second)}
			}
			if err := p.add(number, e); err != nil {
				return err
			}
		}
	}
	return nil
}
