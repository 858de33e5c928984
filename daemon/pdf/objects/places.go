package objects

import (
	"bytes"
	"strconv"
)

// CheckPlaces looks whether every object begins where the cross-reference table
// says.
func (p *File) CheckPlaces() error {
	for _, number := range p.Numbers() {
		e := p.entries[number]
		if e.stream > 0 {
			if c := p.entries[e.stream]; c.free || c.stream > 0 || c.offset == 0 {
				return damaged("object %d is in object stream %d, which stands nowhere", number, e.stream)
			}
			continue
		}
		head, err := p.bytes(p.Base+e.offset, 48)
		if err != nil {
			return err
		}
		l := Lexer{Data: head}
		n, g, word := l.Next(), l.Next(), l.Next()
		found, ok := Value(head[n.Start:n.End]).Int()
		if !ok || found != int64(number) || string(head[g.Start:g.End]) != strconv.Itoa(e.generation) || !bytes.HasPrefix(head[word.Start:], []byte("obj")) {
			return damaged("object %d is not where the cross-reference table says", number)
		}
	}
	return nil
}
