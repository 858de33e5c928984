package pdfa

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"intray/daemon/pdf/syntax"
)

// File structure (ISO 19005-2, 6.1), and what can be said of an object wherever
// in the file it stands.

var header = regexp.MustCompile(`^%PDF-1\.[0-7](\r\n|\r|\n)%[\x80-\xFF]{4}`)

// ends checks the first and the last bytes, and the trailers.
func (c *checker) ends() {
	head, err := c.f.Bytes(0, 32)
	if err != nil {
		c.failure = err
		return
	}
	if !matchBytes(header, head) {
		c.add("6.1.2", "The file does not begin with a PDF header and a comment of four bytes above 127.")
	}
	n := min(c.f.Size(), 1024)
	tail, err := c.f.Bytes(c.f.Size()-n, int(n))
	if err != nil {
		c.failure = err
		return
	}
	i := bytes.LastIndex(tail, []byte("%%EOF"))
	if i < 0 || !oneOf(string(tail[i+5:]), "", "\n", "\r", "\r\n") {
		c.add("6.1.3", "The file does not end with its end-of-file marker.")
	}
	for k, s := range c.f.Sections {
		if s.Trailer["Encrypt"] != nil {
			c.add("6.1.3", "The file is encrypted.")
		}
		if s.Faults&syntax.FaultXRefSpacing != 0 {
			c.add("6.1.4", "A cross-reference table is written with other white space than PDF/A allows.")
		}
		if s.Stream {
			c.faults(s.Number, s.Faults)
		}
		if k == 0 && !c.identified(s.Trailer["ID"]) {
			c.add("6.1.3", "The file has no identifier.")
		}
	}
}

// matchBytes matches bytes as Latin-1, since a pattern cannot name bytes that
// are no UTF-8.
func matchBytes(pattern *regexp.Regexp, b []byte) bool {
	runes := make([]rune, len(b))
	for i, v := range b {
		runes[i] = rune(v)
	}
	return pattern.MatchString(string(runes))
}

func (c *checker) identified(o syntax.Object) bool {
	id := c.array(o)
	if len(id) != 2 {
		return false
	}
	for _, half := range id {
		if s, ok := c.resolve(half).(syntax.String); !ok || s == "" {
			return false
		}
	}
	return true
}

// objects checks every object of the file, in use by a page or not.
func (c *checker) objects() {
	for _, n := range c.f.Numbers() {
		i, err := c.f.Indirect(n)
		if err != nil {
			c.unreadable("6.1.9", "An object", err)
		}
		if c.failure != nil {
			return
		}
		if i != nil {
			c.faults(n, i.Faults)
			c.value(n, i.Object)
		}
	}
}

// faults puts what the reader noticed about an object's bytes into words.
func (c *checker) faults(number int, f syntax.Faults) {
	if f == 0 {
		return
	}
	for _, known := range []struct {
		fault            syntax.Faults
		clause, sentence string
	}{
		{syntax.FaultHexOdd, "6.1.6", "A hexadecimal string has an odd number of digits (object %d)."},
		{syntax.FaultHexDigit, "6.1.6", "A hexadecimal string has something else in it than digits (object %d)."},
		{syntax.FaultInteger, "6.1.13", "A whole number is too large (object %d)."},
		{syntax.FaultReal, "6.1.13", "A real number is too large (object %d)."},
		{syntax.FaultNumber, "6.1.13", "A number is written wrongly (object %d)."},
		{syntax.FaultString, "6.1.13", "A string is longer than 32767 bytes (object %d)."},
		{syntax.FaultName, "6.1.13", "A name is longer than 127 bytes or written wrongly (object %d)."},
		{syntax.FaultDuplicateKey, "6.1", "A dictionary has a key twice (object %d)."},
		{syntax.FaultSpacing, "6.1.9", "An object begins or ends with other white space than PDF/A allows (object %d)."},
		{syntax.FaultStreamKeyword, "6.1.7.1", "A stream begins or ends with other white space than PDF/A allows (object %d)."},
		{syntax.FaultStreamLength, "6.1.7.1", "A stream's length is not the one it states (object %d)."},
	} {
		if f&known.fault != 0 {
			c.add(known.clause, known.sentence, number)
		}
	}
}

// value looks into an object for what is forbidden anywhere.
func (c *checker) value(number int, o syntax.Object) {
	switch v := o.(type) {
	case syntax.Array:
		for _, e := range v {
			c.value(number, e)
		}
	case syntax.Dict:
		c.anyDict(number, v)
		for _, key := range slices.Sorted(maps.Keys(v)) { // the same file gives the same list
			c.value(number, v[key])
		}
	case *syntax.Stream:
		c.anyStream(number, v)
		c.value(number, v.Dict)
	}
}

// anyStream checks a stream wherever it stands (6.1.7).
func (c *checker) anyStream(number int, s *syntax.Stream) {
	d := s.Dict
	if d["F"] != nil || d["FFilter"] != nil || d["FDecodeParms"] != nil {
		c.add("6.1.7.1", "A stream's bytes are in another file (object %d).", number)
	}
	filters, parameters, err := c.f.Filters(d)
	if err != nil {
		c.unreadable("6.1.7.2", "A stream's filters", err)
	}
	for i, n := range filters {
		switch n {
		case "ASCIIHexDecode", "ASCII85Decode", "FlateDecode", "RunLengthDecode", "CCITTFaxDecode", "JBIG2Decode", "DCTDecode", "JPXDecode":
		case "LZWDecode":
			c.add("6.1.7.2", "A stream is compressed with LZW (object %d).", number)
		case "Crypt":
			if name := c.name(parameters[i]["Name"]); name != "" && name != "Identity" {
				c.add("6.1.7.2", "A stream is encrypted (object %d).", number)
			}
		default:
			c.add("6.1.7.2", "A stream has the filter %s, which does not exist (object %d).", plain(n), number)
		}
	}
	switch {
	case c.name(d["Subtype"]) == "Image":
		c.imageKeys(d)
	case c.name(d["Subtype"]) == "Form":
		c.formKeys(d)
	case c.name(d["Subtype"]) == "PS":
		c.add("6.2.9.3", "There is PostScript on a page (object %d).", number)
	case c.name(d["Type"]) == "EmbeddedFile":
		c.add("6.8", "A file is attached.")
	case c.name(d["Type"]) == "Metadata":
		c.metadata = append(c.metadata, metadata{number: number, stream: s})
	}
}

// anyDict checks a dictionary wherever it stands.
func (c *checker) anyDict(number int, d syntax.Dict) {
	if d["AA"] != nil {
		c.add("6.5.2", "Something happens by itself, on opening, printing or the like (object %d).", number)
	}
	for _, key := range []syntax.Name{"A", "OpenAction", "PA", "Next"} {
		if d[key] != nil {
			c.action(d[key], 0)
		}
	}
	if d["ByteRange"] != nil {
		c.add("6.4.3", "There is a digital signature, which is not checked.")
	}
	if d["EF"] != nil {
		c.add("6.8", "A file is attached.")
	}
	switch c.name(d["Type"]) {
	case "Action":
		c.action(d, 0)
	case "StructElem":
		if !utf8.ValidString(string(c.name(d["S"]))) {
			c.add("6.1.8", "The name of a structure type is no UTF-8 (object %d).", number)
		}
	case "Sig":
		c.signature(d)
	}
	if d["JS"] != nil {
		c.add("6.5.1", "The file has a script in it.")
	}
}

// signature: nothing that refers to it may be digested in a way that is
// outdated (6.1.12).
func (c *checker) signature(d syntax.Dict) {
	for _, o := range c.array(d["Reference"]) {
		if r := c.dict(o); r["DigestLocation"] != nil || r["DigestMethod"] != nil || r["DigestValue"] != nil {
			c.add("6.1.12", "A signature refers to a digest.")
		}
	}
}
