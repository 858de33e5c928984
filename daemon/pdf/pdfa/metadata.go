package pdfa

import (
	"regexp"
	"strings"

	"intray/daemon/pdf/syntax"
)

// Metadata (ISO 19005-2, 6.6). The document information dictionary is not
// looked at: part 2 has readers ignore it.

// metadata is a metadata stream somewhere in the file.
type metadata struct {
	number int
	stream *syntax.Stream
}

const nsExtension = "http://www.aiim.org/pdfa/ns/extension/"

// schemas are the namespaces whose properties need no description, and the
// shapes of their values (XMP Specification 2005, chapter 4; ISO 19005-2,
// 6.6.2.3.1 and 6.6.4). Others may exist; whoever uses them describes them.
func schemas() map[string]map[string]shape {
	list := func(s shape, names string, into map[string]shape) map[string]shape {
		for _, n := range strings.Fields(names) {
			into[n] = s
		}
		return into
	}
	dc := list(shapeText, "coverage format identifier source", map[string]shape{})
	list(shapeBag, "contributor language publisher relation subject type", dc)
	list(shapeSeq, "creator date", dc)
	list(shapeAlt, "description rights title", dc)
	basic := list(shapeText, "BaseURL CreateDate CreatorTool Label MetadataDate ModifyDate Nickname Rating", map[string]shape{})
	list(shapeBag, "Advisory Identifier", basic)
	list(shapeAlt, "Thumbnails", basic)
	rights := list(shapeText, "Certificate Marked WebStatement", map[string]shape{})
	list(shapeBag, "Owner", rights)
	list(shapeAlt, "UsageTerms", rights)
	media := list(shapeText, "DocumentID InstanceID ManageTo ManageUI Manager ManagerVariant ManageFrom OriginalDocumentID RenditionClass RenditionParams VersionID LastURL SaveID", map[string]shape{})
	list(shapeSeq, "History Versions", media)
	list(shapeStruct, "DerivedFrom RenditionOf ManagedFrom", media)
	paged := list(shapeText, "NPages", map[string]shape{})
	list(shapeStruct, "MaxPageSize", paged)
	list(shapeBag, "Fonts", paged)
	list(shapeSeq, "Colorants PlateNames", paged)
	photo := list(shapeText, "AuthorsPosition CaptionWriter Category City Country Credit DateCreated Headline Instructions Source State TransmissionReference Urgency", map[string]shape{})
	list(shapeBag, "SupplementalCategories", photo)
	tiff := list(shapeText, "ImageWidth ImageLength Compression PhotometricInterpretation Orientation SamplesPerPixel PlanarConfiguration YCbCrPositioning XResolution YResolution ResolutionUnit DateTime Make Model Software Artist", map[string]shape{})
	list(shapeSeq, "BitsPerSample YCbCrSubSampling TransferFunction WhitePoint PrimaryChromaticities YCbCrCoefficients ReferenceBlackWhite", tiff)
	list(shapeAlt, "ImageDescription Copyright", tiff)
	return map[string]map[string]shape{
		nsDC: dc, nsXMP: basic,
		nsPDF:                                 list(shapeText, "Keywords PDFVersion Producer", map[string]shape{}),
		nsPDFA:                                list(shapeText, "part conformance amd corr", map[string]shape{}),
		"http://ns.adobe.com/xap/1.0/rights/": rights,
		"http://ns.adobe.com/xap/1.0/mm/":     media,
		"http://ns.adobe.com/xap/1.0/bj/":     list(shapeBag, "JobRef", map[string]shape{}),
		"http://ns.adobe.com/xap/1.0/t/pg/":   paged,
		"http://ns.adobe.com/photoshop/1.0/":  photo,
		"http://ns.adobe.com/tiff/1.0/":       tiff,
		nsExtension:                           list(shapeBag, "schemas", map[string]shape{}),
	}
}

// packets checks the document's metadata and all others.
func (c *checker) packets() {
	ref, _ := c.root["Metadata"].(syntax.Ref)
	main, ok := c.resolve(c.root["Metadata"]).(*syntax.Stream)
	if !ok || c.name(main.Dict["Type"]) != "Metadata" || c.name(main.Dict["Subtype"]) != "XML" {
		c.add("6.6.2.1", "The file has no metadata.")
		return
	}
	known := schemas()
	described := map[string]map[string]shape{}
	if p := c.packet(main, "The file's metadata"); p != nil {
		c.identification(p)
		c.extension(p, described)
		c.properties(p, known, described)
	}
	for _, m := range c.metadata {
		if m.number == ref.Number {
			continue
		}
		if p := c.packet(m.stream, "The metadata of a part of the file"); p != nil {
			c.properties(p, known, described)
		}
	}
}

func (c *checker) packet(s *syntax.Stream, what string) *xmpPacket {
	data, err := c.f.Decode(s, maxPacket)
	if err != nil {
		c.unreadable("6.6.2.1", what, err)
		return nil
	}
	c.spend(4 * len(data))
	p, err := parseXMP(data)
	if err != nil {
		c.add("6.6.2.1", "%s cannot be read: %v.", what, err)
		return nil
	}
	if !strings.Contains(p.header, "W5M0MpCehiHzreSzNTczkc9d") {
		c.add("6.6.2.1", "%s are no XMP packet.", what)
	}
	if strings.Contains(p.header, "bytes=") || strings.Contains(p.header, "encoding=") {
		c.add("6.6.2.1", "%s state their length or encoding, which is outdated.", what)
	}
	return p
}

// identification is the claim itself (6.6.4).
func (c *checker) identification(p *xmpPacket) {
	c.part, c.level = p.text(nsPDFA, "part"), p.text(nsPDFA, "conformance")
	switch {
	case c.part == "":
		c.add("6.6.4", "The file does not claim to be PDF/A.")
	case !oneOf(c.part, "2", "3"):
		c.add("6.6.4", "The file claims part %s of PDF/A, whose rules are not checked.", plain(syntax.Name(c.part)))
	case !oneOf(c.level, "A", "B", "U"):
		c.add("6.6.4", "The file claims a level of PDF/A that does not exist (%s).", plain(syntax.Name(c.level)))
	}
}

// xmpTime is a date as XMP writes it (XMP Specification 2005, chapter 4).
var xmpTime = regexp.MustCompile(`^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?$`)

// properties checks that each property is known or described, once, and of its
// shape (6.6.2.3.1).
func (c *checker) properties(p *xmpPacket, known map[string]map[string]shape, described map[string]map[string]shape) {
	seen := map[[2]string]bool{}
	for _, q := range p.properties {
		if seen[[2]string{q.space, q.name}] {
			c.add("6.6.2.1", "The metadata have %s twice.", plain(syntax.Name(q.name)))
		}
		seen[[2]string{q.space, q.name}] = true
		want, listed := known[q.space][q.name]
		switch {
		case !listed && described[q.space][q.name] == "":
			c.add("6.6.2.3.1", "The metadata have the property %s, which is not described.", plain(syntax.Name(q.name)))
		case listed && q.shape != want, !listed && q.shape != described[q.space][q.name]:
			c.add("6.6.2.3.1", "The metadata have the property %s in another form than it should have.", plain(syntax.Name(q.name)))
		case q.space == nsXMP && strings.HasSuffix(q.name, "Date") && (len(q.items) != 1 || !xmpTime.MatchString(q.items[0])):
			c.add("6.6.2.3.1", "The metadata have a date that is none (%s).", plain(syntax.Name(q.name)))
		}
	}
}

// extension reads which further properties the packet describes (6.6.2.3.2 and
// 6.6.2.3.3).
func (c *checker) extension(p *xmpPacket, described map[string]map[string]shape) {
	list := p.find(nsExtension, "schemas")
	if list == nil || list.body == nil {
		return
	}
	const schema, property = "http://www.aiim.org/pdfa/ns/schema#", "http://www.aiim.org/pdfa/ns/property#"
	var walk func(e *element, depth int)
	walk = func(e *element, depth int) {
		uri, ok := fieldOf(e, schema, "namespaceURI")
		if !ok {
			for _, child := range e.children {
				walk(child, depth+1)
			}
			return
		}
		_, title := fieldOf(e, schema, "schema")
		_, prefix := fieldOf(e, schema, "prefix")
		if !title || !prefix {
			c.add("6.6.2.3.3", "A description of metadata is incomplete.")
		}
		names := map[string]shape{}
		c.described(e, property, names)
		if described[uri] == nil {
			described[uri] = names
		}
	}
	walk(list.body, 0)
}

// described gathers the properties below e that have all four of their fields.
func (c *checker) described(e *element, property string, names map[string]shape) {
	if name, ok := fieldOf(e, property, "name"); ok {
		complete := true
		for _, field := range []string{"valueType", "category", "description"} {
			_, has := fieldOf(e, property, field)
			complete = complete && has
		}
		if category, _ := fieldOf(e, property, "category"); !complete || !oneOf(category, "internal", "external") {
			c.add("6.6.2.3.3", "A description of metadata is incomplete.")
		}
		kind, _ := fieldOf(e, property, "valueType")
		if names[name] = shapeOf(kind); names[name] == "" {
			c.add("6.6.2.3.3", "The metadata have properties of the type %s, which cannot be checked.", plain(syntax.Name(kind)))
		}
		return
	}
	for _, child := range e.children {
		c.described(child, property, names)
	}
}

// fieldOf is a field of a structure, written as an attribute or an element.
func fieldOf(e *element, space, name string) (string, bool) {
	if v, ok := e.attr(space, name); ok {
		return v, true
	}
	for _, child := range e.children {
		if child.name.Space == space && child.name.Local == name {
			return strings.TrimSpace(string(child.text)), true
		}
	}
	return "", false
}

// shapeOf is the shape of values of a type (XMP Specification 2005, chapter 4);
// "" where the type is one of the packet's own.
func shapeOf(valueType string) shape {
	kind := strings.ToLower(strings.TrimSpace(valueType))
	switch {
	case kind == "lang alt":
		return shapeAlt
	case strings.HasPrefix(kind, "bag "):
		return shapeBag
	case strings.HasPrefix(kind, "seq "):
		return shapeSeq
	case oneOf(strings.TrimPrefix(strings.TrimPrefix(kind, "open choice of "), "closed choice of "), "text", "integer", "boolean", "date",
		"real", "uri", "url", "agentname", "propername", "mimetype", "guid", "locale", "xpath", "renditionclass", "rational"):
		return shapeText
	}
	return ""
}
