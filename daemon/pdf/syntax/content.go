package syntax

import (
	"bytes"
	"fmt"
	"io"
)

// maxOperands is the most an operator takes: the components of 32 colourants
// and a pattern's name.
const maxOperands = 33

// Known is true for the operators of ISO 32000-1, Annex A.
func Known(operator string) bool {
	switch operator {
	case "b", "B", "b*", "B*", "BDC", "BI", "BMC", "BT", "BX", "c", "cm", "CS", "cs", "d", "d0", "d1",
		"Do", "DP", "EI", "EMC", "ET", "EX", "f", "F", "f*", "G", "g", "gs", "h", "i", "ID", "j", "J", "K", "k", "l", "m", "M",
		"MP", "n", "q", "Q", "re", "RG", "rg", "ri", "s", "S", "SC", "sc", "SCN", "scn", "sh", "T*", "Tc", "Td", "TD", "Tf",
		"Tj", "TJ", "TL", "Tm", "Tr", "Ts", "Tw", "Tz", "v", "w", "W", "W*", "y", "'", "\"":
		return true
	}
	return false
}

// Operation is one operator with its operands.
type Operation struct {
	Operator string
	// Operands are valid until the next call of Next.
	Operands []Object
	// Start and End are where the operation, operands included, stands in the
	// stream's bytes: data[Start:End] can be taken out.
	Start, End int
	// Image is the dictionary of an inline image (operator "BI"), its keys and
	// values as they are written; Data are its bytes, compressed as they are.
	Image Dict
	Data  []byte
}

// Content reads a content stream operation by operation.
type Content struct {
	lexer    lexer
	operands []Object
	most     int // operands of one operator
}

// NewContent reads the decoded bytes of a content stream. A page with several
// streams is read as one, joined by a line feed (ISO 32000-1, 7.8.2).
func NewContent(data []byte) *Content { return &Content{lexer: lexer{data: data}, most: maxOperands} }

// NewCMap reads a CMap, whose PostScript is like a content stream with its own
// operators (ISO 32000-1, 9.7.5.4).
func NewCMap(data []byte) *Content { return &Content{lexer: lexer{data: data}, most: 3 * 1024} }

// Faults are those met so far.
func (c *Content) Faults() Faults { return c.lexer.faults }

// Next returns the next operation; io.EOF after the last. After another error
// the rest of the stream cannot be read.
func (c *Content) Next() (Operation, error) {
	l := &c.lexer
	c.operands, l.cost = c.operands[:0], 0
	l.space()
	start := l.pos
	for {
		l.space()
		if l.pos >= len(l.data) {
			if len(c.operands) > 0 {
				return Operation{}, l.complain("operands without an operator at the end")
			}
			return Operation{}, io.EOF
		}
		o, err := l.next(maxDepth)
		if err != nil {
			return Operation{}, err
		}
		if op, ok := o.(keyword); ok {
			out := Operation{Operator: string(op), Operands: c.operands, Start: start, End: l.pos}
			if op == "BI" {
				return c.inline(out)
			}
			return out, nil
		}
		if len(c.operands) >= c.most {
			return Operation{}, l.complain("too many operands")
		}
		c.operands = append(c.operands, o)
	}
}

// inline reads the rest of an inline image (ISO 32000-1, 8.9.7).
func (c *Content) inline(op Operation) (Operation, error) {
	l := &c.lexer
	op.Image = Dict{}
	for {
		k, err := l.next(maxDepth)
		if err != nil {
			return op, fmt.Errorf("inline image: %w", err)
		}
		if k == keyword("ID") {
			break
		}
		key, ok := k.(Name)
		if !ok {
			return op, l.complain("a key of an inline image is no name")
		}
		v, err := l.next(maxDepth)
		if err != nil {
			return op, fmt.Errorf("inline image: %w", err)
		}
		if _, bad := v.(keyword); bad {
			return op, l.complain("inline image")
		}
		op.Image[key] = v
	}
	if l.pos >= len(l.data) || !white(l.data[l.pos]) {
		return op, l.complain("no white space after ID")
	}
	start := l.pos + 1
	end := inlineEnd(l.data, start, rawLength(op.Image))
	if end < 0 {
		return op, l.complain("an inline image without an end")
	}
	op.Data = l.data[start:end]
	l.pos = end
	for l.pos < len(l.data) && white(l.data[l.pos]) {
		l.pos++
	}
	l.pos += len("EI")
	op.End = l.pos
	return op, nil
}

// rawLength is the size of an unfiltered inline image, -1 when it cannot be
// told from its dictionary.
func rawLength(d Dict) int {
	value := func(long, short Name) Object {
		if v, ok := d[short]; ok {
			return v
		}
		return d[long]
	}
	if value("Filter", "F") != nil {
		return -1
	}
	w, _ := value("Width", "W").(int64)
	h, _ := value("Height", "H").(int64)
	bits, _ := value("BitsPerComponent", "BPC").(int64)
	components := int64(0)
	if mask, _ := value("ImageMask", "IM").(bool); mask {
		bits, components = 1, 1
	} else if space, ok := value("ColorSpace", "CS").(Name); ok {
		components = map[Name]int64{"G": 1, "DeviceGray": 1, "RGB": 3, "DeviceRGB": 3, "CMYK": 4, "DeviceCMYK": 4}[space]
	} else if a, ok := value("ColorSpace", "CS").(Array); ok && len(a) > 0 && (a[0] == Name("I") || a[0] == Name("Indexed")) {
		components = 1
	}
	const most = 1 << 16
	if w <= 0 || h <= 0 || bits <= 0 || bits > 16 || components == 0 || w > most || h > most {
		return -1
	}
	return int((w*components*bits + 7) / 8 * h)
}

// inlineEnd finds where an inline image's bytes end. Of filtered ones the end is
// the first EI between white space that text follows, as readers do.
func inlineEnd(data []byte, start, length int) int {
	if length >= 0 && endsAt(data, start+length) {
		return start + length
	}
	for from := start; ; {
		i := bytes.Index(data[from:], []byte("EI"))
		if i < 0 {
			return -1
		}
		at := from + i
		if at > start && white(data[at-1]) && endsAt(data, at) && textual(data[at+2:]) {
			return at - 1
		}
		if at == start && endsAt(data, at) {
			return at
		}
		from = at + 2
	}
}

// endsAt is true when EI follows at, after white space if any.
func endsAt(data []byte, at int) bool {
	for at < len(data) && white(data[at]) {
		at++
	}
	return at+2 <= len(data) && at >= 0 && data[at] == 'E' && data[at+1] == 'I' && (at+2 == len(data) || !regular(data[at+2]))
}

// textual is true when data go on like a content stream.
func textual(data []byte) bool {
	for _, c := range data[:min(len(data), 16)] {
		if c > '~' || c < ' ' && !white(c) {
			return false
		}
	}
	return true
}
