package pdfa

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"intray/daemon/pdf/syntax"
)

// Colour (ISO 19005-2, 6.2.3 and 6.2.4).

// intent is what the file's output intent covers: "RGB ", "CMYK", "GRAY", or ""
// without one.
type intent string

// profileHead is what the header of an ICC profile says.
type profileHead struct {
	class, space string
	version      byte
}

// readProfile reads a profile's header and checks its tag table (ICC.1:2001-04,
// clause 6).
func readProfile(data []byte) (*profileHead, error) {
	be := binary.BigEndian
	if len(data) < 132 || string(data[36:40]) != "acsp" || int(be.Uint32(data)) > len(data) {
		return nil, errors.New("it is no ICC profile")
	}
	count := int(be.Uint32(data[128:]))
	if count < 1 || count > 200 || 132+12*count > len(data) {
		return nil, errors.New("the table of the ICC profile is damaged")
	}
	for i := range count {
		t := data[132+12*i:]
		if from, size := uint64(be.Uint32(t[4:])), uint64(be.Uint32(t[8:])); from+size > uint64(len(data)) {
			return nil, errors.New("the ICC profile is cut off")
		}
	}
	return &profileHead{class: string(data[12:16]), space: string(data[16:20]), version: data[8]}, nil
}

// CheckProfile says why an ICC profile may not give a picture of so many
// channels its colours in PDF/A-2; nil if it may.
func CheckProfile(data []byte, channels int) error {
	p, err := readProfile(data)
	if err != nil {
		return err
	}
	if !oneOf(p.class, "prtr", "mntr", "scnr", "spac") || p.version >= 5 {
		return errors.New("the ICC profile is of a kind PDF/A does not allow")
	}
	if want := map[string]int{"GRAY": 1, "RGB ": 3, "Lab ": 3, "CMYK": 4}[p.space]; want != channels {
		return errors.New("the ICC profile is for other colours")
	}
	return nil
}

// outputIntents reads what the device's colours mean (6.2.3).
func (c *checker) outputIntents() {
	shared := -1
	for _, o := range c.array(c.root["OutputIntents"]) {
		d := c.dict(o)
		if d["DestOutputProfileRef"] != nil {
			c.add("6.2.3", "An output intent refers to a profile elsewhere.")
		}
		profile := d["DestOutputProfile"]
		if profile == nil {
			continue
		}
		ref, _ := profile.(syntax.Ref)
		if shared >= 0 && ref.Number != shared {
			c.add("6.2.3", "The output intents have different profiles.")
		}
		shared = ref.Number
		if c.name(d["S"]) != "GTS_PDFA1" {
			continue
		}
		data := c.decode(profile, "6.2.3", "The profile of the output intent")
		p, err := readProfile(data)
		switch {
		case err != nil:
			c.add("6.2.3", "The output intent has no good profile: %v.", err)
		case !oneOf(p.class, "prtr", "mntr") || !oneOf(p.space, "RGB ", "CMYK", "GRAY") || p.version >= 5:
			c.add("6.2.3", "The profile of the output intent is of a kind PDF/A does not allow.")
		default:
			c.intent = intent(p.space)
		}
		if n, _ := c.integer(c.dict(profile)["N"]); err == nil && n != map[string]int{"GRAY": 1, "RGB ": 3, "CMYK": 4}[p.space] {
			c.add("6.2.3", "The profile of the output intent is for another number of colours than it says.")
		}
	}
}

// resources are what the names in a content stream stand for.
type resources struct {
	dict syntax.Dict
	// defaults are the spaces that replace the device's own.
	defaults syntax.Dict
}

func (c *checker) resources(o syntax.Object) *resources {
	d := c.dict(o)
	return &resources{dict: d, defaults: c.dict(d["ColorSpace"])}
}

// find looks a name up in a category; a missing one is a violation.
func (c *checker) find(r *resources, category, name syntax.Name) syntax.Object {
	o, ok := c.dict(r.dict[category])[name]
	if !ok {
		c.add("6.2.2", "A content stream%s names something its resources do not have (%s %s).", c.on(), category, plain(name))
	}
	return o
}

// device checks that one of the device's spaces means something here (6.2.4.3).
func (c *checker) device(space syntax.Name, r *resources, depth int) {
	key := map[syntax.Name]syntax.Name{"DeviceGray": "DefaultGray", "DeviceRGB": "DefaultRGB", "DeviceCMYK": "DefaultCMYK"}[space]
	if r != nil && r.defaults[key] != nil {
		if given := c.resolve(r.defaults[key]); given != space {
			c.space(r.defaults[key], nil, depth+1)
			return
		}
	}
	switch {
	case space == "DeviceGray" && c.intent == "":
		c.add("6.2.4.3", "There is grey%s without an output intent that says which.", c.on())
	case space == "DeviceRGB" && c.intent != "RGB ":
		c.add("6.2.4.3", "There are RGB colours%s without an output intent that says which.", c.on())
	case space == "DeviceCMYK" && c.intent != "CMYK":
		c.add("6.2.4.3", "There are CMYK colours%s without an output intent that says which.", c.on())
	}
}

// spaceKey is a colour space that was looked at, and the resources whose default
// spaces it was looked at with.
type spaceKey struct {
	number int
	under  *resources
}

// space checks a colour space (6.2.4).
func (c *checker) space(o syntax.Object, r *resources, depth int) {
	c.spend(64)
	if ref, ok := o.(syntax.Ref); ok {
		key := spaceKey{number: ref.Number}
		if r != nil && len(r.defaults) > 0 {
			key.under = r
		}
		if c.spaces[key] {
			return
		}
		c.spaces[key] = true
	}
	if depth > 8 {
		c.add("6.2.4.1", "A colour space%s is nested too deeply to be checked.", c.on())
		return
	}
	switch v := c.resolve(o).(type) {
	case syntax.Name:
		switch v {
		case "DeviceGray", "DeviceRGB", "DeviceCMYK":
			c.device(v, r, depth)
		case "Pattern":
		default:
			c.add("6.2.4.1", "There is a colour space %s%s, which does not exist.", plain(v), c.on())
		}
	case syntax.Array:
		if len(v) == 1 && oneOf(c.name(v[0]), "DeviceGray", "DeviceRGB", "DeviceCMYK", "Pattern") {
			c.space(v[0], r, depth+1)
			return
		}
		c.family(v, r, depth)
	default:
		c.add("6.2.4.1", "A colour space%s is damaged.", c.on())
	}
}

func (c *checker) family(v syntax.Array, r *resources, depth int) {
	kind := syntax.Name("")
	if len(v) > 1 {
		kind = c.name(v[0])
	}
	switch kind {
	case "CalGray", "CalRGB", "Lab":
	case "ICCBased":
		c.iccBased(v[1])
	case "Indexed", "Pattern":
		c.space(v[1], r, depth+1)
	case "Separation":
		c.separation(v, r, depth)
	case "DeviceN":
		c.deviceN(v, r, depth)
	default:
		c.add("6.2.4.1", "A colour space%s is damaged.", c.on())
	}
}

func (c *checker) iccBased(o syntax.Object) {
	ref, indirect := o.(syntax.Ref)
	if p, known := c.profiles[ref.Number]; indirect && known {
		c.inks = c.inks || p != nil && p.space == "CMYK"
		return
	}
	data := c.decode(o, "6.2.4.2", "A colour profile"+c.on())
	channels, _ := c.integer(c.dict(o)["N"])
	p, _ := readProfile(data)
	if indirect {
		c.profiles[ref.Number] = p
	}
	if data == nil {
		return
	}
	if err := CheckProfile(data, channels); err != nil {
		c.add("6.2.4.2", "A colour profile%s is not allowed: %v.", c.on(), err)
	}
	c.inks = c.inks || channels == 4
}

// separation: all of one name mean the same (6.2.4.4).
func (c *checker) separation(v syntax.Array, r *resources, depth int) {
	if len(v) < 4 {
		c.add("6.2.4.4", "A spot colour%s is damaged.", c.on())
		return
	}
	name := c.name(v[1])
	c.colourant(name)
	c.space(v[2], r, depth+1)
	meaning := c.print(v[2], 0) + " " + c.print(v[3], 0)
	if before, known := c.separations[name]; known && before != meaning {
		c.add("6.2.4.4", "The spot colour %s means different things in different places.", plain(name))
	}
	c.separations[name] = meaning
}

func (c *checker) colourant(name syntax.Name) {
	if name == "" || !utf8.ValidString(string(name)) {
		c.add("6.1.8", "The name of a spot colour is no UTF-8.")
	}
}

func (c *checker) deviceN(v syntax.Array, r *resources, depth int) {
	names := c.array(v[1])
	if len(v) < 4 || len(names) == 0 {
		c.add("6.2.4.4", "A colour space of several inks%s is damaged.", c.on())
		return
	}
	if len(names) > 32 {
		c.add("6.1.13", "A colour space%s has more than 32 inks.", c.on())
	}
	c.space(v[2], r, depth+1)
	var attributes syntax.Dict
	if len(v) > 4 {
		attributes = c.dict(v[4])
	}
	known := map[syntax.Name]bool{"None": true}
	process := c.dict(attributes["Process"])
	for _, o := range c.array(process["Components"]) {
		known[c.name(o)] = true
	}
	if process["ColorSpace"] != nil {
		c.space(process["ColorSpace"], r, depth+1)
	}
	for name, o := range c.dict(attributes["Colorants"]) {
		known[name] = true
		c.space(o, r, depth+1)
	}
	for _, o := range names {
		n := c.name(o)
		if c.colourant(n); !known[n] {
			c.add("6.2.4.4", "The ink %s%s is not described.", plain(n), c.on())
		}
	}
}

// print writes an object out, references followed, so that two can be compared;
// what is too deep for that is a violation.
func (c *checker) print(o syntax.Object, depth int) string {
	if c.spend(64); depth > 8 {
		c.add("6.2.4.4", "A spot colour%s is nested too deeply to be compared.", c.on())
		return ""
	}
	switch v := c.resolve(o).(type) {
	case syntax.Array:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = c.print(e, depth+1)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case syntax.Dict:
		return c.printDict(v, depth)
	case *syntax.Stream:
		data, err := c.f.Decode(v, 1<<20)
		if err != nil {
			return fmt.Sprintf("stream at %d", v.Offset)
		}
		d := syntax.Dict{}
		for k, e := range v.Dict {
			if !oneOf(k, "Length", "Filter", "DecodeParms") {
				d[k] = e
			}
		}
		c.spend(len(data))
		return c.printDict(d, depth) + string(data)
	default:
		return fmt.Sprintf("%T %v", v, v)
	}
}

func (c *checker) printDict(d syntax.Dict, depth int) string {
	parts := make([]string, 0, len(d))
	for k, e := range d {
		parts = append(parts, string(k)+" "+c.print(e, depth+1))
	}
	sort.Strings(parts)
	return "<<" + strings.Join(parts, " ") + ">>"
}
