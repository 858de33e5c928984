package pdfa

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Namespaces of XMP (XMP Specification, 2005) and of PDF/A's identification
// (ISO 19005-2, 6.6.4).
const (
	nsRDF  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsXML  = "http://www.w3.org/XML/1998/namespace"
	nsDC   = "http://purl.org/dc/elements/1.1/"
	nsXMP  = "http://ns.adobe.com/xap/1.0/"
	nsPDF  = "http://ns.adobe.com/pdf/1.3/"
	nsPDFA = "http://www.aiim.org/pdfa/ns/id/"
)

// Info is what the document information dictionary and the XMP packet say alike
// (ISO 32000-1, 14.3.3). Dates are in XMP's form; "" is unknown.
type Info struct {
	Title, Author, Subject, Keywords, Creator, Producer string
	Created, Modified                                   string
}

// property is one XMP property of Info.
type property struct {
	space, name, prefix, value string
	// open and shut stand around the value.
	open, shut string
}

func (i Info) properties() []property {
	const alternative, end = `<rdf:Alt><rdf:li xml:lang="x-default">`, `</rdf:li></rdf:Alt>`
	return []property{
		{nsDC, "title", "dc", i.Title, alternative, end},
		{nsDC, "creator", "dc", i.Author, `<rdf:Seq><rdf:li>`, `</rdf:li></rdf:Seq>`},
		{nsDC, "description", "dc", i.Subject, alternative, end},
		{nsPDF, "Keywords", "pdf", i.Keywords, "", ""},
		{nsPDF, "Producer", "pdf", i.Producer, "", ""},
		{nsXMP, "CreatorTool", "xmp", i.Creator, "", ""},
		{nsXMP, "CreateDate", "xmp", i.Created, "", ""},
		{nsXMP, "ModifyDate", "xmp", i.Modified, "", ""},
	}
}

// Packet is an XMP packet that says what info says; with claim, also that the
// file is PDF/A-2b.
func Packet(info Info, claim bool) []byte {
	return []byte("<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="` + nsRDF + "\">\n" +
		descriptionOf(info, claim, nil) + "</rdf:RDF></x:xmpmeta>\n" + `<?xpacket end="w"?>`)
}

// descriptionOf writes those properties of info that packet does not have yet.
func descriptionOf(info Info, claim bool, packet *xmpPacket) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<rdf:Description rdf:about=\"%s\" xmlns:dc=\"%s\" xmlns:xmp=\"%s\" xmlns:pdf=\"%s\" xmlns:pdfaid=\"%s\">\n",
		escaped(packet.about()), nsDC, nsXMP, nsPDF, nsPDFA)
	for _, p := range info.properties() {
		if p.value != "" && !packet.has(p.space, p.name) {
			fmt.Fprintf(&b, "<%s:%s>%s%s%s</%s:%s>\n", p.prefix, p.name, p.open, escaped(p.value), p.shut, p.prefix, p.name)
		}
	}
	if claim {
		b.WriteString("<pdfaid:part>2</pdfaid:part>\n<pdfaid:conformance>B</pdfaid:conformance>\n")
	}
	b.WriteString("</rdf:Description>\n")
	return b.String()
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer does not fail
	return b.String()
}

// Claims tells which part and level of ISO 19005 a packet claims, such as "2"
// and "B"; both are "" without a claim or when the packet cannot be read.
func Claims(packet []byte) (part, level string) {
	p, err := parseXMP(packet)
	if err != nil {
		return "", ""
	}
	return p.text(nsPDFA, "part"), p.text(nsPDFA, "conformance")
}

var namespaceOfID = regexp.MustCompile(`xmlns:([A-Za-z_][\w.-]*)\s*=\s*["']` + regexp.QuoteMeta(nsPDFA) + `["']`)

// Upgrade makes a packet's claim to be PDF/A-1 one to be PDF/A-2b and leaves the
// rest as it is.
func Upgrade(packet []byte) ([]byte, error) {
	m := namespaceOfID.FindSubmatch(packet)
	if m == nil {
		return nil, errors.New("the claim is written in a way that is not understood")
	}
	for name, value := range map[string]string{"part": "2", "conformance": "B"} {
		old := regexp.MustCompile(`(` + regexp.QuoteMeta(string(m[1])) + `:` + name + `\s*(?:=\s*["']|>\s*))\w+`)
		packet = old.ReplaceAll(packet, []byte("${1}"+value))
	}
	if part, level := Claims(packet); part != "2" || level != "B" {
		return nil, errors.New("the claim is written in a way that is not understood")
	}
	return packet, nil
}

// Merge adds to a packet the claim to be PDF/A-2b and what info says and the
// packet does not; what it says already stays as it is.
func Merge(packet []byte, info Info) ([]byte, error) {
	p, err := parseXMP(packet)
	if err != nil {
		return nil, err
	}
	if p.has(nsPDFA, "part") || p.has(nsPDFA, "conformance") {
		return nil, errors.New("the metadata claim another part of PDF/A")
	}
	// The packet may have given the RDF namespace another prefix.
	added := strings.Replace(descriptionOf(info, true, p), "<rdf:Description", `<rdf:Description xmlns:rdf="`+nsRDF+`"`, 1)
	return bytes.Join([][]byte{packet[:p.end], []byte(added), packet[p.end:]}, nil), nil
}
