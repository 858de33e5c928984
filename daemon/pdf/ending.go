package pdf

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"
	"unicode/utf16"

	"intray/daemon/pdf/pdfa"
	"intray/engines"
)

// What a file says about itself as a whole: catalog, metadata, output intent
// and identifier.

// ending is how a file ends: its last objects and its trailer.
type ending struct {
	// write writes them; claim says whether they claim PDF/A-2b.
	write func(claim bool) error
	// claimed is set for a file that claims some PDF/A already; that is left as
	// it is.
	claimed bool
	// obstacle says why no claim can be made; "" where nothing is known.
	obstacle string
}

// settle ends the file f, claiming PDF/A-2b only where the check of the finished
// file finds nothing against it. flush brings what w wrote into f.
func settle(f *os.File, w *writer, o Options, flush func() error, e ending) (Outcome, error) {
	start, count := w.pos, len(w.entries)
	end := func(claim bool) error {
		if err := e.write(claim); err != nil {
			return err
		}
		return flush()
	}
	switch {
	case o.PDFA == PDFAOff:
		return Outcome{Why: "PDF/A is switched off."}, end(false)
	case e.obstacle != "" && o.PDFA == PDFARequire:
		return Outcome{}, notPossible(e.obstacle, false)
	case e.obstacle != "":
		return Outcome{Why: e.obstacle}, end(false)
	}
	if err := end(!e.claimed); err != nil {
		return Outcome{}, err
	}
	outcome, err := judge(f, w.pos, o)
	if err != nil || outcome.Conformance != "" || e.claimed {
		return outcome, err
	}
	if err := f.Truncate(start); err != nil {
		return Outcome{}, err
	}
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return Outcome{}, err
	}
	w.pos, w.entries = start, w.entries[:count]
	return outcome, end(false)
}

// judge tells what a finished file claims and keeps; an error where that is
// required and is nothing.
func judge(f io.ReaderAt, size int64, o Options) (Outcome, error) {
	report, err := pdfa.Check(f, size)
	if err != nil {
		return Outcome{}, fmt.Errorf("check PDF/A: %w", err)
	}
	if conformance := report.Conformance(); conformance != "" {
		return Outcome{Conformance: conformance}, nil
	}
	why := "The file does not claim to be PDF/A."
	if report.Part != "" {
		why = report.Violations[0].Sentence
	}
	if o.PDFA == PDFARequire {
		return Outcome{}, notPossible(why, report.Mendable())
	}
	return Outcome{Why: why}, nil
}

// Judge tells what the file at path claims and keeps of PDF/A-2b or 3b; with
// PDFARequire an error where that is nothing.
func Judge(path string, o Options) (_ Outcome, err error) {
	if o.PDFA == PDFAOff {
		return Outcome{Why: "PDF/A is switched off."}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return Outcome{}, err
	}
	return judge(f, info.Size(), o)
}

// notPossible is the answer where PDF/A is required. mendable says that the file
// may be brought to it when it is written anew.
func notPossible(why string, mendable bool) error {
	e := &engines.Error{Kind: engines.Review, Code: "pdfa_not_possible",
		Sentence: "The folder asks for PDF/A, which this file cannot be: " + why}
	if mendable {
		e.Cause = ErrRewrite
	}
	return e
}

// outputIntent says that the device's colours are those of a profile
// (ISO 19005-2, 6.2.3).
func outputIntent(profile string) string {
	return "<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (Custom) /Info (The colours of this file) /DestOutputProfile " + profile + " >>"
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

// finish writes the objects that follow a new file's pages, and its trailer.
func (b *builder) finish(kids []byte, pages int, o Options, now time.Time, claim bool) error {
	last := b.next
	defer func() { b.next = last }()
	metadata, profile := b.take(), b.take()
	packet := pdfa.Packet(pdfa.Info{Producer: o.Producer, Created: xmpDate(now), Modified: xmpDate(now)}, claim)
	objects := append([]object{
		{number: 1, body: fmt.Appendf(nil, "<< /Type /Catalog /Pages 2 0 R /Metadata %d 0 R /OutputIntents [%s]%s%s >>",
			metadata, outputIntent(fmt.Sprintf("%d 0 R", profile)), langEntry(o.Language), b.codes.viewerPreferences())},
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

// coloured is the colour space of pictures of so many channels, given by a
// profile. Ink colours always have one: the output intent is for grey and RGB
// (ISO 19005-2, 6.2.4.3). A profile that PDF/A does not allow is left out.
func (b *builder) coloured(channels int, icc []byte) (string, error) {
	device := map[int]string{1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}[channels]
	if icc != nil && pdfa.CheckProfile(icc, channels) != nil {
		icc = nil
	}
	if icc == nil && channels == 4 {
		icc = pdfa.CMYK()
	}
	if icc == nil || device == "" {
		return device, nil
	}
	key := sha256.Sum256(icc)
	if b.profiles[key] == 0 { // pages of one scanner share theirs
		number := b.take()
		if err := b.w.object(object{number: number, body: stream(fmt.Sprintf("/N %d /Alternate %s", channels, device), icc)}); err != nil {
			return "", err
		}
		if b.profiles == nil {
			b.profiles = map[[sha256.Size]byte]int{}
		}
		b.profiles[key] = number
	}
	return fmt.Sprintf("[/ICCBased %d 0 R]", b.profiles[key]), nil
}
