package pages

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"

	"intray/daemon/document"
	"intray/engines"
)

// header is what a file of one picture says before its pixels.
type header struct {
	width, height int
	look
	icc      []byte // not yet checked to fit
	colours  int    // channels; 0 where that is only known from the pixels
	warnings []document.Warning
}

// format reads files of one type that hold one picture.
type format struct {
	name string // for a sentence
	// coded is true where Intray knows less than all codings of the type and a
	// decoder does not say whether it met another or damage.
	coded  bool
	header func(data []byte) (header, error)
	decode func(ctx context.Context, data []byte, h header) (image.Image, error)
	// stream is the file's own compressed stream, nil where PDF does not know
	// its coding; it is asked for pictures that decoded well. Pictures in
	// codings unknown to PDF (WebP, HEIC, AVIF) are stored pixel by pixel: the
	// file grows, but a second lossy coding would take from what was sent.
	stream func(data []byte, h header) *Stream
}

// single is an opened file of one picture.
type single struct {
	mime   string
	format format
	data   []byte
	header header
	img    image.Image // decoded once, for Picture and Stored
}

// format finds the reader of a type.
func (o *Opener) format(mime string) (format, bool) {
	switch mime {
	case MIMEJPEG:
		return format{"JPEG", false, jpegFileHeader, plain(decodeJPEGFile), jpegStream}, true
	case MIMEPNG:
		return format{"PNG", false, pngHeader, plain(decodePNG), pngStream}, true
	case MIMEBMP:
		return format{"BMP", false, bmpHeader, plain(decodeBMP), nil}, true
	case MIMEGIF:
		return format{"GIF", false, gifHeader, plain(decodeGIF), nil}, true
	case MIMEWebP:
		return format{"WebP", false, webpHeader, plain(decodeWebP), nil}, true
	case MIMEPNM:
		return format{"portable bitmap", false, pnmHeader, plain(decodePNM), nil}, true
	case MIMEXML:
		return format{"e-invoice", false, invoiceHeader, plain(drawInvoice), nil}, true
	case MIMEHEIC:
		return format{"HEIC", true, heicHeader, o.decodeHEIC, nil}, true
	case MIMEAVIF:
		return format{"AVIF", true, avifHeader, o.decodeAVIF, nil}, true
	case MIMEJP2:
		return format{"JPEG 2000", true, jpxHeader, o.decodeJPX, jpxStream}, true
	}
	return format{}, false
}

// plain is for decoders that need only the bytes.
func plain(decode func(data []byte) (image.Image, error)) func(context.Context, []byte, header) (image.Image, error) {
	return func(_ context.Context, data []byte, _ header) (image.Image, error) { return decode(data) }
}

func openSingle(path, mime string, f format, limits Limits) (Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal,
			Sentence: "The stored original could not be read.", Cause: err}
	}
	h, err := f.header(data)
	if err != nil {
		return nil, f.refuse(err, "The file starts like a "+f.name+" but is damaged.")
	}
	if err := checkPixels(h.width, h.height, limits); err != nil {
		return nil, err
	}
	return &single{mime: mime, format: f, data: data, header: h}, nil
}

// refuse tells what is not read here from what is damaged.
func (f format) refuse(err error, damaged string) error {
	if e, ok := errors.AsType[*engines.Error](err); ok {
		return e
	}
	reason, ok := errors.AsType[unusual](err)
	if e, unknown := errors.AsType[jpeg.UnsupportedError](err); unknown {
		reason, ok = unusual(e), true
	}
	if ok {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
			Sentence: fmt.Sprintf("The %s is stored in a way Intray cannot read (%s).", f.name, reason)}
	}
	return corrupt(damaged, err)
}

func (s *single) Info() Info   { return Info{MIME: s.mime, Pages: 1, Invoice: s.mime == MIMEXML} }
func (s *single) Close() error { return nil }

// decode reads every pixel, which is also the proof that the file is whole: a
// JPEG cut in the middle looks fine to more forgiving decoders.
func (s *single) decode(ctx context.Context) (image.Image, error) {
	if s.img != nil {
		return s.img, nil
	}
	img, err := s.format.decode(ctx, s.data, s.header)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil && img.Bounds().Size() != image.Pt(s.header.width, s.header.height) {
		err = fmt.Errorf("%v pixels where the header says %d x %d", img.Bounds().Size(), s.header.width, s.header.height)
	}
	if err != nil && s.format.coded {
		return nil, s.format.refuse(err, "The "+s.format.name+" cannot be decoded: it is damaged or stored in an unusual way.")
	}
	if err != nil {
		return nil, s.format.refuse(err, "The picture is damaged or cut off.")
	}
	s.img = img
	return img, nil
}

func (s *single) Picture(ctx context.Context, number int) (Picture, error) {
	if err := checkNumber(number, 1); err != nil {
		return Picture{}, err
	}
	img, err := s.decode(ctx)
	if err != nil {
		return Picture{}, err
	}
	p := picture(img, s.header.look)
	p.Warnings = append(p.Warnings, s.header.warnings...)
	return p, ctx.Err()
}

func (s *single) Stored(number int) (Stored, error) {
	if err := checkNumber(number, 1); err != nil {
		return Stored{}, err
	}
	out := Stored{Width: s.header.width, Height: s.header.height}
	out.place(s.header.look)
	if s.format.stream != nil {
		// Not decoded again: Picture was, and pages that failed are left out.
		if out.Stream = s.format.stream(s.data, s.header); out.Stream != nil {
			out.ICC = fittingProfile(s.header.icc, s.header.colours)
			return out, nil
		}
	}
	img, err := s.decode(context.Background())
	if err != nil {
		return Stored{}, err
	}
	out.Pixels, out.ICC = img, fittingProfile(s.header.icc, coloursOf(img))
	return out, nil
}

// coloursOf is the number of colour channels of a decoded picture.
func coloursOf(img image.Image) int {
	switch img.(type) {
	case *image.Gray, *image.Gray16:
		return 1
	case *image.CMYK:
		return 4
	}
	return 3
}

// firstOnly is the warning for files that hold more pictures than are taken.
func firstOnly(what string) document.Warning {
	return document.Warning{Code: "first_picture_only", Message: "The file is " + what + "; only its first picture is read and delivered."}
}
