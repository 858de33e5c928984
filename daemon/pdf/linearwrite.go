package pdf

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
)

// write numbers the parts, computes where each will stand and writes them.
// Offsets in hint tables are as if there was no hint stream (F.4.1).
func (p *plan) write(w *writer) error {
	second := [][]int32{p.private, p.shared, p.rest}
	next := 1
	number := func(lists ...[]int32) {
		for _, list := range lists {
			for _, i := range list {
				p.parts[i].number = next
				next++
			}
		}
	}
	number(second...)
	dictionary := next
	next++
	number(p.opened)
	hint := next
	next++
	number(p.first)
	if err := p.measure(); err != nil {
		return err
	}
	l := layout{plan: p, dictionary: dictionary, hint: hint, size: next}
	if err := l.place(); err != nil {
		return err
	}
	if float64(l.length) > float64(p.src.Size)*maxGrowth+growthSlack || l.length > math.MaxUint32 {
		return errAsIs
	}
	return l.write(w)
}

// A file may grow by maxGrowth and a little when object streams are unpacked.
const (
	maxGrowth   = 1.05
	growthSlack = 16 << 10 // bytes
)

// layout says where everything stands.
type layout struct {
	*plan
	dictionary, hint, size    int // numbers of objects and of all of them
	hintAt, firstEnd, tableAt int64
	firstTable                int64
	length                    int64
	hints                     []byte // the hint stream's object
}

// Room for what is known only when everything has its place.
const (
	dictionaryRoom = 200
	prevRoom       = 10 // digits
)

// place computes the offsets.
func (l *layout) place() error {
	at := int64(len(l.header())) + dictionaryRoom
	l.firstTable = at
	at += int64(len(l.firstXRef()))
	put := func(lists ...[]int32) {
		for _, list := range lists {
			for _, i := range list {
				l.parts[i].offset = at
				at += l.parts[i].length
			}
		}
	}
	put(l.opened)
	l.hintAt = at
	put(l.first)
	l.firstEnd = at
	put(l.private, l.shared, l.rest)
	l.hints = l.hintStream()
	// Everything behind the hint stream moves by its length.
	shift := int64(len(l.hints))
	for _, list := range [][]int32{l.first, l.private, l.shared, l.rest} {
		for _, i := range list {
			l.parts[i].offset += shift
		}
	}
	l.firstEnd += shift
	l.tableAt = at + shift
	l.length = l.tableAt + int64(len(l.mainXRef()))
	return nil
}

func (l *layout) write(w *writer) error {
	head := append(l.header(), l.parameters()...)
	if err := w.write(append(head, l.firstXRef()...)); err != nil {
		return err
	}
	emit := func(lists ...[]int32) error {
		for _, list := range lists {
			for _, i := range list {
				if w.pos != l.parts[i].offset {
					return fmt.Errorf("linearize: object %d at %d instead of %d", l.parts[i].number, w.pos, l.parts[i].offset)
				}
				if err := l.emit(w, i); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := emit(l.opened); err != nil {
		return err
	}
	if err := w.write(l.hints); err != nil {
		return err
	}
	if err := emit(l.first, l.private, l.shared, l.rest); err != nil {
		return err
	}
	return w.write(l.mainXRef())
}

// parameters is the linearization dictionary (F.3.3), padded to its room.
func (l *layout) parameters() []byte {
	// The blank after the bracket is one some readers need.
	out := fmt.Appendf(nil, "%d 0 obj\n<< /Linearized 1 /L %d /H [ %d %d ] /O %d /E %d /N %d /T %d >>\nendobj\n", l.dictionary, l.length,
		l.hintAt, len(l.hints), l.parts[l.pages[0]].number, l.firstEnd, len(l.pages), l.tableAt+int64(len("xref\n0 ")+len(fmt.Sprint(l.dictionary))))
	return append(append(out, bytes.Repeat([]byte(" "), dictionaryRoom-1-len(out))...), '\n')
}

// firstXRef is the cross-reference table of the first page's objects, with the
// trailer of the whole file (F.3.4).
func (l *layout) firstXRef() []byte {
	out := fmt.Appendf(nil, "xref\n%d %d\n", l.dictionary, l.size-l.dictionary)
	out = fmt.Appendf(out, "%010d 00000 n \n", len(l.header()))
	for _, i := range l.opened {
		out = fmt.Appendf(out, "%010d 00000 n \n", l.parts[i].offset)
	}
	out = fmt.Appendf(out, "%010d 00000 n \n", l.hintAt)
	for _, i := range l.first {
		out = fmt.Appendf(out, "%010d 00000 n \n", l.parts[i].offset)
	}
	return fmt.Appendf(out, "trailer\n<< /Size %d /Prev %-*d %s >>\nstartxref\n0\n%%%%EOF\n", l.size, prevRoom, l.tableAt, l.renumbered(l.trailer().Entries()))
}

// mainXRef is the table of the other objects (F.3.10).
func (l *layout) mainXRef() []byte {
	out := fmt.Appendf(nil, "xref\n0 %d\n0000000000 65535 f \n", l.dictionary)
	for _, list := range [][]int32{l.private, l.shared, l.rest} {
		for _, i := range list {
			out = fmt.Appendf(out, "%010d 00000 n \n", l.parts[i].offset)
		}
	}
	id := ""
	if v := l.trailer().Get("ID"); v != nil {
		id = " /ID " + string(l.renumbered(v))
	}
	return fmt.Appendf(out, "trailer\n<< /Size %d%s >>\nstartxref\n%d\n%%%%EOF\n", l.dictionary, id, l.firstTable)
}

// hintStream is the object of the primary hint stream (F.4): page offsets,
// shared objects and, where there are, outlines.
func (l *layout) hintStream() []byte {
	var b bitWriter
	l.pageHints(&b)
	shared := len(b.out)
	l.sharedHints(&b)
	entries := fmt.Sprintf("/S %d", shared)
	if len(l.outline) > 0 {
		entries += fmt.Sprintf(" /O %d", len(b.out))
		first, length := l.outline[0], int64(0)
		for _, i := range l.outline {
			length += l.parts[i].length
		}
		b.put(32, l.parts[first].number, int(l.parts[first].offset), len(l.outline), int(length))
	}
	return fmt.Appendf(nil, "%d 0 obj\n%s\nendobj\n", l.hint, stream(entries, b.out))
}

// pageHints is the page offset hint table (F.4.2). Where a page's content lies
// among its objects nobody asks; as in other writers it is all of them.
func (l *layout) pageHints(b *bitWriter) {
	var lengths, uses []int
	rest := l.private
	for n, count := range l.counts {
		list := l.first
		if n > 0 {
			list, rest = rest[:count], rest[count:]
		}
		length := 0
		for _, i := range list {
			length += int(l.parts[i].length)
		}
		lengths, uses = append(lengths, length), append(uses, len(l.uses[n]))
	}
	leastCount, countBits := span(l.counts)
	leastLength, lengthBits := span(lengths)
	_, useBits := span(append(uses, 0))
	shared := len(l.first) + len(l.shared)
	idBits := bits.Len(uint(shared))
	b.put(32, leastCount, int(l.parts[l.first[0]].offset))
	b.put(16, countBits)
	b.put(32, leastLength)
	b.put(16, lengthBits)
	b.put(32, 0)
	b.put(16, 0)
	b.put(32, leastLength)
	b.put(16, lengthBits, useBits, idBits, 0, 4)
	for _, c := range l.counts {
		b.put(countBits, c-leastCount)
	}
	b.align()
	for _, n := range lengths {
		b.put(lengthBits, n-leastLength)
	}
	b.align()
	for _, n := range uses {
		b.put(useBits, n)
	}
	b.align()
	for _, list := range l.uses {
		for _, i := range list {
			b.put(idBits, int(i))
		}
	}
	b.align()
	for _, n := range lengths {
		b.put(lengthBits, n-leastLength)
	}
	b.align()
}

// sharedHints is the shared object hint table (F.4.3), each object a group of
// its own.
func (l *layout) sharedHints(b *bitWriter) {
	all := append(append([]int32(nil), l.first...), l.shared...)
	lengths := make([]int, len(all))
	for n, i := range all {
		lengths[n] = int(l.parts[i].length)
	}
	least, lengthBits := span(lengths)
	number, offset := 0, 0
	if len(l.shared) > 0 {
		number, offset = l.parts[l.shared[0]].number, int(l.parts[l.shared[0]].offset)
	}
	b.put(32, number, offset, len(l.first), len(all))
	b.put(16, 0)
	b.put(32, least)
	b.put(16, lengthBits)
	for _, n := range lengths {
		b.put(lengthBits, n-least)
	}
	b.align()
	for range all {
		b.put(1, 0) // no signature
	}
	b.align()
}

// span is the least of the values and how many bits the others' distance takes.
func span(values []int) (least, width int) {
	least, most := values[0], values[0]
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	return least, bits.Len(uint(most - least))
}

// bitWriter packs numbers, the highest bit first.
type bitWriter struct {
	out  []byte
	free int // bits left in the last byte
}

func (b *bitWriter) put(width int, values ...int) {
	for _, v := range values {
		for n := width - 1; n >= 0; n-- {
			if b.free == 0 {
				b.out, b.free = append(b.out, 0), 8
			}
			b.free--
			b.out[len(b.out)-1] |= byte(v>>n&1) << b.free
		}
	}
}

func (b *bitWriter) align() { b.free = 0 }
