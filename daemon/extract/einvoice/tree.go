package einvoice

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Limits on what is read: an invoice with thousands of lines has a few
// megabytes and a dozen levels.
const (
	MaxBytes    = 16 << 20
	maxDepth    = 64
	maxElements = 400_000
	maxText     = 64 << 10 // of one element
)

// node is an element with its local name; namespaces are told by the root.
type node struct {
	name, space string
	attrs       map[string]string
	text        string
	children    []*node
}

// parse reads a document within the limits. A document type declaration is
// refused: it is where entities are defined that grow when they are expanded, or
// that reach other files. No e-invoice has one.
func parse(data []byte) (*node, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%d bytes; an e-invoice has at most %d", len(data), MaxBytes)
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = charset
	p := &parser{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := p.take(token); err != nil {
			return nil, err
		}
	}
	if p.root == nil || len(p.stack) > 0 {
		return nil, errors.New("no element, or one without an end")
	}
	return p.root, nil
}

type parser struct {
	root     *node
	stack    []*node
	elements int
}

func (p *parser) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.Directive:
		return errors.New("a document type declaration, which no e-invoice has")
	case xml.StartElement:
		if p.elements++; p.elements > maxElements || len(p.stack) >= maxDepth {
			return errors.New("too many elements, or too deeply nested")
		}
		n := &node{name: t.Name.Local, space: t.Name.Space}
		for _, a := range t.Attr {
			if n.attrs == nil {
				n.attrs = map[string]string{}
			}
			n.attrs[a.Name.Local] = a.Value
		}
		switch {
		case len(p.stack) > 0:
			parent := p.stack[len(p.stack)-1]
			parent.children = append(parent.children, n)
		case p.root != nil:
			return errors.New("more than one root")
		default:
			p.root = n
		}
		p.stack = append(p.stack, n)
	case xml.EndElement:
		p.stack = p.stack[:len(p.stack)-1]
	case xml.CharData:
		if len(p.stack) > 0 {
			if n := p.stack[len(p.stack)-1]; len(n.text)+len(t) <= maxText {
				n.text += string(t)
			}
		}
	}
	return nil
}

// charset reads the older encodings that XML files come in.
func charset(name string, in io.Reader) (io.Reader, error) {
	for _, c := range []*charmap.Charmap{charmap.ISO8859_1, charmap.ISO8859_15, charmap.Windows1252} {
		if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), strings.ReplaceAll(c.String(), " ", "-")) {
			return c.NewDecoder().Reader(in), nil
		}
	}
	return nil, fmt.Errorf("encoding %q", name)
}

// all are the elements at a path of local names; a name may be one of several,
// parted by "|".
func (n *node) all(path ...string) []*node {
	if n == nil {
		return nil
	}
	if len(path) == 0 {
		return []*node{n}
	}
	var out []*node
	names := strings.Split(path[0], "|")
	for _, c := range n.children {
		if slices.Contains(names, c.name) {
			out = append(out, c.all(path[1:]...)...)
		}
	}
	return out
}

// first is the first element at a path; nil if there is none.
func (n *node) first(path ...string) *node {
	if all := n.all(path...); len(all) > 0 {
		return all[0]
	}
	return nil
}

// value is an element's text on one line; "" of none.
func (n *node) value() string {
	if n == nil {
		return ""
	}
	return strings.Join(strings.Fields(n.text), " ")
}

// at is the text of the first element at a path.
func (n *node) at(path ...string) string { return n.first(path...).value() }
