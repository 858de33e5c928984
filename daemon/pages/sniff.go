package pages

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"intray/daemon/extract/einvoice"
)

// MIME types that Open takes.
const (
	MIMEPDF  = "application/pdf"
	MIMETIFF = "image/tiff"
	MIMEJPEG = "image/jpeg"
	MIMEPNG  = "image/png"
	MIMEBMP  = "image/bmp"
	MIMEGIF  = "image/gif"
	MIMEWebP = "image/webp"
	MIMEHEIC = "image/heic"
	MIMEAVIF = "image/avif"
	MIMEJP2  = "image/jp2"
	MIMEPNM  = "image/x-portable-anymap"
	// MIMEXML is an electronic invoice that is no PDF.
	MIMEXML = "application/xml"
)

// Types are the MIME types that Open takes.
func Types() []string {
	return []string{MIMEPDF, MIMETIFF, MIMEJPEG, MIMEPNG, MIMEBMP, MIMEGIF, MIMEWebP, MIMEHEIC, MIMEAVIF, MIMEJP2, MIMEPNM, MIMEXML}
}

// TypeNames are the same for a sentence: "none of ...".
const TypeNames = "PDF, TIFF, JPEG, PNG, BMP, GIF, WebP, HEIC, AVIF, JPEG 2000, PBM/PGM/PPM or an e-invoice's XML"

// Named is the MIME type of a word that a folder's accept list has, such as
// "tiff"; "" if there is none.
func Named(word string) string {
	return map[string]string{"pdf": MIMEPDF, "tiff": MIMETIFF, "jpeg": MIMEJPEG, "png": MIMEPNG, "bmp": MIMEBMP, "gif": MIMEGIF,
		"webp": MIMEWebP, "heic": MIMEHEIC, "avif": MIMEAVIF, "jp2": MIMEJP2, "pnm": MIMEPNM, "xml": MIMEXML}[word]
}

// Sniff tells the type of a file by its first bytes; "" when it is none that
// Intray takes. A PDF's header may stand anywhere in the first 1024 bytes
// (ISO 32000-1, Annex H, note 13).
func Sniff(head []byte) string {
	for _, m := range []struct{ mime, magic string }{
		{MIMEJPEG, "\xFF\xD8\xFF"}, {MIMEPNG, "\x89PNG\r\n\x1a\n"}, {MIMEGIF, "GIF87a"}, {MIMEGIF, "GIF89a"},
		{MIMETIFF, "II*\x00"}, {MIMETIFF, "MM\x00*"}, {MIMETIFF, "II+\x00\x08\x00\x00\x00"}, {MIMETIFF, "MM\x00+\x00\x08\x00\x00"},
		{MIMEJP2, jp2Signature}, {MIMEJP2, codestreamStart},
	} {
		if strings.HasPrefix(string(head), m.magic) {
			return m.mime
		}
	}
	switch {
	case len(head) >= 16 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return MIMEWebP
	case len(head) >= 18 && string(head[:2]) == "BM" && slices.Contains(bmpHeaders, binary.LittleEndian.Uint32(head[14:])):
		return MIMEBMP
	case len(head) >= 16 && string(head[4:8]) == "ftyp":
		return sniffBrands(head)
	case isPNM(head):
		return MIMEPNM
	}
	if bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-")) {
		return MIMEPDF
	}
	if einvoice.Likely(head) {
		return MIMEXML
	}
	return ""
}

// sniffBrands tells HEIC and AVIF from films, which stand in the same boxes
// (ISO/IEC 14496-12, 4.3; 23008-12, 10.2; AV1 Image File Format, 6).
func sniffBrands(head []byte) string {
	size := min(int(binary.BigEndian.Uint32(head)), len(head))
	brands := []string{string(head[8:12])}
	for pos := 16; pos+4 <= size; pos += 4 {
		brands = append(brands, string(head[pos:pos+4]))
	}
	any := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(brands, name) })
	}
	switch {
	case any("avif", "avis"):
		return MIMEAVIF
	case any("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "mif2"):
		return MIMEHEIC
	}
	return ""
}

// isPNM: a P, the kind, white space, then a number or a comment (netpbm).
func isPNM(head []byte) bool {
	if len(head) < 4 || head[0] != 'P' || head[1] < '1' || head[1] > '6' || !isSpace(head[2]) {
		return false
	}
	rest := bytes.TrimLeft(head[2:], " \t\r\n\v\f")
	return len(rest) > 0 && (rest[0] == '#' || rest[0] >= '1' && rest[0] <= '9')
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
