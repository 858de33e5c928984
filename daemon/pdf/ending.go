package pdf

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"regexp"
	"time"
	"unicode/utf16"

	"intray/daemon/pdf/pdfa"
	"intray/engines"
)

// What a file says about itself as a whole: catalog, metadata, output intent
// and identifier.

// ConformancePDFA2b is the Conformance of files that claim and keep PDF/A-2b.
const ConformancePDFA2b = "PDF/A-2b"

// settle ends the file f with tail, claiming PDF/A-2b where the check of the
// finished file finds nothing against it and asks for it. flush brings what w
// wrote into f.
func settle(f *os.File, w *writer, o Options, flush func() error, tail func(claim bool) error) (Outcome, error) {
	start, count := w.pos, len(w.entries)
	end := func(claim bool) error {
		if err := tail(claim); err != nil {
			return err
		}
		return flush()
	}
	if o.PDFA == PDFAOff {
		return Outcome{Why: "PDF/A is switched off."}, end(false)
	}
	if err := end(true); err != nil {
		return Outcome{}, err
	}
	violations, err := pdfa.Check(f, w.pos)
	if err != nil {
		return Outcome{}, fmt.Errorf("check PDF/A: %w", err)
	}
	if len(violations) == 0 {
		return Outcome{Conformance: ConformancePDFA2b}, nil
	}
	why := violations[0].Sentence
	if o.PDFA == PDFARequire {
		return Outcome{}, notPossible(why)
	}
	if err := f.Truncate(start); err != nil {
		return Outcome{}, err
	}
	if _, err := f.Seek(start, 0); err != nil {
		return Outcome{}, err
	}
	w.pos, w.entries = start, w.entries[:count]
	return Outcome{Why: why}, end(false)
}

func notPossible(why string) error {
	return &engines.Error{Kind: engines.Review, Code: "pdfa_not_possible",
		Sentence: "The folder asks for PDF/A, which this file cannot be: " + why}
}

// outputIntent says that the device's colours are those of the profile that
// object number is (ISO 19005-2, 6.2.3).
func outputIntent(number int) string {
	return fmt.Sprintf("<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB IEC61966-2.1) /DestOutputProfile %d 0 R >>", number)
}

func sRGBObject(number int) object {
	return object{number: number, body: stream("/N 3 /Alternate /DeviceRGB", pdfa.SRGB())}
}

// metadataObject is not compressed, so that programs that know nothing of PDF
// find it.
func metadataObject(number, generation int, packet []byte) object {
	return object{number: number, generation: generation, body: rawStream("/Type /Metadata /Subtype /XML", packet)}
}

// languageTag is BCP 47 as far as /Lang needs it.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

func langEntry(language string) string {
	if !languageTag.MatchString(language) {
		return ""
	}
	return " /Lang " + literal(language)
}

// identifier is a file identifier's half (ISO 32000-1, 14.4).
func identifier() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return fmt.Sprintf("<%X>", id)
}

// Dates as PDF (ISO 32000-1, 7.9.4) and XMP write them.
func pdfDate(t time.Time) string { return "(D:" + t.UTC().Format("20060102150405") + "Z)" }
func xmpDate(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// textString writes a text string (ISO 32000-1, 7.9.2.2).
func textString(s string) string {
	for _, r := range s {
		if r < ' ' || r > '~' {
			var b bytes.Buffer
			b.WriteString("<FEFF")
			for _, unit := range utf16.Encode([]rune(s)) {
				fmt.Fprintf(&b, "%04X", unit)
			}
			return b.String() + ">"
		}
	}
	return literal(s)
}

// end writes the objects that follow a new file's pages, and its trailer.
func (b *builder) end(kids []byte, pages int, o Options, now time.Time, claim bool) error {
	last := b.next
	defer func() { b.next = last }()
	metadata, profile := b.take(), b.take()
	packet := pdfa.Packet(pdfa.Info{Producer: o.Producer, Created: xmpDate(now), Modified: xmpDate(now)}, claim)
	objects := append([]object{
		{number: 1, body: fmt.Appendf(nil, "<< /Type /Catalog /Pages 2 0 R /Metadata %d 0 R /OutputIntents [%s]%s >>",
			metadata, outputIntent(profile), langEntry(o.Language))},
		{number: 2, body: fmt.Appendf(nil, "<< /Type /Pages /Count %d /Kids [%s] >>", pages, bytes.TrimSpace(kids))},
		{number: 3, body: fmt.Appendf(nil, "<< /Producer %s /CreationDate %s /ModDate %[2]s >>", textString(o.Producer), pdfDate(now))},
		metadataObject(metadata, 0, packet), sRGBObject(profile),
	}, b.codes.fontObjects(b.font)...)
	for _, o := range objects {
		if err := b.w.object(o); err != nil {
			return err
		}
	}
	id := identifier()
	return b.w.table(fmt.Sprintf("/Size %d /Root 1 0 R /Info 3 0 R /ID [%s %s]", b.next, id, id), true)
}

// independent gives ink colours, which no display has, a meaning of their own:
// the output intent is for grey and RGB (ISO 19005-2, 6.2.4.3).
func (b *builder) independent(space string) (string, error) {
	if space != "/DeviceCMYK" {
		return space, nil
	}
	if b.inks == 0 {
		b.inks = b.take()
		if err := b.w.object(object{number: b.inks, body: stream("/N 4 /Alternate /DeviceCMYK", pdfa.CMYK())}); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("[/ICCBased %d 0 R]", b.inks), nil
}
