package pdfa

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of what is read of a packet.
const (
	maxPacket   = 16 << 20
	maxXMPDepth = 64
	maxElements = 200000
)

// xmpPacket is what a packet says, property by property.
type xmpPacket struct {
	properties []xmpProperty
	subject    string // rdf:about
	end        int    // where the RDF element's end tag starts
	// header are the attributes of the opening xpacket instruction.
	header   string
	elements int // read so far
}

// xmpProperty is one top-level property and the shape of its value.
type xmpProperty struct {
	space, name string
	shape       shape
	items       []string // the texts of a simple value or of an array's members
	body        *element // the parsed element; nil for an attribute
}

// shape is the form of a property's value (XMP Specification 2005, "Property
// values").
type shape string

const (
	shapeText   shape = "text"
	shapeSeq    shape = "Seq"
	shapeBag    shape = "Bag"
	shapeAlt    shape = "Alt"
	shapeStruct shape = "structure"
)

// element is an XML element of a packet.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	children []*element
	text     []byte
}

func (e *element) attr(space, name string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name.Space == space && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

func (p *xmpPacket) about() string {
	if p == nil {
		return ""
	}
	return p.subject
}

func (p *xmpPacket) find(space, name string) *xmpProperty {
	if p == nil {
		return nil
	}
	for i := range p.properties {
		if q := &p.properties[i]; q.space == space && q.name == name {
			return q
		}
	}
	return nil
}

func (p *xmpPacket) has(space, name string) bool { return p.find(space, name) != nil }

func (p *xmpPacket) text(space, name string) string {
	if q := p.find(space, name); q != nil && len(q.items) > 0 {
		return q.items[0]
	}
	return ""
}

// parseXMP reads a packet in UTF-8 (XMP Specification 2005, "XMP storage model").
func parseXMP(packet []byte) (*xmpPacket, error) {
	if len(packet) > maxPacket {
		return nil, errors.New("the metadata are too large")
	}
	p := &xmpPacket{end: -1}
	d := xml.NewDecoder(bytes.NewReader(packet))
	var stack []*element
	for {
		at := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
		if stack, err = p.token(token, at, stack); err != nil {
			return nil, err
		}
	}
	if p.end < 0 {
		return nil, errors.New("the metadata have no RDF element")
	}
	return p, nil
}

// token takes one XML token, which starts at a byte of the packet; stack are the
// elements that are open.
func (p *xmpPacket) token(token xml.Token, at int, stack []*element) ([]*element, error) {
	switch t := token.(type) {
	case xml.ProcInst:
		if t.Target == "xpacket" && p.header == "" {
			p.header = string(t.Inst)
		}
	case xml.StartElement:
		if p.elements++; len(stack) >= maxXMPDepth || p.elements > maxElements {
			return nil, errors.New("the metadata are nested too deeply or too large")
		}
		e := &element{name: t.Name, attrs: t.Copy().Attr}
		if len(stack) > 0 {
			parent := stack[len(stack)-1]
			parent.children = append(parent.children, e)
		}
		return append(stack, e), nil
	case xml.CharData:
		if len(stack) > 0 {
			top := stack[len(stack)-1]
			top.text = append(top.text, t...)
		}
	case xml.EndElement:
		e := stack[len(stack)-1]
		if e.name == (xml.Name{Space: nsRDF, Local: "RDF"}) {
			if p.end >= 0 {
				return nil, errors.New("the metadata have two RDF elements")
			}
			p.end = at
			if err := p.read(e); err != nil {
				return nil, err
			}
		}
		return stack[:len(stack)-1], nil
	}
	return stack, nil
}

func (p *xmpPacket) read(rdf *element) error {
	for i, d := range rdf.children {
		if d.name != (xml.Name{Space: nsRDF, Local: "Description"}) {
			return fmt.Errorf("the metadata have an element %s where a description belongs", d.name.Local)
		}
		if about, _ := d.attr(nsRDF, "about"); i == 0 {
			p.subject = about
		} else if about != p.subject {
			return errors.New("the metadata describe several things")
		}
		for _, a := range d.attrs {
			if a.Name.Space != "" && a.Name.Space != "xmlns" && a.Name.Space != nsRDF && a.Name.Space != nsXML && a.Name.Space != "xml" {
				p.properties = append(p.properties, xmpProperty{space: a.Name.Space, name: a.Name.Local, shape: shapeText, items: []string{a.Value}})
			}
		}
		for _, e := range d.children {
			q := xmpProperty{space: e.name.Space, name: e.name.Local, body: e}
			q.shape, q.items = valueOf(e)
			p.properties = append(p.properties, q)
		}
	}
	return nil
}

// valueOf tells the shape of a property's value and the texts in it.
func valueOf(e *element) (shape, []string) {
	if uri, ok := e.attr(nsRDF, "resource"); ok {
		return shapeText, []string{uri}
	}
	if kind, ok := e.attr(nsRDF, "parseType"); ok && kind == "Resource" {
		return shapeStruct, nil
	}
	if len(e.children) == 0 {
		for _, a := range e.attrs {
			if a.Name.Space != "" && a.Name.Space != "xmlns" && a.Name.Space != nsRDF && a.Name.Space != nsXML {
				return shapeStruct, nil
			}
		}
		return shapeText, []string{strings.TrimSpace(string(e.text))}
	}
	only := e.children[0]
	if only.name.Space != nsRDF || len(e.children) > 1 {
		return "", nil
	}
	s := shape(only.name.Local)
	switch s {
	case shapeSeq, shapeBag, shapeAlt:
	case "Description":
		return shapeStruct, nil
	default:
		return "", nil
	}
	var items []string
	for _, li := range only.children {
		if li.name != (xml.Name{Space: nsRDF, Local: "li"}) {
			return "", nil
		}
		items = append(items, strings.TrimSpace(string(li.text)))
	}
	return s, items
}
