package tesseract

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/tiff"

	"intray/engines"
)

// maxSide is the longest side in pixels that Tesseract reads; it keeps
// coordinates in 16 bits.
const maxSide = 32767

// formats are the pictures we hand on. The first bytes decide: the tesseract
// command takes whatever is no picture for a list of files to read, so a
// document's bytes must never reach it unchecked.
var formats = []struct {
	mime, magic string
	config      func(io.Reader) (image.Config, error)
}{
	{"image/png", "\x89PNG\r\n\x1a\n", png.DecodeConfig},
	{"image/jpeg", "\xff\xd8\xff", jpeg.DecodeConfig},
	{"image/tiff", "II*\x00", tiff.DecodeConfig},
	{"image/tiff", "MM\x00*", tiff.DecodeConfig},
	{"image/x-portable-anymap", "P1", pnmConfig},
	{"image/x-portable-anymap", "P2", pnmConfig},
	{"image/x-portable-anymap", "P3", pnmConfig},
	{"image/x-portable-anymap", "P4", pnmConfig},
	{"image/x-portable-anymap", "P5", pnmConfig},
	{"image/x-portable-anymap", "P6", pnmConfig},
}

// checkPicture refuses what is no picture of a known type, and what is too
// large. It decodes no pixels; a header it cannot read is left to Tesseract,
// except a portable anymap's, whose two letters say too little.
func checkPicture(data []byte) error {
	for _, f := range formats {
		if !bytes.HasPrefix(data, []byte(f.magic)) {
			continue
		}
		config, err := f.config(bytes.NewReader(data))
		if err != nil && f.mime == "image/x-portable-anymap" {
			return damaged(fmt.Errorf("read header: %w", err))
		}
		if err == nil && max(config.Width, config.Height) > maxSide {
			return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
				Sentence: fmt.Sprintf("The page's picture has %d by %d pixels; Tesseract reads up to %d on a side.", config.Width, config.Height, maxSide)}
		}
		return nil
	}
	return damaged(errors.New("its first bytes are those of no picture we read"))
}

// notTaken says why the library did not take a picture that handOver made: one
// in Leptonica's own format is whole and lacks nothing but memory, which is not
// the document's fault.
func notTaken(picture []byte) error {
	if bytes.HasPrefix(picture, []byte("spix")) {
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeOutOfMemory,
			Sentence: "There was too little memory for the page's picture.", Cause: fmt.Errorf("%d bytes", len(picture))}
	}
	return damaged(errors.New("leptonica cannot read it"))
}

// pnmConfig reads the head of a portable anymap (netpbm.sourceforge.net/doc/
// pnm.html): two numbers after the magic, with white space and comments between.
func pnmConfig(r io.Reader) (image.Config, error) {
	in := bufio.NewReader(r)
	if _, err := in.Discard(2); err != nil {
		return image.Config{}, err
	}
	var c image.Config
	for _, side := range []*int{&c.Width, &c.Height} {
		n, err := pnmNumber(in)
		if err != nil {
			return image.Config{}, err
		}
		*side = n
	}
	if c.Width == 0 || c.Height == 0 {
		return image.Config{}, errors.New("a side is 0")
	}
	return c, nil
}

// pnmNumber reads one number and the character after it; at least one white
// space must stand before.
func pnmNumber(in *bufio.Reader) (int, error) {
	n, digits, spaced := 0, 0, false
	for {
		b, err := in.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case b >= '0' && b <= '9' && (spaced || digits > 0) && digits < 9:
			n, digits = 10*n+int(b-'0'), digits+1
		case bytes.IndexByte([]byte(" \t\r\n"), b) >= 0:
			if digits > 0 {
				return n, in.UnreadByte()
			}
			spaced = true
		case b == '#' && digits == 0:
			if _, err := in.ReadBytes('\n'); err != nil {
				return 0, err
			}
			spaced = true
		default:
			return 0, fmt.Errorf("%q where a number should stand", b)
		}
	}
}
