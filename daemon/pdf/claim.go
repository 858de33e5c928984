package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"intray/daemon/pdf/objects"
	"intray/daemon/pdf/pdfa"
	"intray/daemon/pdf/syntax"
)

// maxPacket is the most metadata of a PDF that are read.
const maxPacket = 16 << 20

// whole is what a PDF says of itself as a whole, and what an update adds to it.
type whole struct {
	ref      objects.Ref // the catalog
	catalog  objects.Dict
	packet   []byte      // the new metadata; nil where no claim can be made
	metadata objects.Ref // where they go; number 0 for a new object
	intents  []objects.Value
	profile  objects.Value // the output intents' one profile; nil for none
	intended bool          // an output intent for PDF/A is among them
	ending   ending
}

// whole reads the source's catalog. What stands in the way of a claim is no
// error.
func (u *update) whole(o Options) (*whole, error) {
	ref, ok := u.src.Trailer.Get("Root").Ref()
	d, err := u.src.Dict(u.src.Trailer.Get("Root"))
	if err != nil || !ok {
		return nil, rewriteFirst(errors.Join(err, errNoCatalog(ok)))
	}
	h := &whole{ref: ref, catalog: d}
	if tag := langEntry(o.Language); tag != "" && d.Get("Lang") == nil {
		h.catalog = d.With("Lang", []byte(literal(o.Language)))
	}
	if err := u.readingDirection(h); err != nil {
		return nil, rewriteFirst(err)
	}
	if o.PDFA == PDFAOff {
		return h, nil
	}
	if err := u.prepare(h, o); err != nil {
		if !errors.Is(err, objects.ErrDamaged) {
			return nil, err
		}
		h.ending.obstacle = "The PDF's metadata or output intents are damaged."
	}
	return h, nil
}

// readingDirection says so in the catalog, unless something else is said there,
// when the document's text reads from right to left, that of pages to which
// nothing is added too.
func (u *update) readingDirection(h *whole) error {
	if !u.codes.mostlyRightToLeft() {
		return nil
	}
	for i, page := range u.pages {
		if u.done[page.Ref.Number] {
			continue
		}
		l, err := u.layers.of(i + 1)
		if err != nil {
			return err
		}
		u.codes.countLines(l.Page.Blocks)
	}
	if !u.codes.mostlyRightToLeft() {
		return nil
	}
	v := h.catalog.Get("ViewerPreferences")
	if v == nil {
		h.catalog = h.catalog.With("ViewerPreferences", []byte("<< /Direction /R2L >>"))
		return nil
	}
	preferences, err := u.src.Dict(v)
	if err == nil && preferences.Get("Direction") == nil {
		h.catalog = h.catalog.With("ViewerPreferences", preferences.With("Direction", []byte("/R2L")).Value())
	}
	return err
}

func errNoCatalog(ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: the catalog is no object of its own", objects.ErrDamaged)
}

// prepare finds out what the source claims and makes the metadata for a claim.
func (u *update) prepare(h *whole, o Options) error {
	var packet []byte
	if v := h.catalog.Get("Metadata"); v != nil {
		ref, ok := v.Ref()
		if !ok {
			return fmt.Errorf("%w: metadata", objects.ErrDamaged)
		}
		o, err := u.src.Object(ref.Number)
		if err != nil {
			return err
		}
		if packet, err = u.src.Decode(o, maxPacket); err != nil {
			return fmt.Errorf("%w: metadata: %w", objects.ErrDamaged, err)
		}
		h.metadata = ref
	}
	part, _ := pdfa.Claims(packet)
	// Part 1 is not checked here; where PDF/A is required, part 2 is claimed.
	upgrade := part == "1" && o.PDFA == PDFARequire
	if h.ending.claimed = part != "" && !upgrade; h.ending.claimed {
		return nil
	}
	info, err := u.info()
	if err != nil {
		return err
	}
	switch {
	case packet == nil:
		h.packet = pdfa.Packet(info, true)
	case upgrade:
		h.packet, err = pdfa.Upgrade(packet)
	default:
		h.packet, err = pdfa.Merge(packet, info)
	}
	if err != nil {
		h.ending.obstacle = "The PDF's metadata cannot be added to: " + err.Error() + "."
		return nil
	}
	return u.outputIntents(h)
}

// outputIntents reads those the source has: a further one must have the same
// profile (ISO 19005-2, 6.2.3).
func (u *update) outputIntents(h *whole) error {
	v, err := u.src.Resolve(h.catalog.Get("OutputIntents"))
	if err != nil || v == nil {
		return err
	}
	list, ok := v.Array()
	if !ok {
		return fmt.Errorf("%w: output intents", objects.ErrDamaged)
	}
	h.intents = list
	for _, intent := range list {
		d, err := u.src.Dict(intent)
		if err != nil {
			return err
		}
		if p := d.Get("DestOutputProfile"); p != nil {
			h.profile = p
			kind, err := u.src.Resolve(d.Get("S"))
			if err != nil {
				return err
			}
			h.intended = h.intended || kind.Name() == "GTS_PDFA1"
		}
	}
	return nil
}

// write ends the update: catalog, metadata and profile where there is a claim,
// cross-reference section and trailer.
func (u *update) write(h *whole, claim bool) error {
	last := u.next
	defer func() { u.next = last }() // it may be written again
	catalog := h.catalog
	if claim {
		m := h.metadata
		if m.Number == 0 {
			m = objects.Ref{Number: u.take()}
		}
		if err := u.w.object(metadataObject(m.Number, m.Generation, h.packet)); err != nil {
			return err
		}
		catalog = catalog.With("Metadata", []byte(m.String()))
		if !h.intended {
			profile, err := u.sharedProfile(h)
			if err != nil {
				return err
			}
			intents := append(bytes.Join(asBytes(h.intents), []byte(" ")), ' ')
			catalog = catalog.With("OutputIntents", fmt.Appendf(nil, "[%s%s]", intents, outputIntent(profile)))
		}
	}
	if err := u.w.object(object{number: h.ref.Number, generation: h.ref.Generation, body: catalog.Value()}); err != nil {
		return err
	}
	return u.end()
}

// sharedProfile is the output intents' profile, a new one where there is none.
func (u *update) sharedProfile(h *whole) (string, error) {
	if h.profile != nil {
		return string(h.profile), nil
	}
	number := u.take()
	return fmt.Sprintf("%d 0 R", number), u.w.object(sRGBObject(number))
}

func asBytes(values []objects.Value) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// fileID keeps the first half of the identifier, which says whose version this
// is (ISO 32000-1, 14.4).
func (u *update) fileID() objects.Value {
	fresh := identifier()
	first := []byte(fresh)
	if v, err := u.src.Resolve(u.src.Trailer.Get("ID")); err == nil {
		if id, ok := v.Array(); ok && len(id) == 2 {
			if s, err := syntax.Parse(id[0]); err == nil {
				if text, ok := s.(syntax.String); ok && text != "" {
					first = fmt.Appendf(nil, "<%X>", string(text))
				}
			}
		}
	}
	return fmt.Appendf(nil, "[%s %s]", first, fresh)
}

// info reads the document information dictionary.
func (u *update) info() (pdfa.Info, error) {
	d, err := u.src.Dict(u.src.Trailer.Get("Info"))
	if err != nil {
		return pdfa.Info{}, err
	}
	text := func(key string) string {
		v, err := u.src.Resolve(d.Get(key))
		if err != nil {
			return ""
		}
		s, _ := syntax.Parse(v)
		raw, _ := s.(syntax.String)
		return textOf(string(raw))
	}
	return pdfa.Info{Title: text("Title"), Author: text("Author"), Subject: text("Subject"), Keywords: text("Keywords"),
		Creator: text("Creator"), Producer: text("Producer"), Created: xmpDateOf(text("CreationDate")), Modified: xmpDateOf(text("ModDate"))}, nil
}

// textOf reads a text string (ISO 32000-1, 7.9.2.2). PDFDocEncoding differs
// from Windows' in typographic marks alone.
func textOf(s string) string {
	switch {
	case strings.HasPrefix(s, "\xFE\xFF"):
		var units []uint16
		for s = s[2:]; len(s) >= 2; s = s[2:] {
			units = append(units, uint16(s[0])<<8|uint16(s[1]))
		}
		return strings.TrimRight(string(utf16.Decode(units)), "\x00")
	case strings.HasPrefix(s, "\xEF\xBB\xBF") && utf8.ValidString(s):
		return s[3:]
	}
	const marks = "\u2022\u2020\u2021\u2026\u2014\u2013\u0192\u2044\u2039\u203A\u2212\u2030\u201E\u201C\u201D\u2018\u2019\u201A\u2122\uFB01\uFB02\u0141\u0152\u0160\u0178\u017D\u0131\u0142\u0153\u0161\u017E\uFFFD\u20AC"
	special := []rune(marks) // 0x80 to 0xA0
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 0x80 && c <= 0xA0 {
			b.WriteRune(special[c-0x80])
		} else {
			b.WriteRune(charmap.ISO8859_1.DecodeByte(c))
		}
	}
	return strings.TrimRight(b.String(), "\x00")
}

var pdfDateForm = regexp.MustCompile(`^(?:D:)?(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?)?)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?`)

// xmpDateOf turns a date of PDF's into one of XMP's; "" where it is none.
func xmpDateOf(s string) string {
	m := pdfDateForm.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	out := m[1]
	for _, part := range m[2:4] {
		if part != "" {
			out += "-" + part
		}
	}
	if m[4] == "" {
		return out
	}
	out += "T" + m[4] + ":" + m[5]
	if m[6] != "" {
		out += ":" + m[6]
	}
	switch {
	case m[8] != "" && m[10] != "":
		return out + m[8] + m[9] + ":" + m[10]
	case m[8] != "":
		return out + m[8] + m[9] + ":00"
	}
	return out + "Z"
}
