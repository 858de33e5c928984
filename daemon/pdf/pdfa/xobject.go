package pdfa

import (
	"encoding/binary"

	"intray/daemon/pdf/syntax"
)

// Images and forms (ISO 19005-2, 6.2.8 and 6.2.9).

// imageKeys checks an image's dictionary, wherever it is used.
func (c *checker) imageKeys(d syntax.Dict) {
	if d["Alternates"] != nil {
		c.add("6.2.8.1", "A picture has alternates.")
	}
	if d["OPI"] != nil {
		c.add("6.2.8.1", "A picture stands for another one (OPI).")
	}
	if v, _ := c.resolve(d["Interpolate"]).(bool); v {
		c.add("6.2.8.1", "A picture asks to be interpolated.")
	}
	c.renderingIntent(d["Intent"])
}

func (c *checker) formKeys(d syntax.Dict) {
	if d["OPI"] != nil || d["PS"] != nil || c.name(d["Subtype2"]) == "PS" {
		c.add("6.2.9.1", "There is PostScript or a stand-in on a page.")
	}
	if d["Ref"] != nil {
		c.add("6.2.9.2", "Part of a page is in another file.")
	}
}

// xobject checks what Do draws.
func (c *checker) xobject(o syntax.Object, r *resources, nesting int) {
	ref, _ := o.(syntax.Ref)
	if o == nil {
		return
	}
	s, ok := c.resolve(o).(*syntax.Stream)
	if !ok {
		c.add("6.2.8.1", "A picture or form%s is missing.", c.on())
		return
	}
	d := s.Dict
	switch kind := c.name(d["Subtype"]); kind {
	case "Image":
		key := visit{number: ref.Number, what: "picture"}
		if r != nil && len(r.defaults) > 0 {
			key.under = r
		}
		if ref.Number == 0 || !c.visited[key] {
			c.visited[key] = true
			c.image(s, r)
		}
	case "Form":
		if group := c.dict(d["Group"]); group != nil {
			c.transparent()
			c.group(group, c.resources(d["Resources"]))
		}
		c.stream(o, ref, d, "A form", nesting)
	default:
		c.add("6.2.9.3", "There is something of the kind %s%s.", plain(kind), c.on())
	}
}

func (c *checker) image(s *syntax.Stream, r *resources) {
	d := s.Dict
	if d["SMask"] != nil || d["SMaskInData"] != nil {
		c.transparent()
	}
	if mask, ok := c.resolve(d["SMask"]).(*syntax.Stream); ok && c.name(mask.Dict["ColorSpace"]) != "DeviceGray" {
		c.add("6.2.10", "A picture's mask%s is not grey.", c.on())
	}
	filters, _, _ := c.f.Filters(d)
	jpx := len(filters) > 0 && filters[len(filters)-1] == "JPXDecode"
	if jpx {
		c.jpx(s, filters, r)
	}
	if mask, _ := c.resolve(d["ImageMask"]).(bool); mask {
		if bits, ok := c.integer(d["BitsPerComponent"]); ok && bits != 1 {
			c.add("6.2.8.1", "A stencil%s has more than one bit.", c.on())
		}
		return
	}
	if d["ColorSpace"] != nil {
		c.space(d["ColorSpace"], r, 0)
	} else if !jpx {
		c.add("6.2.4.1", "A picture%s has no colour space.", c.on())
	}
	if bits, ok := c.integer(d["BitsPerComponent"]); !jpx && (!ok || !oneOf(bits, 1, 2, 4, 8, 16)) {
		c.add("6.2.8.1", "A picture%s has an impossible number of bits.", c.on())
	}
}

// inlineImage checks an image within a content stream (6.1.10, 6.2.8.1).
func (c *checker) inlineImage(d syntax.Dict, r *resources) {
	value := func(short, long syntax.Name) syntax.Object {
		if v := d[short]; v != nil {
			return v
		}
		return d[long]
	}
	if v, _ := value("I", "Interpolate").(bool); v {
		c.add("6.2.8.1", "A picture asks to be interpolated.")
	}
	c.renderingIntent(d["Intent"])
	filters, _ := value("F", "Filter").(syntax.Array)
	if n, ok := value("F", "Filter").(syntax.Name); ok {
		filters = syntax.Array{n}
	}
	for _, o := range filters {
		if n, _ := o.(syntax.Name); !oneOf(n, "AHx", "ASCIIHexDecode", "A85", "ASCII85Decode", "Fl", "FlateDecode", "RL", "RunLengthDecode", "CCF", "CCITTFaxDecode", "DCT", "DCTDecode") {
			c.add("6.1.10", "A picture within the content%s has the filter %s.", c.on(), plain(n))
		}
	}
	if mask, _ := value("IM", "ImageMask").(bool); mask {
		return
	}
	switch v := value("CS", "ColorSpace").(type) {
	case syntax.Name:
		long := map[syntax.Name]syntax.Name{"G": "DeviceGray", "RGB": "DeviceRGB", "CMYK": "DeviceCMYK", "DeviceGray": "DeviceGray", "DeviceRGB": "DeviceRGB", "DeviceCMYK": "DeviceCMYK"}[v]
		if long != "" {
			c.device(long, r, 0)
			return
		}
		c.space(c.find(r, "ColorSpace", v), r, 0)
	case syntax.Array:
		if len(v) == 4 && (v[0] == syntax.Name("I") || v[0] == syntax.Name("Indexed")) {
			c.inlineImage(syntax.Dict{"CS": v[1]}, r)
			return
		}
		c.add("6.2.4.1", "A picture within the content%s has a damaged colour space.", c.on())
	default:
		c.add("6.2.4.1", "A picture within the content%s has no colour space.", c.on())
	}
}

// jpx checks the boxes of a JPEG 2000 picture (6.2.8.3; ISO 15444-1, annex I).
func (c *checker) jpx(s *syntax.Stream, filters []syntax.Name, r *resources) {
	bad := func(format string, args ...any) {
		c.add("6.2.8.3", "A JPEG 2000 picture"+c.on()+" "+format+".", args...)
	}
	if len(filters) != 1 || s.Length > maxStream {
		bad("cannot be checked")
		return
	}
	c.spend(int(s.Length))
	data, err := c.f.Raw(s)
	if err != nil {
		c.failure = err
		return
	}
	var header []byte
	if !boxes(data, func(kind string, body []byte) {
		if kind == "jp2h" {
			header = body
		}
	}) || header == nil {
		bad("cannot be checked: it has no header of its own")
		return
	}
	c.jpxHeader(header, s.Dict, r, bad)
}

// jpxHeader checks the header of a JPEG 2000 picture, and its colours.
func (c *checker) jpxHeader(header []byte, d syntax.Dict, r *resources, bad func(string, ...any)) {
	var specifications [][]byte
	channels, bits := 0, byte(255)
	palette := false
	ok := boxes(header, func(kind string, body []byte) {
		switch {
		case kind == "ihdr" && len(body) >= 14:
			channels, bits = int(binary.BigEndian.Uint16(body[8:])), body[10]
		case kind == "colr" && len(body) >= 3:
			specifications = append(specifications, body)
		case kind == "pclr":
			palette = true
		case kind == "bpcc":
			bits = 255
		}
	})
	if !ok || channels == 0 {
		bad("is damaged")
		return
	}
	if bits == 255 {
		bad("has channels of different depths")
	} else if bits&0x7F > 37 {
		bad("has more than 38 bits a channel")
	}
	if d["SMaskInData"] == nil && !palette && !oneOf(channels, 1, 3, 4) {
		bad("has %d channels", channels)
	}
	c.jpxColour(specifications, d["ColorSpace"] != nil, r, bad)
}

// jpxColour checks the colour specifications of a JPEG 2000 picture.
func (c *checker) jpxColour(specifications [][]byte, given bool, r *resources, bad func(string, ...any)) {
	best := 0
	for _, b := range specifications {
		if b[2] == 1 {
			best++
		}
	}
	if len(specifications) == 0 || len(specifications) > 1 && best != 1 {
		bad("does not say in one way which colours it has")
		return
	}
	for _, b := range specifications {
		if len(specifications) > 1 && b[2] != 1 {
			continue
		}
		switch {
		case b[0] == 1 && len(b) >= 7:
			switch space := binary.BigEndian.Uint32(b[3:]); {
			case space == 19:
				bad("has colours of the kind CIEJab")
			case given:
			case space == 12:
				c.device("DeviceCMYK", r, 0)
			case space == 16 || space == 18:
				c.device("DeviceRGB", r, 0)
			case space == 17:
				c.device("DeviceGray", r, 0)
			default:
				bad("has colours that cannot be checked")
			}
		case b[0] == 2 || b[0] == 3:
			if _, err := readProfile(b[3:]); err != nil {
				bad("has a damaged profile")
			}
		default:
			bad("has colours that cannot be checked")
		}
	}
}

// boxes calls each for the boxes in data; false if they are damaged.
func boxes(data []byte, each func(kind string, body []byte)) bool {
	for len(data) > 0 {
		if len(data) < 8 {
			return false
		}
		size, head := uint64(binary.BigEndian.Uint32(data)), uint64(8)
		kind := string(data[4:8])
		if size == 1 && len(data) >= 16 {
			size, head = binary.BigEndian.Uint64(data[8:]), 16
		} else if size == 0 {
			size = uint64(len(data))
		}
		if size < head || size > uint64(len(data)) {
			return false
		}
		each(kind, data[head:size])
		data = data[size:]
	}
	return true
}
